package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"unsafe"
)

// Linux' O_PATH and AT_REMOVEDIR, which the syscall package does not name.
const (
	openPath    = 0x200000
	removeDir   = 0x200
	mostEntries = 10000
)

// directory is an open directory. Everything in it is reached through the handle, so nobody can replace it or a directory above it meanwhile, and
// no symbolic link in it is ever followed: a pod may own it.
type directory struct {
	file *os.File
	path string
}

func (d *directory) fd() int { return int(d.file.Fd()) }

func (d *directory) close() {
	if d != nil {
		d.file.Close()
	}
}

// trusted opens a directory that no pod can replace: the root, or one that the settings or an attachment name.
func trusted(path string) (*directory, error) {
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return &directory{os.NewFile(uintptr(fd), path), path}, nil
}

// open opens a directory below this one by its plain name.
func (d *directory) open(name string) (*directory, error) {
	path := filepath.Join(d.path, name)
	fd, err := syscall.Openat(d.fd(), name, syscall.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW|syscall.O_CLOEXEC, 0)
	if errors.Is(err, syscall.ELOOP) || errors.Is(err, syscall.ENOTDIR) {
		err = fmt.Errorf("%s is no directory (symbolic links are not followed there): %w", path, err)
	} else if err != nil {
		err = &os.PathError{Op: "open", Path: path, Err: err}
	}
	if err != nil {
		return nil, err
	}
	return &directory{os.NewFile(uintptr(fd), path), path}, nil
}

// make opens a directory below this one, and creates it where it is missing.
func (d *directory) make(name string, mode uint32) (*directory, bool, error) {
	err := syscall.Mkdirat(d.fd(), name, mode)
	if err != nil && !errors.Is(err, syscall.EEXIST) {
		return nil, false, &os.PathError{Op: "mkdir", Path: filepath.Join(d.path, name), Err: err}
	}
	below, opened := d.open(name)
	return below, err == nil, opened
}

// entry returns a handle of what has this name, without following it, and its status.
func (d *directory) entry(name string) (*os.File, *syscall.Stat_t, error) {
	fd, err := syscall.Openat(d.fd(), name, openPath|syscall.O_NOFOLLOW|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, nil, &os.PathError{Op: "open", Path: filepath.Join(d.path, name), Err: err}
	}
	var status syscall.Stat_t
	if err := syscall.Fstat(fd, &status); err != nil {
		syscall.Close(fd)
		return nil, nil, err
	}
	return os.NewFile(uintptr(fd), filepath.Join(d.path, name)), &status, nil
}

// kind returns the type bits of what has this name, 0 where nothing has it.
func (d *directory) kind(name string) uint32 {
	file, status, err := d.entry(name)
	if err != nil {
		return 0
	}
	file.Close()
	return status.Mode & syscall.S_IFMT
}

// remove removes what has this name where it is of this type.
func (d *directory) remove(name string, kind uint32) {
	if d.kind(name) == kind {
		_ = syscall.Unlinkat(d.fd(), name)
	}
}

func (d *directory) removeDirectory(name string) error {
	text, err := syscall.BytePtrFromString(name)
	if err != nil {
		return err
	}
	if _, _, code := syscall.Syscall(syscall.SYS_UNLINKAT, uintptr(d.fd()), uintptr(unsafe.Pointer(text)), removeDir); code != 0 {
		return code
	}
	return nil
}

// link makes a symbolic link with this name, and replaces one that is there.
func (d *directory) link(target, name string) error {
	d.remove(name, syscall.S_IFLNK)
	from, err := syscall.BytePtrFromString(target)
	if err != nil {
		return err
	}
	to, err := syscall.BytePtrFromString(name)
	if err != nil {
		return err
	}
	if _, _, code := syscall.Syscall(syscall.SYS_SYMLINKAT, uintptr(unsafe.Pointer(from)), uintptr(d.fd()), uintptr(unsafe.Pointer(to))); code != 0 {
		return &os.PathError{Op: "symlink", Path: filepath.Join(d.path, name), Err: code}
	}
	return nil
}

// tree removes a directory that a pod could write, of whatever depth, in bounded steps and with few handles.
type tree struct {
	top  *directory
	left int
}

var errManyEntries = fmt.Errorf("there are more than %d entries", mostEntries)

// How far down a tree is walked; what is deeper is moved up to its top first.
const deepest = 16

// removeTree removes all that is in a directory of a pod that is gone, but no more than a bounded number of entries: what is left then is for the
// next sweep.
func (d *directory) removeTree(name string) error {
	top, err := d.open(name)
	if err != nil {
		return err
	}
	defer top.close()
	t := &tree{top: top, left: mostEntries}
	if err := t.empty(top, deepest); err != nil {
		return err
	}
	return d.removeDirectory(name)
}

// empty removes what is in an open directory, until nothing is: what was moved up meanwhile too.
func (t *tree) empty(at *directory, depth int) error {
	for {
		names, err := at.file.Readdirnames(100)
		if len(names) == 0 && errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, entry := range names {
			if t.left--; t.left < 0 {
				return fmt.Errorf("%s: %w", t.top.path, errManyEntries)
			}
			if err := t.remove(at, entry, depth); err != nil {
				return err
			}
		}
		if _, err := at.file.Seek(0, io.SeekStart); err != nil {
			return err
		}
	}
}

func (t *tree) remove(at *directory, entry string, depth int) error {
	if syscall.Unlinkat(at.fd(), entry) == nil {
		return nil
	}
	if depth == 0 {
		// A name that nobody can have planted.
		return syscall.Renameat(at.fd(), entry, t.top.fd(), fmt.Sprintf(".removed-%016x", rand.Uint64()))
	}
	below, err := at.open(entry)
	if err != nil {
		return err
	}
	err = t.empty(below, depth-1)
	below.close()
	if err != nil {
		return err
	}
	return at.removeDirectory(entry)
}

// normal is a path as this program walks it: /var/run is a link on every distribution that links it, and pods name it.
func normal(path string) string {
	path = filepath.Clean("/" + path)
	if rest, found := strings.CutPrefix(path, "/var/run/"); found {
		if target, err := os.Readlink("/var/run"); err == nil && (target == "/run" || target == "../run") {
			return filepath.Join("/run", rest)
		}
	}
	return path
}

// anchor splits a path into a directory that no pod can replace, and the names below it. The run directory of Open vSwitch is one, under whatever
// name the host has it.
func (s settings) anchor(path string, more ...string) (string, []string) {
	path = normal(path)
	base := "/"
	for _, candidate := range append([]string{s.RunDir}, more...) {
		if candidate == "" {
			continue
		}
		candidate = normal(candidate)
		if (path == candidate || strings.HasPrefix(path, candidate+"/")) && len(candidate) > len(base) {
			base = candidate
		}
	}
	var names []string
	if rest := strings.Trim(strings.TrimPrefix(path, base), "/"); rest != "" {
		names = strings.Split(rest, "/")
	}
	return base, names
}

// walk opens a directory that a pod may have a part in. Below the anchor no link is followed. It returns the uppermost directory that it created, which is
// none where the last one was there.
func (s settings) walk(path string, mode uint32, create bool, anchors ...string) (*directory, string, error) {
	base, names := s.anchor(path, anchors...)
	at, err := trusted(base)
	created := ""
	for _, name := range names {
		if err != nil {
			return nil, "", err
		}
		var below *directory
		if create {
			made := false
			if below, made, err = at.make(name, mode); !made {
				created = ""
			} else if created == "" {
				created = filepath.Join(at.path, name)
			}
		} else {
			below, err = at.open(name)
		}
		at.close()
		at = below
	}
	return at, created, err
}

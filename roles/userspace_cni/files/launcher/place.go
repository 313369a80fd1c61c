package main

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	volumeName = "shared-dir"
	// A socket's address has room for 108 bytes, the last of which is zero.
	longestPath = 107
	// Nobody holds the node's lock for longer than a few calls of the system.
	nodePatience = 30 * time.Second
	labelName    = "security.selinux"
	madeTree     = "tree"
	madeEmpty    = "empty"
)

// choosePlace finds out where the pod wants its sockets, and prepares it. Nothing below a directory that a pod can write is followed.
func (n *session) choosePlace(p pod) error {
	if n.conf.Host.Vhost.Socketfile != "" {
		return errors.New("the attachment sets host.vhost.socketfile, so that one pod would take another's port and socket away: remove it. " +
			"In server mode each pod with a directory of its own finds its socket under the interface's name too, such as net1")
	}
	if err := n.chooseGroup(); err != nil {
		return err
	}
	client := n.conf.Host.Vhost.Mode == "client"
	dir, below, emptyDir := n.conf.SharedDir, n.container[:shortID], false
	for _, volume := range p.Spec.Volumes {
		if volume.Name != volumeName {
			continue
		}
		switch {
		case volume.HostPath != nil:
			dir, below = volume.HostPath.Path, ""
			// The plugin reads the pod itself, takes such a path for that of an emptyDir, and would mount it under a name that the path contains.
			if strings.Contains(dir, "empty-dir") {
				return fmt.Errorf("the path %q of the pod's volume shared-dir contains \"empty-dir\", which the plugin takes for an emptyDir: use another path", dir)
			}
			if normal(dir) == normal(n.PodsDir) {
				below = n.record.UID
			}
		case volume.EmptyDir != nil:
			emptyDir = true
		default:
			return errors.New("the pod's volume shared-dir is neither a hostPath nor an emptyDir")
		}
	}
	switch {
	case emptyDir && !client:
		return fmt.Errorf("a socket cannot be moved into the pod's emptyDir, which is another file system: "+
			"use a hostPath below %s for the volume shared-dir, or client mode", n.RunDir)
	case emptyDir:
		n.record.Dir = filepath.Join(n.ShortDirs, n.record.UID)
		n.clientPath = filepath.Join(n.record.Dir, n.record.Port)
		n.record.Socket = n.clientPath
		return n.mountEmptyDir()
	case dir == "":
		// As in the original procedure: the socket stays where Open vSwitch makes it.
		dir, below = n.RunDir, ""
	}
	if !filepath.IsAbs(dir) {
		return fmt.Errorf("the directory %q of the socket is no absolute path", dir)
	}
	// In the spelling of the attachment or of the pod, since that is how Open vSwitch's container sees it.
	spelt := filepath.Join(dir, below, n.record.Port)
	if client && len(spelt) > longestPath {
		return fmt.Errorf("the path %s of the socket has %d bytes, and Open vSwitch can use at most %d: choose a shorter directory", spelt, len(spelt), longestPath)
	}
	n.record.Dir = filepath.Join(normal(dir), below)
	n.record.Socket = filepath.Join(n.record.Dir, n.record.Port)
	if err := n.prepare(dir, below, client); err != nil {
		return err
	}
	if client {
		n.clientPath = spelt
		return n.checkSeen()
	}
	return nil
}

// chooseGroup takes the group's number, or looks its name up on this node.
func (n *session) chooseGroup() error {
	group := n.conf.Host.Vhost.Group
	if group == "" {
		return nil
	}
	if number, err := strconv.ParseUint(group, 10, 31); err == nil {
		n.gid = int(number)
		return nil
	}
	entry, err := user.LookupGroup(group)
	if err == nil {
		n.gid, err = strconv.Atoi(entry.Gid)
	}
	if err != nil {
		return fmt.Errorf("the group of the attachment: %w", err)
	}
	return nil
}

// prepare opens the directory, creates what is missing, and gives the group its rights on a directory that is the pod's alone. The record is written
// while no other attachment can remove the directory.
func (n *session) prepare(dir, below string, client bool) error {
	node, err := n.settings.lock(nodeLock, n.deadline)
	if err != nil {
		return err
	}
	defer node.Close()
	if n.RunDir != normal(dir) {
		// Not created here: it is Open vSwitch's, and may be about to be mounted.
		if _, err := os.Stat(n.RunDir); err != nil && strings.HasPrefix(normal(dir)+"/", normal(n.RunDir)+"/") {
			return fmt.Errorf("Open vSwitch does not run on this node: %w", err)
		}
	}
	n.record.Anchor = n.anchorOf(dir)
	inside := strings.HasPrefix(normal(dir)+"/", normal(n.RunDir)+"/")
	if !inside && !client && dir != n.conf.SharedDir {
		return fmt.Errorf("the socket cannot be moved to %s: use a hostPath below %s for the volume shared-dir", dir, n.RunDir)
	}
	// Elsewhere directories are the kubelet's and the administrator's to create.
	at, made, err := n.walk(dir, 0o750, inside && n.record.Dir != normal(n.RunDir) || dir == n.conf.SharedDir, n.record.Anchor)
	if err != nil {
		return fmt.Errorf("the directory of the pod's socket: %w", err)
	}
	defer at.close()
	if made != "" && below == "" {
		n.record.Made, n.record.Top = madeEmpty, made
	}
	// A directory that was created for another attachment goes with the last one in it, and those above it with the last one below.
	for _, other := range n.records() {
		if n.record.Made == "" && other.Dir == n.record.Dir {
			n.record.Made = other.Made
		}
		if other.Top != "" && isWithin(n.record.Dir, other.Top) && (n.record.Top == "" || len(other.Top) < len(n.record.Top)) {
			n.record.Top = other.Top
		}
		if other.Top != "" && below == "" && n.record.Made == "" && isWithin(n.record.Dir, other.Top) && isWithin(other.Dir, n.record.Dir) {
			n.record.Made = madeEmpty
		}
	}
	if below == "" {
		if err := n.letIn(at, client); err != nil {
			return err
		}
	}
	if below != "" {
		n.record.Made = madeTree
		own, _, err := at.make(below, 0o750)
		if err != nil {
			return fmt.Errorf("the pod's own directory: %w", err)
		}
		defer own.close()
		if err := n.share(own, client); err != nil {
			return err
		}
	}
	return n.writeRecord(n.name(), n.record)
}

// mountEmptyDir binds the pod's emptyDir, whose path is too long for a socket, to a directory where the plugin would: it does nothing where one is. After
// a reboot the directory is there without its mount.
func (n *session) mountEmptyDir() error {
	node, err := n.settings.lock(nodeLock, n.deadline)
	if err != nil {
		return err
	}
	defer node.Close()
	at, _, err := n.walk(filepath.Join(n.KubeletPods, n.record.UID, "volumes/kubernetes.io~empty-dir", volumeName), 0, false, n.KubeletPods)
	if err != nil {
		return fmt.Errorf("the pod's emptyDir: %w", err)
	}
	defer at.close()
	if err := n.writeRecord(n.name(), n.record); err != nil {
		return err
	}
	if err := os.MkdirAll(n.record.Dir, 0o750); err != nil {
		return err
	}
	here, err := at.file.Stat()
	if err != nil {
		return err
	}
	if there, err := os.Stat(n.record.Dir); err == nil && os.SameFile(here, there) {
		return nil
	}
	if err := syscall.Mount(fmt.Sprintf("/proc/self/fd/%d", at.fd()), n.record.Dir, "", syscall.MS_BIND, ""); err != nil {
		return &os.PathError{Op: "mount", Path: n.record.Dir, Err: err}
	}
	return nil
}

// anchorOf returns what an attachment names: whoever may write attachments may have any plugin run with any configuration, so their paths are trusted.
func (n *session) anchorOf(dir string) string {
	if n.conf.SharedDir != "" && dir == n.conf.SharedDir {
		if _, err := os.Stat(dir); err == nil && !strings.HasPrefix(normal(dir)+"/", normal(n.RunDir)+"/") {
			return dir
		}
	}
	return ""
}

// share gives the group of the attachment its rights: to enter, and in client mode to make the socket. Without a group only root may enter.
func (n *session) share(own *directory, client bool) error {
	const ofClients = 0o2770
	var status syscall.Stat_t
	if err := syscall.Fstat(own.fd(), &status); err != nil {
		return err
	}
	mode := uint32(0o750)
	// The application of another attachment of the pod may make its sockets there.
	if n.gid >= 0 && (client || int(status.Gid) == n.gid && status.Mode&0o7777 == ofClients) {
		mode = ofClients
	}
	if err := syscall.Fchown(own.fd(), 0, max(n.gid, 0)); err != nil {
		return err
	}
	return syscall.Fchmod(own.fd(), mode)
}

// letIn gives the group its rights on a directory that a pod names, where a launcher created it. One that was there before is left as it is.
func (n *session) letIn(at *directory, client bool) error {
	var status syscall.Stat_t
	if n.gid < 0 || n.record.Dir == normal(n.RunDir) {
		return nil
	}
	if err := syscall.Fstat(at.fd(), &status); err != nil {
		return err
	}
	if n.record.Made == madeEmpty && (status.Gid == 0 || int(status.Gid) == n.gid) {
		return n.share(at, client)
	}
	needed := uint32(0o1)
	if client {
		needed = 0o3
	}
	if status.Mode&needed == needed || int(status.Gid) == n.gid && status.Mode>>3&needed == needed {
		return nil
	}
	return fmt.Errorf("the group %s of the attachment cannot use the directory %s, which was there before or is another attachment's (group %d, mode %04o): "+
		"use %s as hostPath of the volume shared-dir, below which each pod gets a directory of its own",
		n.conf.Host.Vhost.Group, n.record.Dir, status.Gid, status.Mode&0o7777, n.PodsDir)
}

// placeSocket moves the socket of Open vSwitch into the pod's directory.
func (n *session) placeSocket() error {
	run, err := trusted(n.RunDir)
	if err != nil {
		return err
	}
	defer run.close()
	at, _, err := n.walk(n.record.Dir, 0, false, n.record.Anchor)
	if err != nil {
		return fmt.Errorf("the directory of the pod's socket: %w", err)
	}
	defer at.close()
	port := n.record.Port
	if n.record.Dir != normal(n.RunDir) {
		if err = syscall.Renameat(run.fd(), port, at.fd(), port); errors.Is(err, syscall.EXDEV) {
			return fmt.Errorf("the socket cannot be moved to %s, which is another file system: use a hostPath below %s for the volume shared-dir", n.record.Dir, n.RunDir)
		} else if errors.Is(err, syscall.ENOENT) {
			return fmt.Errorf("Open vSwitch made the socket of %s and took it away again, as when it restarts: %w", port, err)
		} else if err != nil {
			return &os.LinkError{Op: "rename", Old: filepath.Join(n.RunDir, port), New: n.record.Socket, Err: err}
		}
	}
	file, status, err := at.entry(port)
	if err != nil {
		return fmt.Errorf("Open vSwitch made the socket of %s and took it away again, as when it restarts: %w", port, err)
	}
	file.Close()
	n.record.Inode = identity(&n.socketStatus)
	if identity(status) != n.record.Inode {
		return fmt.Errorf("%s is another file than the socket that Open vSwitch made", n.record.Socket)
	}
	// Through the handle: the name may be another file's by now.
	path := fmt.Sprintf("/proc/self/fd/%d", n.socket.Fd())
	if n.record.Dir != normal(n.RunDir) {
		if err := takeLabel(fmt.Sprintf("/proc/self/fd/%d", at.fd()), path); err != nil {
			n.logf("ADD %s: the socket keeps its SELinux label: %v", n.name(), err)
		}
	}
	if n.gid >= 0 {
		if err = os.Chown(path, -1, n.gid); err == nil {
			err = os.Chmod(path, 0o770)
		}
		if err != nil {
			return err
		}
	}
	if n.record.Made == madeTree {
		return at.link(port, n.ifName)
	}
	return nil
}

// takeLabel gives a socket the SELinux label of its directory, which the containers of pods can be given: it was made with that of Open vSwitch.
func takeLabel(directory, socket string) error {
	label := make([]byte, 4096)
	length, err := syscall.Getxattr(directory, labelName, label)
	if errors.Is(err, syscall.ENODATA) || errors.Is(err, syscall.ENOTSUP) {
		return nil
	}
	if err != nil {
		return err
	}
	return syscall.Setxattr(socket, labelName, label[:length], 0)
}

// removePlace removes the sockets, and the directory where no other attachment has it and it was made for this one. What a pod put there in place of
// a directory is left alone, and is no error: it is the pod's.
func (s settings) removePlace(r record, name string) error {
	node, err := s.lock(nodeLock, time.Now().Add(nodePatience))
	if errors.Is(err, errNodeBusy) {
		return err
	}
	// Without a lock, as on a full disk, what can be removed is removed all the same.
	defer node.Close()
	defer s.removeRecord(name)
	if run, err := trusted(s.RunDir); err == nil {
		run.remove(r.Port, syscall.S_IFSOCK)
		run.close()
	}
	if r.Dir == "" || normal(r.Dir) == normal(s.RunDir) {
		return nil
	}
	shared, sameName := false, false
	for other, theirs := range s.records() {
		if other != name && theirs.Dir == r.Dir {
			shared = true
			sameName = sameName || theirs.IfName == r.IfName
		}
	}
	if filepath.Dir(r.Dir) == s.ShortDirs {
		if !shared {
			_ = unmount(r.Dir)
		}
		return nil
	}
	parent, _, err := s.walk(filepath.Dir(r.Dir), 0, false, r.Anchor)
	if err != nil {
		return s.leave(r, err)
	}
	defer parent.close()
	last := filepath.Base(r.Dir)
	at, err := parent.open(last)
	if err != nil {
		return s.leave(r, err)
	}
	at.remove(r.Port, syscall.S_IFSOCK)
	if !sameName && r.Made == madeTree {
		at.remove(r.IfName, syscall.S_IFLNK)
	}
	at.close()
	switch {
	case shared || normal(r.Dir) == normal(s.PodsDir):
	case r.Made == madeTree:
		if err := parent.removeTree(last); err != nil && !errors.Is(err, os.ErrNotExist) {
			s.logf("%s: what is left in %s stays: %v", name, r.Dir, err)
		}
	case r.Made == madeEmpty:
		_ = parent.removeDirectory(last)
		s.removeAbove(r, name)
	}
	return nil
}

// isWithin says whether a path is that of a directory, or of what is below it.
func isWithin(path, dir string) bool { return strings.HasPrefix(path+"/", dir+"/") }

// removeAbove removes the empty directories above that of a socket which were created with it, and which no other attachment has.
func (s settings) removeAbove(r record, name string) {
	others := s.records()
	delete(others, name)
	for dir := filepath.Dir(r.Dir); r.Top != "" && isWithin(dir, r.Top) && dir != normal(s.PodsDir); dir = filepath.Dir(dir) {
		for _, other := range others {
			if isWithin(other.Dir, dir) {
				return
			}
		}
		parent, _, err := s.walk(filepath.Dir(dir), 0, false, r.Anchor)
		if err != nil {
			return
		}
		err = parent.removeDirectory(filepath.Base(dir))
		parent.close()
		if err != nil {
			return
		}
	}
}

// unmount removes a directory on which emptyDirs are mounted.
func unmount(dir string) error {
	for syscall.Unmount(dir, syscall.MNT_DETACH) == nil {
	}
	return syscall.Rmdir(dir)
}

func (s settings) leave(r record, err error) error {
	if !errors.Is(err, os.ErrNotExist) {
		s.logf("%s: left alone: %v", r.Dir, err)
	}
	return nil
}

// checkSeen refuses a directory that Open vSwitch does not see.
func (n *session) checkSeen() error {
	if n.seenByOVS(n.record.Dir) {
		return nil
	}
	return fmt.Errorf("the directory %s of the pod's socket is not visible to Open vSwitch, which runs in a container: "+
		"use a hostPath below %s for the volume shared-dir", n.record.Dir, n.RunDir)
}

// seenByOVS says whether the daemon sees the same directory. Where there is no daemon in a container, there is nothing to refuse. The answer only
// explains a failure early: nothing is done with the daemon's tree.
func (n *session) seenByOVS(dir string) bool {
	pid := n.daemonPID()
	if pid < 2 {
		return true
	}
	name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	mine, err := os.Readlink("/proc/1/ns/mnt")
	if theirs, there := os.Readlink(fmt.Sprintf("/proc/%d/ns/mnt", pid)); err != nil || there != nil || mine == theirs || !strings.HasPrefix(string(name), "ovs-vswitchd") {
		return true
	}
	root := fmt.Sprintf("/proc/%d/root", pid)
	at, _, err := n.walk(dir, 0, false, n.record.Anchor)
	if err != nil {
		return false
	}
	defer at.close()
	here, err := at.file.Stat()
	if err != nil {
		return false
	}
	// Links of the daemon's own tree would lead out of it (/var/run is one), so its run directory is taken by its real name there and here.
	there, err := os.Stat(filepath.Join(root, dir))
	if err != nil {
		if below, found := strings.CutPrefix(dir, normal(n.RunDir)); found {
			there, err = os.Stat(filepath.Join(root, "/var/run/openvswitch", below))
		}
	}
	return err == nil && os.SameFile(here, there)
}

// daemonPID is what the pid file says, 0 where it says nothing. A pod may have put a link, a pipe or a file without an end in its place.
func (s settings) daemonPID() int {
	file, err := os.OpenFile(filepath.Join(s.RunDir, "ovs-vswitchd.pid"), os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return 0
	}
	defer file.Close()
	content := make([]byte, 16)
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return 0
	}
	length, _ := file.Read(content)
	pid, _ := strconv.Atoi(strings.TrimSpace(string(content[:length])))
	return pid
}

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// The file systems of which a network namespace is a file: nsfs, and proc before Linux 3.19.
const (
	namespaceSystem = 0x6e736673
	processSystem   = 0x9fa0
)

// Phases of an attachment. What is not ready is undone by a later call or by the sweep, once nobody holds its lock.
const (
	adding   = "adding"
	ready    = "ready"
	deleting = "deleting"
)

// record is what has to be known of an attachment when it is deleted. It is written before anything else is.
type record struct {
	Phase     string `json:"phase,omitempty"`
	Container string `json:"container,omitempty"`
	IfName    string `json:"ifname,omitempty"`
	Network   string `json:"network,omitempty"`
	Namespace string `json:"namespace,omitempty"`
	Pod       string `json:"pod,omitempty"`
	UID       string `json:"uid,omitempty"`
	Port      string `json:"port"`
	Bridge    string `json:"bridge,omitempty"`
	Mode      string `json:"mode,omitempty"`
	Socket    string `json:"socket"`
	// Inode is the identity of the socket that Open vSwitch made and ADD moved.
	Inode string `json:"inode,omitempty"`
	// Dir is the socket's directory, and Made what may be removed with the last attachment in it: nothing, "empty" or the whole "tree".
	Dir  string `json:"dir,omitempty"`
	Made string `json:"made,omitempty"`
	// Top is the uppermost of the directories that were created for the socket: Dir, or one above it.
	Top string `json:"top,omitempty"`
	// Anchor is a directory above Dir that the attachment names itself.
	Anchor string `json:"anchor,omitempty"`
	// Sandbox says which network namespace the attachment was made for.
	Sandbox sandbox     `json:"sandbox"`
	Options portOptions `json:"options"`
}

// sandbox is a network namespace: its path, and the identity of what is there.
type sandbox struct {
	Netns string `json:"netns,omitempty"`
	Inode string `json:"inode,omitempty"`
}

func seeSandbox(netns string) sandbox {
	var status syscall.Stat_t
	if netns == "" || syscall.Stat(netns, &status) != nil {
		return sandbox{Netns: netns}
	}
	return sandbox{netns, identity(&status)}
}

func identity(status *syscall.Stat_t) string { return fmt.Sprintf("%d:%d", status.Dev, status.Ino) }

// gone says whether the namespace is certainly no more. Of one that was never seen nothing is certain, nor where something else than a namespace is
// seen at its path: then the container runtime has mounts of its own.
func (b sandbox) gone() bool {
	if b.Inode == "" {
		return false
	}
	var system syscall.Statfs_t
	if err := syscall.Statfs(b.Netns, &system); err != nil {
		return errors.Is(err, syscall.ENOENT)
	}
	if system.Type != namespaceSystem && system.Type != processSystem {
		return false
	}
	now := seeSandbox(b.Netns).Inode
	return now != "" && now != b.Inode
}

func key(container, ifName string) string {
	return container[:min(shortID, len(container))] + "-" + ifName
}

func (s settings) recordPath(name string) string { return filepath.Join(s.StateDir, name+".json") }
func (s settings) deletePath(name string) string { return filepath.Join(s.StateDir, name+".delete") }

// readRecord returns an empty record where there is none, or where it cannot be read any more.
func (s settings) readRecord(name string) (record, bool) {
	var found record
	content, err := os.ReadFile(s.recordPath(name))
	if err != nil {
		return found, false
	}
	if err = json.Unmarshal(content, &found); err != nil {
		s.logf("the record %s cannot be read and is made up from the call: %v", name, err)
		return record{}, false
	}
	return found, found.Port != ""
}

const unfinishedPrefix = ".new-"

// writeRecord replaces the record in one step, and has it on the disk before it returns.
func (s settings) writeRecord(name string, r record) error {
	content, err := json.Marshal(r)
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(s.StateDir, unfinishedPrefix)
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	defer file.Close()
	if err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return err
	}
	if _, err = file.Write(content); err == nil {
		err = file.Sync()
	}
	if err == nil {
		err = os.Rename(file.Name(), s.recordPath(name))
	}
	return err
}

func (s settings) removeRecord(name string) {
	_ = os.Remove(s.recordPath(name))
	_ = os.Remove(s.deletePath(name))
}

// records returns all attachments of the node by their names.
func (s settings) records() map[string]record {
	found := map[string]record{}
	entries, _ := os.ReadDir(s.StateDir)
	for _, entry := range entries {
		if name, is := strings.CutSuffix(entry.Name(), ".json"); is {
			found[name], _ = s.readRecord(name)
		}
	}
	return found
}

// nodeLock is the name of the lock on what all attachments of a node have in common, such as the directories of pods.
const nodeLock = ".node"

var (
	errBusy     = errors.New("another call for the same attachment is still running")
	errNodeBusy = errors.New("calls for other attachments of this node hold the lock of its directories, and do not release it")
)

// lock keeps other launchers out until it is released, or this process ends.
func (s settings) lock(name string, deadline time.Time) (*os.File, error) {
	path := filepath.Join(s.WorkDir, "locks", name)
	for {
		file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
		if err != nil {
			return nil, err
		}
		err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			// Whoever had it may have removed the file before it was released.
			mine, here := file.Stat()
			now, there := os.Stat(path)
			if here == nil && there == nil && os.SameFile(mine, now) {
				return file, nil
			}
			file.Close()
			continue
		}
		file.Close()
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return nil, err
		}
		if time.Now().After(deadline) {
			if name == nodeLock {
				return nil, fmt.Errorf("%w: %s", errNodeBusy, path)
			}
			return nil, errBusy
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// forget removes a lock's file while the lock is held.
func (s settings) forget(name string, lock *os.File) {
	if lock != nil {
		_ = os.Remove(filepath.Join(s.WorkDir, "locks", name))
		lock.Close()
	}
}

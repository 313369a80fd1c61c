package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// undo removes an attachment that no living launcher works on. Its lock has to be held.
func (t *tools) undo(r record, name string) error {
	// A DEL that had no record and could not ask Open vSwitch may have meant a port that is of another sandbox with the same first characters.
	if r.Container != "" {
		if owner := t.portOwner(name)[ownerContainer]; owner != "" && owner != r.Container {
			t.removeRecord(name)
			return nil
		}
	}
	ports := []string{name}
	if r.Port == "" {
		r.Port = name
	} else if r.Port != name {
		ports = append(ports, r.Port)
	}
	if err := t.deletePorts(ports...); err != nil {
		return err
	}
	_ = os.Remove(t.pluginRecord(name))
	return t.removePlace(r, name)
}

// over returns why an attachment is removed, empty where it stays.
func over(r record) string {
	switch {
	case r.Phase == deleting:
		return "its DEL did not come to an end"
	case r.Phase == adding:
		return "its ADD did not come to an end"
	case r.Sandbox.gone():
		return "its sandbox no longer exists"
	}
	return ""
}

// sweepRecords undoes the attachments whose time is over and on which no launcher works, at most so many.
func (t *tools) sweepRecords(most int, done func(name, why string, err error)) {
	for name, r := range t.records() {
		if over(r) == "" || most == 0 {
			continue
		}
		lock, err := t.settings.lock(name, time.Now())
		if err != nil {
			continue
		}
		// It may have been finished meanwhile.
		r, found := t.readRecord(name)
		why := over(r)
		if !found || why == "" {
			t.forget(name, lock)
			continue
		}
		most--
		err = t.undo(r, name)
		t.forget(name, lock)
		done(name, why, err)
		if err != nil {
			return
		}
	}
}

// sweepQuickly finishes what earlier calls had to leave, while Open vSwitch is known to answer. It holds a pod up for a moment only.
func (n *session) sweepQuickly() {
	t := &tools{settings: n.settings, deadline: time.Now()}
	t.sweepRecords(3, func(name, why string, err error) {
		n.logf("%s %s: removed %s: %s: %v", n.command, n.name(), name, why, err)
	})
}

// sweep removes attachments without a living sandbox: by the records, by the notes on the ports of Open vSwitch, and the directories of pods that the
// kubelet does not know any more. It runs from a timer, and prints what it removed.
func sweep(s settings) int {
	if err := s.makeWorkDirs(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	t := &tools{settings: s, deadline: time.Now().Add(time.Duration(s.RetrySeconds) * time.Second)}
	code := 0
	report := func(name, why string, err error) {
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %s, but it cannot be removed yet: %v\n", name, why, err)
			code = 1
			return
		}
		fmt.Printf("removed %s: %s\n", name, why)
		s.logf("sweep: removed %s: %s", name, why)
	}
	t.sweepRecords(-1, report)
	if code == 0 {
		t.sweepPorts(report)
	}
	if code == 0 {
		t.sweepUnreadable(report)
	}
	if code == 0 {
		s.sweepDirectories(report)
	}
	s.sweepLeftovers()
	return code
}

// ownedPorts returns what is noted on the ports that say of themselves that a launcher made them.
func (t *tools) ownedPorts() (map[string]map[string]string, error) {
	answer := t.run("ovs-vsctl", "--format=json", "--columns=name,external_ids", "find", "Interface", "external_ids:"+ownerContainer+`!=""`)
	if answer.Code != 0 {
		return nil, errors.New(t.cause)
	}
	owners := readOwners(answer.Stdout, true)
	for name, owner := range owners {
		if !plainContainer(owner[ownerContainer]) || !plainInterface(owner[ownerIfName]) || key(owner[ownerContainer], owner[ownerIfName]) != name {
			delete(owners, name)
		}
	}
	return owners, nil
}

// sweepPorts removes ports that say of themselves that a launcher made them, without a record and without their sandbox.
func (t *tools) sweepPorts(report func(name, why string, err error)) {
	owners, err := t.ownedPorts()
	if err != nil {
		report("ports", "they have to be looked at", err)
		return
	}
	for name, owner := range owners {
		b := sandbox{owner[ownerNetns], owner[ownerInode]}
		if !b.gone() {
			continue
		}
		lock, err := t.settings.lock(name, time.Now())
		if err != nil {
			continue
		}
		if _, found := t.readRecord(name); found {
			t.forget(name, lock)
			continue
		}
		r := record{Port: name, IfName: owner[ownerIfName]}
		if podUID.MatchString(owner[ownerUID]) {
			r.Dir, r.Made = filepath.Join(normal(t.PodsDir), owner[ownerUID]), madeTree
		}
		err = t.undo(r, name)
		t.forget(name, lock)
		report(name, "its sandbox no longer exists, and there is no record of it", err)
	}
}

// sweepUnreadable removes records that cannot be read, once Open vSwitch has no port with their name: they say nothing of a sandbox.
func (t *tools) sweepUnreadable(report func(name, why string, err error)) {
	var ports map[string]bool
	for name, r := range t.records() {
		if r.Port != "" {
			continue
		}
		if ports == nil {
			var err error
			if ports, err = t.portNames(); err != nil {
				report(name, "its record cannot be read", err)
				return
			}
		}
		lock, err := t.settings.lock(name, time.Now())
		if err != nil || ports[name] {
			t.forget(name, lock)
			continue
		}
		_, found := t.readRecord(name)
		if !found {
			t.removeRecord(name)
		}
		t.forget(name, lock)
		if !found {
			report(name, "its record cannot be read, and it has no port", nil)
		}
	}
}

const (
	scratchPrefix = "scratch-"
	guardSuffix   = ".sock"
	// A launcher locks what it makes at once.
	leftoverAge = 10 * time.Second
)

// sweepLeftovers removes what launchers that were killed made for themselves alone: scratch directories, their sockets and records that were not finished.
func (s settings) sweepLeftovers() {
	young := time.Now().Add(-leftoverAge)
	for _, pattern := range []string{filepath.Join(s.WorkDir, scratchPrefix+"*"), filepath.Join(s.StateDir, unfinishedPrefix+"*")} {
		found, _ := filepath.Glob(pattern)
		for _, path := range found {
			info, err := os.Lstat(path)
			if err == nil && info.ModTime().Before(young) && abandoned(strings.TrimSuffix(path, guardSuffix)) {
				_ = os.RemoveAll(path)
			}
		}
	}
}

// abandoned is whether no living launcher holds the lock of a file that it made for itself.
func abandoned(path string) bool {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return errors.Is(err, os.ErrNotExist)
	}
	defer file.Close()
	return syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}

// sweepDirectories removes the directories of pods that are over. The kubelet has a directory for each pod that it still has to do with.
func (s settings) sweepDirectories(report func(name, why string, err error)) {
	if entries, err := os.ReadDir(s.KubeletPods); err != nil || len(entries) == 0 {
		return
	}
	node, err := s.lock(nodeLock, time.Now().Add(nodePatience))
	if err != nil {
		return
	}
	defer node.Close()
	used := map[string]bool{}
	for _, r := range s.records() {
		used[r.UID] = true
		used[filepath.Base(r.Dir)] = true
	}
	s.sweepMounts(used, report)
	pods, _, err := s.walk(s.PodsDir, 0, false)
	if err != nil {
		return
	}
	defer pods.close()
	for {
		names, err := pods.file.Readdirnames(1000)
		for _, name := range names {
			if podDirectory.MatchString(name) && !used[name] {
				s.sweepDirectory(pods, name, report)
			}
		}
		if err != nil || len(names) == 0 {
			return
		}
	}
}

func (s settings) knownToKubelet(uid string) bool {
	_, err := os.Lstat(filepath.Join(s.KubeletPods, uid))
	return !os.IsNotExist(err)
}

// sweepMounts removes mounts of emptyDirs of pods that are over: those of medium Memory keep their memory as long.
func (s settings) sweepMounts(used map[string]bool, report func(name, why string, err error)) {
	entries, _ := os.ReadDir(s.ShortDirs)
	for _, entry := range entries {
		if name := entry.Name(); podDirectory.MatchString(name) && !used[name] && !s.knownToKubelet(name) {
			if dir := filepath.Join(s.ShortDirs, name); unmount(dir) == nil {
				report(dir, "the kubelet knows no such pod", nil)
			}
		}
	}
}

func (s settings) sweepDirectory(pods *directory, name string, report func(name, why string, err error)) {
	if s.knownToKubelet(name) || pods.kind(name) != syscall.S_IFDIR {
		return
	}
	if err := pods.removeTree(name); err != nil {
		s.logf("sweep: %s stays: %v", name, err)
		return
	}
	report(filepath.Join(s.PodsDir, name), "the kubelet knows no such pod", nil)
}

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
	"time"
)

const (
	// What retire and the check of the records return while attachments are in the way.
	codeAttached = 2
	// How long retire removes what pods left, which may be more than one step of removeTree takes.
	retirePatience = 5 * time.Minute
)

// recorded returns the names of the attachments that have a record.
func (s settings) recorded() []string {
	var names []string
	for name := range s.records() {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// checkRecords fails while there are records in another directory than the one that is to be used: launchers would not find them, and their ports could
// never be deleted.
func checkRecords(s settings, dir string) int {
	names := s.recorded()
	if normal(dir) == normal(s.StateDir) || len(names) == 0 {
		return 0
	}
	fmt.Fprintf(os.Stderr, "The records of these attachments are in %s, and a launcher that looks in %s could never delete them: %s. "+
		"Leave userspace_cni_state_dir at %s, or delete the pods first.\n", s.StateDir, dir, strings.Join(names, ", "), s.StateDir)
	return codeAttached
}

// retire prepares the removal of the launcher, by the settings that it worked with: it fails while there are attachments, and removes the directories of
// pods and of records. It prints what it removed. A pod may have made its directory deeper than other programs can follow.
func retire(s settings) int {
	t := &tools{settings: s, deadline: time.Now()}
	attached := map[string]bool{}
	for _, name := range s.recorded() {
		attached[name] = true
	}
	// Where Open vSwitch does not run there are no ports to look for, and the records alone count.
	owners, _ := t.ownedPorts()
	for name := range owners {
		attached[name] = true
	}
	if len(attached) > 0 {
		var names []string
		for name := range attached {
			names = append(names, name)
		}
		sort.Strings(names)
		fmt.Fprintf(os.Stderr, "Without the plugin the pods of these ports could never be deleted: %s. Delete the pods first, and a port that has no pod any more "+
			"with ovs-vsctl del-port.\n", strings.Join(names, ", "))
		return codeAttached
	}
	code := 0
	if err := s.removePodsDir(time.Now().Add(retirePatience)); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", s.PodsDir, err)
		code = 1
	}
	s.removeStateDir()
	return code
}

// removePodsDir removes the directories of pods, and then the one that they are in. What has no name of a pod is somebody else's and stays with it.
func (s settings) removePodsDir(until time.Time) error {
	dir := normal(s.PodsDir)
	if dir == normal(s.RunDir) || dir == "/" {
		return nil
	}
	parent, _, err := s.walk(filepath.Dir(dir), 0, false)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer parent.close()
	// A pod that has the directory above may have put something else there.
	if kind := parent.kind(filepath.Base(dir)); kind == 0 {
		return nil
	} else if kind != syscall.S_IFDIR {
		return syscall.Unlinkat(parent.fd(), filepath.Base(dir))
	}
	pods, err := parent.open(filepath.Base(dir))
	if err != nil {
		return err
	}
	defer pods.close()
	names, err := pods.file.Readdirnames(-1)
	if err != nil {
		return err
	}
	kept := 0
	for _, name := range names {
		if !podDirectory.MatchString(name) {
			kept++
			continue
		}
		if err := pods.removeWhole(name, until); err != nil {
			return err
		}
		fmt.Printf("removed %s\n", filepath.Join(s.PodsDir, name))
	}
	if kept > 0 {
		s.logf("retire: %s stays, since %d of its entries are no directories of pods", s.PodsDir, kept)
		return nil
	}
	if err := parent.removeDirectory(filepath.Base(dir)); err != nil {
		return err
	}
	fmt.Printf("removed %s\n", s.PodsDir)
	return nil
}

// removeWhole removes what has this name, in as many steps as it takes until then.
func (d *directory) removeWhole(name string, until time.Time) error {
	if d.kind(name) != syscall.S_IFDIR {
		return syscall.Unlinkat(d.fd(), name)
	}
	for {
		err := d.removeTree(name)
		if !errors.Is(err, errManyEntries) || time.Now().After(until) {
			return err
		}
	}
}

// removeStateDir removes the directory of records with what launchers made there beside them, if nothing else is in it.
func (s settings) removeStateDir() {
	for _, pattern := range []string{"*.delete", unfinishedPrefix + "*"} {
		found, _ := filepath.Glob(filepath.Join(s.StateDir, pattern))
		for _, path := range found {
			_ = os.Remove(path)
		}
	}
	if os.Remove(s.StateDir) == nil {
		fmt.Printf("removed %s\n", s.StateDir)
	}
}

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"sort"
	"strings"
	"time"
)

// desired is what an attachment says of its ports.
type desired struct {
	Bridge string          `json:"bridge"`
	Mode   string          `json:"mode"`
	Port   json.RawMessage `json:"port"`
}

// reconciled is what became of the ports that are there: named NAMESPACE/POD INTERFACE.
type reconciled struct {
	// Changed ports have the new options; of Recreate the pods have to be created again.
	Changed  []string `json:"changed"`
	Recreate []string `json:"recreate"`
}

// reconcile reads attachments by NAMESPACE/NAME from stdin and gives the ports of running pods the options that these have now, as far as Open vSwitch
// can change them. With the argument check it only says what it would do. What is wrong with one port or attachment keeps no other one from its options.
func reconcile(s settings, check bool) int {
	attachments := map[string]desired{}
	result := reconciled{Changed: []string{}, Recreate: []string{}}
	err := json.NewDecoder(os.Stdin).Decode(&attachments)
	if err == nil {
		err = s.makeWorkDirs()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	t := &reconciler{attachments: attachments, check: check}
	t.settings, t.deadline = s, time.Now().Add(time.Duration(s.RetrySeconds)*time.Second)
	problems := map[string]bool{}
	work := func(names []string, until time.Time) (busy []string) {
		for _, name := range names {
			t.cause = ""
			if err := t.reconcileOne(name, until, &result); errors.Is(err, errBusy) {
				busy = append(busy, name)
			} else if err != nil {
				problems[err.Error()] = true
			}
		}
		return busy
	}
	busy := work(s.attached(), time.Now())
	// An ADD that began before may have been given the attachment as it was: it is waited for, as long as a call of the same attachment would wait.
	for _, name := range work(busy, t.deadline.Add(time.Duration(s.PluginSeconds)*time.Second)) {
		if r, _, concerned := t.concerned(name); concerned {
			result.Recreate = append(result.Recreate, interfaceOf(r))
		}
	}
	sort.Strings(result.Changed)
	sort.Strings(result.Recreate)
	_ = json.NewEncoder(os.Stdout).Encode(result)
	if len(problems) == 0 {
		return 0
	}
	var texts []string
	for text := range problems {
		texts = append(texts, text)
	}
	sort.Strings(texts)
	fmt.Fprintln(os.Stderr, strings.Join(texts, "\n"))
	return 1
}

// attached returns the names of the attachments that have a record, or on which a call works: an ADD takes its lock before it writes its record.
func (s settings) attached() []string {
	var names []string
	records := s.records()
	for name := range records {
		names = append(names, name)
	}
	entries, _ := os.ReadDir(filepath.Join(s.WorkDir, "locks"))
	for _, entry := range entries {
		if _, known := records[entry.Name()]; !known && entry.Name() != nodeLock {
			names = append(names, entry.Name())
		}
	}
	sort.Strings(names)
	return names
}

func interfaceOf(r record) string { return fmt.Sprintf("%s/%s %s", r.Namespace, r.Pod, r.IfName) }

// reconciler is one run of reconcile.
type reconciler struct {
	tools
	attachments map[string]desired
	check       bool
	// What Open vSwitch said of its ports, or why it said nothing.
	ports   map[string]bool
	portErr error
}

// concerned reads an attachment, and says whether its pod is there and it is one of those to reconcile.
func (t *reconciler) concerned(name string) (record, desired, bool) {
	r, found := t.readRecord(name)
	want, known := t.attachments[r.Network]
	return r, want, found && known && r.Phase != deleting && !r.Sandbox.gone()
}

// hasPort asks Open vSwitch once for all ports, and again for one that may have been added since.
func (t *reconciler) hasPort(name string) (bool, error) {
	if t.portErr == nil && !t.ports[name] {
		t.ports, t.portErr = t.portNames()
	}
	return t.ports[name], t.portErr
}

func (t *reconciler) reconcileOne(name string, until time.Time, result *reconciled) error {
	if r, _, concerned := t.concerned(name); !concerned && r.Port != "" {
		return nil
	}
	lock, err := t.settings.lock(name, until)
	if err != nil {
		return err
	}
	defer t.settings.forget(name, lock)
	r, want, concerned := t.concerned(name)
	// One that is not ready, though nobody works on it, is for the sweep.
	if !concerned || r.Phase != ready {
		return nil
	}
	options, err := parseOptions(want.Port)
	if err != nil {
		return fmt.Errorf("%s: %w", r.Network, err)
	}
	// As parseOptions has them: an older launcher kept them as they were written.
	was := r.Options.normalized()
	there, err := t.hasPort(r.Port)
	if err != nil {
		return err
	}
	// A port that somebody deleted, or that went with its database, comes back only with its pod.
	if !there {
		result.Recreate = append(result.Recreate, interfaceOf(r))
		return nil
	}
	// Bridge and mode are the port's for its life; the number of queues and the address are the application's, which asked for them when it started.
	if want.Bridge != r.Bridge || want.Mode != r.Mode || options.Queues != was.Queues || options.MAC != was.MAC {
		result.Recreate = append(result.Recreate, interfaceOf(r))
		if want.Bridge != r.Bridge || want.Mode != r.Mode {
			return nil
		}
		options.Queues, options.MAC = was.Queues, was.MAC
	}
	if reflect.DeepEqual(options, was) {
		return nil
	}
	result.Changed = append(result.Changed, interfaceOf(r))
	if t.check {
		return nil
	}
	before, err := t.policers(r.Port)
	if err != nil {
		return err
	}
	if t.run("ovs-vsctl", options.apply(r.Port)[1:]...).Code != 0 {
		return errors.New(t.cause)
	}
	if err := t.destroyPolicers(before); err != nil {
		return err
	}
	r.Options = options
	return t.writeRecord(name, r)
}

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"sort"
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
// can change them. With the argument check it only says what it would do.
func reconcile(s settings, check bool) int {
	attachments := map[string]desired{}
	result := reconciled{Changed: []string{}, Recreate: []string{}}
	err := json.NewDecoder(os.Stdin).Decode(&attachments)
	if err == nil {
		err = s.makeWorkDirs()
	}
	t := &tools{settings: s, deadline: time.Now().Add(time.Duration(s.RetrySeconds) * time.Second)}
	var ports map[string]bool
	for name, r := range s.records() {
		want, known := attachments[r.Network]
		if err != nil || !known || r.Phase != ready || over(r) != "" {
			continue
		}
		if ports == nil {
			ports, err = t.portNames()
		}
		if err == nil {
			err = t.reconcileOne(name, want, ports, check, &result)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	sort.Strings(result.Changed)
	sort.Strings(result.Recreate)
	_ = json.NewEncoder(os.Stdout).Encode(result)
	return 0
}

func (t *tools) reconcileOne(name string, want desired, ports map[string]bool, check bool, result *reconciled) error {
	options, err := parseOptions(want.Port)
	if err != nil {
		return err
	}
	lock, err := t.settings.lock(name, time.Now().Add(time.Second))
	if errors.Is(err, errBusy) {
		return nil
	}
	if err != nil {
		return err
	}
	defer t.settings.forget(name, lock)
	r, found := t.readRecord(name)
	if !found || r.Phase != ready {
		return nil
	}
	interfaceOf := fmt.Sprintf("%s/%s %s", r.Namespace, r.Pod, r.IfName)
	// A port that somebody deleted, or that went with its database, comes back only with its pod.
	if !ports[r.Port] {
		result.Recreate = append(result.Recreate, interfaceOf)
		return nil
	}
	// Bridge and mode are the port's for its life; the number of queues and the address are the application's, which asked for them when it started.
	if want.Bridge != r.Bridge || want.Mode != r.Mode || options.Queues != r.Options.Queues || options.MAC != r.Options.MAC {
		result.Recreate = append(result.Recreate, interfaceOf)
		if want.Bridge != r.Bridge || want.Mode != r.Mode {
			return nil
		}
		options.Queues, options.MAC = r.Options.Queues, r.Options.MAC
	}
	if reflect.DeepEqual(options, r.Options) {
		return nil
	}
	result.Changed = append(result.Changed, interfaceOf)
	if check {
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

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// pluginRecord is the plugin's own state of an attachment.
func (s settings) pluginRecord(name string) string {
	return filepath.Join(s.PluginState, "local-"+name+".json")
}

// delUnplain deletes what has a name that only an older launcher let through. The plugin would make a pattern for files of it, so it does not run.
func (n *session) delUnplain() int {
	if !plainContainer(n.container) || strings.ContainsAny(n.ifName, "/\x00\n\"") || n.ifName == "" {
		return 0
	}
	record, _ := n.readRecord(n.name())
	if n.isOfAnother(record.Container) {
		return 0
	}
	if err := n.tools.deletePorts(n.name()); err != nil {
		return printError(n.conf.CNIVersion, codeTryAgain, "the attachment is not deleted yet", err.Error())
	}
	if err := n.makeWorkDirs(); err == nil {
		record.Port = n.name()
		_ = n.removePlace(record, n.name())
	}
	return 0
}

// isOfAnother says whether what has this attachment's name is of another sandbox: the name has the first characters of the sandbox's id alone. What an
// older launcher made does not say whose it is.
func (n *session) isOfAnother(container string) bool {
	return container != "" && container != n.container
}

// ours says whether the launcher made this attachment: by its record, or by what its port says.
func (n *session) ours() bool {
	if r, found := n.readRecord(n.name()); found {
		return !n.isOfAnother(r.Container)
	}
	// Asked once: what is served without Open vSwitch does not wait for it.
	once := &tools{settings: n.settings, deadline: time.Now()}
	return once.portOwner(n.name())[ownerContainer] == n.container
}

// delWithoutPlugin deletes an attachment whose configuration says nothing that the plugin could work with any more.
func (n *session) delWithoutPlugin(reason string) int {
	_ = n.makeWorkDirs()
	n.unplugged = true
	n.because("the plugin does not run: " + reason)
	// As much as there is, such as the address to release.
	_ = json.Unmarshal(n.input, &n.conf)
	return n.del()
}

func (n *session) del() int {
	var err error
	if n.lock, err = n.settings.lock(n.name(), n.patience()); err != nil && !errors.Is(err, errBusy) {
		n.logf("DEL %s: goes on without a lock: %v", n.name(), err)
	} else if known, found := n.readRecord(n.name()); err != nil && found && n.isOfAnother(known.Container) {
		return 0
	} else if err != nil {
		// Whoever holds the lock sees this when it is done.
		_ = os.WriteFile(n.deletePath(n.name()), nil, 0o600)
		return printError(n.conf.CNIVersion, codeTryAgain, "the attachment is not deleted yet", err.Error())
	}
	known, found := n.readRecord(n.name())
	n.record = known
	owner := map[string]string{ownerContainer: known.Container}
	if !found {
		owner = n.portOwner(n.name())
		n.record = n.reconstruct(owner[ownerUID])
	}
	if n.isOfAnother(owner[ownerContainer]) {
		n.logf("DEL %s: nothing to delete: the port is of the sandbox %s", n.name(), owner[ownerContainer])
		n.forget(n.name(), n.lock)
		return 0
	}
	n.record.Container, n.record.IfName = n.container, n.ifName
	n.ports = []string{n.name()}
	if n.record.Port == "" {
		n.record.Port = n.name()
	} else if n.record.Port != n.name() {
		n.ports = append(n.ports, n.record.Port)
	}
	// Whatever happens from here on, it is finished by a later call: Multus forgets an attachment when its DEL has failed once.
	n.record.Phase = deleting
	if err := n.writeRecord(n.name(), n.record); err != nil {
		n.logf("DEL %s: %v", n.name(), err)
	}
	var stdout []byte
	stderr, code := n.cause, 1
	// What is said of Open vSwitch from here on is not hidden by what keeps the plugin from running.
	n.cause = ""
	if !n.unplugged {
		stdout, stderr, code = n.runGuarded()
	}
	if err := n.cleanUp(); err != nil {
		n.logf("DEL %s: %v", n.name(), err)
		// The plugin did not come so far, and what finishes this later does not know the address.
		if code != 0 && n.conf.IPAM.Type != "" {
			if err := n.releaseAddress(); err != nil {
				n.logf("DEL %s: the address is not released yet: %v", n.name(), err)
			}
		}
		return printError(n.conf.CNIVersion, codeTryAgain, "the attachment is not deleted yet", err.Error())
	}
	if !found {
		n.removeOtherPlaces()
	}
	defer n.sweepQuickly()
	if code == 0 {
		_, _ = os.Stdout.Write(stdout)
		return 0
	}
	n.logf("DEL %s: nothing is left, though the plugin says: %s %s", n.name(), bytes.TrimSpace(stdout), stderr)
	// The plugin releases the address last, so it may not have come so far.
	if n.conf.IPAM.Type != "" {
		if err := n.releaseAddress(); err != nil {
			return printError(n.conf.CNIVersion, codeTryAgain, "the address is not released yet", err.Error())
		}
	}
	return 0
}

// reconstruct makes a record of what the call says, and of what the port itself says, where the record is lost.
func (n *session) reconstruct(uid string) record {
	r := record{Port: n.name(), UID: n.arguments["K8S_POD_UID"], Sandbox: seeSandbox(os.Getenv("CNI_NETNS"))}
	if r.UID == "" {
		r.UID = uid
	}
	if podUID.MatchString(r.UID) {
		r.Dir, r.Made = filepath.Join(normal(n.PodsDir), r.UID), madeTree
	}
	return r
}

// removeOtherPlaces removes the socket from where else it can have been, after its record was lost.
func (n *session) removeOtherPlaces() {
	if n.conf.SharedDir != "" {
		place := record{
			Port: n.record.Port, IfName: n.ifName, Dir: filepath.Join(normal(n.conf.SharedDir), n.container[:shortID]), Made: madeTree,
			Anchor: n.anchorOf(n.conf.SharedDir),
		}
		_ = n.removePlace(place, n.name())
	}
	if podUID.MatchString(n.record.UID) {
		_ = n.removePlace(record{Port: n.record.Port, IfName: n.ifName, Dir: filepath.Join(n.ShortDirs, n.record.UID)}, n.name())
	}
}

// portOwner reads what is noted on a port about its attachment.
func (t *tools) portOwner(port string) map[string]string {
	answer := t.run("ovs-vsctl", "--if-exists", "--format=json", "--columns=external_ids", "list", "Interface", port)
	if answer.Code != 0 {
		return nil
	}
	for _, owner := range readOwners(answer.Stdout, false) {
		return owner
	}
	return nil
}

// readOwners reads a table of names and external_ids, or of external_ids alone, as ovs-vsctl prints it in JSON.
func readOwners(text []byte, named bool) map[string]map[string]string {
	var table struct {
		Data [][]json.RawMessage `json:"data"`
	}
	owners := map[string]map[string]string{}
	if json.Unmarshal(text, &table) != nil {
		return owners
	}
	for _, row := range table.Data {
		name := ""
		if named && (len(row) != 2 || json.Unmarshal(row[0], &name) != nil) || len(row) == 0 {
			continue
		}
		var kind []json.RawMessage
		var pairs [][2]string
		if json.Unmarshal(row[len(row)-1], &kind) != nil || len(kind) != 2 || json.Unmarshal(kind[1], &pairs) != nil {
			continue
		}
		owners[name] = map[string]string{}
		for _, pair := range pairs {
			owners[name][pair[0]] = pair[1]
		}
	}
	return owners
}

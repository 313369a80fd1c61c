package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
)

var errUnreachable = errors.New("Open vSwitch cannot be asked")

// check answers CHECK, which the plugin itself always answers with success.
func (n *session) check() int {
	// Whatever keeps the plugin from running keeps nothing from being compared.
	n.cause = ""
	if err := n.findFault(); err != nil {
		n.logf("CHECK %s: %v", n.name(), err)
		code := codeInternal
		if errors.Is(err, errUnreachable) || errors.Is(err, errBusy) {
			code = codeTryAgain
		}
		return printError(n.conf.CNIVersion, code, "the attachment does not work", err.Error())
	}
	if n.unplugged {
		return 0
	}
	return n.runUnguarded()
}

// findFault compares what is there with what ADD made. It waits for a call that works on it; without a lock, as on a full disk, it goes on.
func (n *session) findFault() error {
	lock, err := n.settings.lock(n.name(), n.deadline)
	if errors.Is(err, errBusy) {
		return err
	}
	defer lock.Close()
	r, found := n.readRecord(n.name())
	if !found {
		n.forget(n.name(), lock)
	}
	switch {
	case !found || r.Container != n.container:
		return errors.New("the launcher knows no such attachment")
	case r.Phase != ready:
		return errors.New(over(r))
	}
	if err := n.comparePort(r); err != nil {
		return err
	}
	if r.Mode == "client" {
		return nil
	}
	return n.compareSocket(r)
}

// comparePort asks Open vSwitch for the port, its bridge, and where its socket is.
func (n *session) comparePort(r record) error {
	answer := n.run("ovs-vsctl", "--if-exists", "get", "Interface", r.Port, "type", "error", "options:vhost-server-path")
	if answer.Code != 0 {
		return fmt.Errorf("%w: %s", errUnreachable, n.cause)
	}
	lines := strings.Split(string(answer.Stdout), "\n")
	if len(lines) < 3 {
		return fmt.Errorf("Open vSwitch has no port %s", r.Port)
	}
	kind, problem, path := lines[0], lines[1], strings.Trim(lines[2], `"`)
	wanted := "dpdkvhostuser"
	if r.Mode == "client" {
		wanted = "dpdkvhostuserclient"
	}
	if kind != wanted {
		return fmt.Errorf("the port %s is of type %s, not %s", r.Port, kind, wanted)
	}
	if problem != "[]" && problem != `""` {
		return fmt.Errorf("Open vSwitch cannot set up the interface %s: %s", r.Port, problem)
	}
	if r.Mode == "client" && normal(path) != normal(r.Socket) {
		return fmt.Errorf("the port %s has the socket %s, not %s", r.Port, path, r.Socket)
	}
	bridge := n.run("ovs-vsctl", "port-to-br", r.Port)
	if strings.Contains(string(bridge.Stderr), "no port named") {
		return fmt.Errorf("Open vSwitch has no port %s, only an interface of another port", r.Port)
	}
	if bridge.Code != 0 {
		return fmt.Errorf("%w: %s", errUnreachable, n.cause)
	}
	if name := strings.TrimSpace(string(bridge.Stdout)); name != r.Bridge {
		return fmt.Errorf("the port %s is on the bridge %s, not on %s", r.Port, name, r.Bridge)
	}
	return nil
}

// compareSocket looks at the socket that Open vSwitch made.
func (n *session) compareSocket(r record) error {
	at, _, err := n.walk(r.Dir, 0, false, r.Anchor)
	if err != nil {
		return fmt.Errorf("the directory of the pod's socket: %w", err)
	}
	defer at.close()
	file, status, err := at.entry(r.Port)
	if err == nil {
		file.Close()
	}
	if err != nil || status.Mode&syscall.S_IFMT != syscall.S_IFSOCK {
		return fmt.Errorf("the socket %s no longer exists", r.Socket)
	}
	if normal(r.Dir) == normal(n.RunDir) {
		return nil
	}
	run, err := trusted(n.RunDir)
	if err != nil {
		return err
	}
	defer run.close()
	// It makes its sockets anew when it starts, and the one that the pod has then leads nowhere.
	if run.kind(r.Port) == syscall.S_IFSOCK {
		return fmt.Errorf("Open vSwitch was restarted and made another socket, %s: recreate the pod", filepath.Join(n.RunDir, r.Port))
	}
	if r.Inode != "" && r.Inode != identity(status) {
		return fmt.Errorf("%s is another file than the socket that Open vSwitch made", r.Socket)
	}
	return nil
}

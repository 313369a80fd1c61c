package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Keys in external_ids, by which ports of the launcher are known without its records: they survive whatever happens to those.
const (
	ownerContainer = "userspace-cni-container"
	ownerIfName    = "userspace-cni-ifname"
	ownerNetwork   = "userspace-cni-network"
	ownerPod       = "userspace-cni-pod"
	ownerUID       = "userspace-cni-uid"
	ownerNetns     = "userspace-cni-netns"
	ownerInode     = "userspace-cni-netns-inode"
	// On a QoS row, which does not go with its port by itself.
	ownerPort = "userspace-cni-port"
)

// tools runs the real tools of Open vSwitch.
type tools struct {
	settings
	deadline time.Time
	cause    string
	note     func(string)
}

func (t *tools) because(cause string) {
	if t.cause == "" {
		t.cause = cause
	}
	if t.note != nil {
		t.note(cause)
	}
}

func (t *tools) find(tool string) (string, error) {
	for _, dir := range filepath.SplitList(t.Path) {
		path := filepath.Join(dir, tool)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is not on %s: install the wrapper of the Open vSwitch tools", tool, t.Path)
}

// run runs the real tool, again and again while Open vSwitch restarts. The tool limits itself: where it runs in a container, killing what runs it
// from here would leave it running there.
func (t *tools) run(tool string, args ...string) reply {
	executable, err := t.find(tool)
	if err != nil {
		t.because(err.Error())
		return failed("%v", err)
	}
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
		var stdout, stderr bytes.Buffer
		patience := max(time.Until(t.deadline), 2*time.Second)
		limit, cancel := context.WithTimeout(context.Background(), patience+2*time.Second)
		seconds := strconv.Itoa(int(patience/time.Second) + 1)
		command := exec.CommandContext(limit, executable, append([]string{"--timeout=" + seconds}, args...)...)
		command.Env = append(os.Environ(), "PATH="+t.Path)
		command.Stdout, command.Stderr = &stdout, &stderr
		// The wrapper's children are in its process group and end with it, and none outlives the launcher.
		command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
		command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
		command.WaitDelay = time.Second
		// The signal at the parent's death comes when this thread ends.
		runtime.LockOSThread()
		err := command.Run()
		runtime.UnlockOSThread()
		cancel()
		if err == nil {
			return reply{Stdout: stdout.Bytes(), Stderr: stderr.Bytes()}
		}
		answer := reply{Stdout: stdout.Bytes(), Stderr: stderr.Bytes(), Code: 1}
		if command.ProcessState != nil && command.ProcessState.ExitCode() > 0 {
			answer.Code = command.ProcessState.ExitCode()
		}
		// What the tool itself refuses, it will refuse again; all else means that it did not reach Open vSwitch.
		refused := strings.Contains(stderr.String(), tool+": ") && !strings.Contains(stderr.String(), "connection failed")
		if refused || time.Until(t.deadline) < pause {
			t.because(tool + " " + explain(args, err, command.ProcessState, seconds, strings.TrimSpace(stderr.String())))
			return answer
		}
		time.Sleep(pause)
	}
}

// What a tool returns that ended itself by its own limit; a shell that ran it says it in the second way.
const alarmCode = 128 + int(syscall.SIGALRM)

// explain says why a tool failed, in a length that is fit for an event of the pod.
func explain(args []string, err error, state *os.ProcessState, seconds, stderr string) string {
	asked := fmt.Sprintf("%q", args)
	if len(asked) > 200 {
		asked = strings.ToValidUTF8(asked[:200], "") + "…]"
	}
	if state != nil {
		status, _ := state.Sys().(syscall.WaitStatus)
		if status.Signaled() && status.Signal() == syscall.SIGALRM || state.ExitCode() == alarmCode {
			what := "the database of Open vSwitch does not answer"
			if changes(args) {
				what = "ovs-vswitchd does not run or hangs, since what changes the database waits until it has taken the change over"
			}
			return fmt.Sprintf("did not end within %s s: %s (%s)", seconds, what, asked)
		}
	}
	return fmt.Sprintf("%s: %v: %s", asked, err, stderr)
}

// changes says whether a call of ovs-vsctl changes the database.
func changes(args []string) bool {
	for _, arg := range args {
		switch arg {
		case "add-br", "add-port", "del-port", "set", "create", "destroy":
			return true
		}
	}
	return false
}

// deletePorts deletes ports on whatever bridge in one transaction, and then the QoS rows that were made for them: they do not go with their port, and
// cannot go before it.
func (t *tools) deletePorts(names ...string) error {
	var ports, rows []string
	for _, name := range names {
		ports = append(ports, "--", "--if-exists", "del-port", name)
	}
	if len(ports) == 0 {
		return nil
	}
	if t.run("ovs-vsctl", ports[1:]...).Code != 0 {
		return errors.New(t.cause)
	}
	for _, name := range names {
		found, err := t.policers(name)
		if err != nil {
			return err
		}
		rows = append(rows, found...)
	}
	return t.destroyPolicers(rows)
}

// portNames are the ports that Open vSwitch has, on whatever bridge.
func (t *tools) portNames() (map[string]bool, error) {
	answer := t.run("ovs-vsctl", "--bare", "--columns=name", "list", "Port")
	if answer.Code != 0 {
		return nil, errors.New(t.cause)
	}
	names := map[string]bool{}
	for _, name := range strings.Fields(string(answer.Stdout)) {
		names[name] = true
	}
	return names, nil
}

// policers returns the QoS rows that were made for a port.
func (t *tools) policers(port string) ([]string, error) {
	found := t.run("ovs-vsctl", "--bare", "--columns=_uuid", "find", "QoS", "external_ids:"+ownerPort+"="+strconv.Quote(port))
	if found.Code != 0 {
		return nil, errors.New(t.cause)
	}
	return strings.Fields(string(found.Stdout)), nil
}

// destroyPolicers destroys QoS rows that no port has any more.
func (t *tools) destroyPolicers(rows []string) error {
	var args []string
	for _, row := range rows {
		args = append(args, "--", "--if-exists", "destroy", "QoS", row)
	}
	if len(args) > 0 && t.run("ovs-vsctl", args[1:]...).Code != 0 {
		return errors.New(t.cause)
	}
	return nil
}

// deletePorts deletes whatever ports the attachment may have.
func (n *session) deletePorts() reply {
	if len(n.ports) == 0 {
		return reply{}
	}
	if err := n.tools.deletePorts(n.ports...); err != nil {
		return failed("%v", err)
	}
	n.ports = nil
	return reply{}
}

func quoted(key, value string) string { return "external_ids:" + key + "=" + strconv.Quote(value) }

// addPort adds the port with all that belongs to it in one transaction, and looks whether it works, which ovs-vsctl reports only on stderr. Name,
// type and path are the launcher's: the plugin would have given the same name, and a path that it has from the pod.
func (n *session) addPort(bridge string) reply {
	port := n.record.Port
	n.ports = []string{port}
	n.record.Bridge, n.record.Mode = bridge, "server"
	if n.clientPath != "" {
		n.record.Mode = "client"
	}
	args := []string{"--may-exist", "add-port", bridge, port, "--", "set", "Interface", port}
	if n.clientPath == "" {
		args = append(args, "type=dpdkvhostuser")
	} else {
		// Where the socket will be has to be right at once: Open vSwitch ignores a change of this option.
		args = append(args, "type=dpdkvhostuserclient", "options:vhost-server-path="+strconv.Quote(n.clientPath))
	}
	r := n.record
	args = append(args, quoted(ownerContainer, r.Container), quoted(ownerIfName, r.IfName), quoted(ownerNetwork, r.Network),
		quoted(ownerPod, r.Namespace+"/"+r.Pod), quoted(ownerUID, r.UID), quoted(ownerNetns, r.Sandbox.Netns), quoted(ownerInode, r.Sandbox.Inode))
	args = append(args, r.Options.apply(port)...)
	answer := n.run("ovs-vsctl", args...)
	if answer.Code != 0 {
		return answer
	}
	n.added = true
	state := n.run("ovs-vsctl", "get", "Interface", port, "error")
	if state.Code != 0 {
		return state
	}
	if text := strings.TrimSpace(string(state.Stdout)); text != "[]" && text != `""` {
		n.because("Open vSwitch cannot set up the interface " + port + ": " + text)
		return failed("%s", n.cause)
	}
	if n.clientPath == "" {
		return n.holdSocket(answer)
	}
	return answer
}

// elsewhere says where Open vSwitch makes its sockets instead, if it was told so.
func (n *session) elsewhere() string {
	answer := n.run("ovs-vsctl", "--if-exists", "get", "Open_vSwitch", ".", "other_config:vhost-sock-dir")
	dir := strings.Trim(strings.TrimSpace(string(answer.Stdout)), `"`)
	if answer.Code != 0 || dir == "" {
		return ""
	}
	return fmt.Sprintf(". Its setting other_config:vhost-sock-dir is %q, so that sockets are made in another directory than pods and the launcher look in: "+
		"remove it and restart Open vSwitch", dir)
}

// holdSocket takes a handle of the socket that Open vSwitch made.
func (n *session) holdSocket(answer reply) reply {
	run, err := trusted(n.RunDir)
	if err != nil {
		n.because(err.Error())
		return failed("%v", err)
	}
	defer run.close()
	for end := time.Now().Add(3 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		file, status, err := run.entry(n.record.Port)
		if err == nil && status.Mode&syscall.S_IFMT == syscall.S_IFSOCK {
			n.socket, n.socketStatus = file, *status
			return answer
		}
		if err == nil {
			file.Close()
			err = errors.New("what is there is no socket")
		}
		if time.Now().After(end) {
			n.because("Open vSwitch reports no error, but made no socket " + filepath.Join(n.RunDir, n.record.Port) + ": " + err.Error() + n.elsewhere())
			return failed("%s", n.cause)
		}
	}
}

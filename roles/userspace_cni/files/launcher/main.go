// The launcher stands in front of Userspace CNI as /opt/cni/bin/userspace and runs the real plugin.
//
// The plugin calls ovs-vsctl and ovs-ofctl by name. The launcher puts its own directory first on the plugin's PATH, where both names lead back
// to this program, which then only hands the call over (see guard). The calls are answered by the launcher that started the plugin
// (see session.handle), so that one process knows all that happened, can undo it, and can keep the plugin from doing harm.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	guardVariable = "USERSPACE_CNI_GUARD"
	// What the CNI specification calls "try again later", and what the plugin's library calls an internal error.
	codeTryAgain = 11
	codeInternal = 999
	// The plugin names everything after this many characters of the container's id.
	shortID = 12
	// Linux' O_PATH, which the syscall package does not name: a handle that follows renames.
	openPath = 0x200000
	// How the plugin tells Open vSwitch where the pod will make its socket.
	clientPathOption = "options:vhost-server-path="
)

// settings come from launcher.json beside the plugin; what is not there has the value set in load.
type settings struct {
	// RunDir is where Open vSwitch makes its sockets and pid files, as seen on the host.
	RunDir string `json:"ovs_rundir"`
	// PodsDir: sockets that a pod wants in this directory go to a directory of the pod's own below it.
	PodsDir string `json:"pods_dir"`
	// Path is where the real tools are.
	Path string `json:"path"`
	// StateDir keeps a record of each attachment; WorkDir the sockets of running launchers.
	StateDir string `json:"state_dir"`
	WorkDir  string `json:"work_dir"`
	LogFile  string `json:"log_file"`
	LogBytes int64  `json:"log_bytes"`
	// RetrySeconds bounds the wait for an Open vSwitch that restarts, PluginSeconds the whole run of the plugin.
	RetrySeconds  int `json:"retry_seconds"`
	PluginSeconds int `json:"plugin_seconds"`
	// The plugin's own directories.
	DefaultDir  string `json:"plugin_default_dir"`
	ShortDirs   string `json:"plugin_short_dirs"`
	PluginState string `json:"plugin_state_dir"`

	home string
}

func load() (settings, error) {
	s := settings{
		RunDir: "/run/openvswitch", PodsDir: "/run/openvswitch/pods",
		Path:     "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		StateDir: "/var/lib/cni/userspace-launcher", WorkDir: "/run/userspace-cni",
		LogFile: "/var/log/userspace-cni-launcher.log", LogBytes: 10 << 20,
		RetrySeconds: 20, PluginSeconds: 60,
		DefaultDir: "/usr/local/var/run/openvswitch", ShortDirs: "/var/lib/vhost_sockets", PluginState: "/var/lib/cni/usrspcni/data",
	}
	exe, err := os.Executable()
	if err != nil {
		return s, err
	}
	s.home = filepath.Join(filepath.Dir(filepath.Dir(exe)), "userspace")
	content, err := os.ReadFile(filepath.Join(s.home, "launcher.json"))
	if errors.Is(err, os.ErrNotExist) {
		return s, nil
	}
	if err == nil {
		err = json.Unmarshal(content, &s)
	}
	return s, err
}

func (s settings) plugin() string { return filepath.Join(s.home, "bin", "userspace") }

// environment of the plugin: its own PATH with the guard in front, and where Open vSwitch makes sockets.
func (s settings) environment(more ...string) []string {
	environment := append(os.Environ(), "OVS_SOCKDIR="+s.RunDir)
	return append(environment, more...)
}

// logf writes one line; neither a missing log nor a full disk may ever fail a pod.
func (s settings) logf(format string, args ...interface{}) {
	_ = os.MkdirAll(filepath.Dir(s.LogFile), 0o755)
	file := rotate(s.LogFile, s.LogBytes)
	if file == nil {
		return
	}
	defer file.Close()
	line := fmt.Sprintf(format, args...)
	fmt.Fprintf(file, "%s [%d] %s\n", time.Now().UTC().Format(time.RFC3339Nano), os.Getpid(), strings.ReplaceAll(line, "\n", " | "))
}

// rotate opens a log for appending, after it has been renamed where it is too long. The lock keeps two launchers from renaming it twice.
func rotate(path string, limit int64) *os.File {
	for try := 0; try < 3; try++ {
		file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640)
		if err != nil {
			return nil
		}
		info, err := file.Stat()
		if err != nil || info.Size() < limit {
			return file
		}
		_ = syscall.Flock(int(file.Fd()), syscall.LOCK_EX)
		if now, err := os.Stat(path); err == nil && os.SameFile(now, info) {
			_ = os.Rename(path, path+".1")
		}
		file.Close()
	}
	return nil
}

// call is what the guard hands over; reply is what it prints and how it ends.
type call struct {
	Tool string   `json:"tool"`
	Args []string `json:"args"`
}

type reply struct {
	Stdout []byte `json:"stdout"`
	Stderr []byte `json:"stderr"`
	Code   int    `json:"code"`
}

func failed(format string, args ...interface{}) reply {
	return reply{Stderr: []byte(fmt.Sprintf(format, args...) + "\n"), Code: 1}
}

// guard is this program under the name of a tool: it hands the call to the launcher above the plugin.
func guard(tool string) int {
	connection, err := net.Dial("unix", os.Getenv(guardVariable))
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s (guard): not started by the launcher of Userspace CNI: %v\n", tool, err)
		return 69
	}
	defer connection.Close()
	answer := reply{Code: 69}
	if err = json.NewEncoder(connection).Encode(call{tool, os.Args[1:]}); err == nil {
		err = json.NewDecoder(connection).Decode(&answer)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s (guard): %v\n", tool, err)
		return 69
	}
	_, _ = os.Stdout.Write(answer.Stdout)
	_, _ = os.Stderr.Write(answer.Stderr)
	return answer.Code
}

// netConf is the part of the network configuration that concerns the launcher.
type netConf struct {
	CNIVersion string `json:"cniVersion"`
	SharedDir  string `json:"sharedDir"`
	LogFile    string `json:"logFile"`
	IPAM       struct {
		Type string `json:"type"`
	} `json:"ipam"`
	Host struct {
		Engine string `json:"engine"`
		Vhost  struct {
			Socketfile string `json:"socketfile"`
		} `json:"vhost"`
	} `json:"host"`
}

// record is what has to be known of an attachment when it is deleted.
type record struct {
	Port   string `json:"port"`
	Socket string `json:"socket"`
}

// session is one ADD or DEL.
type session struct {
	settings
	conf      netConf
	input     []byte
	command   string
	container string
	ifName    string
	podUID    string
	deadline  time.Time

	// What the plugin did. A call that outlives a killed plugin keeps it from being judged.
	busy       sync.Mutex
	ports      map[string]bool // name: whether it may be there
	port       string
	clientPath string
	socket     *os.File
	// Why it could not do more; the plugin itself says only "exit status 1".
	cause string
}

func main() {
	name := filepath.Base(os.Args[0])
	if name == "ovs-vsctl" || name == "ovs-ofctl" {
		os.Exit(guard(name))
	}
	s, err := load()
	if err != nil {
		os.Exit(printError("", codeInternal, "the launcher of Userspace CNI cannot read its settings", err.Error()))
	}
	command := os.Getenv("CNI_COMMAND")
	if command != "ADD" && command != "DEL" {
		os.Exit(s.passThrough())
	}
	input, err := io.ReadAll(os.Stdin)
	if err != nil {
		os.Exit(printError("", codeInternal, "cannot read the network configuration", err.Error()))
	}
	n := &session{
		settings: s, input: input, command: command, container: os.Getenv("CNI_CONTAINERID"), ifName: os.Getenv("CNI_IFNAME"),
		deadline: time.Now().Add(time.Duration(s.RetrySeconds) * time.Second), ports: map[string]bool{},
	}
	for _, pair := range strings.Split(os.Getenv("CNI_ARGS"), ";") {
		if uid, found := strings.CutPrefix(pair, "K8S_POD_UID="); found && !strings.ContainsAny(uid, "/.") {
			n.podUID = uid
		}
	}
	// What the plugin itself will refuse, or serves without Open vSwitch, is none of the launcher's business.
	if json.Unmarshal(input, &n.conf) != nil || n.conf.Host.Engine != "ovs-dpdk" || len(n.container) < shortID || n.ifName == "" ||
		strings.ContainsAny(n.container+n.ifName, "/") {
		os.Exit(n.runUnguarded())
	}
	if n.conf.LogFile != "" {
		if file := rotate(n.conf.LogFile, s.LogBytes); file != nil {
			file.Close()
		}
	}
	if command == "ADD" {
		n.keepDirs()
		os.Exit(n.add())
	}
	os.Exit(n.del())
}

// printError writes an error as the CNI specification wants it, and returns the exit code.
func printError(version string, code int, message, details string) int {
	text, _ := json.MarshalIndent(struct {
		Version string `json:"cniVersion,omitempty"`
		Code    int    `json:"code"`
		Message string `json:"msg"`
		Details string `json:"details,omitempty"`
	}{version, code, message, details}, "", "    ")
	fmt.Println(string(text))
	return 1
}

// passThrough becomes the plugin: arguments, streams and exit code are the plugin's own.
func (s settings) passThrough() int {
	err := syscall.Exec(s.plugin(), os.Args, s.environment("PATH="+s.Path))
	return printError("", codeInternal, "cannot run "+s.plugin(), err.Error())
}

func (n *session) runUnguarded() int {
	stdout, _, code := n.runPlugin("PATH=" + n.Path)
	_, _ = os.Stdout.Write(stdout)
	return code
}

// runPlugin runs the plugin within its time. Its stderr is passed on, and its end returned.
func (n *session) runPlugin(environment ...string) ([]byte, string, int) {
	limit, cancel := context.WithTimeout(context.Background(), time.Duration(n.PluginSeconds)*time.Second)
	defer cancel()
	var stdout, stderr bytes.Buffer
	command := exec.CommandContext(limit, n.plugin(), os.Args[1:]...)
	command.Env = n.environment(environment...)
	command.Stdin = bytes.NewReader(n.input)
	command.Stdout = &stdout
	command.Stderr = io.MultiWriter(os.Stderr, &stderr)
	// The plugin's children end with it, and one that holds the streams open does not keep the launcher.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
	command.WaitDelay = time.Second
	err := command.Run()
	code := 0
	if err != nil {
		code = 1
		if command.ProcessState != nil && command.ProcessState.ExitCode() > 0 {
			code = command.ProcessState.ExitCode()
		}
		if limit.Err() != nil {
			n.because(fmt.Sprintf("the plugin did not end within %d s", n.PluginSeconds))
		} else if command.ProcessState == nil {
			n.because(err.Error())
		}
	}
	last := strings.TrimSpace(stderr.String())
	if len(last) > 500 {
		last = last[len(last)-500:]
	}
	return stdout.Bytes(), last, code
}

func (n *session) because(cause string) {
	if n.cause == "" {
		n.cause = cause
	}
	n.logf("%s %s: %s", n.command, n.name(), cause)
}

// runGuarded runs the plugin with this session answering its calls of the tools.
func (n *session) runGuarded() ([]byte, string, int) {
	path := filepath.Join(n.WorkDir, fmt.Sprint(os.Getpid()))
	err := os.MkdirAll(n.WorkDir, 0o700)
	if err == nil {
		_ = os.Remove(path)
		var listener net.Listener
		if listener, err = net.Listen("unix", path); err == nil {
			defer listener.Close()
			go n.serve(listener)
		}
	}
	if err != nil {
		n.because(err.Error())
		return nil, "", 1
	}
	stdout, stderr, code := n.runPlugin(guardVariable+"="+path, "PATH="+filepath.Join(n.home, "bin")+":"+n.Path)
	// Never unlocked: from here on nothing but this session touches Open vSwitch.
	n.busy.Lock()
	return stdout, stderr, code
}

// serve answers one call after the other: the plugin makes them one after the other.
func (n *session) serve(listener net.Listener) {
	for {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		var request call
		answer := reply{Code: 69}
		if json.NewDecoder(connection).Decode(&request) == nil {
			n.busy.Lock()
			answer = n.handle(request)
			n.busy.Unlock()
			n.logf("%s %s: %s %q: %d %q %q", n.command, n.name(), request.Tool, request.Args, answer.Code, answer.Stdout, answer.Stderr)
		}
		_ = json.NewEncoder(connection).Encode(answer)
		connection.Close()
	}
}

// handle decides over one call of the plugin.
func (n *session) handle(request call) reply {
	args := request.Args
	verb := ""
	for _, arg := range args {
		if !strings.HasPrefix(arg, "-") {
			verb = arg
			break
		}
	}
	if request.Tool == "ovs-vsctl" {
		switch {
		case verb == "del-br":
			// The plugin deletes a bridge when it sees no port on it; bridges belong to whoever made them, and have settings and uplinks.
			return reply{}
		case verb == "list-ports":
			// Asked only to decide over the deletion; an empty answer and a failing one would both mean deletion.
			return reply{Stdout: []byte("kept-by-the-launcher\n")}
		case verb == "add-br" && args[0] == verb:
			// Two first pods of a node may come here at once.
			args = append([]string{"--may-exist"}, args...)
		case verb == "del-port":
			// The plugin gives an empty name when it has lost its state, and the bridge may be gone.
			return n.deletePorts()
		case verb == "add-port" && args[0] == verb && len(args) > 2:
			return n.addPort(args)
		}
	}
	return n.run(request.Tool, args...)
}

// run runs the real tool, again and again while Open vSwitch restarts.
func (n *session) run(tool string, args ...string) reply {
	executable, err := n.find(tool)
	if err != nil {
		n.because(err.Error())
		return failed("%v", err)
	}
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
		var stdout, stderr bytes.Buffer
		limit, cancel := context.WithTimeout(context.Background(), max(time.Until(n.deadline), 2*time.Second))
		command := exec.CommandContext(limit, executable, args...)
		command.Env = append(os.Environ(), "PATH="+n.Path)
		command.Stdout, command.Stderr = &stdout, &stderr
		command.WaitDelay = time.Second
		err := command.Run()
		cancel()
		if err == nil {
			return reply{Stdout: stdout.Bytes(), Stderr: stderr.Bytes()}
		}
		answer := reply{Stdout: stdout.Bytes(), Stderr: stderr.Bytes(), Code: 1}
		if code := command.ProcessState.ExitCode(); code > 0 {
			answer.Code = code
		}
		// What the tool itself refuses, it will refuse again; all else means that it did not reach Open vSwitch.
		refused := strings.Contains(stderr.String(), tool+": ") && !strings.Contains(stderr.String(), "connection failed")
		if refused || time.Until(n.deadline) < pause {
			n.because(fmt.Sprintf("%s %q: %v: %s", tool, args, err, strings.TrimSpace(stderr.String())))
			return answer
		}
		time.Sleep(pause)
	}
}

func (n *session) find(tool string) (string, error) {
	for _, dir := range filepath.SplitList(n.Path) {
		path := filepath.Join(dir, tool)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is not on %s: install the wrapper of the Open vSwitch tools", tool, n.Path)
}

// addPort adds a port and looks whether it works, which ovs-vsctl tells only on stderr.
func (n *session) addPort(args []string) reply {
	n.port = args[2]
	n.ports[n.port] = true
	args = slices.Clone(args)
	for i, arg := range args {
		if path, found := strings.CutPrefix(arg, clientPathOption); found {
			n.clientPath = path
			// Where the socket will be has to be right at once: Open vSwitch ignores a change of this option.
			if err := n.useDirectoryOfPod(); err != nil {
				n.because(err.Error())
				return failed("%v", err)
			}
			args[i] = clientPathOption + n.clientPath
		}
	}
	answer := n.run("ovs-vsctl", append([]string{"--may-exist"}, args...)...)
	if answer.Code != 0 {
		return answer
	}
	state := n.run("ovs-vsctl", "get", "Interface", n.port, "error")
	if state.Code != 0 {
		return state
	}
	if text := strings.TrimSpace(string(state.Stdout)); text != "[]" && text != `""` {
		n.because("Open vSwitch cannot set up the interface " + n.port + ": " + text)
		return failed("%s", n.cause)
	}
	if n.clientPath == "" {
		return n.holdSocket(answer)
	}
	return answer
}

// holdSocket takes a handle of the socket that Open vSwitch made, which tells later where the plugin moved it.
func (n *session) holdSocket(answer reply) reply {
	path := filepath.Join(n.RunDir, n.port)
	for end := time.Now().Add(3 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		fd, err := syscall.Open(path, openPath|syscall.O_CLOEXEC, 0)
		if err == nil {
			n.socket = os.NewFile(uintptr(fd), path)
			return answer
		}
		if time.Now().After(end) {
			n.because("Open vSwitch reports no error, but made no socket " + path + ": " + err.Error())
			return failed("%s", n.cause)
		}
	}
}

// deletePorts deletes whatever ports the attachment may have, on whatever bridge, in one transaction.
func (n *session) deletePorts() reply {
	var args []string
	for port, there := range n.ports {
		if there {
			if len(args) > 0 {
				args = append(args, "--")
			}
			args = append(args, "--if-exists", "del-port", port)
		}
	}
	if len(args) == 0 {
		return reply{}
	}
	answer := n.run("ovs-vsctl", args...)
	if answer.Code == 0 {
		for port := range n.ports {
			n.ports[port] = false
		}
	}
	return answer
}

func (n *session) name() string       { return n.container[:shortID] + "-" + n.ifName }
func (n *session) recordPath() string { return filepath.Join(n.StateDir, n.name()+".json") }
func (n *session) pluginRecord() string {
	return filepath.Join(n.PluginState, "local-"+n.name()+".json")
}
func (n *session) ownDir() string   { return filepath.Join(n.DefaultDir, n.container[:shortID]) }
func (n *session) shortDir() string { return filepath.Join(n.ShortDirs, n.podUID) }

// keepDirs puts a file into the directories that attachments have in common: the plugin removes each as soon as it is empty, and without a
// lock, so that another pod's attachment that starts at that moment would lose its state, or its socket.
func (n *session) keepDirs() {
	dirs := []string{n.PluginState}
	if _, err := os.Stat(n.RunDir); err == nil {
		dirs = append(dirs, n.PodsDir)
	}
	for _, dir := range dirs {
		err := os.MkdirAll(dir, 0o750)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, ".kept-by-the-launcher"), nil, 0o600)
		}
		if err != nil {
			n.logf("ADD %s: %v", n.name(), err)
		}
	}
}

func (n *session) add() int {
	stdout, stderr, code := n.runGuarded()
	failure := "Userspace CNI failed"
	if code == 0 {
		err := n.keep()
		if err == nil {
			_, _ = os.Stdout.Write(stdout)
			return 0
		}
		n.because(err.Error())
		stdout, failure, code = nil, "the attachment would not work", 1
	}
	cause := n.cause
	if err := n.cleanUp(record{}); err != nil {
		n.logf("ADD %s: what failed could not be undone, DEL will: %v", n.name(), err)
	}
	if n.conf.IPAM.Type != "" {
		if err := n.releaseAddress(); err != nil {
			n.logf("ADD %s: the address could not be released, DEL will: %v", n.name(), err)
		}
	}
	// The plugin's own error, with the cause that it does not know.
	var told struct {
		Version string `json:"cniVersion"`
		Code    int    `json:"code"`
		Message string `json:"msg"`
		Details string `json:"details"`
	}
	if json.Unmarshal(stdout, &told) != nil || told.Message == "" {
		told.Code, told.Message, told.Details = codeInternal, failure, stderr
	}
	if cause == "" {
		cause = told.Details
	}
	n.logf("ADD %s: failed: %s (%s)", n.name(), told.Message, cause)
	printError(told.Version, told.Code, told.Message, cause)
	return code
}

// keep finds out where the socket is, refuses places where it cannot work, and writes the record for DEL.
func (n *session) keep() error {
	if n.port == "" {
		return errors.New("the plugin reported success without adding a port")
	}
	socket := n.clientPath
	if n.socket != nil {
		var err error
		if socket, err = os.Readlink(fmt.Sprintf("/proc/self/fd/%d", n.socket.Fd())); err != nil {
			return err
		}
		if _, err = os.Lstat(socket); err != nil {
			return fmt.Errorf("Open vSwitch made the socket of %s and took it away again, as when it restarts: %w", n.port, err)
		}
	}
	dir := resolve(filepath.Dir(socket))
	if n.clientPath == "" && n.belowPodsDir(socket) {
		target, err := n.inDirectoryOfPod(socket)
		if err == nil {
			err = os.Rename(socket, target)
		}
		if err != nil {
			return err
		}
		socket, dir = target, filepath.Dir(target)
	}
	if n.clientPath == "" && dir == resolve(n.RunDir) {
		if _, err := os.Stat(n.shortDir()); err == nil && n.podUID != "" {
			return fmt.Errorf("the socket %s cannot be moved into the pod's emptyDir, which is another file system: "+
				"use a hostPath below %s for the volume shared-dir, or client mode", socket, n.RunDir)
		}
	}
	if n.clientPath != "" && !n.seenByOVS(dir) {
		return fmt.Errorf("the directory %s of the pod's socket is not visible to Open vSwitch, which runs in a container: "+
			"use a hostPath below %s for the volume shared-dir", dir, n.RunDir)
	}
	content, err := json.Marshal(record{n.port, socket})
	if err == nil {
		err = os.MkdirAll(n.StateDir, 0o700)
	}
	if err == nil {
		err = os.WriteFile(n.recordPath(), content, 0o600)
	}
	n.logf("ADD %s: socket %s", n.name(), socket)
	return err
}

func (n *session) belowPodsDir(socket string) bool {
	return resolve(filepath.Dir(socket)) == resolve(n.PodsDir) && n.podUID != ""
}

// useDirectoryOfPod lets Open vSwitch look for the pod's socket where the pod can make it.
func (n *session) useDirectoryOfPod() (err error) {
	if n.belowPodsDir(n.clientPath) {
		n.clientPath, err = n.inDirectoryOfPod(n.clientPath)
	}
	return err
}

// inDirectoryOfPod gives the pod a directory of its own below PodsDir, which it mounts by subPathExpr, and returns the socket's path in there.
func (n *session) inDirectoryOfPod(socket string) (string, error) {
	above := filepath.Dir(socket)
	dir := filepath.Join(above, n.podUID)
	info, err := os.Stat(above)
	if err == nil {
		err = os.MkdirAll(dir, info.Mode().Perm())
	}
	if err == nil {
		if status, ok := info.Sys().(*syscall.Stat_t); ok {
			err = os.Chown(dir, -1, int(status.Gid))
		}
	}
	return filepath.Join(dir, filepath.Base(socket)), err
}

// seenByOVS says whether the daemon sees the same directory. Where the daemon cannot be asked, there is nothing to refuse.
func (n *session) seenByOVS(dir string) bool {
	content, err := os.ReadFile(filepath.Join(n.RunDir, "ovs-vswitchd.pid"))
	if err != nil {
		return true
	}
	root := filepath.Join("/proc", strings.TrimSpace(string(content)), "root")
	if _, err := os.Stat(root); err != nil {
		return true
	}
	here, err := os.Stat(dir)
	if err != nil {
		return false
	}
	// Links of the daemon's own tree would lead out of it (/var/run is one), so its run directory is taken by its real name there and here.
	there, err := os.Stat(filepath.Join(root, dir))
	if err != nil {
		if below, found := strings.CutPrefix(dir, resolve(n.RunDir)); found {
			there, err = os.Stat(filepath.Join(root, "/var/run/openvswitch", below))
		}
	}
	return err == nil && os.SameFile(here, there)
}

func resolve(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return filepath.Clean(path)
}

func (n *session) del() int {
	var known record
	if content, err := os.ReadFile(n.recordPath()); err == nil {
		_ = json.Unmarshal(content, &known)
	}
	var saved struct {
		Port string `json:"vhostname"`
	}
	if content, err := os.ReadFile(n.pluginRecord()); err == nil {
		_ = json.Unmarshal(content, &saved)
	}
	for _, port := range []string{known.Port, saved.Port} {
		if port != "" {
			n.ports[port] = true
		}
	}
	// A port with a name of the user's choice may meanwhile be another pod's: it is deleted only where a record says that it is ours.
	if n.conf.Host.Vhost.Socketfile == "" {
		n.ports[n.name()] = true
	}
	stdout, stderr, code := n.runGuarded()
	if err := n.cleanUp(known); err != nil {
		n.logf("DEL %s: %v", n.name(), err)
		return printError(n.conf.CNIVersion, codeTryAgain, "the attachment is not deleted yet", err.Error())
	}
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

// releaseAddress asks the IPAM plugin as the plugin would.
func (n *session) releaseAddress() error {
	for _, dir := range filepath.SplitList(os.Getenv("CNI_PATH")) {
		path := filepath.Join(dir, filepath.Base(n.conf.IPAM.Type))
		if _, err := os.Stat(path); err != nil {
			continue
		}
		limit, cancel := context.WithTimeout(context.Background(), time.Duration(n.PluginSeconds)*time.Second)
		defer cancel()
		command := exec.CommandContext(limit, path)
		command.Env = append(os.Environ(), "CNI_COMMAND=DEL")
		command.Stdin = bytes.NewReader(n.input)
		output, err := command.CombinedOutput()
		if err != nil {
			return fmt.Errorf("%s: %w: %s", path, err, output)
		}
		return nil
	}
	return fmt.Errorf("the IPAM plugin %s is not in %s", n.conf.IPAM.Type, os.Getenv("CNI_PATH"))
}

// cleanUp removes whatever is left of the attachment: port, sockets, directories that are empty, records. Only an Open vSwitch that cannot
// be asked is an error: then the port may still be there.
func (n *session) cleanUp(known record) error {
	if n.socket != nil {
		if path, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", n.socket.Fd())); err == nil {
			known.Socket = path
		}
	}
	if answer := n.deletePorts(); answer.Code != 0 {
		return errors.New("Open vSwitch could not be asked to delete the port: " + n.cause)
	}
	if known.Socket == "" {
		known.Socket = n.clientPath
	}
	dirs := []string{n.ownDir()}
	if n.conf.SharedDir != "" {
		dirs = append(dirs, filepath.Join(n.conf.SharedDir, n.container[:shortID]))
	}
	sockets := []string{}
	if known.Socket != "" {
		dirs = append(dirs, filepath.Dir(known.Socket))
		sockets = append(sockets, known.Socket)
	}
	if n.command == "DEL" && n.podUID != "" {
		dirs = append(dirs, n.shortDir())
	}
	for port := range n.ports {
		sockets = append(sockets, filepath.Join(n.RunDir, port))
		for _, dir := range dirs {
			sockets = append(sockets, filepath.Join(dir, port))
		}
	}
	for _, socket := range sockets {
		if info, err := os.Lstat(socket); err == nil && info.Mode()&os.ModeSocket != 0 {
			_ = os.Remove(socket)
		}
	}
	for _, dir := range dirs {
		if real := resolve(dir); real == resolve(n.RunDir) || real == resolve(n.PodsDir) {
			continue
		}
		if strings.HasPrefix(dir, n.ShortDirs+"/") {
			_ = syscall.Unmount(dir, syscall.MNT_DETACH)
		}
		// Succeeds where it is empty, and only there.
		_ = syscall.Rmdir(dir)
	}
	for _, path := range []string{n.pluginRecord(), n.recordPath()} {
		_ = os.Remove(path)
	}
	return nil
}

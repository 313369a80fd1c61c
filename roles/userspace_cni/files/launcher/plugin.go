package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// environment of the plugin: where it takes Open vSwitch to make sockets, and no API server but that of its kubeconfig.
func (s settings) environment(more ...string) []string {
	var kept []string
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "KUBERNETES_SERVICE_") && !strings.HasPrefix(pair, "OVS_SOCKDIR=") && !strings.HasPrefix(pair, "PATH=") {
			kept = append(kept, pair)
		}
	}
	return append(kept, more...)
}

// passThrough becomes the plugin: arguments, streams and exit code are the plugin's own.
func (s settings) passThrough() int {
	err := syscall.Exec(s.plugin(), os.Args, s.environment("PATH="+s.Path, "OVS_SOCKDIR="+s.RunDir))
	return printError("", codeInternal, "cannot run "+s.plugin(), err.Error())
}

func (n *session) runUnguarded() int {
	stdout, _, code, problem := n.runPlugin(0, "PATH="+n.Path)
	if problem != "" {
		n.because(problem)
	}
	_, _ = os.Stdout.Write(stdout)
	return code
}

// runPlugin runs the plugin within its time, with these namespaces of its own. Its stderr is passed on, and its end returned; the last value says why it
// did not end by itself.
func (n *session) runPlugin(namespaces uintptr, environment ...string) (output []byte, last string, code int, problem string) {
	limit, cancel := context.WithTimeout(context.Background(), time.Duration(n.PluginSeconds)*time.Second)
	defer cancel()
	var stdout, stderr bytes.Buffer
	command := exec.CommandContext(limit, n.plugin(), os.Args[1:]...)
	command.Env = n.environment(append(environment, "OVS_SOCKDIR="+filepath.Join(n.scratch, "ovs"))...)
	command.Stdin = bytes.NewReader(n.input)
	command.Stdout = &stdout
	command.Stderr = io.MultiWriter(os.Stderr, &stderr)
	// The plugin's children end with it, and it ends with the launcher: alone it would do half of the work, and nothing would undo it.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL, Unshareflags: namespaces}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
	// One that holds the streams open does not keep the launcher.
	command.WaitDelay = time.Second
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := command.Run()
	if err != nil {
		code = 1
		if command.ProcessState != nil && command.ProcessState.ExitCode() > 0 {
			code = command.ProcessState.ExitCode()
		}
		if limit.Err() != nil {
			problem = fmt.Sprintf("the plugin did not end within %d s", n.PluginSeconds)
		} else if command.ProcessState == nil {
			problem = err.Error()
		}
	}
	last = strings.TrimSpace(stderr.String())
	if len(last) > 500 {
		last = last[len(last)-500:]
	}
	return stdout.Bytes(), last, code, problem
}

// checkResult refuses what is no result of an ADD: nothing, half of it, or something else.
func checkResult(stdout []byte) error {
	var result struct {
		Version string `json:"cniVersion"`
		Code    int    `json:"code"`
		Message string `json:"msg"`
	}
	if len(bytes.TrimSpace(stdout)) == 0 {
		return errors.New("the plugin reported success without a result")
	}
	if err := json.Unmarshal(stdout, &result); err != nil {
		return fmt.Errorf("the plugin reported success, but its result is no JSON object: %w", err)
	}
	if result.Version == "" || result.Code != 0 {
		return fmt.Errorf("the plugin reported success, but printed no result: %.200s", stdout)
	}
	return nil
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
		command.WaitDelay = time.Second
		output, err := command.CombinedOutput()
		if err != nil {
			return fmt.Errorf("%s: %w: %s", path, err, output)
		}
		return nil
	}
	return fmt.Errorf("the IPAM plugin %s is not in %s", n.conf.IPAM.Type, os.Getenv("CNI_PATH"))
}

// The launcher stands in front of Userspace CNI as /opt/cni/bin/userspace and runs the real plugin.
//
// The plugin calls ovs-vsctl and ovs-ofctl by name. The launcher puts its own directory first on the plugin's PATH, where both names lead back
// to this program, which then only hands the call over (guard.go). The calls are answered by the launcher that started the plugin, so that one
// process knows all that happened, can undo it, and can keep the plugin from doing harm.
//
// The author of a pod is taken for hostile: what is in a pod's directory is reached through handles alone (handle.go), and the plugin, which knows no
// such care, is given an empty scratch directory in place of every directory that a pod can write (session.go).
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

const (
	// What the CNI specification calls "invalid environment variables" and "try again later", and what the plugin's library calls an internal error.
	codeEnvironment = 4
	codeTryAgain    = 11
	codeInternal    = 999
)

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
	if command == "" && len(os.Args) == 2 && os.Args[1] == "sweep" {
		os.Exit(sweep(s))
	}
	if command == "" && len(os.Args) == 2 && os.Args[1] == "retire" {
		os.Exit(retire(s))
	}
	if command == "" && len(os.Args) == 3 && os.Args[1] == "check-records" {
		os.Exit(checkRecords(s, os.Args[2]))
	}
	if command == "" && len(os.Args) > 1 && os.Args[1] == "reconcile" {
		os.Exit(reconcile(s, len(os.Args) > 2 && os.Args[2] == "check"))
	}
	if command != "ADD" && command != "DEL" && command != "CHECK" {
		os.Exit(s.passThrough())
	}
	os.Exit(attach(s, command))
}

// attach makes, checks or deletes one attachment, and returns the exit code.
func attach(s settings, command string) int {
	input, err := io.ReadAll(os.Stdin)
	if err != nil {
		return printError("", codeInternal, "cannot read the network configuration", err.Error())
	}
	n := newSession(s, command, input)
	if !plainContainer(n.container) || !plainInterface(n.ifName) {
		if command == "DEL" {
			return n.delUnplain()
		}
		return printError("", codeEnvironment, "the names of the attachment are not plain", fmt.Sprintf("CNI_CONTAINERID %q has to be at least %d letters, digits, "+
			"dots, dashes or underscores, CNI_IFNAME %q 1 to 15 of them: the plugin makes file names and patterns of both", n.container, shortID, n.ifName))
	}
	defer n.finish()
	if err := n.configure(); err != nil {
		// Multus and the kubelet repeat a DEL that fails, and the pod stays until one succeeds: whatever an attachment says by now, what is there is removed.
		if command == "DEL" {
			return n.delWithoutPlugin("the network configuration: " + err.Error())
		}
		// What cannot be read is refused by the plugin itself.
		if !json.Valid(input) {
			return n.runUnguarded()
		}
		return printError("", codeInternal, "the network configuration", err.Error())
	}
	// What the plugin serves without Open vSwitch is none of the launcher's business.
	if n.conf.Host.Engine != "ovs-dpdk" {
		if command == "DEL" && n.ours() {
			return n.delWithoutPlugin(fmt.Sprintf("the attachment was made with the engine ovs-dpdk, and has %q by now", n.conf.Host.Engine))
		}
		return n.runUnguarded()
	}
	if n.conf.LogFile != "" {
		if file := rotate(n.conf.LogFile, s.LogBytes); file != nil {
			file.Close()
		}
	}
	switch command {
	case "ADD":
		return n.add()
	case "CHECK":
		return n.check()
	}
	return n.del()
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

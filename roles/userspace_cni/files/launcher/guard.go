package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

const guardVariable = "USERSPACE_CNI_GUARD"

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

// runGuarded runs the plugin with this session answering its calls of the tools.
func (n *session) runGuarded() ([]byte, string, int) {
	path := n.scratch + guardSuffix
	listener, err := net.Listen("unix", path)
	if err != nil {
		n.because(err.Error())
		return nil, "", 1
	}
	defer listener.Close()
	go n.serve(listener)
	// It asks for the pod by its name, which may be another one by now, and mounts what that one says: nobody else sees these mounts.
	stdout, stderr, code, problem := n.runPlugin(syscall.CLONE_NEWNS, guardVariable+"="+path, "PATH="+filepath.Join(n.home, "bin")+":"+n.Path)
	// Never unlocked: from here on nothing but this session touches Open vSwitch.
	n.busy.Lock()
	if problem != "" {
		n.because(problem)
	}
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
			n.logf("%s %s: %s %q: %d %q %q", n.command, n.name(), request.Tool, request.Args, answer.Code, answer.Stdout, answer.Stderr)
			n.busy.Unlock()
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
			return n.addPort(args[1])
		}
	}
	return n.run(request.Tool, args...)
}

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// netConf is the part of the network configuration that concerns the launcher.
type netConf struct {
	CNIVersion string `json:"cniVersion"`
	Name       string `json:"name"`
	KubeConfig string `json:"kubeconfig"`
	SharedDir  string `json:"sharedDir"`
	LogFile    string `json:"logFile"`
	IPAM       struct {
		Type string `json:"type"`
	} `json:"ipam"`
	Host struct {
		Engine string `json:"engine"`
		Vhost  struct {
			Mode       string `json:"mode"`
			Group      string `json:"group"`
			Socketfile string `json:"socketfile"`
		} `json:"vhost"`
	} `json:"host"`
	Port json.RawMessage `json:"port"`
	// Network is namespace/name of the NetworkAttachmentDefinition where the attachment says so, else the configuration's name.
	Network string `json:"network"`
}

// session is one ADD, CHECK or DEL.
type session struct {
	tools
	conf      netConf
	input     []byte
	command   string
	container string
	ifName    string
	arguments map[string]string

	// A call that outlives a killed plugin keeps it from being judged.
	busy       sync.Mutex
	record     record
	ports      []string // what may have to be deleted
	added      bool
	clientPath string
	gid        int
	// The socket that Open vSwitch made, wherever it is moved.
	socket       *os.File
	socketStatus syscall.Stat_t
	lock         *os.File
	scratch      string
	// Held as long as this launcher lives, so that the sweep knows what nobody uses any more.
	scratchLock *os.File
	// There is no scratch directory for the plugin, as on a full disk: it is not run, and all that can be deleted is.
	unplugged bool
}

func newSession(s settings, command string, input []byte) *session {
	n := &session{command: command, container: os.Getenv("CNI_CONTAINERID"), ifName: os.Getenv("CNI_IFNAME"), gid: -1}
	n.settings = s
	n.deadline = time.Now().Add(time.Duration(s.RetrySeconds) * time.Second)
	n.note = func(cause string) { n.logf("%s %s: %s", n.command, n.name(), cause) }
	n.arguments = cniArguments(os.Getenv("CNI_ARGS"))
	n.input = input
	return n
}

func (n *session) name() string { return key(n.container, n.ifName) }

// canonical gives the keys of a JSON object the case in which Go's parser of the plugin and of the launcher look for them, so that both read the same.
func canonical(object map[string]json.RawMessage, names ...string) error {
	for _, name := range names {
		for found := range object {
			if found == name || !strings.EqualFold(found, name) {
				continue
			}
			if _, twice := object[name]; twice {
				return fmt.Errorf("the network configuration has %q and %q", name, found)
			}
			object[name] = object[found]
			delete(object, found)
		}
	}
	return nil
}

// configure reads the configuration, and makes of it what the plugin gets: without what it would do wrong in the pod's directory. The launcher does
// that itself. On DEL the plugin does not ask for the pod either, so that no path of a pod reaches it.
func (n *session) configure() error {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(n.input, &object); err != nil {
		return err
	}
	if err := canonical(object, "cniVersion", "name", "kubeconfig", "sharedDir", "logFile", "ipam", "host", "port", "network"); err != nil {
		return err
	}
	var host, vhost map[string]json.RawMessage
	if text := object["host"]; len(text) > 0 {
		if err := json.Unmarshal(text, &host); err != nil {
			return err
		}
		if err := canonical(host, "engine", "vhost"); err != nil {
			return err
		}
		if text := host["vhost"]; len(text) > 0 {
			if err := json.Unmarshal(text, &vhost); err != nil {
				return err
			}
			if err := canonical(vhost, "mode", "group", "socketfile"); err != nil {
				return err
			}
			host["vhost"] = marshal(vhost)
		}
		object["host"] = marshal(host)
	}
	if err := json.Unmarshal(marshal(object), &n.conf); err != nil {
		return err
	}
	if n.conf.Host.Engine != "ovs-dpdk" {
		return nil
	}
	if vhost != nil {
		delete(vhost, "group")
		delete(vhost, "socketfile")
		host["vhost"] = marshal(vhost)
		object["host"] = marshal(host)
	}
	delete(object, "port")
	delete(object, "network")
	if n.command == "DEL" {
		delete(object, "kubeconfig")
	}
	if err := n.makeScratch(); err != nil && n.command == "ADD" {
		return err
	} else if err != nil {
		n.because("the plugin does not run: " + err.Error())
		n.unplugged = true
	}
	object["sharedDir"] = marshal(n.scratch)
	n.input = marshal(object)
	return nil
}

func marshal(value interface{}) json.RawMessage {
	text, _ := json.Marshal(value)
	return text
}

// makeScratch creates the directory that the plugin takes for its own and for Open vSwitch's: it finds nothing there that it could move or remove.
func (n *session) makeScratch() (err error) {
	if err = n.makeWorkDirs(); err != nil {
		return err
	}
	if n.scratch, err = os.MkdirTemp(n.WorkDir, scratchPrefix); err != nil {
		return err
	}
	if n.scratchLock, err = os.Open(n.scratch); err != nil {
		return err
	}
	if err = syscall.Flock(int(n.scratchLock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return err
	}
	err = os.Mkdir(filepath.Join(n.scratch, n.container[:shortID]), 0o700)
	if err == nil {
		err = os.Mkdir(filepath.Join(n.scratch, "ovs"), 0o700)
	}
	// The plugin removes the directory of its state as soon as it is empty, without a lock, so that another attachment would lose its own.
	if err == nil {
		err = os.MkdirAll(n.PluginState, 0o700)
	}
	if err == nil {
		keep := filepath.Join(n.PluginState, ".keep")
		file, made := os.OpenFile(keep, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if made == nil {
			file.Close()
		} else if !errors.Is(made, os.ErrExist) {
			err = made
		}
	}
	return err
}

// finish removes what only this call needed.
func (n *session) finish() {
	if n.scratch != "" {
		_ = os.RemoveAll(n.scratch)
		_ = os.Remove(n.scratch + guardSuffix)
	}
	if n.scratchLock != nil {
		n.scratchLock.Close()
	}
	if n.socket != nil {
		n.socket.Close()
	}
}

// Package cniovs is the OVS-DPDK engine: it adds and deletes vhost-user ports by way of ovs-vsctl and ovs-ofctl.
package cniovs

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
)

const (
	stateDir         = "/var/lib/cni/usrspcni/data"
	shortDirs        = "/var/lib/vhost_sockets/"
	defaultSocketDir = "/usr/local/var/run/openvswitch/"
	defaultBridge    = "br0"
	longestDir       = 89
)

// Config is one side (host or container) of an attachment.
type Config struct {
	Engine  string `json:"engine,omitempty"`
	IfType  string `json:"iftype,omitempty"`
	NetType string `json:"netType,omitempty"`
	Vhost   struct {
		Mode       string `json:"mode,omitempty"`
		Group      string `json:"group,omitempty"`
		Socketfile string `json:"socketfile,omitempty"`
	} `json:"vhost,omitempty"`
	Bridge struct {
		Name string `json:"bridgeName,omitempty"`
	} `json:"bridge,omitempty"`
}

type saved struct {
	Name    string `json:"vhostname"`
	PortMAC string `json:"vhostmac"`
	IfMAC   string `json:"ifmac"`
}

// Logf is set by the plugin.
var Logf = func(string, ...interface{}) {}

func run(command string, args ...string) (string, error) {
	output, err := exec.Command(command, args...).Output()
	Logf("%s %q: %q, %v", command, args, output, err)
	return string(output), err
}

func baseName(container, ifName string) string { return container[:12] + "-" + ifName }

func stateFile(container, ifName string) string {
	return filepath.Join(stateDir, "local-"+baseName(container, ifName)+".json")
}

func removeIfEmpty(dir string) { _ = os.Remove(dir) }

func shorten(dir string) string {
	if len(dir) >= longestDir && strings.Contains(dir, "empty-dir") {
		return filepath.Join(shortDirs, strings.Split(dir, "/")[5])
	}
	return dir
}

func makeDir(dir, podDir, group string) error {
	if _, err := os.Stat(dir); os.IsNotExist(err) {
		if err := os.MkdirAll(dir, 0o750); err != nil {
			return err
		}
		if strings.Contains(dir, shortDirs) {
			if err := syscall.Mount(podDir, dir, "", syscall.MS_BIND, ""); err != nil {
				return err
			}
		}
	}
	if group == "" {
		return nil
	}
	entry, err := user.LookupGroup(group)
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(entry.Gid)
	if err == nil {
		err = os.Chown(shortDirs, -1, gid)
	}
	if err == nil {
		err = os.Chown(dir, -1, gid)
	}
	return err
}

// AddOnHost creates the bridge where it is missing, then the port.
func AddOnHost(host *Config, container, ifName, sharedDir string) error {
	if host.Bridge.Name == "" {
		host.Bridge.Name = defaultBridge
	}
	bridge := host.Bridge.Name
	if found, err := run("ovs-vsctl", "--bare", "--columns=name", "find", "bridge", "name="+bridge); err != nil || found == "" {
		if _, err := run("ovs-vsctl", "add-br", bridge, "--", "set", "bridge", bridge, "datapath_type=netdev"); err != nil {
			return err
		}
		if host.NetType == "bridge" {
			if _, err := run("ovs-ofctl", "add-flow", bridge, "actions=NORMAL"); err != nil {
				return err
			}
		}
	}
	if host.IfType != "vhostuser" {
		return errors.New("unknown iftype of the host: " + host.IfType)
	}
	if host.Vhost.Socketfile == "" {
		host.Vhost.Socketfile = baseName(container, ifName)
	}
	name, dir := host.Vhost.Socketfile, shorten(sharedDir)
	if err := makeDir(dir, sharedDir, host.Vhost.Group); err != nil {
		return err
	}
	if err := addPort(bridge, name, dir, host.Vhost.Mode == "client"); err != nil {
		return err
	}
	mac, err := run("ovs-vsctl", "--bare", "--columns=mac", "find", "port", "name="+name)
	if err != nil {
		return err
	}
	if host.NetType != "bridge" && host.NetType != "" {
		return errors.New("unsupported netType of the host: " + host.NetType)
	}
	state, err := json.Marshal(saved{name, strings.ReplaceAll(mac, "\n", ""), randomMAC()})
	if err == nil {
		err = os.MkdirAll(stateDir, 0o700)
	}
	if err == nil {
		err = os.WriteFile(stateFile(container, ifName), state, 0o644)
	}
	return err
}

func randomMAC() string {
	b := make([]byte, 6)
	_, _ = rand.Read(b)
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", (b[0]|2)&0xfe, b[1], b[2], b[3], b[4], b[5])
}

func addPort(bridge, name, dir string, client bool) error {
	args := []string{"add-port", bridge, name, "--", "set", "Interface", name, "type=dpdkvhostuser"}
	if client {
		args[len(args)-1] += "client"
		args = append(args, "options:vhost-server-path="+filepath.Join(dir, name))
	}
	if _, err := run("ovs-vsctl", args...); err != nil || client {
		return err
	}
	from, ok := os.LookupEnv("OVS_SOCKDIR")
	if !ok {
		from = defaultSocketDir
	}
	if err := os.Rename(filepath.Join(from, name), filepath.Join(dir, name)); err != nil {
		Logf("Rename ERROR: %v", err)
	}
	return nil
}

// DelFromHost deletes the port, the sockets, and a bridge that has no ports left.
func DelFromHost(host *Config, container, ifName, sharedDir string) error {
	var state saved
	if content, err := os.ReadFile(stateFile(container, ifName)); err == nil {
		if err := json.Unmarshal(content, &state); err != nil {
			return err
		}
		_ = os.Remove(stateFile(container, ifName))
		removeIfEmpty(stateDir)
	}
	bridge := host.Bridge.Name
	if bridge == "" {
		bridge = defaultBridge
	}
	if host.IfType != "vhostuser" {
		return errors.New("unknown iftype of the host: " + host.IfType)
	}
	if _, err := run("ovs-vsctl", "--if-exists", "del-port", bridge, state.Name); err != nil {
		return err
	}
	if err := removeSockets(host, baseName(container, ifName), shorten(sharedDir)); err != nil {
		return err
	}
	if ports, err := run("ovs-vsctl", "list-ports", bridge); err != nil || ports == "" {
		_, err := run("ovs-vsctl", "del-br", bridge)
		return err
	}
	return nil
}

func removeSockets(host *Config, base, dir string) error {
	if strings.Contains(dir, shortDirs) {
		if _, err := os.Stat(dir); os.IsNotExist(err) {
			return nil
		}
		if err := syscall.Unmount(dir, 0); err != nil {
			return err
		}
		return os.Remove(dir)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	removed := 0
	for _, entry := range entries {
		// The star belongs to the last character of the name, so other attachments of the pod match too.
		matches, _ := regexp.MatchString(base+"*", entry.Name())
		if !matches && host.Vhost.Socketfile != "" {
			matches, _ = regexp.MatchString(host.Vhost.Socketfile+"*", entry.Name())
		}
		if !matches {
			continue
		}
		if err := os.Remove(filepath.Join(dir, entry.Name())); err != nil {
			return err
		}
		removed++
	}
	if removed == len(entries) {
		return os.Remove(dir)
	}
	return nil
}

// DelFromContainer removes the shared directory where it is empty.
func DelFromContainer(sharedDir string) { removeIfEmpty(sharedDir) }

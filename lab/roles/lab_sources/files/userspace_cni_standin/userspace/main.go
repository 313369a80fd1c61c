// A stand-in for Userspace CNI: see the README beside the packages.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"kube-ovn-dpdk/userspace-cni-standin/cniovs"
	"kube-ovn-dpdk/userspace-cni-standin/cnivpp"
	"kube-ovn-dpdk/userspace-cni-standin/pods"
)

const (
	about            = "Userspace CNI stand-in"
	resultVersion    = "1.0.0"
	defaultSharedDir = "/usr/local/var/run/openvswitch"
	codeEnvironment  = 4
	codeDecoding     = 6
	codeInternal     = 999
)

var supported = []string{"0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"}

type netConf struct {
	CNIVersion string        `json:"cniVersion"`
	Name       string        `json:"name"`
	KubeConfig string        `json:"kubeconfig"`
	SharedDir  string        `json:"sharedDir"`
	LogFile    string        `json:"logFile"`
	Host       cniovs.Config `json:"host"`
	Container  cniovs.Config `json:"container"`
}

type networkInterface struct {
	Name    string `json:"name"`
	Sandbox string `json:"sandbox"`
}

type result struct {
	CNIVersion string             `json:"cniVersion,omitempty"`
	Interfaces []networkInterface `json:"interfaces"`
	DNS        struct{}           `json:"dns"`
}

type call struct {
	conf      netConf
	container string
	ifName    string
	netns     string
	client    *pods.Client
	pod       *pods.Pod
	sharedDir string
}

func main() {
	if err := dispatch(); err != nil {
		fail(codeInternal, err)
	}
}

func fail(code int, err error) {
	text, _ := json.MarshalIndent(map[string]interface{}{"code": code, "msg": err.Error()}, "", "    ")
	fmt.Println(string(text))
	os.Exit(1)
}

func dispatch() error {
	command := os.Getenv("CNI_COMMAND")
	if command == "" {
		fmt.Fprintln(os.Stderr, about)
		return nil
	}
	input, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	if command == "VERSION" {
		return json.NewEncoder(os.Stdout).Encode(map[string]interface{}{"cniVersion": resultVersion, "supportedVersions": supported})
	}
	c := call{container: os.Getenv("CNI_CONTAINERID"), ifName: os.Getenv("CNI_IFNAME"), netns: os.Getenv("CNI_NETNS")}
	if len(c.container) < 12 || c.ifName == "" {
		fail(codeEnvironment, errors.New("required env variables [CNI_CONTAINERID,CNI_IFNAME] missing"))
	}
	if err := json.Unmarshal(input, &c.conf); err != nil {
		fail(codeDecoding, err)
	}
	openLog(c.conf.LogFile)
	switch command {
	case "ADD":
		return c.add()
	case "DEL":
		return c.del()
	case "CHECK", "GC", "STATUS":
		return nil
	}
	fail(codeEnvironment, fmt.Errorf("unknown CNI_COMMAND: %v", command))
	return nil
}

func openLog(path string) {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return
	}
	cniovs.Logf = func(format string, args ...interface{}) {
		fmt.Fprintf(file, time.Now().Format(time.RFC3339)+" "+format+"\n", args...)
	}
}

// findPod asks for the pod, and finds the directory to share with it. Without the pod's object it is another directory.
func (c *call) findPod() {
	arguments := map[string]string{}
	for _, pair := range strings.Split(os.Getenv("CNI_ARGS"), ";") {
		key, value, _ := strings.Cut(pair, "=")
		arguments[key] = value
	}
	client, err := pods.NewClient(c.conf.KubeConfig)
	if err == nil {
		c.client = client
		c.pod, err = client.Get(arguments["K8S_POD_NAMESPACE"], arguments["K8S_POD_NAME"])
	}
	if err == nil {
		c.sharedDir, err = c.pod.SharedDir()
	}
	if err != nil {
		cniovs.Logf("no shared directory from the pod: %v", err)
		base := c.conf.SharedDir
		if base == "" {
			base = defaultSharedDir
		}
		c.sharedDir = filepath.Join(base, c.container[:12]) + "/"
	}
}

func (c *call) add() error {
	cniovs.Logf("ADD %s %s", c.container, c.ifName)
	if _, err := os.Stat(c.netns); err != nil {
		return fmt.Errorf("failed to open netns %q: %v", c.netns, err)
	}
	c.findPod()
	var err error
	switch c.conf.Host.Engine {
	case "vpp":
		err = cnivpp.CniVpp{}.AddOnHost(c.container, c.ifName)
	case "ovs-dpdk":
		err = cniovs.AddOnHost(&c.conf.Host, c.container, c.ifName, c.sharedDir)
	default:
		err = errors.New("ERROR: Unknown Host Engine:" + c.conf.Host.Engine)
	}
	if err != nil {
		return err
	}
	answer := result{Interfaces: []networkInterface{{c.ifName, c.netns}}}
	if err := c.annotate(answer); err != nil {
		return err
	}
	answer.CNIVersion = resultVersion
	text, err := json.MarshalIndent(answer, "", "    ")
	fmt.Println(string(text))
	return err
}

func (c *call) annotate(answer result) error {
	if c.pod == nil {
		return errors.New("SaveRemoteConfig(): Error pod is set to: nil")
	}
	inside := c.conf.Container
	if inside.IfType == "" {
		inside.IfType = c.conf.Host.IfType
	}
	if inside.NetType == "" {
		inside.NetType = "interface"
	}
	if inside.Vhost.Mode == "" {
		inside.Vhost.Mode = map[bool]string{true: "server", false: "client"}[c.conf.Host.Vhost.Mode == "client"]
	}
	inside.Vhost.Socketfile = c.conf.Host.Vhost.Socketfile
	return c.client.Annotate(c.pod, map[string]interface{}{
		"containerId": c.container, "ifName": c.ifName, "name": c.conf.Name, "config": inside, "ipResult": answer,
	})
}

func (c *call) del() error {
	cniovs.Logf("DEL %s %s", c.container, c.ifName)
	c.findPod()
	var err error
	switch c.conf.Host.Engine {
	case "vpp":
		err = cnivpp.CniVpp{}.DelFromHost(c.container, c.ifName)
	case "ovs-dpdk":
		err = cniovs.DelFromHost(&c.conf.Host, c.container, c.ifName, c.sharedDir)
	default:
		err = errors.New("ERROR: Unknown Host Engine:" + c.conf.Host.Engine)
	}
	if err != nil {
		return err
	}
	cniovs.DelFromContainer(c.sharedDir)
	if c.netns != "" {
		if _, err := os.Stat(c.netns); err != nil {
			return fmt.Errorf("failed to Statfs %q: %v", c.netns, err)
		}
	}
	return nil
}

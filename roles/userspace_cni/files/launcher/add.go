package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// prepareAdd looks the pod up, chooses the socket's place and writes the record: from then on everything can be undone, by whoever comes.
func (n *session) prepareAdd() error {
	options, err := parseOptions(n.conf.Port)
	if err != nil {
		return err
	}
	namespace, name := n.arguments["K8S_POD_NAMESPACE"], n.arguments["K8S_POD_NAME"]
	if namespace == "" || name == "" {
		return errors.New("CNI_ARGS names no pod (K8S_POD_NAMESPACE, K8S_POD_NAME)")
	}
	if n.conf.KubeConfig == "" {
		return errors.New("the attachment names no kubeconfig, without which the pod's volumes cannot be read")
	}
	found, err := readPod(n.conf.KubeConfig, namespace, name, n.deadline)
	if err != nil {
		return err
	}
	given := n.arguments["K8S_POD_UID"]
	if given == "" {
		given = uidOfSandbox(os.Getenv("CNI_NETNS"))
	}
	uid, err := found.uid(given)
	if err != nil {
		return err
	}
	// A pod's UID is its own, but where the runtime gives none, that of a static pod is an annotation, which any pod can have.
	for _, other := range n.records() {
		if other.UID == uid && other.Pod != "" && (other.Namespace != namespace || other.Pod != name) {
			return fmt.Errorf("the pod %s/%s says that it has the UID %s, which is that of %s/%s", namespace, name, uid, other.Namespace, other.Pod)
		}
	}
	network := n.conf.Network
	if network == "" {
		network = n.conf.Name
	}
	n.record = record{
		Phase: adding, Container: n.container, IfName: n.ifName, Network: network, Namespace: namespace, Pod: name, UID: uid,
		Port: n.name(), Sandbox: seeSandbox(os.Getenv("CNI_NETNS")), Options: options,
	}
	if err = n.writeRecord(n.name(), n.record); err != nil {
		return err
	}
	return n.choosePlace(found)
}

func (n *session) add() int {
	var err error
	if n.lock, err = n.settings.lock(n.name(), n.patience()); err != nil {
		return printError(n.conf.CNIVersion, codeTryAgain, "the attachment cannot be made yet", err.Error())
	}
	before, found := n.readRecord(n.name())
	if found && n.isOfAnother(before.Container) && over(before) == "" {
		return printError(n.conf.CNIVersion, codeInternal, "the attachment cannot be made", fmt.Sprintf("the sandbox %s of the pod %s/%s has the same first "+
			"%d characters, after which the plugin names ports: create this pod again", before.Container, before.Namespace, before.Pod, shortID))
	}
	_ = os.Remove(n.deletePath(n.name()))
	// Of an earlier try that was cut off: its place may be another one.
	if found {
		if err := n.undo(before, n.name()); err != nil {
			return printError(n.conf.CNIVersion, codeTryAgain, "what an earlier call left cannot be removed yet", err.Error())
		}
	}
	if err = n.prepareAdd(); err != nil {
		n.because(err.Error())
		return n.failAdd(nil, "", 1, "the attachment cannot be made")
	}
	stdout, stderr, code := n.runGuarded()
	if code != 0 {
		return n.failAdd(stdout, stderr, code, "Userspace CNI failed")
	}
	if err = n.keep(stdout); err != nil {
		n.because(err.Error())
		return n.failAdd(nil, "", 1, "the attachment would not work")
	}
	n.logf("ADD %s: socket %s", n.name(), n.record.Socket)
	_, _ = os.Stdout.Write(stdout)
	n.sweepQuickly()
	return 0
}

// patience is how long a call waits for another one of the same attachment.
func (n *session) patience() time.Time {
	return time.Now().Add(time.Duration(n.RetrySeconds+n.PluginSeconds) * time.Second)
}

// keep moves the socket to its place, and makes the record final.
func (n *session) keep(stdout []byte) error {
	if !n.added {
		return errors.New("the plugin reported success without adding a port")
	}
	if err := checkResult(stdout); err != nil {
		return err
	}
	if err := n.confirmPod(); err != nil {
		return err
	}
	if n.clientPath == "" {
		if err := n.placeSocket(); err != nil {
			return err
		}
	} else if err := n.checkSeen(); err != nil {
		return err
	}
	// A DEL that could not wait.
	if _, err := os.Lstat(n.deletePath(n.name())); err == nil {
		return errors.New("the attachment was deleted while it was made")
	}
	n.record.Phase = ready
	return n.writeRecord(n.name(), n.record)
}

// failAdd undoes everything, and prints the plugin's own error with the cause that it does not know.
func (n *session) failAdd(stdout []byte, stderr string, code int, failure string) int {
	cause := n.cause
	if err := n.cleanUp(); err != nil {
		n.logf("ADD %s: what failed could not be undone, a later call will: %v", n.name(), err)
	}
	if n.conf.IPAM.Type != "" {
		if err := n.releaseAddress(); err != nil {
			n.logf("ADD %s: the address could not be released, DEL will: %v", n.name(), err)
		}
	}
	var told struct {
		Version string `json:"cniVersion"`
		Code    int    `json:"code"`
		Message string `json:"msg"`
		Details string `json:"details"`
	}
	if json.Unmarshal(stdout, &told) != nil || told.Message == "" {
		told.Code, told.Message, told.Details = codeInternal, failure, stderr
	}
	if told.Version == "" {
		told.Version = n.conf.CNIVersion
	}
	if cause == "" {
		cause = strings.TrimSpace(told.Details)
	}
	n.logf("ADD %s: failed: %s (%s)", n.name(), told.Message, cause)
	printError(told.Version, told.Code, told.Message, cause)
	return code
}

// cleanUp removes whatever is left of the attachment. Only an Open vSwitch that cannot be asked is an error: then the port may still be there, and the
// record says that it has to go.
func (n *session) cleanUp() error {
	if n.record.Port == "" {
		n.forget(n.name(), n.lock)
		return nil
	}
	n.record.Phase = deleting
	if err := n.writeRecord(n.name(), n.record); err != nil {
		n.logf("%s %s: %v", n.command, n.name(), err)
	}
	if answer := n.deletePorts(); answer.Code != 0 {
		return errors.New("Open vSwitch could not be asked to delete the port: " + n.cause)
	}
	if err := n.removePlace(n.record, n.name()); err != nil {
		return err
	}
	_ = os.Remove(n.pluginRecord(n.name()))
	n.forget(n.name(), n.lock)
	n.lock = nil
	return nil
}

package main

import (
	"encoding/json"
	"errors"
	"net/http"
)

// The annotation in which the plugin tells an application of its sockets, with an entry for each attachment of each sandbox.
const noteKey = "userspace/configuration-data"

// confirmPod looks whether the pod is still the same one. The plugin asks for it by its name alone, so it may have written into another pod that took
// the name meanwhile.
func (n *session) confirmPod() error {
	found, err := readPod(n.conf.KubeConfig, n.record.Namespace, n.record.Pod, n.deadline)
	if err != nil {
		return err
	}
	if _, err = found.uid(n.record.UID); err == nil {
		return nil
	}
	if err := n.withdrawNote(); err != nil {
		n.logf("ADD %s: the other pod of this name keeps the entry of this sandbox in its annotation %s: %v", n.name(), noteKey, err)
	}
	return err
}

// withdrawNote takes the entries of this sandbox out of the annotation of a pod that it does not belong to.
func (n *session) withdrawNote() error {
	path := podPath(n.record.Namespace, n.record.Pod)
	for try := 0; ; try++ {
		content, _, err := ask(n.conf.KubeConfig, http.MethodGet, path, nil)
		if err != nil {
			return err
		}
		changed, err := withoutEntries(content, n.container)
		if err != nil || changed == nil {
			return err
		}
		// It has the version that was read, so that nothing is lost that another one writes now.
		_, status, err := ask(n.conf.KubeConfig, http.MethodPut, path+"/status", changed)
		if status != http.StatusConflict || try == 5 {
			return err
		}
	}
}

// withoutEntries returns a pod's object without the entries of a sandbox, or nothing where there are none.
func withoutEntries(pod []byte, container string) ([]byte, error) {
	var object, metadata map[string]json.RawMessage
	var annotations map[string]string
	var all []json.RawMessage
	if err := json.Unmarshal(pod, &object); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(object["metadata"], &metadata); err != nil {
		return nil, err
	}
	if len(metadata["annotations"]) == 0 {
		return nil, nil
	}
	if err := json.Unmarshal(metadata["annotations"], &annotations); err != nil {
		return nil, err
	}
	if annotations[noteKey] == "" {
		return nil, nil
	}
	if err := json.Unmarshal([]byte(annotations[noteKey]), &all); err != nil {
		return nil, errors.New("the annotation is no list")
	}
	var kept []json.RawMessage
	for _, text := range all {
		var entry struct {
			Container string `json:"containerId"`
		}
		if json.Unmarshal(text, &entry) != nil || entry.Container != container {
			kept = append(kept, text)
		}
	}
	if len(kept) == len(all) {
		return nil, nil
	}
	delete(annotations, noteKey)
	if len(kept) > 0 {
		annotations[noteKey] = string(marshal(kept))
	}
	metadata["annotations"] = marshal(annotations)
	object["metadata"] = marshal(metadata)
	return marshal(object), nil
}

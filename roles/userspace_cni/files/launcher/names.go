package main

import (
	"regexp"
	"strings"
)

// The plugin names everything after this many characters of the container's id.
const shortID = 12

var (
	// What the CNI specification allows as a container's id; the plugin takes the first 12 characters and fails without them.
	containerID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{11,255}$`)
	// An interface name of Linux has at most 15 characters. The plugin makes a regular expression of it, and a file name.
	interfaceName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,15}$`)
	// A pod's UID is a UUID, that of a static pod a hash.
	podUID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{7,63}$`)
	// Only directories with such a name below PodsDir can have been made for a pod.
	podDirectory = regexp.MustCompile(`^([0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$`)
	objectName   = regexp.MustCompile(`^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$`)
)

func plainContainer(id string) bool { return containerID.MatchString(id) }

func plainInterface(name string) bool {
	return interfaceName.MatchString(name) && name != "." && name != ".."
}

// cniArguments reads CNI_ARGS; a value that cannot be what its key says is left out.
func cniArguments(text string) map[string]string {
	valid := map[string]*regexp.Regexp{"K8S_POD_UID": podUID, "K8S_POD_NAMESPACE": objectName, "K8S_POD_NAME": objectName}
	found := map[string]string{}
	for _, pair := range strings.Split(text, ";") {
		key, value, _ := strings.Cut(pair, "=")
		if pattern := valid[key]; pattern == nil || pattern.MatchString(value) {
			found[key] = value
		}
	}
	return found
}

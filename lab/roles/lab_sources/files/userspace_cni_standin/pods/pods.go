// Package pods reads and annotates pods through the Kubernetes API.
package pods

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

const (
	volumeName     = "shared-dir"
	configKey      = "userspace/configuration-data"
	mappedDirKey   = "userspace/mapped-dir"
	defaultMapping = "/var/lib/cni/usrspcni"
)

// Client talks to one API server.
type Client struct {
	server string
	token  string
	http   *http.Client
}

// Pod is a pod's object, kept whole so that it can be written back.
type Pod struct {
	raw map[string]interface{}
}

func field(text, name string) string {
	match := regexp.MustCompile(`"?` + name + `"?:\s*"?([^\s",]+)`).FindStringSubmatch(text)
	if match == nil {
		return ""
	}
	return match[1]
}

// NewClient reads a kubeconfig: server, certificate authority, and a token or a client certificate.
func NewClient(kubeconfig string) (*Client, error) {
	content, err := os.ReadFile(kubeconfig)
	if err != nil {
		return nil, err
	}
	text := string(content)
	config := &tls.Config{RootCAs: x509.NewCertPool()}
	if authority, err := base64.StdEncoding.DecodeString(field(text, "certificate-authority-data")); err == nil {
		config.RootCAs.AppendCertsFromPEM(authority)
	}
	certificate, _ := base64.StdEncoding.DecodeString(field(text, "client-certificate-data"))
	key, _ := base64.StdEncoding.DecodeString(field(text, "client-key-data"))
	if pair, err := tls.X509KeyPair(certificate, key); err == nil {
		config.Certificates = []tls.Certificate{pair}
	}
	transport := &http.Transport{TLSClientConfig: config}
	return &Client{field(text, "server"), field(text, "token"), &http.Client{Transport: transport}}, nil
}

func (c *Client) do(method, path string, body []byte) ([]byte, error) {
	request, err := http.NewRequest(method, strings.TrimSuffix(c.server, "/")+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := c.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode/100 != 2 {
		err = fmt.Errorf("%s %s: %s", method, path, response.Status)
	}
	return answer, err
}

// Get reads a pod.
func (c *Client) Get(namespace, name string) (*Pod, error) {
	answer, err := c.do(http.MethodGet, "/api/v1/namespaces/"+namespace+"/pods/"+name, nil)
	if err != nil {
		return nil, err
	}
	pod := &Pod{}
	return pod, json.Unmarshal(answer, &pod.raw)
}

func (p *Pod) section(names ...string) map[string]interface{} {
	at := p.raw
	for _, name := range names {
		next, ok := at[name].(map[string]interface{})
		if !ok {
			next = map[string]interface{}{}
			at[name] = next
		}
		at = next
	}
	return at
}

func named(list interface{}, name string) map[string]interface{} {
	items, _ := list.([]interface{})
	for _, item := range items {
		if object, ok := item.(map[string]interface{}); ok && object["name"] == name {
			return object
		}
	}
	return nil
}

// SharedDir is the directory on the host that the pod shares with the plugin.
func (p *Pod) SharedDir() (string, error) {
	volume := named(p.section("spec")["volumes"], volumeName)
	if hostPath, ok := volume["hostPath"].(map[string]interface{}); ok {
		return hostPath["path"].(string), nil
	}
	if _, ok := volume["emptyDir"]; ok {
		uid := fmt.Sprint(p.section("metadata")["uid"])
		return filepath.Join("/var/lib/kubelet/pods", uid, "volumes/kubernetes.io~empty-dir", volumeName), nil
	}
	return "", errors.New("the pod has no volume " + volumeName)
}

func (p *Pod) mappedDir() string {
	found := defaultMapping
	containers, _ := p.section("spec")["containers"].([]interface{})
	for _, container := range containers {
		object, _ := container.(map[string]interface{})
		if mount := named(object["volumeMounts"], volumeName); mount != nil {
			found = fmt.Sprint(mount["mountPath"])
		}
	}
	return found
}

// Annotate adds one attachment's configuration for the pod's application.
func (c *Client) Annotate(pod *Pod, data interface{}) error {
	entry, err := json.MarshalIndent(data, "", "    ")
	if err != nil {
		return err
	}
	annotations := pod.section("metadata", "annotations")
	if mapped, ok := annotations[mappedDirKey].(string); ok && filepath.Clean(mapped) != filepath.Clean(pod.mappedDir()) {
		return fmt.Errorf("%s is %q already, not %q", mappedDirKey, mapped, pod.mappedDir())
	}
	annotations[mappedDirKey] = pod.mappedDir()
	entries := string(entry)
	if before, ok := annotations[configKey].(string); ok {
		entries = strings.Trim(before, "[]") + "," + entries
	}
	annotations[configKey] = "[" + entries + "]"
	body, err := json.Marshal(pod.raw)
	if err != nil {
		return err
	}
	metadata := pod.section("metadata")
	_, err = c.do(http.MethodPut, fmt.Sprintf("/api/v1/namespaces/%s/pods/%s/status", metadata["namespace"], metadata["name"]), body)
	return err
}

package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// pod is as much of a pod's object as the launcher needs.
type pod struct {
	Metadata struct {
		Name, Namespace, UID string
		Annotations          map[string]string
	} `json:"metadata"`
	Spec struct {
		NodeName string `json:"nodeName"`
		Volumes  []struct {
			Name     string                 `json:"name"`
			HostPath *struct{ Path string } `json:"hostPath"`
			EmptyDir *struct{}              `json:"emptyDir"`
		} `json:"volumes"`
	} `json:"spec"`
}

// uid is the UID under which the kubelet knows the pod, which is what a container gets as metadata.uid. The API has a static pod as a mirror with another UID.
func (p pod) uid(given string) (string, error) {
	uid := p.Metadata.UID
	if p.Metadata.Annotations["kubernetes.io/config.mirror"] != "" {
		uid = p.Metadata.Annotations["kubernetes.io/config.hash"]
	}
	// Docker's runtimes give no UID. Where one is given, the pod may have been replaced by another one of the same name meanwhile.
	if given != "" && given != uid {
		return "", fmt.Errorf("the pod %s/%s has the UID %s by now, and this sandbox is of %s", p.Metadata.Namespace, p.Metadata.Name, uid, given)
	}
	if !podUID.MatchString(uid) {
		return "", fmt.Errorf("the API server's pod %s/%s has no UID", p.Metadata.Namespace, p.Metadata.Name)
	}
	return uid, nil
}

var (
	processNetns = regexp.MustCompile(`^/proc/([0-9]+)/ns/net$`)
	// As the kubelet and systemd name the control group of a pod.
	groupOfPod = regexp.MustCompile(`[/-]pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})[./:]`)
)

// uidOfSandbox is the UID of the pod in whose control group the sandbox's process is. Docker's runtimes name the process in the namespace's path, and
// give no UID. Before a sandbox has its network, nothing of the pod's author runs in it.
func uidOfSandbox(netns string) string {
	process := processNetns.FindStringSubmatch(netns)
	if process == nil {
		return ""
	}
	groups, err := os.ReadFile("/proc/" + process[1] + "/cgroup")
	if err != nil {
		return ""
	}
	found := groupOfPod.FindAllStringSubmatch(string(groups), -1)
	if found == nil {
		return ""
	}
	// The innermost one: a node may be in a pod itself.
	return strings.ReplaceAll(found[len(found)-1][1], "_", "-")
}

// access is what a kubeconfig says of its current context. Files that it names are read at each call, so that a token or an authority that is
// renewed there is used from then on.
type access struct {
	server, serverName          string
	insecure                    bool
	token                       string
	authority, certificate, key []byte
}

type namedCluster struct {
	Name    string `json:"name"`
	Cluster struct {
		Server    string `json:"server"`
		Insecure  bool   `json:"insecure-skip-tls-verify"`
		Name      string `json:"tls-server-name"`
		Authority string `json:"certificate-authority"`
		Data      string `json:"certificate-authority-data"`
	} `json:"cluster"`
}

type namedUser struct {
	Name string `json:"name"`
	User struct {
		Token           string `json:"token"`
		TokenFile       string `json:"tokenFile"`
		Certificate     string `json:"client-certificate"`
		CertificateData string `json:"client-certificate-data"`
		Key             string `json:"client-key"`
		KeyData         string `json:"client-key-data"`
	} `json:"user"`
}

var (
	yamlLine = regexp.MustCompile(`^[ -]*["']?([A-Za-z-]+)["']?:(?:[ \t]+(.*))?$`)
	// A value in quotes, or one without, up to a comment.
	yamlQuoted = regexp.MustCompile(`^(?:"([^"\\]*)"|'([^']*)')[ \t]*(?:#.*)?$`)
	// A key of a mapping that is in one line.
	yamlFlow    = regexp.MustCompile(`[{,][ \t]*["']?([A-Za-z-]+)["']?:`)
	yamlComment = regexp.MustCompile(`(?:^|[ \t]+)#.*$`)
)

// parseYAML reads what is needed of a kubeconfig line by line. What it would read wrong it refuses: a request with the credentials of another user, or to
// another server, would not show its cause.
func parseYAML(content string) (kubeconfig, error) {
	config := kubeconfig{Clusters: make([]namedCluster, 1), Users: make([]namedUser, 1)}
	cluster, user := &config.Clusters[0].Cluster, &config.Users[0].User
	insecure := ""
	values := map[string]*string{
		"server": &cluster.Server, "tls-server-name": &cluster.Name, "insecure-skip-tls-verify": &insecure,
		"certificate-authority": &cluster.Authority, "certificate-authority-data": &cluster.Data,
		"token": &user.Token, "tokenFile": &user.TokenFile, "client-certificate": &user.Certificate, "client-certificate-data": &user.CertificateData,
		"client-key": &user.Key, "client-key-data": &user.KeyData,
	}
	refused := func(key, what string) error {
		return fmt.Errorf("%s %s, which is not understood in YAML: write the file in JSON, or with one cluster and one user and each value in the line of its key",
			key, what)
	}
	count := map[string]int{}
	lines := strings.Split(strings.ReplaceAll(content, "\r", ""), "\n")
	for i, line := range lines {
		found := yamlLine.FindStringSubmatch(line)
		if found == nil {
			for _, pair := range yamlFlow.FindAllStringSubmatch(line, -1) {
				if _, scalar := values[pair[1]]; scalar {
					return config, refused(pair[1], "is in braces")
				}
			}
			continue
		}
		key, text := found[1], strings.TrimSpace(yamlComment.ReplaceAllString(found[2], ""))
		if (key == "clusters" || key == "users" || key == "cluster" || key == "user") && strings.ContainsAny(text, "{[&*") && text != "[]" {
			return config, refused(key, "has what belongs to it in one line")
		}
		value, scalar := values[key]
		// In a context these two have a name.
		if scalar || (key == "cluster" || key == "user") && text == "" {
			if count[key]++; count[key] > 1 {
				return config, refused(key, "is there more than once")
			}
		}
		if !scalar {
			continue
		}
		quoted := yamlQuoted.FindStringSubmatch(found[2])
		switch {
		case quoted != nil:
			*value = quoted[1] + quoted[2]
		case continues(lines[i+1:]), text != "" && strings.ContainsAny(text[:1], "|>&*!{["):
			return config, refused(key, "has its value in other lines or in another place")
		case text == "null" || text == "~":
		case text != "" && strings.ContainsAny(text[:1], "\"'"):
			return config, refused(key, "has a quoted value with more than plain text")
		default:
			*value = text
		}
	}
	cluster.Insecure = insecure == "true"
	return config, nil
}

// continues says whether the first of these lines that has a text is no key, so that it belongs to what was before.
func continues(lines []string) bool {
	for _, line := range lines {
		if text := strings.TrimSpace(yamlComment.ReplaceAllString(line, "")); text != "" {
			return yamlLine.FindStringSubmatch(line) == nil && !strings.HasPrefix(text, "- ") && text != "---" && text != "..."
		}
	}
	return false
}

type kubeconfig struct {
	Current  string         `json:"current-context"`
	Clusters []namedCluster `json:"clusters"`
	Users    []namedUser    `json:"users"`
	Contexts []struct {
		Name    string `json:"name"`
		Context struct {
			Cluster string `json:"cluster"`
			User    string `json:"user"`
		} `json:"context"`
	} `json:"contexts"`
}

// readKubeconfig understands JSON, and YAML of one cluster and one user, as the kubelet's and Multus' are.
func readKubeconfig(path string) (access, error) {
	var config kubeconfig
	content, err := os.ReadFile(path)
	if err != nil {
		return access{}, err
	}
	if json.Unmarshal(content, &config) != nil {
		if config, err = parseYAML(string(content)); err != nil {
			return access{}, err
		}
	}
	if len(config.Clusters) == 0 || len(config.Users) == 0 {
		return access{}, fmt.Errorf("%s names no cluster and user", path)
	}
	cluster, user := config.Clusters[0], config.Users[0]
	for _, context := range config.Contexts {
		if context.Name != config.Current {
			continue
		}
		for _, other := range config.Clusters {
			if other.Name == context.Context.Cluster {
				cluster = other
			}
		}
		for _, other := range config.Users {
			if other.Name == context.Context.User {
				user = other
			}
		}
	}
	a := access{server: strings.TrimSuffix(cluster.Cluster.Server, "/"), serverName: cluster.Cluster.Name, insecure: cluster.Cluster.Insecure, token: user.User.Token}
	if a.server == "" {
		return a, fmt.Errorf("%s names no server", path)
	}
	// Multus before v4.2.3 writes an IPv4 address in brackets, which newer Go refuses.
	a.server = regexp.MustCompile(`^(https?://)\[(\d+\.\d+\.\d+\.\d+)\]`).ReplaceAllString(a.server, "$1$2")
	read := func(data, file string) []byte {
		if err != nil || data == "" && file == "" {
			return nil
		}
		var text []byte
		if data != "" {
			text, err = base64.StdEncoding.DecodeString(data)
			return text
		}
		if !filepath.IsAbs(file) {
			file = filepath.Join(filepath.Dir(path), file)
		}
		text, err = os.ReadFile(file)
		return text
	}
	a.authority = read(cluster.Cluster.Data, cluster.Cluster.Authority)
	a.certificate = read(user.User.CertificateData, user.User.Certificate)
	a.key = read(user.User.KeyData, user.User.Key)
	// As in client-go, the file comes first.
	if user.User.TokenFile != "" {
		a.token = strings.TrimSpace(string(read("", user.User.TokenFile)))
	}
	return a, err
}

func (a access) client() (*http.Client, error) {
	config := &tls.Config{ServerName: a.serverName, InsecureSkipVerify: a.insecure}
	if len(a.authority) > 0 {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(a.authority) {
			return nil, errors.New("the certificate authority is no PEM certificate")
		}
	}
	if len(a.certificate) > 0 {
		pair, err := tls.X509KeyPair(a.certificate, a.key)
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: config, Proxy: http.ProxyFromEnvironment}}, nil
}

var (
	errNoPod      = errors.New("there is no such pod")
	errKubeconfig = errors.New("the plugin's kubeconfig")
)

// readPod asks the API server, again and again while it does not answer. The kubeconfig is read each time, since it may be just renewed.
func readPod(path, namespace, name string, deadline time.Time) (pod, error) {
	for pause := 200 * time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
		found, again, err := askForPod(path, namespace, name)
		if err == nil || !again || time.Until(deadline) < pause {
			return found, err
		}
		time.Sleep(pause)
	}
}

func podPath(namespace, name string) string {
	return "/api/v1/namespaces/" + url.PathEscape(namespace) + "/pods/" + url.PathEscape(name)
}

func askForPod(path, namespace, name string) (found pod, again bool, err error) {
	content, status, err := ask(path, http.MethodGet, podPath(namespace, name), nil)
	if err == nil {
		err = json.Unmarshal(content, &found)
		return found, false, err
	}
	if errors.Is(err, errNoPod) {
		return found, false, fmt.Errorf("%w: %s/%s", err, namespace, name)
	}
	again = status == 0 || status == http.StatusTooManyRequests || status >= 500
	return found, again && !errors.Is(err, errKubeconfig), err
}

// ask sends one request, and returns the answer's content and status. The status is 0 where there was no answer.
func ask(kubeconfig, method, path string, body []byte) ([]byte, int, error) {
	a, err := readKubeconfig(kubeconfig)
	if errors.Is(err, os.ErrNotExist) {
		return nil, 0, fmt.Errorf("the plugin's kubeconfig: %w", err)
	}
	var client *http.Client
	if err == nil {
		client, err = a.client()
	}
	if err != nil {
		return nil, 0, fmt.Errorf("%w %s: %w", errKubeconfig, kubeconfig, err)
	}
	limit, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(limit, method, a.server+path, bytes.NewReader(body))
	if err != nil {
		return nil, 0, fmt.Errorf("%w %s: %w", errKubeconfig, kubeconfig, err)
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "userspace-cni-launcher")
	if a.token != "" {
		request.Header.Set("Authorization", "Bearer "+a.token)
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, 0, err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(io.LimitReader(response.Body, 8<<20))
	switch {
	case err != nil:
		return nil, 0, err
	case response.StatusCode == http.StatusNotFound:
		return nil, response.StatusCode, errNoPod
	case response.StatusCode != http.StatusOK:
		return nil, response.StatusCode, fmt.Errorf("the API server answers %s to the plugin's kubeconfig %s for %s", response.Status, kubeconfig, path)
	}
	return content, response.StatusCode, nil
}

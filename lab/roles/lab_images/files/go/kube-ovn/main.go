// The CNI plugin of the lab's Kube-OVN stand-in. Like the released one it only hands the call
// over to the daemon on server_socket, and prints the daemon's answer.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

type netConf struct {
	CNIVersion   string `json:"cniVersion"`
	ServerSocket string `json:"server_socket"`
}

func fail(version string, err error) {
	json.NewEncoder(os.Stdout).Encode(map[string]any{"cniVersion": version, "code": 999, "msg": err.Error()})
	os.Exit(1)
}

func main() {
	command := os.Getenv("CNI_COMMAND")
	if command == "VERSION" {
		fmt.Println(`{"cniVersion":"0.3.1","supportedVersions":["0.3.0","0.3.1","0.4.0","1.0.0"]}`)
		return
	}
	stdin, err := io.ReadAll(os.Stdin)
	if err != nil {
		fail("0.3.1", err)
	}
	var conf netConf
	if err := json.Unmarshal(stdin, &conf); err != nil {
		fail("0.3.1", err)
	}
	if conf.ServerSocket == "" {
		fail(conf.CNIVersion, fmt.Errorf("server_socket is required in the network configuration"))
	}
	args := map[string]string{}
	for _, pair := range strings.Split(os.Getenv("CNI_ARGS"), ";") {
		if key, value, found := strings.Cut(pair, "="); found {
			args[key] = value
		}
	}
	request, err := json.Marshal(map[string]any{
		"command": command, "container_id": os.Getenv("CNI_CONTAINERID"), "netns": os.Getenv("CNI_NETNS"),
		"ifname": os.Getenv("CNI_IFNAME"), "args": args, "config": json.RawMessage(stdin),
	})
	if err != nil {
		fail(conf.CNIVersion, err)
	}
	client := http.Client{
		Timeout: 60 * time.Second,
		Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", conf.ServerSocket)
		}},
	}
	response, err := client.Post("http://kube-ovn/cni", "application/json", bytes.NewReader(request))
	if err != nil {
		fail(conf.CNIVersion, err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		fail(conf.CNIVersion, err)
	}
	if response.StatusCode != http.StatusOK {
		fail(conf.CNIVersion, fmt.Errorf("%s", strings.TrimSpace(string(answer))))
	}
	os.Stdout.Write(answer)
}

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// settings come from launcher.json beside the plugin; what is not there has the value set in load.
type settings struct {
	// RunDir is where Open vSwitch makes its sockets and pid files, as seen on the host.
	RunDir string `json:"ovs_rundir"`
	// PodsDir: a pod whose volume shared-dir is this directory gets a directory of its own below it, named after its UID.
	PodsDir string `json:"pods_dir"`
	// Path is where the real tools are.
	Path string `json:"path"`
	// StateDir keeps a record of each attachment; WorkDir the sockets, locks and scratch directories of running launchers. Only root can enter them.
	StateDir string `json:"state_dir"`
	WorkDir  string `json:"work_dir"`
	LogFile  string `json:"log_file"`
	LogBytes int64  `json:"log_bytes"`
	// RetrySeconds bounds the wait for an Open vSwitch that restarts, PluginSeconds the whole run of the plugin.
	RetrySeconds  int `json:"retry_seconds"`
	PluginSeconds int `json:"plugin_seconds"`
	// KubeletPods has a directory for each pod that the kubelet knows.
	KubeletPods string `json:"kubelet_pods_dir"`
	// The plugin's own directories.
	ShortDirs   string `json:"plugin_short_dirs"`
	PluginState string `json:"plugin_state_dir"`

	home string
}

func load() (settings, error) {
	s := settings{
		RunDir: "/run/openvswitch", PodsDir: "/run/openvswitch/pods",
		Path:     "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		StateDir: "/var/lib/cni/userspace-launcher", WorkDir: "/run/userspace-cni",
		LogFile: "/var/log/userspace-cni-launcher.log", LogBytes: 10 << 20,
		RetrySeconds: 20, PluginSeconds: 60, KubeletPods: "/var/lib/kubelet/pods",
		ShortDirs: "/var/lib/vhost_sockets", PluginState: "/var/lib/cni/usrspcni/data",
	}
	var err error
	if s.home, err = home(); err != nil {
		return s, err
	}
	content, err := os.ReadFile(filepath.Join(s.home, "launcher.json"))
	if errors.Is(err, os.ErrNotExist) {
		return s, nil
	}
	if err == nil {
		err = json.Unmarshal(content, &s)
	}
	return s, err
}

// home is the directory "userspace" beside the directory of CNI plugins. That directory may be a symbolic link, and then home is beside the link
// or beside its target, depending on who installed it.
func home() (string, error) {
	executable, err := os.Executable()
	if err != nil {
		return "", err
	}
	candidates := []string{executable}
	if filepath.IsAbs(os.Args[0]) {
		candidates = append(candidates, os.Args[0])
	}
	for _, dir := range filepath.SplitList(os.Getenv("CNI_PATH")) {
		if filepath.IsAbs(dir) {
			candidates = append(candidates, filepath.Join(dir, "userspace"))
		}
	}
	for i, candidate := range candidates {
		candidates[i] = filepath.Join(filepath.Dir(filepath.Dir(candidate)), "userspace")
		if _, err := os.Stat(filepath.Join(candidates[i], "bin", "userspace")); err == nil {
			return candidates[i], nil
		}
	}
	return candidates[0], nil
}

func (s settings) plugin() string { return filepath.Join(s.home, "bin", "userspace") }

// makeWorkDirs creates the directories that only root may enter, and takes others' rights away where they exist.
func (s settings) makeWorkDirs() error {
	for _, dir := range []string{s.StateDir, s.WorkDir, filepath.Join(s.WorkDir, "locks")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		if err := os.Chmod(dir, 0o700); err != nil {
			return err
		}
	}
	return nil
}

// logf writes one line; neither a missing log nor a full disk may ever fail a pod.
func (s settings) logf(format string, args ...interface{}) {
	_ = os.MkdirAll(filepath.Dir(s.LogFile), 0o755)
	file := rotate(s.LogFile, s.LogBytes)
	if file == nil {
		return
	}
	defer file.Close()
	line := fmt.Sprintf(format, args...)
	fmt.Fprintf(file, "%s [%d] %s\n", time.Now().UTC().Format(time.RFC3339Nano), os.Getpid(), strings.ReplaceAll(line, "\n", " | "))
}

// rotate opens a log for appending, after it has been renamed where it is too long. Only a regular file is a log, and a symbolic link is not
// followed. The lock keeps two launchers from renaming it twice.
func rotate(path string, limit int64) *os.File {
	for try := 0; try < 3; try++ {
		file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o640)
		if err != nil {
			return nil
		}
		info, err := file.Stat()
		if err == nil && !info.Mode().IsRegular() {
			file.Close()
			return nil
		}
		if err != nil || info.Size() < limit {
			return file
		}
		_ = syscall.Flock(int(file.Fd()), syscall.LOCK_EX)
		if now, err := os.Lstat(path); err == nil && os.SameFile(now, info) {
			_ = os.Rename(path, path+".1")
		}
		file.Close()
	}
	return nil
}

// The launcher of Userspace CNI.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

func main() {
	exe, err := os.Executable()
	if err != nil {
		fmt.Println(`{"code": 999, "msg": "the launcher does not know where it is"}`)
		os.Exit(1)
	}
	os.Setenv("OVS_SOCKDIR", "/run/openvswitch")
	os.Setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
	plugin := filepath.Join(filepath.Dir(exe), "../userspace/bin/userspace")
	err = syscall.Exec(plugin, os.Args, os.Environ())
	fmt.Printf(`{"code": 999, "msg": %q}`+"\n", "cannot run "+plugin+": "+err.Error())
	os.Exit(1)
}

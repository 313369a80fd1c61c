package main

import (
	"os"
	"path/filepath"
	"time"
)

func main() {
	if filepath.Base(os.Args[0]) == "ovs-vswitchd" {
		time.Sleep(10 * time.Minute)
	}
	os.Args[0] = filepath.Base(os.Args[0])
	for _, word := range os.Args {
		os.Stdout.WriteString(word + "\x00")
	}
	os.Exit(37)
}

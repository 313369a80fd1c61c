#!/bin/sh
# Runs on the node and only reads: what the PMD threads took and gave, and how often a CPU limit held them.
#   switch.sh RUNDIR
# The pods of Open vSwitch share the node's process numbers, so its own tools are found from its pid, whatever the container runtime.
set -u
pid=$(cut -d ' ' -f 1 "$1/ovs-vswitchd.pid") || exit 1
nsenter -t "$pid" -m -- ovs-appctl dpif-netdev/pmd-perf-show
while IFS=: read -r number controllers path; do
    case $number:$controllers in
    0:) cat "/sys/fs/cgroup$path/cpu.stat" ;;
    *:cpu | *:cpu,* | *:*,cpu | *:*,cpu,*) cat "/sys/fs/cgroup/cpu$path/cpu.stat" ;;
    esac 2> /dev/null
done < "/proc/$pid/cgroup"
exit 0

#!/usr/bin/env bash
# Waits for the node's OVS, then serves the CNI plugin.
set -euo pipefail

socket=/run/openvswitch/kube-ovn-daemon.sock
trap 'rm -f "$socket"' EXIT
trap 'exit 0' TERM INT
rm -f "$socket"

# Of both daemons: a socket that was left behind answers nothing.
answers() {
    local pid
    read -r pid < "/run/openvswitch/$1.pid" && ovs-appctl -T 1 -t "/run/openvswitch/$1.$pid.ctl" version
}
until [ -S /run/openvswitch/db.sock ] && answers ovsdb-server && answers ovs-vswitchd; do
    echo "waiting for ovs"
    sleep 1
done > >(grep --line-buffered waiting) 2> /dev/null

# Pods are forwarded to; another tool may have set the default to drop.
iptables -P FORWARD ACCEPT || true
iptables-nft -P FORWARD ACCEPT || true
/kube-ovn/kube-ovn-daemon --ovs-socket=/run/openvswitch/db.sock "--bind-socket=$socket" "$@" &
wait $!

#!/usr/bin/env bash
# Puts the CNI plugin and those that it works with on the node, each in one step: it may be running.
set -euo pipefail

for plugin in /kube-ovn/kube-ovn /loopback /portmap /macvlan; do
    [ -e "$plugin" ] || plugin=/usr/lib/cni/${plugin#/}
    install -m 0755 "$plugin" "/opt/cni/bin/.${plugin##*/}.new"
    mv -f "/opt/cni/bin/.${plugin##*/}.new" "/opt/cni/bin/${plugin##*/}"
done
install -m 0755 /kube-ovn/kubectl-ko /usr/local/bin/kubectl-ko
# Pods reach what is not a pod by this node.
for setting in ipv4/ip_forward=1 ipv4/conf/all/rp_filter=0 ipv6/conf/all/forwarding=1; do
    [ ! -e "/proc/sys/net/${setting%=*}" ] || echo "${setting#*=}" > "/proc/sys/net/${setting%=*}"
done
# Since v1.13 the network's configuration comes from here; before, the daemon wrote it.
if [ $# -gt 0 ]; then
    /kube-ovn/kube-ovn-daemon --install-cni-config "$@"
fi

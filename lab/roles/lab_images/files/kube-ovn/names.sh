#!/bin/sh
# In the image: the names that the commands go by, and what they may do for a user that is not root. names.sh RELEASE
set -eu
release=$1
cd /kube-ovn
echo "$release" > release

# A program finds out by its name what it is. What is no program of its own in this release is one of kube-ovn-cmd, or of the controller's (v1.14 on).
other=kube-ovn-cmd
[ ! -e kube-ovn-controller ] || other=kube-ovn-controller
for name in controller daemon; do
    [ -e "kube-ovn-$name" ] || ln -s kube-ovn-cmd "kube-ovn-$name"
done
[ -e kube-ovn-pinger ] || ln -s "$other" kube-ovn-pinger
for name in monitor speaker webhook leader-checker healthcheck controller-healthcheck ic-controller; do
    ln -s kube-ovn-cmd "kube-ovn-$name"
done

# Until v1.12 all containers run as root.
case $release in v1.[0-9].* | v1.1[0-2].*) exit 0 ;; esac
# Nobody has a capability only by the file that it runs. A file that has more than the pod may have cannot be run at all.
allow() {
    setcap "$1+eip" "$(readlink -f "$2")"
}
allow cap_sys_nice "$(command -v nice)"
allow cap_net_bind_service "$(command -v ovsdb-server)"
allow cap_net_admin,cap_net_bind_service,cap_sys_admin "$(command -v ovs-vswitchd)"
allow cap_net_admin "$(command -v ovs-dpctl)"
allow cap_net_admin,cap_net_raw "$(command -v ipset)"
allow cap_net_admin,cap_net_raw "$(command -v xtables-nft-multi)"
allow cap_net_admin,cap_net_raw "$(command -v xtables-legacy-multi)"
allow cap_net_bind_service kube-ovn-cmd
allow cap_net_admin,cap_net_raw,cap_net_bind_service,cap_sys_admin kube-ovn-daemon
allow cap_net_raw,cap_net_bind_service kube-ovn-pinger

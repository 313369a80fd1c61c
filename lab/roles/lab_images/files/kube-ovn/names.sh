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

# Until v1.12 all containers run as root, some with few capabilities, and the release's image gives files none.
case $release in
    v1.[0-9].* | v1.1[0-2].*)
        for file in $(getcap -r /usr/bin /usr/sbin /usr/lib | cut -d ' ' -f 1); do setcap -r "$file"; done
        exit 0
        ;;
esac
# Nobody has a capability only by the file that it runs. A file that has more than the pod may have cannot be run at all. Programs of Open vSwitch and others
# have theirs from role ovs_dpdk_image, but for nice, which the image of the DPDK application needs without one.
allow() {
    setcap "$1+eip" "$(readlink -f "$2")"
}
allow cap_sys_nice "$(command -v nice)"
allow cap_net_bind_service kube-ovn-cmd
allow cap_net_admin,cap_net_raw,cap_net_bind_service,cap_sys_admin kube-ovn-daemon
allow cap_net_raw,cap_net_bind_service kube-ovn-pinger

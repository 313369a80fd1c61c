#!/usr/bin/env bash
# What the release runs in its OVS pods before it is removed.
set -uo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. /kube-ovn/lib.sh

ovn-ctl stop_controller
ovs-ctl stop
ovs-dpctl del-dp ovs-system 2> /dev/null
ip route flush proto 147
rm -rf /run/openvswitch/* /run/ovn/* /etc/openvswitch/* /etc/ovn/* /var/log/openvswitch/* /var/log/ovn/*
rm -f /etc/cni/net.d/00-kube-ovn.conflist /etc/cni/net.d/01-kube-ovn.conflist
exit 0

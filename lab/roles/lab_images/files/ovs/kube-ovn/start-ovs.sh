#!/usr/bin/env bash
# Kernel OVS and ovn-controller (nodes without DPDK).
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. /kube-ovn/lib.sh

ovs-ctl restart --no-ovs-vswitchd --system-id=random
limit_threads
ovs-vsctl --no-wait set Open_vSwitch . "other_config:hw-offload=${HW_OFFLOAD:-false}"
ovs-ctl restart --no-ovsdb-server --system-id=random --no-mlockall
ovs-ctl --protocol=udp --dport=6081 enable-protocol || true
connect_to_ovn "$(sb_remote)" "${TUNNEL_TYPE:-geneve}"
ovs-vsctl --no-wait set Open_vSwitch . "external-ids:hostname=${NODE_NAME:-$KUBE_NODE_NAME}"
match_northd
start_controller
follow_logs /var/log/openvswitch/ovs-vswitchd.log /var/log/ovn/ovn-controller.log

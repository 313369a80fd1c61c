#!/usr/bin/env bash
# Kernel OVS and ovn-controller (nodes without DPDK).
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. /kube-ovn/lib.sh

ovs-ctl restart --no-ovs-vswitchd --system-id=random
limit_threads
ovs-ctl restart --no-ovsdb-server
ovs-ctl --protocol=udp --dport=6081 enable-protocol || true
connect_to_ovn "${TUNNEL_TYPE:-geneve}"
ovn-ctl restart_controller
follow_logs /var/log/openvswitch/ovs-vswitchd.log /var/log/ovn/ovn-controller.log

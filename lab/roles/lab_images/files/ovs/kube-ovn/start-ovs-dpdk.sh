#!/usr/bin/env bash
# OVS-DPDK and ovn-controller in one container: the node's whole data plane (dedicated mode).
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. /kube-ovn/lib.sh

CONFIG_FILE=/opt/ovs-config/config.cfg

write_default_config "$CONFIG_FILE"
ovs-ctl restart --no-ovs-vswitchd --system-id=random
limit_threads
apply_config "$CONFIG_FILE"
ovs-ctl restart --no-ovsdb-server
ovs-ctl --protocol=udp --dport=6081 enable-protocol || true
# The Service, never TLS: as released.
connect_to_ovn "tcp:[$OVN_SB_SERVICE_HOST]:$OVN_SB_SERVICE_PORT" geneve
ovn-ctl restart_controller
follow_logs /var/log/openvswitch/ovs-vswitchd.log /var/log/ovn/ovn-controller.log

#!/usr/bin/env bash
# OVS-DPDK on a node of its own, with its NIC in a bridge for the tunnels (hybrid mode).
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. /kube-ovn/lib.sh

DPDK_TUNNEL_IFACE=${DPDK_TUNNEL_IFACE:-br-phy}
CONFIG_FILE=/opt/ovs-config/config.cfg
DPDK_CONFIG_FILE=/opt/ovs-config/ovs-dpdk-config

if [ ! -e "$DPDK_CONFIG_FILE" ]; then
    echo "missing ovs dpdk config"
    exit 1
fi
# shellcheck source=/dev/null
. "$DPDK_CONFIG_FILE"

write_default_config "$CONFIG_FILE"
ovs-ctl restart --no-ovs-vswitchd --system-id=random
limit_threads
apply_config "$CONFIG_FILE"
ovs-ctl restart --no-ovsdb-server
ovs-ctl --protocol=udp --dport=6081 enable-protocol || true

add_dpdk_port() {
    ovs-vsctl add-port "$DPDK_TUNNEL_IFACE" dpdk0 -- set Interface dpdk0 type=dpdk "options:dpdk-devargs=${DPDK_DEV[0]}"
}

add_dpdk_bond() {
    local mode=$1 index=0 device
    local -a names=() settings=()
    for device in "${DPDK_DEV[@]}"; do
        names+=("p$index")
        settings+=(-- set Interface "p$index" type=dpdk "options:dpdk-devargs=$device")
        index=$((index + 1))
    done
    ovs-vsctl add-bond "$DPDK_TUNNEL_IFACE" dpdk0 "${names[@]}" "bond_mode=$mode" "${@:2}" "${settings[@]}"
}

# Known weakness of the release, kept: the bridge is made before its port, so after a crash in
# between the bridge exists and the port is never added.
if ! ovs-vsctl br-exists "$DPDK_TUNNEL_IFACE"; then
    ovs-vsctl add-br "$DPDK_TUNNEL_IFACE" -- set Bridge "$DPDK_TUNNEL_IFACE" datapath_type=netdev fail-mode=standalone
    case $BOND_TYPE in
        '') add_dpdk_port ;;
        0 | balance-slb) add_dpdk_bond balance-slb ;;
        1 | active-backup) add_dpdk_bond active-backup ;;
        4 | lacp) add_dpdk_bond balance-tcp lacp=active ;;
        *) echo "unknown BOND_TYPE $BOND_TYPE"; exit 1 ;;
    esac
    ovs-vsctl set Port "$DPDK_TUNNEL_IFACE" "tag=$VLAN_TAG"
fi
ip link set "$DPDK_TUNNEL_IFACE" up
ip addr replace "$ENCAP_IP" dev "$DPDK_TUNNEL_IFACE"

ovs-vsctl --may-exist add-br br-int -- set Bridge br-int datapath_type=netdev fail-mode=secure
# The Service, never TLS: as released.
connect_to_ovn "tcp:[$OVN_SB_SERVICE_HOST]:$OVN_SB_SERVICE_PORT" "${TUNNEL_TYPE:-geneve}"
match_northd
ovn-ctl restart_controller
follow_logs /var/log/openvswitch/ovs-vswitchd.log /var/log/ovn/ovn-controller.log

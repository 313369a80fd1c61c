# Shared by the scripts of the lab's packaging of Kube-OVN. Sourced, not run.
# shellcheck shell=bash

export PATH=$PATH:/usr/share/openvswitch/scripts:/usr/share/ovn/scripts

ENABLE_SSL=${ENABLE_SSL:-false}

# tcp:[ADDRESS]:PORT, or ssl:... : connection ADDRESS PORT
connection() {
    local protocol=ssl
    [ "$ENABLE_SSL" != false ] || protocol=tcp
    echo "$protocol:[$1]:$2"
}

# Of all members of a database, from addresses that are separated by commas: connections PORT ADDRESSES
connections() {
    local address
    local -a addresses found=()
    IFS=', ' read -ra addresses <<< "$2"
    for address in "${addresses[@]}"; do
        found+=("$(connection "$address" "$1")")
    done
    (IFS=,; echo "${found[*]}")
}

# Where the databases are: the members that the installer found, else the Services. nb_remote and sb_remote
nb_remote() { connections 6641 "${OVN_DB_IPS:-${OVN_NB_SERVICE_HOST:-}}"; }
sb_remote() { connections 6642 "${OVN_DB_IPS:-${OVN_SB_SERVICE_HOST:-}}"; }

# Each line of config.cfg becomes one key of other_config. Read the way the released image reads
# it: a last line without a newline is lost, and a value with spaces falls apart. Roles that
# write the file have to know both, so the lab must not be kinder.
apply_config() {
    local config_line
    while read -r config_line; do
        case $config_line in
            '' | \#*) continue ;;
        esac
        # shellcheck disable=SC2086  # unquoted on purpose, see above
        ovs-vsctl --no-wait set Open_vSwitch . other_config:$config_line
    done < "$1"
}

write_default_config() {
    [ -e "$1" ] || cat > "$1" <<'CONFIG'
dpdk-socket-mem="1024"
dpdk-init=true
dpdk-hugepage-dir=/dev/hugepages
CONFIG
}

# Many cores: keep the threads of the slow path few.
limit_threads() {
    if [ "$(nproc)" -gt 12 ]; then
        ovs-vsctl --no-wait set Open_vSwitch . other_config:n-revalidator-threads=4 other_config:n-handler-threads=10
    fi
}

# Without an encapsulation address ovn-controller registers no chassis: kube-ovn-cni sets it. connect_to_ovn REMOTE ENCAPSULATION
connect_to_ovn() {
    ovs-vsctl --no-wait set Open_vSwitch . "external-ids:ovn-remote=\"$1\"" \
        "external-ids:ovn-remote-probe-interval=${OVN_REMOTE_PROBE_INTERVAL:-10000}" \
        "external-ids:ovn-openflow-probe-interval=${OVN_REMOTE_OPENFLOW_INTERVAL:-180}" \
        "external-ids:ovn-encap-type=$2"
}

# v1.16.2, the only release of the lab whose pods know their node as NODE_NAME, lets ovn-controller pause where its version of OVN is not northd's.
match_northd() {
    [ -z "${NODE_NAME:-}" ] || ovs-vsctl --no-wait set Open_vSwitch . external-ids:ovn-match-northd-version=true
}

start_controller() {
    if [ "$ENABLE_SSL" = false ]; then
        ovn-ctl restart_controller
    else
        ovn-ctl --ovn-controller-ssl-key=/var/run/tls/key --ovn-controller-ssl-cert=/var/run/tls/cert \
            --ovn-controller-ssl-ca-cert=/var/run/tls/cacert restart_controller
    fi
}

stop_daemons() {
    ovn-ctl stop_controller || true
    ovs-ctl stop || true
}

# Shows the logs as the container's output and ends, daemons first, when the pod is stopped.
follow_logs() {
    trap stop_daemons EXIT
    trap 'exit 0' TERM INT
    tail -n +1 --follow=name --retry "$@" 2> /dev/null &
    wait $!
}

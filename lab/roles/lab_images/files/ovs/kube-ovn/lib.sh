# Shared by the start scripts of the lab's OVS image. Sourced, not run.
# shellcheck shell=bash

export PATH=$PATH:/usr/share/openvswitch/scripts:/usr/share/ovn/scripts

# Each line of config.cfg becomes one key of other_config. Read the way the released image reads
# it: a last line without a newline is lost, and a value with spaces falls apart. Roles that
# write the file have to know both, so the stand-in must not be kinder.
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

# Without an encapsulation address ovn-controller registers no chassis: kube-ovn-cni sets it.
connect_to_ovn() {
    ovs-vsctl --no-wait set Open_vSwitch . \
        "external-ids:ovn-remote=tcp:[${OVN_SB_SERVICE_HOST}]:${OVN_SB_SERVICE_PORT}" \
        external-ids:ovn-remote-probe-interval=10000 \
        external-ids:ovn-openflow-probe-interval=180 \
        "external-ids:ovn-encap-type=$1"
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

#!/usr/bin/env bash
# One member of OVN's two databases, with northd. Each database is a Raft cluster of the control plane nodes, also where there is one alone.
# Kube-OVN's leader checker is what the container runs: it labels the pod, and the Services ovn-nb, ovn-sb and ovn-northd select by its labels.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. /kube-ovn/lib.sh

case ",$NODE_IPS," in
    *,"$POD_IP",*) ;;
    *) echo "the address of this node, $POD_IP, is not among those of the control plane, $NODE_IPS"; exit 1 ;;
esac
protocol=ssl tls=(-p /var/run/tls/key -c /var/run/tls/cert -C /var/run/tls/cacert)
if [ "$ENABLE_SSL" = false ]; then
    protocol=tcp tls=()
fi
# What the databases listen on stands in a small database of its own, so that no member writes it into the cluster. POD_IPS: of both families.
listen=${POD_IP}
[ "${ENABLE_BIND_LOCAL_IP:-false}" = true ] || listen=::

# The member that leads a database, if any answers: leader DATABASE PORT
leader() {
    local address answer
    for address in ${NODE_IPS//,/ }; do
        answer=$(timeout 10 ovsdb-client "${tls[@]}" query "$(connection "$address" "$2")" \
            "[\"_Server\",{\"op\":\"select\",\"table\":\"Database\",\"where\":[[\"name\",\"==\",\"$1\"]],\"columns\":[\"leader\"]}]" 2> /dev/null) || continue
        case $answer in *true*) echo "$address"; return ;; esac
    done
}

# One database: start SHORT DATABASE PORT CLUSTER_PORT
start() {
    local file=/etc/ovn/ovn$1_db.db config=/etc/ovn/ovn$1_local_config.db member
    local -a options=()
    # A member that was made but never joined is made again; a damaged one is kept beside it.
    if [ -e "$file" ] && ovsdb-tool db-is-clustered "$file" && ! ovsdb-tool check-cluster "$file"; then
        mv "$file" "$file.damaged-$(date +%s)"
    fi
    rm -f "$config"
    ovsdb-tool create "$config" /usr/share/openvswitch/local-config.ovsschema
    ovsdb-tool transact "$config" "[\"Local_Config\",
        {\"op\":\"insert\",\"table\":\"Config\",\"row\":{\"connections\":[\"named-uuid\",\"address\"]}},
        {\"op\":\"insert\",\"table\":\"Connection\",\"uuid-name\":\"address\",\"row\":{\"target\":\"p$protocol:$3:[$listen]\"}}]" > /dev/null
    member=$(leader "$2" "$3")
    # The first control plane node begins the cluster, the others join it.
    [ -n "$member" ] || member=${NODE_IPS%%,*}
    if [ "$member" != "$POD_IP" ]; then
        options+=("--db-$1-cluster-remote-addr=[$member]" "--db-$1-cluster-remote-port=$4" "--db-$1-cluster-remote-proto=$protocol")
    fi
    if [ "$ENABLE_SSL" != false ]; then
        options+=("--ovn-$1-db-ssl-key=/var/run/tls/key" "--ovn-$1-db-ssl-cert=/var/run/tls/cert" "--ovn-$1-db-ssl-ca-cert=/var/run/tls/cacert")
    fi
    ovn-ctl "--db-$1-cluster-local-addr=[$POD_IP]" "--db-$1-cluster-local-port=$4" "--db-$1-cluster-local-proto=$protocol" \
        "--db-$1-addr=[$listen]" "--db-$1-port=$3" "--db-$1-use-remote-in-db=no" "${options[@]}" \
        "start_$1_ovsdb" -- --remote=db:Local_Config,Config,connections "$config"
    ovn-appctl -t "/var/run/ovn/ovn$1_db.ctl" ovsdb-server/memory-trim-on-compaction on
}

# Databases that live on without their leader checker would be none that the Services find.
trap 'ovn-ctl stop_northd || true' EXIT
trap 'exit 0' TERM INT
ovn-ctl stop_northd
start nb OVN_Northbound 6641 6643
start sb OVN_Southbound 6642 6644
northd=()
if [ "$ENABLE_SSL" != false ]; then
    northd=(--ovn-northd-ssl-key=/var/run/tls/key --ovn-northd-ssl-cert=/var/run/tls/cert --ovn-northd-ssl-ca-cert=/var/run/tls/cacert)
fi
ovn-ctl --ovn-manage-ovsdb=no "--ovn-northd-n-threads=${OVN_NORTHD_N_THREADS:-1}" \
    "--ovn-northd-nb-db=$(connections 6641 "$NODE_IPS")" "--ovn-northd-sb-db=$(connections 6642 "$NODE_IPS")" "${northd[@]}" start_northd
if [ "$(leader OVN_Northbound 6641)" = "$POD_IP" ]; then
    ovn-nbctl --no-leader-only set NB_Global . "options:inactivity_probe=${PROBE_INTERVAL:-180000}" \
        "options:northd_probe_interval=${OVN_NORTHD_PROBE_INTERVAL:-5000}" options:use_logical_dp_groups=true
fi
# Names and defaults of its flags differ by release.
checker=("--probeInterval=${OVN_LEADER_PROBE_INTERVAL:-5}" "--enableCompact=${ENABLE_COMPACT:-false}")
if /kube-ovn/kube-ovn-leader-checker --help 2>&1 | grep -q remoteAddresses; then
    checker+=("--remoteAddresses=$NODE_IPS")
fi
/kube-ovn/kube-ovn-leader-checker "${checker[@]}" &
wait $!

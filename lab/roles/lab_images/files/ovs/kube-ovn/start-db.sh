#!/usr/bin/env bash
# OVN's two databases and northd. One server: the lab has one control plane node.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. /kube-ovn/lib.sh

case ${NODE_IPS:-} in
    *,?*) echo "the lab's stand-in runs one OVN database server, not a cluster: NODE_IPS=$NODE_IPS"; exit 1 ;;
esac

stop_databases() {
    ovn-ctl stop_northd || true
}

ovn-ctl --db-nb-create-insecure-remote=yes --db-sb-create-insecure-remote=yes \
    --db-nb-addr=0.0.0.0 --db-sb-addr=0.0.0.0 --ovn-manage-ovsdb=yes restart_northd
trap stop_databases EXIT
trap 'exit 0' TERM INT
tail -n +1 --follow=name --retry /var/log/ovn/ovn-northd.log 2> /dev/null &
wait $!

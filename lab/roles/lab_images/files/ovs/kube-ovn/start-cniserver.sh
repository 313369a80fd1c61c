#!/usr/bin/env bash
# Waits for the node's OVS, then serves the CNI plugin.
set -euo pipefail

until [ -S /run/openvswitch/db.sock ] && ovs-vsctl --timeout=5 show > /dev/null; do
    echo "waiting for ovs"
    sleep 2
done
exec python3 /kube-ovn/cni.py "$@"

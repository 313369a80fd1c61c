#!/usr/bin/env bash
# Waits for the node's OVS, then serves the CNI plugin.
set -euo pipefail

until [ -S /run/openvswitch/db.sock ] && ovs-vsctl --timeout=5 br-exists br-int; do
    echo "waiting for br-int"
    sleep 2
done
exec python3 /kube-ovn/cni.py "$@"

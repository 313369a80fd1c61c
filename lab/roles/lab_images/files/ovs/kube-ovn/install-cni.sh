#!/usr/bin/env bash
# Puts the CNI plugin on the node, replacing it in one step: it may be running.
set -euo pipefail

install -m 0755 /kube-ovn/kube-ovn /opt/cni/bin/.kube-ovn.new
mv -f /opt/cni/bin/.kube-ovn.new /opt/cni/bin/kube-ovn

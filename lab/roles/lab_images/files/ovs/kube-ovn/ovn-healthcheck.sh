#!/usr/bin/env bash
# Probe of ovn-central: northd runs, and neither database has fallen out of its cluster.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. /kube-ovn/lib.sh

ovn-ctl status_northd
for database in nb:OVN_Northbound sb:OVN_Southbound; do
    status=$(ovn-appctl -T 10 -t "/var/run/ovn/ovn${database%%:*}_db.ctl" cluster/status "${database#*:}")
    # A member that another one removed, or a candidate that reaches no other.
    if grep -q '^Status:.*failed' <<< "$status" || { grep -q '^Status:.*disconnected' <<< "$status" && grep -q '^Role: candidate' <<< "$status"; }; then
        grep -E '^(Name|Status|Role):' <<< "$status"
        exit 1
    fi
done

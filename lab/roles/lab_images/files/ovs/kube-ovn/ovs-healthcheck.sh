#!/usr/bin/env bash
# Probe of the OVS pods of hybrid mode, and of kernel OVS.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. /kube-ovn/lib.sh

ovsdb-client -t 5 list-dbs
ovs-ctl status
ovn-ctl status_controller

#!/usr/bin/env bash
# Probe of the kernel OVS pods.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. /kube-ovn/lib.sh

ovn-sbctl "--db=tcp:[${OVN_SB_SERVICE_HOST}]:${OVN_SB_SERVICE_PORT}" --timeout=3 show
ovs-ctl status
ovn-ctl status_controller

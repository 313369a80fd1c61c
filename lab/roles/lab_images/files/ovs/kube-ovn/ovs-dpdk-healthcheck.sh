#!/usr/bin/env bash
# Probe of the OVS-DPDK pods. dpdk_initialized is shown, its value is not judged.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. /kube-ovn/lib.sh

ovn-sbctl "--db=tcp:[${OVN_SB_SERVICE_HOST}]:${OVN_SB_SERVICE_PORT}" --timeout=3 show
ovs-ctl status
ovs-vsctl --timeout=5 get Open_vSwitch . dpdk_initialized
ovn-ctl status_controller

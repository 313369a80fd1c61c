#!/usr/bin/env bash
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. /kube-ovn/lib.sh

exec /kube-ovn/kube-ovn-controller "--ovn-nb-addr=$(nb_remote)" "--ovn-sb-addr=$(sb_remote)" "$@"

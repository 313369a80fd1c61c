#!/usr/bin/env bash
# Probe of ovn-central: both databases answer and northd is there.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. /kube-ovn/lib.sh

ovn-nbctl --timeout=3 --db=tcp:127.0.0.1:6641 --columns=_uuid --bare list NB_Global > /dev/null
ovn-sbctl --timeout=3 --db=tcp:127.0.0.1:6642 --columns=_uuid --bare list SB_Global > /dev/null
ovn-ctl status_northd

# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules of role userspace_cni."""

from __future__ import annotations

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.engine import CLUSTER, error, rule
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.readers import dotted, version


@rule("userspace-cni-version", CLUSTER, "the Userspace CNI release can be built")
def userspace_cni_release(case):
    release = version(case.setting("userspace_cni_version"))
    if release is not None and release < (1, 3, 0):
        yield error(
            "Userspace CNI v%s has no Go module file and cannot be built any more" % dotted(release), "use v24.02 or a newer commit in userspace_cni_version"
        )

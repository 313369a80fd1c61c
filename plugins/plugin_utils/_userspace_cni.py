# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the build of Userspace CNI starts from.

PRIVATE to the collection.
"""

from __future__ import annotations

from ansible.module_utils.parsing.convert_bool import boolean


def build_errors(given, definitions, settings, host):
    """Why nothing can be built: files that were given and are others than their checksums say, and missing definitions of VPP's API.

    `given` are results of module stat, each with the file's `given` path and `checksum` in its `item`.
    """
    errors = []
    for result in given:
        item, found = result["item"], result["stat"].get("checksum") or "(no such file)"
        if found != item["checksum"]:
            errors.append(
                "%s on %s has the SHA-256 %s; the inventory says %s." % (item["given"], host, found, item["checksum"] or "(nothing)")
            )
    if boolean(settings["userspace_cni_with_vpp"], strict=False) and not settings["userspace_cni_binary"] and not definitions:
        errors.append(
            "%s on %s has no *.api.json, which the VPP engine is generated from. Install VPP's development package there, set userspace_cni_vpp_api_dir,"
            " or leave userspace_cni_with_vpp false." % (settings["userspace_cni_vpp_api_dir"], host)
        )
    return errors

# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to this collection: it may change with any release.

from __future__ import annotations

from ansible.module_utils.parsing.convert_bool import boolean

IOMMU_ARGUMENTS = {
    "intel": ["intel_iommu=on", "iommu=pt"],
    # On by itself since AMD's driver exists.
    "amd": ["iommu=pt"],
}


def iommu_kind(settings, firmware):
    """The IOMMU that gets arguments: intel, amd or none; `firmware` is what the ACPI tables of the host describe."""
    asked = settings.get("dpdk_host_iommu") or "auto"
    return firmware or "none" if asked == "auto" else asked


def kernel_arguments(settings, firmware):
    """The kernel arguments that role dpdk_host configures with these settings."""
    found = list(IOMMU_ARGUMENTS.get(iommu_kind(settings, firmware), []))
    if boolean(settings.get("dpdk_host_noiommu") or False, strict=False):
        found.append("vfio.enable_unsafe_noiommu_mode=1")
    cores = settings.get("dpdk_host_isolated_cores")
    if cores not in (None, ""):
        found += ["%s=%s" % (name, cores) for name in ("isolcpus", "nohz_full", "rcu_nocbs")]
    more = settings.get("dpdk_host_kernel_arguments")
    return found + [str(argument) for argument in more if argument] if isinstance(more, (list, tuple)) else found

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
    if _enabled(settings, "noiommu"):
        found.append("vfio.enable_unsafe_noiommu_mode=1")
    cores = settings.get("dpdk_host_isolated_cores")
    if cores not in (None, ""):
        found += ["%s=%s" % (name, cores) for name in ("isolcpus", "nohz_full", "rcu_nocbs")]
    more = settings.get("dpdk_host_kernel_arguments")
    return found + [str(argument) for argument in more if argument] if isinstance(more, (list, tuple)) else found


def arguments_by_iommu(settings):
    """The kernel arguments for each IOMMU that a host may have, which is read in the same call that compares them."""
    return {firmware: kernel_arguments(settings, firmware) for firmware in ("intel", "amd", "none")}


def plan(settings, info, files):
    """What a host needs, by what module dpdk_host_info has read there; `files` are the texts that files have to have, null where there is to be none.

    `refused` and `lacking_drivers` are messages of the host against the settings. `arguments` are those of its kernel; `needs_iommu`, `lacks_iommu`,
    `drivers_differ` and `differs` say what is to be done. Where the host refuses something it differs, and there is no plan; a removal reads nothing before.
    """
    if settings["dpdk_host_state"] == "absent":
        return {"refused": [], "lacking_drivers": [], "differs": True}
    # What packages or a build may still bring is checked after them.
    later = info["missing_packages"] or _enabled(settings, "tools")
    against = {"refused": info["refused"], "lacking_drivers": [] if later else list(info["unavailable_drivers"].values())}
    if info["refused"]:
        return dict(against, differs=True)
    needs_iommu = iommu_kind(settings, info["iommu"]) != "none" and not _enabled(settings, "noiommu")
    lacks_iommu = needs_iommu and info["iommu_groups"] == 0
    drivers_differ = bool(info["unloaded_drivers"]) or info["files"] != files
    # What has no comparison of its own, and is looked at whenever it is asked for.
    asked = [settings.get("dpdk_host_" + name) for name in ("repositories", "irqbalance", "tuned_profile")] + [_enabled(settings, "tools")]
    differs = info["boot_plan"]["changed"] or info["nic_plan"]["differs"] or drivers_differ or lacks_iommu or info["missing_packages"] or any(asked)
    return {
        **against,
        "arguments": kernel_arguments(settings, info["iommu"]),
        "needs_iommu": needs_iommu,
        "lacks_iommu": lacks_iommu,
        "drivers_differ": drivers_differ,
        "differs": bool(differs),
    }


def _enabled(settings, name):
    return boolean(settings.get("dpdk_host_" + name) or False, strict=False)

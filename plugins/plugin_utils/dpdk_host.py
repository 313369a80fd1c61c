# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to this collection: it may change with any release.

from __future__ import annotations

from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._pci import NO_IOMMU

IOMMU_ARGUMENTS = {
    "intel": ["intel_iommu=on", "iommu=pt"],
    # On by itself since AMD's driver exists.
    "amd": ["iommu=pt"],
}
DRIVER_CURE = (
    "Add the package that has it to dpdk_host_packages (Ubuntu: linux-modules-extra-… of this kernel; igb_uio: dpdk-kmods-dkms or dpdk-igb-uio-dkms), "
    "or take it out of dpdk_host_drivers."
)
NO_PROFILE = (
    "tuned has no profile %s. Add the package that has it to dpdk_host_packages (tuned, tuned-profiles-cpu-partitioning), or choose another one "
    "(dpdk_host_tuned_profile)."
)


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
    """The kernel arguments for each IOMMU that a host may have, which is read in the same call that compares them; none where the role is to be absent."""
    absent = settings["dpdk_host_state"] == "absent"
    return {firmware: [] if absent else kernel_arguments(settings, firmware) for firmware in ("intel", "amd", "none")}


def lacking(info):
    """What the host has neither by itself nor by packages, a message each."""
    found = ["%s. %s" % (text, DRIVER_CURE) for text in info["unavailable_drivers"].values()]
    return found + ([NO_PROFILE % ", ".join(info["missing_tuned_profiles"])] if info["missing_tuned_profiles"] else [])


def plan(settings, info, files, again=None):
    """What a host needs, by what module dpdk_host_info has read there; `files` are the texts that files have to have, empty where there is to be none.

    `refused` and `lacking` are messages of the host against the settings, the latter by what was read `again` where packages or a build were due. `arguments`
    are those of its kernel, `write` and `remove` the paths of files that differ; `needs_iommu` and `differs` say what is to be done. Where the host refuses
    something else than a kernel without an IOMMU it differs, and there is no plan.
    """
    absent = settings["dpdk_host_state"] == "absent"
    # A misspelt state must not remove anything, also where preflight was left out.
    if settings["dpdk_host_state"] not in ("present", "absent"):
        message = "dpdk_host_state is %s: set it to present or absent" % settings["dpdk_host_state"]
        return {"refused": [message], "lacking": [], "differs": True}
    if info["refused"]:
        return {"refused": info["refused"], "lacking": [], "differs": True}
    later = not absent and bool(info["missing_packages"] or _enabled(settings, "tools"))
    needs_iommu = not absent and iommu_kind(settings, info["iommu"]) != "none" and not _enabled(settings, "noiommu")
    lacks_iommu = needs_iommu and info["iommu_groups"] == 0
    different = [path for path, text in files.items() if info["files"].get(path) != (text or None)]
    # What has no comparison of its own, and is looked at whenever it is asked for.
    asked = [settings.get("dpdk_host_" + name) for name in ("repositories", "irqbalance", "tuned_profile")] + [_enabled(settings, "tools")]
    needs = [info["boot_plan"]["changed"], info["nic_plan"]["differs"], different]
    if not absent:
        needs += [info["unloaded_drivers"], lacks_iommu, info["missing_packages"], any(asked)]
    read = info if not later else again if again and "unavailable_drivers" in again else None
    return {
        # Another boot may bring one.
        "refused": [NO_IOMMU % " ".join(info["cmdline"])] if lacks_iommu and not info["boot_plan"]["reboot_required"] else [],
        "lacking": lacking(read) if read else [],
        "arguments": arguments_by_iommu(settings)[info["iommu"]],
        "needs_iommu": needs_iommu,
        "write": [path for path in different if files[path]],
        "remove": [path for path in different if not files[path]],
        "differs": any(bool(need) for need in needs),
    }


def _enabled(settings, name):
    return boolean(settings.get("dpdk_host_" + name) or False, strict=False)

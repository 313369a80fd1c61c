# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules of role dpdk_host."""

from __future__ import annotations

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.engine import NODE, SETTINGS, error, rule, warning

MELLANOX = "15b3"


@rule("cpu-flags", NODE, "the CPU has what the OVS-DPDK image was built for")
def cpu_flags(case):
    flags = case.facts.get("cpu", {}).get("flags", [])
    if not flags:
        return
    if "sse4_2" not in flags:
        yield error("the CPU lacks SSE4.2, without which no DPDK build for x86_64 starts", "use another host")
    asked = [str(flag) for flag in case.setting("dpdk_host_cpu_flags", [])]
    missing = [flag for flag in asked if flag not in flags]
    if missing:
        yield error("the CPU lacks %s of dpdk_host_cpu_flags" % ", ".join(missing), "use another host, or an image that was built for this CPU")
    missing = [flag for flag in ("avx512f", "vpclmulqdq") if flag not in flags]
    if missing and not asked and case.release is not None and case.release >= (1, 8, 0) and not case.setting("kube_ovn_image"):
        yield warning(
            "the CPU lacks %s, and images of Kube-OVN from v1.8 on, built for the CPU of their build machine, may not start" % ", ".join(missing),
            "build the image with a generic machine type, and name it in kube_ovn_image",
        )


@rule("iommu", NODE, "vfio-pci finds an IOMMU")
def vfio_without_iommu(case):
    taken = [nic["address"] for nic, driver in case.bound_nics() if driver == "vfio-pci"]
    if not taken or case.flag("dpdk_host_noiommu"):
        return
    switched_off = " ".join(argument for argument in case.facts.get("cmdline", []) if argument in ("intel_iommu=off", "amd_iommu=off", "iommu=off"))
    if switched_off:
        yield error(
            "vfio-pci cannot take %s without an IOMMU, and the kernel runs with %s" % (", ".join(taken), switched_off),
            "remove %s from the kernel arguments, or give driver uio_pci_generic in dpdk_host_devices" % switched_off,
        )
    elif case.facts.get("iommu_groups") == 0:
        yield warning(
            "vfio-pci cannot take %s without an IOMMU, and the kernel shows no IOMMU group yet" % ", ".join(taken),
            "switch VT-d or AMD-Vi on in the firmware (role dpdk_host sets the kernel arguments), or give driver uio_pci_generic in dpdk_host_devices",
        )


@rule("mellanox-driver", NODE, "no Mellanox NIC is taken from its driver")
def mellanox(case):
    for nic, driver in case.bound_nics():
        if nic["vendor"] == MELLANOX and driver:
            yield error(
                "%s is a Mellanox NIC: DPDK drives it through mlx5_core, and loses it when it is bound to %s" % (nic["address"], driver),
                "take it out of dpdk_host_devices: OVS can use it as it is",
            )


@rule("default-route", NODE, "the NIC of the default route stays with the kernel")
def management_nic(case):
    route = case.facts.get("default_route_interface")
    for nic, _driver in case.bound_nics():
        if route and nic["interface"] == route:
            yield error("%s (%s) carries the default route" % (nic["address"], route), "take another NIC: the host would be cut off")


@rule("dpdk-device", NODE, "the NICs of dpdk_host_devices are there and not in use")
def devices(case):
    # Said in other words already.
    if list(management_nic(case)) or list(mellanox(case)) or list(vfio_without_iommu(case)):
        return
    for text in case.facts.get("refused_devices", []):
        found, _separator, cure = text.partition("; ")
        yield error("dpdk_host_devices: %s" % found, cure or "name another NIC in dpdk_host_devices")


@rule("tools-checksum", SETTINGS, "the download of DPDK's sources has a checksum")
def tools_checksum(case):
    if case.flag("dpdk_host_tools") and not case.setting("dpdk_host_tools_checksum"):
        yield error(
            "dpdk_host_tools downloads %s without a checksum" % (case.setting("dpdk_host_tools_url") or "DPDK's sources"),
            "set dpdk_host_tools_checksum to that of the archive, as in sha256:1f0c…",
        )

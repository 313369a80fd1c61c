# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether what a host answers is what module preflight_info returns. The rules rely on it, and one host must not spoil the report about all others."""

from __future__ import annotations

# What the rules rely on: the type of a value, [shape] for a list, {key: shape} for a dictionary. Keys may be missing, but for those of dictionaries in a list.
CPUS = [int]
SHAPE = {
    "hostname": str,
    "uid": int,
    "python": str,
    "os": {"id": str, "version": str, "name": str},
    "kernel": str,
    "cmdline": [str],
    "cpu": {"vendor": str, "flags": [str], "online": CPUS, "cores": [CPUS]},
    "memory_mib": {"total": int, "available": int},
    "numa_nodes": [{"node": int, "memory_mib": int, "cpus": CPUS}],
    "hugepages": [{"size_kib": int, "node": int, "total": int, "free": int}],
    "hugetlbfs": [{"path": str, "options": [str]}],
    "root_shared": bool,
    "refused_devices": [str],
    "machine_id": str,
    "boot_id": str,
    "iommu": str,
    "iommu_groups": int,
    "modules": [str],
    "nics": [
        {"address": str, "vendor": str, "device": str, "driver": str, "interface": str, "numa_node": (int, type(None)), "iommu_group": str},
    ],
    "default_route_interface": str,
    "cni": {"files": [str], "networks": [{"file": str, "name": object, "type": object, "delegate": object}]},
    "runtimes": [str],
    "kube_proxy": bool,
    "ovs_tools": {},
    "tools_dir": bool,
    "selinux": str,
    "kubelet": {"cpu_manager": str, "memory_manager": str, "reserved_cpus": CPUS, "strict_cpu_reservation": bool, "numa_nodes": int},
    "ovs": {},
}


def fits(value, shape=None, whole=False):
    """Whether a value has a shape, by default that of a host; `whole`: whether no key may be missing."""
    shape = SHAPE if shape is None else shape
    if isinstance(shape, dict):
        return isinstance(value, dict) and all(fits(value[key], inner) if key in value else not whole for key, inner in shape.items())
    if isinstance(shape, list):
        return isinstance(value, (list, tuple)) and all(fits(item, shape[0], True) for item in value)
    # True is a number in Python, and in no answer of a host.
    return isinstance(value, shape) and (shape is not int or not isinstance(value, bool))

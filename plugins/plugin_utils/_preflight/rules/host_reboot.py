# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules of role host_reboot: what a run interrupts, said before it begins."""

from __future__ import annotations

import re

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import dpdk_host
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.engine import CLUSTER, NODE, error, notice, rule
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.readers import mebibytes
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.rules import cpu_management


def boot_pages(cmdline):
    """MiB of a page to the number that the kernel was started with."""
    found, size = {}, None
    for word in cmdline:
        name, _equals, value = word.partition("=")
        if name == "hugepagesz":
            size = mebibytes(value)
        elif name == "hugepages" and size:
            # Since Linux 5.16 the number may be given for each NUMA node.
            counts = [part.rpartition(":")[2] for part in value.split(",")]
            found[size] = sum(int(count) for count in counts if re.match(r"[0-9]{1,9}\Z", count))
    return found


def present(case, size, node):
    return sum(count for mib, count, here in case.present_pages() if mib == size and node in (None, here))


def reasons(case):
    """(why the roles will ask for a reboot, why for a drained node), as far as the settings and the running kernel show."""
    cmdline = case.facts.get("cmdline", [])
    found = []
    if case.setting("hugepages_state", "present") == "present" and case.flag("hugepages_boot") is not False:
        reserved = boot_pages(cmdline)
        wanted = {}
        lacking = set()
        for size, count, node in case.wanted_pages():
            wanted[size] = wanted.get(size, 0) + count
            # Pages that the running kernel has are not booted for.
            if present(case, size, node) != count:
                lacking.add(size)
        default = mebibytes(case.setting("hugepages_default_size"))
        running = [mebibytes(word.partition("=")[2]) for word in cmdline if word.startswith("default_hugepagesz=")]
        if default and default != (running or [2])[-1]:
            found.append("the default page size is to become %d MiB" % default)
        found += [
            "%d pages of %d MiB are to be reserved at boot, and the kernel was started with %d" % (count, size, reserved.get(size, 0))
            for size, count in sorted(wanted.items())
            if size in lacking and count != reserved.get(size, 0)
        ]
    if case.setting("dpdk_host_state", "present") == "present":
        missing = [word for word in dpdk_host.kernel_arguments(case.settings, case.facts.get("iommu")) if word not in cmdline]
        if missing:
            found.append("%s is not in force" % " ".join(missing))
        vfio = any(driver == "vfio-pci" for _nic, driver in case.bound_nics())
        if vfio and case.facts.get("iommu_groups") == 0 and not case.flag("dpdk_host_noiommu") and case.setting("dpdk_host_iommu") != "none":
            found.append("the IOMMU is to be switched on for vfio-pci")
    boot, drained = cpu_management.changes(case)
    return found + boot, drained


@rule("reboot", NODE, "drains and reboots are announced")
def reboot(case):
    boot, drained = reasons(case) if "cmdline" in case.facts else ([], [])
    why = boot + drained
    if why and case.setting("host_reboot_mode", "auto") == "never":
        yield notice(
            "needs %s, which host_reboot_mode: never leaves to you: %s" % ("a reboot" if boot else "a drain", "; ".join(why)),
            "reboot it in a maintenance window and run again",
        )
    elif why and not boot:
        yield notice(
            "will be drained, and not rebooted: %s" % "; ".join(why),
            "set host_reboot_mode: never to leave it as it is, and site_serial to change how many hosts go at a time",
        )
    elif why:
        yield notice(
            "will be %srebooted: %s" % ("" if case.flag("host_reboot_drain") is False else "drained and ", "; ".join(why)),
            "set host_reboot_mode: never to reboot it yourself, and site_serial to change how many hosts go at a time",
        )


@rule("kubelet-restart", NODE, "a restart of the kubelet is announced")
def kubelet_restart(case):
    if case.flag("hugepages_restart_kubelet") is False or "hugepages" not in case.facts:
        return
    present = {}
    for size, count, _node in case.present_pages():
        present[size] = present.get(size, 0) + count
    changed = sorted(set(size for size, _count, _node in case.wanted_pages() if case.pages_of_size(size) != present.get(size, 0)))
    if changed:
        yield notice(
            "the kubelet will be restarted, since the number of pages of %s MiB changes" % ", ".join(str(size) for size in changed),
            "pods keep running; set hugepages_restart_kubelet: false to restart it yourself",
        )


@rule("cluster-node", CLUSTER, "hosts of group nodes are nodes of the cluster, and in dedicated mode all of them")
def drained_node(case):
    nodes, named = case.facts.get("nodes"), case.facts.get("node_names", {})
    for host, own in case.hosts():
        name = own.setting("host_reboot_node_name")
        drains = own.flag("host_reboot_drain") is not False and own.setting("host_reboot_mode") not in ("never", "force")
        # That of kube_ovn_node_name is found by another rule.
        if nodes and drains and name is not None and name not in nodes and name != named.get(host):
            yield error(
                "host_reboot_node_name of %s is %s, which is no node of the cluster" % (host, name),
                "leave it out, so that it is kube_ovn_node_name, or choose from: %s" % ", ".join(sorted(nodes)),
            )

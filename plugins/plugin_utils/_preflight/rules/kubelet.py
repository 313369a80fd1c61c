# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kubelet, the kernel and OVS have to share: cores, and hugepages that the kubelet keeps account of."""

from __future__ import annotations

import re

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.engine import NODE, error, notice, rule, warning
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.readers import cores


def listed(numbers):
    return ", ".join(str(number) for number in sorted(numbers))


@rule("reserved-cpus", NODE, "the kubelet gives the cores of OVS to no pod")
def reserved_cores(case):
    kubelet = case.facts.get("kubelet", {})
    if kubelet.get("cpu_manager") != "static":
        return
    own = set(cores(case.setting("kube_ovn_dpdk_pmd_cores")) + cores(case.setting("kube_ovn_dpdk_lcores")))
    reserved = set(kubelet.get("reserved_cpus") or [])
    free = own - reserved
    if free:
        yield warning(
            "the CPU manager of the kubelet is static, and cores %s of OVS are not in reservedSystemCPUs: pods may get them for themselves" % listed(free),
            "add them to reservedSystemCPUs of the kubelet, and restart it",
        )
    if kubelet.get("strict_cpu_reservation") and own & reserved:
        yield error(
            "strict-cpu-reservation keeps pods from the reserved cores, and OVS-DPDK is a pod that polls on %s" % listed(own & reserved),
            "remove strict-cpu-reservation from cpuManagerPolicyOptions of the kubelet",
        )


@rule("isolcpus", NODE, "the kubelet hands out no cores that the kernel has isolated")
def isolated_cores(case):
    kubelet = case.facts.get("kubelet", {})
    running = next((word for word in case.facts.get("cmdline", []) if word.startswith("isolcpus=")), "")
    wanted = case.setting("dpdk_host_isolated_cores")
    # Flags such as managed_irq come before the list.
    isolated = re.sub(r"^(isolcpus=)?([a-z_]+,)*", "", running or str(wanted or ""))
    reserved = set(kubelet.get("reserved_cpus") or [])
    if kubelet.get("cpu_manager") == "static" and isolated and not (cores(isolated) and set(cores(isolated)) <= reserved):
        yield warning(
            "the CPU manager of the kubelet is static, and the kernel isolates cores (%s): the kubelet may not start, or hand out isolated cores"
            % (running or "dpdk_host_isolated_cores %s" % wanted),
            "leave the isolation to the kubelet (empty dpdk_host_isolated_cores), or reserve the isolated cores in reservedSystemCPUs",
        )


@rule("memory-manager", NODE, "the kubelet starts after the number of hugepages changed")
def memory_manager(case):
    if case.facts.get("kubelet", {}).get("memory_manager") != "Static":
        return
    present = {}
    for size, count, _node in case.present_pages():
        present[size] = present.get(size, 0) + count
    changed = sorted(set(size for size, _count, _node in case.wanted_pages() if case.pages_of_size(size) != present.get(size, 0)))
    if changed:
        yield error(
            "the memory manager of the kubelet is Static, and the number of pages of %s MiB changes: the kubelet refuses to start with its old state"
            % listed(changed),
            "drain the node, stop the kubelet, delete memory_manager_state in its directory, run this collection, and start it",
        )


@rule("lcore-mask", NODE, "DPDK chooses its own lcores")
def lcore_mask(case):
    if cores(case.setting("kube_ovn_dpdk_lcores")):
        yield notice(
            "kube_ovn_dpdk_lcores sets dpdk-lcore-mask, which Open vSwitch chooses by itself and advises against",
            "leave it empty unless its threads must stay off certain cores",
        )


@rule("single-pmd", NODE, "several queues have several PMD threads")
def queues(case):
    polling = cores(case.setting("kube_ovn_dpdk_pmd_cores"))
    for port in case.dpdk_ports():
        text = str((port.get("options") or {}).get("n_rxq", ""))
        if len(polling) == 1 and re.match(r"[0-9]+$", text) and int(text) > 1:
            yield warning(
                "port %s has %s receive queues (n_rxq), and one PMD core polls them all" % (port.get("name"), text),
                "add cores to kube_ovn_dpdk_pmd_cores, or leave n_rxq out",
            )


@rule("dpdk-mtu", NODE, "vhost-user ports and the uplink of their bridge pass the same packets")
def large_frames(case):
    ports = [(name, port, bytes_of(port.get("mtu_request"))) for name, port in case.dpdk_ports_of_bridges()]
    for item in case.attachments():
        bridge, own = item.get("bridge") or "br0", bytes_of(item.get("mtu"))
        for port, size in [(port.get("name"), size) for name, port, size in ports if name == bridge and size != own]:
            if size > own:
                yield warning(
                    "port %s has an MTU of %s, and the ports of attachment %s %s: larger packets do not reach its pods" % (port, size, item.get("name"), own),
                    "set mtu of the attachment to %s, or keep the MTU of the applications at %s" % (size, own),
                )
            elif item.get("mtu") is not None:
                yield warning(
                    "attachment %s has an MTU of %s, and port %s, which leads out of its bridge, %s" % (item.get("name"), own, port, size),
                    "set mtu_request of the port to %s" % own,
                )


def bytes_of(mtu):
    """The MTU that Open vSwitch gives a port for this setting."""
    return int(mtu) if re.match(r"[0-9]+$", str(mtu)) else 1500

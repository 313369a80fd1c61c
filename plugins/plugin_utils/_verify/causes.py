# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Known reasons why packets do not pass, as logs show them, each with its cure."""

from __future__ import annotations

import re

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._words import quoted

# In the log of ovs-vswitchd, where ports look well and nothing passes: pattern, what it means, cure.
LOG_CAUSES = (
    (
        re.compile(r"Failed to create mempool|Failed to create memory pool", re.I),
        "OVS has no memory for the packet buffers of its ports, although it shows the ports without an error",
        "raise kube_ovn_dpdk_socket_mem (and the hugepages of the OVS pod), and see that the image has DPDK's mempool drivers",
    ),
    (
        re.compile(r"Failed to set interface .{1,200} new configuration", re.I),
        "OVS could not configure an interface, although it shows it without an error",
        "see the lines before it in the log of ovs-vswitchd",
    ),
    (
        re.compile(r"VHOST_CONFIG.*(failed to (mmap|add guest page)|fail to|mmap.*failed)", re.I),
        "OVS could not map the pod's memory",
        "the pod must share hugepages: run testpmd with --single-file-segments, and look at the pod's hugepages volume",
    ),
    (
        re.compile(r"no available cpu|There's no available \(non-isolated\) pmd thread|not enough (cores|pmd)", re.I),
        "no PMD core polls the ports",
        "set kube_ovn_dpdk_pmd_cores to cores of the NUMA node that the ports are on",
    ),
)

# Where DPDK is not initialised. A DPDK that runs has missed pages too, of sizes that it does not need.
START_CAUSES = (
    (
        re.compile(
            r"(Unable to initialize DPDK|Cannot init EAL|No free .{0,200}hugepages|Cannot get hugepage information)", re.I
        ),
        "DPDK in OVS did not start",
        "see that the OVS pod has its hugepages, and kube_ovn_dpdk_socket_mem fits into them",
    ),
)

NO_HUGEPAGES = (
    "testpmd got no hugepages",
    "raise dpdk_app_hugepages, lower verify_testpmd_memory, and see that the pod's volume has medium HugePages",
)

# In what testpmd writes before it gives up. A pod may write anything: no pattern may look further than a line is long for each place where it could begin.
TESTPMD_CAUSES = (
    (
        re.compile(r"(failed to bind to [^;\n]{0,200})", re.I),
        "testpmd could not create a socket",
        "another program in the pod holds it: stop it while the proof runs",
    ),
    (
        # Unless testpmd was to create the socket itself.
        re.compile(
            r"\A(?![\s\S]*failed to bind to)[\s\S]*?(Connection refused|connect error|backend set up fails|failed to initialize net_virtio_user)",
            re.I,
        ),
        "testpmd could not connect to a socket",
        "recreate the pod (dpdk_app_recreate: true): nothing listens on that socket, as after a restart of OVS",
    ),
    (
        re.compile(r"(Not enough memory available|Cannot get hugepage information|couldn't find suitable memseg)", re.I),
        *NO_HUGEPAGES,
    ),
    (
        re.compile(r"(unsupported cpu type|Illegal instruction|This system does not support)", re.I),
        "the image was compiled for another CPU",
        "build the image with dpdk_app_dpdk_machine: default",
    ),
    (
        # DPDK panics for a worker lcore, and up to 20.05 for the main lcore; for that one it reports an error later. The case of the letters differs.
        re.compile(r"(Cannot set affinity|\bl?core \d{1,9} unavailable)", re.I),
        "testpmd may not run on its CPUs",
        "set verify_testpmd_cores to CPUs of the pod; where it is empty, run the proof again, since the kubelet may have given them to another pod",
    ),
    (
        # The words of traffic.sh and of module k8s_pods_exec.
        re.compile(r"(printed more than \d{1,9} Mi?B)"),
        "others on the bridge send more packets than testpmd can print",
        "find the port that floods the bridge (ovs-appctl dpctl/show -s), or run the proof while it is quiet",
    ),
    (
        re.compile(r"(Permission denied|Operation not permitted)", re.I),
        "testpmd lacks a privilege",
        "set dpdk_app_security_context, as to privileged: true",
    ),
)

# What a testpmd that runs may have written too, as of pages of a size that it does not need. It explains what nothing else explains.
TESTPMD_WARNINGS = ((re.compile(r"(No free .{0,200}hugepages)", re.I), *NO_HUGEPAGES),)


def of_testpmd(text: str) -> list[str]:
    return explained(text, TESTPMD_CAUSES) or explained(text, TESTPMD_WARNINGS)


def explained(text: str, causes: tuple) -> list[str]:
    return [
        f"{what} ({quoted(match[1].strip())}): {cure}" for pattern, what, cure in causes for match in [pattern.search(text)] if match
    ]


def of_log(text: str, known: tuple = LOG_CAUSES) -> list[str]:
    """What the log of ovs-vswitchd says since its last start."""
    start = max(
        text.rfind(mark)
        for mark in ("|dpdk|INFO|Using DPDK", "|dpdk|INFO|DPDK Enabled - initializing", "|vlog|INFO|opened log file")
    )
    text = text[max(start, 0) :]
    found = []
    for pattern, what, cure in known:
        lines = [line for line in text.splitlines() if pattern.search(line)]
        if lines:
            found.append(f"{what} (log: {lines[-1].split('|', 2)[-1].strip()[:200]}): {cure}")
    return found

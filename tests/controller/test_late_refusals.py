# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No role refuses late what preflight could have found: every assert and fail of the roles has its twin, or a reason why it cannot be known before."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight import book

ROOT = Path(__file__).resolve().parents[2]
MODULES = ("ansible.builtin.assert", "ansible.builtin.fail")
CHECKS = {rule["id"] for rule in book.RULES}

# What a task refuses is not known before the run, by the reason. A task is named by its role and by a text of its condition or of its message.
RUNNING = "it shows only in what runs"
BOOT = "it shows only after the reboot"
REMOVAL = "it protects a removal, which preflight does not precede"
INSTALLED = "it depends on packages that the role has just installed"
REPORT = "it reports why the wait before it has failed"
BUNDLE = "the playbook that makes a bundle touches no host of the cluster"
BUILT = "it depends on archives that the run has just built or fetched"
RENDERED = "it depends on the objects that the release's installer renders"
CONSENT = "it depends on pods that run when the node is drained"

# Conditions and messages are matched as texts; (role, text): the check of preflight that finds the same, or the reason.
TWINS = {
    ("dpdk_app", "__dpdk_app_checksum is match"): "dpdk-app-image",
    ("dpdk_app", "dpdk_app_image_archive_checksum is match"): "dpdk-app-image",
    ("dpdk_app", "_testpmd_namespace"): "pod-security",
    ("dpdk_host", "__dpdk_host_missing"): "cpu-flags",
    ("kube_ovn", "difference(__kube_ovn_cluster.objects.nodes"): "cluster-node",
    ("kube_ovn", "not (__kube_ovn_old_kubernetes and"): "kubernetes-version",
    ("kube_ovn", "__kube_ovn_running_version == ''"): "kube-ovn-version",
    ("kube_ovn", "kube_ovn_version is match('^v"): "kube-ovn-version",
    ("kube_ovn", "kube_ovn_dpdk_pmd_cores | map('int') | intersect"): "core-list",
    ("kube_ovn", "kube_ovn_version is version('v1.3.0', '>=')"): "config-support",
    ("kube_ovn", "kube_ovn_version is version('v1.11.0', '>=')"): "hybrid-ports",
    ("kube_ovn", "kube_ovn_hybrid_encap_ip |"): "hybrid-ports",
    ("kube_ovn", "__kube_ovn_amount_mib | int >= __kube_ovn_socket_mem_mib"): "socket-memory",
    ("multus", "__multus_foreign.managed"): "other-multus",
    ("network_attachments", "needs ValidatingAdmissionPolicy"): "attachment-admission",
    ("multus", "__multus_before | length == 0"): "cni-order",
    ("userspace_cni", "__userspace_cni_ready.stat.exists"): "build-files",
    ("hugepages", "item.size | human_to_bytes not in"): "hugepage-mounts",
    ("ovs_dpdk_image", "ovs_dpdk_image_scripts is"): "build-files",
    ("userspace_cni", "__userspace_cni_vpp.matched"): "build-files",
    ("verify", "groups['cluster'] | default([]) | length == 1"): "inventory-groups",
}
REASONS = {
    ("bundle", ""): BUNDLE,
    ("node_images", "__node_images.errors"): BUILT,
    ("cpu_management", "__cpu_management_verified.kubelet.reasons"): BOOT,
    ("dpdk_app", "not_running.txt"): REPORT,
    ("dpdk_host", "__dpdk_host_asked.rc"): INSTALLED,
    ("dpdk_host", "__dpdk_host_no_iommu"): BOOT,
    ("dpdk_host", "__dpdk_host_groups.matched"): BOOT,
    ("dpdk_host", "__dpdk_host_unknown"): INSTALLED,
    ("host_reboot", ""): CONSENT,
    ("hugepages", "__hugepages_set"): BOOT,
    ("hugepages", "a reboot with them has not brought"): BOOT,
    ("kube_ovn", "__kube_ovn_wait"): REPORT,
    ("kube_ovn", "__kube_ovn_adoption.changes"): RENDERED,
    ("kube_ovn", "__kube_ovn_problems"): RUNNING,
    ("kube_ovn", "not __kube_ovn_node.running"): REMOVAL,
    ("kube_ovn", "not __kube_ovn_running"): REMOVAL,
    ("kube_ovn", "__kube_ovn_ovs.dpdk_initialized"): RUNNING,
    ("kube_ovn", "'kube-ovn-controller' in"): REMOVAL,
    ("multus", "__multus_users"): REMOVAL,
    ("multus", "__multus_what"): REPORT,
    ("multus", "multus_timeout"): REPORT,
    ("multus", "multus_master_cni_name"): RUNNING,
    ("network_attachments", "__network_attachments_made"): RUNNING,
    ("network_attachments", "__network_attachments_paths"): RUNNING,
    ("network_attachments", "__network_attachments_users"): REMOVAL,
    ("userspace_cni", "__userspace_cni_attachments"): REMOVAL,
    ("verify", "__verify_objects.objects.namespace"): RUNNING,
    ("verify", "ansible_forks"): RUNNING,
    ("verify", "verify_report.result"): RUNNING,
}
# These call the rules themselves, there or by a variable of the role.
CALL = re.compile(r"kube_ovn\.dpdk\._setting_errors\('(\w+)'")
BY_VARIABLE = re.compile(r"'(__\w+_errors) \| length (?:==|>) 0'")


def tasks(items):
    for item in items or []:
        if isinstance(item, dict):
            yield item
            for part in ("block", "rescue", "always"):
                yield from tasks(item.get(part))


def refusals():
    for path in sorted(ROOT.glob("roles/*/tasks/**/*.yml")):
        role = path.relative_to(ROOT / "roles").parts[0]
        for task in tasks(yaml.safe_load(path.read_text())):
            for module in MODULES:
                if module in task:
                    yield role, path.name, str({**task[module], "when": task.get("when"), "vars": task.get("vars")})


REFUSALS = list(refusals())


@pytest.mark.parametrize("role, name, text", REFUSALS, ids=["%s-%s-%d" % (role, name, number) for number, (role, name, _text) in enumerate(REFUSALS)])
def test_a_refusal_has_its_twin_in_preflight_or_a_reason(role, name, text):
    if role == "preflight" or CALL.search(text):
        return
    variable = BY_VARIABLE.search(text)
    if variable:
        sources = [path.read_text() for path in ROOT.glob(f"roles/{role}/**/*.yml")]
        assert any(re.search(rf"{variable.group(1)}:.*(?:\n .*)*_setting_errors\('{role}'", source) for source in sources), text
        return
    twins = [check for (owner, words), check in TWINS.items() if owner == role and words in text]
    reasons = [reason for (owner, words), reason in REASONS.items() if owner == role and words in text]
    assert twins or reasons, "%s of role %s refuses something that preflight does not find: %s" % (name, role, text)
    assert set(twins) <= CHECKS


def test_a_role_calls_its_own_rules():
    for role, _name, text in REFUSALS:
        for called in CALL.findall(text):
            assert called == role

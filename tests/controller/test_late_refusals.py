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
BUNDLE = "the playbook that makes a bundle touches no host of the cluster"
CONSENT = "it depends on pods that run when the node is drained"
LATER = "preflight could know it, and does not read what it takes"

# Conditions and messages are matched as texts; (role, text): the check of preflight that finds the same, or the reason. Where a plan of the role has all
# that is wrong, the check is the one of them that the cluster or the host shows.
TWINS = {
    ("dpdk_app", "__dpdk_app_plan.errors"): "pod-security",
    ("network_attachments", "__network_attachments_plan.errors"): "attachment-admission",
    # Of archives that the run builds it shows later.
    ("node_images", "__node_images.errors"): "image-archive",
    ("userspace_cni", "__userspace_cni_missing_files"): "build-files",
}
REASONS = {
    ("bundle", "__bundle_plan.errors"): BUNDLE,
    ("bundle", "__bundle_refused_archives"): BUNDLE,
    ("dpdk_host", "__dpdk_host_plan.lacking"): INSTALLED,
    # Before the first reboot. Preflight finds all of it but pods without a controller.
    ("host_reboot", "__host_reboot_refusal"): LATER,
    ("host_reboot", "could not be drained within"): CONSENT,
    ("host_reboot", "__host_reboot_failure"): BOOT,
    ("host_reboot", "__host_reboot_uncordon_failure"): BOOT,
    ("kube_ovn", "__kube_ovn_problems"): RUNNING,
    ("kube_ovn", "not __kube_ovn_node.running"): REMOVAL,
    ("multus", "__multus_users"): REMOVAL,
    ("multus", "_multus_node_errors"): RUNNING,
    ("network_attachments", "__network_attachments_removal.errors"): REMOVAL,
    ("network_attachments", "__network_attachments_made"): RUNNING,
    ("userspace_cni", "__userspace_cni_attachments"): REMOVAL,
}
# These are known to be refused late; a new one belongs into preflight.
KNOWN_TO_BE_LATE = 1
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


def judged_here(role, text):
    return role != "preflight" and not CALL.search(text) and not BY_VARIABLE.search(text)


@pytest.mark.parametrize("role, words", [*TWINS, *REASONS], ids=lambda text: re.sub(r"\W+", "-", text))
def test_a_twin_or_a_reason_is_for_one_refusal_that_there_is(role, words):
    """A text that fits none is left over, and one that fits several excuses what nobody has looked at."""
    fitting = [name for owner, name, text in REFUSALS if owner == role and words in text and judged_here(role, text)]
    assert words
    assert len(fitting) == 1, fitting


def test_nothing_is_refused_late_that_was_not():
    assert list(REASONS.values()).count(LATER) <= KNOWN_TO_BE_LATE


def test_preflight_runs_the_check_of_the_deployment_before_anything_is_changed():
    *_before, last = yaml.safe_load((ROOT / "playbooks" / "preflight.yml").read_text())
    assert [(task["ansible.builtin.import_role"]["name"], task["ansible.builtin.import_role"]["tasks_from"]) for task in last["tasks"]] == [
        ("kube_ovn.dpdk.kube_ovn", "check")
    ]
    included = [task.get("ansible.builtin.include_tasks") for task in tasks(yaml.safe_load((ROOT / "roles" / "kube_ovn" / "tasks" / "check.yml").read_text()))]
    assert "render.yml" in included
    assert any("__kube_ovn_errors" in text and "__kube_ovn_adopted" in text for role, name, text in REFUSALS if (role, name) == ("kube_ovn", "render.yml"))
    first = yaml.safe_load((ROOT / "playbooks" / "site.yml").read_text())[0]
    assert first["ansible.builtin.import_playbook"] == "preflight.yml"

# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules of role verify."""

from __future__ import annotations

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.engine import SETTINGS, error, rule
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify.full import LONGEST_PART, longest_part


def numeric(value):
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


@rule("proof-settings", SETTINGS, "the traffic proof can be run with its settings")
def proof_settings(case):
    for name, lowest, highest in (
        ("verify_duration", 2, 3600),
        ("verify_tolerance", 0, 1000000),
        ("verify_min_packets", 1, 10**9),
        ("verify_max_drop_ratio", 0, 1),
        ("verify_max_throttled", 0, 1),
        ("verify_testpmd_mbufs", 1024, 1000000),
        ("verify_testpmd_memory", 0, 1000000),
    ):
        value = numeric(case.setting(name))
        # What is no number at all is refused by the argument specification.
        if value is not None and not lowest <= value <= highest:
            yield error("%s is %s" % (name, case.setting(name)), "set it to a number from %s to %s" % (lowest, highest))


@rule("proof-settings", SETTINGS, "the traffic proof can be run with its settings")
def nodes_at_once(case):
    # Nodes that had to wait for others would read their PMD threads after the traffic.
    forks, hosts = numeric(case.facts.get("forks")), case.facts.get("hosts") or 0
    if case.setting("verify_profile") == "full" and forks and forks < hosts:
        yield error(
            "profile full reads the PMD threads of all %d nodes at the same time, and Ansible runs on %d at a time" % (hosts, forks),
            "give --forks %d" % hosts,
        )


@rule("proof-points", SETTINGS, "profile full of the traffic proof can measure its points")
def proof_points(case):
    if case.setting("verify_profile") != "full":
        return
    for name, lowest, highest in (
        ("verify_full_flows", 1, 10000),
        ("verify_full_in_flight", 1, 6144),
        ("verify_full_queues", 1, 2),
        ("verify_full_sizes", 64, 1518),
    ):
        values = case.setting(name)
        if values is None:
            continue
        if not values:
            yield error("%s is empty" % name, "give at least one number")
        for value in values:
            if name == "verify_full_sizes" and str(value).lower() == "imix":
                continue
            number = numeric(value)
            if number is None or number != int(number) or not lowest <= number <= highest:
                words = ", or imix" if name == "verify_full_sizes" else ""
                yield error("%s has %s" % (name, value), "give whole numbers from %d to %d%s" % (lowest, highest, words))
        if len(set(map(str, values))) != len(values):
            yield error("%s has a value twice: %s" % (name, ", ".join(map(str, values))), "name each once")
    seconds = numeric(case.setting("verify_full_seconds"))
    if seconds is not None and not 1 <= seconds <= 60:
        yield error("verify_full_seconds is %s" % case.setting("verify_full_seconds"), "set it to a number from 1 to 60")
        return
    levels, flows = ([numeric(value) for value in case.setting(name) or []] for name in ("verify_full_in_flight", "verify_full_flows"))
    if seconds is not None and None not in levels + flows:
        took = longest_part({"sizes": [64], "in_flight": [int(one) for one in levels], "flows": [int(one) for one in flows], "seconds": int(seconds)})
        if took > LONGEST_PART:
            yield error(
                "the points of one frame size take %d s, more than %d" % (took, LONGEST_PART),
                "lower verify_full_seconds, or give fewer numbers in verify_full_in_flight and verify_full_flows",
            )

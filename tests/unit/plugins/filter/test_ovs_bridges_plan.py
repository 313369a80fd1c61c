# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import copy

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.kube_ovn.dpdk.plugins.filter.ovs_bridges_plan import ovs_bridges_plan

OURS = {"owner": "kube_ovn.dpdk.ovs_bridges"}
NOTHING = {"bridges": {}, "ports": {}}
THERE = {
    "bridges": {"br0": {"external_ids": OURS}, "old": {"external_ids": OURS}, "foreign": {"external_ids": {"owner": "else"}}},
    "ports": {
        "br0": {"bridge": "br0", "external_ids": {}},
        "br0-anchor": {"bridge": "br0", "external_ids": OURS},
        "uplink": {"bridge": "br0", "external_ids": OURS},
        "pod": {"bridge": "br0", "external_ids": {}},
        "old-anchor": {"bridge": "old", "external_ids": OURS},
        "stray": {"bridge": "foreign", "external_ids": OURS},
    },
}


def test_a_bridge_gets_its_defaults_its_mark_and_its_anchor():
    assert ovs_bridges_plan(NOTHING, [{"name": "br0"}]) == {
        "bridges": [{"name": "br0", "datapath_type": "netdev", "fail_mode": "standalone", "external_ids": OURS}],
        "ports": [{"name": "br0-anchor", "bridge": "br0", "type": "internal", "external_ids": OURS}],
    }


def test_what_is_given_goes_before_the_defaults_and_is_not_changed():
    bridges = [
        {
            "name": "br1",
            "fail_mode": "secure",
            "external_ids": {"a": "b"},
            "anchor": "stay",
            "ports": [{"name": "p", "external_ids": {"c": "d"}}],
            "other_config": None,
        }
    ]
    before = copy.deepcopy(bridges)
    plan = ovs_bridges_plan(NOTHING, bridges)
    assert plan["bridges"] == [{"name": "br1", "datapath_type": "netdev", "fail_mode": "secure", "external_ids": dict(OURS, a="b")}]
    assert plan["ports"] == [
        {"name": "stay", "bridge": "br1", "type": "internal", "external_ids": OURS},
        {"name": "p", "bridge": "br1", "external_ids": dict(OURS, c="d")},
    ]
    assert bridges == before


def test_only_what_is_ours_and_not_asked_for_goes_away():
    plan = ovs_bridges_plan(THERE, [{"name": "br0"}])
    assert [item["name"] for item in plan["bridges"] if item.get("state") == "absent"] == ["old"]
    # The ports of a bridge that goes away go with it.
    assert [item["name"] for item in plan["ports"] if item.get("state") == "absent"] == ["stray", "uplink"]


def test_only_what_is_ours_may_move():
    plan = ovs_bridges_plan(THERE, [{"name": "br1", "ports": [{"name": "uplink"}, {"name": "pod"}]}])
    assert [(item["name"], item.get("move")) for item in plan["ports"] if "state" not in item] == [("br1-anchor", None), ("uplink", True), ("pod", None)]


def test_asking_for_nothing_removes_all_that_is_ours():
    plan = ovs_bridges_plan(THERE, [])
    assert plan == {
        "bridges": [{"name": "br0", "state": "absent"}, {"name": "old", "state": "absent"}],
        "ports": [{"name": "stray", "bridge": "foreign", "state": "absent"}],
    }
    assert ovs_bridges_plan(NOTHING, []) == {"bridges": [], "ports": []}


def test_the_anchor_of_a_long_name_fits_an_interface_name():
    anchor = ovs_bridges_plan(NOTHING, [{"name": "br-very-long-nm"}])["ports"][0]["name"]
    assert anchor == "br-very--anchor"
    assert len(anchor) == 15


@pytest.mark.parametrize(
    "bridges, name",
    [
        ([{"name": "br0"}, {"name": "br0"}], "br0, br0-anchor"),
        ([{"name": "br-very-long-1"}, {"name": "br-very-long-2"}], "br-very--anchor"),
        ([{"name": "br0", "ports": [{"name": "br0"}]}], "br0"),
    ],
)
def test_a_name_that_is_used_twice_is_refused(bridges, name):
    with pytest.raises(AnsibleFilterError, match="uses a name twice: %s[.]" % name):
        ovs_bridges_plan(NOTHING, bridges)

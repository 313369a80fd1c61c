# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ovs_bridges_bridges as role ovs_bridges hands it to module ovs_topology, and what is refused on the controller."""

from __future__ import annotations

import copy

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.kube_ovn.dpdk.plugins.filter._ovs_bridges_topology import FilterModule
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils.ovs_bridges import anchor_name

topology = FilterModule().filters()["_ovs_bridges_topology"]


def test_a_bridge_gets_its_defaults_and_its_anchor():
    assert topology([{"name": "br0"}]) == [
        {"name": "br0", "datapath_type": "netdev", "fail_mode": "standalone", "ports": [{"name": "br0-anchor", "type": "internal"}]}
    ]
    assert topology([]) == []


def test_what_is_given_goes_before_the_defaults_and_is_not_changed():
    bridges = [
        {
            "name": "br1",
            "fail_mode": "secure",
            "external_ids": {"a": "b"},
            "anchor": "stay",
            "ports": [{"name": "p", "external_ids": {"c": "d"}, "tag": "5"}],
            "other_config": None,
        }
    ]
    before = copy.deepcopy(bridges)
    assert topology(bridges) == [
        {
            "name": "br1",
            "datapath_type": "netdev",
            "fail_mode": "secure",
            "external_ids": {"a": "b"},
            "ports": [{"name": "stay", "type": "internal"}, {"name": "p", "external_ids": {"c": "d"}, "tag": "5"}],
        }
    ]
    assert bridges == before


def test_an_existing_bridge_of_others_keeps_what_is_not_named():
    assert topology([{"name": "ext", "manage_existing": True}]) == [
        {"name": "ext", "manage_existing": True, "ports": [{"name": "ext-anchor", "type": "internal"}]}
    ]


def test_anchors_fit_a_device_name_and_differ():
    names = ["br-phys-a", "br-phys-b", "br-very-long-nm", "br-very-long-nn", "br0", "br-phys0"]
    anchors = [anchor_name(name) for name in names]
    assert len(set(anchors)) == len(names)
    assert all(len(name) <= 15 for name in anchors)
    assert anchors[-2:] == ["br0-anchor", "br-phys0-anchor"]
    assert topology([{"name": "br-phys-a"}, {"name": "br-phys-b"}])[1]["ports"][0]["name"] == anchor_name("br-phys-b")


REFUSED = {
    "bridge twice": ([{"name": "br0"}, {"name": "br0"}], "br0 is given twice"),
    "anchor twice": ([{"name": "br0", "anchor": "a"}, {"name": "br1", "anchor": "a"}], "a is given twice"),
    "port named like a bridge": ([{"name": "br0", "ports": [{"name": "br0"}]}], "br0 is given twice"),
    "port twice": ([{"name": "br0", "ports": [{"name": "p"}]}, {"name": "br1", "ports": [{"name": "p"}]}], "p is given twice"),
    "member named like a bridge": ([{"name": "br0"}, {"name": "br1", "ports": [{"name": "b", "interfaces": [{"name": "br0"}]}]}], "br0 is given twice"),
    "bridge of OVN": ([{"name": "br0"}, {"name": "br-int"}], "bridge br-int belongs to OVN"),
    "long name": ([{"name": "a-bridge-with-16"}], "longer than 15 bytes"),
    "bad tag": ([{"name": "br0", "ports": [{"name": "p", "tag": 5000}]}], "port p: tag 5000 is out of range"),
    "digits of another script": ([{"name": "br0", "ports": [{"name": "p", "tag": "\u0661"}]}], "port p: tag must be an integer"),
    "unknown option": ([{"name": "br0", "ports": [{"name": "p", "bridge": "br1"}]}], "bridge"),
    "unknown fail_mode": ([{"name": "br0", "fail_mode": "open"}], "fail_mode"),
    "number in a map": ([{"name": "br0", "ports": [{"name": "p", "options": {"n_rxq": 2}}]}], "n_rxq is the YAML number 2"),
    "mark": ([{"name": "br0", "external_ids": {"owner": "me"}}], "the key owner is set by the module itself"),
    "NUL": ([{"name": "br0", "ports": [{"name": "p", "options": {"x": "\0"}}]}], "holds a NUL character"),
    "surrogate": ([{"name": "br0", "other_config": {"x": "\ud800"}}], "lone surrogate"),
    "no list": ("br0", "must be a list of bridges"),
    "no bridge": (["br0"], "must be a list of bridges"),
    "no name": ([{"fail_mode": "secure"}], "must be a list of bridges, each with its name"),
    "ports that are no list": ([{"name": "br0", "ports": "dpdk0"}], "ports must be a list"),
    "port without a name": ([{"name": "br0", "ports": [{"type": "dpdk"}]}], "name"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_on_the_controller(case):
    bridges, message = REFUSED[case]
    with pytest.raises(AnsibleFilterError, match=f"^ovs_bridges_bridges: .*{message}"):
        topology(bridges)


@pytest.mark.parametrize("value", [True, "true", "True", "yes", "on", "1", 1, "y"])
def test_bridge_of_others_keeps_its_datapath_however_true_is_written(value: object) -> None:
    """As Ansible's modules read it, which get this value: a variable of the command line is text."""
    (bridge,) = topology([{"name": "br-ex", "manage_existing": value}])
    assert "datapath_type" not in bridge
    assert "fail_mode" not in bridge
    (bridge,) = topology([{"name": "br-ex", "manage_existing": "no"}])
    assert bridge["datapath_type"] == "netdev"

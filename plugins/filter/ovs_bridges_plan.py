# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
name: ovs_bridges_plan
short_description: Tells what leads from the bridges that are there to those that are asked for
version_added: 0.1.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - Adds an anchor port to every bridge, and the mark C(external_ids:owner=kube_ovn.dpdk.ovs_bridges) to all that is asked for.
  - What has the mark and is not asked for becomes a removal, and a port that has it may move to another bridge.
  - A name that is used twice is an error.
positional: bridges
options:
  _input:
    description: What M(kube_ovn.dpdk.ovs_info) returned.
    type: dict
    required: true
  bridges:
    description: The bridges in the form of the variable C(ovs_bridges_bridges) of role C(ovs_bridges).
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Compare what is there with what is asked for
  ansible.builtin.set_fact:
    plan: "{{ present | kube_ovn.dpdk.ovs_bridges_plan([{'name': 'br0'}]) }}"
"""

RETURN = r"""
_value:
  description: The lists C(bridges) for M(kube_ovn.dpdk.ovs_bridge) and C(ports) for M(kube_ovn.dpdk.ovs_port).
  type: dict
"""

from ansible.errors import AnsibleFilterError

OWNER = {"owner": "kube_ovn.dpdk.ovs_bridges"}


def owned(row):
    return (row.get("external_ids") or {}).get("owner") == OWNER["owner"]


def marked(item):
    return dict(item, external_ids=dict(item.get("external_ids") or {}, **OWNER))


def ovs_bridges_plan(present, bridges):
    """Lists for ovs_bridge and ovs_port that lead from what is there (what ovs_info returns) to what is asked for."""
    wanted_bridges, wanted_ports = [], []
    for bridge in bridges:
        settings = dict((key, value) for key, value in bridge.items() if key not in ("ports", "anchor") and value is not None)
        wanted_bridges.append(marked(dict({"datapath_type": "netdev", "fail_mode": "standalone"}, **settings)))
        anchor = {"name": bridge.get("anchor") or bridge["name"][:8] + "-anchor", "type": "internal"}
        for given in [anchor] + list(bridge.get("ports") or []):
            port = dict(given, bridge=bridge["name"])
            # What is not ours is not taken from where it is.
            if owned(present["ports"].get(port["name"], {})):
                port.setdefault("move", True)
            wanted_ports.append(marked(port))
    names = [port["name"] for port in wanted_ports] + [bridge["name"] for bridge in wanted_bridges]
    twice = sorted(set(name for name in names if names.count(name) > 1))
    if twice:
        raise AnsibleFilterError("ovs_bridges_bridges uses a name twice: %s. Names of bridges and ports (also anchors) are unique on a node" % ", ".join(twice))

    ours = sorted(name for name, bridge in present["bridges"].items() if owned(bridge) and name not in names)
    gone_bridges = [{"name": name, "state": "absent"} for name in ours]
    # The ports of a bridge go with it.
    gone_ports = [
        {"name": name, "bridge": port["bridge"], "state": "absent"}
        for name, port in sorted(present["ports"].items())
        if owned(port) and name not in names and port["bridge"] not in ours
    ]
    return {"bridges": wanted_bridges + gone_bridges, "ports": gone_ports + wanted_ports}


class FilterModule(object):
    def filters(self):
        return {"ovs_bridges_plan": ovs_bridges_plan}

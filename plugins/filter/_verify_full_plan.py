# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _verify_full_plan
short_description: Plans the points of profile full
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
  - Finds in which pods two ports can form a loop, and plans the runs of testpmd, the points of each, and how long all takes.
options:
  _input:
    description: The pods, as P(kube_ovn.dpdk.verify_plan#filter) returned them.
    type: list
    elements: dict
    required: true
  probes:
    description: What the task registered that asked the pods for their CPUs, sockets and tools.
    type: dict
    required: true
  nodes:
    description: What M(kube_ovn.dpdk.ovs_info) returned by host.
    type: dict
    required: true
  hostvars:
    description: The variables of all hosts, of which the readings of the PMD threads are taken.
    type: dict
    required: true
  settings:
    description: C(sizes), C(flows), C(in_flight), C(queues) and C(seconds), and C(cores), C(mbufs) and C(extra_arguments) of testpmd.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show what would be measured
  ansible.builtin.debug:
    msg: "{{ (plan | kube_ovn.dpdk._verify_full_plan(probes, nodes, hostvars, settings)).text }}"
"""

RETURN = r"""
_value:
  description: >-
    C(runs) of testpmd, each with C(pods), C(commands) and C(parts); C(parts) of all runs in their order, whose C(name) shows the progress; C(left_out), what is
    not measured and why; C(points), C(seconds) and C(text), which says
    how much it is and how long it takes.
  type: dict
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._no_template import no_template
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify import gather
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify.full import plan_full


def verify_full_plan(plan, probes, nodes, hostvars, settings):
    threads = {host: gather.thread_count(hostvars[host]) for host in nodes}
    numbers = {
        **settings,
        "sizes": [size if str(size).lower() == "imix" else int(size) for size in settings["sizes"]],
        **{key: [int(one) for one in settings[key]] for key in ("flows", "in_flight", "queues", "cores")},
        **{key: int(settings[key]) for key in ("seconds", "mbufs")},
    }
    numbers["sizes"] = [size if isinstance(size, int) else size.lower() for size in numbers["sizes"]]
    # Names in it come from pods, and are no templates.
    return no_template(plan_full(plan, gather.by_pod(probes), nodes, threads, numbers))


class FilterModule:
    def filters(self):
        return {"_verify_full_plan": verify_full_plan}

# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _verify_calls
short_description: Makes the commands that run the script of role verify in the pods
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to role C(verify). One command for each pod, as M(kube_ovn.dpdk.k8s_pods_exec) takes them.
options:
  _input:
    description: The pods, as P(kube_ovn.dpdk.verify_plan#filter) returned them.
    type: list
    elements: dict
    required: true
  script:
    description: The text of C(traffic.sh).
    type: str
    required: true
  words:
    description: The action, and its arguments in every pod.
    type: list
    elements: str
    required: true
  by_pod:
    description: Further arguments by pod. In a pod that is not named only O(first) is run, or nothing.
    type: dict
  paths:
    description: Whether the paths of the pod's sockets are the further arguments.
    type: bool
    default: false
  first:
    description: Another action and its arguments, run before in the same command, whatever its result.
    type: list
    elements: str
    default: []
  then:
    description: Another action and its arguments, run afterwards in the same command, whatever the result of the first.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Read what the pods have
  kube_ovn.dpdk.k8s_pods_exec:
    commands: "{{ plan | kube_ovn.dpdk._verify_calls(lookup('ansible.builtin.file', 'traffic.sh'), ['probe'], paths=true) }}"
    changes: false
"""

RETURN = r"""
_value:
  description: C(namespace), C(pod), C(container) and C(command) of each.
  type: list
  elements: dict
"""

import shlex

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify.plan import called


def command(script, calls):
    """One program with its arguments. Several calls are several shells, each with the script as `sh -c` takes it."""
    if len(calls) == 1:
        return ["sh", "-c", script, "traffic", *calls[0]]
    return ["sh", "-c", "; ".join('sh -c "$0" traffic ' + shlex.join(words) for words in calls), script]


def verify_calls(pods, script, words, by_pod=None, paths=False, first=(), then=()):
    if paths:
        by_pod = {called(pod): [port["path"] for port in pod["ports"]] for pod in pods}
    elif by_pod is None:
        by_pod = {called(pod): [] for pod in pods}
    found = []
    for pod in pods:
        named = called(pod) in by_pod
        calls = [first, [*words, *by_pod[called(pod)]] if named else [], then if named else []]
        listed = [[str(word) for word in one] for one in calls if one]
        if listed:
            found.append({"namespace": pod["namespace"], "pod": pod["name"], "container": pod["container"], "command": command(script, listed)})
    return found


class FilterModule:
    def filters(self):
        return {"_verify_calls": verify_calls}

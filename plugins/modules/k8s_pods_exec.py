#!/usr/bin/python
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: k8s_pods_exec
short_description: Runs a command in each of several pods at the same time
version_added: 1.0.0
description:
  - Runs commands in containers by the Kubernetes API, all of them at the same time, and returns when the last one has ended. A hundred pods take as long as
    the slowest of them.
  - In check mode only commands with O(changes=false) are run.
options:
  pods:
    description: Names of pods in which the same command is run, instead of O(commands).
    type: list
    elements: str
  namespace:
    description: Namespace of O(pods).
    type: str
  container:
    description: Name of the container in O(pods).
    type: str
  command:
    description: The program and its arguments for O(pods). It is run without a shell.
    type: list
    elements: str
  commands:
    description: What to run, and where, when it is not the same everywhere.
    type: list
    elements: dict
    suboptions:
      namespace:
        description: Namespace of the pod.
        type: str
        required: true
      pod:
        description: Name of the pod.
        type: str
        required: true
      container:
        description: Name of the container.
        type: str
        required: true
      command:
        description: The program and its arguments. It is run without a shell.
        type: list
        elements: str
        required: true
  timeout:
    description: Seconds after which a command that still runs is no longer waited for. It is not ended in its pod.
    type: int
    default: 120
  changes:
    description: Whether the commands change something. The module cannot know, and returns it as RV(ignore:changed).
    type: bool
    default: true
  required:
    description: Whether the module fails when a command could not be run, or ended with another code than 0. If V(false), only RV(results) reports it.
    type: bool
    default: true
extends_documentation_fragment:
  - kube_ovn.dpdk._kubernetes
attributes:
  check_mode:
    description: Runs commands that only read. Others are not run, and have no results.
    support: full
  diff_mode:
    details: What the commands change is not known.
  idempotent:
    description: The same input gives the same result.
    support: N/A
    details: As idempotent as the commands are.
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
"""

EXAMPLES = r"""
- name: Read the CPUs that two pods may use
  kube_ovn.dpdk.k8s_pods_exec:
    pods: [testpmd-1, testpmd-2]
    namespace: default
    container: testpmd
    command: [grep, Cpus_allowed_list, /proc/self/status]
    changes: false
  register: cpus

- name: Write another file in each pod
  kube_ovn.dpdk.k8s_pods_exec:
    commands:
      - {namespace: default, pod: testpmd-1, container: testpmd, command: [touch, /tmp/first]}
      - {namespace: default, pod: testpmd-2, container: testpmd, command: [touch, /tmp/second]}
"""

RETURN = r"""
results:
  description:
    - The result of each command, in the order of O(commands) or O(pods).
    - C(rc) is null, and C(msg) says why, where the command could not be run or was not waited for to its end.
  returned: success
  type: list
  elements: dict
  sample:
    - {namespace: default, pod: testpmd-1, rc: 0, stdout: "Cpus_allowed_list:\t0-1\n", stderr: "", msg: ""}
"""

import json
import threading
import time

from ansible_collections.kube_ovn.dpdk.plugins.module_utils._k8s_client import k8s_client, k8s_module

try:
    from kubernetes.client import ApiClient, CoreV1Api
    from kubernetes.client.rest import ApiException
    from kubernetes.stream import stream
except ImportError:
    # k8s_module reports it.
    pass

# The channels of the API's protocol; the last has the status at the end.
STDOUT = 1
STDERR = 2
STATUS = 3
# What one command may print, in characters. A pod must not be able to fill the memory of the host that asks it, nor
# that of the controller, which keeps every result several times.
LONGEST = 16 * 1024 * 1024


def exit_code(status):
    """The code and the reason of a command by the API's last word, a Status object as text."""
    try:
        status = json.loads(status)
    except ValueError:
        return None, "The API did not report how the command ended"
    if not isinstance(status, dict):
        return None, "The API did not report how the command ended"
    if status.get("status") == "Success":
        return 0, ""
    causes = (status.get("details") or {}).get("causes") or []
    for cause in causes:
        if cause.get("reason") == "ExitCode":
            return int(cause["message"]), ""
    return None, status.get("message") or "The command did not run"


def listen(answer, end, timeout):
    """What a command prints until it ends, and how it ended: {stdout, stderr, rc, msg}."""
    printed, length = {STDOUT: [], STDERR: []}, 0
    while True:
        still_open = answer.is_open()
        for channel, parts in printed.items():
            # Asking for a channel reads one frame more, which can be of any channel.
            parts.append(answer.read_channel(channel))
            length += len(parts[-1])
        if length > LONGEST:
            problem = "The command printed more than %d MiB" % (LONGEST // 1024 // 1024)
            break
        if not still_open:
            problem = None
            break
        if time.time() > end:
            problem = late(timeout)
            break
        answer.update(timeout=min(max(end - time.time(), 0), 1))
    found = {"stdout": "".join(printed[STDOUT]), "stderr": "".join(printed[STDERR])}
    if problem is None:
        found["rc"], found["msg"] = exit_code(answer.read_channel(STATUS))
    else:
        answer.close()
        found["rc"], found["msg"] = None, problem
    return found


def run(api, item, timeout):
    """What came of one command. Never raises."""
    result = {"namespace": item["namespace"], "pod": item["pod"], "rc": None, "stdout": "", "stderr": "", "msg": ""}
    try:
        answer = stream(
            api.connect_get_namespaced_pod_exec,
            item["pod"],
            item["namespace"],
            container=item["container"],
            command=item["command"],
            stdout=True,
            stderr=True,
            stdin=False,
            tty=False,
            _preload_content=False,
        )
        result.update(listen(answer, time.time() + timeout, timeout))
    except ApiException as error:
        result["msg"] = " ".join(("%s" % (error.body or error.reason or error)).split())[:1000]
    except Exception as error:  # the library hands down whatever its websocket raises
        result["msg"] = "%s: %s" % (type(error).__name__, error)
    return result


def late(timeout):
    return "The command was not done after %d seconds" % timeout


def run_all(apis, items, timeout):
    """The results in the order of the items, after the timeout at the latest. apis: one client for each item, since the library changes it while it runs."""
    results = [dict(namespace=item["namespace"], pod=item["pod"], rc=None, stdout="", stderr="", msg=late(timeout)) for item in items]

    def fill(index):
        results[index] = run(apis[index], items[index], timeout)

    threads = [threading.Thread(target=fill, args=(index,)) for index in range(len(items))]
    for thread in threads:
        # One that hangs in the network must not keep the module from its end.
        thread.daemon = True
        thread.start()
    end = time.time() + timeout + 5
    for thread in threads:
        thread.join(max(end - time.time(), 0))
    return list(results)


def main():
    item = dict(
        namespace=dict(type="str", required=True),
        pod=dict(type="str", required=True),
        container=dict(type="str", required=True),
        command=dict(type="list", elements="str", required=True),
    )
    module = k8s_module(
        dict(
            pods=dict(type="list", elements="str"),
            namespace=dict(type="str"),
            container=dict(type="str"),
            command=dict(type="list", elements="str"),
            commands=dict(type="list", elements="dict", options=item),
            timeout=dict(type="int", default=120),
            changes=dict(type="bool", default=True),
            required=dict(type="bool", default=True),
        ),
        mutually_exclusive=[("pods", "commands")],
        required_one_of=[("pods", "commands")],
        required_by={"pods": ("namespace", "container", "command")},
    )
    same = {name: module.params[name] for name in ("namespace", "container", "command")}
    items = [dict(same, pod=name) for name in module.params["pods"] or []] + (module.params["commands"] or [])
    timeout = module.params["timeout"]
    for wanted in items:
        if not wanted["command"]:
            module.fail_json(msg="commands: the command for pod %(namespace)s/%(pod)s is empty" % wanted)
    if timeout < 1:
        module.fail_json(msg="timeout is %d: set it to at least 1 second" % timeout)
    if not items or (module.check_mode and module.params["changes"]):
        module.exit_json(changed=module.params["changes"] and bool(items), results=[])
    configuration = k8s_client(module).client.client.configuration
    results = run_all([CoreV1Api(ApiClient(configuration)) for unused in items], items, timeout)
    failures = [
        "%(namespace)s/%(pod)s: " % one + (one["msg"] or "ended with code %s: %s" % (one["rc"], one["stderr"].strip()[-500:]))
        for one in results
        if one["rc"] != 0
    ]
    if failures and module.params["required"]:
        module.fail_json(msg="Commands in %d of %d pods failed: %s" % (len(failures), len(results), "; ".join(failures)), results=results)
    module.exit_json(changed=module.params["changes"], results=results)


if __name__ == "__main__":
    main()

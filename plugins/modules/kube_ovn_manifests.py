#!/usr/bin/python
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: kube_ovn_manifests
short_description: Turns an installer of Kube-OVN into Kubernetes objects
version_added: 1.0.0
description:
  - Runs the C(install.sh) of a Kube-OVN release with a recorder in place of C(kubectl), and returns the objects that it
    would have applied, and every other step, in their order. No cluster is asked, and nothing is applied.
  - The installer runs without privileges, without network, with the programs of the host read-only and in an empty
    directory, as far as the host allows (Linux namespaces); what it got is returned, and less than that is a warning.
  - An installer that calls something unexpected is an error that names the call.
  - The objects can then be changed by overlays.
requirements:
  - PyYAML
  - bash, and unshare and setpriv of util-linux for the isolation
options:
  installer:
    description: Path of the installer on this host.
    type: path
    required: true
  arguments:
    description: Arguments of the installer, such as V(--with-dpdk=19.11) or V(--with-hybrid-dpdk).
    type: list
    elements: str
    default: []
  settings:
    description:
      - Variables of the installer by name, such as C(POD_CIDR). Each must be assigned in the head of the script, at the
        beginning of a line; a name that is not is an error which lists those that are.
      - C(POD_CIDR) without C(POD_GATEWAY) leaves the gateway to Kube-OVN, which takes the first address of the network.
      - Always give C(VERSION), since in some releases the installer names another one than its own.
    type: dict
    default: {}
  nodes:
    description: The nodes of the cluster. The installer counts those it runs its databases on, and takes their addresses.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the node.
        type: str
        required: true
      internal_ip:
        description: Its internal address.
        type: str
        required: true
      labels:
        description: Its labels. A node without this option matches every selector.
        type: dict
  overlays:
    description: Changes on the rendered objects, in this order.
    type: list
    elements: dict
    default: []
    suboptions:
      kind:
        description: Kind of the object.
        type: str
        required: true
      name:
        description: Name of the object.
        type: str
        required: true
      namespace:
        description: Namespace of the object; any when omitted.
        type: str
      patch:
        description:
          - Merged into the object the way Kubernetes merges. Maps merge, a null value removes the key, lists of named
            elements (containers, volumes, env …) merge by name, other lists are replaced.
          - C({"$append":[…]}) in place of a list adds the elements which are not there yet, and C("$patch":"delete") in a
            named element removes it.
        type: dict
      flags:
        description: For each container the command line flags to set, such as C({"pinger":{"--external-address":"192.0.2.1"}}). A null value removes a flag.
        type: dict
      rules:
        description: Rules to add to a role, as far as it does not grant them already.
        type: list
        elements: dict
      required:
        description: Whether it is an error that no such object was rendered.
        type: bool
        default: true
  registry:
    description:
      - Registry with path, such as V(registry.example.com/kubeovn), that takes the place of the one in every image.
      - It is C(REGISTRY) too where the installer has one, of which images in configuration maps and arguments are made.
    type: str
  served_api_versions:
    description:
      - The API versions that the cluster serves. Pod security policies are left out where they are not served; any other
        object that is not served is an error.
      - Without this option nothing is checked.
    type: list
    elements: str
  timeout:
    description: Seconds that the installer may take.
    type: int
    default: 60
attributes:
  check_mode:
    description: Can run in check mode and return the same as otherwise.
    support: full
  diff_mode:
    description: Returns what has changed, when in diff mode.
    support: N/A
    details: Nothing is changed.
  idempotent:
    description: The same input gives the same output.
    support: full
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
"""

EXAMPLES = r"""
- name: Render a release for two control plane nodes
  kube_ovn.dpdk.kube_ovn_manifests:
    installer: /var/cache/kube-ovn/v1.12.35/install.sh
    arguments:
      - --with-dpdk=19.11
    settings:
      VERSION: v1.12.35
      POD_CIDR: 10.16.0.0/16
    nodes:
      - name: node-1
        internal_ip: 192.0.2.11
      - name: node-2
        internal_ip: 192.0.2.12
    overlays:
      - kind: DaemonSet
        name: ovs-ovn
        patch:
          spec:
            updateStrategy:
              type: OnDelete
              rollingUpdate:
  register: rendered
"""

RETURN = r"""
objects:
  description: The Kubernetes objects, in the order applied, after overlays.
  returned: success
  type: list
  elements: dict
omitted:
  description: Objects that were left out since the cluster does not serve their kind, as C(kind name).
  returned: success
  type: list
  elements: str
steps:
  description:
    - What the installer would have done, in order. Each has an C(action).
    - C(apply) has the C(file), and C(first) and C(count) of its elements in RV(objects).
    - C(label) has C(kind), C(selector), the C(nodes) which it selects, C(labels) and C(overwrite).
    - C(wait) has C(kind), C(name) or C(selector), C(namespace), C(condition) (V(rollout), or the one waited for) and C(timeout) in seconds or null.
    - C(recreate-pods) stands for the deletion of every pod that is not on the host network and has restart policy Always.
    - C(delete), C(create), C(plugin-cp) and C(plugin-ko) are the other calls.
  returned: success
  type: list
  elements: dict
  sample:
    - {action: apply, file: kube-ovn-crd.yaml, first: 0, count: 17}
    - {action: wait, kind: Deployment, name: ovn-central, namespace: kube-system, condition: rollout, selector: null, timeout: 300}
images:
  description: The images of all containers, each once, after overlays.
  returned: success
  type: list
  elements: str
plugin:
  description:
    - Text of the plugin C(kubectl-ko), where the installer has it in itself (up to v1.10), else null. It is null too where RV(isolation.level) is less
      than V(namespaces).
  returned: success
  type: str
known_settings:
  description: Names that O(settings) can have with this installer.
  returned: success
  type: list
  elements: str
sources:
  description:
    - Where the installer puts its variables into containers. Each has the C(variable), the C(container), and its C(flag) or the name of its environment
      variable C(env), with the text C(before) and C(after) the value.
  returned: success
  type: list
  elements: dict
  sample:
    - {variable: SVC_CIDR, container: kube-ovn-controller, flag: --service-cluster-ip-range, before: "", after: ""}
isolation:
  description: How the installer was isolated.
  returned: success
  type: dict
  contains:
    level:
      description: V(namespaces) is the best one, then V(network-only), then V(unprivileged).
      type: str
    network:
      description: Whether the network was out of reach.
      type: bool
    filesystem:
      description: Whether the file system was read-only but for a scratch directory.
      type: bool
    unprivileged:
      description: Whether it ran as an unprivileged user.
      type: bool
    tried:
      description: Better levels that this host did not allow, and why.
      type: list
      elements: str
"""

import io
import os

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _kube_ovn_overlay as overlay
from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _kube_ovn_render as render


def run(params):
    with io.open(params["installer"], encoding="utf-8") as handle:
        script = handle.read()
    if "kubectl" not in script:
        raise render.RenderError("%s is no installer of Kube-OVN: it never calls kubectl." % params["installer"])
    script, known = render.apply_settings(script, params["settings"])
    if params["registry"] and "REGISTRY" in known:
        script, known = render.apply_settings(script, {"REGISTRY": params["registry"].rstrip("/")})
    calls, isolation = render.run_installer(script, params["arguments"], params["nodes"], params["timeout"])
    objects, steps = render.read_steps(calls)
    if not objects:
        raise render.RenderError("The installer applied nothing.")
    if params["registry"]:
        objects = overlay.set_registry(objects, params["registry"])
    objects = overlay.apply_overlays(objects, params["overlays"])
    omitted = []
    if params["served_api_versions"] is not None:
        kept, omitted = overlay.not_served(objects, set(params["served_api_versions"]))
        gone = set(id(item) for item in omitted)
        for step in steps:
            if step["action"] == "apply":
                first = step["first"]
                before = sum(1 for item in objects[:first] if id(item) in gone)
                inside = sum(1 for item in objects[first : first + step["count"]] if id(item) in gone)
                step["first"] -= before
                step["count"] -= inside
        objects = kept
    return {
        "objects": objects,
        "omitted": [overlay.identity(item) for item in omitted],
        "steps": steps,
        "images": render.images(objects),
        "plugin": render.plugin(calls, isolation),
        "known_settings": known,
        "sources": render.read_sources(script, known),
        "isolation": isolation,
    }


def main():
    module = AnsibleModule(
        argument_spec={
            "installer": {"type": "path", "required": True},
            "arguments": {"type": "list", "elements": "str", "default": []},
            "settings": {"type": "dict", "default": {}},
            "nodes": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "name": {"type": "str", "required": True},
                    "internal_ip": {"type": "str", "required": True},
                    "labels": {"type": "dict"},
                },
            },
            "overlays": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "kind": {"type": "str", "required": True},
                    "name": {"type": "str", "required": True},
                    "namespace": {"type": "str"},
                    "patch": {"type": "dict"},
                    "flags": {"type": "dict"},
                    "rules": {"type": "list", "elements": "dict"},
                    "required": {"type": "bool", "default": True},
                },
            },
            "registry": {"type": "str"},
            "served_api_versions": {"type": "list", "elements": "str"},
            "timeout": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    if render.yaml is None:
        module.fail_json(msg=missing_required_lib("PyYAML"))
    if not os.path.isfile(module.params["installer"]):
        module.fail_json(msg="There is no installer at %s." % module.params["installer"])
    try:
        result = run(module.params)
    except (render.RenderError, overlay.OverlayError) as error:
        module.fail_json(msg="%s" % error)
    isolation = result["isolation"]
    if isolation["level"] != "namespaces":
        module.warn(
            "The installer could not be isolated completely: network out of reach: %s, file system read-only: %s (%s)."
            % (isolation["network"], isolation["filesystem"], "; ".join(isolation["tried"]))
        )
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()

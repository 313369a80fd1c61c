#!/usr/bin/python
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: k8s_objects_info
short_description: Reads objects of several kinds from the Kubernetes API in one call
version_added: 1.0.0
description:
  - Reads lists of objects, each under a key of its own. A role that looks at many kinds starts one module instead of one for each kind.
  - Nothing is changed, and nothing is waited for.
options:
  objects:
    description: What to read.
    type: list
    elements: dict
    default: []
    suboptions:
      key:
        description: Key under which the objects are returned.
        type: str
        required: true
      kind:
        description: Kind of the objects.
        type: str
        required: true
      api_version:
        description: API version of the kind.
        type: str
        default: v1
      namespace:
        description: Namespace of the objects. Without it objects of all namespaces are read.
        type: str
      name:
        description: Name of the one object to read. An object that does not exist gives an empty list.
        type: str
      label_selectors:
        description: Label selectors that all have to match.
        type: list
        elements: str
        default: []
      field_selectors:
        description: Field selectors that all have to match.
        type: list
        elements: str
        default: []
      unless:
        description: Key of an item before this one. If that has objects, this one is not read, and its list is empty.
        type: str
      required:
        description: Whether the module fails when the API refuses to answer. If V(false), the reason is returned in RV(errors).
        type: bool
        default: true
  definitions:
    description:
      - Objects that were applied by M(kubernetes.core.k8s) or C(kubectl), as they are to be. Each is read by its API version, kind, namespace and name,
        and those that are not surely as an apply would leave them are returned in RV(unapplied).
      - Amounts of resources of containers are compared as numbers, since the API server writes C(1000m) as C(1). An object with another value that it
        writes in another way than it was given is not surely so.
    type: list
    elements: dict
    default: []
extends_documentation_fragment:
  - kube_ovn.dpdk._kubernetes
attributes:
  check_mode:
    description: Reads as it does otherwise.
    support: full
  diff_mode:
    details: Nothing is changed.
  idempotent:
    description: The same input gives the same result.
    support: full
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
"""

EXAMPLES = r"""
- name: Read nodes and the pods of OVS-DPDK
  kube_ovn.dpdk.k8s_objects_info:
    objects:
      - key: nodes
        kind: Node
      - key: switches
        kind: Pod
        namespace: kube-system
        label_selectors: [app=ovs-dpdk]
  register: cluster

- name: Read a node, and all of them where it does not exist
  kube_ovn.dpdk.k8s_objects_info:
    objects:
      - {key: node, kind: Node, name: node-1}
      - {key: nodes, kind: Node, unless: node}
  register: cluster

- name: Read network attachments, where their kind is there and may be read
  kube_ovn.dpdk.k8s_objects_info:
    objects:
      - key: attachments
        api_version: k8s.cni.cncf.io/v1
        kind: NetworkAttachmentDefinition
        required: false
  register: cluster

- name: Find what an apply may change
  kube_ovn.dpdk.k8s_objects_info:
    definitions: "{{ lookup('ansible.builtin.file', 'release.yml') | from_yaml_all }}"
  register: compared
"""

RETURN = r"""
objects:
  description: The objects by the keys of O(objects), each a list in the order of the API, as the API returns them.
  returned: success
  type: dict
  sample: {nodes: [{kind: Node, apiVersion: v1, metadata: {name: node-1}}]}
missing:
  description: Keys of O(objects) whose kind the API does not serve; their lists are empty.
  returned: success
  type: list
  elements: str
errors:
  description: Why the API did not answer, by the keys of O(objects) with O(objects[].required=false); their lists are empty.
  returned: success
  type: dict
unapplied:
  description: Those of O(definitions) that are not there, could not be read, or may be changed by an apply.
  returned: success
  type: list
  elements: dict
version:
  description: Version of the API server, with its leading V(v).
  returned: success
  type: str
  sample: v1.24.17
api_versions:
  description: API versions that the server serves, such as V(v1) and V(apps/v1), sorted.
  returned: success
  type: list
  elements: str
"""

from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _applied
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._k8s_client import k8s_client, k8s_module, reason

try:
    from kubernetes.client.rest import ApiException
    from kubernetes.dynamic.exceptions import ResourceNotFoundError, ResourceNotUniqueError
    from urllib3.exceptions import HTTPError

    FAILURES = (ApiException, HTTPError, ResourceNotUniqueError)
except ImportError:
    # k8s_module reports it.
    pass


def title(query):
    """What is read, in the words of a message."""
    words = ["%(kind)s of %(api_version)s" % query]
    if query.get("name"):
        words.append(query["name"])
    if query.get("namespace"):
        words.append("in namespace %s" % query["namespace"])
    return " ".join(words)


def read(client, query):
    """The objects, or None where the API does not serve their kind. Other failures are exceptions of the client."""
    try:
        resource = client.resource(query["kind"], query["api_version"])
    except ResourceNotFoundError:
        return None
    except ApiException as error:
        # The client's cache of API groups still has a group that was removed.
        if error.status == 404:
            return None
        raise
    given = dict((key, query[key]) for key in ("namespace", "name") if query.get(key))
    for key, parameter in (("label_selectors", "label_selector"), ("field_selectors", "field_selector")):
        if query.get(key):
            given[parameter] = ",".join(query[key])
    try:
        answer = client.get(resource, **given).to_dict()
    except ApiException as error:
        # No such object. A list that is not found is one of a kind that was removed since the client's file of kinds was written.
        if error.status == 404:
            return [] if query.get("name") else None
        raise
    if query.get("name"):
        return [answer]
    # Objects in a list do not say what they are.
    return [dict(item, kind=query["kind"], apiVersion=query["api_version"]) for item in answer.get("items") or []]


def live(client, definition):
    """The object as it is, in a list. One that cannot be read is left out: it tells its reason when it is applied."""
    api_version, kind, namespace, name = _applied.identity(definition)
    try:
        return read(client, dict(api_version=api_version, kind=kind, namespace=namespace, name=name)) or []
    except FAILURES:
        return []


def server_version(client):
    """The version as the server says it now: what the client's discovery knows is kept in a file, and outlives an upgrade."""
    return client.client.request("get", "/version", serializer=lambda unused, content: content)["gitVersion"]


def api_versions(client):
    """The versions that the server serves, sorted."""
    groups = client.client.request("get", "/apis").to_dict().get("groups") or []
    return sorted(["v1"] + [version["groupVersion"] for group in groups for version in group["versions"]])


def main():
    query = dict(
        key=dict(type="str", required=True, no_log=False),
        kind=dict(type="str", required=True),
        api_version=dict(type="str", default="v1"),
        namespace=dict(type="str"),
        name=dict(type="str"),
        label_selectors=dict(type="list", elements="str", default=[]),
        field_selectors=dict(type="list", elements="str", default=[]),
        unless=dict(type="str"),
        required=dict(type="bool", default=True),
    )
    module = k8s_module(
        dict(
            objects=dict(type="list", elements="dict", default=[], options=query),
            definitions=dict(type="list", elements="dict", default=[]),
        )
    )
    for number, item in enumerate(module.params["definitions"]):
        if not (item.get("apiVersion") and item.get("kind") and (item.get("metadata") or {}).get("name")):
            module.fail_json(msg="definitions[%d] is no object: it needs apiVersion, kind and metadata.name" % number)
    client = k8s_client(module)
    objects, missing, errors = {}, [], {}
    try:
        version, served = server_version(client), api_versions(client)
    except FAILURES as error:
        module.fail_json(msg="The Kubernetes API did not return its versions: %s" % reason(error))
    for item in module.params["objects"]:
        if objects.get(item["unless"]):
            objects[item["key"]] = []
            continue
        try:
            found = read(client, item)
        except FAILURES as error:
            if item["required"]:
                module.fail_json(msg="The Kubernetes API did not return %s: %s" % (title(item), reason(error)))
            errors[item["key"]] = reason(error)
            found = []
        if found is None:
            missing.append(item["key"])
        objects[item["key"]] = found or []
    definitions = module.params["definitions"]
    unapplied = _applied.unapplied(definitions, [item for definition in definitions for item in live(client, definition)])
    module.exit_json(changed=False, objects=objects, missing=missing, errors=errors, unapplied=unapplied, version=version, api_versions=served)


if __name__ == "__main__":
    main()

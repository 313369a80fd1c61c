# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules of role dpdk_app."""

from __future__ import annotations

import os
import re

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _ovs_dpdk_image
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight import specifications
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.engine import CLUSTER, SETTINGS, error, rule, warning
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.readers import QUANTITY, mebibytes
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils.attachments import KUBE_OVN, KUBEVIRT, of_kind, volume_of

ARCHIVE = "give the path on the controller of an archive made by docker save"


def wanted(case):
    return case.setting("dpdk_app_state", "present") == "present"


@rule("dpdk-app-amounts", SETTINGS, "the amounts of the pods of role dpdk_app are amounts")
def amounts(case):
    if not wanted(case):
        return
    size, amount = case.setting("dpdk_app_hugepage_size"), case.setting("dpdk_app_hugepages")
    if amount is not None and not re.match(r"[1-9][0-9]*[MG]i\Z", str(amount)):
        yield error("dpdk_app_hugepages is %s" % (amount,), "give an amount with Mi or Gi, such as 2Gi")
    elif amount is not None and mebibytes(size) and mebibytes(amount) % mebibytes(size):
        yield error(
            "dpdk_app_hugepages %s is no multiple of dpdk_app_hugepage_size %s" % (amount, size), "give whole pages, or set dpdk_app_hugepage_size to 2Mi"
        )
    for name in ("dpdk_app_memory", "dpdk_app_cpu"):
        value = case.setting(name)
        if value is not None and (not QUANTITY.match(str(value)) or re.match(r"[0.]+\D*\Z", str(value))):
            yield error("%s is %s" % (name, value), "give an amount as Kubernetes writes it, such as %s" % ("2Gi" if name.endswith("memory") else "2 or 1500m"))


@rule("dpdk-app-networks", SETTINGS, "the pods of role dpdk_app ask for attachments")
def networks(case):
    names = case.settings.get("dpdk_app_networks")
    if not wanted(case) or names is None:
        return
    if not names:
        yield error("dpdk_app_networks is empty", "name at least one attachment; two of them prove that packets pass between ports")
    for name in names if isinstance(names, (list, tuple)) else []:
        if not re.match(r"([a-z0-9]([-a-z0-9]*[a-z0-9])?/)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(@[a-zA-Z0-9_.-]{1,15})?\Z", str(name).strip()):
            yield error("dpdk_app_networks names %r" % (name,), "use [NAMESPACE/]NAME[@INTERFACE]")


def asked_attachments(case):
    """Names of the attachments that the pods ask for, without namespaces and interfaces."""
    names = case.setting("dpdk_app_networks", [])
    return [str(name).partition("@")[0].strip().rpartition("/")[2] for name in names] if isinstance(names, (list, tuple)) else []


@rule("dpdk-app-networks", SETTINGS, "the pods of role dpdk_app ask for attachments")
def volumes(case):
    if not wanted(case):
        return
    own = {str(item.get("name")): item for item in of_kind(case.attachments(), KUBE_OVN) if item.get("consumption") != KUBEVIRT}
    used = [volume_of(own[name]) for name in asked_attachments(case) if name in own]
    for volume in sorted(set(name for name in used if used.count(name) > 1)):
        yield error(
            "dpdk_app_networks names attachments with the volume %s more than once, and Kube-OVN makes one port for each volume of a pod" % volume,
            "name an attachment with another volume for each interface",
        )


@rule("dpdk-app-group", SETTINGS, "pods of role dpdk_app that are not root may write to their hugepages")
def group(case):
    of_pod, of_container = (case.setting(name, {}) for name in ("dpdk_app_pod_security_context", "dpdk_app_security_context"))
    if not wanted(case) or not isinstance(of_pod, dict) or not isinstance(of_container, dict):
        return
    # What the container says counts before what the pod says.
    user = of_container.get("runAsUser", of_pod.get("runAsUser"))
    told = of_container.get("runAsNonRoot", of_pod.get("runAsNonRoot"))
    if (told is True if user is None else str(user) != "0") and of_pod.get("fsGroup") is None:
        yield error(
            "the pods of role dpdk_app are not root and have no fsGroup, and their volume of hugepages belongs to root",
            "set fsGroup in dpdk_app_pod_security_context to the group of their attachments",
        )


@rule("dpdk-app-image", SETTINGS, "the image of role dpdk_app can be built or found")
def image(case):
    if not wanted(case):
        return
    source = case.setting("dpdk_app_image_source")
    if source == "archive":
        path, checksum = case.setting("dpdk_app_image_archive"), case.setting("dpdk_app_image_archive_checksum")
        if path is None:
            yield error("dpdk_app_image_source is archive, and dpdk_app_image_archive is empty", ARCHIVE)
        elif not os.path.isfile(os.path.expanduser(str(path))):
            yield error("dpdk_app_image_archive %s is no file on the controller" % path, ARCHIVE)
        if checksum is None:
            yield error("dpdk_app_image_source is archive, and dpdk_app_image_archive_checksum is empty", "give its SHA-256, as sha256sum prints it")
    if source == "build" and case.setting("dpdk_app_dpdk_version") is not None:
        yield from sources(case) if case.setting("dpdk_app_variant") == "sources" else packages(case)


def sources(case):
    release, url = case.setting("dpdk_app_dpdk_version"), case.setting("dpdk_app_dpdk_url")
    known = sorted(specifications.role_variables("dpdk_app").get("__dpdk_app_checksums", {}))
    # The newest patch release of 19.11 that is known stands for it.
    if not case.setting("dpdk_app_dpdk_checksum") and (url or str(release) not in [*known, "19.11"]):
        yield error(
            "no checksum is known of %s (dpdk_app_dpdk_version %s)" % (url or "the sources of DPDK", release),
            "set dpdk_app_dpdk_checksum to sha256:HEX of dpdk_app_dpdk_url, or leave the URL empty and use one of %s" % ", ".join(known),
        )


def packages(case):
    release = case.setting("dpdk_app_dpdk_version")
    if case.setting("dpdk_app_base_image") is None and not _ovs_dpdk_image.dpdk_base(release):
        there = ", ".join("%s (%s)" % (_ovs_dpdk_image.dotted(base.dpdk), base.image) for base in _ovs_dpdk_image.BASES)
        yield error(
            "dpdk_app_dpdk_version is %s, which no distribution packages" % release,
            "use one of %s, name a base that has it in dpdk_app_base_image, or set dpdk_app_variant: sources" % there,
        )


@rule("attachment-missing", CLUSTER, "the attachments that the pods of role dpdk_app ask for are made")
def attachment_unknown(case):
    made = set(str(item.get("name")) for item in case.attachments())
    unknown = sorted(set(asked_attachments(case)) - made)
    if unknown:
        yield warning(
            "dpdk_app_networks names %s, which network_attachments_definitions does not make: where it is missing, Kube-OVN gives the pod no address at all"
            % ", ".join(unknown),
            "add it to network_attachments_definitions, or make sure that it is there",
        )


@rule("dpdk-app-nodes", CLUSTER, "the nodes that get pods of role dpdk_app are nodes of the cluster")
def nodes_unknown(case):
    nodes = case.facts.get("nodes")
    unknown = sorted(str(name) for name in case.setting("dpdk_app_nodes", []) if nodes and name not in nodes)
    if unknown and wanted(case):
        yield error("dpdk_app_nodes names %s, which the cluster does not have" % ", ".join(unknown), "choose from: %s" % ", ".join(sorted(nodes)))


def tolerates(toleration, taint):
    """As Kubernetes matches them (k8s.io/component-helpers): an empty key, effect or operator has a meaning of its own."""
    operator = toleration.get("operator") or "Equal"
    return (
        toleration.get("effect") in (None, "", taint.get("effect"))
        and (toleration.get("key") == taint["key"] or (not toleration.get("key") and operator == "Exists"))
        # Operators for numbers (Lt, Gt) are not evaluated.
        and (operator != "Equal" or (toleration.get("value") or "") == (taint.get("value") or ""))
    )


@rule("dpdk-app-taint", CLUSTER, "the pods of role dpdk_app tolerate the taints of their nodes")
def taints(case):
    tolerations = [item for item in case.setting("dpdk_app_tolerations", []) if isinstance(item, dict)]
    for name in map(str, case.setting("dpdk_app_nodes", []) if wanted(case) else []):
        for taint in case.facts.get("nodes", {}).get(name, {}).get("taints", []):
            if not any(tolerates(item, taint) for item in tolerations):
                yield error(
                    "node %s has the taint %s, which the testpmd pod of this node does not tolerate" % (name, taint["key"]),
                    "add {key: %s, operator: Exists} to dpdk_app_tolerations, or leave the node out of dpdk_app_nodes" % taint["key"],
                )


@rule("pod-security", CLUSTER, "Pod Security admits the pods")
def pod_security(case):
    levels = case.facts.get("pod_security", {})
    namespace = str(case.setting("dpdk_app_namespace", ""))
    volume = case.setting("dpdk_app_socket_volume")
    own = {str(item.get("name")) for item in of_kind(case.attachments(), KUBE_OVN)}
    # With ports of Kube-OVN's own alone the pods see no directory of the host.
    sees_host = isinstance(volume, dict) and volume.get("hostPath") and not set(asked_attachments(case)) <= own
    if wanted(case) and sees_host and levels.get(namespace) in ("baseline", "restricted"):
        yield error(
            "namespace %s enforces the Pod Security level %s, which forbids the hostPath volume of dpdk_app_socket_volume" % (namespace, levels[namespace]),
            "set dpdk_app_namespace to a namespace with pod-security.kubernetes.io/enforce: privileged, or use a volume that is no hostPath",
        )
    if wanted(case) and levels and namespace and namespace not in levels:
        yield error("namespace %s (dpdk_app_namespace) does not exist" % namespace, "create it, or name one that exists in dpdk_app_namespace")
    if levels.get("kube-system") in ("baseline", "restricted"):
        yield error(
            "namespace kube-system enforces the Pod Security level %s, which forbids the privileged pods of Kube-OVN and Multus" % levels["kube-system"],
            "label it pod-security.kubernetes.io/enforce=privileged",
        )

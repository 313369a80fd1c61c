# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Images, on the nodes and in their registries."""

from __future__ import annotations

import re

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.engine import CLUSTER, DEDICATED, HYBRID, SETTINGS, Case, error, rule, warning
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.readers import can_run_ovs, settings_read, version
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.rules.ovs_dpdk_image import planned

# A kubelet reports this many images of its node and no more, unless it is configured otherwise (nodeStatusMaxImages).
REPORTED_IMAGES = 50
# The last release for whose dedicated mode upstream's workflow has pushed an image.
LAST_DEDICATED_IMAGE = (1, 7, 0)
# The first release for whose hybrid mode an image is known to be pushed, as TAG-dpdk-x86.
FIRST_HYBRID_IMAGE = (1, 12, 4)
UPSTREAM = "docker.io/kubeovn/"

# Of the reference grammar of the distribution project: host with port, path components, tag, digest.
COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
HOST = r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*(?::[0-9]+)?|\[[a-fA-F0-9:]+\](?::[0-9]+)?"
PATH = r"%s(?:/%s)*" % (COMPONENT, COMPONENT)
REFERENCE = re.compile(r"(?:(?:%s)/)?%s(?::[\w][\w.-]{0,127})?(?:@[a-z0-9]+(?:[+._-][a-z0-9]+)*:[0-9a-fA-F]{32,})?\Z" % (HOST, PATH))
REGISTRY = re.compile(r"(?:(?:%s)(?:/%s)?|%s)/?\Z" % (HOST, PATH, PATH))

IMAGE_SETTINGS = ("kube_ovn_image", "multus_image", "dpdk_app_image", "dpdk_app_base_image", "ovs_dpdk_image_name", "ovs_dpdk_image_release_image")
# Of the installer's own variables those that its images are made of.
TAG = re.compile(r"[\w][\w.-]{0,127}\Z")
INSTALLER_TAGS = ("VERSION", "DPDK_TAG")
PULL_POLICIES = ("Always", "IfNotPresent", "Never")
REGISTRY_SETTINGS = ("kube_ovn_registry", "ovs_dpdk_image_registry")


@rule("image-name", SETTINGS, "names of images and registries can be names")
def image_names(case):
    for name in IMAGE_SETTINGS:
        value = case.setting(name)
        if value is not None and not REFERENCE.match(str(value)):
            yield error(
                "%s %r is no name of an image" % (name, value),
                "use [REGISTRY[:PORT]/]PATH[:TAG][@DIGEST] without a scheme, such as registry.example.com/dpdk:19.11",
            )
    for name in REGISTRY_SETTINGS:
        value = case.setting(name)
        if value is not None and not REGISTRY.match(str(value)):
            yield error("%s %r is no name of a registry" % (name, value), "use HOST[:PORT][/PATH] without a scheme, such as registry.example.com/kubeovn")


@rule("image-name", SETTINGS, "names of images and registries can be names")
def images_of_installer(case):
    own = case.setting("kube_ovn_installer_variables")
    own = own if isinstance(own, dict) else {}
    if own.get("REGISTRY") and not REGISTRY.match(str(own["REGISTRY"])):
        yield error(
            "REGISTRY of kube_ovn_installer_variables %r is no name of a registry" % own["REGISTRY"],
            "use HOST[:PORT][/PATH] without a scheme, such as registry.example.com/kubeovn",
        )
    for name in INSTALLER_TAGS:
        if own.get(name) and not TAG.match(str(own[name])):
            yield error(
                "%s of kube_ovn_installer_variables %r is no tag of an image" % (name, own[name]), "use letters, digits, dots, dashes and underscores"
            )
    policy = own.get("IMAGE_PULL_POLICY")
    if policy and policy not in PULL_POLICIES:
        yield error("IMAGE_PULL_POLICY of kube_ovn_installer_variables is %s" % policy, "use one of: %s" % ", ".join(PULL_POLICIES))


def full_name(image):
    """Name of an image as containerd has it, of one that users or Docker may have shortened."""
    first, slash, rest = image.partition("/")
    if not slash or not (re.search(r"[.:]", first) or first == "localhost"):
        image = "docker.io/%s%s" % ("" if slash else "library/", image)
    elif first == "index.docker.io":
        image = "docker.io/" + rest
    return image if "@" in image or ":" in image.rpartition("/")[2] else image + ":latest"


def release_image(case):
    """Image of Kube-OVN itself."""
    own = case.setting("kube_ovn_installer_variables") or {}
    return "%s/kube-ovn:%s" % (registry(case), own.get("VERSION") or case.setting("kube_ovn_version"))


def registry(case):
    return str(case.setting("kube_ovn_registry") or (case.setting("kube_ovn_installer_variables") or {}).get("REGISTRY") or "kubeovn").rstrip("/")


def dpdk_image(case, kubernetes=None):
    """Image of OVS-DPDK; `kubernetes` is the version of the cluster."""
    if case.setting("kube_ovn_image"):
        return str(case.setting("kube_ovn_image"))
    own = case.setting("kube_ovn_installer_variables") or {}
    tag = str(own.get("VERSION") or case.setting("kube_ovn_version"))
    if case.mode == HYBRID:
        # The tag of the installer is not the one that is published; before v1.12.4 none is known.
        return "%s/kube-ovn:%s" % (registry(case), own.get("DPDK_TAG") or tag + ("-dpdk-x86" if case.release >= FIRST_HYBRID_IMAGE else "-dpdk"))
    # The installer of v1.3.0 for Kubernetes before 1.16 is that of v1.2 in this.
    old = case.release < (1, 3, 0) or (case.release == (1, 3, 0) and kubernetes and kubernetes < (1, 16, 0))
    return "%s/kube-ovn-dpdk:19.11%s" % (registry(case), "" if old else "-" + tag)


def built(case):
    """Whether the collection brings the image of OVS-DPDK itself."""
    return case.setting("ovs_dpdk_image_source") is not None and planned(case)[1]["source"] != "present"


def images(settings, kubernetes=None, everywhere=True):
    """Images that these settings lead to. `everywhere` leaves out those that only nodes with OVS-DPDK need, where these are not all."""
    case = Case({}, settings, "")
    found = [case.setting("multus_image")]
    if case.release:
        found.append(release_image(case))
        if everywhere and not built(case):
            found.append(dpdk_image(case, kubernetes))
    if everywhere and case.setting("dpdk_app_image_source") == "present":
        found.append(case.setting("dpdk_app_image"))
    return sorted(set(full_name(str(image)) for image in found if image))


def images_of_node(node):
    return set(full_name(name) for image in node.get("status", {}).get("images") or [] for name in image.get("names") or [])


def images_to_ask_for(settings, api, hosts=None, hostvars=None):
    """Images that are not on every node that needs them. `hosts` are those of group nodes, by default all nodes of the cluster."""
    nodes = api.get("nodes", [])
    names = None
    if hosts is not None:
        names = set(settings_read((hostvars or {}).get(host, {})).get("kube_ovn_node_name") or host for host in hosts)
    kubernetes = version(api.get("version"))
    missing = set()
    for node in nodes:
        metadata = node.get("metadata") or {}
        with_dpdk = names is None or metadata["name"] in names
        if not can_run_ovs(metadata.get("labels") or {}):
            continue
        missing |= set(images(settings, kubernetes, everywhere=with_dpdk)) - images_of_node(node)
    return sorted(missing)


def unpublished(case):
    """Whether upstream is known to have published no image of OVS-DPDK for the release and mode."""
    if case.release is None or case.setting("kube_ovn_image"):
        return False
    if case.mode == HYBRID:
        return case.release < FIRST_HYBRID_IMAGE and "DPDK_TAG" not in (case.setting("kube_ovn_installer_variables") or {})
    return case.release > LAST_DEDICATED_IMAGE


@rule("image-missing", CLUSTER, "the images are on the nodes or in their registry")
def images_missing(case):
    asked_images = case.facts.get("asked_images", {})
    missing = case.facts.get("missing_images", sorted(asked_images))
    full = sorted(case.facts.get("full_lists", []))
    dpdk = full_name(dpdk_image(case, version(case.facts.get("kubernetes_version")))) if case.release else ""
    for image in missing:
        asked = asked_images.get(image, {"state": "unasked", "detail": "registries are not asked"})
        if asked["state"] == "present":
            continue
        cure = "name an image that is there (kube_ovn_image, kube_ovn_registry, multus_image, dpdk_app_image), or load it on every node that needs it"
        where = "image %s is not on every node that needs it, and its registry " % image
        if image == dpdk and unpublished(case) and not built(case) and image.startswith(UPSTREAM):
            yield error(
                "image %s is not on every node that needs it, and upstream has never published it" % image,
                "let role ovs_dpdk_image build it, name an own image in kube_ovn_image, or choose a release with an image: "
                + (
                    "v1.3.0 to v1.7.0 in dedicated mode, v1.12.4 or later in hybrid mode"
                    if case.mode == DEDICATED
                    else "v1.12.4 or later in hybrid mode, v1.3.0 to v1.7.0 in dedicated mode"
                ),
            )
        elif asked["state"] == "denied":
            yield warning(
                where + "wants credentials (%s)" % asked["detail"],
                "make sure that the nodes have them; docker login on the host of group cluster lets preflight ask with them,"
                " preflight_ask_registries: false keeps it from asking",
            )
        elif asked["state"] == "absent" and full:
            yield warning(
                where
                + "does not have it (%s); the kubelet of %s reports only %d images of its node, so it may be there"
                % (asked["detail"], ", ".join(full), REPORTED_IMAGES),
                cure,
            )
        elif asked["state"] == "absent":
            yield error(where + "does not have it (%s)" % asked["detail"], cure)
        elif asked["state"] == "unknown":
            yield warning(where + "could not be asked (%s)" % asked["detail"], cure)

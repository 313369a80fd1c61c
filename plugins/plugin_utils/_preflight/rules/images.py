# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Images, on the nodes and in their registries."""

from __future__ import annotations

import re

from ansible_collections.kube_ovn.dpdk.plugins.module_utils._image_name import full_name
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _image_archive
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.engine import CLUSTER, DEDICATED, HYBRID, SETTINGS, Case, error, rule, warning
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.readers import can_run_ovs, names, settings_read, version
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.rules.ovs_dpdk_image import planned
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._words import quoted

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
DEFAULT_POLICY = "IfNotPresent"
# How a run gets an image, by the source that a role is given.
SOURCES = {"build": "built", "archive": "archive"}
UNREACHABLE = "the host is unreachable"
NO_HOST = "no host of group nodes is this node"
SHOWN_NODES = 5
ABSENT = "image %s is not in the container runtime of %s"
# A kubelet reports 50 images of its node and no more, unless it is configured otherwise (nodeStatusMaxImages).
UNLISTED = (
    "image %s is not in the list that the API has of the images of %s, which lags by minutes and has 50 at most, and the container runtime there could not be"
    " asked: %s"
)
CURE = (
    "name an image that is there (kube_ovn_image, kube_ovn_registry, multus_image, dpdk_app_image), or load it on every node that needs it; check where an"
    " image of another name comes from before you use it"
)
CURE_ASK = (
    "have the container runtime of the node asked (its host in group nodes, reachable, with become and crictl or the runtime's own client), or name an image"
    " that is there (kube_ovn_image, kube_ovn_registry, multus_image, dpdk_app_image)"
)
CURE_NEVER = "load it on every node that needs it, or set kube_ovn_image_pull_policy or multus_image_pull_policy to IfNotPresent"
CURE_ALWAYS = "set kube_ovn_image_pull_policy or multus_image_pull_policy to IfNotPresent, or push the image to its registry"
CURE_DENIED = (
    "make sure that the nodes have them; docker login on the host of group cluster lets preflight ask with them, preflight_ask_registries: false keeps it from"
    " asking"
)
CURE_UNPUBLISHED = "let role ovs_dpdk_image build it, name an own image in kube_ovn_image, or choose a release with an image: %s"
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
    if everywhere and case.setting("dpdk_app_image_source") == "present" and case.setting("dpdk_app_state", "present") == "present":
        found.append(case.setting("dpdk_app_image"))
    return sorted(set(full_name(str(image)) for image in found if image))


def policies(case, kubernetes=None):
    """Image → the pull policies of its containers, of which one may be enough to keep a pod from starting."""
    own = case.setting("kube_ovn_installer_variables") or {}
    general = str(case.setting("kube_ovn_image_pull_policy", DEFAULT_POLICY))
    of_release = str(own.get("IMAGE_PULL_POLICY") or general)
    pairs = [(case.setting("multus_image"), str(case.setting("multus_image_pull_policy", DEFAULT_POLICY)))]
    if case.release:
        # The container of Open vSwitch gets that of the role, and others of the same image that of the installer.
        pairs += [(release_image(case), of_release), (dpdk_image(case, kubernetes), of_release), (dpdk_image(case, kubernetes), general)]
    pairs.append((case.setting("dpdk_app_image"), DEFAULT_POLICY))
    found = {}
    for image, policy in pairs:
        if image:
            found.setdefault(full_name(str(image)), set()).add(policy)
    return found


def brought(case, kubernetes=None):
    """Image → how a run gets it onto the hosts of group nodes: `built` or `archive`. One that the run pushes is pulled by the nodes."""
    found = {}
    for entry in case.setting("bundle_images", []):
        if isinstance(entry, dict) and entry.get("path"):
            found.update((full_name(str(name)), "archive") for name in names(entry.get("names")) or _image_archive.names_in(str(entry["path"])))
    source = case.setting("dpdk_app_image_source")
    if source in SOURCES and case.setting("dpdk_app_image") and case.setting("dpdk_app_state", "present") == "present":
        found[full_name(str(case.setting("dpdk_app_image")))] = SOURCES[source]
    if case.release and built(case):
        found[full_name(str(planned(case)[1]["image"]))] = SOURCES.get(planned(case)[1]["source"], "built")
    return found


def pushed(case):
    """Images that a run puts into their registry."""
    return set([full_name(str(planned(case)[1]["image"]))] if case.release and built(case) and case.flag("ovs_dpdk_image_push") else [])


def images_of_node(node):
    return set(full_name(name) for image in node.get("status", {}).get("images") or [] for name in image.get("names") or [])


def names_to_look_up(settings, kubernetes=""):
    """What the container runtimes of the hosts of group nodes are asked for: images that are about to be used, but for those that the run builds."""
    return images(settings, version(kubernetes))


def hosts_of_nodes(hosts, hostvars):
    """Node → its host of group nodes."""
    return dict((settings_read(hostvars.get(host, {})).get("kube_ovn_node_name") or host, host) for host in hosts)


def answer_of_runtime(variables):
    """(client, names, why there is no answer) of module node_image_info on a host."""
    read = variables.get("preflight_node_images") or {}
    if isinstance(read.get("names"), dict):
        return str(read.get("client") or ""), read["names"], ""
    return "", {}, quoted(read.get("msg") or variables.get("preflight_unexamined") or UNREACHABLE)


def looked_up(settings, api, hosts=None, hostvars=None):
    """Image → node → where it is: {state, client, why, others}, for nodes that need it.

    The state is `present` or `absent` as the container runtime answers; where it cannot be asked, which `why` says, `listed` or `unlisted` in the images of the
    Node object; and `brought` where the run will load it. `hosts` are those of group nodes, by default all nodes of the cluster.
    """
    case = Case({}, settings, "")
    kubernetes = version(api.get("version"))
    of_nodes = None if hosts is None else hosts_of_nodes(hosts, hostvars or {})
    bring = brought(case, kubernetes) if of_nodes is not None else {}
    answers = dict((host, answer_of_runtime((hostvars or {}).get(host, {}))) for host in (of_nodes or {}).values())
    found = {}
    for node in api.get("nodes", []):
        metadata = node.get("metadata") or {}
        if not can_run_ovs(metadata.get("labels") or {}):
            continue
        name = metadata.get("name", "")
        host = (of_nodes or {}).get(name)
        client, known, why = answers[host] if host is not None else ("", {}, NO_HOST)
        listed = images_of_node(node)
        for image in images(settings, kubernetes, everywhere=of_nodes is None or host is not None):
            answer = known.get(image) if isinstance(known.get(image), dict) else {}
            others = [quoted(other) for other in answer.get("others") or []] if isinstance(answer.get("others"), list) else []
            if answer.get("present") is True:
                state = {"state": "present", "client": quoted(client, 40)}
            elif host is not None and image in bring:
                state = {"state": "brought"}
            elif "present" in answer:
                state = {"state": "absent", "client": quoted(client, 40), "others": others[:3]}
            else:
                state = {"state": "listed" if image in listed else "unlisted", "why": why or "it was not asked for this image"}
            found.setdefault(image, {})[name] = dict({"client": "", "why": "", "others": []}, **state)
    return found


def images_to_ask_for(settings, api, hosts=None, hostvars=None):
    """Images that a registry has to have: those that are not on every node that needs them, and those that are pulled each time."""
    case = Case({}, settings, "")
    known = policies(case, version(api.get("version")))
    wanted = looked_up(settings, api, hosts, hostvars)
    every = set(wanted) | (set(brought(case)) if wanted and hosts is not None else set())
    return sorted(image for image in every if needs_registry(image, wanted.get(image, {}), known.get(image, set()), pushed(case)))


def needs_registry(image, nodes, policy, put):
    if image in put:
        return False
    if "Always" in policy:
        return True
    return "Never" not in policy and any(node["state"] in ("absent", "unlisted") for node in nodes.values())


def unpublished(case):
    """Whether upstream is known to have published no image of OVS-DPDK for the release and mode."""
    if case.release is None or case.setting("kube_ovn_image"):
        return False
    if case.mode == HYBRID:
        return case.release < FIRST_HYBRID_IMAGE and "DPDK_TAG" not in (case.setting("kube_ovn_installer_variables") or {})
    return case.release > LAST_DEDICATED_IMAGE


def where(nodes, state):
    """The nodes of a state in words, for a message: a cluster may have very many."""
    found = sorted(name for name, node in nodes.items() if node["state"] == state)
    return ", ".join(found[:SHOWN_NODES]) + (" and %d more" % (len(found) - SHOWN_NODES) if len(found) > SHOWN_NODES else "")


def absence(image, nodes):
    """(image, where it is not and what is there under another name) for ABSENT."""
    others = sorted(set(other for node in nodes.values() for other in node["others"] if node["state"] == "absent"))
    return image, where(nodes, "absent") + (" (which has %s, and no kubelet looks for another name)" % ", ".join(others[:3]) if others else "")


def doubt(image, nodes):
    """(image, nodes whose runtime could not be asked, why) for UNLISTED."""
    why = sorted(set(node["why"] for node in nodes.values() if node["state"] == "unlisted"))
    return image, where(nodes, "unlisted"), "; ".join(why[:3])


def release_with_image(case):
    dedicated, hybrid = "v1.3.0 to v1.7.0 in dedicated mode", "v1.12.4 or later in hybrid mode"
    return ", ".join([dedicated, hybrid] if case.mode == DEDICATED else [hybrid, dedicated])


@rule("image-missing", CLUSTER, "the images are on the nodes or in their registry")
def images_missing(case):
    """What a container runtime lacks for certain is an error; what only the API does not list may be there all the same."""
    kubernetes = version(case.facts.get("kubernetes_version"))
    dpdk = full_name(dpdk_image(case, kubernetes)) if case.release else ""
    policy = policies(case, kubernetes)
    for image, nodes in sorted(case.facts.get("node_images", {}).items()):
        states = set(node["state"] for node in nodes.values())
        asked = case.facts.get("asked_images", {}).get(image, {"state": "unasked", "detail": ""})
        unknown_to_all = image == dpdk and unpublished(case) and not built(case) and image.startswith(UPSTREAM)
        if "absent" in states:
            if "Never" in policy.get(image, ()):
                yield error((ABSENT + ", and its pull policy is Never") % absence(image, nodes), CURE_NEVER)
            elif unknown_to_all and asked["state"] != "present":
                yield error((ABSENT + ", and upstream has never published it") % absence(image, nodes), CURE_UNPUBLISHED % release_with_image(case))
            elif asked["state"] == "absent":
                yield error((ABSENT + ", and its registry does not have it (%s)") % (*absence(image, nodes), asked["detail"]), CURE)
            elif asked["state"] == "denied":
                yield warning((ABSENT + ", and its registry wants credentials (%s)") % (*absence(image, nodes), asked["detail"]), CURE_DENIED)
            elif asked["state"] == "unknown":
                yield warning((ABSENT + ", and its registry could not be asked (%s)") % (*absence(image, nodes), asked["detail"]), CURE)
        elif "unlisted" in states:
            if "Never" in policy.get(image, ()):
                yield warning((UNLISTED + "; its pull policy is Never") % doubt(image, nodes), CURE_NEVER)
            elif unknown_to_all and asked["state"] != "present":
                yield warning((UNLISTED + "; upstream has never published it") % doubt(image, nodes), CURE_UNPUBLISHED % release_with_image(case))
            elif asked["state"] == "absent":
                yield warning((UNLISTED + "; its registry does not have it (%s)") % (*doubt(image, nodes), asked["detail"]), CURE_ASK)
            elif asked["state"] == "denied":
                yield warning((UNLISTED + "; its registry wants credentials (%s)") % (*doubt(image, nodes), asked["detail"]), CURE_DENIED)
            elif asked["state"] == "unknown":
                yield warning((UNLISTED + "; its registry could not be asked (%s)") % (*doubt(image, nodes), asked["detail"]), CURE_ASK)


@rule("image-missing", CLUSTER, "the images are on the nodes or in their registry")
def images_pulled_each_time(case):
    """With pull policy Always an image on the node does not help. Those that some node lacks are the other rule's."""
    kubernetes = version(case.facts.get("kubernetes_version"))
    nodes_of = case.facts.get("node_images", {})
    for image, policy in sorted(policies(case, kubernetes).items()):
        lacking = any(node["state"] in ("absent", "unlisted") for node in nodes_of.get(image, {}).values())
        asked = case.facts.get("asked_images", {}).get(image, {"state": "unasked", "detail": ""})
        if "Always" not in policy or lacking or image in pushed(case):
            continue
        if asked["state"] == "absent":
            yield error("image %s has the pull policy Always, and its registry does not have it (%s)" % (image, asked["detail"]), CURE_ALWAYS)
        elif asked["state"] == "denied":
            yield warning("image %s has the pull policy Always, and its registry wants credentials (%s)" % (image, asked["detail"]), CURE_DENIED)
        elif asked["state"] == "unknown":
            yield warning("image %s has the pull policy Always, and its registry could not be asked (%s)" % (image, asked["detail"]), CURE_ALWAYS)

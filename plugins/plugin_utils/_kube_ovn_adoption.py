# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An existing Kube-OVN: the settings that it runs with, who manages it, and what a deployment would change beyond OVS-DPDK.

PRIVATE to the collection. All are functions of their arguments; objects are dictionaries as the API has them.
"""

from __future__ import annotations

import json
import re

from ansible_collections.kube_ovn.dpdk.plugins.module_utils._quantity import quantity
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _kube_ovn

# On Deployment kube-ovn-controller: installer variables that were taken over. It marks a Kube-OVN that this collection deployed.
ANNOTATION = "kube-ovn-dpdk/adopted-variables"
CONTROLLER = "Deployment/kube-ovn-controller"
CONTROL_PLANE = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")
# The label that installers give to the nodes of the databases.
DATABASE_NODE = ("kube-ovn/role", "master")

# The workloads of Open vSwitch are OVS-DPDK's own: only variables of the installer are read from them.
SWITCHES = ("DaemonSet/ovs-ovn", "DaemonSet/ovs-ovn-dpdk")
OTHERS = (CONTROLLER, "Deployment/ovn-central", "Deployment/kube-ovn-monitor", "DaemonSet/kube-ovn-cni", "DaemonSet/kube-ovn-pinger")
# Set by this role, or no setting of a running Kube-OVN.
NOT_ADOPTED = ("VERSION", "REGISTRY", "IMAGE_PULL_POLICY", "LABEL", "DPDK", "DPDK_TAG", "DPDK_CPU", "DPDK_MEMORY", "DPDK_TUNNEL_IFACE", "HYBRID_DPDK")
# Where the images of releases are, as containerd names it.
UPSTREAM = "docker.io/kubeovn"
# What OVS-DPDK needs changed in workloads that are not its own.
DPDK_FLAGS = ("--dpdk-tunnel-iface",)


def title(item):
    return "%s/%s" % (item["kind"], item["metadata"]["name"])


def plain(value):
    """A value as it can be compared: YAML writers spell booleans in several ways."""
    text = "" if value is None else str(value)
    return text.lower() if text.lower() in ("true", "false") else text


def flags_of(container):
    """{flag: value} of the command and arguments of a container."""
    words = [str(word) for word in (container.get("command") or []) + (container.get("args") or [])]
    return {word.partition("=")[0]: word.partition("=")[2] for word in words if word.startswith("--")}


def env_of(container):
    """{name: value} of the environment of a container; values from elsewhere are left out."""
    return {item["name"]: item.get("value") or "" for item in container.get("env") or [] if "valueFrom" not in item}


def registry_of(image):
    """Registry with path of an image, as containerd names it."""
    place = image.partition("@")[0].rpartition("/")[0] or "library"
    host, slash, path = place.partition("/")
    if host == "index.docker.io":
        return "docker.io" + slash + path
    return place if re.search(r"[.:]", host) or host == "localhost" else "docker.io/" + place


def repository_of(image):
    """Name of an image without registry, tag and digest."""
    return image.partition("@")[0].rpartition("/")[2].partition(":")[0]


def containers_of(workload):
    spec = workload["spec"]["template"]["spec"]
    return {item.get("name"): item for item in (spec.get("initContainers") or []) + (spec.get("containers") or [])}


def by_title(items):
    return {title(item): item for item in items if item["kind"] in ("DaemonSet", "Deployment")}


def is_installed(current):
    return CONTROLLER in by_title(current)


def own_record(current):
    """The variables that an earlier run took over; None where this collection has not deployed what runs."""
    controller = by_title(current).get(CONTROLLER)
    text = ((controller or {"metadata": {}})["metadata"].get("annotations") or {}).get(ANNOTATION)
    if text is None:
        return None
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def running_variables(sources, rendered, current):
    """Variables of the installer with the values that the workloads run with, where these are not what was rendered.

    `sources` says where the installer puts its variables.
    """
    wanted, found = by_title(rendered), {}
    for name, workload in by_title(current).items():
        if name not in OTHERS + SWITCHES or name not in wanted:
            continue
        there, new = containers_of(workload), containers_of(wanted[name])
        for source in sources:
            read, key = (flags_of, source["flag"]) if "flag" in source else (env_of, source["env"])
            if source["container"] not in there or source["container"] not in new or source["variable"] in NOT_ADOPTED:
                continue
            values, others = read(there[source["container"]]), read(new[source["container"]])
            value = values.get(key)
            if value is None or key not in others or plain(value) == plain(others[key]):
                continue
            before, after = source["before"], source["after"]
            if value.startswith(before) and value.endswith(after) and len(value) >= len(before) + len(after):
                found.setdefault(source["variable"], plain(value[len(before) : len(value) - len(after)]))
    networks = found.get("POD_CIDR", "")
    if "," in networks:
        found.setdefault("DUAL_STACK", "true")
    elif ":" in networks:
        found.setdefault("IPV6", "true")
    return found


def has_databases(labels):
    """Whether an installer has labelled one of the nodes, whose labels these are, for the databases."""
    key, value = DATABASE_NODE
    return any(have.get(key) == value for have in labels)


def database_label(nodes, current):
    """What LABEL has to be for the databases to stay on their nodes; empty where the label that installers use selects them."""
    if not is_installed(current):
        return ""
    key, value = DATABASE_NODE
    there = {node["metadata"]["name"] for node in nodes if (node["metadata"].get("labels") or {}).get(key) == value}
    if not there:
        return ""
    for label in CONTROL_PLANE:
        selected = {node["metadata"]["name"] for node in nodes if label in (node["metadata"].get("labels") or {})}
        if selected:
            return "" if selected == there else "%s=%s" % DATABASE_NODE
    return "%s=%s" % DATABASE_NODE


def adopted_variables(rendered, there, asked):
    """Variables of the installer to set beside those that were asked for, so that a Kube-OVN that runs keeps its settings.

    `rendered` is what module kube_ovn_manifests returned for the variables `asked` for, `there` are the objects that role kube_ovn has read.
    """
    current = _kube_ovn.workloads_of(there)
    if not is_installed(current):
        return {}
    found = own_record(current)
    if found is None:
        found = running_variables(rendered["sources"], rendered["objects"], current)
        label = database_label(there["nodes"], current)
        if label:
            found["LABEL"] = label
    return {name: found[name] for name in sorted(found) if name not in asked and name in rendered["known_settings"]}


MANAGERS = (
    # (where it is recorded, the key, how the manager is named with the value)
    ("annotations", "meta.helm.sh/release-name", "Helm release %s"),
    ("labels", "argocd.argoproj.io/instance", "Argo CD application %s"),
    ("annotations", "argocd.argoproj.io/tracking-id", "Argo CD application %s"),
    ("labels", "helm.toolkit.fluxcd.io/name", "Flux HelmRelease %s"),
    ("labels", "kustomize.toolkit.fluxcd.io/name", "Flux Kustomization %s"),
    ("labels", "addons.cluster.x-k8s.io/helm-chart-proxy", "Cluster API add-on %s"),
)
FIELD_MANAGERS = (("argocd", "Argo CD"), ("helm-controller", "Flux"), ("kustomize-controller", "Flux"), ("helm", "Helm"), ("fleet", "Fleet"))


def is_kubespray(workload):
    """The template of kubespray leaves one variable of the installer as it is, and turns the rotation of logs off."""
    spec = workload["spec"]["template"]["spec"]
    for container in spec.get("containers") or []:
        if flags_of(container).get("--log_file_max_size") == "0":
            return True
        if any(str(mount.get("mountPath", "")).startswith("$KUBELET_DIR") for mount in container.get("volumeMounts") or []):
            return True
    return False


def managers(current):
    """Who else manages the workloads of Kube-OVN: `name` of the tool with what it calls them, and the `objects`."""
    found = {}
    for name, workload in sorted(by_title(current).items()):
        if name not in OTHERS + SWITCHES:
            continue
        metadata, names = workload["metadata"], []
        for field, key, text in MANAGERS:
            value = (metadata.get(field) or {}).get(key)
            if value:
                names.append(text % value.partition(":")[0])
        if not names and (metadata.get("labels") or {}).get("app.kubernetes.io/managed-by") == "Helm":
            names.append("Helm")
        if not names and (metadata.get("labels") or {}).get("helm.sh/chart"):
            names.append("Helm chart %s" % metadata["labels"]["helm.sh/chart"])
        if not names:
            tools = {entry.get("manager") or "" for entry in metadata.get("managedFields") or []}
            names += [manager for prefix, manager in FIELD_MANAGERS if any(tool.startswith(prefix) for tool in tools)][:1]
        if not names and is_kubespray(workload):
            names.append("kubespray")
        for tool in names:
            found.setdefault(tool, []).append(name)
    return [{"name": name, "objects": found[name]} for name in sorted(found)]


def _asked_by(overlays, item):
    """(flags, whether there is a patch) that overlays of the user ask for on an object."""
    flags, patched = set(), False
    for overlay in overlays:
        if overlay.get("kind") == item["kind"] and overlay.get("name") == item["metadata"]["name"]:
            for changes in (overlay.get("flags") or {}).values():
                flags.update(changes)
            patched = patched or bool(overlay.get("patch"))
    return flags, patched


def _difference(what, before, after):
    if after is None:
        return "%s would be removed (it is %s)" % (what, before or "empty")
    if before is None:
        return "%s would be added (%s)" % (what, after or "empty")
    return "%s would become %s (it is %s)" % (what, after or "empty", before or "empty")


def _host_paths(workload):
    return {
        item["name"]: (item.get("hostPath") or {}).get("path") or "" for item in workload["spec"]["template"]["spec"].get("volumes") or [] if "hostPath" in item
    }


def _image_changes(before, after, same_release, asked):
    """What of the image changes beside its registry, which is asked for, or refused by a rule; with another release the tag is another."""
    old, fresh = before.get("image") or "", after.get("image") or ""
    by_tag = same_release and "VERSION" not in asked
    names = [image.rpartition("/")[2] if by_tag else repository_of(image) for image in (old, fresh)]
    return [_difference("image", old, fresh)] if names[0] != names[1] else []


def _resource_changes(before, after):
    found = []
    for kind in ("limits", "requests"):
        old, fresh = ((container.get("resources") or {}).get(kind) or {} for container in (before, after))
        for name in sorted(set(old) | set(fresh)):
            if quantity(old.get(name)) != quantity(fresh.get(name)):
                found.append(_difference("%s %s" % (kind, name), old.get(name), fresh.get(name)))
    return found


def changes(rendered, current, asked, overlays=(), same_release=True):
    """What a deployment would change in the workloads of Kube-OVN beyond OVS-DPDK, each in one clause.

    With another release, flags and variables that only one of the two has are a matter of the release.
    """
    found = []
    wanted = by_title(rendered["objects"])
    sources = {(source["container"], source.get("flag") or source["env"]): source["variable"] for source in rendered["sources"]}
    for name, workload in sorted(by_title(current).items()):
        if name not in OTHERS + SWITCHES or name not in wanted:
            continue
        new = wanted[name]
        # Of the kernel's OVS beside OVS-DPDK the containers alone are compared.
        switch = name in SWITCHES
        if switch and any(_kube_ovn.has_hugepages(item["spec"]["template"]["spec"]) for item in (workload, new)):
            continue
        asked_flags, patched = _asked_by(overlays, new)
        there = containers_of(workload)
        for container, after in sorted(containers_of(new).items()):
            if container not in there:
                continue
            before = there[container]
            if not patched:
                clauses = _image_changes(before, after, same_release, asked) + (_resource_changes(before, after) if same_release else [])
                found += ["%s, container %s: %s" % (name, container, clause) for clause in clauses]
            for read, skipped in () if switch else ((flags_of, set(DPDK_FLAGS) | asked_flags), (env_of, set())):
                if read is env_of and patched:
                    continue
                old, fresh = read(before), read(after)
                for key in sorted(set(old) | set(fresh)):
                    variable = sources.get((container, key))
                    if key in skipped or variable in asked or variable == "DPDK_TUNNEL_IFACE":
                        continue
                    if plain(old.get(key)) == plain(fresh.get(key)) or (not same_release and (key not in old or key not in fresh)):
                        continue
                    # A default of the release that changed with it.
                    if not same_release and variable is None and key not in ("OVN_DB_IPS", "NODE_IPS"):
                        continue
                    found.append("%s, container %s: %s" % (name, container, _difference(key, old.get(key), fresh.get(key))))
        if not patched and not switch:
            for key in ("replicas",):
                if workload["kind"] == "Deployment" and workload["spec"].get(key, 1) != new["spec"].get(key, 1):
                    found.append("%s: %s" % (name, _difference(key, workload["spec"].get(key, 1), new["spec"].get(key, 1))))
            old, fresh = (item["spec"]["template"]["spec"].get("nodeSelector") or {} for item in (workload, new))
            if old != fresh and same_release:
                found.append("%s: nodeSelector would become %s (it is %s)" % (name, json.dumps(fresh, sort_keys=True), json.dumps(old, sort_keys=True)))
            old, fresh = _host_paths(workload), _host_paths(new)
            for volume in sorted(set(old) & set(fresh)):
                if old[volume].rstrip("/") != fresh[volume].rstrip("/"):
                    found.append("%s: the path of volume %s would become %s (it is %s)" % (name, volume, fresh[volume], old[volume]))
    return found


def adoption_errors(rendered, there, asked, overlays, version):
    """One error where a deployment of release `version` would change more than OVS-DPDK of a Kube-OVN that this collection has not deployed."""
    current = _kube_ovn.workloads_of(there)
    if not is_installed(current) or own_record(current) is not None:
        return []
    running = _kube_ovn.release(there["pods"], current)
    found = changes(rendered, current, asked, overlays, version == running)
    if not found:
        return []
    return [
        "Kube-OVN %s was not deployed by this collection, and this run would change more of it than OVS-DPDK: %s. Set what has to stay in "
        "kube_ovn_installer_variables or kube_ovn_overlays, or set kube_ovn_take_over: true to let it change." % (running, "; ".join(found))
    ]


def networks(objects):
    """The networks of pods, services and nodes that the workloads are configured with: {POD_CIDR, SVC_CIDR, JOIN_CIDR}."""
    found = {}
    names = {"--default-cidr": "POD_CIDR", "--node-switch-cidr": "JOIN_CIDR", "--service-cluster-ip-range": "SVC_CIDR"}
    for name, workload in sorted(by_title(objects).items()):
        if name not in OTHERS:
            continue
        for container in containers_of(workload).values():
            for flag, value in flags_of(container).items():
                if flag in names and value and not re.search(r"\$", value):
                    found.setdefault(names[flag], value)
    return found


def registries(objects):
    """The registries of the images that Kube-OVN itself runs with."""
    there = {item["metadata"]["name"]: containers_of(item) for item in by_title(objects).values()}
    return sorted({registry_of(there[name][container]["image"]) for name, container in _kube_ovn.READERS.items() if container in there.get(name, {})})


def places(objects):
    """Where the workloads have files on the nodes: {CNI_CONFIG_PRIORITY, CNI_CONF_DIR, CNI_BIN_DIR, LOG_DIR}, each only if they say so."""
    server = by_title(objects).get("DaemonSet/kube-ovn-cni")
    if server is None:
        return {}
    found = {}
    for container in containers_of(server).values():
        priority = re.match(r"(.+)-kube-ovn\.conflist$", flags_of(container).get("--cni-conf-name", ""))
        if priority:
            found["CNI_CONFIG_PRIORITY"] = priority.group(1)
    paths = _host_paths(server)
    for variable, volume, below in (("CNI_CONF_DIR", "cni-conf", ""), ("CNI_BIN_DIR", "cni-bin", ""), ("LOG_DIR", "kube-ovn-log", "/kube-ovn")):
        path = paths.get(volume, "").rstrip("/")
        if path.startswith("/") and path.endswith(below) and len(path) > len(below):
            found[variable] = path[: len(path) - len(below)]
    return found

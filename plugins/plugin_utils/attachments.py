# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Network attachments: from the variables of role network_attachments to objects, and from objects to what uses them.

PRIVATE to the collection.
"""

from __future__ import annotations

import json
import re

from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _applied
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.readers import given

PART_OF = "app.kubernetes.io/part-of"
COLLECTION = "kube-ovn-dpdk"
NETWORKS = "k8s.v1.cni.cncf.io/networks"
# Of this one Multus makes the pod's eth0.
DEFAULT_NETWORK = "v1.multus-cni.io/default-network"

# Options of a port with their lowest and highest values: VLANs, bytes, kilobits a second, kilobits. The launcher of Userspace CNI applies them.
PORT_OPTIONS = {
    "vlan": (0, 4094),
    "trunks": (0, 4094),
    "mtu": (68, 9702),
    "ingress_rate": (1, 400000000),
    "ingress_burst": (1, 400000000),
    "egress_rate": (1, 400000000),
    "egress_burst": (1, 400000000),
    "queues": (1, 1024),
    "mac": None,
}


# Who makes the ports of an attachment: Userspace CNI, or Kube-OVN itself in hybrid mode. What an entry may say besides its name depends on it.
USERSPACE, KUBE_OVN = "userspace", "kube-ovn"
KUBE_OVN_OPTIONS = ("volume", "socket", "consumption", "subnet")
USERSPACE_OPTIONS = ("bridge", "mode", "group", "shared_dir", "log_file", "log_level", "kubeconfig", "ipam", *PORT_OPTIONS)
# With this consumption Kube-OVN takes the volume and the names of sockets that KubeVirt makes.
KUBEVIRT, KUBEVIRT_VOLUME = "kubevirt", "vhostuser-sockets"
# Names of providers, volumes and sockets in a NetworkAttachmentDefinition. At a comma testpmd's argument would go on with another setting.
PORT_VALUE = re.compile(r"[!-+\--~]{0,253}\Z")
DAEMON_SOCKET = "/run/openvswitch/kube-ovn-daemon.sock"


def kind_of(attachment):
    """Who makes the ports of an attachment of the variables."""
    return attachment.get("type") or USERSPACE


def of_kind(attachments, kind):
    """Those of the attachments of the variables that are of a kind."""
    if not isinstance(attachments, (list, tuple)):
        raise TypeError("network_attachments_definitions is %.200r: give a list of dictionaries" % (attachments,))
    return [item for item in attachments if isinstance(item, dict) and kind_of(item) == kind]


def provider(attachment, namespace):
    """The name under which Kube-OVN keeps what a pod gets from an attachment: its controller makes it of the name and the namespace, so no other fits."""
    return "%s.%s.ovn" % (attachment["name"], attachment.get("namespace") or namespace)


def volume_of(attachment):
    """Name of the emptyDir volume that a pod has for the socket of an attachment of type kube-ovn."""
    return KUBEVIRT_VOLUME if attachment.get("consumption") == KUBEVIRT else attachment.get("volume") or attachment.get("name")


def subnet_name(attachment):
    return attachment["subnet"].get("name") or attachment["name"]


def key(attachment, namespace):
    """NAMESPACE/NAME of an attachment of the variables."""
    return "%s/%s" % (attachment.get("namespace") or namespace, attachment.get("name"))


def port_options(attachment):
    """The options that an attachment gives to its ports, with numbers as such: what a template makes of one depends on the version of ansible-core."""
    found = {}
    for name, limits in PORT_OPTIONS.items():
        value = option_of(attachment, name)
        if value is not None:
            found[name] = value if limits is None else vlans(value) if name == "trunks" else whole(value)
    return found


def vlans(value):
    """The VLANs of a trunk as Open vSwitch keeps them, sorted and each of them once; a single one is a list of it, as Ansible takes it."""
    found = [whole(one) for one in (value if isinstance(value, list) else [value])]
    return sorted(set(found)) if all(isinstance(one, int) for one in found) else found


def option_of(attachment, name):
    """The value of an option of an attachment; None where none was given."""
    value = attachment.get(name)
    return value if given(value) else None


def whole(value):
    """A whole number that was written as text as a number; all else as it is."""
    return int(value) if isinstance(value, str) and re.match(r"-?[0-9]+$", value) else value


def kube_ovn_config(attachment, namespace):
    """The configuration of Kube-OVN's own plugin for a vhost-user port in br-int. Open vSwitch is the client of the socket."""
    result = {
        "cniVersion": "0.3.1",
        "type": "kube-ovn",
        "server_socket": DAEMON_SOCKET,
        "provider": provider(attachment, namespace),
        "vhost_user_socket_volume_name": volume_of(attachment),
        "vhost_user_socket_name": attachment.get("socket") or "sock",
    }
    if attachment.get("consumption"):
        result["vhost_user_socket_consumption"] = attachment["consumption"]
    return result


def subnets(attachments, namespace):
    """The subnets that attachments of type kube-ovn ask for. Without one a pod has an address of its namespace's subnet."""
    found = []
    for item in of_kind(attachments, KUBE_OVN):
        asked = item.get("subnet")
        if not asked:
            continue
        spec = {"protocol": "IPv6" if ":" in str(asked["cidr"]) else "IPv4", "cidrBlock": asked["cidr"], "provider": provider(item, namespace)}
        spec.update((name, asked[option]) for option, name in (("gateway", "gateway"), ("exclude_ips", "excludeIps"), ("vpc", "vpc")) if asked.get(option))
        found.append({"apiVersion": "kubeovn.io/v1", "kind": "Subnet", "metadata": {"name": subnet_name(item), "labels": {PART_OF: COLLECTION}}, "spec": spec})
    return found


def config(attachment, namespace, kubeconfig):
    """The configuration of Userspace CNI, in the order in which it is read best. What it does not know itself is for the launcher in front of it."""
    name = str(attachment["name"])
    mode = attachment.get("mode") or "server"
    vhost = {"mode": mode}
    if attachment.get("group"):
        vhost["group"] = str(attachment["group"])
    result = {
        "cniVersion": "0.3.1",
        "type": "userspace",
        "name": name,
        "network": key(attachment, namespace),
        "kubeconfig": attachment.get("kubeconfig") or kubeconfig,
        "logFile": attachment.get("log_file") or "/var/log/userspace-%s.log" % name,
        "logLevel": attachment.get("log_level") or "debug",
    }
    if attachment.get("shared_dir"):
        result["sharedDir"] = attachment["shared_dir"]
    result["host"] = {
        "engine": "ovs-dpdk",
        "iftype": "vhostuser",
        "netType": "bridge",
        "vhost": vhost,
        "bridge": {"bridgeName": attachment.get("bridge") or "br0"},
    }
    # The application is the other side of the socket.
    result["container"] = {
        "engine": "ovs-dpdk",
        "iftype": "vhostuser",
        "netType": "interface",
        "vhost": {"mode": "server" if mode == "client" else "client"},
    }
    options = port_options(attachment)
    if options:
        result["port"] = options
    if attachment.get("ipam"):
        result["ipam"] = attachment["ipam"]
    return result


def objects(attachments, namespace, kubeconfig):
    """The NetworkAttachmentDefinitions of the variables."""
    return [
        {
            "apiVersion": "k8s.cni.cncf.io/v1",
            "kind": "NetworkAttachmentDefinition",
            "metadata": {"name": str(item["name"]), "namespace": str(item.get("namespace") or namespace), "labels": {PART_OF: COLLECTION}},
            "spec": {
                "config": json.dumps(kube_ovn_config(item, namespace) if kind_of(item) == KUBE_OVN else config(item, namespace, kubeconfig), indent=2)
            },
        }
        for item in attachments
    ]


def desired_ports(attachments, namespace):
    """What the launcher compares the ports of running pods with: bridge, mode and options by NAMESPACE/NAME."""
    return {
        key(item, namespace): {"bridge": item.get("bridge") or "br0", "mode": item.get("mode") or "server", "port": port_options(item)}
        for item in of_kind(attachments, USERSPACE)
    }


def stale(found, attachments, namespace):
    """Of the objects with the role's label those that it made and that the variables do not name any more, as they are deleted."""
    wanted = [key(item, namespace) for item in attachments]
    return [
        {"apiVersion": item["apiVersion"], "kind": item["kind"], "metadata": {"name": item["metadata"]["name"], "namespace": item["metadata"]["namespace"]}}
        for item in found
        if _full_name(item) not in wanted and is_made_here(item)
    ]


def is_made_here(definition):
    """Whether the role made a NetworkAttachmentDefinition: the configuration names it. In a copy that a tenant made with the label it names the original."""
    metadata = definition["metadata"]
    own = {"userspace": ("network", _full_name(definition)), "kube-ovn": ("provider", provider(metadata, ""))}
    for plugin in plugins_of(definition):
        name, value = own.get(str(plugin.get("type")), ("", None))
        if value is not None and plugin.get(name) == value:
            return True
    return False


def stale_subnets(found, attachments, namespace):
    """Of the subnets of the role those that the variables do not name any more, as they are deleted."""
    wanted = [item["metadata"]["name"] for item in subnets(attachments, namespace)]
    return [
        {"apiVersion": item["apiVersion"], "kind": item["kind"], "metadata": {"name": item["metadata"]["name"]}}
        for item in found
        if item["metadata"]["name"] not in wanted
    ]


# --- What a NetworkAttachmentDefinition of the cluster says


def read_json(text):
    """ValueError for what is not JSON, also for brackets nested without end, where Python raises another error."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def plugins_of(definition):
    """The configurations of a NetworkAttachmentDefinition's plugins, of which a chain has several; none where it cannot be read."""
    try:
        found = read_json((definition.get("spec") or {}).get("config") or "{}")
        return [plugin for plugin in found.get("plugins") or [found] if isinstance(plugin, dict)]
    except (AttributeError, TypeError, ValueError):
        return []


def kube_ovn_port(definition):
    """Of an attachment with which Kube-OVN makes a vhost-user port: `provider`, `volume`, and the `socket` in it, empty for the interface's name; else None.

    Any user who may create attachments in a namespace can write this. What cannot be a name or a path makes no port, and would be read on by the run as one.
    """
    for plugin in plugins_of(definition):
        kubevirt = plugin.get("vhost_user_socket_consumption") == KUBEVIRT
        if plugin.get("type") == "kube-ovn" and (kubevirt or plugin.get("vhost_user_socket_volume_name")):
            metadata = definition["metadata"]
            found = {
                "provider": plugin.get("provider") or "%s.%s.ovn" % (metadata["name"], metadata["namespace"]),
                "volume": KUBEVIRT_VOLUME if kubevirt else plugin["vhost_user_socket_volume_name"],
                "socket": "" if kubevirt else plugin.get("vhost_user_socket_name") or "",
            }
            if all(isinstance(value, str) and PORT_VALUE.match(value) for value in found.values()):
                return found
    return None


def stale_accounts(found, name, namespace):
    """Of the objects of the plugin's accounts those that are not of the account with this name, as they are deleted; all of them where it is empty."""
    return [
        {
            "apiVersion": item["apiVersion"],
            "kind": item["kind"],
            "metadata": {key: item["metadata"][key] for key in ("name", "namespace") if item["metadata"].get(key)},
        }
        for item in found
        if item["metadata"]["name"] != name or (item["metadata"].get("namespace") or namespace) != namespace
    ]


def users(pods, attachments, passed_over=""):
    """Pods that ask for one of these objects, as NAMESPACE/NAME.

    A pod may name an attachment with its namespace, with an interface, or in JSON, also escaped: whatever has the name as a word counts. Pods that are a
    part of `passed_over` do not count.
    """
    names = [item["metadata"]["name"] for item in attachments]
    if not names:
        return []
    word = re.compile("(^|[^-a-z0-9])(%s)($|[^-a-z0-9])" % "|".join(re.escape(name) for name in names))
    found = []
    for pod in pods:
        if word.search(_asked(pod)) and (not passed_over or _part_of(pod) != passed_over):
            found.append(_full_name(pod))
    return found


def _asked(pod):
    """What a pod asks of Multus, without the escapes by which JSON can write each character: it is searched and not parsed, whatever its author wrote."""
    notes = _annotations(pod)
    asked = " ".join(notes.get(name) or "" for name in (NETWORKS, DEFAULT_NETWORK))
    return re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found.group(1), 16)), asked)


# --- The admission policy that keeps pods to the per-pod form

POLICY = "kube-ovn-dpdk-sockets"
SUB_PATH = "$(POD_UID)"


def _components(path):
    """A path as the policy compares it: without slashes at its ends, and below /run, where /var/run leads."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    return "/".join(parts[1:] if parts[:2] == ["var", "run"] else parts)


def _spellings(path):
    return [path, "var/" + path] if path.startswith("run/") else [path]


def policy(pods_dir, version, exempt):
    """The admission policy and its binding: pods reach the sockets of Open vSwitch by their own part of the directory of all pods alone."""
    own = _components(pods_dir)
    run_dir = own.rpartition("/")[0]
    above = {""}
    for spelling in _spellings(run_dir):
        parts = spelling.split("/")
        above.update("/".join(parts[:length]) for length in range(1, len(parts)))
    run_dirs, own_dirs = json.dumps(_spellings(run_dir)), json.dumps(_spellings(own))
    uid = "has(e.valueFrom) && has(e.valueFrom.fieldRef) && e.valueFrom.fieldRef.fieldPath == 'metadata.uid'"
    # Of several variables with one name the last counts, so all have to be right.
    own_mount = (
        "has(m.subPathExpr) && m.subPathExpr == '%s' && has(c.env) && c.env.exists(e, e.name == 'POD_UID')"
        " && c.env.all(e, e.name != 'POD_UID' || %s)" % (SUB_PATH, uid)
    )
    variables = [
        # Volumes by their paths, without the ways to write the same path differently.
        (
            "paths",
            "has(object.spec.volumes) ? object.spec.volumes.filter(v, has(v.hostPath)).map(v, [v.name,"
            " v.hostPath.path.split('/').filter(p, p != '' && p != '.').join('/')]) : []",
        ),
        # Directories of Open vSwitch, those above them, and the roots of processes, which lead everywhere.
        (
            "sockets",
            "variables.paths.filter(p, p[1] in %s || %s.exists(d, p[1] == d || p[1].startsWith(d + '/')) || (p[1] + '/').startsWith('proc/'))"
            % (json.dumps(sorted(above)), run_dirs),
        ),
        ("own", "variables.sockets.filter(p, p[1] in %s).map(p, p[0])" % own_dirs),
        ("containers", "object.spec.containers + (has(object.spec.initContainers) ? object.spec.initContainers : [])"),
    ]
    validations = [
        {
            "expression": "variables.sockets.size() == variables.own.size()",
            "messageExpression": "'a hostPath volume leads to the sockets of Open vSwitch: use %s with subPathExpr %s instead of /'"
            " + variables.sockets.filter(p, !(p[0] in variables.own))[0][1]" % (pods_dir, SUB_PATH),
            "message": "a hostPath volume leads to the sockets of Open vSwitch: use %s with subPathExpr %s" % (pods_dir, SUB_PATH),
        },
        {
            "expression": "variables.containers.all(c, !has(c.volumeMounts) || c.volumeMounts.all(m, !(m.name in variables.own) || %s))" % own_mount,
            "message": "a container mounts %s as a whole: it has to mount its own part with subPathExpr %s, POD_UID being metadata.uid" % (pods_dir, SUB_PATH),
        },
        {
            "expression": "!has(object.spec.ephemeralContainers) || object.spec.ephemeralContainers.all(c, !has(c.volumeMounts)"
            " || c.volumeMounts.all(m, !(m.name in variables.own)))",
            "message": "an ephemeral container cannot mount a part of %s, so it must not mount it" % pods_dir,
        },
    ]
    metadata = {"name": POLICY, "labels": {PART_OF: COLLECTION}}
    # Volumes and mounts never change. A pod that was there before the policy has to be updated to be deleted, where it has a finalizer.
    # With the scope that the API would add: what differs from the cluster is applied.
    rules = [
        {"apiGroups": [""], "apiVersions": ["v1"], "operations": [operation], "resources": [resource], "scope": "*"}
        for operation, resource in (("CREATE", "pods"), ("UPDATE", "pods/ephemeralcontainers"))
    ]
    return [
        {
            "apiVersion": version,
            "kind": "ValidatingAdmissionPolicy",
            "metadata": metadata,
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": {"resourceRules": rules},
                "variables": [{"name": name, "expression": expression} for name, expression in variables],
                "validations": validations,
            },
        },
        {
            "apiVersion": version,
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": metadata,
            "spec": {
                "policyName": POLICY,
                "validationActions": ["Deny"],
                "matchResources": {
                    "namespaceSelector": {"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": list(exempt)}]}
                },
            },
        },
    ]


# --- What role network_attachments does in a cluster

POLICY_VERSIONS = (("policies", "admissionregistration.k8s.io/v1"), ("beta_policies", "admissionregistration.k8s.io/v1beta1"))
NO_POLICIES = (
    "network_attachments_admission needs ValidatingAdmissionPolicy, which this cluster does not serve. Kubernetes has it by default from 1.30 on, and as a"
    " beta that has to be enabled from 1.28 on; docs/security.md says what an older cluster can do."
)


def _server(settings, services):
    """Address of the API as the nodes reach it."""
    if settings["network_attachments_server"]:
        return settings["network_attachments_server"]
    address = services[0]["spec"]["clusterIP"] if services else ""
    return "https://%s:443" % ("[%s]" % address if ":" in address else address)


def plan(cluster, settings, account, passed_over=""):
    """What the role does: `errors` that keep it from it, objects to `remove` and to `apply`, the Secret to apply for a `token`, `accounts` to remove.

    `cluster` is what module k8s_objects_info returned, `account` the objects of the plugin's account. Pods that are a part of `passed_over` do not count as
    users. `server` is the address of the API, and `data` that of the Secret, where it is there.
    """
    found, wanted, namespace = cluster["objects"], settings["network_attachments_definitions"], settings["network_attachments_namespace"]
    errors, remove = [], []
    if boolean(settings["network_attachments_purge"], strict=False):
        remove = stale(found["attachments"], wanted, namespace)
        pods = users(found["pods"], remove, passed_over)
        if pods:
            names = ", ".join(item["metadata"]["name"] for item in remove)
            errors.append("Pods use %s; delete them first: %s" % (names, ", ".join(pods)))
        # The controller of Kube-OVN releases a subnet once no pod has an address of it.
        remove += stale_subnets(found["subnets"], wanted, namespace)
    # Kube-OVN finds the subnet of an attachment when a pod asks for it, so it is there before.
    apply = subnets(wanted, namespace) + objects(wanted, namespace, settings["network_attachments_kubeconfig"])
    served = [version for name, version in POLICY_VERSIONS if name not in cluster["missing"]]
    admission = policy(settings["network_attachments_pods_dir"], served[0] if served else "", settings["network_attachments_admission_exempt"])
    if boolean(settings["network_attachments_admission"], strict=False):
        errors += [] if served else [NO_POLICIES]
        apply += admission
    elif any(found[name] for name in ("policies", "beta_policies", "policy_bindings", "beta_policy_bindings")):
        remove += admission
    # The plugin has an account of its own where no other kubeconfig is named.
    own = settings["network_attachments_kubeconfig"] == settings["network_attachments_own_kubeconfig"] and bool(of_kind(wanted, USERSPACE))
    tokens = [item for item in account if item["kind"] == "Secret"] if own else []
    apply += [item for item in account if item not in tokens] if own else []
    accounts = [item for name in ("secrets", "accounts", "bindings", "roles") for item in found[name]]
    everything = [item for name in sorted(found) for item in found[name]]
    there = [item.get("data") or {} for item in found["secrets"] if _applied.identity(item) in [_applied.identity(one) for one in tokens]]
    return {
        "errors": errors,
        "remove": remove,
        "apply": _applied.unapplied(apply, everything),
        "own": own,
        "token": _applied.unapplied(tokens, everything),
        "data": there[0] if there else {},
        "server": _server(settings, found.get("services")),
        # An account that another name replaced would keep its token for ever.
        "accounts": stale_accounts(
            accounts, settings["network_attachments_account"] if own else "", settings["network_attachments_account_namespace"]
        ),
    }


# --- Pods and the Multus that attaches them

STATUS = ("k8s.v1.cni.cncf.io/network-status", "k8s.v1.cni.cncf.io/networks-status")


def _annotations(item):
    return item["metadata"].get("annotations") or {}


def _asks(pod):
    return bool(_asked(pod).strip())


def _part_of(item):
    return (item["metadata"].get("labels") or {}).get(PART_OF)


def _full_name(item):
    return "%s/%s" % (item["metadata"]["namespace"], item["metadata"]["name"])


def attached(pods, passed_over=""):
    """Pods that ask for attachments of any kind, as NAMESPACE/NAME, but those that are a part of `passed_over`."""
    return [_full_name(pod) for pod in pods if _asks(pod) and (not passed_over or _part_of(pod) != passed_over)]


def unattached(pods):
    """Pods that run without the attachments that they ask for, as NAMESPACE/NAME.

    A pod with an address went through the container runtime's network plugin; where that was Multus, it says so in an annotation (the second name is that
    of releases before 4.0). Pods of role dpdk_app do not count, since that role recreates them itself.
    """
    found = []
    for pod in pods:
        status = pod.get("status") or {}
        runs = status.get("podIP") and status.get("phase") not in ("Failed", "Succeeded") and not pod["metadata"].get("deletionTimestamp")
        missed = _asks(pod) and not any(name in _annotations(pod) for name in STATUS)
        if runs and missed and not pod["spec"].get("hostNetwork") and _part_of(pod) != COLLECTION:
            found.append(_full_name(pod))
    return found


def _is_multus(workload):
    """Whether a DaemonSet is a Multus, from any packager: by its image's name, which only a Multus has."""
    spec = ((workload.get("spec") or {}).get("template") or {}).get("spec") or {}
    for container in (spec.get("containers") or []) + (spec.get("initContainers") or []):
        image = str(container.get("image") or "").partition("@")[0].rpartition("/")[2].partition(":")[0]
        if re.match(r"(hardened-)?multus(-cni)?(-thick)?$", image):
            return True
    return bool(re.match("kube-multus-ds", workload["metadata"]["name"]))


def foreign_multus(workloads):
    """DaemonSets that are a Multus of another owner: `replace` those that can be deleted, `managed` those that their manager would create again."""
    result = {"replace": [], "managed": []}
    for item in workloads:
        if not _is_multus(item) or _part_of(item) == COLLECTION:
            continue
        labels = item["metadata"].get("labels") or {}
        by_helm = labels.get("app.kubernetes.io/managed-by") == "Helm" or "helm.sh/chart" in labels or "meta.helm.sh/release-name" in _annotations(item)
        managed = by_helm or "objectset.rio.cattle.io/hash" in labels or item["metadata"].get("ownerReferences")
        result["managed" if managed else "replace"].append(_full_name(item))
    return result


def own_multus(workloads):
    """DaemonSets that are a Multus of this collection, as NAMESPACE/NAME, in whichever namespace an earlier run deployed it."""
    return [_full_name(item) for item in workloads if _is_multus(item) and _part_of(item) == COLLECTION]


def multus_objects(names):
    """What is deleted of a Multus of another owner, given as NAMESPACE/NAME: its DaemonSet, and the configuration of a thick one."""
    found = []
    for namespace, _slash, name in (full.partition("/") for full in names):
        found.append({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": name, "namespace": namespace}})
        found.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "multus-daemon-config", "namespace": namespace}})
    return found

# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What role preflight has read of the hosts and of the Kubernetes API, as the rules look at it.

The role leaves what it reads with each host: `preflight_inputs` (lookup role_settings), `preflight_host` (module preflight_info), `preflight_build_host`
(preflight_tools_info), `preflight_base_images` and `preflight_images` (registry_images_info), `preflight_api` (k8s_objects_info), `preflight_node_images`
(node_image_info), and in `preflight_unexamined` why one of them failed.
"""

from __future__ import annotations

import re

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _kube_ovn, _kube_ovn_adoption, _kube_ovn_values, attachments, host_reboot
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight import settings as collected
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.engine import findings
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.readers import is_linux, settings_read
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.rules.images import looked_up
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.shape import fits

# Value of the label app.kubernetes.io/part-of of what roles of this collection create.
PRODUCT = "kube-ovn-dpdk"
# DaemonSets of other network plugins: by their names, which RKE2 and clouds vary, and by the names of their images, from any packager.
OTHER_NETWORKS = re.compile(
    r"(rke2-)?(calico-node|canal|cilium|kube-flannel|flannel|weave-net|antrea-agent|kube-router|kindnet|ovnkube-node|aws-node|azure-cni|azure-cns|terway"
    r"|anetd|netd$|sdn$|nsx-node-agent|hybridnet-daemon|vcn-native-ip-cni|romana-agent)"
)
OTHER_IMAGES = re.compile(
    r"(.*/)?(hardened-|mirrored-)?(calico[-/]node|calico|(flannel(cni|-io)?[-/])?flannel|(cilium[-/])?cilium|weave-kube|antrea-(agent-)?ubuntu|kube-router"
    r"|kindnetd|ovn-kube(-[a-z]+)*|amazon-k8s-cni|azure-cni|terway)$"
)

UNREACHABLE = "it is unreachable"
MALFORMED = "what it answers is not what module preflight_info returns"
READ = (
    "preflight_inputs", "preflight_host", "preflight_build_host", "preflight_base_images", "preflight_api", "preflight_node_images", "preflight_images",
    "preflight_unexamined",
)  # fmt: skip


def host_facts(variables, name):
    """What an info module has read of a host; empty where it failed or did not run, or where the host answers with something else.

    A host that was taken over must not spoil the report about all others.
    """
    facts = (variables.get(name) or {}).get("host") or {}
    return facts if name != "preflight_host" or fits(facts) else {}


def why_unexamined(variables):
    if (variables.get("preflight_host") or {}).get("host"):
        return MALFORMED
    return variables.get("preflight_unexamined", UNREACHABLE)


def registries(variables, name):
    """(images, whether that failed) of what module registry_images_info has read, if it ran."""
    read = variables.get(name) or {}
    return read.get("images", {}), bool(read.get("failed") or read.get("unreachable"))


def build_examined(variables):
    """Whether a host of group build was examined, and its registries too where they were asked."""
    return bool(host_facts(variables, "preflight_build_host")) and not registries(variables, "preflight_base_images")[1]


def answer(variables):
    """What the API returned to the host of group cluster, or why it did not."""
    read = variables.get("preflight_api") or {}
    if "objects" not in read:
        # A module that fails by itself says why. Without that it did not run.
        ran = read.get("failed") and "module_stdout" not in read
        return dict(error=variables.get("preflight_unexamined", UNREACHABLE), host_failed=not ran)
    objects, (images, failed) = read["objects"], registries(variables, "preflight_images")
    return dict(
        objects,
        version=read["version"],
        images=images,
        service_address=next((item["spec"].get("clusterIP") or "" for item in objects["service"]), ""),
        kube_proxy_pods=len(objects["kube_proxy"]),
        # The host itself is why registries could not be asked.
        **(dict(error=variables.get("preflight_unexamined", UNREACHABLE), host_failed=True) if failed else {}),
    )


def is_other_network(daemonset):
    """Whether a DaemonSet is the network plugin of Linux nodes, and not of Kube-OVN."""
    spec = ((daemonset.get("spec") or {}).get("template") or {}).get("spec") or {}
    images = [str(container.get("image") or "").partition("@")[0] for container in spec.get("containers") or []]
    by_image = any(OTHER_IMAGES.match(re.sub(r":[^/]*$", "", image)) for image in images)
    return is_linux(spec.get("nodeSelector") or {}) and bool(by_image or OTHER_NETWORKS.match(daemonset["metadata"]["name"]))


def read_of_hosts(hostvars, groups):
    """Host → what the role has read of it."""
    read = {}
    for host in dict.fromkeys([*groups["nodes"], *groups["build"], groups["cluster"][0]]):
        # Each look into hostvars has Ansible compose all variables of the host.
        variables = hostvars[host]
        read[host] = dict((name, variables[name]) for name in READ if name in variables)
    return read


def all_findings(hostvars, groups):
    """The findings about every host and the cluster."""
    main = groups["cluster"][0]
    found, read = [], read_of_hosts(hostvars, groups)
    for host, variables in read.items():
        inputs, settings = variables.get("preflight_inputs"), settings_read(variables)
        if inputs:
            others = {"inventory_hostname": host, "groups": groups, "hostvars": read}
            found += findings(dict(inputs, elsewhere=collected.elsewhere(inputs["failed"], others)), settings, "settings", host)
        facts, tools = host_facts(variables, "preflight_host"), host_facts(variables, "preflight_build_host")
        if facts:
            found += findings(facts, settings, "node", host)
        if tools:
            found += findings(dict(tools, asked_images=registries(variables, "preflight_base_images")[0]), settings, "build", host)
    settings = settings_read(read[main])
    return found + findings(cluster_facts(answer(read[main]), groups, read, settings), settings, "cluster", "cluster")


def attachment_users(api, settings):
    """`names` of the attachments of role network_attachments that the settings do not name any more, and `pods` that ask for one of them."""
    own = [item for item in api.get("attachments", []) if (item["metadata"].get("labels") or {}).get(attachments.PART_OF) == PRODUCT]
    wanted = settings.get("network_attachments_definitions")
    wanted = [item for item in wanted if isinstance(item, dict)] if isinstance(wanted, (list, tuple)) else None
    if wanted is None:
        return {"names": [], "pods": []}
    found = attachments.stale(own, wanted, settings.get("network_attachments_namespace") or "default")
    return {"names": sorted(item["metadata"]["name"] for item in found), "pods": attachments.users(api.get("attached_pods", []), found)}


def cluster_facts(api, groups, hostvars, settings=None):
    """What the rules of scope cluster look at: `api` is what the API returned, `settings` are those of the host of group cluster."""
    hosts = groups.get("nodes", [])
    examined = dict((host, facts) for host, facts in ((host, host_facts(hostvars[host], "preflight_host")) for host in hosts) if facts)
    reasons = dict((host, why_unexamined(hostvars[host])) for host in hosts if host not in examined)
    builders = [host for host in groups.get("build", []) if not build_examined(hostvars[host]) and host not in reasons]
    nodes = {}
    for node in api.get("nodes", []):
        info = node["status"]["nodeInfo"]
        nodes[node["metadata"]["name"]] = dict(
            runtime=info.get("containerRuntimeVersion", ""),
            allocatable=node["status"].get("allocatable", {}),
            ready=next((item for item in node["status"].get("conditions") or [] if item.get("type") == "Ready"), {}),
            labels=node["metadata"].get("labels") or {},
            # Without those that Kubernetes sets and takes away itself, as for a node whose network is missing.
            taints=[
                taint
                for taint in (node.get("spec") or {}).get("taints") or []
                if not taint["key"].startswith("node.kubernetes.io/") and taint.get("effect") != "PreferNoSchedule"
            ],
            addresses=[item["address"] for item in node["status"].get("addresses") or [] if item["type"] in ("InternalIP", "ExternalIP")],
        )
    node_names = dict((host, settings_read(hostvars[host]).get("kube_ovn_node_name") or host) for host in examined)
    resources = dict((node["metadata"]["name"], node) for node in api.get("nodes", []))
    other_machines = [
        host
        for host, facts in examined.items()
        if host_reboot.other_machine(resources.get(node_names[host], {}), "%s\n%s\n" % (facts.get("machine_id", ""), facts.get("boot_id", "")))
    ]
    networks = []
    for daemonset in api.get("daemonsets", []):
        metadata = daemonset["metadata"]
        name = "DaemonSet %s/%s" % (metadata["namespace"], metadata["name"])
        if is_other_network(daemonset):
            networks.append(name)
    workloads = [dict(item, kind=kind) for key, kind in (("daemonsets", "DaemonSet"), ("deployments", "Deployment")) for item in api.get(key, [])]
    databases_and_controllers = [dict(item, kind="Deployment") for key in ("databases", "controllers") for item in api.get(key, [])]
    elsewhere = _kube_ovn.elsewhere(workloads + databases_and_controllers)
    workloads = [item for item in workloads if item["metadata"]["namespace"] == _kube_ovn.NAMESPACE]
    foreign = _kube_ovn_adoption.own_record(workloads) is None
    return dict(
        api_error=api.get("error", ""),
        host_failed=api.get("host_failed", False),
        kubernetes_version=api.get("version", ""),
        nodes=nodes,
        asked_images=api.get("images", {}),
        node_images=looked_up(settings or {}, api, hosts, hostvars),
        # An empty list where an earlier run of this collection deployed Kube-OVN.
        managers=_kube_ovn_adoption.managers(workloads) if foreign else [],
        places=_kube_ovn_adoption.places(workloads) if foreign else {},
        registries=_kube_ovn_adoption.registries(workloads) if foreign else [],
        elsewhere=elsewhere,
        networks=_kube_ovn_adoption.networks(workloads),
        other_networks=networks,
        foreign_multus=attachments.foreign_multus(api.get("daemonsets", []))["managed"],
        installed=_kube_ovn_adoption.is_installed(workloads) if "deployments" in api else None,
        running_release=_kube_ovn.release(api.get("pods", []), workloads),
        service_address=api.get("service_address", ""),
        kube_proxy=bool(int(api["kube_proxy_pods"]))
        or any("kube-proxy" in item["metadata"]["name"] for item in api["daemonsets"])
        # It may be a service of the host.
        or any(facts.get("kube_proxy") for facts in examined.values())
        if "kube_proxy_pods" in api
        else None,
        ignored_settings=_kube_ovn_values.ignored_settings(api.get("attached_pods", []), api.get("attachments", []), api.get("subnets", [])),
        attachment_users=attachment_users(api, settings or {}),
        hosts=len(hosts),
        node_names=node_names,
        other_machines=other_machines,
        pages=dict((host, facts.get("hugepages", [])) for host, facts in examined.items()),
        settings=dict((host, settings_read(hostvars[host])) for host in examined),
        host_facts=examined,
        pod_security=dict(
            (item["metadata"]["name"], (item["metadata"].get("labels") or {}).get("pod-security.kubernetes.io/enforce", ""))
            for item in api.get("namespaces", [])
        ),
        unexamined=reasons,
        unexamined_builders=dict((host, hostvars[host].get("preflight_unexamined", UNREACHABLE)) for host in builders),
    )

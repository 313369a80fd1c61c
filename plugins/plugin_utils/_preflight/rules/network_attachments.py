# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules of role network_attachments."""

from __future__ import annotations

import re

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _kube_ovn_values
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.engine import CLUSTER, HYBRID, SETTINGS, error, notice, rule, warning
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.readers import cores, version
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils.attachments import (
    KUBE_OVN,
    KUBE_OVN_OPTIONS,
    PORT_OPTIONS,
    PORT_VALUE,
    USERSPACE,
    USERSPACE_OPTIONS,
    kind_of,
    of_kind,
    option_of,
    subnet_name,
    volume_of,
)

NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\Z")
# A network device has room for 16 bytes, the last of which is zero.
BRIDGE = re.compile(r"[^\s/]{1,15}\Z")
# Below a directory come a slash, the name that the plugin gives to a socket (12 characters of the container's id, a dash, the interface's name),
# and a zero byte: all of it has to fit into the 108 bytes of a socket's address. Below shared_dir each pod has a directory named after its container.
LONGEST_DIRECTORY = 108 - 1 - (12 + 1 + 15) - 1
LONGEST_SHARED_DIRECTORY = LONGEST_DIRECTORY - 1 - 12
# What Kube-OVN makes of the socket of one of its own ports: this, the pod's UID, the volume and the socket's name, with slashes between them.
LONGEST_SOCKET = 108 - 1 - len("/var/run/openvswitch/vhost_sockets/") - 36 - 1 - 1
# What does not work on such a port, and why.
IGNORED = {
    "mtu": "Kube-OVN sets no MTU on its vhost-user ports, which keep 1500",
    "ingress_rate": "limit what the application sends by the annotation PROVIDER.kubernetes.io/egress_rate",
    "egress_rate": "the annotation ingress_rate becomes a linux-htb queue, which netdev-dpdk does not have",
}


@rule("attachment-name", SETTINGS, "attachments have names that Kubernetes and Open vSwitch accept, each once")
def names(case):
    keys = []
    for item in case.attachments():
        name = item.get("name")
        if not NAME.match(str(name)):
            yield error("the name %r of an attachment is no DNS label" % (name,), "use at most 63 lower-case letters, digits and dashes")
        bridge = item.get("bridge")
        if bridge is not None and not BRIDGE.match(str(bridge)):
            yield error("attachment %s names the bridge %r" % (name, bridge), "use a name of at most 15 characters without spaces and slashes")
        namespace = item.get("namespace")
        if namespace is not None and not NAME.match(str(namespace)):
            yield error("attachment %s names the namespace %r" % (name, namespace), "use lower-case letters, digits and dashes")
        keys.append("%s/%s" % (namespace or case.setting("network_attachments_namespace", "default"), name))
    twice = sorted(set(key for key in keys if keys.count(key) > 1))
    if twice:
        yield error("network_attachments_definitions has %s more than once" % ", ".join(twice), "give each attachment of a namespace a name of its own")


@rule("socket-directory", SETTINGS, "sockets and their directories are in one file system")
def shared_directory(case):
    for item in case.attachments():
        folder = item.get("shared_dir")
        if not folder:
            continue
        if not re.match(r"(/var)?/run/openvswitch(/|$)", str(folder)):
            yield error(
                "attachment %s keeps its sockets in %s, which OVS in its pod does not see" % (item.get("name"), folder),
                "use a directory below /run/openvswitch",
            )
        elif len(str(folder)) > LONGEST_SHARED_DIRECTORY:
            yield error(
                "attachment %s keeps its sockets in a directory of %d characters, and the address of a socket has room for 108 bytes"
                % (item.get("name"), len(str(folder))),
                "use a directory of at most %d characters" % LONGEST_SHARED_DIRECTORY,
            )


@rule("bridge-lifetime", CLUSTER, "the bridge of each attachment outlives its pods")
def bridge_unknown(case):
    for attachment in of_kind(case.attachments(), USERSPACE):
        name = attachment.get("bridge", "br0")
        hosts = [
            host
            for host, own in case.hosts()
            if own.setting("ovs_bridges_bridges") is not None
            and name not in [bridge.get("name") for bridge in own.setting("ovs_bridges_bridges") if isinstance(bridge, dict)]
        ]
        if hosts:
            yield error(
                "attachment %s uses bridge %s, which ovs_bridges_bridges does not make on %s: Userspace CNI would make it, and delete it with the last pod"
                % (attachment.get("name"), name, ", ".join(hosts)),
                "add %s to ovs_bridges_bridges" % name,
            )


@rule("server-mode", CLUSTER, "ports survive a restart of OVS")
def server_mode(case):
    served = sorted(str(item.get("name")) for item in of_kind(case.attachments(), USERSPACE) if item.get("mode", "server") == "server")
    if served:
        yield notice(
            "OVS is the vhost-user server of %s: after a restart of OVS their pods must be recreated" % ", ".join(served),
            "set mode: client where the application can be the server",
        )


def number(value):
    """The whole number that a user wrote as a number or as text, else None."""
    if isinstance(value, bool) or not re.match(r"-?[0-9]+$", str(value)):
        return None
    return int(value)


@rule("attachment-type", SETTINGS, "attachments have the options of their type, and Kube-OVN makes ports in hybrid mode only")
def types(case):
    for item in case.attachments():
        name, kind = item.get("name"), kind_of(item)
        others = KUBE_OVN_OPTIONS if kind == USERSPACE else USERSPACE_OPTIONS if kind == KUBE_OVN else ()
        wrong = [option for option in others if option_of(item, option) is not None]
        if wrong:
            reasons = ["; %s: %s" % (option, IGNORED[option]) for option in wrong if kind == KUBE_OVN and option in IGNORED]
            yield error(
                "attachment %s is of type %s and has %s%s" % (name, kind, ", ".join(wrong), "".join(reasons)),
                "leave that out, or set type: %s" % (KUBE_OVN if kind == USERSPACE else USERSPACE),
            )
        # The role itself does not know the mode.
        if kind == KUBE_OVN and case.setting("kube_ovn_mode", HYBRID) != HYBRID:
            yield error(
                "attachment %s is of type kube-ovn, and Kube-OVN makes vhost-user ports in hybrid mode only" % name,
                "set kube_ovn_mode: hybrid, or type: userspace",
            )
        if kind == KUBE_OVN and item.get("consumption") and case.release is not None and case.release < (1, 13, 0):
            yield error(
                "attachment %s has consumption %s, which Kube-OVN knows from v1.13.0 on" % (name, item["consumption"]),
                "use v1.13.0 or later, or give volume and socket the names that KubeVirt has",
            )


@rule("kube-ovn-port", SETTINGS, "pods have a volume for each port of Kube-OVN's own, whose socket has a path that is short enough")
def own_ports(case):
    for item in of_kind(case.attachments(), KUBE_OVN):
        name, volume, socket = item.get("name"), volume_of(item), item.get("socket") or "sock"
        if not NAME.match(str(volume)):
            yield error("attachment %s names the volume %r" % (name, volume), "use lower-case letters, digits and dashes, as in a pod")
        if not PORT_VALUE.match(str(socket)) or "/" in str(socket) or socket in (".", ".."):
            yield error("attachment %s names the socket %r" % (name, socket), "use the name of a file, of ASCII letters and without commas")
        elif len(str(volume)) + len(str(socket)) > LONGEST_SOCKET:
            yield error(
                "the names of volume and socket of attachment %s have %d characters, and the address of a socket has room for 108 bytes"
                % (name, len(str(volume)) + len(str(socket))),
                "use at most %d characters for both" % LONGEST_SOCKET,
            )


@rule("attachment-subnet", SETTINGS, "subnets of attachments are networks of their own")
def attachment_subnets(case):
    own = case.setting("kube_ovn_installer_variables")
    # The role itself does not know the networks of Kube-OVN.
    networks = {} if own is None else dict(_kube_ovn_values.DEFAULT_NETWORKS)
    networks.update((name, own[name]) for name in networks if isinstance(own, dict) and own.get(name))
    taken = [(name, _kube_ovn_values.network_of(text)) for name, value in sorted(networks.items()) for text in str(value).split(",")]
    names = ["ovn-default", "join"]
    for item in of_kind(case.attachments(), KUBE_OVN):
        asked = item.get("subnet")
        if not isinstance(asked, dict):
            continue
        title = "the subnet of attachment %s" % item.get("name")
        if subnet_name(item) in names:
            yield error("%s is called %s, and so is another one" % (title, subnet_name(item)), "give it a name of its own in subnet.name")
        names.append(subnet_name(item))
        network = _kube_ovn_values.network_of(asked.get("cidr"))
        if network is None:
            yield error("%s has the cidr %r" % (title, asked.get("cidr")), "give an address with its prefix length, such as 10.20.0.0/16")
            continue
        for other, there in taken:
            if there is not None and _kube_ovn_values.overlaps(network, there):
                yield error("%s, %s, overlaps with %s %s" % (title, network, other, there), "use addresses that no other network of the cluster has")
        taken.append((title, network))
        gateway = _kube_ovn_values.network_of(asked.get("gateway")) if asked.get("gateway") else None
        if asked.get("gateway") and (gateway is None or not _kube_ovn_values.overlaps(gateway, network)):
            yield error("%s, %s, has the gateway %s" % (title, network, asked["gateway"]), "use an address of that subnet, or leave it out")


@rule("attachment-options", SETTINGS, "Open vSwitch can give ports these options")
def options(case):
    for item in case.attachments():
        name = item.get("name")
        for option, limits in PORT_OPTIONS.items():
            value = option_of(item, option)
            if value is None or limits is None:
                continue
            if option == "trunks" and not isinstance(value, list):
                yield error("attachment %s has trunks %s, which is not a list" % (name, value), "write the VLANs as a list, such as trunks: [10, 20]")
                continue
            values = value if option == "trunks" else [value]
            if any(number(one) is None or not limits[0] <= number(one) <= limits[1] for one in values):
                yield error("attachment %s has %s %s" % (name, option, value), "use %s from %d to %d" % ((option,) + limits))
        for burst in ("ingress", "egress"):
            if option_of(item, burst + "_burst") is not None and option_of(item, burst + "_rate") is None:
                yield error("attachment %s has %s_burst without a rate" % (name, burst), "set %s_rate too" % burst)
        kubeconfig = option_of(item, "kubeconfig")
        if kubeconfig is not None and not str(kubeconfig).startswith("/"):
            yield error("attachment %s has the kubeconfig %r" % (name, kubeconfig), "give its path on the nodes, which begins with /")
        mac = option_of(item, "mac")
        if mac is not None and not re.match(r"[0-9a-fA-F][02468aceACE](:[0-9a-fA-F]{2}){5}$", str(mac)):
            yield error("attachment %s has the mac %s, which is no address of a single station" % (name, mac), "use an address such as 02:00:00:00:00:01")


# A packet has a header with two VLANs, a checksum, and headroom, in whole KiB; an mbuf has its own fields before it. A packet pool of Open vSwitch has
# at least 16384 of them: it wants 262144 and halves until they fit.
MBUF_FIELDS, FEWEST_MBUFS = 896, 4096 * 4


@rule("attachment-mtu", CLUSTER, "the socket memory has room for the packet pools of the attachments' MTUs")
def packet_pools(case):
    sizes = {-(-(number(item.get("mtu")) + 26 + 128) // 1024) * 1024 for item in case.attachments() if number(item.get("mtu")) is not None}
    if not sizes or not case.socket_memory:
        return
    # The pool of ports without an MTU of their own.
    sizes.add(2048)
    needed = sum((size + MBUF_FIELDS) * FEWEST_MBUFS for size in sizes) >> 20
    least = min(memory for memory in case.socket_memory if memory) if any(case.socket_memory) else 0
    if needed > least:
        yield error(
            "the packet pools of the attachments' MTUs take at least %d MiB, and kube_ovn_dpdk_socket_mem gives %d MiB" % (needed, least),
            "raise kube_ovn_dpdk_socket_mem to more than %d MiB for each NUMA node" % needed,
        )


@rule("attachment-queues", CLUSTER, "several queues of pods have several PMD threads")
def several_queues(case):
    single = sorted(host for host, own in case.hosts() if len(cores(own.setting("kube_ovn_dpdk_pmd_cores"))) == 1)
    for item in case.attachments():
        queues = number(item.get("queues"))
        if single and queues is not None and queues > 1:
            yield warning(
                "attachment %s has %d queues, which a single PMD thread polls on %s" % (item.get("name"), queues, ", ".join(single)),
                "give Open vSwitch another core in kube_ovn_dpdk_pmd_cores",
            )


@rule("ignored-settings", CLUSTER, "vhost-user ports of Kube-OVN's own have no settings that OVS-DPDK ignores")
def ignored_settings(case):
    for found in case.facts.get("ignored_settings", []):
        yield warning("a setting has no effect: %s" % found, "limit the rate in the application, and leave the MTU at 1500")


@rule("attachment-users", CLUSTER, "attachments that are to be removed are not in use")
def users_of_stale_attachments(case):
    found = case.facts.get("attachment_users") or {}
    if found.get("pods") and case.flag("network_attachments_purge"):
        yield error(
            "network_attachments_definitions does not name %s any more, and pods use them: %s" % (", ".join(found["names"]), ", ".join(found["pods"])),
            "delete these pods first, keep the attachments, or set network_attachments_purge: false",
        )


@rule("attachment-admission", CLUSTER, "the cluster has admission policies where one is wanted")
def admission(case):
    kubernetes = version(case.facts.get("kubernetes_version"))
    if case.flag("network_attachments_admission") and kubernetes and kubernetes < (1, 28, 0):
        yield error(
            "network_attachments_admission needs ValidatingAdmissionPolicy, which Kubernetes has from 1.28 on",
            "leave it false and see docs/security.md for older clusters",
        )

# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Before the traffic: which ports the pods have, who sends to whom, testpmd's command line and what is typed into it, phase by phase."""

from __future__ import annotations

import re
import secrets

from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _cpus
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils.attachments import kube_ovn_port, plugins_of, read_json

CONFIGURATION = "userspace/configuration-data"
NETWORKS = "k8s.v1.cni.cncf.io/networks"
STATUS = ("k8s.v1.cni.cncf.io/network-status", "k8s.v1.cni.cncf.io/networks-status")
MODE_SERVER = "server"
# Who made a port: Userspace CNI, or Kube-OVN itself in hybrid mode.
USERSPACE, KUBE_OVN = "userspace", "kube-ovn"
FILE_PREFIX = "kube-ovn-dpdk-verify"
# What the launcher of Userspace CNI takes for an id and a name, and what a path of --vdev can have. An annotation says what its pod's author wrote.
CONTAINER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{11,255}\Z")
NAME = re.compile(r"[A-Za-z0-9_.-]{1,15}\Z")
FILE = re.compile(r"[A-Za-z0-9_.-]{1,107}\Z")
MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}\Z")

# A marked round: bursts of 32 packets that every port sends at once. A virtio ring of 256 takes them even when no application polls yet.
MARK_BURSTS = 2
MARK_ROUNDS = 4
# Pods that put packets into circulation where these go round through all pods: 32 from each of their ports, together less than a ring.
INJECTORS = 4
# What a pod notes when its load begins.
LOAD_NOTE = "load"
# The names that the script looks for.
TESTPMD = ("dpdk-testpmd", "testpmd")


def annotations(pod: dict) -> dict:
    return pod["metadata"].get("annotations") or {}


def checked(text: object, form: re.Pattern, what: str) -> str:
    if not isinstance(text, str) or not form.match(text):
        raise ValueError(f"{what} {repr(text)[:60]} is not one")
    return text


def attachments(pod: dict) -> tuple[list[dict], str | None]:
    """The pod's vhost-user attachments as Userspace CNI noted them in its annotation, and what is wrong with the note.

    The plugin appends with each ADD and never removes: only the entries of the sandbox that was added last are the pod's.
    """
    text = annotations(pod).get(CONFIGURATION)
    if not text:
        return [], f"annotation {CONFIGURATION} is missing"
    try:
        noted = read_json(text)
        noted = noted if isinstance(noted, list) else [noted]
        found = {}
        for entry in noted:
            if entry["containerId"] != noted[-1]["containerId"]:
                continue
            vhost = (entry.get("config") or {}).get("vhost") or {}
            name = checked(entry["ifName"], NAME, "interface name")
            interface = f"{checked(entry['containerId'], CONTAINER, 'container id')[:12]}-{name}"
            file = checked((vhost.get("socketfile") or interface).rsplit("/", 1)[-1], FILE, "socket file")
            # A second ADD of one interface replaces the first.
            found[name] = {
                "name": name,
                "maker": USERSPACE,
                "interface": interface,
                "file": file,
                "server": vhost.get("mode") == MODE_SERVER,
            }
        return [found[name] for name in sorted(found, key=natural)], None
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        return [], f"annotation {CONFIGURATION} cannot be read: {error!r}"


def natural(name: str) -> list:
    """net2 comes before net10."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", name) if part]


def selections(pod: dict) -> list[tuple[str, str]]:
    """The attachments that the pod asks for, as NAMESPACE/NAME, each with the name that Multus gives to its interface."""
    text = (annotations(pod).get(NETWORKS) or "").strip()
    own = pod["metadata"]["namespace"]
    found = []
    if text.startswith("["):
        try:
            found = [(f"{item.get('namespace') or own}/{item['name']}", item.get("interface") or "") for item in read_json(text)]
        except (AttributeError, KeyError, TypeError, ValueError):
            return []
    else:
        for part in text.split(","):
            name, _at, interface = part.strip().partition("@")
            if name:
                found.append((name if "/" in name else f"{own}/{name}", interface))
    # Multus refuses a pod with another name: the annotation was changed afterwards.
    if not all(isinstance(interface, str) and (not interface or NAME.match(interface)) for _name, interface in found):
        return []
    return [(name, interface or f"net{number}") for number, (name, interface) in enumerate(found, 1)]


def networks(pod: dict) -> list[str]:
    """The attachments that the pod asks for, as NAMESPACE/NAME."""
    return [name for name, _interface in selections(pod)]


def userspace_type(definition: dict) -> bool:
    """Whether Userspace CNI serves this NetworkAttachmentDefinition, alone or in a chain."""
    return USERSPACE in [plugin.get("type") for plugin in plugins_of(definition)]


def by_name(definitions: list[dict] | None) -> dict[str, dict]:
    return {f"{one['metadata']['namespace']}/{one['metadata']['name']}": one for one in definitions or []}


def wanted(pod: dict, definitions: list[dict] | None) -> int:
    """How many vhost-user interfaces the pod asks for: attachments of another kind, as a macvlan beside them, do not count."""
    names = networks(pod)
    if definitions is None:
        return len(names)
    kinds = {name: userspace_type(one) or kube_ovn_port(one) is not None for name, one in by_name(definitions).items()}
    return sum(kinds.get(name, True) for name in names)


def own_ports(pod: dict, definitions: list[dict] | None, mounts: dict[str, str], nodes: dict) -> list[dict]:
    """The pod's ports that Kube-OVN made itself: Open vSwitch knows them by the name of their logical port, and the pod's annotations have their addresses.

    From v1.15 on the annotations name the interface too where several are of one attachment.
    """
    known = {name: kube_ovn_port(one) for name, one in by_name(definitions).items()}
    interfaces = {(one.get("external_ids") or {}).get("iface-id"): name for switch in nodes.values() for name, one in (switch.get("interfaces") or {}).items()}
    found = []
    for network, name in selections(pod):
        port = known.get(network)
        if port is None:
            continue
        metadata, provider = pod["metadata"], port["provider"]
        if f"{provider}.{name}.kubernetes.io/mac_address" in annotations(pod):
            provider = f"{provider}.{name}"
        logical = f"{metadata['name']}.{metadata['namespace']}.{provider}"
        file = port["socket"] or name
        found.append(
            {
                "name": name,
                "maker": KUBE_OVN,
                "interface": interfaces.get(logical, logical),
                "file": file,
                "server": True,
                "path": f"{mounts.get(port['volume'], '').rstrip('/')}/{file}",
                # OVN knows no other address behind the port.
                "mac": annotations(pod).get(f"{provider}.kubernetes.io/mac_address", "").lower(),
                "provider": provider,
            }
        )
    return found


def new_mac() -> str:
    """A locally administered unicast address that is unknown before its first packet, so that no neighbour can have sent with it."""
    first, *rest = secrets.token_bytes(6)
    return ":".join(f"{byte:02x}" for byte in (first & 0xFC | 0x02, *rest))


def mebibytes(quantity: object) -> int:
    match = re.match(r"^(\d+(?:\.\d+)?)(Ki|Mi|Gi|Ti|k|M|G|T)?$", str(quantity))
    if not match:
        return 0
    factors = {
        "Ki": 2**10,
        "Mi": 2**20,
        "Gi": 2**30,
        "Ti": 2**40,
        "k": 10**3,
        "M": 10**6,
        "G": 10**9,
        "T": 10**12,
        None: 1,
    }
    return int(float(match[1]) * factors[match[2]] // 2**20)


def wish(value: object) -> bool | str:
    """verify_between_pods, which is text where it comes from the command line: true, false or auto."""
    known = {"auto": "auto", "true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    found = known.get(str(value).lower())
    if found is None:
        raise ValueError(f"between_pods is {value}, and can be auto, true or false")
    return found


def called(pod: dict, port: dict | None = None) -> str:
    return f"{pod['namespace']}/{pod['name']}" + (f" {port['name']}" if port else "")


# Types of interfaces that lead nowhere but to this node, and of those that are a pod's or a machine's on it.
INTERNAL = ("internal", "patch", "dpdkr", "null")
GUESTS = ("tap", "dpdkvhostuser", "dpdkvhostuserclient")


def is_guest(interface: dict) -> bool:
    """Whether a pod or a machine of this node is behind the interface."""
    # The latter is a logical port of OVN, as the kernel's end of a pod's interface.
    return interface.get("type") in GUESTS or "iface-id" in (interface.get("external_ids") or {})


def has_uplink(switch: dict, bridge: str) -> bool:
    """Whether a port of this bridge leads out of the node: a NIC, be it DPDK's or the kernel's, or a tunnel."""
    interfaces = switch.get("interfaces") or {}
    return any(
        one.get("bridge") == bridge and name != bridge and one.get("type") not in INTERNAL and not is_guest(one)
        for name, one in interfaces.items()
    )


def can_cross(planned: list[dict], nodes: dict) -> bool:
    """Whether the ports' bridges have an uplink on every node that has such ports, and at least two nodes have."""
    hosts = set()
    for pod in planned:
        for port in pod["ports"]:
            host = next((name for name, switch in nodes.items() if port["interface"] in (switch.get("interfaces") or {})), None)
            if host is None or not has_uplink(nodes[host], nodes[host]["interfaces"][port["interface"]].get("bridge")):
                return False
            hosts.add(host)
    return len(hosts) > 1


def plan(pods: list[dict], settings: dict, nodes: dict | None = None) -> list[dict]:
    """Pods as the API returns them → the same with their ports in the order of testpmd's port numbers, and each port's peer.

    settings  container, socket_dir, memory (MiB, 0 for what the pod has), between_pods (true, false or "auto"), definitions (of attachments, or null)
    nodes     inventory name → what ovs_info returned, for "auto" and for ports that Kube-OVN made itself
    """
    planned = []
    for pod in sorted(
        pods,
        key=lambda item: (item["spec"].get("nodeName") or "", item["metadata"]["namespace"], item["metadata"]["name"]),
    ):
        containers = pod["spec"]["containers"]
        container = next((item for item in containers if item["name"] == settings["container"]), containers[0])
        limits = (container.get("resources") or {}).get("limits") or {}
        hugepages = sum(mebibytes(amount) for name, amount in limits.items() if name.startswith("hugepages-"))
        mounts = {mount["name"]: mount["mountPath"] for mount in container.get("volumeMounts") or []}
        volumes = pod["spec"].get("volumes") or []
        huge = [volume["name"] for volume in volumes if str((volume.get("emptyDir") or {}).get("medium", "")).startswith("HugePages")]
        definitions = settings.get("definitions")
        own = own_ports(pod, definitions, mounts, nodes or {})
        ports, problem = attachments(pod)
        for port in ports:
            port["path"] = settings["socket_dir"].rstrip("/") + "/" + port["file"]
            port["mac"] = new_mac()
        if own and not ports and wanted(pod, definitions) == len(own):
            # Nothing was asked of Userspace CNI.
            problem = None
        for port in own:
            if not MAC.match(port["mac"]):
                problem = f"annotation {port['provider']}.kubernetes.io/mac_address is {'no Ethernet address' if port['mac'] else 'missing'}"
                # OVN drops what comes from it, and the nodes can be asked for it.
                port["mac"] = new_mac()
        ports = sorted(ports + own, key=lambda port: natural(port["name"]))
        planned.append(
            {
                "namespace": pod["metadata"]["namespace"],
                "name": pod["metadata"]["name"],
                "container": container["name"],
                # One that fits on no node is of the node that it was created for.
                "node": pod["spec"].get("nodeName") or (pod["spec"].get("nodeSelector") or {}).get("kubernetes.io/hostname"),
                "phase": "Terminating" if pod["metadata"].get("deletionTimestamp") else (pod.get("status") or {}).get("phase"),
                "started": (pod.get("status") or {}).get("startTime"),
                "wanted": wanted(pod, settings.get("definitions")),
                "problem": problem,
                "ports": ports,
                "memory": settings.get("memory") or min(hugepages, 512) or 512,
                "huge_dir": next((mounts[name] for name in huge if name in mounts), None),
                "topology": "paired",
            }
        )
    connect([pod for pod in planned if pod["phase"] == "Running"], between(planned, settings, nodes or {}))
    return planned


def between(planned: list[dict], settings: dict, nodes: dict) -> bool:
    asked = wish(settings.get("between_pods", "auto"))
    return can_cross(planned, nodes) if asked == "auto" else asked


def connect(pods: list[dict], across: bool) -> None:
    """Give each port its peer: the port that its packets are for.

    A packet that testpmd receives on a port it sends by the other port of the pair. So a packet goes out of a pod's second port, into the first port of
    the next pod, out of its second, and so on round; back the same way. Within a pod the pod is its own next. A last port without a partner
    sends back what it receives, so such ports of several pods go round among themselves; in a pod of three or more, all its ports are one chain.
    """

    def link(pod: dict, number: int, other: dict, there: int) -> None:
        pod["ports"][number].update(peer=other["ports"][there]["mac"], peer_pod=called(other), peer_port=other["ports"][there]["name"])

    for group in groups(pods, across):
        paired = group
        odd = [pod for pod in group if len(pod["ports"]) % 2]
        if len(odd) == 1 and len(odd[0]["ports"]) > 1:
            # No other pod has a port for the last one: a chain through this pod.
            (pod,) = odd
            count = len(pod["ports"])
            pod["topology"] = "chained"
            for number in range(count):
                link(pod, number, pod, (number + 1) % count)
            paired = [one for one in group if one is not pod]
        elif len(odd) > 1:
            for index, pod in enumerate(odd):
                following = odd[(index + 1) % len(odd)]
                link(pod, len(pod["ports"]) - 1, following, len(following["ports"]) - 1)
        for number in range(0, max([len(pod["ports"]) for pod in paired], default=0) - 1, 2):
            ring = [pod for pod in paired if len(pod["ports"]) > number + 1]
            for index, pod in enumerate(ring):
                following, previous = (ring[(index + 1) % len(ring)], ring[index - 1]) if across else (pod, pod)
                link(pod, number, previous, number + 1)
                link(pod, number + 1, following, number)


def groups(pods: list[dict], across: bool) -> list[list[dict]]:
    """The pods that may send to each other: all, or those of a node."""
    if across:
        return [pods]
    return [[pod for pod in pods if pod["node"] == node] for node in sorted({pod["node"] for pod in pods}, key=str)]


def expand_cpus(text: str) -> list[int]:
    """0-2,5 → [0, 1, 2, 5]"""
    return _cpus.parse(text, duplicates=True)


def mask_cpus(text: object) -> list[int]:
    """0x6 → [1, 2]"""
    try:
        return _cpus.parse_mask(str(text))
    except ValueError:
        return []


def parse_probe(text: str) -> dict:
    """What the pod has, as the script's `probe` prints it."""
    found: dict = {"cpus": [], "sockets": [], "testpmd": None, "stdbuf": False}
    for line in text.splitlines():
        key, _space, value = line.strip().partition(" ")
        if key == "cpus" and not found["cpus"]:
            try:
                # The kernel names none twice.
                found["cpus"] = _cpus.parse(value)
            except ValueError:
                # As where nothing was printed.
                found["cpus"] = []
        elif key == "socket":
            found["sockets"].append(value)
        elif key == "testpmd" and value in TESTPMD:
            found[key] = value
        elif key == "stdbuf":
            found[key] = True
    return found


def mask_of(pod: dict, nodes: dict) -> str:
    """pmd-cpu-mask of the switch that has the pod's first interface."""
    name = pod["ports"][0]["interface"] if pod["ports"] else None
    return next(
        ((read.get("other_config") or {}).get("pmd-cpu-mask") or "" for read in nodes.values() if name in (read.get("interfaces") or {})),
        "",
    )


def cpus_of(probe: dict, pmd_mask: str, settings: dict) -> list[int]:
    """The CPUs for testpmd: those of the settings, or else those of the pod that no PMD thread uses, where there are such."""
    busy = mask_cpus(pmd_mask)
    return list(settings.get("cores") or []) or [cpu for cpu in probe["cpus"] if cpu not in busy] or probe["cpus"] or [0]


def command(pod: dict, probe: dict, pmd_mask: str, settings: dict) -> list[str]:
    """testpmd's command line in this pod: two lcores away from the PMD cores where there are such, and one virtio-user device for each port."""
    cpus = cpus_of(probe, pmd_mask, settings)
    line = (["stdbuf", "-oL"] if probe["stdbuf"] else []) + [probe["testpmd"] or "dpdk-testpmd"]
    # The main lcore has next to nothing to do and may share a CPU with the one that forwards.
    line += ["-v", "--lcores", f"0@{cpus[0]},1@{cpus[-1]}"]
    line += [
        "--no-pci",
        "--iova-mode",
        "va",
        "--single-file-segments",
        "-m",
        str(pod["memory"]),
        "--file-prefix",
        FILE_PREFIX,
    ]
    if pod["huge_dir"]:
        line += ["--huge-dir", pod["huge_dir"]]
    for number, port in enumerate(pod["ports"]):
        device = f"net_virtio_user{number},path={port['path']},mac={port['mac']}"
        line.append("--vdev=" + device + (",server=1" if port["server"] else ""))
    # A packet that waits in a ring while another pod gets its next command must not be thrown away.
    line += [
        "--",
        "-i",
        "--forward-mode=rxonly",
        "--no-flush-rx",
        f"--total-num-mbufs={settings['mbufs']}",
        f"--port-topology={pod['topology']}",
    ]
    line += [f"--eth-peer={number},{port['peer']}" for number, port in enumerate(pod["ports"]) if port.get("peer")]
    return line + list(settings.get("extra_arguments") or [])


def phases(pods: list[dict], duration: int) -> list[dict]:
    """What is typed into testpmd of each pod, in the order that keeps packets from pods that are not ready: [{name, seconds, lines: {pod: [line]}}].

    mark      every packet received is printed with its addresses, so that a port's own packets are told apart from all others
    load      packets go round and each is forwarded as soon as it arrives
    drain     the packets that were in circulation at the end are taken out and counted
    mark      once more: what passed before the load passes after it
    A line @N waits N seconds. `seconds` is how long the phase plays.
    """
    pods = [pod for pod in pods if pod["ports"] and pod["phase"] == "Running"]
    names = [called(pod) for pod in pods]
    injectors = names if all_local(pods) else names[:INJECTORS]
    samples = sample_times(duration)
    show = "show port stats all"
    mark = ["stop", "set fwd rxonly", *[f"start tx_first {MARK_BURSTS}", "@1", "stop"] * MARK_ROUNDS, "start"]
    found = [
        {"name": "listen", "lines": dict.fromkeys(names, ["set verbose 1", "start"])},
        {"name": "mark", "lines": dict.fromkeys(names, mark)},
        {"name": "forward", "lines": dict.fromkeys(names, ["stop", "set verbose 0", "set fwd mac", "start"])},
        {
            "name": "load",
            "lines": {
                name: [
                    *(["stop", "start tx_first 1"] if name in injectors else []),
                    show,
                    *[word for seconds in samples for word in (f"@{seconds}", show)],
                ]
                for name in names
            },
        },
        {
            "name": "drain",
            "lines": dict.fromkeys(names, ["stop", "set verbose 1", "set fwd rxonly", "start", "@1"]),
        },
        {"name": "mark again", "lines": dict.fromkeys(names, mark)},
        {"name": "total", "lines": dict.fromkeys(names, ["stop", show])},
    ]
    for phase in found:
        phase["seconds"] = max(map(length, phase["lines"].values()), default=0)
    return found


def length(lines: list[str]) -> int:
    return sum(int(line[1:]) for line in lines if line.startswith("@"))


# How far the pods may be apart where packets leave them, in seconds: what a busy controller and busy CPUs take to start a line in all pods; and one
# second more for so many pods, since each is one more connection.
APART = 3
PODS_OF_A_SECOND = 10


def timeline(pods: list[dict], duration: int) -> dict:
    """What each pod plays by itself: {lines: {pod: [line]}, seconds}.

    Where packets leave their pod, each phase begins at the same time in all pods, and not before the slowest is done with the phase before.
    """
    apart = 0 if all_local(pods) else APART + len(pods) // PODS_OF_A_SECOND
    lines: dict[str, list[str]] = {}
    begin = 0
    for phase in phases(pods, duration):
        note = [f"#{LOAD_NOTE}"] if phase["name"] == "load" else []
        for name, typed in phase["lines"].items():
            lines.setdefault(name, []).extend([*([f"={begin}"] if apart and begin else []), *note, *typed])
        begin += phase["seconds"] + apart
    return {"lines": lines, "seconds": begin}


def all_local(pods: list[dict]) -> bool:
    return all(port.get("peer_pod") in (None, called(pod)) for pod in pods for port in pod["ports"])


def sample_times(duration: int) -> list[int]:
    """The seconds between the readings of a load of this length: at most sixty, the last of them as long as the others."""
    step = max(1, duration // 60)
    count = max(2, duration // step)
    return [step] * count

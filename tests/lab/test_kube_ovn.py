"""Kube-OVN on two lab nodes: installed, upgraded, changed value by value and back, in the other mode, removed; cut off at random points.

The tests build on each other, in this order. They begin with nodes that were never used, and end with the lab as `make site` makes it.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import signal
import subprocess
import threading
import time

import pytest
from kubernetes import client, config
from kubernetes.stream import stream
from lab import FILES, MORE, REPORT, ROOT, STATE, core, playbook, wait_for
from two_nodes import (
    DEDICATED,
    HYBRID,
    INVENTORIES,
    NEW,
    NODES,
    OLD,
    chassis,
    in_switch,
    note_pages,
    on,
    packets_through_the_tunnel,
    ready,
    run,
    switches,
    unchanged,
    vsctl,
)

pytestmark = pytest.mark.usefixtures("two_nodes")

KUBE_OVN = str(FILES / "kube_ovn.yml")
# An uninstall that also gives the pages back, and removes the definition of attachments, which others may use too.
EVERYTHING = {"uninstall_hosts": True, "multus_delete_definitions": True}


# --- what there is: cluster objects, node files, mounts, network devices, labels --------------------------------------------------------


def get(path: str) -> dict:
    api = config.new_client_from_config(str(STATE / "kubeconfig"))
    return api.call_api(path, "GET", auth_settings=["BearerToken"], response_type="object")[0]


# What is another each time: ids, the last part of the names that Kubernetes makes up, and the address of a service.
MADE_UP = [
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "UID"),
    (re.compile(r"[0-9a-f]{64}"), "ID"),
    (re.compile(r"\b[0-9a-f]{8}_(net\d)_h\b|\b[0-9a-f]{12}_h\b"), r"POD_\1_h"),
    (re.compile(r"\b[0-9a-f]{12}-net(\d)"), r"POD-net\1"),
    (re.compile(r"(?<=kube-api-access-)[0-9a-z]{5}\b"), "NAME"),
    (re.compile(r"(?<=tcp:\[)[0-9.]+(?=\])"), "ADDRESS"),
    (re.compile(r"\.\d+\.ctl"), ".PID.ctl"),
    (re.compile(r"-[0-9a-z]{8,10}(-[0-9a-z]{5})?(?=$|\.kube-system)|-[0-9a-z]{5}(?=$|\.kube-system)"), "-NAME"),
]


def anonymous(text: str) -> str:
    for pattern, replacement in MADE_UP:
        text = pattern.sub(replacement, text)
    return text


# They come and go by themselves.
TRANSIENT = {"Event", "EndpointSlice", "Endpoints"}
# Of these only the names are compared: what is in them is secret, or about one pod.
NAMES_ONLY = {"Pod", "ReplicaSet", "ControllerRevision", "Secret", "IP", "Lease", "ConfigMap"}
NOISE = {"uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "ownerReferences"}
NOISY = re.compile(r"deprecated\.daemonset\.template\.generation|deployment\.kubernetes\.io/revision|node\.alpha\.kubernetes\.io/ttl")


def content(item: dict) -> object:
    """What an object says, without what the server adds each time."""
    metadata = {key: value for key, value in item["metadata"].items() if key not in NOISE}
    metadata["annotations"] = {key: value for key, value in metadata.get("annotations", {}).items() if not NOISY.match(key)}
    if item["kind"] == "Node":
        # Addresses are handed out in the order of arrival.
        metadata["annotations"] = sorted(metadata["annotations"])
        return metadata
    rest = {key: value for key, value in item.items() if key not in ("metadata", "status")}
    if item["kind"] == "Service":
        rest["spec"] = {key: value for key, value in rest["spec"].items() if key not in ("clusterIP", "clusterIPs")}
    return metadata, rest


def cluster_objects() -> dict[str, str]:
    groups = ["/api/v1", *(f"/apis/{group['preferredVersion']['groupVersion']}" for group in get("/apis")["groups"])]
    found: dict[str, str] = {}
    for group in groups:
        for resource in get(group)["resources"]:
            if "/" in resource["name"] or "list" not in resource["verbs"] or resource["kind"] in TRANSIENT:
                continue
            for item in get(f"{group}/{resource['name']}")["items"]:
                metadata = item["metadata"]
                item["kind"] = resource["kind"]
                name = f"{resource['kind']} {metadata.get('namespace', '')}/{anonymous(metadata['name'])}"
                text = "" if resource["kind"] in NAMES_ONLY else json.dumps(content(item), sort_keys=True)
                found[name] = hashlib.sha256(text.encode()).hexdigest()[:12]
    return found


# Not of the set-up: state of the host's own daemons, what the container runtime keeps of CNI results, logs of pods while they last, Ansible's own
# directory. Userspace CNI keeps its logs on purpose.
FOREIGN = (
    r"^/(root/\.ansible|var/log/journal|var/lib/systemd|var/lib/cni(/results)?$|var/log/(pods|containers|userspace-)|var/tmp|var/cache)"
    r"|/\.conf\.db\.~lock~$"
)
FOREIGN_RUN = r"^/run/(systemd|containerd|udev|log|lock|docker|dbus|user|credentials|sendsigs.omit.d|netns|utmp|initctl)(/|$)"


def node_state(node: str) -> dict[str, list[str]]:
    changed = subprocess.run(["docker", "diff", node], check=True, capture_output=True, text=True, timeout=120).stdout.splitlines()
    files = [line for line in changed if line.startswith(("A", "D")) and not re.search(FOREIGN, line[2:])]
    run = [path for path in on(node, "find", "/run", "-xdev", check=False).splitlines() if not re.search(FOREIGN_RUN, path)]
    sums = on(node, "sh", "-c", "find /opt /usr/local/bin /etc -xdev -type f ! -path '/etc/origin/*' ! -name '*.kubeconfig' -exec sha256sum {} +")
    mounts = [" ".join(line.split()[1:3]) for line in on(node, "cat", "/proc/mounts").splitlines()]
    return {
        "files": sorted({anonymous(line) for line in files}),
        "run": sorted({anonymous(path) for path in run}),
        "sums": sorted(sums.splitlines()),
        "mounts": sorted({anonymous(mount) for mount in mounts}),
        "devices": sorted({anonymous(line.split()[1].split("@")[0].rstrip(":")) for line in on(node, "ip", "-o", "link").splitlines()}),
        "addresses": sorted({" ".join(line.split()[1:4]) for line in on(node, "ip", "-o", "-4", "address").splitlines()}),
        "routes": sorted(on(node, "ip", "route").splitlines()),
        "pages": on(node, "sh", "-c", "grep -H . /sys/kernel/mm/hugepages/*/nr_hugepages").splitlines(),
    }


def switch_state(node: str) -> dict[str, object]:
    if not on(node, "sh", "-c", "cat /run/openvswitch/ovs-vswitchd.pid 2>/dev/null || true").strip():
        return {}
    ports = {bridge: sorted({anonymous(port) for port in vsctl(node, "list-ports", bridge).split()}) for bridge in vsctl(node, "list-br").split()}
    # Tunnels have names that OVN makes up.
    ports = {bridge: [port for port in names if not port.startswith("ovn-")] for bridge, names in ports.items()}
    ids = re.sub(r'(system-id|hostname)="?[^,"}]*"?,? ?', "", vsctl(node, "get", "Open_vSwitch", ".", "external_ids"))
    return {"ports": ports, "other_config": anonymous(vsctl(node, "get", "Open_vSwitch", ".", "other_config")), "external_ids": anonymous(ids)}


def everything() -> dict[str, object]:
    return {"objects": cluster_objects(), **{node: {**node_state(node), **switch_state(node)} for node in NODES}}


def difference(one: object, other: object, path: str = "") -> list[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        return [line for key in sorted(set(one) | set(other)) for line in difference(one.get(key), other.get(key), f"{path}/{key}")]
    if isinstance(one, list) and isinstance(other, list):
        return [f"{path}: - {item}" for item in one if item not in other] + [f"{path}: + {item}" for item in other if item not in one]
    return [] if one == other else [f"{path}: {one} became {other}"]


def comes_to(expected: dict[str, object], seconds: float = 60) -> None:
    """What goes away by itself after the run (pods, their logs and mounts) may take a moment."""
    end = time.monotonic() + seconds
    while left := difference(expected, everything()):
        if time.monotonic() > end:
            pytest.fail("\n".join(left))
        time.sleep(3)


# --- OVS-DPDK on the nodes ----------------------------------------------------------------------------------------------------------


class Watch:
    """On how many nodes OVS was ready, at the worst moment of a run; and how often its pods were other ones."""

    def __enter__(self) -> Watch:
        self.fewest, self.seen, self.done = len(NODES), set(), threading.Event()
        self.thread = threading.Thread(target=self.look)
        self.thread.start()
        return self

    def look(self) -> None:
        while not self.done.wait(0.5):
            pods = switches()
            self.fewest = min(self.fewest, sum(ready(pod) for pod in pods.values()))
            self.seen |= {pod.metadata.uid for pod in pods.values()}

    def __exit__(self, *_: object) -> None:
        self.done.set()
        self.thread.join()


def rolled_out(**variables: object) -> str:
    """Bring a change about, and see that OVS was replaced once on each node, on one node after the other; a second run changes nothing."""
    with Watch() as watch:
        output = run(KUBE_OVN, **variables)
    assert watch.fewest == len(NODES) - 1
    assert len(watch.seen) == 2 * len(NODES), "each node has had two pods of OVS: the old one and the new one"
    unchanged(run(KUBE_OVN, **variables))
    return output


def each(question: str, *command: str, pattern: str = r"(.*)") -> None:
    """What a program in OVS's container says on both nodes matches."""
    for node in NODES:
        said = in_switch(node, *command)
        assert re.search(pattern, said), f"{question} on {node}: {said}"


def socket_memory(mib: int) -> None:
    for node in NODES:
        assert vsctl(node, "get", "Open_vSwitch", ".", "other_config:dpdk-socket-mem") == f'"{mib}"'
        arguments = [line for line in on(node, "cat", "/var/log/openvswitch/ovs-vswitchd.log").splitlines() if "EAL ARGS" in line][-1]
        assert f"--socket-mem {mib}" in arguments
        assert vsctl(node, "get", "Open_vSwitch", ".", "dpdk_initialized") == "true"


def pmd_core(core_number: int) -> None:
    each("PMD threads", "ovs-appctl", "dpif-netdev/pmd-stats-show", pattern=rf"(?m)^pmd thread numa_id 0 core_id {core_number}:")
    for node in NODES:
        assert len(re.findall(r"^pmd thread", in_switch(node, "ovs-appctl", "dpif-netdev/pmd-stats-show"), re.MULTILINE)) == 1


def page_size(kib: int) -> None:
    """Of the memory of ovs-vswitchd, beside the kernel's common pages."""
    for node in NODES:
        text = on(node, "sh", "-c", 'grep KernelPageSize "/proc/$(cat /run/openvswitch/ovs-vswitchd.pid)/smaps"')
        assert {line.split()[1] for line in text.splitlines()} - {"4"} == {str(kib)}


def image(name: str) -> None:
    assert {pod.spec.containers[0].image for pod in switches().values()} == {name}
    assert all(ready(pod) for pod in switches().values())


# --- the lab ------------------------------------------------------------------------------------------------------------------------


def revisions_of_stateful_set() -> list[str]:
    listed = client.AppsV1Api(core().api_client).list_namespaced_controller_revision("kube-system").items
    return [item.metadata.name for item in listed if any(owner.kind == "StatefulSet" for owner in item.metadata.owner_references or [])]


@pytest.fixture(scope="module")
def before(two_nodes) -> dict[str, object]:
    wait_for("the revision of the StatefulSet", lambda: len(revisions_of_stateful_set()) == 1, 60)
    found = everything()
    assert not [name for name in found["objects"] if name.split()[0] in ("DaemonSet", "Deployment", "CustomResourceDefinition", "Pod")]
    return found


# --- installed, on two nodes, with packets between them -----------------------------------------------------------------------------


def test_install_and_packets_between_the_nodes(before):
    run("site.yml", **DEDICATED, kube_ovn_version=OLD)
    image(f"kubeovn/kube-ovn-dpdk:19.11-{OLD}")
    report = json.loads(REPORT.read_text())
    assert report["result"] == "pass"
    ports = {(row["pod"], row["port"]): row for row in report["traffic"]}
    assert len(ports) == 2 * len(NODES)
    # Each began with a burst of 32.
    assert min(min(row["rx_packets"], row["tx_packets"]) for row in ports.values()) > 100, ports
    for node in NODES:
        assert vsctl(node, "get", "Interface", "uplink0", "error") == "[]"
        counted = {name: int(vsctl(node, "get", "Interface", "uplink0", f"statistics:{name}")) for name in ("rx_packets", "tx_packets")}
        assert min(counted.values()) > 100, f"packets went over the uplink of {node}, both ways: {counted}"


def test_a_second_run_changes_nothing(before):
    unchanged(run("site.yml", **DEDICATED, kube_ovn_version=OLD))


def test_upgrade_to_a_release_with_another_selector_node_by_node(before):
    def selector() -> dict[str, str]:
        return client.AppsV1Api(core().api_client).read_namespaced_daemon_set("ovs-ovn", "kube-system").spec.selector.match_labels

    assert selector() == {"app": "ovs"}
    with Watch() as watch:
        run("kube_ovn.dpdk.upgrade", **DEDICATED, kube_ovn_version=NEW)
    assert selector() == {"app": "ovs-dpdk"}
    assert watch.fewest == len(NODES) - 1
    assert len(watch.seen) == 2 * len(NODES)
    image(f"kubeovn/kube-ovn-dpdk:19.11-{NEW}")
    assert json.loads(REPORT.read_text())["result"] == "pass"
    unchanged(run("site.yml", **DEDICATED, kube_ovn_version=NEW))


def test_chassis_of_nodes_outlive_the_collection_of_others(before):
    # The controller of this release deletes chassis whose host name is no node's, every 30 s.
    time.sleep(45)
    assert chassis() == NODES
    for node in NODES:
        assert vsctl(node, "get", "Open_vSwitch", ".", "external_ids:hostname").strip('"') == node


def test_an_older_release_is_refused(before):
    code, output = playbook("kube_ovn.dpdk.upgrade", 300, INVENTORIES, **DEDICATED, kube_ovn_version=OLD)
    assert code != 0
    assert f"{NEW} runs, and {OLD} is older" in " ".join(output.split())
    image(f"kubeovn/kube-ovn-dpdk:19.11-{NEW}")


# --- one value after the other, and back --------------------------------------------------------------------------------------------


OTHER_IMAGE = f"docker.io/kubeovn/kube-ovn-dpdk:19.11-{OLD}"


def test_change_of_socket_memory(before):
    socket_memory(1024)
    # What the container may use follows.
    rolled_out(**DEDICATED, kube_ovn_dpdk_socket_mem=[1056], kube_ovn_hugepage_amount="1056Mi")
    socket_memory(1056)


def test_change_of_pmd_cores(before):
    pmd_core(1)
    rolled_out(**DEDICATED, kube_ovn_dpdk_pmd_cores=[0], kube_ovn_dpdk_lcores=[1])
    socket_memory(1024)
    pmd_core(0)


def test_change_of_page_size(before):
    page_size(2048)
    pages = [{"size": "2M", "count": 1088}, {"size": "1G", "count": 2}]
    rolled_out(**{**DEDICATED, "hugepages_pages": pages}, kube_ovn_hugepage_size="1Gi")
    pmd_core(1)
    page_size(1024 * 1024)


def test_change_of_image(before):
    rolled_out(**DEDICATED, kube_ovn_image=OTHER_IMAGE)
    page_size(2048)
    image(OTHER_IMAGE)


def test_back_to_what_it_was(before):
    rolled_out(**DEDICATED)
    socket_memory(1024)
    pmd_core(1)
    page_size(2048)
    image(f"kubeovn/kube-ovn-dpdk:19.11-{NEW}")
    run("site.yml", **DEDICATED)
    assert json.loads(REPORT.read_text())["result"] == "pass"


# --- hybrid mode --------------------------------------------------------------------------------------------------------------------


def unpatched(kind: str, name: str, patch: dict) -> dict[str, list]:
    """The user's overlays come last: one that takes an overlay of the role back."""
    return {"kube_ovn_overlays": [{"kind": kind, "name": name, "patch": {"spec": {"template": {"spec": patch}}}}]}


# As released.
TWO_SWITCHES = unpatched("DaemonSet", "ovs-ovn", {"affinity": None})
MOUNT = {"mountPath": "/run/openvswitch", "mountPropagation": "HostToContainer"}
HIDDEN_SOCKETS = unpatched("DaemonSet", "kube-ovn-cni", {"containers": [{"name": "cni-server", "volumeMounts": [MOUNT]}]})
VOLUMES = ["vhu1", "vhu2"]


def attachment(volume: str) -> dict:
    settings = {
        "cniVersion": "0.3.1",
        "type": "kube-ovn",
        "server_socket": "/run/openvswitch/kube-ovn-daemon.sock",
        "provider": f"{volume}.default.ovn",
        "vhost_user_socket_volume_name": volume,
        "vhost_user_socket_name": "sock",
    }
    return {
        "apiVersion": "k8s.cni.cncf.io/v1",
        "kind": "NetworkAttachmentDefinition",
        "metadata": {"name": volume},
        "spec": {"config": json.dumps(settings)},
    }


def pod_with_ports() -> dict:
    volumes = [{"name": volume, "emptyDir": {}} for volume in VOLUMES]
    resources = {"hugepages-2Mi": "512Mi", "memory": "512Mi"}
    return {
        "metadata": {"name": "ports", "annotations": {"k8s.v1.cni.cncf.io/networks": ", ".join(VOLUMES)}},
        "spec": {
            "nodeSelector": {"ovn.kubernetes.io/ovs_dp_type": "userspace", "kubernetes.io/hostname": NODES[1]},
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 0,
            "tolerations": [{"operator": "Exists"}],
            "containers": [
                {
                    "name": "app",
                    "image": "dpdk:19.11",
                    "imagePullPolicy": "Never",
                    "command": ["sleep", "3600"],
                    "securityContext": {"runAsUser": 0},
                    "resources": {"requests": resources, "limits": resources},
                    "volumeMounts": [{"name": volume, "mountPath": f"/{volume}"} for volume in VOLUMES] + [{"name": "pages", "mountPath": "/hugepages"}],
                }
            ],
            "volumes": [*volumes, {"name": "pages", "emptyDir": {"medium": "HugePages"}}],
        },
    }


@pytest.fixture
def ports(before):
    """A pod with two vhost-user ports in br-int that Kube-OVN itself has made: its MAC addresses."""
    # Those of role dpdk_app have the pages that it needs.
    testpmd = {"label_selector": "app.kubernetes.io/name=testpmd"}
    core().delete_collection_namespaced_pod("default", **testpmd)
    wait_for("the end of the testpmd pods", lambda: not core().list_namespaced_pod("default", **testpmd).items, 120)
    objects = client.CustomObjectsApi(core().api_client)
    where = ("k8s.cni.cncf.io", "v1", "default", "network-attachment-definitions")
    for volume in VOLUMES:
        objects.create_namespaced_custom_object(*where, attachment(volume))
    core().create_namespaced_pod("default", pod_with_ports())
    wait_for("the pod with ports", lambda: core().read_namespaced_pod("ports", "default").status.phase == "Running", 120)
    annotations = core().read_namespaced_pod("ports", "default").metadata.annotations
    yield [annotations[f"{volume}.default.ovn.kubernetes.io/mac_address"] for volume in VOLUMES]
    core().delete_namespaced_pod("ports", "default")
    wait_for("the pod with ports gone", lambda: not core().list_namespaced_pod("default", field_selector="metadata.name=ports").items, 120)
    for volume in VOLUMES:
        objects.delete_namespaced_custom_object(*where, volume)


# OVN gives a port its flows only some seconds after OVS has connected to its socket.
TYPED = "sleep 10; echo start tx_first 4; sleep 10; echo stop; echo show port stats all; echo quit"


def forwarded(macs: list[str]) -> list[int]:
    """Packets that each port of the pod received while testpmd sent them round: testpmd makes the sockets, OVS connects to them."""
    devices = [f"--vdev=net_virtio_user{number},path=/{volume}/sock,server=1,mac={mac}" for number, (volume, mac) in enumerate(zip(VOLUMES, macs, strict=True))]
    program = ["timeout", "--signal=INT", "--kill-after=10", "60", "dpdk-testpmd", "--lcores", "0@0,1@0", "--no-pci", "--iova-mode", "va"]
    program += ["--single-file-segments", "--huge-dir", "/hugepages", "-m", "512", "--file-prefix", "tp", *devices, "--", "--interactive"]
    program += ["--forward-mode=mac", f"--eth-peer=0,{macs[1]}", f"--eth-peer=1,{macs[0]}", "--total-num-mbufs=4096"]
    command = ["sh", "-c", f'({TYPED}) | "$@"', "sh", *program]
    said = stream(
        core().connect_get_namespaced_pod_exec, "ports", "default", container="app", command=command, stdout=True, stderr=True, stdin=False, tty=False
    )
    print(said[-2500:])
    found = dict.fromkeys("01", 0)
    for number, packets in re.findall(r"NIC statistics for port (\d).*?RX-packets:\s*(\d+)", said, re.DOTALL):
        found[number] = int(packets)
    return list(found.values())


def ports_in_switch() -> list[str]:
    names = [name for name in vsctl(NODES[1], "list-ports", "br-int").split() if re.fullmatch(r"[0-9a-f]{8}_net\d_h", name)]
    return [vsctl(NODES[1], "--if-exists", "get", "Interface", name, "status:status").strip('"') for name in names]


def test_from_dedicated_to_hybrid_mode_by_the_playbook_for_upgrades(before):
    run("kube_ovn.dpdk.upgrade", **HYBRID)
    pods = switches()
    assert sorted(pods) == NODES
    assert {pod.metadata.owner_references[0].name for pod in pods.values()} == {"ovs-ovn-dpdk"}
    image(f"docker.io/kubeovn/kube-ovn:{NEW}-dpdk-x86")
    for node in NODES:
        assert vsctl(node, "get", "Interface", "dpdk0", "error") == "[]"
        assert vsctl(node, "get", "Bridge", "br-int", "datapath_type") == "netdev"
    packets_through_the_tunnel()
    unchanged(run("site.yml", **HYBRID))


def test_hybrid_as_released_the_two_switches_of_a_node_kill_each_other(before):
    code, output = playbook(KUBE_OVN, 900, INVENTORIES, **HYBRID, **TWO_SWITCHES, kube_ovn_wait_timeout=60)
    pods = core().list_namespaced_pod("kube-system", label_selector="component=network").items
    found = [(pod.spec.node_name, pod.metadata.name.rsplit("-", 1)[0]) for pod in pods if pod.metadata.name.startswith("ovs-ovn")]
    assert sorted(found) == sorted((node, name) for node in NODES for name in ("ovs-ovn", "ovs-ovn-dpdk"))

    def restarts() -> int:
        listed = core().list_namespaced_pod("kube-system", label_selector="component=network").items
        return sum(status.restart_count for pod in listed if pod.metadata.name.startswith("ovs-ovn") for status in pod.status.container_statuses or [])

    assert code != 0 or restarts() > 0, output
    wait_for("a switch that was killed by the other", lambda: restarts() > 0, 240, every=5)


def test_hybrid_as_released_ports_never_connect(before, request):
    run(KUBE_OVN, **HYBRID, **HIDDEN_SOCKETS)
    macs = request.getfixturevalue("ports")
    assert forwarded(macs) == [0, 0], "no packet passes, and nobody shows an error"
    assert ports_in_switch() == ["disconnected", "disconnected"]


def test_hybrid_passes_packets_through_br_int(before, request):
    run(KUBE_OVN, **HYBRID)
    for node in NODES:
        assert vsctl(node, "get", "Interface", "dpdk0", "error") == "[]"
        assert vsctl(node, "get", "Bridge", "br-int", "datapath_type") == "netdev"
    macs = request.getfixturevalue("ports")
    received = forwarded(macs)
    assert min(received) > 100_000, received


def test_hybrid_again_changes_nothing_and_other_ports_are_rolled_out(before):
    unchanged(run(KUBE_OVN, **HYBRID))
    rolled_out(**HYBRID, kube_ovn_hybrid_vlan=7, kube_ovn_hybrid_bridge="br-tun")
    for node in NODES:
        assert vsctl(node, "get", "Port", "br-tun", "tag") == "7"
        assert "br-phy" not in vsctl(node, "list-br").split()
    rolled_out(**HYBRID)
    for node in NODES:
        assert vsctl(node, "get", "Port", "br-phy", "tag") == "0"
        assert "br-tun" not in vsctl(node, "list-br").split()


# --- removed ------------------------------------------------------------------------------------------------------------------------


def test_uninstall_leaves_what_was_there_before(before):
    run("kube_ovn.dpdk.uninstall", **HYBRID, **EVERYTHING)
    comes_to(before)
    assert len(revisions_of_stateful_set()) == 1
    unchanged(run("kube_ovn.dpdk.uninstall", **HYBRID, **EVERYTHING))


# --- cut off ------------------------------------------------------------------------------------------------------------------------

OPERATIONS = {
    "install": ("site.yml", {**DEDICATED, "kube_ovn_version": OLD}),
    "upgrade": ("kube_ovn.dpdk.upgrade", {**DEDICATED, "kube_ovn_version": NEW}),
    "uninstall": ("kube_ovn.dpdk.uninstall", {**DEDICATED, **EVERYTHING, "kube_ovn_version": NEW}),
}
SEED = int(os.environ.get("SEED", "19"))


@pytest.fixture(scope="module")
def references(before) -> dict[str, tuple[float, dict[str, object]]]:
    """Of each operation, not cut off: its seconds, and what is there after it."""
    found = {}
    for name, (book, variables) in OPERATIONS.items():
        started = time.monotonic()
        run(book, **variables)
        seconds = time.monotonic() - started
        time.sleep(20)
        found[name] = (seconds, everything())
    return found


def cut_off(book: str, variables: dict, seconds: float) -> int | None:
    """Run a playbook and kill it with all that it started on this machine; its exit code where it was done before."""
    note_pages(True)
    inventories = [word for name in INVENTORIES for word in ("-i", name)]
    command = ["ansible-playbook", book, *inventories, *MORE, "-e", json.dumps(variables)]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
    timer = threading.Timer(seconds, lambda: os.killpg(process.pid, signal.SIGKILL))
    timer.start()
    tasks = [line.strip() for line in process.stdout if line.startswith("TASK")]
    timer.cancel()
    code = process.wait()
    print(f"cut off after {seconds:.0f} s in {tasks[-1] if tasks else 'nothing'} ({code})", flush=True)
    return code


@pytest.mark.parametrize("number", range(10))
def test_a_run_that_was_cut_off_and_started_again_ends_the_same(references, number):
    name = list(OPERATIONS)[number % len(OPERATIONS)]
    book, variables = OPERATIONS[name]
    seconds, expected = references[name]
    point = random.Random(SEED * 100 + number).uniform(0.05, 0.95) * seconds
    assert cut_off(book, variables, point) != 0, "it was done before it was cut off"
    run(book, **variables)
    comes_to(expected)

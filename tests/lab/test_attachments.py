"""Attachments in the lab: pods come and go by the dozen, Open vSwitch restarts under them, and nothing is left; both socket modes.

USE: make site && .venv/bin/python tests/run.py lab. With upstream's plugin instead of the stand-in:
ARGS="-e userspace_cni_repository=/path/of/a/clone" in front of both.
"""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterable

import pytest
from kubernetes import client
from kubernetes.client import ApiException
from lab import FILES, HOST, NODE, OWN, REPORT, core, events, in_pod, on_node, playbook, pod, pods, ports_of, remove, vsctl, wait_for, wait_until_running
from urllib3.exceptions import HTTPError

APP = "testpmd-dpdk"
SERVER, CLIENT = "ovs-dpdk-br0", "ovs-dpdk-br0-client"
ATTACHMENTS = [{"name": SERVER}, {"name": CLIENT, "mode": "client"}]
# A port that OVS-DPDK polls, in the form that needs no NIC, and settings that would be lost with the bridge.
BRIDGE = {
    "name": "br0",
    "fail_mode": "standalone",
    "other_config": {"hwaddr": "02:00:00:00:0b:01", "mac-aging-time": "77"},
    "external_ids": {"note": "two  blanks and a *"},
    "ports": [{"name": "uplink0", "type": "dpdk", "options": {"dpdk-devargs": "eth_af_packet0,iface=lab-uplink0"}}],
}
# Where an attachment leaves something on a node, if it leaves something.
PLACES = ["/run/openvswitch", "/usr/local/var/run", "/var/lib/vhost_sockets", "/var/lib/cni", "/run/userspace-cni"]

# The three forms of a pod: sockets in Open vSwitch's own directory, in a directory of the pod's own, and there made by the pod itself.
FORMS = [(SERVER, HOST), (SERVER, OWN), (CLIENT, OWN)]
# The launcher's userspace_cni_retry_seconds, and the time in which a sweep comes at the latest.
RETRY_SECONDS, SWEEP_SECONDS = 20, 75


# --- the node


def ports() -> list[str]:
    return sorted(vsctl("list-ports", "br0").split())


def node_files() -> list[str]:
    """Type and path of everything in PLACES; a restarted daemon has another process id in the name of its control socket."""
    found = on_node("find", *PLACES, "-printf", "%y %p\n", check=False).splitlines()
    return sorted({re.sub(r"\.\d+\.ctl$", ".PID.ctl", line) for line in found})


def bridge() -> dict[str, str]:
    """The bridge's settings and its uplink, as the database has them."""
    columns = {
        "Bridge br0": ["datapath_type", "fail_mode", "other_config", "external_ids"],
        "Interface uplink0": ["type", "options", "error", "link_state"],
    }
    return {f"{row} {column}": vsctl("--if-exists", "get", *row.split(), column) for row, names in columns.items() for column in names}


def state() -> dict[str, object]:
    return {"ports": ports(), "files": node_files(), "bridge": bridge()}


def open_vswitch():
    """The pod of Open vSwitch that is not on its way out, or None."""
    found = core().list_namespaced_pod("kube-system", label_selector="app in (ovs,ovs-dpdk)").items
    return next((pod for pod in found if pod.metadata.deletion_timestamp is None), None)


def wait_for_open_vswitch(before: str) -> None:
    """Until another pod than this one is ready, and has its bridge."""

    def is_ready() -> bool:
        found = open_vswitch()
        return found is not None and found.metadata.uid != before and any(c.type == "Ready" and c.status == "True" for c in found.status.conditions or [])

    wait_for("a new pod of Open vSwitch", is_ready, 180)
    wait_for("its bridge", lambda: "br0" in on_node("/usr/local/bin/ovs-vsctl", "list-br", check=False).split(), 60)


def restart_open_vswitch(wait: bool = True) -> None:
    before = open_vswitch().metadata
    core().delete_namespaced_pod(before.name, before.namespace)
    if wait:
        wait_for_open_vswitch(before.uid)


def place_open_vswitch(anywhere: bool) -> None:
    """Whether the DaemonSet of Open vSwitch finds a node, or none."""
    selector = {"spec": {"template": {"spec": {"nodeSelector": {"kube-ovn-dpdk-lab/stopped": None if anywhere else "true"}}}}}
    client.AppsV1Api(core().api_client).patch_namespaced_daemon_set("ovs-ovn", "kube-system", selector)


def kill_launchers(seconds: float) -> int:
    """Each launcher that runs within this time, at whatever it is; how many there were."""
    script = f"""
import os, time
end, killed = time.time() + {seconds}, 0
while time.time() < end:
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink("/proc/%s/exe" % pid) == "/opt/cni/bin/userspace":
                time.sleep(0.2)
                os.kill(int(pid), 9)
                killed += 1
        except OSError:
            pass
print(killed)
"""
    return int(on_node("python3", "-c", script))


def set_up_bridge(**more: object) -> tuple[int, str]:
    return playbook(str(FILES / "attachments.yml"), ovs_bridges_bridges=[{**BRIDGE, **more}], network_attachments_definitions=ATTACHMENTS)


def make_uplink() -> None:
    on_node("sh", "-ec", "[ -e /sys/class/net/lab-uplink0 ] || ip link add lab-uplink0 type veth peer name lab-uplink1")
    for end in ("lab-uplink0", "lab-uplink1"):
        on_node("ip", "link", "set", end, "up")


@pytest.fixture(scope="module", autouse=True)
def tested_lab():
    """An uplink and settings on br0, attachments of both modes, no pod of the application; afterwards all is as `make site` makes it."""
    make_uplink()
    code, _output = playbook(str(FILES / "pods.yml"), dpdk_app_state="absent")
    assert code == 0
    assert set_up_bridge()[0] == 0
    yield
    remove(pods())
    # It may use an attachment that is to go.
    playbook(str(FILES / "pods.yml"), dpdk_app_state="absent")
    code, output = playbook("site.yml", network_attachments_purge=True)
    on_node("ip", "link", "delete", "lab-uplink0", check=False)
    assert code == 0, output


# --- pods


def create(batch: int, size: int = 10, **spec: object) -> list[str]:
    names = [f"lab-{batch}-{number}" for number in range(size)]
    for number, name in enumerate(names):
        network, sockets = FORMS[number % len(FORMS)]
        core().create_namespaced_pod("default", pod(name, [network, network], sockets, **spec))
    return names


# Multus forgets a sandbox after the first DEL that failed, and says success to the next one: its copies of all results stay, also of Kube-OVN's network.
FORGOTTEN = "f /var/lib/cni/multus/results/"


def containers() -> set[str]:
    """The ids of all sandboxes and containers of the node."""
    return set(on_node("ctr", "--namespace", "k8s.io", "containers", "list", "--quiet").split())


def gone(before: dict[str, object], seconds: float = 60, forgotten: bool = False, restarted: Iterable[str] = ()) -> float:
    """Gone are not only the objects but, also for pods deleted by force, what the node had of them.

    forgotten: but for what Multus keeps of them. restarted: what ran before a restart of the node, of which other pods have new sandboxes since.
    """

    def as_before() -> bool:
        now = state()
        if forgotten:
            now["files"] = [line for line in now["files"] if line in before["files"] or not line.startswith(FORGOTTEN)]
        if not restarted:
            return now == before
        others = {*restarted, *containers()}
        files = [[line for line in found["files"] if not any(other in line for other in others)] for found in (now, before)]
        return files[0] == files[1] and all(now[key] == before[key] for key in now if key != "files")

    def all_gone() -> bool:
        try:
            return not pods() and as_before()
        except subprocess.CalledProcessError:
            # Open vSwitch is not back yet.
            return False

    try:
        return wait_for("all pods gone, with what they had on the node", all_gone, seconds)
    except BaseException:
        now = state()
        print("pods left:", [one.metadata.name for one in pods()], "ports left:", sorted(set(now["ports"]) ^ set(before["ports"])))
        print("files left:", *sorted(set(now["files"]) ^ set(before["files"])), sep="\n")
        raise


# What happens to ten pods at a time, between their creation and their deletion.
BATCHES = {
    "plain": {},
    "by force": {"force": True},
    "launchers killed while they start": {"killed": True},
    "by force while Open vSwitch is stopped for longer than launchers wait": {"force": True, "stopped": True},
    "by force while they start": {"force": True, "wait": False},
    "Open vSwitch restarts while they run": {"restart": "while they run"},
    "Open vSwitch restarts while they go": {"restart": "while they go"},
    "Open vSwitch restarts while they go by force": {"restart": "while they go", "force": True},
    "Open vSwitch restarts while they start": {"restart": "while they start"},
    "created before the bridge exists": {"bridge": False},
}


@pytest.fixture(scope="module")
def first_pod(tested_lab) -> None:
    """Some directories are made with the first pod of a node, and kept."""
    create(99, size=1)
    wait_until_running(["lab-99-0"])
    remove(pods())
    wait_for("the first pod gone", lambda: not pods() and not [name for name in ports() if "-net" in name], 60)
    time.sleep(2)


@pytest.fixture
def before(first_pod) -> dict[str, object]:
    """The node without a pod of ours."""
    found = state()
    assert "uplink0" in found["ports"]
    assert found["bridge"]["Interface uplink0 error"] == "[]"
    assert found["bridge"]["Interface uplink0 link_state"] == "up"
    return found


@pytest.mark.parametrize("number", range(len(BATCHES)), ids=list(BATCHES))
def test_ten_of_a_hundred_pods_go_and_leave_nothing(before, number: int) -> None:
    what = list(BATCHES.values())[number]
    if what.get("bridge") is False:
        vsctl("del-br", "br0")
    if what.get("restart") == "while they start":
        restart_open_vswitch(wait=False)
    names = create(number)
    took = "not waited for"
    if what.get("killed"):
        assert kill_launchers(8) > 0
    if what.get("wait", True):
        took = f"{wait_until_running(names):.0f} s"
        # What was killed may have to be undone by the sweep.
        mine = sorted(port for one in pods() for port in ports_of(one))
        others = before["ports"] if what.get("bridge", True) else []
        wait_for("the ports of the pods and no other", lambda: ports() == sorted([*mine, *others]), SWEEP_SECONDS if what.get("killed") else 5)
        assert len(mine) == 2 * len(names)
        assert {vsctl("get", "Interface", name, "error") for name in mine} == {"[]"}
    else:
        wait_for("some of them attached", lambda: len(ports()) > len(before["ports"]), 60, every=0.1)
    if what.get("bridge") is False:
        # The plugin made a bridge, which the role does not own: under the pods it is configured only where this is asked for.
        code, output = set_up_bridge()
        assert code != 0 and "manage_existing" in output, output
        assert set_up_bridge(manage_existing=True)[0] == 0
        assert {key: value for key, value in bridge().items() if "external_ids" not in key} == {
            key: value for key, value in before["bridge"].items() if "external_ids" not in key
        }
    if what.get("restart") in ("while they run", "while they go"):
        restart_open_vswitch(wait=what["restart"] == "while they run")
    stopped = open_vswitch().metadata.uid if what.get("stopped") else None
    if stopped:
        place_open_vswitch(False)
    try:
        if stopped:
            wait_for("no Open vSwitch", lambda: on_node("/usr/local/bin/ovs-vsctl", "show", check=False) == "", 60)
        remove(pods(), force=what.get("force", False))
        if stopped:
            wait_for("no pods", lambda: not pods(), 30)
            # All calls of the container runtime have failed by then, and the kubelet has tried again.
            time.sleep(2 * RETRY_SECONDS)
    finally:
        if stopped:
            place_open_vswitch(True)
            wait_for_open_vswitch(stopped)
    if what.get("bridge") is False:
        wait_for("the ports of the pods to go away", lambda: not pods() and ports() == before["ports"], 60 + SWEEP_SECONDS)
        vsctl("del-br", "br0")
        assert set_up_bridge()[0] == 0
    took_away = gone(before, 60 + SWEEP_SECONDS, forgotten=bool(stopped))
    print(f"{list(BATCHES)[number]}: {len(names)} pods up in {took}, gone in {took_away:.0f} s", flush=True)


def test_pods_come_back_after_a_restart_of_the_node_and_leave_nothing(before) -> None:
    others = containers()
    names = create(50, restartPolicy="Always")
    wait_until_running(names)
    earlier = {port for one in pods() for port in ports_of(one)}
    assert earlier <= set(ports())
    switch = open_vswitch().status.container_statuses[0].container_id
    subprocess.run(["docker", "restart", "--time", "20", NODE], check=True, capture_output=True, timeout=120)
    wait_for("the network of the node", lambda: not subprocess.run(["docker", "exec", NODE, "ip", "link"], capture_output=True, check=False).returncode, 30)
    make_uplink()

    def restarted() -> bool:
        try:
            found = open_vswitch()
            statuses = found and found.status.container_statuses
            return bool(statuses) and statuses[0].ready and statuses[0].container_id != switch
        # The API server is on this node.
        except (HTTPError, ApiException):
            return False

    wait_for("Open vSwitch after the restart", restarted, 300, every=2)

    def attached_again() -> bool:
        now = pods()
        mine = [port for one in now for port in ports_of(one)]
        ready = all(one.status.container_statuses and one.status.container_statuses[0].ready for one in now)
        return ready and len(mine) == 2 * len(names) and not set(mine) & earlier and sorted([*mine, *before["ports"]]) == ports()

    try:
        took = wait_for("pods with new ports, and no old ones", attached_again, 240, every=2)
    except BaseException:
        print(*events(names)[-20:], ports(), sorted(earlier), sep="\n")
        raise
    print(f"all pods attached {took:.0f} s after Open vSwitch was ready")
    remove(pods())
    print(f"gone in {gone(before, 60 + SWEEP_SECONDS, restarted=others):.0f} s")


# --- server and client mode


# What the application sees of the sockets: by default its own only.
SEES = {"its own": {}, "all": {"dpdk_app_socket_volume": HOST["volumes"][0]}}


def recreated(mode: str, **more: object) -> tuple[int, str]:
    """The whole line with the application's sockets in this mode, and in its own directory unless `more` says otherwise."""
    network = {"server": SERVER, "client": CLIENT}[mode]
    variables = {"network_attachments_definitions": ATTACHMENTS, "dpdk_app_networks": [network, network]}
    return playbook("site.yml", ovs_bridges_bridges=[BRIDGE], **variables, **more)


def proven() -> tuple[int, str, dict]:
    REPORT.unlink(missing_ok=True)
    code, output = playbook("kube_ovn.dpdk.verify")
    return code, " ".join(output.split()), json.loads(REPORT.read_text())


def application():
    found = core().read_namespaced_pod(f"{APP}-{NODE}", "default")
    return found.metadata.uid, found.status.container_statuses[0].restart_count


def in_application(command: str) -> str:
    return in_pod(f"{APP}-{NODE}", "sh", "-c", command, container=APP)


def received() -> list[int]:
    """What testpmd's ports have received until now, as the last of its periodic statistics has it."""
    counts = re.findall(r"RX-packets: (\d+)", in_application("cat /tmp/lab-testpmd"))
    return [int(count) for count in counts[-2:]] if len(counts) >= 2 else [0, 0]


@pytest.mark.parametrize("sees", SEES)
def test_what_the_application_sees_of_the_sockets(sees: str) -> None:
    """Packets pass in both forms (the whole line ends with the proof), and only in the original procedure's the database's socket is there to be used."""
    code, output = recreated("server", **SEES[sees])
    assert code == 0, output
    found = in_application("cd /vhu && ls -d *").split()
    own = [name for name in found if re.fullmatch(r"[0-9a-f]{12}-net[12]|net[12]", name)]
    assert len(own) == (2 if sees == "all" else 4), "each socket, and its name of the interface"
    if sees == "all":
        assert "db.sock" in found
    else:
        assert found == own


def test_client_mode_survives_a_restart_of_open_vswitch() -> None:
    code, _output = recreated("client")
    assert code == 0
    who = application()
    # One testpmd all the time: it makes packets of its own, so that it needs none of before the restart.
    names = sorted(name for name in ports() if re.fullmatch(r"[0-9a-f]{12}-net\d", name))
    assert len(names) == 2
    devices = " ".join(f"--vdev=net_virtio_user{number},path=/vhu/{name},server=1" for number, name in enumerate(names))
    in_application(
        "rm -f /vhu/*-net*; (timeout 400 dpdk-testpmd --lcores '0@0,1@0' --no-pci --in-memory -m 512 --single-file-segments "
        f"{devices} -- --forward-mode=flowgen --auto-start --stats-period 1 --total-num-mbufs=4096 </dev/null >/tmp/lab-testpmd 2>&1 & "
        "echo $! >/tmp/lab-testpmd.pid)"
    )
    try:
        wait_for("packets", lambda: min(received()) > 100_000, 60)
        restart_open_vswitch()
        # What was on its way is counted now; from here on only new packets count.
        time.sleep(2)
        again = received()
        took = wait_for("packets again, in the same testpmd", lambda: min(now - then for now, then in zip(received(), again, strict=True)) > 100_000, 60)
        print(f"packets again {took:.0f} s after Open vSwitch was ready", flush=True)
    finally:
        in_application("kill $(cat /tmp/lab-testpmd.pid); sleep 2")
    assert application() == who, "the pod was not touched"
    code, _output, report = proven()
    assert code == 0
    assert report["result"] == "pass"
    assert application() == who


def test_server_mode_needs_a_new_pod_and_is_offered_one() -> None:
    code, _output = recreated("server")
    assert code == 0
    who = application()
    restart_open_vswitch()
    code, output, report = proven()
    assert code != 0
    assert report["result"] == "fail"
    cures = " ".join(check["cure"] + check["detail"] for check in report["checks"] if not check["ok"])
    assert "dpdk_app_recreate: true" in cures
    assert "dpdk_app_recreate: true" in output
    assert application() == who, "nothing is recreated unasked"
    code, _output = recreated("server", dpdk_app_recreate=True)
    assert code == 0
    assert application() != who
    assert json.loads(REPORT.read_text())["result"] == "pass"

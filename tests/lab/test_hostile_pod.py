"""A hostile pod, unprivileged but root in its container: what it plants, names and pretends reaches nothing outside of what is its own.

Each test ends with the node as it was: every file below PLACES by its type, rights, owner, size and times, and a neighbour's socket.
"""

from __future__ import annotations

import json
import os
import subprocess
import time

import pytest
from lab import FILES, HOST, NODE, OWN, ROOT, core, events, in_pod, on_node, playbook, pod, pods, ports_of, remove, vsctl, wait_for, wait_until_running

SERVER, CLIENT, OF_GROUP = "lab-server", "lab-client", "lab-group"
ATTACHMENTS = [{"name": SERVER}, {"name": CLIENT, "mode": "client"}, {"name": OF_GROUP, "group": "4711"}]
# A directory of the node that no pod has a part in, and the places where root has its programs and settings.
TARGET = "/var/lib/lab-target"
PLACES = [TARGET, "/etc", "/opt", "/usr/local", "/root"]
# Open vSwitch and OVN write their databases there.
NOT = ["/etc/origin", "/etc/openvswitch", "/etc/ovn"]
NEIGHBOUR = "lab-neighbour"
# All of the directories of pods, without subPathExpr.
ALL = {"volumes": OWN["volumes"], "mounts": [{"name": "shared-dir", "mountPath": "/all"}]}
SWEEP_SECONDS = 75


def node_now() -> dict[str, str]:
    """Every file of PLACES by what a careless root would change of it."""
    prune = [word for path in NOT for word in ("-path", path, "-prune", "-o")]
    found = on_node("find", *PLACES, *prune, "-printf", "%p\t%y %m %U %G %s %T@ %C@ %l\n")
    return dict(line.split("\t") for line in found.splitlines())


def neighbour() -> list[str]:
    uid = core().read_namespaced_pod(NEIGHBOUR, "default").metadata.uid
    return on_node("find", f"/run/openvswitch/pods/{uid}", "-printf", "%p %y %m %U %G %i %l\n").splitlines()


@pytest.fixture(scope="module", autouse=True)
def attachments():
    code, _output = playbook(str(FILES / "pods.yml"), dpdk_app_state="absent")
    assert code == 0
    code, _output = playbook(str(FILES / "attachments.yml"), network_attachments_definitions=ATTACHMENTS)
    assert code == 0
    on_node("sh", "-ec", f"mkdir -p {TARGET}/directory; echo secret >{TARGET}/file; chmod 604 {TARGET}/file; chmod 751 {TARGET}; mkfifo {TARGET}/pipe")
    core().create_namespaced_pod("default", pod(NEIGHBOUR, [SERVER, CLIENT], OWN))
    wait_until_running([NEIGHBOUR])
    yield
    remove(pods(), force=True)
    wait_for("no pods", lambda: not pods(), 60)
    on_node("rm", "-rf", TARGET)
    code, _output = playbook(str(FILES / "attachments.yml"), network_attachments_purge=True)
    assert code == 0
    playbook(str(FILES / "pods.yml"))


@pytest.fixture(autouse=True)
def nothing_reached(attachments):
    files, sockets, ports = node_now(), neighbour(), sorted(vsctl("list-ports", "br0").split())
    assert len(sockets) >= 3
    yield
    remove([one for one in pods() if one.metadata.name != NEIGHBOUR], force=True)
    # What the kubelet and the sweep still have to do is done first.
    wait_for("the ports of before", lambda: sorted(vsctl("list-ports", "br0").split()) == ports, 60 + SWEEP_SECONDS, every=1)
    now = node_now()
    assert {path: (files.get(path), now.get(path)) for path in files.keys() | now.keys() if files.get(path) != now.get(path)} == {}
    assert neighbour() == sockets


def create(name: str, networks: list[str], sockets: dict, **spec: object) -> str:
    """The UID of a new pod."""
    return core().create_namespaced_pod("default", pod(name, networks, sockets, **spec)).metadata.uid


def directory_of(uid: str) -> str:
    return on_node("find", f"/run/openvswitch/pods/{uid}", "-maxdepth", "0", check=False)


def told(name: str, text: str, seconds: float = 60) -> None:
    wait_for(f"an event of {name} with {text!r}", lambda: any(text in event for event in events([name])), seconds, every=1)


PLANT = f"""
cd /vhu
for name in * net1 net2 net3 .kept-by-the-launcher .made-by-the-launcher new; do
    rm -rf "$name"
    ln -s {TARGET}/file "$name"
done
ln -s {TARGET} target; ln -s ../../../../../../../.. root; ln -s {TARGET}/created created; mkfifo pipe
perl -e 'mkdir "wide"; mkdir "wide/$_" for 1 .. 11000'
perl -e 'mkdir "deep"; chdir "deep"; for (1 .. 300) {{ $d = "with-a-long-name" x 3; mkdir $d; symlink "{TARGET}", "link"; chdir $d }}'
ls -l | head -n 20
"""


def test_what_a_pod_plants_in_its_own_directory_leads_nowhere() -> None:
    uid = create("lab-plants", [SERVER, CLIENT, OF_GROUP], OWN, restartPolicy="Always")
    wait_until_running(["lab-plants"])
    sandbox = ports_of(core().read_namespaced_pod("lab-plants", "default"))[0][:12]
    print(in_pod("lab-plants", "sh", "-c", PLANT))
    # The kubelet makes the sandbox anew: DEL and ADD in the same directory, with what was planted there.
    containers = on_node("ctr", "-n", "k8s.io", "containers", "list", "-q").split()
    (full,) = [name for name in containers if name.startswith(sandbox)]
    on_node("ctr", "-n", "k8s.io", "tasks", "kill", "-s", "KILL", full)

    def added_again() -> bool:
        now = ports_of(core().read_namespaced_pod("lab-plants", "default"))
        return bool(now) and not now[0].startswith(sandbox)

    wait_for("another sandbox", added_again, 120, every=1)
    remove([one for one in pods() if one.metadata.name == "lab-plants"], force=True)
    wait_for("the directory gone", lambda: not directory_of(uid), 60 + 2 * SWEEP_SECONDS, every=2)


def test_links_among_the_directories_of_all_pods_are_not_followed() -> None:
    """This pod mounts them all, which the admission policy would deny, and so reaches them itself; root must not reach further for it."""
    uid = create("lab-all", [SERVER, OF_GROUP], ALL)
    wait_until_running(["lab-all"])
    plant = f"cd /all; mv {uid} aside; ln -s {TARGET} {uid}; ln -s {TARGET}/file .kept-by-the-launcher; ln -s {TARGET}/new .made-by-the-launcher"
    in_pod("lab-all", "sh", "-c", plant)
    # The author knows the UID of his next pod before it has a node.
    waits = pod("lab-waits", [SERVER, CLIENT, OF_GROUP], OWN, schedulerName="nobody")
    del waits["spec"]["nodeName"]
    next_uid = core().create_namespaced_pod("default", waits).metadata.uid
    in_pod("lab-all", "ln", "-s", TARGET, f"/all/{next_uid}")
    binding = {"metadata": {"name": "lab-waits"}, "target": {"apiVersion": "v1", "kind": "Node", "name": NODE}}
    core().create_namespaced_binding("default", binding, _preload_content=False)
    told("lab-waits", "symbolic links are not followed")
    remove([one for one in pods() if one.metadata.name == "lab-waits"], force=True)
    in_pod("lab-all", "sh", "-c", f"rm -f /all/.kept-by-the-launcher /all/.made-by-the-launcher /all/{next_uid}")
    remove([one for one in pods() if one.metadata.name == "lab-all"], force=True)
    wait_for("no other pod", lambda: len(pods()) == 1, 60)
    on_node("systemctl", "start", "kube-ovn-dpdk-userspace-sweep.service", check=False)
    on_node("rm", "-rf", f"/run/openvswitch/pods/{uid}", "/run/openvswitch/pods/aside")


@pytest.mark.parametrize("interface", ["x|.", "net*", "..", "a/b"])
def test_interface_that_is_a_pattern_for_files_is_refused(interface: str) -> None:
    name = "lab-pattern"
    create(name, [f"{SERVER}@{interface}"], OWN)
    # Multus may refuse it before the launcher does.
    refusals = ("not plain", "nvalid network", "Failed to parse", "did not match", "interface name is")
    wait_for("a refusal", lambda: any(words in event for event in events([name]) for words in refusals), 60, every=1)
    print(*events([name]), sep="\n")
    remove([one for one in pods() if one.metadata.name == name])
    wait_for("no other pod", lambda: len(pods()) == 1, 60)
    for event in core().list_namespaced_event("default").items:
        if event.involved_object.name == name:
            core().delete_namespaced_event(event.metadata.name, "default")


PRETEND = """
for tool in ovs-vsctl ovs-ofctl ovs-appctl ovsdb-client nsenter; do
    for place in /usr/local/sbin /usr/local/bin /usr/sbin /usr/bin /sbin /bin; do
        rm -f $place/$tool
        printf '#!/bin/sh\\nid >>/tmp/owned; cat /proc/1/comm >>/tmp/owned; echo br0; exit 0\\n' >$place/$tool
        chmod 755 $place/$tool
    done
done
for name in ovs-vswitchd ovsdb-server; do
    cp /bin/sleep /tmp/$name
    /tmp/$name 3600 >/dev/null 2>&1 &
done
mkdir /tmp/control
cp /usr/bin/perl /tmp/control/ovs-vswitchd
/tmp/control/ovs-vswitchd -MIO::Socket::UNIX -e '
    my $s = IO::Socket::UNIX->new(Local => "/vhu/ovs-vswitchd.0.ctl", Listen => 5) or die;
    while (my $c = $s->accept) { sysread $c, my $b, 4096; open my $f, ">>", "/tmp/asked"; print $f $b; print $c q({"id":1,"error":null,"result":"fake"}) }
' >/dev/null 2>&1 &
sleep 1
"""


def processes(name: str) -> list[str]:
    """The numbers that the node knows of the processes of this name in /tmp."""
    script = f'for p in /proc/[0-9]*; do [ "$(readlink $p/exe)" = /tmp/{name} ] && echo "${{p#/proc/}}"; done; true'
    return on_node("sh", "-c", script).split()


def module(name: str) -> dict:
    """What a module of the collection returns on the node."""
    command = ["ansible", NODE, "-i", "inventory", "-m", f"kube_ovn.dpdk.{name}"]
    environment = {**os.environ, "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert "=> {" in done.stdout, done.stdout + done.stderr
    return json.loads("{" + done.stdout.partition("=> {")[2])


def test_nothing_of_a_pod_is_run_entered_or_believed_that_looks_like_open_vswitch() -> None:
    """The original procedure's volume: the run directory of Open vSwitch. With it a pod has the database; it must not get root on the node."""
    create("lab-pretends", [SERVER], HOST)
    wait_until_running(["lab-pretends"])
    on_node("sh", "-ec", "cd /run/openvswitch; cp -p ovs-vswitchd.pid /tmp/lab-vswitchd; cp -p ovsdb-server.pid /tmp/lab-ovsdb")
    real = on_node("cat", "/tmp/lab-vswitchd").strip()
    # Open vSwitch's own probe believes its pid files too, so none of this may last for long.
    restore = "cd /run/openvswitch; rm -f ovs-vswitchd.pid; cp -p /tmp/lab-vswitchd ovs-vswitchd.pid; cp -p /tmp/lab-ovsdb ovsdb-server.pid"
    try:
        in_pod("lab-pretends", "sh", "-c", PRETEND)
        (daemon,), (database,) = processes("ovs-vswitchd"), processes("ovsdb-server")
        plants = {
            "process ids of its own": f"echo {daemon} >/vhu/ovs-vswitchd.pid; echo {database} >/vhu/ovsdb-server.pid",
            "a pipe": "mkfifo /vhu/ovs-vswitchd.pid",
            "a file without an end": "ln -s /dev/zero /vhu/ovs-vswitchd.pid",
            "a link to a file of the node": f"ln -s {TARGET}/file /vhu/ovs-vswitchd.pid",
        }
        for what, script in plants.items():
            in_pod("lab-pretends", "sh", "-c", f"rm -f /vhu/ovs-vswitchd.pid; {script}")
            started = time.monotonic()
            assert "br0" in vsctl("list-br").split(), what
            print(f"{what}: {time.monotonic() - started:.1f} s")
            if what in ("process ids of its own", "a pipe"):
                found = module("preflight_info")["host"]["ovs"]
                assert (found["running"], found["own"]) == (True, False), what
            if what == "process ids of its own":
                create("lab-other", [SERVER, CLIENT], OWN)
                wait_until_running(["lab-other"])
                remove([one for one in pods() if one.metadata.name == "lab-other"], force=True)
                wait_for("the other pod gone", lambda: len(pods()) == 2, 60)
            on_node("sh", "-ec", restore)
        found = module("ovs_datapath_info")
        assert (found["pid"], "Open vSwitch" in found["version"]) == (int(real), True), found
        # The directory of all pods, too, is in this pod's hands.
        in_pod("lab-pretends", "sh", "-c", f"cd /vhu; mv pods aside; ln -s {TARGET} pods")
        create("lab-linked", [SERVER], OWN)
        told("lab-linked", "symbolic links are not followed")
        remove([one for one in pods() if one.metadata.name == "lab-linked"], force=True)
        wait_for("the linked pod gone", lambda: len(pods()) == 2, 60)
        assert in_pod("lab-pretends", "sh", "-c", "cat /tmp/owned /tmp/asked 2>/dev/null; echo end").strip() == "end"
    finally:
        away = "rm -f ovs-vswitchd.0.ctl; [ ! -L pods ] || { rm pods; mv aside pods; }; rm /tmp/lab-vswitchd /tmp/lab-ovsdb"
        on_node("sh", "-ec", f"{restore}; {away}")
        # Open vSwitch's own probe reads a pid file to its end: one that began with that file without an end would go on for good.
        on_node("pkill", "-KILL", "-f", "ovs-ctl status", check=False)

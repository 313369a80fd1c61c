"""What Kube-OVN leaves on a node, and what of it is removed."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest
from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _kube_ovn_node as node

# As Kube-OVN v1.12.35 and v1.16.2 write them (pkg/daemon/gateway_linux.go), among rules of others.
SAVED = """*nat
:PREROUTING ACCEPT [0:0]
:OVN-PREROUTING - [0:0]
:OVN-POSTROUTING - [0:0]
:OVN-NAT-PSUBNET-aBc123 - [0:0]
:KUBE-SERVICES - [0:0]
-A PREROUTING -m comment --comment "kube-ovn prerouting rules" -j OVN-PREROUTING
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A POSTROUTING -m comment --comment "kube-ovn postrouting rules" -j OVN-POSTROUTING
-A OVN-POSTROUTING -m mark --mark 0x4000/0x4000 -j MASQUERADE
-A OVN-NAT-PSUBNET-aBc123 -j RETURN
COMMIT
*filter
:FORWARD ACCEPT [0:0]
-A INPUT -p tcp -m set --match-set ovn40services dst -j REJECT
-A FORWARD -s 10.16.0.0/16 -m comment --comment "ovn-subnet-gateway,ovn-default"
-A FORWARD -d 100.64.0.0/16 -m comment --comment "ovn-subnet-gateway,join"
-A FORWARD -m comment --comment "about OVN-PREROUTING and ovn40subnets" -j ACCEPT
-A OUTPUT -p udp -m udp --dport 6081 -j MARK --set-xmark 0x0/0xffffffff
-A INPUT -p udp -m udp --dport 6081 -j ACCEPT
-A FORWARD -m set --match-set ovn40 src -j ACCEPT
COMMIT
*raw
:OVN-PREROUTING - [0:0]
COMMIT
"""


def test_only_rules_of_kube_ovn_are_removed():
    assert node.removal(SAVED) == [
        "*nat",
        '-D PREROUTING -m comment --comment "kube-ovn prerouting rules" -j OVN-PREROUTING',
        '-D POSTROUTING -m comment --comment "kube-ovn postrouting rules" -j OVN-POSTROUTING',
        "-F OVN-PREROUTING", "-F OVN-POSTROUTING", "-F OVN-NAT-PSUBNET-aBc123",
        "-X OVN-PREROUTING", "-X OVN-POSTROUTING", "-X OVN-NAT-PSUBNET-aBc123",
        "COMMIT",
        "*filter",
        "-D INPUT -p tcp -m set --match-set ovn40services dst -j REJECT",
        '-D FORWARD -s 10.16.0.0/16 -m comment --comment "ovn-subnet-gateway,ovn-default"',
        '-D FORWARD -d 100.64.0.0/16 -m comment --comment "ovn-subnet-gateway,join"',
        "-D OUTPUT -p udp -m udp --dport 6081 -j MARK --set-xmark 0x0/0xffffffff",
        "COMMIT",
    ]  # fmt: skip
    assert node.removal("*nat\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n") == []


def test_sets_of_kube_ovn_are_told_from_others():
    assert node.own_sets("ovn40subnets\novn60subnets-nat\nKUBE-CLUSTER-IP\novn40subnets.mine\nmyovn40subnets\n") == ["ovn40subnets", "ovn60subnets-nat"]


@pytest.mark.skipif(not shutil.which("unshare") or not shutil.which("iptables-restore", path="/usr/sbin:/sbin"), reason="needs iptables and unshare")
def test_iptables_takes_the_removal():
    """With the real iptables, in a network namespace of its own."""
    rules = """*nat
:OVN-PREROUTING - [0:0]
:OVN-MASQUERADE - [0:0]
:OVN-NAT-PSUBNET-aBc123 - [0:0]
-A PREROUTING -m comment --comment "kube-ovn prerouting rules" -j OVN-PREROUTING
-A OVN-PREROUTING -j OVN-MASQUERADE
COMMIT
*filter
-A FORWARD -s 10.16.0.0/16 -m comment --comment "ovn-subnet-gateway,ovn-default"
-A FORWARD -s 10.99.0.0/16 -j ACCEPT
COMMIT
"""

    def run(script, text=""):
        done = subprocess.run(["unshare", "-n", "sh", "-ec", script], input=text, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    code, saved, error = run("PATH=$PATH:/usr/sbin:/sbin; iptables-restore; iptables-save", rules)
    if code:
        pytest.skip(f"this kernel has no packet filter: {error}")
    removal = "\n".join(node.removal(saved)) + "\n"
    both = f"PATH=$PATH:/usr/sbin:/sbin; iptables-restore <<'E'\n{rules}E\niptables-restore --noflush; iptables-save"
    code, left, error = run(both, removal)
    assert code == 0, error
    assert "OVN" not in left
    assert "ovn-subnet-gateway" not in left
    assert "10.99.0.0/16" in left


def process(proc, pid, name, ticks, namespace="pid:[1]"):
    """As proc(5) has it: the start is the 22nd field, in clock ticks since boot."""
    (proc / str(pid) / "ns").mkdir(parents=True)
    (proc / str(pid) / "comm").write_text(name + "\n")
    (proc / str(pid) / "stat").write_text(f"{pid} ({name}) S 1 " + "0 " * 17 + f"{ticks} 0\n")
    (proc / str(pid) / "ns" / "pid").symlink_to(namespace)


def test_the_daemon_is_told_by_its_socket_name_and_namespace(tmp_path):
    proc, rundir = tmp_path / "proc", tmp_path / "run"
    proc.mkdir()
    assert node.daemon(str(rundir), str(proc)) == (False, 0.0)
    rundir.mkdir()
    for name in ("ovs-vswitchd.5.ctl", "ovs-vswitchd.6.ctl", "ovs-vswitchd.7.ctl", "ovs-vswitchd.8.ctl", "ovs-vswitchd.x.ctl", "ovsdb-server.9.ctl"):
        (rundir / name).touch()
    (proc / "stat").write_text("cpu 0\nbtime 1000\n")
    process(proc, 1, "systemd", 0)
    process(proc, 5, "bash", 9000)
    # The name is a pod's to choose, the process ids of the node are not.
    process(proc, 6, "ovs-vswitchd", 9000, "pid:[2]")
    assert node.daemon(str(rundir), str(proc)) == (False, 0.0)
    process(proc, 7, "ovs-vswitchd", 500)
    process(proc, 8, "ovs-vswitchd-dpd", 300)
    # Of another directory.
    process(proc, 9, "ovs-vswitchd", 9000)
    assert node.daemon(str(rundir), str(proc)) == (True, 1000 + 500 / os.sysconf("SC_CLK_TCK"))


def test_mounts_are_unmounted_from_the_inside_out_and_read_as_the_kernel_writes_them(tmp_path):
    (tmp_path / "mounts").write_text(
        "a /run/openvswitch/vhost_sockets tmpfs rw 0 0\nb /run/openvswitch/vhost_sockets/a\\040b tmpfs rw 0 0\nc /run/openvswitch-x x x 0 0\n"
    )
    assert node.mounts_below("/run/openvswitch", str(tmp_path / "mounts")) == ["/run/openvswitch/vhost_sockets/a b", "/run/openvswitch/vhost_sockets"]


def test_devices_of_others_are_left_alone(tmp_path):
    for name, tap in (("br-int", True), ("br-phy", False), ("tap0", True), ("genev_sys_6081", False), ("lo", False)):
        (tmp_path / name).mkdir()
        if tap:
            (tmp_path / name / "tun_flags").write_text("x")
    assert node.left_devices(["br-int", "br-phy"], str(tmp_path)) == ["genev_sys_6081", "br-int"]


def test_files_that_are_left_are_told_and_directories_that_are_empty_without_them(tmp_path):
    for name in ("own/kube-ovn", "shared/kube-ovn", "shared/.other", f"results/kube-ovn-{'a1' * 32}-eth0", "results/kube-ovn-dpdk-1-eth0", "empty/x"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / "empty" / "x").unlink()
    (tmp_path / "link").symlink_to(tmp_path / "nosuch")
    files = [str(tmp_path / name) for name in ("own/kube-ovn", "shared/kube-ovn", "nosuch", "link")]
    found = node.leftovers(files, str(tmp_path / "results"), [str(tmp_path / name) for name in ("own", "shared", "empty", "nosuch")])
    names = ["own/kube-ovn", "shared/kube-ovn", "link", f"results/kube-ovn-{'a1' * 32}-eth0", "own", "empty"]
    assert found == [str(tmp_path / name) for name in names]
    assert node.leftovers([], str(tmp_path / "nosuch"), []) == []


def test_configurations_of_the_network_are_told_by_their_name(tmp_path):
    for name in ("01-kube-ovn.conflist", "00-multus.conf", "x-kube-ovn.conflist.old"):
        (tmp_path / name).write_text("")
    assert node.conflists(str(tmp_path)) == ["01-kube-ovn.conflist"]
    assert node.conflists(str(tmp_path / "nosuch")) == []


def test_a_file_that_two_paths_lead_to_is_removed_once(tmp_path):
    """A directory of the installer's variables with a slash at its end, and one that is a link to another, as those of k0s and RKE2."""
    (tmp_path / "net.d").mkdir()
    (tmp_path / "net.d" / "01-kube-ovn.conflist").write_text("")
    (tmp_path / "linked").symlink_to("net.d")
    files = [f"{tmp_path}/{name}/01-kube-ovn.conflist" for name in ("net.d", "net.d/", "linked")]
    expected = [f"{tmp_path}/net.d/01-kube-ovn.conflist", f"{tmp_path}/net.d"]
    assert node.leftovers(files, str(tmp_path / "nosuch"), [f"{tmp_path}/net.d/"]) == expected

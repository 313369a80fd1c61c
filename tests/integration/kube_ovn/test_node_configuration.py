# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role writes on a node, read back the way a release's start script reads it, into a real database."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "integration" / "ovsdb"))

from switch import Switch  # noqa: E402

PLAY = """
- hosts: localhost
  gather_facts: false
  tasks:
    - ansible.builtin.include_role:
        name: kube_ovn.dpdk.kube_ovn
        tasks_from: nodes
      vars:
        __kube_ovn_config_dir: "{{ directory }}"
        __kube_ovn_rundir: "{{ rundir }}"
    - ansible.builtin.copy:
        content: "{{ {'restart': kube_ovn_restart_required} | to_json }}"
        dest: "{{ directory }}.json"
        mode: "0644"
"""

RESTART = """
- hosts: localhost
  gather_facts: false
  tasks:
    - ansible.builtin.include_role:
        name: kube_ovn.dpdk.kube_ovn
        tasks_from: restart
        rolespec_validate: false
      vars:
        __kube_ovn_rundir: "{{ rundir }}"
        __kube_ovn_old_host: {host: localhost, node: node-1, kube_ovn_hybrid_devices: [x]}
        __kube_ovn_old_pod: {name: ovs-ovn-x, owner: ovs-ovn, node: node-1, ready: false, tunnel_bridge: "{{ made }}"}
        __kube_ovn_plan: {selectors: {ovs-ovn: {app: ovs}}, since: "2026-01-01T00:00:00Z"}
"""

PROOF = """
- hosts: localhost
  gather_facts: false
  tasks:
    - ansible.builtin.include_role:
        name: kube_ovn.dpdk.kube_ovn
        tasks_from: proof
        rolespec_validate: false
      vars:
        __kube_ovn_rundir: "{{ rundir }}"
        __kube_ovn_cni_conf_dir: "{{ rundir }}"
"""

# The contract of the start scripts: whole lines only, not quoted when they are handed on.
START = """
while IFS= read -r line; do
  if [ -n "$line" ] && [ "${line###}" = "$line" ]; then ovs-vsctl --db="$2" --no-wait set Open_vSwitch . other_config:$line; fi
done < "$1"
"""

HYBRID = {"kube_ovn_mode": "hybrid", "kube_ovn_hybrid_encap_ip": "192.0.2.1/24", "kube_ovn_hybrid_devices": ["x"]}
NASTY = """--iova-mode=va -a 0000:00:08.0 --log-level='pmd.*:8' "quoted" \\backslash $HOME `id` * ? [a-z] ; # , ="""


@pytest.fixture
def node(tmp_path):
    with Switch(vswitchd=False) as switch:
        node = Node(tmp_path, switch)
        yield node
        node.stop()


class Node:
    def __init__(self, directory, switch):
        self.directory, self.switch = directory / "ovs-config", switch
        self.play = directory / "play.yml"
        self.play.write_text(PLAY)
        self.pid_file = Path(switch.directory) / "ovs-vswitchd.pid"
        # As the program of Debian is called, of whose name the kernel keeps 15 characters.
        self.program = shutil.copy("/bin/sleep", directory / "ovs-vswitchd-dpdk")
        self.daemon = None

    def run(self, *arguments, **variables):
        extra = {"directory": str(self.directory), "rundir": self.switch.directory, "ansible_python_interpreter": sys.executable, **variables}
        return subprocess.run(
            [shutil.which("ansible-playbook"), "-i", "localhost,", "-c", "local", str(self.play), "-e", json.dumps(extra), *arguments],
            capture_output=True, text=True, cwd=ROOT, check=False,
        )

    def converge(self, **variables):
        done = self.run(**variables)
        assert done.returncode == 0, done.stdout + done.stderr
        restart = json.loads(Path(f"{self.directory}.json").read_text())["restart"]
        # The last task only hands the fact to this test.
        return [line for line in done.stdout.splitlines() if line.startswith("changed:")], restart

    def start(self):
        """What the pod does when it starts."""
        environment = dict(os.environ, PATH=os.environ["PATH"] + ":/usr/bin")
        command = ["bash", "-euc", START, "start", str(self.directory / "config.cfg"), self.switch.database]
        subprocess.run(command, check=True, cwd="/etc", env=environment)
        self.start_daemon()

    def start_daemon(self):
        self.stop()
        self.daemon = subprocess.Popen([self.program, "600"])
        self.pid_file.write_text(f"{self.daemon.pid}\n")
        (self.pid_file.parent / f"ovs-vswitchd.{self.daemon.pid}.ctl").touch()

    def stop(self):
        if self.daemon is not None:
            self.daemon.kill()
            self.daemon.wait()
            self.daemon = None

    def other_config(self):
        return self.switch.root()["other_config"]


def test_each_value_arrives_as_it_was_meant(node):
    node.converge(kube_ovn_dpdk_socket_mem=[1024, 0], kube_ovn_dpdk_lcores=[0], kube_ovn_dpdk_pmd_cores=[1, 3], kube_ovn_dpdk_extra=NASTY)
    node.start()
    assert node.other_config() == {
        "dpdk-init": "true",
        "dpdk-hugepage-dir": "/dev/hugepages",
        "dpdk-socket-mem": "1024,0",
        "dpdk-lcore-mask": "0x1",
        "pmd-cpu-mask": "0xa",
        "dpdk-extra": NASTY,
    }


def test_memory_that_is_given_as_text_is_no_list_of_its_characters(node):
    node.converge(kube_ovn_dpdk_socket_mem="1024, 512")
    assert 'dpdk-socket-mem="1024,512"' in (node.directory / "config.cfg").read_text().splitlines()


def test_a_second_run_changes_nothing_and_asks_for_no_restart(node):
    node.converge()
    node.start()
    changed, restart = node.converge()
    assert (len(changed), restart) == (0, False)


def test_pid_file_is_not_believed(node):
    """Pods may write it."""
    node.converge()
    node.start()
    assert node.converge(kube_ovn_dpdk_pmd_cores=[1])[1]
    for text in (f"{os.getpid()}\n", ""):
        node.pid_file.write_text(text)
        assert node.converge(kube_ovn_dpdk_pmd_cores=[1])[1]
    node.stop()
    node.pid_file.write_text(f"{os.getpid()}\n")
    assert not node.converge(kube_ovn_dpdk_pmd_cores=[2])[1]


def test_a_removed_key_leaves_the_database_and_asks_for_a_restart_until_it_came(node):
    node.converge(kube_ovn_dpdk_config={"vhost-sock-dir": "pods", "n-handler-threads": 3})
    node.start()
    _changed, restart = node.converge()
    assert restart
    assert node.other_config() == {"dpdk-init": "true", "dpdk-hugepage-dir": "/dev/hugepages", "dpdk-socket-mem": "1024"}
    # A run that was cut off before the restart: the next one still asks for it.
    assert node.converge()[1]
    node.start()
    assert not node.converge()[1]


def test_a_key_that_was_set_by_hand_is_removed_but_other_keys_stay(node):
    node.converge()
    node.start()
    node.switch.vsctl("--no-wait", "set", "Open_vSwitch", ".", "other_config:dpdk-extra=--no-huge", "other_config:hw-offload=true")
    assert node.converge()[1]
    assert "dpdk-extra" not in node.other_config()
    assert node.other_config()["hw-offload"] == "true"


def test_check_mode_reports_and_changes_nothing(node):
    node.converge(kube_ovn_dpdk_config={"vhost-sock-dir": "pods"})
    node.start()
    before, file = node.other_config(), (node.directory / "config.cfg").read_text()
    done = node.run("--check", "--diff")
    assert done.returncode == 0, done.stdout
    assert '-vhost-sock-dir="pods"' in done.stdout
    assert (node.other_config(), (node.directory / "config.cfg").read_text()) == (before, file)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"kube_ovn_dpdk_socket_mem": []}, "give one number of MiB for each NUMA node"),
        ({"kube_ovn_dpdk_socket_mem": [0, 0]}, "give one number of MiB for each NUMA node"),
        ({"kube_ovn_dpdk_socket_mem": 0}, "give one number of MiB for each NUMA node"),
        ({"kube_ovn_dpdk_config": {"pmd-cpu-mask": "0x2"}}, "has a variable of its own"),
        ({"kube_ovn_dpdk_config": {"Pmd": "0x2"}}, "small letters, digits and dashes"),
        ({"kube_ovn_dpdk_extra": "a\nb"}, "give text of one line"),
        ({"kube_ovn_dpdk_pmd_cores": [1], "kube_ovn_dpdk_lcores": [1]}, "core 1 is both lcore and PMD core"),
        ({"kube_ovn_dpdk_pmd_cores": "1,12", "kube_ovn_dpdk_lcores": "2,12"}, "core 12 is both lcore and PMD core"),
        ({"kube_ovn_dpdk_pmd_cores": [1, 1]}, "CPU 1 is given twice"),
        ({"kube_ovn_version": "v1.2.1", "kube_ovn_dpdk_pmd_cores": [1]}, "use v1.3.0 or later"),
        ({"kube_ovn_version": "1.12.35"}, "is no tag of a release"),
        ({"kube_ovn_mode": "hybrid", "kube_ovn_hybrid_encap_ip": "192.0.2.1", "kube_ovn_hybrid_devices": ["x"]}, "with its prefix"),
        ({"kube_ovn_mode": "hybrid", "kube_ovn_hybrid_encap_ip": "192.0.2.1/24", "kube_ovn_hybrid_devices": ["x", "y"]}, "set kube_ovn_hybrid_bond_type"),
        ({**HYBRID, "kube_ovn_hybrid_devices": ["x y"]}, "use devargs without spaces"),
        ({**HYBRID, "kube_ovn_hybrid_bond_type": "lacp"}, "name several ports"),
        ({**HYBRID, "kube_ovn_version": "v1.10.10", "kube_ovn_hybrid_vlan": 7}, "neither bonds"),
        ({**HYBRID, "kube_ovn_version": "v1.10.10", "kube_ovn_hybrid_devices": ["x", "y"], "kube_ovn_hybrid_bond_type": "lacp"}, "neither bonds"),
    ],
)
def test_bad_input_is_refused_before_anything_is_written(node, variables, message):
    done = node.run(**variables)
    assert done.returncode != 0
    assert message in " ".join(done.stdout.split())
    assert not node.directory.exists()


@pytest.mark.parametrize("cores", ["1,3", "1, 3", [1, 3], ["1", "3"], ["1-1", 3]])
def test_cores_may_be_numbers_ranges_or_text(node, cores):
    node.converge(kube_ovn_dpdk_pmd_cores=cores, kube_ovn_dpdk_socket_mem=1024)
    assert {'pmd-cpu-mask="0xa"', 'dpdk-socket-mem="1024"'} < set((node.directory / "config.cfg").read_text().splitlines())


@pytest.mark.parametrize("managed", ["one line\nsecond line", "at {uid} on {host}\nother_config:x=y"])
def test_the_managed_comment_of_the_user_is_not_handed_to_the_start_script(node, managed):
    """A second line would be executed, by ovs-vsctl or by bash."""
    node.converge(ansible_managed=managed, **HYBRID)
    for name in ("config.cfg", "ovs-dpdk-config"):
        text = (node.directory / name).read_text()
        assert text.splitlines()[0].startswith("# Managed by Ansible")
        assert "second line" not in text
        assert "other_config" not in text
    node.start()


@pytest.mark.parametrize(
    ("mode", "made", "bridges"),
    [
        # The bridge of a provider network phy, with the NIC of the node.
        ("dedicated", "", ["br-int", "br-phy", "br-tun"]),
        # Left by the other mode.
        ("dedicated", "br-phy", ["br-int", "br-tun"]),
        ("hybrid", "br-phy", ["br-int", "br-tun"]),
        # It has another name from now on.
        ("hybrid", "br-tun", ["br-int"]),
        # The pod of dedicated mode did not create it: a run was interrupted.
        ("hybrid", "", ["br-int", "br-tun"]),
    ],
)
def test_only_the_bridge_of_hybrid_mode_goes_with_the_old_pod(node, monkeypatch, mode, made, bridges):
    for name in ("br-int", "br-phy", "br-tun"):
        node.switch.vsctl("--no-wait", "add-br", name)
    node.play.write_text(RESTART)
    # No API server: the pod cannot be deleted, and that comes after the bridges.
    monkeypatch.setenv("K8S_AUTH_HOST", "http://127.0.0.1:9")
    monkeypatch.setenv("K8S_AUTH_API_KEY", "none")
    done = node.run(kube_ovn_mode=mode, made=made)
    assert "127.0.0.1" in done.stdout
    assert "rescued=0" in done.stdout, done.stdout
    assert node.switch.vsctl("list-br").split() == bridges


@pytest.mark.parametrize(
    ("address", "name", "problem"),
    [
        ("192.0.2.1", "localhost", ""),
        ("198.51.100.1", "localhost", "other nodes tunnel to 198.51.100.1 instead of 192.0.2.1/24"),
        ("", "localhost", "other nodes tunnel to no address instead of 192.0.2.1/24"),
        # As ovs-ctl sets it.
        ("192.0.2.1", "localhost.example.com", "external_ids:hostname is localhost.example.com"),
    ],
)
def test_tunnel_address_and_host_name_are_proved(node, address, name, problem):
    values = [f"external_ids:{key}={value}" for key, value in (("ovn-encap-ip", address), ("hostname", name), ("system-id", "a")) if value]
    node.switch.vsctl("--no-wait", "set", "Open_vSwitch", ".", "dpdk_initialized=true", *values)
    node.switch.vsctl("--no-wait", "add-br", "br-int", "--", "set", "Bridge", "br-int", "datapath_type=netdev")
    node.switch.vsctl("--no-wait", "add-br", "br-phy", "--", "add-port", "br-phy", "dpdk0")
    (Path(node.switch.directory) / "01-kube-ovn.conflist").write_text("{}")
    node.start_daemon()
    node.play.write_text(PROOF)
    done = node.run(**HYBRID, kube_ovn_wait_timeout=5)
    assert (done.returncode == 0) == (not problem), done.stdout
    assert problem in " ".join(done.stdout.split())

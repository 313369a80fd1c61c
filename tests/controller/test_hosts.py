# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts as they are found: what modules, rules and roles for hosts have to get right together. Trees and fakes are those of the unit tests."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _kernel_arguments
from ansible_collections.kube_ovn.dpdk.plugins.modules import cpu_management, kernel_cmdline, preflight_info
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import host_reboot
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight import book
from ansible_collections.kube_ovn.dpdk.tests.unit.plugins.modules import boot_trees, test_cpu_management, test_dpdk_device, test_hugepages
from ansible_collections.kube_ovn.dpdk.tests.unit.plugins.modules.host_tree import Tree, run_module
from ansible_collections.kube_ovn.dpdk.tests.unit.plugins.plugin_utils import test_preflight

sys.path.insert(0, str(Path(__file__).parent))

import test_host_reboot  # noqa: E402

NIC = test_dpdk_device.NIC
kernel = test_dpdk_device.kernel


@pytest.fixture
def tree(tmpdir):
    return Tree(tmpdir.mkdir("root"))


# Boot loaders


@pytest.mark.parametrize("make", [boot_trees.el9, boot_trees.systemd_boot])
def test_cmdline_of_kernel_install_has_several_lines(tree, make):
    """kernel-install reads all words of /etc/kernel/cmdline, on whatever line they are (90-loaderentry.install, 20-grub.install)."""
    make(tree)
    text = "root=UUID=1f0c ro\nquiet hugepagesz=1G hugepages=2\n\nfoo=bar\n"
    tree.write("/etc/kernel/cmdline", text)
    wanted = ["hugepagesz=1G", "hugepages=4"]
    result = run_module(kernel_cmdline, tree, owner="hugepages", arguments=wanted)
    assert not result["failed"], result
    words = tree.read("/etc/kernel/cmdline").split()
    assert _kernel_arguments.only(words, _kernel_arguments.owned_keys(wanted, 2048)) == wanted
    assert not run_module(kernel_cmdline, tree, owner="hugepages", arguments=wanted)["changed"]
    assert run_module(kernel_cmdline, tree, owner="hugepages", state="absent")["changed"]
    assert tree.read("/etc/kernel/cmdline") == text


GIB = ["default_hugepagesz=1G", "hugepagesz=1G", "hugepages=4"]


@pytest.mark.parametrize("base, arguments", [
    # A count of the default size, and the same one of a size that is asked for.
    ("ro hugepages=4 quiet", GIB), ("ro hugepagesz=2M hugepages=4 quiet", GIB), ("hugepages=4 hugepagesz=1G hugepages=4 ro", GIB),
    # A word that is moved to the others of its owner.
    ("iommu=pt ro quiet", ["iommu=pt", "intel_iommu=on"]), ("ro hugepages=2 iommu=pt hugepages=3 -- quiet", [*GIB, "iommu=pt", "intel_iommu=on"]),
])  # fmt: skip
@pytest.mark.parametrize("edit", ["console=ttyS1", "-ro"])
def test_undo_of_a_line_that_others_have_edited_since(base, arguments, edit):
    """What the line would be had there been no owner: word by word, and for the kernel in the same order."""
    written = _kernel_arguments.with_arguments(base, [("a", arguments)], 2048)
    expected, current = [text.replace("ro", "", 1) if edit == "-ro" else edit + " " + text for text in (base, written)]
    found = _kernel_arguments.without_arguments(current, base, written)
    assert [word for word in found.split() if word != edit] == [word for word in expected.split() if word != edit]
    assert sorted(found.split()) == sorted(expected.split())


@pytest.mark.parametrize("word", ["nohz-full=2-99", "rcu-nocbs=2-99"])
def test_cpu_list_of_an_argument_with_a_hyphen(tree, word):
    """To the kernel - and _ in a name are the same (parameq() of kernel/params.c)."""
    boot_trees.debian(tree)
    for name in ("online", "present", "possible"):
        tree.write("/sys/devices/system/cpu/" + name, "0-7\n")
    assert "does not have" in run_module(kernel_cmdline, tree, owner="dpdk_host", arguments=[word]).get("msg", "")


# NICs


def assigned(kernel, kind, mac=None):
    """How the NIC came by its MAC: 0 by its hardware, 1 at random, 3 by user space (include/uapi/linux/netdevice.h)."""
    name = kernel.names[NIC][0]
    if mac:
        kernel.names[NIC] = (name, mac)
        kernel.tree.write("/sys/class/net/%s/address" % name, mac + "\n")
    kernel.tree.write("/sys/class/net/%s/addr_assign_type" % name, "%d\n" % kind)


@pytest.mark.parametrize("kind", [1, 3])
def test_nic_whose_mac_is_not_of_its_hardware_is_bound_at_boot(kernel, kind):
    """A VF in a virtual machine has another MAC each time its driver is loaded, and one of user space is there only afterwards."""
    assigned(kernel, kind)
    assert not test_dpdk_device.bind(kernel, "eth1")["failed"]
    kernel.reboot()
    assigned(kernel, 0 if kind == 3 else 1, "52:54:00:00:00:99")
    assert "another" not in test_dpdk_device.boot(kernel)[1]
    assert test_dpdk_device.probed(kernel) == [NIC]
    # Nor is it another card to the module.
    assert test_dpdk_device.bind(kernel, "eth1", state="absent")["changed"]


@pytest.mark.parametrize("driver", ["vfio_pci", "uio-pci-generic", "igb-uio"])
def test_driver_in_another_spelling_is_refused_before_anything_is_touched(kernel, driver):
    """modprobe takes either, and driver_override the driver's own name alone."""
    kernel.driver(driver)
    before = kernel.tree.listing()
    result = test_dpdk_device.bind(kernel, "eth1", driver=driver)
    assert result["failed"] and "write it as" in result["msg"], result
    assert kernel.writes == [] and kernel.tree.listing() == before


@pytest.mark.parametrize("flags, refused", [("0x6", True), ("0x2", False), ("0x4", False)])
def test_second_next_hop_over_an_unnumbered_link_is_in_use(kernel, flags, refused):
    """/proc/net/route has the first next hop alone (fib_route_seq_show() of net/ipv4/fib_trie.c)."""
    head = "IP address       HW type     Flags       HW address            Mask     Device\n"
    kernel.tree.write("/proc/net/arp", head + "169.254.0.1      0x1         %s         52:54:00:00:00:0a     *        eth1\n" % flags)
    result = test_dpdk_device.bind(kernel, "eth1")
    assert result["failed"] == refused, result
    assert not refused or "is in use by the host: it has the neighbour 169.254.0.1" in result["msg"]
    assert not refused or kernel.writes == []


# The kubelet


cpus = test_cpu_management.tree
CONFIG, STATE, DROPINS = test_cpu_management.CONFIG, test_cpu_management.STATE, "/etc/kubernetes/kubelet.conf.d"


def started_with(tree, *arguments):
    tree.write("/proc/77/cmdline", "\0".join(["/usr/bin/kubelet", "--config=" + CONFIG, *arguments, ""]))


@pytest.mark.parametrize("name, text", [
    ("10-cpu.conf", "kind: KubeletConfiguration\nreservedSystemCPUs: 0-1\n"),
    ("more/20.conf", "kind: KubeletConfiguration\ncpuManagerPolicy: none\n"),
    ("30.conf", "kind: KubeletConfiguration\ncpuManagerPolicyOptions:\n  strict-cpu-reservation: \"true\"\n"),
    ("40.conf", '{"kind": "KubeletConfiguration", "cpuManagerPolicy": "none"}'),
], ids=str)  # fmt: skip
def test_drop_in_that_overrides_the_configuration_of_the_kubelet(cpus, name, text):
    """mergeKubeletConfigurations() of cmd/kubelet/app/server.go: all files *.conf below --config-dir, after the file of --config."""
    started_with(cpus, "--config-dir", DROPINS)
    cpus.write(DROPINS + "/" + name, text)
    before = cpus.listing()
    result = test_cpu_management.run(cpus)
    assert result["failed"] and DROPINS + "/" + name in result["msg"], result
    assert cpus.listing() == before


@pytest.mark.parametrize("name, text", [("10.conf", "kind: KubeletConfiguration\nmaxPods: 200\n"), ("10.yaml", "cpuManagerPolicy: none\n")], ids=str)
def test_drop_in_that_says_nothing_about_cpus(cpus, name, text):
    started_with(cpus, "--config-dir", DROPINS)
    cpus.write(DROPINS + "/" + name, text)
    assert not test_cpu_management.run(cpus)["failed"]


@pytest.mark.parametrize("words", [["--cpu_manager_policy=none"], ["--cpu_manager_policy", "none"]], ids=str)
def test_arguments_of_the_kubelet_with_underscores(cpus, words):
    """WordSepNormalizeFunc() of component-base: both are the same."""
    started_with(cpus, *words)
    assert "overrides cpuManagerPolicy" in test_cpu_management.run(cpus).get("msg", "")


def test_configuration_that_is_indented_as_a_whole(cpus):
    """Lines at the margin behind it would make it invalid, and the kubelet would not start."""
    cpus.write(CONFIG, "  kind: KubeletConfiguration\n  apiVersion: kubelet.config.k8s.io/v1beta1\n")
    assert "margin" in test_cpu_management.run(cpus).get("msg", "")


def test_state_of_the_cpu_manager_goes_before_the_policy_changes(cpus, monkeypatch):
    """A kubelet with a policy and the state of another one does not start, also after a run that was cut off between the two."""
    real = cpu_management.os.unlink

    def full(path, *args, **params):
        if str(path).endswith("cpu_manager_state"):
            raise SystemExit("cut off")
        return real(path, *args, **params)

    monkeypatch.setattr(cpu_management.os, "unlink", full)
    before = cpus.read(CONFIG)
    with pytest.raises(SystemExit):
        test_cpu_management.run(cpus, apply_kubelet=True)
    assert cpus.read(CONFIG) == before


def test_kubelet_that_systemd_does_not_know_as_kubelet(cpus):
    """The unit is stopped on a drained node: that of k0s has another name, and it writes the file of its kubelet at each start."""
    cpus.write("/proc/77/cgroup", "0::/system.slice/k0sworker.service/kubelet\n")
    before = cpus.listing()
    result = test_cpu_management.run(cpus)
    assert result["failed"] and "k0sworker.service" in result["msg"], result
    assert cpus.listing() == before


# Pages


pages = test_hugepages.tree


def test_memory_manager_of_a_kubelet_with_a_directory_of_its_own(pages):
    pages.kubelet("--root-dir=/data/kubelet")
    pages.write("/data/kubelet/memory_manager_state", '{"policyName":"Static","machineState":{},"entries":{},"checksum":1}')
    result = test_hugepages.have(pages, [test_hugepages.page("2M", 8)])
    assert result["failed"] and "/data/kubelet/memory_manager_state" in result["msg"], result


class Mounts(test_hugepages.Kernel):
    """mount(8) and umount(8) follow links in the path, and the kernel shows where they lead."""

    def run(self, command):
        result = super().run(command)
        lines = [line.split() for line in self.tree.read("/proc/self/mounts").splitlines()]
        for fields in lines:
            fields[1] = "/" + os.path.relpath(os.path.realpath(self.tree.path(fields[1])), self.tree.root)
        self.tree.write("/proc/self/mounts", "".join(" ".join(fields) + "\n" for fields in lines))
        return result


@pytest.fixture
def mounts(monkeypatch, pages):
    pages.write("/etc/fstab", test_hugepages.FOREIGN)
    return Mounts(monkeypatch, pages)


@pytest.mark.parametrize("path", ["/var/run/huge", "//run/huge"])
def test_mount_point_by_another_name_is_mounted_once(pages, mounts, path):
    """The kernel names a mount by where it is, and /var/run is a link to /run."""
    pages.mkdir("/run")
    pages.link("/var/run", "../run")
    asked = [{"path": path, "size": "1G"}]
    assert test_hugepages.have(pages, [], mounts=asked)["changed"]
    assert not test_hugepages.have(pages, [], mounts=asked)["changed"]
    assert [call.split()[0] for call in mounts.calls] == ["mount"]
    assert test_hugepages.have(pages, [], mounts=[])["changed"]
    assert [call.split()[0] for call in mounts.calls] == ["mount", "umount"]
    assert pages.read("/etc/fstab") == test_hugepages.FOREIGN


# Rules of preflight


def judged(scope, facts, settings, identity):
    found = test_preflight.judged(scope, facts, settings)
    return [finding["found"] for finding in found if finding["id"] == identity]


DIVIDED = dict(test_preflight.DIVIDED, kube_ovn_dpdk_lcores=[0], kube_ovn_dpdk_pmd_cores=[])
CALM = dict(test_preflight.QUIET, kube_ovn_dpdk_lcores=[0])
PLANNED = ["isolcpus=1", "nohz_full=1", "rcu_nocbs=1"]
READY = dict(cpu_manager="static", reserved_cpus=[0, 1])


@pytest.mark.parametrize("facts, settings, expected", [
    # What role cpu_management changes is drained for, and its kernel arguments are booted for.
    ({}, DIVIDED, "will be drained and rebooted: isolcpus=1 nohz_full=1 rcu_nocbs=1 is not in force; the kubelet is to have the static CPU manager"),
    ({"cmdline": PLANNED}, DIVIDED, "will be drained, and not rebooted: the kubelet is to have the static CPU manager, with CPUs 0-1 reserved"),
    ({"kubelet": READY}, dict(DIVIDED, cpu_management_isolation=False), None),
    ({"cmdline": PLANNED, "kubelet": READY}, DIVIDED, None),
    # A kernel that has the IOMMU on by itself has groups, and gets the arguments all the same.
    ({"iommu": "intel", "cmdline": []}, {}, "will be drained and rebooted: intel_iommu=on iommu=pt is not in force"),
    ({"iommu": "intel", "cmdline": ["intel_iommu=on", "iommu=pt"]}, {}, None),
    ({"iommu": "intel", "cmdline": []}, {"dpdk_host_iommu": "none"}, None),
    # Pages that were reserved at run time need no boot.
    ({"hugepages/0/total": 4}, {"hugepages_boot": True}, None),
    ({"hugepages/0/total": 3}, {"hugepages_boot": True}, "will be drained and rebooted: 4 pages of 1024 MiB are to be reserved at boot"),
    ({"hugepages/0/total": 4}, {"hugepages_boot": True, "hugepages_default_size": "1G"}, "the default page size is to become 1024 MiB"),
    ({"hugepages/0/total": 4, "cmdline": ["default_hugepagesz=1G"]}, {"hugepages_boot": True, "hugepages_default_size": "1G"}, None),
])  # fmt: skip
def test_preflight_names_the_hosts_that_are_drained_or_rebooted(facts, settings, expected):
    found = judged("node", facts, dict(CALM, **settings), "reboot")
    assert bool(found) == bool(expected), found
    assert not expected or expected in found[0]


@pytest.mark.parametrize("settings, found", [
    (dict(DIVIDED, kube_ovn_dpdk_lcores=[0, 5]), "kube_ovn_dpdk_lcores has CPUs 5, and cpu_management gives them to pods"),
    (dict(DIVIDED, cpu_management_isolation=False, dpdk_host_isolated_cores="managed_irq,domain,1,4-5"), "dpdk_host_isolated_cores isolates CPUs 4-5"),
    (dict(DIVIDED, cpu_management_isolation=False, dpdk_host_isolated_cores="1"), None),
    (dict(DIVIDED, kube_ovn_dpdk_lcores=[0], cpu_management_pmd=[1, 2], cpu_management_pods=["0,3-7"]), None),
    (DIVIDED, None),
], ids=str)  # fmt: skip
def test_a_cpu_of_pods_has_no_other_owner(settings, found):
    errors = judged("node", {}, settings, "cpu-plan")
    assert [found in text for text in errors] == ([True] if found else [])


@pytest.mark.parametrize("kubernetes, settings, found", [
    ("v1.16.15", {}, "has no reservedSystemCPUs"), ("v1.17.17", {"cpu_management_topology_manager_policy": "best-effort"}, "without a feature gate"),
    ("v1.17.17", {"cpu_management_topology_manager_policy": ""}, None), ("v1.18.20", {"cpu_management_topology_manager_policy": "best-effort"}, None),
    ("v1.16.15", {"cpu_management_kubelet": False}, None), ("v1.16.15", {"cpu_management_state": "unmanaged"}, None),
], ids=str)  # fmt: skip
def test_kubelets_that_do_not_know_the_settings(kubernetes, settings, found):
    """reservedSystemCPUs is in KubeletConfiguration from 1.17 on, and the topology manager without a feature gate from 1.18 on."""
    errors = judged("cluster", {"kubernetes_version": kubernetes}, dict(DIVIDED, **settings), "cpu-manager")
    assert len(errors) == (2 if found else 0) and all(found in text for text in errors)


# Drains

api = test_host_reboot.api


def test_cordon_of_somebody_else_between_look_and_cordon_stays(tmp_path, api):
    """The role finds the node cordoned when it comes to do so itself."""
    look = api.list

    def cordoned(node):
        if not api.asked.setdefault("cordoned by hand", 0):
            api.asked["cordoned by hand"] = 1
            api.cordon("bookworm", True)
        return look(node)

    api.list = cordoned
    done = test_host_reboot.reboot(tmp_path)
    assert done.returncode == 0, done.stdout
    assert test_host_reboot.calls(api) == ["reboot bookworm", "verify proof"]
    assert api.nodes["bookworm"]["spec"]["unschedulable"]
    assert not (tmp_path / "mark-bookworm").exists()


@pytest.mark.parametrize("machine, refused", [("00000000000000000000000000000001", True), ("own", False)])
@pytest.mark.one_core
def test_node_of_another_machine_is_not_drained(tmp_path, api, machine, refused):
    """Its pods would be evicted, and this host rebooted under its own."""
    own = Path("/etc/machine-id").read_text().strip() if Path("/etc/machine-id").exists() else ""
    if not own:
        pytest.skip("this machine has no id")
    api.machines["bookworm"] = own if machine == "own" else machine
    done = test_host_reboot.reboot(tmp_path)
    assert (done.returncode == 2) == refused, done.stdout
    if refused:
        assert "bookworm is the node of another host" in test_host_reboot.said(done)
        assert test_host_reboot.calls(api) == []


@pytest.mark.parametrize("known, identity, other", [
    (("a", "b"), "a\nc\n", False), (("a", "b"), "c\nb\n", False), (("a", "b"), "c\nd\n", True), (("", "b"), "c\nd\n", False), (("a", "b"), "d\n", False),
], ids=str)  # fmt: skip
def test_machine_of_a_node(known, identity, other):
    """The kubelet may not have started since the boot, cloned machines have one id, and a container has none."""
    assert host_reboot.other_machine({"status": {"nodeInfo": {"machineID": known[0], "bootID": known[1]}}}, identity) == other


@pytest.mark.parametrize("controller, unmanaged", [(True, []), (False, ["default/a"])])
def test_pod_whose_owner_is_no_controller_is_lost(controller, unmanaged):
    """An owner reference alone only has the pod collected with its owner (metav1.GetControllerOf)."""
    owner = {"kind": "ConfigMap", "name": "b", "apiVersion": "v1", "uid": "1", **({"controller": True} if controller else {})}
    pods = [{"metadata": {"name": "a", "namespace": "default", "ownerReferences": [owner]}, "status": {"phase": "Running"}}]
    assert host_reboot.pods(pods) == {"unmanaged": unmanaged, "remaining": ["default/a"]}


@pytest.mark.parametrize("names, machine, found", [
    ({"node1": "node1", "node2": "node1"}, "own", "are both the node node1"), ({"node1": "node1", "node2": "node2"}, "other", "is not the machine of node"),
    ({"node1": "node1", "node2": "node2"}, "own", None),
], ids=str)  # fmt: skip
def test_preflight_finds_a_host_with_the_name_of_another_node(names, machine, found):
    """What host_reboot refuses too, when it comes to drain that node."""
    hostvars = {
        host: dict(
            preflight_host=dict(host=dict(test_preflight.HOST, machine_id="id-" + host, boot_id="boot-" + host)),
            preflight_inputs=dict(settings=dict(kube_ovn_node_name=name)),
        )
        for host, name in names.items()
    }
    nodes = [
        dict(metadata=dict(name=name), status=dict(nodeInfo=dict(machineID="id-" + name if machine == "own" else "other", bootID="boot-of-another")))
        for name in ("node1", "node2")
    ]
    api = dict(version="v1.24.17", nodes=nodes, daemonsets=[], pods=[])
    facts = book.cluster_facts(api, {"nodes": ["node1", "node2"]}, hostvars)
    errors = [item["found"] for item in book.findings(facts, test_preflight.SETTINGS, "cluster", "cluster") if item["id"] == "cluster-node"]
    assert found is None or any(found in text for text in errors), errors
    assert found or not [text for text in errors if "machine" in text or "both" in text]


@pytest.mark.parametrize("prepare, device, found", [
    (None, "eht1", "'eht1' is neither a PCI address"), (None, "0000:09:00.0", "there is no PCI device 0000:09:00.0"),
    (test_dpdk_device.master, "eth1", "is a member of"), (test_dpdk_device.storage_network, "eth1", "is in use by the host"), (None, "eth1", None),
], ids=lambda value: getattr(value, "__name__", str(value)))  # fmt: skip
def test_preflight_finds_devices_that_cannot_be_bound(kernel, prepare, device, found):
    """Role dpdk_host refuses them when pages are reserved and kernel arguments are written already."""
    if prepare:
        prepare(kernel)
    before = kernel.tree.listing()
    host = run_module(preflight_info, kernel.tree, devices=[{"device": device}, "no device", {"driver": "vfio-pci"}])["host"]
    assert kernel.tree.listing() == before and kernel.writes == []
    errors = judged("node", {"refused_devices": host["refused_devices"]}, {}, "dpdk-device")
    assert [found in text for text in errors] == ([True] if found else [])

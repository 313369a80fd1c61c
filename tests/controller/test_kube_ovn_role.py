"""What the role refuses before anything is touched, what it takes an installer by, and what it makes of recorded steps."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
INSTALLER = Path(__file__).parent / "files" / "install.sh"
RELEASES = yaml.safe_load((ROOT / "roles" / "kube_ovn" / "vars" / "main.yml").read_text())
CLUSTER = {"version": {"server": {"kubernetes": {"gitVersion": "v1.24.17"}}}, "apis": {"v1": {}}}


def run(tmp_path, tasks_from, fact="", arguments=(), **variables):
    play = [
        {
            "hosts": "localhost",
            "gather_facts": False,
            "tasks": [
                {
                    "ansible.builtin.include_role": {"name": "kube_ovn.dpdk.kube_ovn", "tasks_from": tasks_from, "rolespec_validate": False, "public": True},
                    "vars": variables,
                },
                {"ansible.builtin.debug": {"msg": "FACT {{ (" + (fact or "''") + ") | to_json }} END"}, "vars": variables},
            ],
        }
    ]
    (tmp_path / "play.yml").write_text(json.dumps(play))
    command = [shutil.which("ansible-playbook"), "-i", "localhost,", "-c", "local", "-e", f"ansible_python_interpreter={sys.executable}"]
    done = subprocess.run([*command, *arguments, str(tmp_path / "play.yml")], capture_output=True, text=True, cwd=ROOT, check=False)
    return done.returncode, " ".join(done.stdout.split())


def run_task(tmp_path, file, name, variables):
    """Tasks of the role by their name, for those that look at what others have found in a cluster."""
    tasks = [task for task in yaml.safe_load((ROOT / f"roles/kube_ovn/tasks/{file}.yml").read_text()) if re.fullmatch(name, task["name"])]
    if "ansible.builtin.include_tasks" in tasks[0]:
        tasks[0]["ansible.builtin.include_tasks"] = str(ROOT / "roles/kube_ovn/tasks" / tasks[0]["ansible.builtin.include_tasks"])
    (tmp_path / "play.yml").write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "vars": variables, "tasks": tasks}]))
    command = [shutil.which("ansible-playbook"), "-i", "localhost,", "-c", "local", "-e", f"ansible_python_interpreter={sys.executable}"]
    done = subprocess.run([*command, str(tmp_path / "play.yml")], capture_output=True, text=True, cwd=ROOT, check=False)
    return done.returncode, " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"kube_ovn_version": "v1.14.0"}, "from v1.14.0 on take kube_ovn_mode: hybrid"),
        ({"kube_ovn_version": "v1.9.41", "kube_ovn_mode": "hybrid"}, "before v1.10.0 take kube_ovn_mode: dedicated"),
        ({"kube_ovn_version": "v1.1.1"}, "is in releases from v1.2.0 on, and before v1.14.0 (from"),
        ({"kube_ovn_version": "v1.9.41", "kube_ovn_mode": "hybrid"}, "is in releases from v1.10.0 on (before"),
        ({"kube_ovn_version": "1.12.35"}, 'kube_ovn_version is "1.12.35"'),
        ({"kube_ovn_settings": {"ENABLE_SSL": "true"}}, "ENABLE_SSL cannot be used with OVS-DPDK"),
        ({"kube_ovn_mode": "hybrid", "kube_ovn_settings": {"DPDK_TUNNEL_IFACE": "br-tun"}}, "set kube_ovn_hybrid_bridge on all hosts"),
        ({"kube_ovn_dpdk_socket_mem": [2048, 2048], "kube_ovn_hugepage_amount": "2Gi"}, "up to 4096 MiB of socket memory"),
        ({"kube_ovn_hugepage_size": "1Gi", "kube_ovn_hugepage_amount": "1536Mi"}, "whole pages"),
    ],
)
def test_what_cannot_work_is_refused_with_the_cure(tmp_path, variables, message):
    code, output = run(tmp_path, "validate", **variables)
    assert code != 0
    assert message in output


@pytest.mark.parametrize(
    ("variables", "amount"),
    [
        ({"kube_ovn_hugepage_size": "1Gi", "kube_ovn_dpdk_socket_mem": [1024, 512]}, "2048Mi"),
        ({"kube_ovn_hugepage_size": "2Mi", "kube_ovn_dpdk_socket_mem": [1023]}, "1024Mi"),
        # As -e and inventories in INI format give it.
        ({"kube_ovn_hugepage_size": "1Gi", "kube_ovn_dpdk_socket_mem": "1024,512"}, "2048Mi"),
        ({"kube_ovn_hugepage_size": "2Mi", "kube_ovn_hugepage_amount": "3Gi"}, "3Gi"),
    ],
)
def test_the_pages_are_at_least_the_socket_memory(tmp_path, variables, amount):
    # The variables of the role are only there inside of it: the fact is taken from its message about a bound that cannot be met.
    code, output = run(tmp_path, "validate", **variables, __kube_ovn_socket_mem_mib=999999) if "Gi" in amount else run(tmp_path, "validate", **variables)
    if "Gi" in amount:
        assert f"kube_ovn_hugepage_amount is {amount}" in output
    else:
        assert code == 0, output
        code, output = run(tmp_path, "validate", **variables, __kube_ovn_amount_mib=1)
        assert f"kube_ovn_hugepage_amount is {amount}" in output


@pytest.mark.parametrize(
    ("variables", "cpu"),
    [
        ({}, "2000m"),
        ({"kube_ovn_dpdk_pmd_cores": [2, 3, 4]}, "4000m"),
        # Left to itself, OVS polls with one core for each NUMA node.
        ({"kube_ovn_dpdk_socket_mem": [1024, 1024]}, "3000m"),
        ({"kube_ovn_dpdk_socket_mem": [1024, 1024], "kube_ovn_dpdk_pmd_cores": [2]}, "2000m"),
        ({"kube_ovn_dpdk_pmd_cores": "10,11"}, "3000m"),
        ({"kube_ovn_dpdk_cpu": "8"}, "8"),
    ],
)
def test_each_pmd_has_a_core_and_the_others_have_one(tmp_path, variables, cpu):
    code, output = run(tmp_path, "validate", "__kube_ovn_dpdk_cpu", **variables)
    assert code == 0, output
    assert answer(output) == cpu


def test_a_url_that_nobody_vouches_for_is_refused(tmp_path):
    code, output = run(
        tmp_path,
        "installer",
        kube_ovn_version="v9.9.9",
        kube_ovn_installer="http://127.0.0.1:9/x",
        kube_ovn_cache_dir=str(tmp_path),
        __kube_ovn_cluster=CLUSTER,
    )
    assert code != 0
    assert "No checksum is known for http://127.0.0.1:9/x/install.sh" in output


def test_a_local_installer_is_held_to_its_checksum(tmp_path):
    right = hashlib.sha256(INSTALLER.read_bytes()).hexdigest()
    base = {"kube_ovn_installer": str(INSTALLER), "__kube_ovn_cluster": CLUSTER}
    assert run(tmp_path, "installer", kube_ovn_installer_checksum=f"sha256:{right}", **base)[0] == 0
    code, output = run(tmp_path, "installer", kube_ovn_installer_checksum="0" * 64, **base)
    assert code != 0
    assert f"has SHA-256 {right}" in output


@pytest.mark.parametrize(
    ("kubernetes", "release", "name"),
    [
        ("v1.15.12", "v1.7.3", "install-pre-1.16.sh"),
        ("v1.16.0", "v1.8.18", "install.sh"),
        ("v1.35.1", "v1.16.2", "install.sh"),
        # It has one only.
        ("v1.15.12", "v1.2.1", "install.sh"),
        ("v1.15.12", "v1.8.0", None),
    ],
)
def test_the_installer_fits_kubernetes(tmp_path, kubernetes, release, name):
    cluster = {"version": {"server": {"kubernetes": {"gitVersion": kubernetes}}}}
    settings = {"kube_ovn_version": release, "kube_ovn_installer": str(tmp_path), "__kube_ovn_cluster": cluster}
    code, output = run(tmp_path, "installer", "__kube_ovn_installer_file", **settings)
    if name:
        assert code == 0, output
        assert f"{tmp_path}/{name}" in output
    else:
        assert code != 0
        assert "take a kube_ovn_version up to v1.7.3 (it is v1.8.0)" in output


def test_the_table_of_releases_is_sound():
    for table in ("__kube_ovn_installers", "__kube_ovn_installers_before_1_16"):
        rows = RELEASES[table]
        assert all(re.fullmatch(r"v1\.\d+\.\d+", tag) and re.fullmatch(r"[0-9a-f]{64}", checksum) for tag, checksum in rows.items())
        order = [tuple(map(int, tag[1:].split("."))) for tag in rows]
        assert order == sorted(order)
    for mode in RELEASES["__kube_ovn_modes"].values():
        assert mode["first"] in RELEASES["__kube_ovn_installers"]
        assert mode["below"] == "" or mode["below"] in RELEASES["__kube_ovn_installers"]


@pytest.mark.parametrize(
    ("variables", "refused"),
    [
        ({}, False),
        ({"kube_ovn_hugepage_amount": "2Gi", "kube_ovn_dpdk_cpu": "1000m"}, False),
        # To Kubernetes these are thousands.
        ({"kube_ovn_hugepage_amount": "2G"}, True),
        ({"kube_ovn_hugepage_amount": "1024"}, True),
        ({"kube_ovn_dpdk_cpu": "500m"}, True),
        ({"kube_ovn_dpdk_cpu": "1.5"}, False),
        ({"kube_ovn_dpdk_cpu_request": "4"}, True),
        ({"kube_ovn_dpdk_cpu_request": 2, "kube_ovn_dpdk_pmd_cores": [1]}, False),
    ],
)
def test_sizes_that_kubernetes_does_not_take_are_refused(tmp_path, variables, refused):
    code, output = run(tmp_path, "validate", **variables)
    assert (code != 0) == refused, output
    assert ("has to be a number with Mi or Gi" in output) == refused


def test_a_later_release_of_the_last_line_has_the_mode_too(tmp_path):
    code, output = run(tmp_path, "validate", kube_ovn_version="v1.13.99")
    assert code == 0, output


def answer(output):
    return json.loads(re.search(r"FACT (.*?) END", output).group(1).replace('\\"', '"'))


def test_what_goes_from_the_nodes_is_where_the_release_was_told_to_put_it(tmp_path):
    usual = ["/etc/cni/net.d/00-kube-ovn.conflist", "/etc/cni/net.d/01-kube-ovn.conflist", "/opt/cni/bin/kube-ovn", "/var/log/kube-ovn"]
    code, output = run(tmp_path, "validate", "__kube_ovn_node_files + ['|'] + __kube_ovn_node_directories")
    assert code == 0, output
    found = answer(output)
    assert found[-2:] == ["|", "/etc/origin"]
    assert len(found) == len(set(found)) == 15
    assert "/etc/origin/ovs_ipsec_keys" in found
    assert set(usual) < set(found)
    settings = {"CNI_CONF_DIR": "/x/net.d", "CNI_BIN_DIR": "/x/bin", "LOG_DIR": "/x/log", "CNI_CONFIG_PRIORITY": "05"}
    code, output = run(tmp_path, "validate", "__kube_ovn_node_files + ['|'] + __kube_ovn_node_directories", kube_ovn_settings=settings)
    assert code == 0, output
    found = answer(output)
    assert found[-5:] == ["|", "/etc/origin", "/x/net.d", "/x/bin", "/x/log"]
    assert {"/x/net.d/05-kube-ovn.conflist", "/x/bin/kube-ovn", "/x/log/ovn", *usual} < set(found)


def test_directories_of_the_release_go_when_they_are_empty(tmp_path):
    for name in ("own/kube-ovn", "shared/kube-ovn", "shared/.other"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    files = [str(tmp_path / name) for name in ("own/kube-ovn", "shared/kube-ovn")]
    folders = [str(tmp_path / name) for name in ("own", "shared", "nosuch")]
    code, output = run(tmp_path, "node_files_absent", __kube_ovn_node_files=files, __kube_ovn_node_directories=folders)
    assert code == 0, output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["play.yml", "shared"]
    assert [path.name for path in (tmp_path / "shared").iterdir()] == [".other"]


def test_results_that_the_container_runtime_keeps_go_with_the_plugin(tmp_path):
    results = tmp_path / "results"
    results.mkdir()
    kept = ["kube-ovn-dpdk-1-eth0", f"multus-cni-network-{'a1' * 32}-eth0", f"another-kube-ovn-{'a1' * 32}-eth0"]
    for name in [*kept, f"kube-ovn-{'a1' * 32}-eth0", f"kube-ovn-{'b2' * 32}-net1"]:
        (results / name).write_text("")
    code, output = run(tmp_path, "node_files_absent", __kube_ovn_node_files=[], __kube_ovn_node_directories=[], __kube_ovn_results=str(results))
    assert code == 0, output
    assert sorted(path.name for path in results.iterdir()) == sorted(kept)


@pytest.mark.parametrize(
    ("running", "variables", "refused"),
    [
        ("", {}, False),
        ("v1.12.35", {}, False),
        ("v1.9.34", {}, False),
        ("v1.13.0", {}, True),
        ("v1.13.0", {"kube_ovn_settings": {"VERSION": "v1.13.0"}}, False),
    ],
)
def test_an_older_release_than_the_one_that_runs_is_refused(tmp_path, running, variables, refused):
    settings = {"kube_ovn_version": "v1.12.35", "kube_ovn_settings": {}, "__kube_ovn_running_version": running, **variables}
    code, output = run_task(tmp_path, "no_way_back", "Refuse to go back", settings)
    assert (code != 0) == refused, output
    assert ("v1.13.0 runs, and v1.12.35 is older" in output) == refused


@pytest.mark.parametrize("address", ["10.0.0.2", "10.0.0.2/32", "10.0.0.300/24", "fd00::1/128"])
def test_an_address_that_kube_ovn_cannot_take_for_tunnels_is_refused(tmp_path, address):
    name = "Refuse ports of hybrid mode that its start script cannot read"
    settings = {
        "kube_ovn_mode": "hybrid",
        "kube_ovn_hybrid_encap_ip": address,
        "kube_ovn_hybrid_devices": ["0000:03:00.0"],
        "kube_ovn_hybrid_bond_type": "",
    }
    code, output = run_task(tmp_path, "validate_node", name, settings)
    assert code != 0
    assert f'(it is "{address}")' in output
    assert run_task(tmp_path, "validate_node", name, {**settings, "kube_ovn_hybrid_encap_ip": "fd00:0::1/64"})[0] == 0


def node_that_works():
    """What the proof of a node finds: in hybrid mode, with an address that the user writes in another way than OVN."""
    switch = {
        "dpdk_initialized": True,
        "bridges": {"br-int": {"datapath_type": "netdev", "ports": ["br-int"]}, "br-phy": {"datapath_type": "netdev", "ports": ["dpdk0"]}},
        "ports": {"dpdk0": {}},
        "interfaces": {"dpdk0": {"bridge": "br-phy", "error": None, "type": "dpdk"}},
    }
    return {
        "kube_ovn_mode": "hybrid",
        "kube_ovn_node_name": "node-1",
        "kube_ovn_hybrid_bridge": "br-phy",
        "kube_ovn_hybrid_encap_ip": "FD00:0::1/64",
        "kube_ovn_bridge_datapath_type": "",
        "__kube_ovn_cni_conf_dir": "/etc/cni/net.d",
        "__kube_ovn_daemonset": "ovs-ovn-dpdk",
        "__kube_ovn_conflist": {"matched": 1},
        "__kube_ovn_ovs": switch,
        "__kube_ovn_system_ids": {"localhost": "one", "other": "two"},
        "__kube_ovn_encap_ip": "fd00::1",
        "__kube_ovn_untunnelled": [],
    }


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("kube_ovn_node_name", "node-1", None),
        ("__kube_ovn_conflist/matched", 0, "/etc/cni/net.d has 0 configurations"),
        ("__kube_ovn_ovs/dpdk_initialized", False, "dpdk_initialized is False"),
        ("__kube_ovn_system_ids/localhost", "", "{'localhost': '', 'other': 'two'}"),
        ("__kube_ovn_system_ids/other", "one", "{'localhost': 'one', 'other': 'one'}"),
        ("__kube_ovn_ovs/bridges/br-int/datapath_type", "", "the datapath type of br-int is system, wanted is netdev"),
        ("kube_ovn_mode", "dedicated", "the datapath type of br-int is netdev, wanted is system"),
        ("__kube_ovn_ovs/bridges", {}, "the datapath type of br-int is unknown (no br-int)"),
        ("__kube_ovn_ovs/interfaces/dpdk0/error", "no such device", "ports of the tunnel bridge with errors: no such device"),
        ("__kube_ovn_ovs/ports", {}, "is not what it should be"),
        ("__kube_ovn_encap_ip", "fd00::2", "other nodes tunnel to fd00::2 instead of FD00:0::1/64 (else restart the pod of kube-ovn-cni)"),
        ("__kube_ovn_untunnelled", ["other"], "nodes without a tunnel to them: other"),
    ],
)
def test_a_node_that_is_not_what_it_should_be_is_told(tmp_path, path, value, told):
    settings = target = node_that_works()
    *keys, last = path.split("/")
    for key in keys:
        target = target[key]
    target[last] = value
    code, output = run_task(tmp_path, "proof_node", "Check that this node is what it should be", settings)
    assert (code == 0) == (told is None), output
    if told:
        # The output is YAML, which doubles quotes.
        assert told.replace("'", "") in output.replace("'", "")


@pytest.mark.parametrize(
    ("state", "name", "refused"),
    [
        ("present", "node-9", True),
        ("present", "node-1", False),
        # What a node had that has left the cluster goes with the rest.
        ("absent", "node-9", False),
    ],
)
def test_hosts_that_are_no_nodes_are_refused_but_for_the_removal(tmp_path, state, name, refused):
    nodes = {"resources": [{"metadata": {"name": "node-1"}}]}
    settings = {"__kube_ovn_hosts": {"a": name}, "__kube_ovn_nodes": nodes, "kube_ovn_state": state}
    code, output = run_task(tmp_path, "cluster", "Refuse hosts that are no nodes of the cluster", settings)
    assert (code != 0) == refused, output
    assert ("no nodes of the cluster: node-9. It has node-1." in output) == refused


@pytest.mark.parametrize(
    ("hosts", "switches", "told"),
    [
        ({"a": "node-1"}, ["ovs-ovn"], True),
        ({"a": "node-1", "b": "node-2"}, ["ovs-ovn"], False),
        # There was nothing to remove.
        ({"a": "node-1"}, [], False),
    ],
)
def test_nodes_that_keep_files_are_named(tmp_path, hosts, switches, told):
    settings = {
        "__kube_ovn_plan": {"switches": switches},
        "__kube_ovn_nodes": {"resources": [{"metadata": {"name": name}} for name in ("node-1", "node-2")]},
        "__kube_ovn_hosts": hosts,
        "__kube_ovn_node_files": ["/x", "/y"],
    }
    code, output = run_task(tmp_path, "absent", "Tell which nodes keep files of Kube-OVN", settings)
    assert code == 0, output
    assert ("left on them: node-2. Add them to the group and run this again, or remove /x, /y there." in output) == told


# --- with the few answers of a Kubernetes API -------------------------------------------------------------------------------------------


def started(kubernetes, name, owner="web", namespace="default", made="2026-01-01T00:10:00Z", **spec):
    owners = {"ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": owner, "uid": "1"}]} if owner else {}
    kubernetes.STORE["v1/pods", namespace, name] = {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace, "creationTimestamp": made, **owners},
        "spec": {"restartPolicy": "Always", "nodeName": "node-1", "containers": [], **spec}, "status": {"phase": "Running", "podIP": "192.0.2.1"},
    }  # fmt: skip


def there(kubernetes):
    return sorted(name for _resource, _namespace, name in kubernetes.STORE)


def looked_after(tmp_path, *arguments, **variables):
    plan = {"since": "2026-01-01T00:20:00Z", "on_delete": [], "selectors": {}}
    code, output = run(tmp_path, "pods", arguments=arguments, __kube_ovn_plan=plan, **variables)
    assert code == 0, output
    return output


def test_pods_from_before_are_named_and_with_consent_made_anew(tmp_path, kubernetes):
    started(kubernetes, "web-1")
    started(kubernetes, "dns-1", namespace="kube-system")
    started(kubernetes, "host-1", hostNetwork=True)
    started(kubernetes, "job-1", restartPolicy="Never")
    started(kubernetes, "later-1", made="2026-01-01T00:30:00Z")
    everyone = there(kubernetes)
    told = "Started before Kube-OVN and still on another network: default/web-1, kube-system/dns-1. Recreate them, or set kube_ovn_recreate_pods"

    # As text, which -e and inventories in INI format make of it, is no consent.
    for consent in (False, "false"):
        output = looked_after(tmp_path, kube_ovn_recreate_pods=consent)
        assert told in output
        assert "changed=0" in output
        assert there(kubernetes) == everyone

    output = looked_after(tmp_path, "--check", kube_ovn_recreate_pods=True)
    assert "changed=1" in output
    assert there(kubernetes) == everyone

    output = looked_after(tmp_path, kube_ovn_recreate_pods=True)
    assert "changed=1" in output
    assert "Started before Kube-OVN and still" not in output
    assert there(kubernetes) == ["host-1", "job-1", "later-1"]
    assert "changed=0" in looked_after(tmp_path, kube_ovn_recreate_pods=True)


def test_pods_that_nobody_would_make_again_are_named_and_never_deleted(tmp_path, kubernetes):
    started(kubernetes, "web-1")
    started(kubernetes, "mine", owner=None)
    for consent in (False, True):
        output = looked_after(tmp_path, kube_ovn_recreate_pods=consent)
        assert "still on another network: default/mine. They belong to no controller" in output
    assert there(kubernetes) == ["mine"]


def test_nothing_carries_marks_of_kube_ovn_after_the_removal(tmp_path, kubernetes):
    kubernetes.KINDS["v1"].update(nodes=("Node", False), namespaces=("Namespace", False))
    # Kube-OVN marks every service with its network.
    things = [("nodes", "Node", "", "n"), ("namespaces", "Namespace", "", "x"), ("pods", "Pod", "x", "p"), ("services", "Service", "x", "s")]
    for plural, kind, namespace, name in things:
        marked = {"ovn.kubernetes.io/vpc": "ovn-cluster", "mine": "1"}
        metadata = {"name": name, "namespace": namespace, "annotations": marked, "labels": {"kube-ovn/role": "master", "mine": "1"}}
        thing = {"apiVersion": "v1", "kind": kind, "metadata": metadata, "spec": {}, "status": {}}
        kubernetes.STORE[f"v1/{plural}", namespace, name] = kubernetes.live(thing, None)
    for changed in (1, 0):
        code, output = run_task(tmp_path, "absent", "(Look at what carries|Take the) marks of Kube-OVN( off)?", {})
        assert code == 0, output
        assert f"changed={changed} " in output
        for plural, _kind, namespace, name in things:
            metadata = kubernetes.STORE[f"v1/{plural}", namespace, name]["metadata"]
            assert (metadata["annotations"], metadata["labels"]) == ({"mine": "1"}, {"mine": "1"}), plural


def test_a_wait_takes_its_bound_as_the_command_line_gives_it(tmp_path, kubernetes):
    item = {"kind": "DaemonSet", "metadata": {"name": "kube-ovn-cni", "namespace": "kube-system"}, "spec": {}}
    kubernetes.STORE["apps/v1/daemonsets", "kube-system", "kube-ovn-cni"] = kubernetes.live(item, None)
    step = {"action": "wait", "kind": "DaemonSet", "name": "kube-ovn-cni", "timeout": 5}
    settings = {"__kube_ovn_step": step, "__kube_ovn_moving": True, "__kube_ovn_plan": {"ready": []}, "kube_ovn_wait_timeout": "15"}
    code, output = run(tmp_path, "step_wait", **settings)
    assert code == 0, output


@pytest.mark.parametrize("there", [True, False])
def test_a_wait_in_vain_tells_what_was_seen(tmp_path, kubernetes, there):
    if there:
        item = {"kind": "DaemonSet", "metadata": {"name": "ovs-ovn", "namespace": "kube-system"}, "spec": {"selector": {"matchLabels": {"app": "ovs"}}}}
        item = kubernetes.live(item, None)
        item["status"].update(numberAvailable=0)
        kubernetes.STORE["apps/v1/daemonsets", "kube-system", "ovs-ovn"] = item
        started(kubernetes, "ovs-ovn-1", namespace="kube-system", containers=[{"name": "openvswitch"}])
        kubernetes.STORE["v1/pods", "kube-system", "ovs-ovn-1"]["metadata"]["labels"] = {"app": "ovs"}
        kubernetes.STORE["v1/events", "kube-system", "e"] = {
            "apiVersion": "v1", "kind": "Event", "metadata": {"name": "e", "namespace": "kube-system", "creationTimestamp": "2026-01-01T00:00:00Z"},
            "message": "0/1 nodes are available: 1 Insufficient hugepages-1Gi.", "involvedObject": {"kind": "Pod", "name": "ovs-ovn-1"},
        }  # fmt: skip
    step = {"action": "wait", "kind": "DaemonSet", "name": "ovs-ovn", "timeout": 5}
    code, output = run(tmp_path, "step_wait", __kube_ovn_step=step, __kube_ovn_moving=True, __kube_ovn_plan={"ready": []}, kube_ovn_wait_timeout=5)
    assert code != 0
    assert "DaemonSet kube-system/ovs-ovn did not become ready within 5 s." in output
    assert ("It does not exist." in output) != there
    assert ("Pods not ready: ovs-ovn-1. Last events: 0/1 nodes are available: 1 Insufficient hugepages-1Gi." in output) == there


PLUGIN = "#!/bin/sh\necho ko\n"


def test_the_plugin_of_kubectl_comes_once_and_goes_again(tmp_path, kubernetes):
    place = tmp_path / "kubectl-ko"
    place.write_text("an older one")
    place.chmod(0o600)
    # Up to v1.10 the installer has it.
    settings = {"kube_ovn_kubectl_ko": str(place), "__kube_ovn_rendered": {"plugin": PLUGIN}}
    for changed in (1, 0):
        code, output = run(tmp_path, "kubectl_ko", **settings)
        assert code == 0, output
        assert f"changed={changed} " in output
        assert place.read_text() == PLUGIN
        assert (place.stat().st_mode & 0o7777, place.stat().st_uid) == (0o755, os.getuid())
    for changed in (1, 0):
        code, output = run_task(tmp_path, "absent", "Remove the plugin of kubectl", settings)
        assert code == 0, output
        assert f"changed={changed} " in output
        assert not place.exists()


def test_the_plugin_of_kubectl_is_read_from_a_pod_where_the_image_has_it(tmp_path, kubernetes):
    place = tmp_path / "kubectl-ko"
    settings = {"kube_ovn_kubectl_ko": str(place), "__kube_ovn_rendered": {"plugin": None}}
    # Before the first install nothing is known of it.
    code, output = run(tmp_path, "kubectl_ko", arguments=["--check"], **settings)
    assert code == 0, output
    started(kubernetes, "kube-ovn-cni-1", namespace="kube-system")
    kubernetes.STORE["v1/pods", "kube-system", "kube-ovn-cni-1"]["metadata"]["labels"] = {"app": "kube-ovn-cni"}
    # An image of one's own may be without.
    code, output = run(tmp_path, "kubectl_ko", **settings)
    assert code != 0
    assert "No such file or directory" in output
    assert "Write the plugin" not in output
    kubernetes.files["/kube-ovn/kubectl-ko"] = PLUGIN
    for changed in (1, 0):
        code, output = run(tmp_path, "kubectl_ko", **settings)
        assert code == 0, output
        assert f"changed={changed} " in output
        assert place.read_text() == PLUGIN
        assert place.stat().st_mode & 0o7777 == 0o755

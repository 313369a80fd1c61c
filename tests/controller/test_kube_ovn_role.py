"""What role kube_ovn removes from a node, and where it looks for it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# A network namespace of its own: packet filter rules of this machine stay as they are.
ALONE = ["unshare", "-n"] if os.geteuid() == 0 and shutil.which("unshare") else None


def run(tmp_path, fact="", prefix=(), **variables):
    play = [
        {
            "hosts": "localhost",
            "gather_facts": False,
            "tasks": [
                {
                    "ansible.builtin.include_role": {"name": "kube_ovn.dpdk.kube_ovn", "tasks_from": "nodes", "rolespec_validate": False, "public": True},
                    "vars": variables,
                },
                {"ansible.builtin.debug": {"msg": "FACT {{ (" + (fact or "''") + ") | to_json }} END"}, "vars": variables},
            ],
        }
    ]
    (tmp_path / "play.yml").write_text(json.dumps(play))
    ansible = str(Path(sys.executable).parent / "ansible-playbook")
    command = [*prefix, ansible, "-i", "localhost,", "-c", "local", "-e", f"ansible_python_interpreter={sys.executable}", str(tmp_path / "play.yml")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    return done.returncode, " ".join(done.stdout.split())


def answer(output):
    return json.loads(re.search(r"FACT (.*?) END", output).group(1).replace('\\"', '"'))


# A node on which nothing is written: the state is none of those that the role knows.
NOTHING = {"kube_ovn_state": "unknown", "__kube_ovn_rundir": "/nonexistent", "__kube_ovn_node_plan": {"differs": False}}


def test_what_is_removed_from_the_nodes_is_where_the_release_was_told_to_put_it(tmp_path):
    usual = ["/etc/cni/net.d/00-kube-ovn.conflist", "/etc/cni/net.d/01-kube-ovn.conflist", "/opt/cni/bin/kube-ovn", "/var/log/kube-ovn"]
    code, output = run(tmp_path, "__kube_ovn_node_files + ['|'] + __kube_ovn_node_directories", **NOTHING)
    assert code == 0, output
    found = answer(output)
    assert found[-2:] == ["|", "/etc/origin"]
    assert len(found) == len(set(found)) == 15
    assert "/etc/origin/ovs_ipsec_keys" in found
    assert set(usual) < set(found)
    settings = {"CNI_CONF_DIR": "/x/net.d", "CNI_BIN_DIR": "/x/bin", "LOG_DIR": "/x/log", "CNI_CONFIG_PRIORITY": "05"}
    code, output = run(tmp_path, "__kube_ovn_node_files + ['|'] + __kube_ovn_node_directories", kube_ovn_installer_variables=settings, **NOTHING)
    assert code == 0, output
    found = answer(output)
    assert found[-5:] == ["|", "/etc/origin", "/x/net.d", "/x/bin", "/x/log"]
    assert {"/x/net.d/05-kube-ovn.conflist", "/x/bin/kube-ovn", "/x/log/ovn", *usual} < set(found)


@pytest.mark.skipif(ALONE is None, reason="needs root and unshare")
def test_files_go_and_directories_when_they_are_empty_and_results_that_the_runtime_keeps(tmp_path):
    for name in ("own/kube-ovn", "shared/kube-ovn", "shared/.other"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    results = tmp_path / "results"
    results.mkdir()
    kept = ["kube-ovn-dpdk-1-eth0", f"multus-cni-network-{'a1' * 32}-eth0", f"another-kube-ovn-{'a1' * 32}-eth0"]
    for name in [*kept, f"kube-ovn-{'a1' * 32}-eth0", f"kube-ovn-{'b2' * 32}-net1"]:
        (results / name).write_text("")
    variables = {
        "kube_ovn_state": "absent",
        "__kube_ovn_rundir": str(tmp_path / "run"),
        "__kube_ovn_userspace_devices": [],
        "__kube_ovn_node_files": [str(tmp_path / name) for name in ("own/kube-ovn", "shared/kube-ovn")],
        "__kube_ovn_node_directories": [str(tmp_path / name) for name in ("own", "shared", "nosuch")],
        "__kube_ovn_results": str(results),
    }
    code, output = run(tmp_path, prefix=ALONE, **variables)
    assert code == 0, output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["play.yml", "results", "shared"]
    assert [path.name for path in (tmp_path / "shared").iterdir()] == [".other"]
    assert sorted(path.name for path in results.iterdir()) == sorted(kept)
    # There is nothing left to do.
    code, output = run(tmp_path, prefix=ALONE, **variables)
    assert (code, "changed=0" in output) == (0, True), output

# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Role host_reboot against the few answers of a Kubernetes API, and with a command in place of the reboot.

The host is this machine through a chroot connection to /, since module reboot refuses a local one. Real reboots: molecule/hosts_vm.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "molecule" / "hosts_vm" / "files"))
sys.path.insert(0, str(ROOT / ".collections"))

import api as fake  # noqa: E402
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import host_reboot  # noqa: E402

REQUEST = {"role": "asker", "reasons": ["more pages"], "verify": "verify_boot", "data": {"word": "proof"}}


@pytest.fixture
def api(tmp_path):
    server = fake.serve(tmp_path)
    server.state.real_boots = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    (tmp_path / "boot_id").write_text("first\n")
    (tmp_path / "reboot").write_text(f"#!/bin/sh\necho $1 >> {tmp_path}/boot_id\necho reboot $1 >> {tmp_path}/calls\n")
    (tmp_path / "reboot").chmod(0o755)
    tasks = tmp_path / "roles" / "asker" / "tasks"
    tasks.mkdir(parents=True)
    said = f"echo verify {{{{ host_reboot_request.data.word }}}} >> {tmp_path}/calls; ! test -e {tmp_path}/broken"
    (tasks / "verify_boot.yml").write_text(yaml.safe_dump([{"name": "Verify", "ansible.builtin.shell": said, "changed_when": False}]))
    yield server.state
    server.shutdown()


def play(tmp_path: Path, tasks: list, *arguments: str, hosts=("bookworm",), environment: dict | None = None, **variables) -> subprocess.CompletedProcess:
    connection = {"ansible_connection": "community.general.chroot", "ansible_host": "/", "ansible_python_interpreter": sys.executable}
    inventory = {"all": {"hosts": {host: connection for host in hosts}, "children": {"nodes": {"hosts": dict.fromkeys(hosts)}}}}
    internal = {
        "__host_reboot_delay": 1, "__host_reboot_mark_file": f"{tmp_path}/mark-{{{{ inventory_hostname }}}}", "__host_reboot_pod_dirs": [f"{tmp_path}/pods"],
    }  # fmt: skip
    settings = {"host_reboot_timeout": 60, "host_reboot_drain_timeout": 20, "host_reboot_kubeconfig": str(tmp_path / "kubeconfig"), **internal, **variables}
    command = {"reboot_command": f"{tmp_path}/reboot {{{{ inventory_hostname }}}}", "boot_time_command": f"cat {tmp_path}/boot_id", "post_reboot_delay": 0}
    book = [dict(item, module_defaults={"ansible.builtin.reboot": command}) for item in (tasks if "hosts" in tasks[0] else [{
        "hosts": "nodes", "gather_facts": False, "tasks": tasks,
    }])]  # fmt: skip
    for name, text in (("inventory.yml", inventory), ("play.yml", book), ("settings.yml", settings)):
        (tmp_path / name).write_text(yaml.safe_dump(text, sort_keys=False))
    return subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(tmp_path / "inventory.yml"), "-e", f"@{tmp_path}/settings.yml",
         str(tmp_path / "play.yml"), *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=180, check=False, env={**os.environ, **(environment or {})},
    )  # fmt: skip


def request(*requests: dict) -> dict:
    return {"name": "Request", "ansible.builtin.set_fact": {"host_reboot_requests": list(requests)}}


ROLE = {"name": "Reboot", "ansible.builtin.include_role": {"name": "kube_ovn.dpdk.host_reboot"}}


ANNOUNCE = {"name": "Announce", "ansible.builtin.include_role": {"name": "kube_ovn.dpdk.host_reboot", "tasks_from": "announce"}}


def reboot(tmp_path: Path, *arguments: str, requests=(REQUEST,), **variables) -> subprocess.CompletedProcess:
    return play(tmp_path, [request(*requests), ROLE], *arguments, **variables)


def said(done: subprocess.CompletedProcess) -> str:
    return " ".join(done.stdout.split())


def calls(api) -> list[str]:
    return api.calls.read_text().splitlines()


def test_drained_rebooted_verified_and_uncordoned(tmp_path, api):
    for name, kind in (("web", "ReplicaSet"), ("slow", "StatefulSet"), ("ovs", "DaemonSet")):
        api.pods[name] = fake.pod(name, kind)
    api.pods["elsewhere"] = fake.pod("elsewhere", node="lost")
    later = {"role": "asker", "reasons": [], "verify": "verify_boot", "drained": "", "data": {"word": "too"}}
    done = play(tmp_path, [request(REQUEST, later), ROLE, ROLE])
    assert done.returncode == 0, done.stdout
    made = calls(api)
    assert made[0] == "cordon bookworm"
    assert sorted(made[1:3]) == ["evict slow", "evict web"]
    # Every requester looks at the boot before the node takes pods, and a second time nothing is requested any more.
    assert made[3:] == ["reboot bookworm", "verify proof", "verify too", "uncordon bookworm"]
    assert sorted(api.pods) == ["elsewhere", "ovs"]
    assert not (tmp_path / "mark-bookworm").exists()
    assert "more pages" in said(done)


DRAIN = {**REQUEST, "reasons": ["the kubelet changes"], "drained": "drained", "reboot": False}


@pytest.mark.parametrize("others, rebooted", [([], False), ([{**REQUEST, "reasons": []}], False), ([REQUEST], True)], ids=str)
@pytest.mark.one_core
def test_what_is_changed_on_a_drained_node(tmp_path, api, others, rebooted):
    """Included after the drain and before the reboot, and there is a reboot only for a request that needs one."""
    api.pods["web"] = fake.pod("web")
    shell = {"name": "Change", "ansible.builtin.shell": f"echo drained {{{{ host_reboot_request.data.word }}}} >> {tmp_path}/calls", "changed_when": True}
    (tmp_path / "roles" / "asker" / "tasks" / "drained.yml").write_text(yaml.safe_dump([shell]))
    done = play(tmp_path, [request(DRAIN, *others), ANNOUNCE, ROLE])
    assert done.returncode == 0, done.stdout
    made = calls(api)
    assert made[:3] == ["cordon bookworm", "evict web", "drained proof"]
    assert made[3:] == ["reboot bookworm"] * rebooted + ["verify proof"] * (1 + len(others)) + ["uncordon bookworm"]
    assert ("1 host(s) will be drained and rebooted" in said(done)) == rebooted
    assert ("bookworm: the kubelet changes (drained, not rebooted)" in said(done)) == (not rebooted)
    (tmp_path / "calls").write_text("")
    done = reboot(tmp_path, "--check", requests=(DRAIN,))
    assert done.returncode == 0, done.stdout
    assert calls(api) == []


def test_a_change_on_a_drained_node_that_fails(tmp_path, api):
    (tmp_path / "roles" / "asker" / "tasks" / "drained.yml").write_text(yaml.safe_dump([{"name": "Fail", "ansible.builtin.fail": {"msg": "no kubelet"}}]))
    done = reboot(tmp_path, requests=(DRAIN,))
    assert done.returncode == 2
    assert calls(api) == ["cordon bookworm"]
    assert "no kubelet Node bookworm is still cordoned" in said(done)


@pytest.mark.parametrize("requests, arguments", [((), ()), (({**REQUEST, "reasons": []},), ()), ((REQUEST,), ("--check",))], ids=str)
def test_nothing_is_asked_of_the_cluster(tmp_path, api, requests, arguments):
    api.pods["web"] = fake.pod("web")
    done = reboot(tmp_path, *arguments, requests=requests)
    assert done.returncode == 0, done.stdout
    assert calls(api) == []
    assert (tmp_path / "boot_id").read_text() == "first\n"


def test_mode_never_reports_only(tmp_path, api):
    done = reboot(tmp_path, host_reboot_mode="never")
    assert done.returncode == 0, done.stdout
    assert "bookworm has to be rebooted by hand (host_reboot_mode: never): more pages" in said(done)
    assert calls(api) == []


def test_mode_of_the_play_or_the_role(tmp_path, api):
    """Which variables of hosts do not have."""
    never = {"host_reboot_mode": "never"}
    for tasks in ([request(REQUEST), {**ROLE, "vars": never}], [{"hosts": "nodes", "gather_facts": False, "vars": never, "tasks": [request(REQUEST), ROLE]}]):
        done = play(tmp_path, tasks)
        assert done.returncode == 0, done.stdout
        assert "bookworm has to be rebooted by hand (host_reboot_mode: never): more pages" in said(done)
        assert "will be drained" not in said(done)
    assert calls(api) == []


@pytest.mark.parametrize("name, times", [("delayed", 3), ("migrated", 3), ("forbidden-fruit", 3)])
@pytest.mark.one_core
def test_eviction_that_is_refused_for_now_is_waited_for(tmp_path, api, name, times):
    """By a disruption budget, with the server's own message, or by a webhook with another one."""
    api.pods[name] = fake.pod(name)
    done = reboot(tmp_path)
    assert done.returncode == 0, done.stdout
    assert calls(api) == ["cordon bookworm", *[f"evict {name}"] * times, "reboot bookworm", "verify proof", "uncordon bookworm"]


@pytest.mark.one_core
def test_budget_that_never_allows_it(tmp_path, api):
    api.pods["guarded"] = fake.pod("guarded")
    done = reboot(tmp_path, host_reboot_drain_timeout=2)
    assert done.returncode == 2
    assert "Node bookworm could not be drained within 2 s, so it was not rebooted: Failed to delete pod default/guarded due to:" in said(done)
    assert "reboot all the same (host_reboot_mode: force)" in said(done)
    assert calls(api)[0] == "cordon bookworm" and calls(api).count("evict guarded") > 1 and calls(api)[-1] == "uncordon bookworm"
    assert not (tmp_path / "mark-bookworm").exists()
    (tmp_path / "calls").write_text("")
    done = reboot(tmp_path, host_reboot_drain_timeout=1, host_reboot_mode="force")
    assert done.returncode == 0, done.stdout
    assert calls(api)[-3:] == ["reboot bookworm", "verify proof", "uncordon bookworm"]


def test_eviction_that_is_forbidden_is_not_waited_for(tmp_path, api):
    api.pods["kept"] = fake.pod("kept")
    done = reboot(tmp_path, host_reboot_drain_timeout=60)
    assert done.returncode == 2
    assert calls(api) == ["cordon bookworm", "evict kept", "uncordon bookworm"]


BUDGET = "Cannot evict pod as it would violate the pod's disruption budget."
EVICTION = 'User "u" cannot create resource "pods/eviction" in API group "" in the namespace "default"'


@pytest.mark.parametrize(
    "said, again",
    [
        # kubernetes.core before 5.1 gives the reason phrase, then the message, or the status where it does not find one.
        ("Failed to delete pod default/forbidden-fruit due to: Too Many Requests", True),
        ("Failed to delete pod unauthorized/forbidden due to: " + BUDGET, True),
        (f"Failed to delete pod default/web due to: {BUDGET} The disruption budget forbidden-fruit needs 1 healthy pods", True),
        ('Failed to delete pod default/web due to: admission webhook "forbidden.example" denied the request: unauthorized is forbidden: wait', True),
        ('Failed to delete pod default/web due to: {"message":"budget forbidden","reason":"TooManyRequests","code":429}', True),
        ("Failed to delete pod default/forbidden due to: Forbidden", False),
        ("Failed to delete pod default/web due to: Unauthorized", False),
        ("Failed to delete pod default/web due to: 401 Reason: Unauthorized", False),
        (f'Failed to delete pod default/web due to: pods "web" is forbidden: {EVICTION}', False),
        ('Failed to delete pod default/web due to: {"kind":"Status","message":"no rights","reason":"Forbidden","code":403}', False),
        ("Failed to delete pod default/web due to: This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.", False),
        ("Failed to retrieve node 'forbidden' due to: Too Many Requests", False),
    ],
)
def test_refusals_that_waiting_may_change(said, again):
    pattern = yaml.safe_load((ROOT / "roles/host_reboot/vars/main.yml").read_text())["__host_reboot_refused_for_now"]
    assert bool(re.search(pattern, said)) == again


@pytest.mark.one_core
def test_pods_without_a_controller(tmp_path, api):
    api.pods["web"] = fake.pod("web")
    api.pods["done"] = {**fake.pod("done", kind=None), "status": {"phase": "Succeeded"}}
    # As kubelets before Kubernetes 1.17 made it.
    api.pods["mirror"] = fake.pod("mirror", kind=None)
    api.pods["mirror"]["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "0123"}
    api.pods["mine"] = fake.pod("mine", kind=None)
    done = reboot(tmp_path)
    assert done.returncode == 2
    assert "since these pods on it have no controller that would create them again: default/mine. Delete or move them" in said(done)
    assert calls(api) == []
    assert not (tmp_path / "mark-bookworm").exists()
    done = reboot(tmp_path, host_reboot_mode="force")
    assert done.returncode == 0, done.stdout
    made = calls(api)
    assert (made[0], sorted(made[1:4]), made[4]) == ("cordon bookworm", ["evict done", "evict mine", "evict web"], "reboot bookworm")


def test_pods_that_do_not_terminate_in_time(tmp_path, api):
    api.pods["slow"] = fake.pod("slow")
    done = reboot(tmp_path, host_reboot_drain_timeout=1)
    assert done.returncode == 2
    assert "so it was not rebooted: pods that are still on it: default/slow. Move them away" in said(done)
    assert not api.nodes["bookworm"]["spec"]["unschedulable"]


@pytest.mark.one_core
def test_node_that_does_not_come_back(tmp_path, api):
    done = reboot(tmp_path, hosts=("lost",), host_reboot_timeout=15)
    assert done.returncode == 2
    assert "Node lost was rebooted and is still cordoned: it was not ready within 15 s" in said(done)
    assert "Ready Unknown (Kubelet stopped posting node status.)" in said(done)
    assert api.nodes["lost"]["spec"]["unschedulable"]


@pytest.mark.one_core
def test_node_without_a_network_need_not_be_ready_afterwards(tmp_path, api):
    """Before Kube-OVN is installed no node is."""
    api.never_ready = {"bookworm"}
    done = reboot(tmp_path)
    assert done.returncode == 0, done.stdout
    assert calls(api)[-1] == "uncordon bookworm"


def test_cordon_of_somebody_else_stays(tmp_path, api):
    api.cordon("bookworm", True)
    done = reboot(tmp_path)
    assert done.returncode == 0, done.stdout
    assert calls(api) == ["reboot bookworm", "verify proof"]
    assert api.nodes["bookworm"]["spec"]["unschedulable"]


def test_cordon_of_somebody_else_stays_where_the_mark_cannot_be_written(tmp_path, api, monkeypatch):
    """It was made after this run had looked at the node, and this run has cordoned nothing."""
    listed = api.list

    def cordoned_meanwhile(node: str) -> list[dict]:
        api.cordon("bookworm", True)
        return listed(node)

    monkeypatch.setattr(api, "list", cordoned_meanwhile)
    done = reboot(tmp_path, __host_reboot_mark_file=f"{tmp_path}/no-such-directory/mark")
    assert done.returncode == 2
    assert "so it was not rebooted: Destination directory" in said(done)
    assert calls(api) == []
    assert api.nodes["bookworm"]["spec"]["unschedulable"]


def interrupted(tmp_path, api) -> None:
    """A requester finds the boot wanting."""
    (tmp_path / "broken").touch()
    done = reboot(tmp_path)
    assert done.returncode == 2
    assert "The reboot of bookworm failed, or the host is not as it has to be afterwards" in said(done)
    assert "Node bookworm is still cordoned" in said(done)
    assert "kubectl uncordon bookworm" in said(done)
    assert calls(api) == ["cordon bookworm", "reboot bookworm", "verify proof"]
    mark = (tmp_path / "mark-bookworm").read_text()
    assert f"cordoned-at: {api.nodes['bookworm']['spec']['taints'][0]['timeAdded']}\n" in mark
    (tmp_path / "broken").unlink()
    (tmp_path / "calls").write_text("reboot bookworm\n")


@pytest.mark.parametrize("requests, after", [((), ["uncordon bookworm"]), ((REQUEST,), ["reboot bookworm", "verify proof", "uncordon bookworm"])], ids=str)
@pytest.mark.one_core
def test_next_run_uncordons_what_an_interrupted_one_left(tmp_path, api, requests, after):
    interrupted(tmp_path, api)
    (tmp_path / "boot_id").write_text("first\n")
    done = reboot(tmp_path, requests=requests)
    assert done.returncode == 0, done.stdout
    assert calls(api)[1:] == after
    assert not (tmp_path / "mark-bookworm").exists()


@pytest.mark.parametrize("requests", [(), (REQUEST,)], ids=str)
@pytest.mark.one_core
def test_cordon_that_somebody_made_later_stays(tmp_path, api, requests):
    """Uncordoned by hand, and cordoned again for another reason: the mark says nothing about that."""
    interrupted(tmp_path, api)
    (tmp_path / "boot_id").write_text("first\n")
    api.cordon("bookworm", False)
    api.cordon("bookworm", True)
    api.nodes["bookworm"]["spec"]["taints"] = [{"key": host_reboot.TAINT, "effect": "NoSchedule", "timeAdded": "2030-01-01T00:00:00Z"}]
    done = reboot(tmp_path, requests=requests)
    assert done.returncode == 0, done.stdout
    assert "uncordon bookworm" not in calls(api)
    assert api.nodes["bookworm"]["spec"]["unschedulable"]
    assert not (tmp_path / "mark-bookworm").exists()


def test_mark_of_a_node_that_is_gone(tmp_path, api):
    interrupted(tmp_path, api)
    del api.nodes["bookworm"]
    assert reboot(tmp_path, requests=()).returncode == 0
    assert not (tmp_path / "mark-bookworm").exists()


def test_node_by_another_name(tmp_path, api):
    done = reboot(tmp_path, hosts=("machine7",))
    assert done.returncode == 2
    assert "machine7 is no node of the cluster that host_reboot_kubeconfig" in said(done)
    assert "The nodes are bookworm, lost. If the host is one of them, set kube_ovn_node_name (or host_reboot_node_name) to its name" in said(done)
    assert calls(api) == []
    api.real_boots = False
    done = reboot(tmp_path, hosts=("machine7",), kube_ovn_node_name="bookworm")
    assert [call for call in calls(api) if "cordon" in call] == ["cordon bookworm", "uncordon bookworm"], done.stdout


@pytest.mark.parametrize("variables", [{"host_reboot_drain": False}, {"host_reboot_mode": "force"}], ids=str)
def test_host_that_is_no_node_on_purpose(tmp_path, api, variables):
    done = reboot(tmp_path, hosts=("machine7",), **variables)
    assert done.returncode == 0, done.stdout
    assert calls(api) == ["reboot machine7", "verify proof"]


@pytest.mark.parametrize("pods", [True, False])
@pytest.mark.parametrize("kubeconfig", ["", "~/.kube/config"])
@pytest.mark.one_core
def test_host_without_a_kubeconfig_to_drain_it(tmp_path, api, pods, kubeconfig):
    """A node is not rebooted undrained without a word; a host that is none yet is rebooted."""
    if pods:
        (tmp_path / "pods" / "1f0c").mkdir(parents=True)
    done = reboot(tmp_path, host_reboot_kubeconfig=kubeconfig, environment={"HOME": str(tmp_path)})
    if pods:
        assert done.returncode == 2
        assert "bookworm runs pods of a kubelet, and localhost has no kubeconfig" in said(done)
        assert calls(api) == []
    else:
        assert done.returncode == 0, done.stdout
        assert calls(api) == ["reboot bookworm", "verify proof"]


def test_kubeconfig_in_the_home_of_the_user_who_logs_in(tmp_path, api):
    """Privilege escalation leads to another home, in which there is none."""
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube" / "config").write_text((tmp_path / "kubeconfig").read_text())
    (tmp_path / "root").mkdir()
    (tmp_path / "sudo").write_text(f'#!/bin/sh\nwhile [ "$1" != /bin/sh ]; do shift; done\nHOME={tmp_path}/root exec "$@"\n')
    (tmp_path / "sudo").chmod(0o755)
    variables = {"host_reboot_kubeconfig": "~/.kube/config", "environment": {"HOME": str(tmp_path)}}
    task = {**ROLE, "ansible.builtin.include_role": {**ROLE["ansible.builtin.include_role"], "apply": {"become": True}}}
    done = play(tmp_path, [request(REQUEST), task], ansible_become_exe=str(tmp_path / "sudo"), **variables)
    assert done.returncode == 0, done.stdout
    assert calls(api)[0] == "cordon bookworm"


# The plays of the whole line


def site_plays() -> list[dict]:
    """The two plays for hosts, with a requester in place of the roles that prepare them."""
    plays = yaml.safe_load((ROOT / "playbooks" / "site.yml").read_text())
    start = next(index for index, item in enumerate(plays) if "host_reboot_plan" in str(item.get("hosts")))
    prepare, after = plays[start - 1], plays[start]
    roles = [task for task in prepare["tasks"] if "host_reboot" in task["ansible.builtin.import_role"]["name"]]
    ask = {**request(REQUEST), "when": "inventory_hostname in asking.split(',')"}
    return [{**prepare, "tasks": [ask, *roles]}, after, {"hosts": "nodes", "gather_facts": False, "tasks": [{"name": "Go on", "ansible.builtin.debug": None}]}]


def site(tmp_path: Path, *arguments: str, asking: str, **variables) -> subprocess.CompletedProcess:
    return play(tmp_path, site_plays(), *arguments, hosts=("a", "b", "c", "d"), asking=asking, host_reboot_drain=False, **variables)


def test_only_hosts_with_a_request_are_rebooted_one_after_the_other(tmp_path, api):
    done = site(tmp_path, asking="b,d")
    assert done.returncode == 0, done.stdout
    assert calls(api) == ["reboot b", "verify proof", "reboot d", "verify proof"]
    text = said(done)
    # Beforehand, which, why and how long.
    assert text.index("2 host(s) will be drained and rebooted, 1 at a time; a batch may take up to 2 minutes") < text.index("PLAY [Reboot the hosts")
    assert "b: more pages" in text and "d: more pages" in text and "a: more pages" not in text
    assert done.stdout.count("TASK [Go on]") == 1
    # Each batch reports itself.
    assert re.findall(r"(\d) host\(s\) will be drained and rebooted, (\d) at a time", text) == [("2", "1"), ("1", "1"), ("1", "1")]
    assert done.stdout.count("- 'd: more pages'") == 2


def test_no_request_no_reboot_play(tmp_path, api):
    done = site(tmp_path, asking="")
    assert done.returncode == 0, done.stdout
    assert calls(api) == []
    assert "will be drained" not in said(done)
    assert "WARNING" not in done.stdout + done.stderr


@pytest.mark.parametrize("serial", ["1", "50%"])
def test_first_failure_stops_further_reboots(tmp_path, api, serial):
    """Also within batches; the other hosts of the batch are not left halfway."""
    script = (tmp_path / "reboot").read_text().replace("echo $1 >>", '[ "$1" != a ] || exit 3\necho $1 >>')
    (tmp_path / "reboot").write_text(script)
    done = site(tmp_path, "-e", f"site_serial={serial}", asking="a,b,c,d", host_reboot_timeout=15)
    assert done.returncode == 2
    rebooted = [call for call in calls(api) if call.startswith("reboot")]
    assert rebooted == ([] if serial == "1" else ["reboot b"])
    assert "TASK [Go on]" not in done.stdout
    if serial != "1":
        assert "verify proof" in calls(api)
        assert "a failed, so no further host is rebooted; b was rebooted and is ready" in said(done)


@pytest.mark.parametrize("serial, hosts, size", [(1, 5, 1), ("2", 5, 2), ("50%", 5, 2), ("1%", 5, 1), ([1, "100%"], 4, 4), (0, 3, 3), (9, 3, 3)])
def test_batch_size_is_that_of_ansible(serial, hosts, size):
    assert host_reboot.batch_size(serial, hosts) == size


MARK = "Managed by Ansible\nmarked-at: 2026-05-01T12:00:00Z\ncordoned-at: %s\n"


@pytest.mark.parametrize("added, mark, owner", [
    ("2026-05-01T12:00:05Z", MARK % "2026-05-01T12:00:05Z", "role"), ("2026-05-01T12:00:06Z", MARK % "2026-05-01T12:00:05Z", "other"),
    # The run was cut off before the taint was seen.
    ("2026-05-01T12:00:05Z", MARK % "", "role"), ("2026-05-02T12:00:05Z", MARK % "", "other"),
    # A control plane without that taint.
    ("", MARK % "", "role"), ("", "", "other"),
    # Somebody else had cordoned it a moment before.
    ("", MARK % "somebody else", "other"), ("2026-05-01T12:00:05Z", MARK % "somebody else", "other"),
])  # fmt: skip
def test_whose_cordon_it_is(added, mark, owner):
    taints = [{"key": "other", "timeAdded": "2020-01-01T00:00:00Z"}] + ([{"key": host_reboot.TAINT, "timeAdded": added}] if added else [])
    node = {"spec": {"unschedulable": True, "taints": taints}}
    found = {"machine": "", "mark": mark}
    assert host_reboot.node({"node": [node]}, found)["cordon"] == owner
    assert host_reboot.node({"node": [{"spec": {"taints": taints}}]}, found)["cordon"] == "nobody"


SAID = "[machine]\r\nid\r\nboot\r\n[pods]\r\n%s[mark]\r\nmarked-at: 2026-05-01T12:00:00Z\r\n"


@pytest.mark.parametrize("pods, kubelet", [("", False), ("/var/lib/kubelet/pods:\r\n", False), ("/var/lib/kubelet/pods:\r\n1f0c\r\n", True)])
def test_what_is_read_of_a_host(pods, kubelet):
    """Of a terminal too, which writes line ends of its own."""
    assert host_reboot.host(SAID % pods) == {"machine": "id\nboot", "kubelet": kubelet, "mark": "marked-at: 2026-05-01T12:00:00Z"}


def test_nothing_was_read_of_a_host():
    assert host_reboot.host(None) == {"machine": "", "kubelet": False, "mark": ""}


def test_report_of_a_cordon_that_stays_and_of_a_reboot_by_hand():
    node = {"metadata": {"name": "n1"}, "spec": {"unschedulable": True, "taints": [{"key": host_reboot.TAINT, "timeAdded": "2030-01-01T00:00:00Z"}]}}
    hostvars = {
        "a": {"__host_reboot_read": {"stdout": SAID % ""}, "__host_reboot_objects": {"objects": {"node": [node], "pods": []}}},
        "b": {"host_reboot_mode": "never", "host_reboot_requests": [{"reasons": ["more pages"]}]},
        "c": {"__host_reboot_read": {"stdout": SAID % ""}, "__host_reboot_objects": {"skipped": True}},
    }
    lines = host_reboot.report(["a", "b", "c"], hostvars)
    assert len(lines) == 2
    assert lines[0].startswith("Node n1 was cordoned by another user or tool after an interrupted reboot of a, so it stays cordoned.")
    assert lines[1] == "b has to be rebooted by hand (host_reboot_mode: never): more pages"


ABOUT = {"host": "h", "node": "n", "mode": "auto", "due": True, "delegate": "d", "kubeconfig": "~/k", "found": "/root/k", "nodes": []}
FINE = {"is_node": True, "other_machine": False, "unmanaged": []}


@pytest.mark.parametrize("state, about, refused", [
    ({}, {}, ""), ({}, {"found": ""}, "h runs pods of a kubelet"), ({"is_node": False}, {}, ""),
    ({"is_node": False}, {"nodes": ["x"]}, "The nodes are x."), ({"other_machine": True}, {}, "the node of another host"),
    ({"unmanaged": ["a/b"]}, {}, "create them again: a/b."),
    # A node that is only uncordoned loses nothing.
    ({"unmanaged": ["a/b"]}, {"due": False}, ""), ({"unmanaged": ["a/b"]}, {"mode": "force"}, ""),
])  # fmt: skip
def test_what_is_refused(state, about, refused):
    found = host_reboot.refusal({**FINE, **state}, {"kubelet": True}, {**ABOUT, **about})
    assert bool(found) == bool(refused) and refused in found

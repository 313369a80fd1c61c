"""CPUs that the kubelet hands out: a Guaranteed pod takes the core of the PMD thread, unless that core is reserved.

The machine has two CPUs. Role `cpu_management` refuses to divide so few, and the kubelet admits a pod with a CPU of its own only where nothing else asks
for one. So the test writes the two settings of the kubelet that matter, and takes the requests of all other pods away.
"""

from __future__ import annotations

import json
import re
import subprocess

import pytest
from kubernetes import client
from lab import FILES, LABEL, NODE, REPORT, core, in_pod, on_node, playbook, wait_for

KUBELET = "/etc/kubernetes/kubelet.yaml"
STATE = "/var/lib/kubelet/cpu_manager_state"
PMD = 1
SWITCH = "/run/openvswitch/ovs-vswitchd.pid"


def threads() -> dict[str, str]:
    """The CPUs that each PMD thread may run on, by its name, which ends with its core's number."""
    shown = on_node("sh", "-c", f"cd /proc/$(cat {SWITCH})/task && grep -sH -e ^Name -e ^Cpus_allowed_list */status")
    found = re.findall(r"Name:\t(pmd-c\S+)\n.*Cpus_allowed_list:\t(\S+)", shown)
    assert found, shown
    return dict(found)


def cpus_of_testpmd() -> str:
    return in_pod(f"testpmd-dpdk-{NODE}", "sed", "-n", "s/^Cpus_allowed_list:[[:space:]]*//p", "/proc/self/status", container="testpmd-dpdk").strip()


def has_core() -> bool:
    return set(threads().values()) == {str(PMD)}


def configure(*lines: str) -> None:
    """The kubelet with these lines more, and without the CPUs that it has handed out."""
    on_node("systemctl", "stop", "kubelet")
    on_node("sh", "-c", f"rm -f {STATE}; test -e {KUBELET}.before || cp {KUBELET} {KUBELET}.before; cp {KUBELET}.before {KUBELET}")
    if lines:
        text = "".join(f"{line}\n" for line in lines)
        subprocess.run(["docker", "exec", "-i", NODE, "sh", "-c", f"cat >> {KUBELET}"], input=text, text=True, check=True, timeout=60)
    on_node("systemctl", "start", "kubelet")
    wait_for("the kubelet's static policy", lambda: not lines or on_node("sh", "-c", f"cat {STATE} || true").count('"static"') == 1, 120)


def without_requests() -> None:
    apps = client.AppsV1Api(core().api_client)
    for kind in ("daemon_set", "deployment"):
        for one in getattr(apps, f"list_namespaced_{kind}")("kube-system").items:
            spec = one.spec.template.spec
            parts = {"containers": spec.containers, "initContainers": spec.init_containers or []}
            without = {key: [{"name": part.name, "resources": {"requests": {"cpu": "0"}}} for part in listed] for key, listed in parts.items() if listed}
            patch = {"spec": {"template": {"spec": without}}}
            getattr(apps, f"patch_namespaced_{kind}")(one.metadata.name, "kube-system", patch)
    for one in asking():
        core().delete_namespaced_pod(one.metadata.name, one.metadata.namespace)
    wait_for("pods without requests", lambda: not asking(), 300, every=2)
    wait_for("ready pods", lambda: all(ready(one) for one in core().list_namespaced_pod("kube-system").items), 300, every=2)


def asking() -> list:
    def asks(one) -> bool:
        parts = [*one.spec.containers, *(one.spec.init_containers or [])]
        requests = [(part.resources.requests or {}).get("cpu", "0") if part.resources else "0" for part in parts]
        return any(value != "0" for value in requests)

    return [one for one in core().list_namespaced_pod("kube-system").items if asks(one)]


def ready(one) -> bool:
    return any(condition.type == "Ready" and condition.status == "True" for condition in one.status.conditions or [])


class OwnCpu:
    """A Guaranteed pod with a CPU of its own, while it runs."""

    name = "own-cpu"

    def __enter__(self) -> str:
        resources = {"cpu": "1", "memory": "64Mi"}
        container = {
            "name": "c", "image": "dpdk:19.11", "imagePullPolicy": "Never", "command": ["sleep", "3600"],
            "resources": {"requests": resources, "limits": resources},
        }  # fmt: skip
        spec = {"nodeName": NODE, "restartPolicy": "Never", "terminationGracePeriodSeconds": 0, "containers": [container]}
        spec["tolerations"] = [{"operator": "Exists"}]
        core().create_namespaced_pod("default", {"metadata": {"name": self.name, "labels": {"app": LABEL}}, "spec": spec})
        try:
            wait_for("the pod with a CPU of its own", lambda: self.read().status.phase == "Running", 120)
        except BaseException:
            self.__exit__()
            raise
        (cpus,) = json.loads(on_node("cat", STATE))["entries"][self.read().metadata.uid].values()
        return cpus

    def read(self):
        one = core().read_namespaced_pod(self.name, "default")
        assert one.status.phase != "Failed", one.status.message
        return one

    def __exit__(self, *_error: object) -> None:
        core().delete_namespaced_pod(self.name, "default", grace_period_seconds=0)
        wait_for("the end of that pod", lambda: self.name not in {one.metadata.name for one in core().list_namespaced_pod("default").items}, 120)


def proof() -> tuple[int, dict]:
    # On two CPUs all else shares the one that is left: what counts is that packets pass.
    code, _output = playbook("playbooks/verify.yml", 600, verify_max_drop_ratio=1)
    return code, json.loads(REPORT.read_text())


@pytest.fixture(scope="module", autouse=True)
def light():
    without_requests()
    # Open vSwitch was restarted.
    for one in core().list_namespaced_pod("default").items:
        core().delete_namespaced_pod(one.metadata.name, "default")
    code, _output = playbook("playbooks/site.yml", 600, options=["--tags", "dpdk_app"])
    assert code == 0
    yield
    configure()
    on_node("rm", "-f", f"{KUBELET}.before")
    code, _output = playbook("site.yml", 900)
    assert code == 0


def test_a_guaranteed_pod_takes_the_core_of_the_pmd_thread():
    configure("cpuManagerPolicy: static", 'reservedSystemCPUs: "0"')
    assert has_core()
    with OwnCpu() as cpus:
        assert cpus == str(PMD)
        wait_for("the loss of the core", lambda: not has_core(), 60)
        code, report = proof()
        assert code != 0
        failed = [check for check in report["checks"] if not check["ok"]]
        assert any(f"the PMD thread of core {PMD} may run on CPUs 0" in json.dumps(check) for check in failed), failed


def test_a_reserved_core_stays_with_its_pmd_thread_while_packets_pass():
    configure("cpuManagerPolicy: static", f'reservedSystemCPUs: "{PMD}"')
    # What the first pod has done is not undone by its end: the product puts the threads back.
    wait_for("the whole pool", lambda: "0-1" in threads().values() or has_core(), 60)
    code, _output = playbook(str(FILES / "pmd_affinity.yml"), 300)
    assert code == 0
    assert has_core()
    with OwnCpu() as cpus:
        assert cpus == "0"
        # The kubelet takes it from the other pods up to ten seconds later.
        wait_for("the CPU that the testpmd pod keeps", lambda: cpus_of_testpmd() == str(PMD), 60)
        code, report = proof()
        assert has_core()
        assert code == 0
        assert report["result"] == "pass"
        assert all(min(row["rx_packets"], row["tx_packets"]) > 0 for row in report["traffic"])
    assert has_core()

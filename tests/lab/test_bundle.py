"""A bundle that is written where there is a network, and a lab that is brought to packets with it in a network namespace without any route out."""

from __future__ import annotations

import json
import subprocess
import tarfile

import pytest
from lab import NODE, REPORT, on_node, playbook

# Images that come from registries; those that the collection builds or is given are in the bundle by themselves.
PUBLISHED = ("/kube-ovn:", "/multus-cni:", "/dpdk:")


def images() -> list[str]:
    return sorted(on_node("ctr", "--namespace", "k8s.io", "images", "list", "--quiet").split())


def published() -> list[str]:
    return [name for name in images() if any(part in name for part in PUBLISHED)]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """The unpacked bundle. The engine has the published images, as after a pull, which no registry here would answer."""
    place = tmp_path_factory.mktemp("bundle")
    for name in published():
        saved = place / "image.tar"
        with saved.open("wb") as output:
            export = ["docker", "exec", NODE, "ctr", "--namespace", "k8s.io", "images", "export", "--platform", "linux/amd64", "-", name]
            subprocess.run(export, check=True, stdout=output, timeout=180)
        subprocess.run(["docker", "load", "--quiet", "--input", str(saved)], check=True, timeout=180)
        saved.unlink()
    archive = place / "bundle.tar"
    code, _output = playbook("playbooks/bundle.yml", 900, bundle_file=str(archive), bundle_work_dir=str(place / "work"), bundle_pull="not_present")
    assert code == 0
    with tarfile.open(archive) as tar:
        tar.extractall(place / "unpacked")
    return place / "unpacked"


@pytest.fixture(scope="module")
def cut_off(bundle):
    """A command that runs another in a network namespace that has a loopback device and nothing else, and a lab in it whose node has no image but one."""
    assert playbook("lab/lab.yml", 300, lab_state="absent")[0] == 0
    holder = subprocess.Popen(["unshare", "--net", "sleep", "7200"], stdin=subprocess.DEVNULL)
    within = ["nsenter", "--target", str(holder.pid), "--net", "--"]
    try:
        subprocess.run([*within, "ip", "link", "set", "lo", "up"], check=True, timeout=60)
        assert playbook("lab/lab.yml", 1200, within=within)[0] == 0
        # The lab brings images of its own: what the pods are made of has to come from the bundle.
        brought = [name for name in images() if "/pause:" not in name]
        on_node("ctr", "--namespace", "k8s.io", "images", "remove", "--sync", *brought)
        yield within
        assert playbook("lab/lab.yml", 300, within=within, lab_state="absent")[0] == 0
    finally:
        holder.kill()
        holder.wait(30)
    assert playbook("site.yml", 1200)[0] == 0


def test_there_is_no_way_out(cut_off):
    routes = subprocess.run([*cut_off, "ip", "route", "show", "default"], check=True, capture_output=True, text=True, timeout=60).stdout
    assert routes == ""
    # Of the documentation's range; the answer comes from the routing table, no packet is sent.
    assert subprocess.run([*cut_off, "ip", "route", "get", "192.0.2.1"], check=False, capture_output=True, timeout=60).returncode != 0


def test_packets_pass_with_nothing_but_the_bundle(cut_off, bundle):
    manifest = json.loads((bundle / "manifest.json").read_text())
    assert all((bundle / name).is_file() for name in manifest["files"]), manifest
    options = ["-e", f"@{bundle}/vars.yml"]
    code, _output = playbook("playbooks/site.yml", 1200, options=options, within=cut_off, bundle_dir=str(bundle))
    assert code == 0
    assert json.loads(REPORT.read_text())["result"] == "pass"
    assert published()


def test_a_second_run_changes_nothing(cut_off, bundle):
    code, output = playbook("playbooks/site.yml", 600, options=["-e", f"@{bundle}/vars.yml"], within=cut_off, bundle_dir=str(bundle))
    assert code == 0
    assert output.count(" changed=0 ") == 2

# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Role bundle: what a bundle holds, and that a node gets its images from it."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import yaml
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _bundle

ROOT = Path(__file__).resolve().parents[2]
KUBE_OVN = yaml.safe_load((ROOT / "roles" / "kube_ovn" / "vars" / "main.yml").read_text())
SETTINGS = {
    "kube_ovn_version": "v1.12.35",
    "kube_ovn_mode": "dedicated",
    "kube_ovn_installer": "https://raw.example/v1.12.35/dist/images",
    "multus_image": "ghcr.io/k8snetworkplumbingwg/multus-cni:v4.2.4",
    "ovs_dpdk_image_source": "auto",
    "ovs_dpdk_image_artifacts_dir": "/a/ovs",
    "dpdk_app_image_source": "build",
    "dpdk_app_image": "dpdk:19.11",
    "dpdk_app_artifacts_dir": "/a/app",
    "userspace_cni_artifacts_dir": "/a/userspace",
    "dpdk_host_packages": ["pciutils", "kmod"],
}


def test_plan_of_a_release_whose_image_is_built():
    plan = _bundle.plan(SETTINGS)
    assert plan["pull"] == ["ghcr.io/k8snetworkplumbingwg/multus-cni:v4.2.4", "kubeovn/kube-ovn:v1.12.35"]
    assert plan["built"] == [
        {"role": "ovs_dpdk_image", "image": "kubeovn/kube-ovn-dpdk:19.11-v1.12.35", "archive": "/a/ovs/kubeovn_kube-ovn-dpdk_19.11-v1.12.35.tar"},
        {"role": "dpdk_app", "image": "dpdk:19.11", "archive": "/a/app/dpdk_19.11.tar"},
    ]
    assert plan["installers"] == [
        {"name": "install.sh", "place": "https://raw.example/v1.12.35/dist/images/install.sh", "checksum": KUBE_OVN["__kube_ovn_installers"]["v1.12.35"]}
    ]
    assert plan["packages"] == ["kmod", "pciutils"]
    assert plan["errors"] == []


def test_plan_of_a_release_whose_image_is_published():
    plan = _bundle.plan({**SETTINGS, "kube_ovn_version": "v1.16.2", "kube_ovn_mode": "hybrid", "dpdk_app_state": "absent"})
    assert "kubeovn/kube-ovn:v1.16.2-dpdk-x86" in plan["pull"] and "kubeovn/kube-ovn:v1.16.2" in plan["pull"]
    assert plan["built"] == []


def test_plan_of_a_release_with_an_installer_for_old_kubernetes():
    assert [entry["name"] for entry in _bundle.plan({**SETTINGS, "kube_ovn_version": "v1.7.0"})["installers"]] == ["install.sh", "install-pre-1.16.sh"]


@pytest.mark.parametrize(
    ("settings", "errors"),
    [({"kube_ovn_version": "v1.99.0"}, 1), ({"kube_ovn_version": "v1.99.0", "kube_ovn_installer": "/srv/i.sh"}, 0)],
)
def test_installer_without_a_checksum(settings, errors):
    assert len(_bundle.plan({**SETTINGS, **settings})["errors"]) == errors


DIGEST = "@sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("settings", "errors"),
    [
        ({"multus_image": "ghcr.io/k/multus-cni" + DIGEST}, 1),
        ({"multus_image": "ghcr.io/k/multus-cni:v4.2.4" + DIGEST}, 1),
        ({"ovs_dpdk_image_source": "present", "kube_ovn_image": "registry.example.com:5000/dpdk" + DIGEST}, 1),
        ({"dpdk_app_image_source": "present", "dpdk_app_image": "registry.example.com/app" + DIGEST}, 1),
        ({"dpdk_app_image_source": "present", "dpdk_app_image": "registry.example.com:5000/app"}, 0),
    ],
)
def test_image_that_is_named_by_its_digest(settings, errors):
    """At the site nothing in an archive says that it is this image."""
    found = _bundle.plan({**SETTINGS, **settings})["errors"]
    assert len(found) == errors
    assert all("with a tag" in error for error in found)


def image(path: Path, name: str | None) -> Path:
    """An image as docker save writes it."""
    configuration = json.dumps({"architecture": "amd64", "config": {"Labels": {"of": name}}, "rootfs": {"diff_ids": ["sha256:" + "1" * 64]}}).encode()
    files = {"manifest.json": json.dumps([{"Config": "c.json", "RepoTags": [name] if name else None, "Layers": []}]).encode(), "c.json": configuration}
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for member, data in files.items():
            information = tarfile.TarInfo(member)
            information.size = len(data)
            tar.addfile(information, io.BytesIO(data))
    return path


def run(tmp_path: Path, tasks: list[dict], *arguments: str, check: bool = True, **variables) -> str:
    book = [{"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": {
        "ansible_python_interpreter": "{{ ansible_playbook_python }}", "ansible_remote_tmp": str(tmp_path / "tmp"), **variables,
    }, "tasks": tasks}]  # fmt: skip
    (tmp_path / "play.yml").write_text(yaml.safe_dump(book))
    done = subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", str(tmp_path / "play.yml"), *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip
    assert (done.returncode == 0) == check, done.stdout + done.stderr
    return done.stdout


def role(name: str, entry: str = "main") -> dict:
    return {"ansible.builtin.include_role": {"name": f"kube_ovn.dpdk.{name}", "tasks_from": entry}}


@pytest.fixture
def fetched(tmp_path):
    """What the builds and the pulls before leave, and the variables that lead there."""
    work = tmp_path / "work"
    image(work / "images" / "kubeovn_kube-ovn_v1.12.35.tar", "kubeovn/kube-ovn:v1.12.35")
    image(work / "images" / "ghcr.io_k_multus-cni_v4.2.4.tar", "ghcr.io/k/multus-cni:v4.2.4")
    image(tmp_path / "ovs" / "kubeovn_kube-ovn-dpdk_19.11-v1.12.35.tar", "kubeovn/kube-ovn-dpdk:19.11-v1.12.35")
    image(tmp_path / "app.tar", "dpdk:19.11")
    for name in ("userspace", "launcher", "release/install.sh"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"#!/bin/sh\n# {name}\n")
    return {
        "bundle_file": str(tmp_path / "bundle.tar"),
        "bundle_work_dir": str(work),
        "kube_ovn_installer": str(tmp_path / "release"),
        "multus_image": "ghcr.io/k/multus-cni:v4.2.4",
        "ovs_dpdk_image_artifacts_dir": str(tmp_path / "ovs"),
        "dpdk_app_image_source": "archive",
        "dpdk_app_image_archive": str(tmp_path / "app.tar"),
        "userspace_cni_artifacts_dir": str(tmp_path),
    }


# After docker/cli: inspect fails where there is no such image. What load reads is told by the archive itself.
DOCKER = """#!{python}
import json, pathlib, sys, tarfile, hashlib
state = pathlib.Path("{state}"); state.mkdir(exist_ok=True)
arguments = sys.argv[1:]
if arguments[:2] == ["image", "inspect"]:
    known = state / arguments[2].replace("/", "_")
    print(known.read_text() if known.exists() else "[]")
    sys.exit(0 if known.exists() else 1)
assert arguments[:3] == ["image", "load", "--input"], arguments
with tarfile.open(arguments[3]) as archive:
    for entry in json.load(archive.extractfile("manifest.json")):
        digest = hashlib.sha256(archive.extractfile(entry["Config"]).read()).hexdigest()
        for name in entry["RepoTags"]:
            (state / name.replace("/", "_")).write_text(json.dumps([dict(Id="sha256:" + digest)]))
"""


def test_a_bundle_is_written_once_and_a_node_gets_its_images_from_it(tmp_path, fetched, monkeypatch):
    output = run(tmp_path, [role("bundle", "installers"), role("bundle")], **fetched)
    assert "MiB" in output
    # Again: nothing changes. A damaged bundle is written again.
    before = (tmp_path / "bundle.tar").read_bytes()
    assert "changed=0 " in run(tmp_path, [role("bundle", "installers"), role("bundle")], **fetched)
    (tmp_path / "bundle.tar").write_bytes(before[:4096] + b"x" + before[4097:])
    assert "changed=1 " in run(tmp_path, [role("bundle")], **fetched)
    assert (tmp_path / "bundle.tar").read_bytes() == before

    site = tmp_path / "site"
    with tarfile.open(tmp_path / "bundle.tar") as archive:
        assert archive.next().name == "manifest.json"
        archive.extractall(site)
    manifest = json.loads((site / "manifest.json").read_text())
    assert (manifest["kube_ovn_version"], manifest["kube_ovn_mode"]) == ("v1.12.35", "dedicated")
    assert sorted(manifest["files"]) == sorted(str(path.relative_to(site)) for path in site.rglob("*") if path.is_file() and path.name != "manifest.json")
    for name, entry in manifest["files"].items():
        data = (site / name).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (entry["size"], entry["sha256"]), name

    # At the site, with nothing of what was there before.
    variables = yaml.safe_load((site / "vars.yml").read_text())
    assert variables["ovs_dpdk_image_source"] == variables["dpdk_app_image_source"] == "archive"
    assert variables["kube_ovn_installer"] == "{{ bundle_dir }}/kube_ovn/install.sh"
    assert variables["userspace_cni_binary_checksum"] == manifest["files"]["userspace_cni/userspace"]["sha256"]
    for path in (tmp_path / "work", tmp_path / "ovs"):
        subprocess.run(["rm", "-rf", str(path)], check=True)
    client = tmp_path / "bin" / "docker"
    client.parent.mkdir()
    client.write_text(DOCKER.format(python="/usr/bin/env python3", state=tmp_path / "engine"))
    client.chmod(0o755)
    monkeypatch.setenv("PATH", f"{client.parent}:{os.environ['PATH']}")
    (tmp_path / "docker.sock").touch()
    node = {"node_images_socket": str(tmp_path / "docker.sock"), "node_images_runtime": "docker", "node_images_temporary_dir": str(tmp_path),
            "ovs_dpdk_image_runtime": "docker", "dpdk_app_runtime": "docker"}  # fmt: skip
    install = ["-e", f"@{site / 'vars.yml'}", "-e", f"bundle_dir={site}"]
    # As playbook site does.
    tasks = [{**role("node_images"), "vars": {"node_images_archives": "{{ bundle_images }}"}}, role("ovs_dpdk_image", "nodes"), role("dpdk_app", "nodes")]
    run(tmp_path, tasks, *install, **node)
    assert sorted(path.name for path in (tmp_path / "engine").iterdir()) == [
        "dpdk:19.11", "ghcr.io_k_multus-cni:v4.2.4", "kubeovn_kube-ovn-dpdk:19.11-v1.12.35", "kubeovn_kube-ovn:v1.12.35",
    ]  # fmt: skip
    assert "changed=0 " in run(tmp_path, tasks, *install, **node)
    # An archive that was damaged on its way is refused.
    (site / "images" / "dpdk_19.11.tar").write_bytes(b"x" * 2048)
    assert "dpdk_19.11.tar" in run(tmp_path, tasks, *install, check=False, **node)


@pytest.mark.parametrize(("name", "found"), [(None, "holds no image with a name"), ("dpdk:20.11", "does not hold dpdk:19.11, but dpdk:20.11")])
def test_archive_that_the_site_would_refuse_is_refused_here(tmp_path, fetched, name, found):
    image(tmp_path / "app.tar", name)
    output = run(tmp_path, [role("bundle", "installers"), role("bundle")], check=False, **fetched)
    assert found in " ".join(output.split()), output
    assert not (tmp_path / "bundle.tar").exists()


def test_what_was_not_built_is_named(tmp_path, fetched):
    (tmp_path / "launcher").unlink()
    assert "launcher" in run(tmp_path, [role("bundle", "installers"), role("bundle")], check=False, **fetched)
    assert not (tmp_path / "bundle.tar").exists()

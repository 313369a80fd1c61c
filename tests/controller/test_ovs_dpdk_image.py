# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Role ovs_dpdk_image: which image a release gets, what its Dockerfile says, and what is refused before anything is written."""

from __future__ import annotations

import hashlib
import io
import json
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import yaml
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _image_archive
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _ovs_dpdk_image as images

ROOT = Path(__file__).resolve().parents[2]
ROLES = ROOT / "roles"


def plan(release: str, mode: str = "dedicated", **settings) -> dict:
    given = {"release": release, "mode": mode, **settings}
    return images.plan({f"ovs_dpdk_image_{name}": value for name, value in given.items()})


@pytest.mark.parametrize(
    ("release", "mode", "source", "base"),
    [
        # Published by upstream's CI, else built on the oldest supported base whose ovn-controller is not older than the release's ovn-northd.
        ("v1.2.1", "dedicated", "present", "ubuntu:22.04"),
        ("v1.7.0", "dedicated", "present", "ubuntu:22.04"),
        ("v1.7.1", "dedicated", "build", "ubuntu:22.04"),
        ("v1.8.18", "dedicated", "build", "ubuntu:22.04"),
        ("v1.11.24", "dedicated", "build", "ubuntu:22.04"),
        ("v1.12.35", "dedicated", "build", "debian:bookworm-slim"),
        ("v1.13.15", "dedicated", "build", "ubuntu:24.04"),
        ("v1.10.10", "hybrid", "build", "ubuntu:22.04"),
        ("v1.12.3", "hybrid", "build", "debian:bookworm-slim"),
        ("v1.12.4", "hybrid", "present", "debian:bookworm-slim"),
        ("v1.14.41", "hybrid", "present", "ubuntu:24.04"),
        ("v1.16.2", "hybrid", "present", "debian:trixie-slim"),
        ("v1.99.0", "hybrid", "present", "debian:trixie-slim"),
    ],
)
def test_source_and_base(release, mode, source, base):
    found = plan(release, mode)
    assert (found["source"], found["base"]) == (source, base)


def test_every_base_by_default_is_supported_and_new_enough():
    for first, versions in images.RELEASES:
        base = images.base_for(first)
        assert base.supported and base.ovn >= versions["ovn"], first


@pytest.mark.parametrize(("dpdk", "base"), [("19.11", "ubuntu:20.04"), ("20.11.1", "debian:bullseye-slim"), ("24.11", "debian:trixie-slim"), ("18.11", "")])
def test_base_by_the_version_of_dpdk(dpdk, base):
    assert plan("v1.12.35", dpdk_version=dpdk)["base"] == base


@pytest.mark.parametrize(
    ("release", "mode", "settings", "name"),
    [
        ("v1.12.35", "dedicated", {}, "kubeovn/kube-ovn-dpdk:19.11-v1.12.35"),
        ("v1.2.1", "dedicated", {}, "kubeovn/kube-ovn-dpdk:19.11"),
        ("v1.12.35", "hybrid", {"registry": "r.example:5000/k/"}, "r.example:5000/k/kube-ovn:v1.12.35-dpdk-x86"),
        ("v1.12.3", "hybrid", {}, "kubeovn/kube-ovn:v1.12.3-dpdk"),
        ("v1.12.35", "dedicated", {"name": "own/image:1"}, "own/image:1"),
    ],
)
def test_name(release, mode, settings, name):
    assert plan(release, mode, **settings)["image"] == name


# start-ovs-dpdk-v2.sh sets external_ids:ovn-match-northd-version from these tags on.
@pytest.mark.parametrize(
    ("release", "ovn"),
    [("v1.14.41", "packages"), ("v1.15.9", "packages"), ("v1.15.10", "release"), ("v1.15.24", "release"), ("v1.16.0", "packages"), ("v1.16.1", "release"),
     ("v1.17.0", "release")],
)  # fmt: skip
def test_ovn_controller_is_of_the_release_where_it_has_to_match_northd(release, ovn):
    assert plan(release, "hybrid", source="build")["ovn"] == ovn
    assert plan(release, "hybrid", source="build", ovn="packages")["ovn"] == "packages"


def test_an_image_of_ones_own_is_there():
    assert plan("v1.12.35", name="own/image:1")["source"] == "present"
    assert plan("v1.12.35", name="own/image:1", source="build")["source"] == "build"


def play(tmp_path: Path, entry: str, **variables) -> subprocess.CompletedProcess:
    book = [{
        "hosts": "localhost", "connection": "local", "gather_facts": False,
        "vars": {
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
            "ovs_dpdk_image_build_dir": str(tmp_path / "build"),
            "ovs_dpdk_image_artifacts_dir": str(tmp_path / "artifacts"),
            # Docker is asked after everything else is known.
            "ansible_docker_host": "unix:///nonexistent",
            **variables,
        },
        "environment": {"DOCKER_HOST": "unix:///nonexistent"},
        "tasks": [{"ansible.builtin.include_role": {"name": "kube_ovn.dpdk.ovs_dpdk_image", "tasks_from": entry}}],
    }]  # fmt: skip
    (tmp_path / "play.yml").write_text(yaml.safe_dump(book))
    return subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", str(tmp_path / "play.yml")],
        cwd=ROOT, capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip


def dockerfile(tmp_path: Path, **variables) -> str:
    """The Dockerfile as the role would write it."""
    settings = {f"ovs_dpdk_image_{name}": value for name, value in variables.items()}
    book = [{
        "hosts": "localhost", "connection": "local", "gather_facts": False,
        "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}", **settings},
        "vars_files": [str(ROLES / "ovs_dpdk_image" / "defaults" / "main.yml"), str(ROLES / "ovs_dpdk_image" / "vars" / "main.yml")],
        "tasks": [{"ansible.builtin.template": {"src": str(ROLES / "ovs_dpdk_image" / "templates" / "Dockerfile.j2"), "dest": str(tmp_path / "Dockerfile"),
                                                "mode": "0644"}}],
    }]  # fmt: skip
    (tmp_path / "render.yml").write_text(yaml.safe_dump(book))
    subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", str(tmp_path / "render.yml"), "-e", json.dumps(settings)],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return (tmp_path / "Dockerfile").read_text()


def test_dockerfile_from_packages(tmp_path):
    text = dockerfile(tmp_path)
    assert re.findall(r"^FROM (.*)$", text, re.M) == ["kubeovn/kube-ovn:v1.12.35 AS release", "debian:bookworm-slim"]
    assert "'openvswitch-switch-dpdk'" in text and "librte-(meta-" in text
    assert "COPY --from=release /kube-ovn/*.sh /kube-ovn/" in text
    assert "for script in start-ovs-dpdk.sh ovs-dpdk-healthcheck.sh" in text
    assert "ovn-controller /usr/bin" not in text


def test_dockerfile_of_hybrid_mode_with_ovn_of_the_release(tmp_path):
    text = dockerfile(tmp_path, release="v1.16.2", mode="hybrid", source="build", registry="r.example/k", scripts="/srv/kube-ovn")
    assert re.findall(r"^FROM (.*)$", text, re.M) == ["r.example/k/kube-ovn:v1.16.2 AS release", "debian:trixie-slim"]
    assert "COPY --from=release /usr/bin/ovn-controller" in text
    assert "COPY kube-ovn/ /kube-ovn/" in text
    assert "for script in start-ovs-dpdk-v2.sh " in text


def test_dockerfile_from_sources(tmp_path):
    text = dockerfile(tmp_path, variant="sources", scripts="https://d.example/v1.12.35.tar.gz", base="own/base:1")
    assert re.findall(r"^FROM (.*)$", text, re.M) == ["own/base:1 AS scripts", "own/base:1 AS build", "own/base:1"]
    # Drivers are named one by one, since DPDK 19.11 knows no patterns, and no CPU is named.
    assert "disable_drivers=$disabled" in text and "*/'" not in text
    assert "-Dmachine=default" in text and "-Dplatform=generic" in text and "native" not in text
    assert "'openvswitch-switch-dpdk'" not in text
    assert "COPY --from=build /ovs/usr/sbin/ /usr/sbin/" in text


@pytest.mark.parametrize(("release", "capable"), [("v1.12.35", False), ("v1.13.0", True), ("v1.16.2", True)])
def test_file_capabilities_for_releases_that_run_containers_as_nobody(tmp_path, release, capable):
    text = dockerfile(tmp_path, release=release)
    given = dict(reversed(line) for line in re.findall(r"^ +give (\S+) ([^\s;]+)(?:; \\)?$", text, re.M))
    checked = dict(reversed(line) for line in re.findall(r"^ +check (\S+) ([^\s;]+)(?:; \\)?$", text, re.M))
    assert given == checked == (images.CAPABILITIES if capable else {})
    assert ("chown -R nobody: /etc/openvswitch /etc/ovn " in text) is capable
    # A program that has more than the build has cannot be run after it.
    assert "setcap" not in text or text.index("setcap") > text.rindex("ovs-vswitchd --version")


def test_no_program_has_more_than_the_containers_that_run_it():
    """Capabilities of the containers that run as nobody in v1.16.2 (dist/images/install.sh)."""
    central, switch = {"cap_net_bind_service", "cap_sys_nice"}, {"cap_net_admin", "cap_net_bind_service", "cap_net_raw", "cap_sys_nice", "cap_sys_admin"}
    run_by_central = {"ovsdb-server"}
    # roles/verify/files/traffic.sh starts testpmd by nice, in a container without any capability (roles/dpdk_app/defaults).
    assert not {"nice", "ip", "sh"} & set(images.CAPABILITIES)
    for program, capabilities in images.CAPABILITIES.items():
        assert set(capabilities.split(",")) <= (central if program in run_by_central else switch), program


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"ovs_dpdk_image_registry": "https://r.example"}, "without a scheme"),
        ({"ovs_dpdk_image_dpdk_version": "18.11"}, "which no distribution packages"),
        ({"ovs_dpdk_image_variant": "sources"}, "ovs_dpdk_image_dpdk_url is not set"),
        ({"ovs_dpdk_image_source": "archive"}, "ovs_dpdk_image_archive is not set"),
    ],
)
def test_bad_settings_are_refused_before_anything_is_written(tmp_path, settings, message):
    done = play(tmp_path, "build", **settings)
    assert done.returncode != 0
    assert message in " ".join(done.stdout.split())
    assert not (tmp_path / "build").exists()


def saved(path: Path, name: str, *layers: dict[str, str], compression: str = "") -> str:
    """An archive as docker save writes it, of an image with these files in its layers."""

    def add(archive: tarfile.TarFile, member: str, data: bytes) -> None:
        described = tarfile.TarInfo(member)
        described.size = len(data)
        archive.addfile(described, io.BytesIO(data))

    with tarfile.open(path, "w") as archive:
        for number, files in enumerate(layers):
            data = io.BytesIO()
            with tarfile.open(fileobj=data, mode="w:" + compression) as layer:
                for member, text in files.items():
                    add(layer, member, text.encode())
            add(archive, f"{number}/layer.tar", data.getvalue())
        add(archive, "config.json", b'{"rootfs": {"diff_ids": []}}')
        entry = {"Config": "config.json", "RepoTags": [name], "Layers": [f"{number}/layer.tar" for number in range(len(layers))]}
        add(archive, "manifest.json", json.dumps([entry]).encode())
    return str(path)


VERSIONS = "ovs-vswitchd (Open vSwitch) 3.5.0\nDPDK 24.11.2\novn-controller %s\nSB DB Schema 20.41.0\n"


@pytest.mark.parametrize("compression", ["", "gz"])
@pytest.mark.parametrize(
    ("layers", "found"),
    [
        ([{"etc/ovs-dpdk-versions": VERSIONS % "25.03.0"}, {"etc/hosts": ""}], "25.03.0"),
        ([{"etc/ovs-dpdk-versions": VERSIONS % "23.03.1"}, {"./etc/ovs-dpdk-versions": VERSIONS % "25.03.0"}], "25.03.0"),
        ([{"etc/ovs-dpdk-versions": VERSIONS % "25.03.0"}, {"etc/.wh.ovs-dpdk-versions": ""}], None),
        ([{"srv/etc/ovs-dpdk-versions": VERSIONS % "25.03.0"}], None),
        ([], None),
    ],
)
def test_versions_in_an_archive(tmp_path, layers, found, compression):
    path = saved(tmp_path / "image.tar", "kubeovn/a:1", *layers, compression=compression)
    assert _image_archive.versions_in(path, "docker.io/kubeovn/a:1").get("ovn-controller") == found
    assert _image_archive.versions_in(path, "kubeovn/a:2") == {}


def test_versions_in_what_is_no_archive(tmp_path):
    (tmp_path / "text").write_text("no archive")
    assert [_image_archive.versions_in(tmp_path / name, "a:1") for name in ("text", "missing")] == [{}, {}]


@pytest.mark.parametrize(("ovn", "release", "refused"), [("24.03.2", "v1.16.2", True), ("25.03.0", "v1.16.2", False), ("24.03.2", "v1.14.41", False)])
def test_an_archive_with_another_ovn_than_the_release_is_refused(tmp_path, ovn, release, refused):
    path = saved(tmp_path / "image.tar", f"kubeovn/kube-ovn:{release}-dpdk-x86", {"etc/ovs-dpdk-versions": VERSIONS % ovn})
    done = play(
        tmp_path, "build", ovs_dpdk_image_release=release, ovs_dpdk_image_mode="hybrid", ovs_dpdk_image_source="archive", ovs_dpdk_image_archive=path,
        ovs_dpdk_image_archive_checksum=hashlib.sha256(Path(path).read_bytes()).hexdigest(),
    )  # fmt: skip
    assert (done.returncode != 0) is refused, done.stdout
    assert (f"ovn-controller of the image of OVS-DPDK is {ovn[:5]}" in " ".join(done.stdout.split())) is refused


def test_start_scripts_that_are_not_there(tmp_path):
    (tmp_path / "scripts").mkdir()
    done = play(tmp_path, "build", ovs_dpdk_image_scripts=str(tmp_path / "scripts"))
    assert done.returncode != 0
    assert "has no start-ovs-dpdk.sh on the build host" in " ".join(done.stdout.split())
    assert not (tmp_path / "build").exists()


def test_nothing_is_built_or_loaded_where_the_image_is_published(tmp_path):
    for entry in ("build", "nodes"):
        done = play(tmp_path, entry, ovs_dpdk_image_release="v1.16.2", ovs_dpdk_image_mode="hybrid")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "changed=0 " in done.stdout
    assert not (tmp_path / "build").exists()


def test_the_page_has_the_table_of_releases_and_bases():
    """docs/images.md is what the tables say."""
    page = (ROOT / "docs" / "images.md").read_text()
    for base in images.BASES:
        row = f"| `{base.image}` | {images.dotted(base.ovs)} | {images.dotted(base.dpdk)} | {images.dotted(base.ovn)} | {'yes' if base.supported else 'no'} |"
        assert row in page, row
    for first, versions in images.RELEASES:
        dpdk = " / ".join(images.dotted(versions[mode]) if versions[mode] else "none" for mode in ("dedicated", "hybrid"))
        row = (
            f"| v{'.'.join(str(number) for number in first)} | {images.dotted(versions['ovs'])} | {images.dotted(versions['ovn'])} | {dpdk} "
            f"| `{images.base_for(first).image}` |"
        )
        assert row in page, row


def test_defaults_are_those_of_role_kube_ovn():
    own = yaml.safe_load((ROLES / "ovs_dpdk_image" / "defaults" / "main.yml").read_text())
    other = yaml.safe_load((ROLES / "kube_ovn" / "defaults" / "main.yml").read_text())
    assert own["ovs_dpdk_image_release"] == other["kube_ovn_version"]
    assert own["ovs_dpdk_image_mode"] == other["kube_ovn_mode"]

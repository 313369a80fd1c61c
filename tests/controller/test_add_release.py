# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""tools/add_release.py: one call adds a release, with made-up installers from a server on loopback."""

from __future__ import annotations

import functools
import hashlib
import http.server
import importlib.util
import re
import runpy
import shutil
import threading
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
INSTALLER = (Path(__file__).parent / "files" / "install.sh").read_text()
specification = importlib.util.spec_from_file_location("add_release", ROOT / "tools" / "add_release.py")
add_release = importlib.util.module_from_spec(specification)
specification.loader.exec_module(add_release)

FILES = ("roles/kube_ovn/vars/main.yml", "plugins/plugin_utils/_preflight/matrix.py", "docs/matrix.md")


class Site:
    """A copy of the files that the tool writes, and a server with installers."""

    def __init__(self, folder: Path, port: int):
        self.root, self.served = folder / "root", folder / "served"
        self.source = f"http://127.0.0.1:{port}/{{tag}}/install.sh"
        for name in FILES:
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, self.root / name)
        (self.root / "changelogs" / "fragments").mkdir(parents=True)
        # The newest known release, with what is served under its tag.
        self.before = list(self.installers())[-1]
        text = self.text(FILES[0]).replace(self.installers()[self.before], self.serve(self.before, INSTALLER))
        (self.root / FILES[0]).write_text(text)

    def text(self, name: str) -> str:
        return (self.root / name).read_text()

    def installers(self) -> dict[str, str]:
        return yaml.safe_load(self.text(FILES[0]))["__kube_ovn_installers"]

    def serve(self, tag: str, text: str) -> str:
        path = self.served / tag / "install.sh"
        path.parent.mkdir(parents=True)
        path.write_text(text)
        return hashlib.sha256(text.encode()).hexdigest()

    def add(self, tag: str) -> list[str]:
        return add_release.add(tag, self.source, self.root)

    def written(self) -> dict[str, str]:
        return {str(path.relative_to(self.root)): path.read_text() for path in self.root.rglob("*") if path.is_file()}


@pytest.fixture
def site(tmp_path):
    (tmp_path / "served").mkdir()
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path / "served"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Site(tmp_path, server.server_port)
    server.shutdown()


def test_a_release_is_added_by_one_call(site):
    checksum = site.serve("v1.16.99", INSTALLER.replace("hugepages-2Mi: 1Gi", "hugepages-2Mi: 2Gi"))
    report = site.add("v1.16.99")
    assert site.installers()["v1.16.99"] == checksum
    assert list(site.installers())[-2:] == [site.before, "v1.16.99"]
    # What else is in the file stays as it is.
    assert site.text(FILES[0]).replace(f"  v1.16.99: {checksum}\n", "").count("\n") == (ROOT / FILES[0]).read_text().count("\n")
    assert yaml.safe_load(site.text("changelogs/fragments/kube-ovn-v1.16.99.yml"))["minor_changes"]
    assert "  ~ DaemonSet/ovs-ovn-dpdk" in report
    assert not any(line.startswith(("  + ", "  - ")) for line in report)
    assert report[-1].startswith("Next: ")


def test_a_new_minor_release_gets_a_row_of_the_matrix(site):
    site.serve("v1.99.0", INSTALLER)
    report = site.add("v1.99.0")
    matrix = runpy.run_path(str(site.root / FILES[1]))
    assert matrix["lowest_kubernetes"]((1, 99, 0), "hybrid") == (1, 29)
    assert matrix["release_row"]((1, 99, 0), "hybrid", (1, 30)).evidence == "rendered"
    assert matrix["lowest_kubernetes"]((1, 99, 0), "dedicated") is None
    assert site.text(FILES[2]) == matrix["page"]()
    assert re.search(r"^\| v1\.99 \| hybrid \| 1\.29 and later \| rendered \|", site.text(FILES[2]), re.M)
    assert any("a row of the matrix was added" in line for line in report)


def test_a_patch_release_of_an_older_minor_is_put_in_its_place(site):
    before = "v1.15.24"
    text = site.text(FILES[0]).replace(site.installers()[before], site.serve(before, INSTALLER))
    (site.root / FILES[0]).write_text(text)
    site.serve("v1.15.25", INSTALLER)
    site.add("v1.15.25")
    names = list(site.installers())
    assert names[names.index("v1.15.25") - 1] == before and names[-1] == site.before
    assert site.text(FILES[1]) == (ROOT / FILES[1]).read_text()


def test_a_known_release_is_left_alone_and_a_moved_tag_is_found(site):
    unchanged = site.written()
    assert site.add(site.before) == [f"{site.before} is known already, with this checksum"]
    (site.served / site.before / "install.sh").write_text("moved")
    with pytest.raises(add_release.Problem, match="the tag was moved"):
        site.add(site.before)
    assert site.written() == unchanged


@pytest.mark.parametrize(
    ("tag", "installer", "message"),
    [
        ("main", None, "main is not the tag of a release"),
        ("v1.16.98", None, "cannot be downloaded: HTTP Error 404"),
        ("v1.1.0", "", "v1.1.0 has no mode with OVS-DPDK"),
        ("v1.16.98", "#!/bin/bash\nexit 3\n", "cannot be rendered with --with-hybrid-dpdk"),
        ("v1.16.98", INSTALLER.replace("  name: ovs-ovn-dpdk\n", "  name: other\n"), "creates no DaemonSet ovs-ovn-dpdk with hugepages"),
        ("v1.16.98", INSTALLER.replace(", hugepages-2Mi: 1Gi", ""), "creates no DaemonSet ovs-ovn-dpdk with hugepages"),
    ],
)
def test_what_cannot_be_added_changes_nothing(site, tag, installer, message):
    if installer is not None:
        site.serve(tag, installer)
    unchanged = site.written()
    with pytest.raises(add_release.Problem, match=message):
        site.add(tag)
    assert site.written() == unchanged

# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pages to get started with, walked from their first block to their last.

Blocks `sh` are run in their order, and blocks `yaml` are written to the file of the inventory that the line above names. Blocks `console` are for hosts,
clusters and networks that are not here.
Ansible's own commands run as they are printed, playbooks with --list-tasks; what would download is compared with what the collection declares.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import inventories
import pytest
import yaml
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _bundle
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).resolve().parents[2]
PAGES = {path.stem.removeprefix("getting-started-"): path.read_text() for path in sorted((ROOT / "docs").glob("getting-started-*.md"))}
# A Kubernetes that each page is for.
KUBERNETES = {"dedicated": "v1.19.16", "hybrid": "v1.31.0", "air-gapped": "v1.24.17"}
# (what stands above it, kind, text)
BLOCK = re.compile(r"^([^\n]*)\n\n```(\w+)\n(.*?)^```$", re.M | re.S)

# Run in place of what the network would be needed for, and before the real ansible-playbook and ansible.
SHIMS = {
    "pip": """
from packaging.requirements import Requirement
assert sys.argv[1] == "install", sys.argv
for argument in sys.argv[2:]:
    Requirement(argument)
note()
""",
    "ansible-galaxy": """
assert sys.argv[1:3] == ["collection", "install"] and not any(argument.startswith("-") for argument in sys.argv[3:]), sys.argv
note()
""",
    "ansible-playbook": """
note()
os.execv(real, [real, *sys.argv[1:], "--list-tasks"])
""",
    "ansible": """
note()
os.execv(real, [real, *sys.argv[1:], "--list-hosts"])
""",
}


class Walk:
    """A machine on which a page is followed: a home with the collection installed, and a log of the commands."""

    def __init__(self, name: str, folder: Path):
        self.name, self.folder = name, folder
        self.log = folder / "log"
        self.log.touch()
        self.bundle = folder / "srv" / "kube-ovn-dpdk"
        binaries, real = folder / "bin", Path(sys.executable).parent
        binaries.mkdir()
        for command, body in SHIMS.items():
            head = f"#!{sys.executable}\nimport json, os, sys\nreal = {str(real / command)!r}\n"
            head += f"def note():\n    with open({str(self.log)!r}, 'a') as log: log.write(json.dumps([{command!r}, *sys.argv[1:]]) + '\\n')\n"
            (binaries / command).write_text(head + body)
            (binaries / command).chmod(0o755)
        collections = folder / "home" / ".ansible" / "collections"
        collections.mkdir(parents=True)
        (collections / "ansible_collections").symlink_to(ROOT / ".collections" / "ansible_collections")
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
            "HOME": str(folder / "home"),
            "PATH": f"{binaries}:{real}:{os.environ['PATH']}",
            "ANSIBLE_NOCOLOR": "1",
        }

    def shell(self, text: str) -> str:
        # The one path of the pages that only root can write.
        text = text.replace("/srv/kube-ovn-dpdk", str(self.bundle))
        done = subprocess.run(["bash", "-euc", text], cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=240, check=False)
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        assert "Could not match" not in done.stdout + done.stderr
        return done.stdout

    def write(self, name: str, text: str) -> None:
        given = yaml.safe_load(text)
        assert set(given) - set(inventories.EVERY) - {"uplink_address"} == set()
        path = self.folder / "my-cluster" / name
        path.write_text(yaml.safe_dump({**(yaml.safe_load(path.read_text()) if path.exists() else {}), **given}))

    def commands(self, name: str) -> list[list[str]]:
        return [words[1:] for line in self.log.read_text().splitlines() if (words := yaml.safe_load(line))[0] == name]

    def write_bundle(self) -> None:
        """Where playbook bundle leaves its archive, one with the variables of the site."""
        settings = inventories.inputs(self.folder / "my-cluster")["localhost"]["settings"]
        wanted = _bundle.plan(settings)
        assert wanted["errors"] == []
        names = [entry["name"] for entry in _bundle.files(wanted, "/w")]
        variables = _bundle.variables(settings, wanted, {name: "0" * 64 for name in names})
        path = self.folder / "home" / ".cache" / "kube_ovn_dpdk" / "kube-ovn-dpdk-bundle.tar"
        path.parent.mkdir(parents=True)
        with tarfile.open(path, "w") as archive:
            for name, data in {"vars.yml": yaml.safe_dump(variables).encode(), **dict.fromkeys(names, b"")}.items():
                information = tarfile.TarInfo(name)
                information.size = len(data)
                archive.addfile(information, io.BytesIO(data))


@pytest.fixture(scope="module", params=PAGES)
def walked(request, tmp_path_factory):
    walk = Walk(request.param, tmp_path_factory.mktemp(request.param))
    printed = []
    assert len(BLOCK.findall(PAGES[request.param])) == PAGES[request.param].count("\n```") // 2
    for above, kind, text in BLOCK.findall(PAGES[request.param]):
        if kind == "sh":
            if "tar -xf" in text:
                walk.write_bundle()
            printed.append(walk.shell(text))
        elif kind == "yaml":
            walk.write(re.search(r"`my-cluster/(\S+)`", above)[1], text)
        else:
            assert kind == "console", kind
    return walk, "\n".join(printed)


def test_each_situation_has_its_page():
    assert set(PAGES) == set(KUBERNETES)
    readme = (ROOT / "README.md").read_text()
    assert all(f"docs/getting-started-{name}.md" in readme for name in PAGES)


def test_a_page_goes_from_the_installation_to_the_removal(walked):
    walk, printed = walked
    playbooks = [words[0] for words in walk.commands("ansible-playbook")]
    first, last = ["pip", "ansible-galaxy"], "kube_ovn.dpdk.uninstall"
    assert [name for name in first if walk.commands(name)] == first
    assert playbooks[-1] == last
    assert playbooks.index("kube_ovn.dpdk.preflight") < playbooks.index("kube_ovn.dpdk.site")
    assert "|--@nodes:" in printed or "@nodes" in printed


def test_the_python_packages_are_those_that_the_collection_needs(walked):
    walk, _printed = walked
    (words,) = walk.commands("pip")
    given = {requirement.name: requirement for requirement in map(Requirement, words[1:])}
    declared = {requirement.name: requirement for requirement in map(Requirement, (ROOT / "requirements.txt").read_text().splitlines()[1:])}
    assert set(given) == set(declared) | {"ansible-core"}
    assert all(given[name].specifier == requirement.specifier for name, requirement in declared.items())


def test_the_collections_are_those_of_the_core(walked):
    walk, _printed = walked
    (words,) = walk.commands("ansible-galaxy")
    given = {name: SpecifierSet(bounds) for name, _colon, bounds in (word.partition(":") for word in words[2:])}
    assert "kube_ovn.dpdk" in given
    if any(word == "ansible-core~=2.16.0" for word in walk.commands("pip")[0]):
        pinned = yaml.safe_load((ROOT / "examples" / "requirements-core-2.16.yml").read_text())["collections"]
        assert set(given) == {entry["name"] for entry in pinned} | {"kube_ovn.dpdk"}
        assert all(set(given[entry["name"]]) < set(SpecifierSet(entry["version"])) for entry in pinned)
    else:
        assert set(given) == {"kube_ovn.dpdk"}


def test_the_inventory_of_a_page_is_one_that_preflight_accepts(walked):
    walk, _printed = walked
    inventory = inventories.content(walk.folder / "my-cluster")
    for host, own in inventory["hosts"].items():
        assert inventories.wrong_values(own) == [], host
    # As the last playbook before the removal is called.
    given = [word for word in walk.commands("ansible-playbook")[-2][3:] if not word.startswith("-")]
    judged = inventories.inputs(walk.folder / "my-cluster", *(word for value in given for word in ("-e", value)))
    assert inventories.errors(inventory, judged, KUBERNETES[walk.name]) == []
    # And what is wrong would be found.
    wrong = inventories.errors(inventory, judged, KUBERNETES[walk.name], {"kube_ovn_dpdk_pmd_cores": [0, 99]})
    assert "core-list" in {one["id"] for one in wrong}


CORES = [text for _above, kind, text in BLOCK.findall((ROOT / "docs" / "cores-and-memory.md").read_text()) if kind == "yaml"]


@pytest.mark.parametrize("text", CORES, ids=["by the role", "by hand"])
def test_the_examples_of_cores_and_memory_are_ones_that_preflight_accepts(text):
    example = ROOT / "examples" / "three-nodes"
    assert inventories.errors(inventories.content(example), inventories.inputs(example), KUBERNETES["dedicated"], yaml.safe_load(text)) == []

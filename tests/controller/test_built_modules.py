# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests' runs share of Ansible's work is what each would have made by itself."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from ansible import release

ROOT = Path(__file__).resolve().parents[2]
TASKS = ({"ansible.builtin.ping": {}}, {"kube_ovn.dpdk.hugepages_info": {}})


@pytest.fixture
def call(tmp_path):
    def run(place: Path, interpreter: str, kept: Path, tasks: Sequence[dict] = TASKS) -> str:
        (place / "play.yml").write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": list(tasks)}]))
        command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", "-c", "local", "-v", str(place / "play.yml")]
        environment = {**os.environ, "KUBE_OVN_DPDK_BUILT_MODULES": str(kept), "ANSIBLE_PYTHON_INTERPRETER": interpreter}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    if "built_modules" not in os.environ.get("ANSIBLE_CALLBACKS_ENABLED", ""):
        pytest.skip("runs of this session share nothing")
    return run


def names(kept: Path) -> set[str]:
    return {path.name.split("-")[0].rpartition(".")[2] for path in kept.glob("*/*.*")}


def test_a_module_answers_the_same_from_what_is_kept(call, tmp_path):
    first = call(tmp_path, sys.executable, tmp_path / "kept")
    assert names(tmp_path / "kept") == {"ping", "hugepages_info"}
    assert not list((tmp_path / "kept").rglob("*-part"))
    assert [line for line in call(tmp_path, sys.executable, tmp_path / "kept").splitlines() if "ping" in line] == [
        line for line in first.splitlines() if "ping" in line
    ]


@pytest.mark.parametrize("python", ["python2.7", "python3.6", "python3.11", "python3.13"])
def test_another_python_takes_the_sources(call, tmp_path, python):
    if python.endswith((".7", ".6")) and not release.__version__.startswith("2.16."):
        pytest.skip("this core has no modules for it")
    call(tmp_path, sys.executable, tmp_path / "kept")
    assert call(tmp_path, shutil.which(python), tmp_path / "kept")


def test_a_module_beside_the_playbook_is_its_own_and_is_not_kept(call, tmp_path):
    call(tmp_path, sys.executable, tmp_path / "kept")
    (tmp_path / "other" / "library").mkdir(parents=True)
    (tmp_path / "other" / "library" / "ping.py").write_text("#!/usr/bin/python\nprint('{\"mine\": true}')\n")
    assert "mine: true" in call(tmp_path / "other", sys.executable, tmp_path / "kept", [{"ping": {}}])
    assert "mine: true" not in call(tmp_path, sys.executable, tmp_path / "kept", [{"ping": {}}])


@pytest.fixture
def built_modules(monkeypatch):
    monkeypatch.delenv("KUBE_OVN_DPDK_BUILT_MODULES", raising=False)
    specification = importlib.util.spec_from_file_location("built_modules", ROOT / "tests" / "callback" / "built_modules.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_a_source_that_changed_is_another_key(monkeypatch, built_modules, tmp_path):
    (tmp_path / "utility.py").write_text("A = 1\n")
    monkeypatch.setattr(built_modules, "SOURCES", [tmp_path])
    before = built_modules.key()
    assert built_modules.key() == before
    (tmp_path / "utility.py").write_text("A = 10\n")
    assert built_modules.key() != before


def test_bytecode_is_of_the_source_beside_it(built_modules, tmp_path):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("answer.py", "VALUE = 42\n")
    path = tmp_path / "packed.zip"
    path.write_bytes(built_modules.with_bytecode(archive.getvalue()))
    with zipfile.ZipFile(path) as file:
        assert file.namelist() == ["answer.py", "answer.pyc"]
    question = f"import sys; sys.path.insert(0, {str(path)!r}); import answer; print(answer.VALUE, answer.__file__.rpartition('.')[2])"
    assert subprocess.run([sys.executable, "-c", question], capture_output=True, text=True, check=True).stdout.split() == ["42", "pyc"]

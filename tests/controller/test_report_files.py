"""Reports on the controller: whole files, where they belong, and nothing where they do not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def report(tmp_path):
    def run(files: dict, *arguments: str, directory: str | None = None, stats: list | None = None):
        options = {"directory": directory or str(tmp_path / "a" / "reports"), "files": files}
        tasks = [{"kube_ovn.dpdk.report_files": {**options, "stats": data}} for data in stats or []] or [{"kube_ovn.dpdk.report_files": options}]
        # The host is not reached: nothing runs there.
        play = [{"hosts": "all", "gather_facts": False, "tasks": tasks}]
        (tmp_path / "play.yml").write_text(json.dumps(play))
        command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "unreachable.invalid,", *arguments, str(tmp_path / "play.yml")]
        environment = {**os.environ, "ANSIBLE_SHOW_CUSTOM_STATS": "true", "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"}
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120)

    return run


def test_texts_and_data_are_written_and_nothing_counts_as_changed(report, tmp_path):
    values = {"text.html": "<p>ä</p>\n", "data.json": {"b": 1, "a": [True, None]}, "list.json": "{{ [1, 2] }}"}
    for _time in range(2):
        done = report(values)
        assert done.returncode == 0 and "changed=0" in done.stdout, done.stdout
    directory = tmp_path / "a" / "reports"
    assert (directory / "text.html").read_text() == "<p>ä</p>\n"
    assert json.loads((directory / "data.json").read_text()) == values["data.json"]
    assert json.loads((directory / "list.json").read_text()) == [1, 2]
    assert sorted(path.name for path in directory.iterdir()) == ["data.json", "list.json", "text.html"]
    assert {path.stat().st_mode & 0o777 for path in directory.iterdir()} == {0o644}


def test_a_link_is_replaced_and_not_followed(report, tmp_path):
    (tmp_path / "a" / "reports").mkdir(parents=True)
    (tmp_path / "precious").write_text("kept")
    (tmp_path / "a" / "reports" / "report.json").symlink_to(tmp_path / "precious")
    assert report({"report.json": "new"}).returncode == 0
    assert (tmp_path / "precious").read_text() == "kept"
    assert (tmp_path / "a" / "reports" / "report.json").read_text() == "new"


def test_check_mode_writes_nothing(report, tmp_path):
    assert report({"report.json": "new"}, "--check").returncode == 0
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("arguments", [(), ("--check",)])
def test_statistics_are_those_of_the_whole_run_and_put_together(report, arguments):
    done = report({}, *arguments, stats=[{"some": {"a": "1", "b": "{{ 'x' ~ 'y' }}"}}, {"some": {"a": "3"}, "other": "x"}])
    assert done.returncode == 0, done.stdout
    assert json.loads(done.stdout.partition("\tRUN: ")[2]) == {"other": "x", "some": {"a": "3", "b": "xy"}}, done.stdout


def test_without_statistics_none_are_set(report):
    assert "CUSTOM STATS" not in report({"a": "b"}).stdout
    assert "CUSTOM STATS" not in report({"../up": "b"}, stats=[{"some": "x"}]).stdout


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".hidden", "a\nb"])
def test_a_name_with_a_directory_is_refused(report, tmp_path, name):
    done = report({name: "x", "good": "y"})
    assert done.returncode != 0 and "is no plain file name" in done.stdout
    assert not (tmp_path / "a").exists()


def test_a_directory_that_cannot_be_is_named(report, tmp_path):
    (tmp_path / "file").write_text("")
    done = report({"report.json": "x"}, directory=str(tmp_path / "file" / "reports"))
    assert done.returncode != 0 and "could not be written to" in done.stdout and os.strerror(20) in done.stdout

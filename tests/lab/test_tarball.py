"""The collection as users get it: its tarball, installed into an empty directory, with nothing of the checkout in reach, on the lab that `make site` made."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from lab import ROOT

TOOLS = (ROOT / ".venv" / "bin").resolve()


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Runs a command in a directory that holds the collection and the lab's inventory; an empty file system covers the checkout."""
    folder = tmp_path_factory.mktemp("installed")
    sources = folder / "sources"
    sources.mkdir()
    committed = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, capture_output=True, check=True, timeout=60).stdout
    subprocess.run(["tar", "-x", "-C", str(sources)], input=committed, check=True, timeout=60)
    subprocess.run([str(TOOLS / "ansible-galaxy"), "collection", "build", "--output-path", str(folder)], cwd=sources, check=True, timeout=120)
    (tarball,) = folder.glob("kube_ovn-dpdk-*.tar.gz")
    shutil.copytree(ROOT / "inventory", folder / "inventory")
    shutil.rmtree(sources)
    # The lab is made by roles of the checkout, so that here it is a cluster like any other.
    hosts = folder / "inventory" / "hosts.yml"
    inventory = yaml.safe_load(hosts.read_text())
    assert list(inventory["all"]["children"].pop("lab")["hosts"]) == ["localhost"]
    (folder / "inventory" / "group_vars" / "lab.yml").rename(folder / "inventory" / "group_vars" / "cluster.yml")
    hosts.write_text(yaml.safe_dump(inventory))
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
        "PATH": f"{TOOLS}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
        "ANSIBLE_COLLECTIONS_PATH": str(folder / "collections"),
        "ANSIBLE_STDOUT_CALLBACK": "kube_ovn.dpdk.concise",
        "ANSIBLE_NOCOLOR": "1",
    }

    def call(*command: str) -> str:
        away = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none "$0" && cd "$1" && shift && exec "$@"', str(ROOT), str(folder), *command]
        done = subprocess.run(
            away, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=600
        )
        print(done.stdout)
        assert done.returncode == 0, f"{command} exited with {done.returncode}"
        return done.stdout

    assert call("ls", "-A", str(ROOT)).strip() == ""
    call("ansible-galaxy", "collection", "install", "--no-deps", "--offline", "--collections-path", "collections", str(tarball))
    return folder, call


def test_the_whole_line_runs_from_the_tarball(installed):
    folder, call = installed
    printed = call("ansible-playbook", "kube_ovn.dpdk.site", "-i", "inventory")
    report = json.loads(Path(folder, "reports", "report.json").read_text())
    assert report["result"] == "pass"
    assert re.search(r"^Verdict: pass", printed, re.M), "the summary at the end"


def test_a_second_run_changes_nothing_and_fits_on_one_screen(installed):
    _folder, call = installed
    printed = call("ansible-playbook", "kube_ovn.dpdk.site", "-i", "inventory")
    changed = re.findall(r" changed=(\d+) ", printed)
    assert changed and set(changed) == {"0"}
    assert len(printed.splitlines()) <= 60

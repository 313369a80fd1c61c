# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of role dpdk_host that the scenarios cannot run on a made-up tree: drivers, packages, tuned."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
# Nobody's driver. The service that loads the modules of everybody's files fails by one of these.
TOOLS = {
    "modprobe": '#!/bin/sh\necho "modprobe $@" >> "$TOLD"\n',
    "systemctl": "#!/bin/sh\necho 'Job for systemd-modules-load.service failed' >&2\nexit 1\n",
}


def run(tmp_path: Path, name: str, *arguments: str, others: dict[str, str] | None = None, **variables) -> subprocess.CompletedProcess:
    tools = tmp_path / "tools"
    tools.mkdir(exist_ok=True)
    for tool, text in (TOOLS | (others or {})).items():
        (tools / tool).write_text(text)
        (tools / tool).chmod(0o755)
    internal = {"__dpdk_host_modules_load": str(tmp_path / "modules.conf"), "__dpdk_host_tuned": str(tmp_path / "tuned")}
    book = [{
        "hosts": "localhost", "connection": "local", "gather_facts": False,
        "vars": {"ansible_python_interpreter": sys.executable, **variables},
        "tasks": [{"ansible.builtin.include_role": {"name": "kube_ovn.dpdk.dpdk_host", "tasks_from": name}, "vars": internal}],
    }]  # fmt: skip
    (tmp_path / "play.yml").write_text(yaml.safe_dump(book))
    return subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", str(tmp_path / "play.yml"), *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "TOLD": str(tmp_path / "told")},
    )  # fmt: skip


def test_drivers_are_loaded_for_themselves(tmp_path):
    """A foreign file that names a module which is no more is not this role's affair."""
    foreseen = run(tmp_path, "drivers", "--check", dpdk_host_drivers=["no-such-driver", "nor_this_one"])
    assert not (tmp_path / "modules.conf").exists()
    assert (tmp_path / "told").read_text().splitlines() == ["modprobe --dry-run --all no_such_driver nor_this_one"]
    done = run(tmp_path, "drivers", dpdk_host_drivers=["no-such-driver", "nor_this_one"])
    assert done.returncode == 0, done.stdout
    assert (tmp_path / "told").read_text().splitlines()[2:] == ["modprobe no_such_driver", "modprobe nor_this_one"]
    assert (tmp_path / "modules.conf").read_text().splitlines()[1:] == ["no-such-driver", "nor_this_one"]
    # Check mode has told the same.
    assert [line for line in foreseen.stdout.splitlines() if "changed: " in line] == [line for line in done.stdout.splitlines() if "changed: " in line]


@pytest.mark.parametrize("packages, updated", [(["dpkg"], False), (["dpkg=1.0"], False), (["dpkg", "kube-ovn-dpdk-no-such-package"], True)])
def test_lists_of_packages_are_updated_where_one_is_missing(tmp_path, packages, updated):
    """In check mode, which neither updates nor installs. An image may come without any list."""
    done = run(tmp_path, "packages", "--check", dpdk_host_packages=packages)
    # Tasks that are skipped are not shown.
    assert ("TASK [kube_ovn.dpdk.dpdk_host : Update the lists of packages]" in done.stdout) == updated, done.stdout
    assert "TASK [kube_ovn.dpdk.dpdk_host : Install the packages]" in done.stdout
    # The lists alone are no change of the host.
    assert "changed: [" not in done.stdout


def test_package_that_is_held_is_there(tmp_path):
    """What is wanted of a package comes before what it is."""
    others = {"dpkg-query": "#!/bin/sh\necho 'hi '\necho 'ii '\n"}
    done = run(tmp_path, "packages", "--check", others=others, dpdk_host_packages=["dpkg", "coreutils"])
    assert "TASK [kube_ovn.dpdk.dpdk_host : Update the lists of packages]" not in done.stdout, done.stdout
    assert "TASK [kube_ovn.dpdk.dpdk_host : Install the packages]" in done.stdout
    # One that is held and is no more.
    others["dpkg-query"] = others["dpkg-query"].replace("hi", "hc")
    done = run(tmp_path, "packages", "--check", others=others, dpdk_host_packages=["dpkg", "coreutils"])
    assert "TASK [kube_ovn.dpdk.dpdk_host : Update the lists of packages]" in done.stdout, done.stdout


SERVICE = """#!/bin/sh
case "$1" in
show) echo LoadState=loaded; echo ActiveState=$(cat "$TOLD.state" 2>/dev/null || echo inactive) ;;
is-enabled) cat "$TOLD.enabled" 2>/dev/null || exit 1 ;;
enable) echo enabled > "$TOLD.enabled"; echo "$@" >> "$TOLD" ;;
start | restart) echo active > "$TOLD.state"; echo "$@" >> "$TOLD" ;;
esac
"""


def test_profile_of_tuned(tmp_path):
    (tmp_path / "tuned" / "kube-ovn-test-profile").mkdir(parents=True)
    done = run(tmp_path, "tuned", others={"systemctl": SERVICE}, dpdk_host_tuned_profile="kube-ovn-test-profile")
    assert done.returncode == 0, done.stdout
    assert (tmp_path / "tuned" / "active_profile").read_text() == "kube-ovn-test-profile\n"
    assert (tmp_path / "tuned" / "profile_mode").read_text() == "manual\n"
    told = (tmp_path / "told").read_text()
    assert "enable tuned" in told
    assert "start tuned" in told
    done = run(tmp_path, "tuned", others={"systemctl": SERVICE}, dpdk_host_tuned_profile="kube-ovn-test-profile")
    assert done.returncode == 0, done.stdout
    assert "changed: [" not in done.stdout
    assert (tmp_path / "told").read_text() == told


def test_profile_that_tuned_does_not_have(tmp_path):
    (tmp_path / "tuned").mkdir()
    done = run(tmp_path, "tuned", others={"systemctl": SERVICE}, dpdk_host_tuned_profile="kube-ovn-test-profile")
    assert done.returncode == 2
    assert "tuned has no profile kube-ovn-test-profile" in " ".join(done.stdout.split())
    assert not list((tmp_path / "tuned").iterdir())

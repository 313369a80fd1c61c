# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(HERE))
# The modules are imported by their full name, both here and in the processes that the tests start.
sys.path.insert(0, str(ROOT / ".collections"))

from switch import Switch  # noqa: E402


@pytest.fixture
def switch():
    with Switch() as running:
        yield running


@pytest.fixture
def database():
    """A database that no switch looks at."""
    with Switch(vswitchd=False) as running:
        yield running


def interpreter(version):
    """The path of a Python of this version."""
    found = shutil.which(f"python{version}")
    if found and subprocess.run([found, "--version"], capture_output=True, check=False).returncode == 0:
        return found
    for root in (os.environ.get("PYENV_ROOT"), Path.home() / ".pyenv"):
        for candidate in sorted(Path(root or "/nonexistent").glob(f"versions/{version}.*/bin/python{version}")):
            return str(candidate)
    pytest.fail(f"Python {version} is not on this machine; get it with: pyenv install {version}")
    return None

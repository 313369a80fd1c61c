# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes docs/matrix.md from the matrix that preflight reads. Usage: .venv/bin/python tools/matrix_page.py"""

from __future__ import annotations

import runpy
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MATRIX = ROOT / "plugins" / "plugin_utils" / "_preflight" / "matrix.py"

if __name__ == "__main__":
    (ROOT / "docs" / "matrix.md").write_text(runpy.run_path(str(MATRIX))["page"]())

# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: record
type: aggregate
short_description: Keeps what each play changed, or with --check would change
description:
  - One line of JSON for each task of each host in C(changes.jsonl) of Molecule's directory, so that the two can be compared.
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
"""

import json
import os
from pathlib import Path

from ansible import context
from ansible.plugins.callback import CallbackBase


def texts(diff):
    """What a diff says; its headers name temporary files."""
    return [{key: part[key] for key in ("before", "after", "prepared") if key in part} for part in (diff if isinstance(diff, list) else [diff])]


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "record"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self):
        super().__init__()
        self.file = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "changes.jsonl"
        self.play = ""

    def v2_playbook_on_start(self, playbook):
        if Path(playbook._file_name).name == "prepare.yml":
            self.file.unlink(missing_ok=True)

    def v2_playbook_on_play_start(self, play):
        self.play = play.get_name()

    def v2_runner_on_ok(self, result):
        told = result._result
        if not told.get("changed"):
            return
        row = {"play": self.play, "check": context.CLIARGS["check"], "host": result._host.get_name(), "task": result._task.get_name()}
        row["diff"] = [texts(item.get("diff") or []) for item in told.get("results", [told]) if item.get("changed")]
        with self.file.open("a") as stream:
            stream.write(json.dumps(row) + "\n")

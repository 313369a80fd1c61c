# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import re
import tempfile
from pathlib import Path

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")


def text(content: str | dict | list) -> str:
    return content if isinstance(content, str) else json.dumps(content, indent=4, sort_keys=True) + "\n"


def write(directory: Path, name: str, content: str) -> None:
    """The file as a whole or not at all: who opens it sees the old report or the new one, and a link there is replaced, not followed."""
    descriptor, temporary = tempfile.mkstemp(prefix=f".{name}.", dir=directory)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(content)
            os.fchmod(file.fileno(), 0o644)
        os.replace(temporary, directory / name)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


class ActionModule(ActionBase):
    """Documented as the module of the same name."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        _result, options = self.validate_argument_spec(
            argument_spec={
                "directory": {"type": "path", "required": True},
                "files": {"type": "dict", "required": True},
                "stats": {"type": "dict", "default": {}},
            }
        )
        files = options["files"]
        for name, content in files.items():
            if not NAME.match(str(name)):
                raise AnsibleActionFail(f"files: {name} is no plain file name")
            if not isinstance(content, (str, dict, list)):
                raise AnsibleActionFail(f"files: the content of {name} is neither a text nor a mapping or a list")
        directory = Path(options["directory"]).absolute()
        if not self._task.check_mode:
            try:
                directory.mkdir(mode=0o755, parents=True, exist_ok=True)
                for name, content in files.items():
                    write(directory, name, text(content))
            except OSError as error:
                raise AnsibleActionFail(f"The reports could not be written to {directory}: {error.strerror}. Choose another directory") from error
        # As module set_stats returns them.
        stats = {"ansible_stats": {"data": options["stats"], "per_host": False, "aggregate": True}} if options["stats"] else {}
        return {"changed": False, "paths": [str(directory / name) for name in files], **stats}

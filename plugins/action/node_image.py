# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    """Documented as the module of the same name, which loads an archive of its host. Here that of the controller is copied there and removed again."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        options = dict(self._task.args)
        if boolean(options.get("remote_src", False), strict=False):
            return self._execute_module(module_args=options, task_vars=task_vars)
        # Copied are only archives that the host needs, and in check mode none.
        expected = self._other("ansible.legacy.normal", task_vars, options, check_mode=True)
        if self._task.check_mode or expected.get("failed") or not expected.get("changed"):
            return expected
        place = {"path": options.get("temporary_dir") or "/var/tmp", "prefix": "kube-ovn-dpdk.", "state": "directory"}
        made = self._execute_module(module_name="ansible.builtin.tempfile", module_args=place, task_vars=task_vars)
        if made.get("failed"):
            return made
        try:
            result = self._copied_and_loaded(options, made["path"] + "/image.tar", task_vars)
        finally:
            removed = self._execute_module(module_name="ansible.builtin.file", module_args={"path": made["path"], "state": "absent"}, task_vars=task_vars)
        return removed if removed.get("failed") and not result.get("failed") else result

    def _copied_and_loaded(self, options: dict, path: str, task_vars: dict) -> dict:
        copied = self._other("ansible.legacy.copy", task_vars, {"src": options["archive"], "dest": path, "mode": "0600"})
        if copied.get("failed"):
            return copied
        return self._execute_module(module_args={**options, "archive": path, "remote_src": True}, task_vars=task_vars)

    def _other(self, action: str, task_vars: dict, arguments: dict, check_mode: bool = False) -> dict:
        """What another action makes of these arguments."""
        task = self._task.copy()
        task.args, task.check_mode = arguments, check_mode
        found = self._shared_loader_obj.action_loader.get(
            action, task=task, connection=self._connection, play_context=self._play_context, loader=self._loader, templar=self._templar,
            shared_loader_obj=self._shared_loader_obj,
        )  # fmt: skip
        try:
            return found.run(task_vars=task_vars)
        finally:
            # Nothing else removes what it has sent there for a copy that failed.
            found.cleanup()

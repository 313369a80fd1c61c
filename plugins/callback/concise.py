# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: concise
type: stdout
short_description: Output that shows what changed, what takes long and what failed
version_added: 1.0.0
author:
  - kube_ovn.dpdk maintainers (@kube-ovn-dpdk)
description:
  - Prints one line for each change and the whole result of what failed, below the name of their play. Tasks that changed nothing are not
    shown, nor are plays without a change that take only seconds.
  - The messages of M(ansible.builtin.debug) are printed, and the O(ansible.builtin.assert#module:success_msg) of an assertion that is not quiet.
  - A task that takes long prints from time to time how long it has been running, instead of nothing or of one line for each try.
  - At the end it prints the recap of the hosts, how many changes each role made, which hosts were rebooted, what the roles report for the
    whole run, such as the verdict, the path of the report and what to do next, and how long the run took.
  - A role reports for the whole run by M(ansible.builtin.set_stats), as in the example.
  - With C(-v) or more the output is that of P(ansible.builtin.default#callback).
extends_documentation_fragment:
  - default_callback
  - result_format_callback
requirements:
  - Set C(stdout_callback = kube_ovn.dpdk.concise) in the section C([defaults]) of the configuration, or the environment variable
    E(ANSIBLE_STDOUT_CALLBACK).
options:
  long_task:
    description:
      - Seconds after which a task is shown although it changed nothing. The name of a play is shown after a sixth of them.
      - A task that still runs is shown after this time, then after twice as long, and then each time that four times of it have passed.
    type: int
    default: 30
    env:
      - name: KUBE_OVN_DPDK_LONG_TASK
    ini:
      - section: callback_concise
        key: long_task
"""

EXAMPLES = r"""
# ansible.cfg
# [defaults]
# stdout_callback = kube_ovn.dpdk.concise

# A task that adds to the end of the output. Labels of several tasks are put together.
# - name: Report the bundle
#   ansible.builtin.set_stats:
#     data:
#       kube_ovn_dpdk:
#         Bundle: /srv/bundle.tar
#         Next: unpack it at the site
"""

import threading
import time
from collections import Counter

from ansible import constants as C
from ansible.plugins.callback.default import CallbackModule as Default

# So many items of a loop are named when they changed; of more the number is shown.
NAMED_ITEMS = 6
# The key of set_stats under which roles report for the whole run: a mapping of a label to a text.
REPORTED = "kube_ovn_dpdk"
ASSERTIONS = ("assert", "ansible.builtin.assert", "ansible.legacy.assert")
AFTER_A_FAILURE = "correct what failed above and run the same command again; what is done already stays as it is"


def duration(seconds: float) -> str:
    """Seconds as people say them: 42 s, 3 min 05 s."""
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60:02d} s"


def of(result, name):
    """`result.NAME`, which ansible-core up to 2.18 has with an underscore only."""
    return getattr(result, name, None) or getattr(result, "_" + name)


class CallbackModule(Default):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "kube_ovn.dpdk.concise"

    def __init__(self):
        super().__init__()
        self._started = time.monotonic()
        self._task_started = self._started
        self._shown_wait = self._started
        self._interval = 0
        self._task = None
        self._waited = False
        self._rebooted = []
        self._changes = Counter()
        self._check_mode = False
        self._heading = None
        self._lock = threading.Lock()
        self._play_started = self._started
        self._changed_items = {}
        self._ended = threading.Event()

    @property
    def _concise(self):
        return self._display.verbosity == 0

    def get_option(self, k):
        # What the default callback would print of tasks that changed nothing.
        if self._concise and k in ("display_ok_hosts", "display_skipped_hosts"):
            return False
        return super().get_option(k)

    # --- Plays and tasks ---------------------------------------------------------------------------------------------------------

    def v2_playbook_on_start(self, playbook):
        super().v2_playbook_on_start(playbook)
        if self._concise:
            threading.Thread(target=self._show_progress, name="progress", daemon=True).start()

    def _show_progress(self):
        """Shows of a task that runs for long that it still runs. Display has a lock of its own, which is also held around each fork."""
        while not self._ended.wait(0.5):
            task, now = self._task, time.monotonic()
            if now - self._play_started >= self.get_option("long_task") / 6:
                self._show_heading()
            if task is not None and now - self._shown_wait >= self._interval:
                self._shown_wait = now
                self._interval = min(2 * self._interval, 4 * self.get_option("long_task"))
                self._display.display(f"  still running after {duration(now - self._task_started)}: {task.get_name()}", color=C.COLOR_DEBUG)

    def v2_playbook_on_play_start(self, play):
        if not self._concise:
            super().v2_playbook_on_play_start(play)
            return
        self._end_of_task()
        self._play = play
        self._check_mode = play.check_mode
        self._play_started = time.monotonic()
        self._heading = f"{play.get_name().strip()}{' (check mode)' if play.check_mode else ''}"

    def _show_heading(self):
        """The name of the play, once, before the first that is shown of it."""
        with self._lock:
            heading, self._heading = self._heading, None
        if heading is not None:
            self._display.display(heading, color=C.COLOR_HIGHLIGHT)

    def _task_start(self, task, prefix=None):
        if self._concise:
            self._end_of_task()
            self._waited = False
            self._task_started = self._shown_wait = time.monotonic()
            self._interval = self.get_option("long_task")
            self._changed_items = {}
            self._task = task
        super()._task_start(task, prefix)

    def _end_of_task(self):
        """A long task is named with its time when it is over."""
        took = time.monotonic() - self._task_started
        if self._task is not None and (self._waited or took >= self.get_option("long_task")):
            self._show_heading()
            self._display.display(f"  done after {duration(took)}: {self._task.get_name()}")
        self._task = None

    def _print_task_banner(self, task):
        if not self._concise:
            super()._print_task_banner(task)
        self._last_task_banner = task._uuid

    def v2_playbook_on_no_hosts_matched(self):
        if not self._concise:
            super().v2_playbook_on_no_hosts_matched()

    def v2_playbook_on_include(self, included_file):
        if not self._concise:
            super().v2_playbook_on_include(included_file)

    # --- Results -----------------------------------------------------------------------------------------------------------------

    def v2_runner_on_ok(self, result):
        if not self._concise:
            super().v2_runner_on_ok(result)
            return
        task, values = of(result, "task"), of(result, "result")
        if values.get("rebooted"):
            self._rebooted.append(of(result, "host").get_name())
        self._handle_warnings(values) if not hasattr(self, "_handle_warnings_and_exception") else self._handle_warnings_and_exception(result)
        if values.get("changed"):
            self._changes[task._role.get_name(include_role_fqcn=False) if task._role else "the playbook"] += 1
        if self._is_report(task, values):
            self._show_message(values)
        elif values.get("changed"):
            self._show_change(result)

    def v2_runner_item_on_ok(self, result):
        if not self._concise:
            super().v2_runner_item_on_ok(result)
            return
        values = of(result, "result")
        if self._is_report(of(result, "task"), values):
            self._show_message(values)
        elif values.get("changed"):
            self._changed_items.setdefault(of(result, "host").get_name(), []).append(str(self._get_item_label(values)))

    def v2_runner_on_failed(self, result, ignore_errors=False):
        if self._concise:
            # The items before the one that failed.
            if self._changed_items.get(of(result, "host").get_name()):
                self._show_change(result)
            self._show_failed_task(result)
        super().v2_runner_on_failed(result, ignore_errors)

    def v2_runner_item_on_failed(self, result):
        if self._concise:
            self._show_failed_task(result)
        super().v2_runner_item_on_failed(result)

    def v2_runner_on_unreachable(self, result):
        if self._concise:
            self._show_failed_task(result)
        super().v2_runner_on_unreachable(result)

    def _show_failed_task(self, result):
        self._show_heading()
        self._display.display(f"  failed: {of(result, 'task').get_name()}", color=C.COLOR_ERROR)

    def _where(self, result):
        """The host, and where its task ran. In a loop each item may have run elsewhere, and the label would be the template."""
        label = self.host_label(result)
        return of(result, "host").get_name() if "{{" in label else label

    def _show_change(self, result):
        self._show_heading()
        items = self._changed_items.pop(of(result, "host").get_name(), [])
        label = f" ({', '.join(items)})" if 0 < len(items) <= NAMED_ITEMS else f" ({len(items)} items)" if items else ""
        self._display.display(f"  changed: [{self._where(result)}] {of(result, 'task').get_name()}{label}", color=C.COLOR_CHANGED)

    @staticmethod
    def _is_report(task, values):
        """Whether a result is a message to the user: that of debug, and what an assertion that is not quiet says where it holds."""
        return task.action in C._ACTION_DEBUG or (task.action in ASSERTIONS and "success_msg" in task.args and bool(values.get("_ansible_verbose_always")))

    def _show_message(self, values):
        self._show_heading()
        message = values.get("msg")
        if message is None:
            shown = {key: value for key, value in values.items() if not key.startswith("_") and key not in ("changed", "failed")}
            message = self._dump_results(shown)
        lines = message if isinstance(message, list) else str(message).splitlines()
        for line in lines:
            self._display.display(f"  {line}")

    # --- Waits -------------------------------------------------------------------------------------------------------------------

    def v2_runner_retry(self, result):
        if not self._concise:
            super().v2_runner_retry(result)
            return
        self._show_waiting(result)

    def v2_runner_on_async_poll(self, result):
        if not self._concise:
            super().v2_runner_on_async_poll(result)
            return
        self._show_waiting(result)

    def v2_runner_on_async_ok(self, result):
        if not self._concise:
            super().v2_runner_on_async_ok(result)

    def _show_waiting(self, result):
        if not self._waited:
            self._waited = True
            self._show_heading()
            self._display.display(f"  waiting: [{self._where(result)}] {of(result, 'task').get_name()}", color=C.COLOR_DEBUG)

    # --- The end -----------------------------------------------------------------------------------------------------------------

    def v2_playbook_on_stats(self, stats):
        self._ended.set()
        if self._concise:
            self._end_of_task()
            self._heading = None
        super().v2_playbook_on_stats(stats)
        if not self._concise:
            return
        changes = ", ".join(f"{role} {count}" for role, count in self._changes.items())
        reported = dict(stats.custom.get("_run", {}).get(REPORTED) or {})
        if stats.failures or stats.dark:
            reported.setdefault("Next", AFTER_A_FAILURE)
        end = {
            "Would change" if self._check_mode else "Changed": changes or "nothing",
            "Rebooted": ", ".join(sorted(set(self._rebooted))) or "no host",
            **reported,
            "Took": duration(time.monotonic() - self._started),
        }
        # What to do stands last, where it is read.
        if "Next" in end:
            end["Next"] = end.pop("Next")
        for label, text in end.items():
            self._display.display(f"{label}: {text}")

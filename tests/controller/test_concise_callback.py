"""The callback of the collection: what it prints of a run, and what it leaves out."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def play(tmp_path):
    def run(*tasks, arguments=(), **variables):
        (tmp_path / "play.yml").write_text(json.dumps([{"name": "Some play", "hosts": "localhost", "gather_facts": False, "tasks": list(tasks)}]))
        command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "localhost,", "-c", "local", *arguments, str(tmp_path / "play.yml")]
        environment = {
            **os.environ,
            "ANSIBLE_STDOUT_CALLBACK": "kube_ovn.dpdk.concise",
            "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
            "ANSIBLE_NOCOLOR": "1",
            # However busy the machine is, a line about a long task is there only where a test asks for it.
            "KUBE_OVN_DPDK_LONG_TASK": "600",
            **variables,
        }
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120)
        return done.returncode, done.stdout.splitlines()

    return run


def nothing(name):
    return {"name": name, "ansible.builtin.command": "true", "changed_when": False}


def change(name, **more):
    return {"name": name, "ansible.builtin.command": "true", "changed_when": True, **more}


def test_only_what_changed_is_shown(play):
    code, lines = play(nothing("Read something"), change("Write something"), change("Skip something", when=False))
    assert code == 0
    assert lines[:2] == ["Some play", "  changed: [localhost] Write something"]
    assert not any("Read something" in line or "Skip something" in line for line in lines)
    assert any(line.startswith("localhost") and "changed=1" in line for line in lines)


def test_a_loop_over_other_hosts_is_shown_by_its_own_host(play):
    _code, lines = play(change("Write everywhere", loop=["localhost"], delegate_to="{{ item }}"))
    assert "  changed: [localhost] Write everywhere (localhost)" in lines


def test_a_play_without_a_change_is_shown_only_when_it_takes_long(play):
    assert "Some play" not in play(nothing("Read something"))[1]
    long = {"name": "Read for long", "ansible.builtin.command": "sleep 4", "changed_when": False}
    assert play(long, KUBE_OVN_DPDK_LONG_TASK="6")[1][0] == "Some play"


def test_changed_items_are_one_line(play):
    _code, lines = play(change("Write some", loop=["a", "b"]), change("Write many", loop=list(range(20))), change("Write none", loop=[]))
    changed = [line for line in lines if line.startswith("  changed: ")]
    assert changed == ["  changed: [localhost] Write some (a, b)", "  changed: [localhost] Write many (20 items)"]


def test_only_items_that_changed_are_named(play):
    some = {"name": "Write some", "ansible.builtin.command": "true", "changed_when": "item != 'b'", "loop": ["a", "b", "c"]}
    _code, lines = play(some)
    assert [line for line in lines if "Write" in line] == ["  changed: [localhost] Write some (a, c)"]


def test_items_that_changed_before_one_failed_are_shown(play):
    some = {"name": "Write some", "ansible.builtin.command": "test {{ item }} != c", "changed_when": True, "loop": ["a", "b", "c"]}
    code, lines = play(some)
    assert code == 2
    assert lines.index("  changed: [localhost] Write some (a, b)") < max(number for number, line in enumerate(lines) if line == "  failed: Write some")


def test_a_failure_is_shown_whole_with_its_task(play):
    code, lines = play({"name": "Fail when it is wrong", "ansible.builtin.fail": {"msg": "The reason, and the cure"}})
    text = "\n".join(lines)
    assert code == 2
    assert "  failed: Fail when it is wrong" in lines
    assert "fatal: [localhost]: FAILED!" in text or "[ERROR]" in text
    assert "The reason, and the cure" in text


def test_messages_are_shown_line_by_line(play):
    _code, lines = play({"name": "Report", "ansible.builtin.debug": {"msg": "one\ntwo"}})
    assert lines[1:3] == ["  one", "  two"]


def test_an_assertion_reports_only_the_message_that_it_was_given(play):
    def check(name, **more):
        return {"name": name, "ansible.builtin.assert": {"that": "item | default(1) > 0", **more}}

    given = {"success_msg": "it holds\nindeed"}
    looped = {**check("Loop", success_msg="it holds for {{ item }}"), "loop": [1, 2]}
    _code, lines = play(check("Report", **given), check("Be quiet", quiet=True, success_msg="no word"), check("Check"), looped)
    assert lines[:5] == ["Some play", "  it holds", "  indeed", "  it holds for 1", "  it holds for 2"]
    assert not any("no word" in line or "assertions passed" in line for line in lines)


def test_a_wait_is_one_line_and_not_one_for_each_try(play):
    wait = {**nothing("Wait for it"), "register": "tried", "until": "tried.attempts > 3", "retries": 5, "delay": 0}
    _code, lines = play(wait)
    shown = [line for line in lines if "Wait for it" in line]
    assert shown[0] == "  waiting: [localhost] Wait for it"
    assert len(shown) == 2 and shown[1].startswith("  done after ")
    assert not any("RETRYING" in line for line in lines)


def test_the_time_that_has_passed_is_shown_at_each_interval(play):
    wait = {**nothing("Wait for it"), "register": "tried", "until": "tried.attempts > 3", "retries": 5, "delay": 1}
    _code, lines = play(wait, KUBE_OVN_DPDK_LONG_TASK="1")
    assert any(re.fullmatch("  still running after [0-9]+ s: Wait for it", line) for line in lines)


def test_one_long_step_shows_that_it_still_runs(play):
    _code, lines = play({"name": "Compile it", "ansible.builtin.command": "sleep 4", "changed_when": True}, KUBE_OVN_DPDK_LONG_TASK="1")
    shown = [line for line in lines if re.fullmatch("  still running after [0-9]+ s: Compile it", line)]
    assert len(shown) >= 2 and len(set(shown)) == len(shown)
    assert lines.index(shown[-1]) < lines.index("  changed: [localhost] Compile it")


def test_the_end_shows_what_roles_report(play):
    report = {"ansible.builtin.set_stats": {"data": {"kube_ovn_dpdk": {"Verdict": "pass", "Report": "reports/report.html"}}, "aggregate": True}}
    _code, lines = play({"name": "Report for the whole run", **report})
    assert lines[-5:-1] == ["Changed: nothing", "Rebooted: no host", "Verdict: pass", "Report: reports/report.html"]
    assert lines[-1].startswith("Took: ")


def test_reports_of_several_roles_are_put_together_and_what_to_do_is_last(play):
    first = {"ansible.builtin.set_stats": {"data": {"kube_ovn_dpdk": {"Next": "do the first", "Findings": "none"}}}}
    second = {"ansible.builtin.set_stats": {"data": {"kube_ovn_dpdk": {"Next": "do the second"}}}}
    _code, lines = play(change("Write something"), {"name": "Report", **first}, {"name": "Report", **second})
    assert lines[-5:-2] == ["Changed: the playbook 1", "Rebooted: no host", "Findings: none"]
    assert lines[-1] == "Next: do the second"


def test_changes_are_counted_by_role(play, tmp_path):
    (tmp_path / "roles" / "some" / "tasks").mkdir(parents=True)
    (tmp_path / "roles" / "some" / "tasks" / "main.yml").write_text(json.dumps([change("One"), change("Two", loop=["a", "b"]), nothing("None")]))
    use = {"name": "Use it", "ansible.builtin.include_role": {"name": "some"}}
    for arguments, label in (((), "Changed"), (("--check",), "Would change")):
        tasks = [use] if not arguments else [{"name": "Write", "ansible.builtin.copy": {"content": "x", "dest": str(tmp_path / "new")}}]
        _code, lines = play(*tasks, arguments=arguments)
        assert f"{label}: {'some 2' if not arguments else 'the playbook 1'}" in lines


def test_after_a_failure_the_end_says_what_to_do(play):
    _code, lines = play({"name": "Fail", "ansible.builtin.fail": {"msg": "The reason"}})
    assert lines[-1].startswith("Next: correct what failed above")


def test_more_verbosity_brings_the_default_output(play):
    _code, lines = play(nothing("Read something"), arguments=["-v"])
    assert any(line.startswith("TASK [Read something]") for line in lines)

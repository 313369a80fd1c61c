"""Commands in several pods at the same time, against an API that speaks the protocol of `exec`."""

from __future__ import annotations

import json
import time

import pytest
from test_k8s_objects import call

FAILED = {"status": "Failure", "message": "command terminated with exit code 3", "details": {"causes": [{"reason": "ExitCode", "message": "3"}]}}
ABSENT = {"status": "Failure", "message": 'exec: "nothing": executable file not found in $PATH', "details": {"causes": [{"message": "no ExitCode here"}]}}


def execute(pods, **more):
    environment = {key: more.pop(key) for key in [*more] if key.isupper()}
    commands = [{"namespace": "default", "pod": pod, "container": "c", "command": ["say", "two words", pod]} for pod in pods]
    return call("k8s_pods_exec", {"commands": commands, "changes": False, **more}, **environment)


def status(value: dict) -> tuple[int, bytes]:
    return 3, json.dumps(value).encode()


def test_all_at_the_same_time_and_each_with_its_own_output(cluster):
    def executed(pod, command):
        yield 1, " ".join(command).encode()
        yield 2, b"warned"
        time.sleep(2)
        yield 1, "\nend ä".encode()
        yield status({"status": "Success"})

    cluster.executed = executed
    names = [f"pod-{number}" for number in range(20)]
    began = time.monotonic()
    state, found = execute(names)
    assert state == "SUCCESS" and found["changed"] is False
    assert time.monotonic() - began < 30, "twenty pods, two seconds each"
    assert [one["pod"] for one in found["results"]] == names
    assert {one["rc"] for one in found["results"]} == {0} and {one["stderr"] for one in found["results"]} == {"warned"}
    assert [one["stdout"] for one in found["results"]] == [f"say two words {name}\nend ä" for name in names]


def test_each_way_to_fail_is_told(cluster):
    answers = {"code": FAILED, "absent": ABSENT, "good": {"status": "Success"}}

    def executed(pod, _command):
        yield 1, b"out"
        if pod == "silent":
            return
        if pod == "garbage":
            yield 3, b"no status"
            return
        yield status(answers[pod])

    cluster.executed = executed
    pods = ["code", "absent", "silent", "garbage", "good"]
    state, found = execute(pods, required=False)
    assert state == "SUCCESS"
    by_pod = {one["pod"]: one for one in found["results"]}
    assert by_pod["code"]["rc"] == 3 and by_pod["good"]["rc"] == 0
    assert by_pod["absent"]["rc"] is None and "not found in $PATH" in by_pod["absent"]["msg"]
    assert by_pod["silent"]["rc"] is None and "did not report" in by_pod["silent"]["msg"]
    assert by_pod["garbage"]["rc"] is None and "did not report" in by_pod["garbage"]["msg"]
    state, found = execute(pods)
    assert state == "FAILED!" and found["msg"].startswith("Commands in 4 of 5 pods failed: default/code: ended with code 3")


def test_a_command_that_hangs_is_not_waited_for(cluster):
    def executed(pod, _command):
        yield 1, b"begun"
        time.sleep(15 if pod == "slow" else 0)
        yield status({"status": "Success"})

    cluster.executed = executed
    state, found = execute(["slow", "fast"], timeout=3, required=False)
    slow, fast = found["results"]
    assert state == "SUCCESS" and fast["rc"] == 0
    assert slow["rc"] is None and slow["stdout"] == "begun" and "not done after 3 seconds" in slow["msg"]


def test_a_pod_that_prints_without_end_is_cut_off(cluster):
    def executed(_pod, _command):
        for _number in range(200):
            yield 1, b"x" * 1024 * 1024
        yield status({"status": "Success"})

    cluster.executed = executed
    state, found = execute(["loud"], required=False)
    assert state == "SUCCESS" and "more than 16 MiB" in found["results"][0]["msg"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"commands": [], "timeout": 0}, "timeout is 0: set it to at least 1 second"),
        ({"timeout": 5}, "one of the following is required: pods, commands"),
        ({"pods": ["p"], "commands": []}, "mutually exclusive"),
        ({"pods": ["p"], "namespace": "n", "container": "c"}, "missing parameter(s) required by 'pods': command"),
        ({"commands": [{"namespace": "n", "pod": "p", "container": "c", "command": []}]}, "the command for pod n/p is empty"),
    ],
)
def test_bad_input(cluster, given, words):
    state, found = call("k8s_pods_exec", given)
    assert state == "FAILED!" and words in found["msg"]
    assert cluster.commands == []


def test_one_command_for_several_pods(cluster):
    state, found = call("k8s_pods_exec", {"pods": ["a", "b"], "namespace": "default", "container": "c", "command": ["say", "it"]})
    assert state == "CHANGED" and [one["pod"] for one in found["results"]] == ["a", "b"]
    assert sorted(cluster.commands) == [("a", "say it"), ("b", "say it")]


def test_check_mode_runs_only_what_looks(cluster):
    state, found = execute(["pod"], CHECK="1", changes=True)
    assert state == "CHANGED" and found["results"] == [] and cluster.commands == []
    state, found = execute(["pod"], CHECK="1")
    assert state == "SUCCESS" and found["results"][0]["rc"] == 0 and len(cluster.commands) == 1

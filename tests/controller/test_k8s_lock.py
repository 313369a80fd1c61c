"""The lock of a cluster: what module k8s_lock writes, refuses and leaves, against an API that keeps objects and refuses what was changed meanwhile."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._k8s_lock import deadline, held_by_another, job, lease, moment
from test_k8s_objects import call

LEASE = ("coordination.k8s.io/v1/leases", "default", "some-lock")
NOW = 1795647311
WANTED = {"name": "some-lock", "namespace": "default", "labels": {"a": "b"}, "holder": "me", "seconds": 120}


def there(present: int, **more) -> dict:
    found = lease(None, {**WANTED, **more}, present)
    found["metadata"]["resourceVersion"] = "7"
    return found


def test_lock_of_another_is_refused_until_it_ends():
    found = there(NOW)
    refused = held_by_another(found, "other", "the proof", NOW + 60)
    assert "Another run of the proof uses this cluster: me, since 20" in refused and "in 60 s" in refused
    assert held_by_another(found, "other", "the proof", NOW + 120) == ""
    assert held_by_another(found, "me", "the proof", NOW + 60) == ""
    assert held_by_another(None, "me", "the proof", NOW) == ""
    # It is over: the other may take it, if it was not written since.
    assert lease(found, {**WANTED, "holder": "other"}, NOW + 120)["metadata"]["resourceVersion"] == "7"


def test_renewal_keeps_since_when_the_lock_is_held():
    spec = lease(there(NOW), {**WANTED, "seconds": 60}, NOW + 60)["spec"]
    assert (moment(spec["acquireTime"]), moment(spec["renewTime"]), spec["leaseDurationSeconds"]) == (NOW, NOW + 60, 60)
    # One that took it over holds it since then.
    assert moment(lease(there(NOW), {**WANTED, "holder": "other"}, NOW + 300)["spec"]["acquireTime"]) == NOW + 300


def test_a_renewal_in_the_future_blocks_as_long_as_the_message_says():
    found = there(NOW + 3600)
    assert "in 3720 s" in held_by_another(found, "other", "the proof", NOW)
    assert "in 120 s" in held_by_another(found, "other", "the proof", NOW + 3600)
    assert held_by_another(found, "other", "the proof", NOW + 3720) == ""


@pytest.mark.parametrize("ahead", [10_000_000, 86401])
def test_a_renewal_in_a_future_that_no_lock_reaches_is_none(ahead):
    """Whoever may write Leases in this namespace could block the proof for ever by one."""
    assert held_by_another(there(NOW + ahead), "other", "the proof", NOW) == ""


def test_no_lock_is_longer_than_this_module_takes_it():
    found = there(NOW)
    found["spec"]["leaseDurationSeconds"] = 2147483647
    assert "in 86400 s" in held_by_another(found, "other", "the proof", NOW)
    assert held_by_another(found, "other", "the proof", NOW + 86400) == ""


def test_name_of_a_holder_obeys_no_terminal_and_is_short():
    found = there(NOW, holder="\x1b[2Jme\n\u202e" + "\u00e9" + "x" * 100_000)
    message = held_by_another(found, "other", "the proof", NOW)
    assert message.isprintable() and len(message) < 1000 and "[2Jme" in message and "\u00e9" in message


@pytest.mark.parametrize(
    "spec",
    [{}, {"holderIdentity": "x"}, {"holderIdentity": "x", "renewTime": "garbage"}, {"holderIdentity": "x", "renewTime": None},
     {"holderIdentity": "x", "renewTime": "0000-01-01T00:00:00.000000Z", "leaseDurationSeconds": 9}],
)  # fmt: skip
def test_a_lease_that_says_nothing_is_held_by_none(spec):
    assert held_by_another({"metadata": {"name": "l", "namespace": "n"}, "spec": spec}, "me", "the proof", NOW) == ""


def test_the_owner_has_no_pods_and_goes_away_by_itself():
    made = job(WANTED)
    assert (made["spec"]["parallelism"], made["spec"]["activeDeadlineSeconds"], made["spec"]["ttlSecondsAfterFinished"]) == (0, 120, 0)
    # Another run has another one, so that neither removes the other's lock.
    assert job({**WANTED, "holder": "other"})["metadata"]["name"] != made["metadata"]["name"]
    started = {"metadata": {"creationTimestamp": "2026-11-25T00:00:00Z"}, "status": {"startTime": "2026-11-25T00:00:10Z"}}
    assert deadline(started, 50, moment("2026-11-25T00:01:10Z")) == 110, "it outlives each renewal"


# --- the module


def lock(holder: str = "me", **more):
    return call("k8s_lock", {"name": LEASE[2], "namespace": "default", "holder": holder, "purpose": "the proof", **more})


def jobs(cluster) -> list[str]:
    return [key[2] for key in cluster.fake.STORE if key[0] == "batch/v1/jobs"]


def test_taken_renewed_refused_and_given_back(cluster):
    state, found = lock(seconds=300)
    assert state == "SUCCESS" and found["held"] and not found["changed"] and abs(found["until"] - time.time() - 300) < 30
    (owner,) = jobs(cluster)
    assert cluster.fake.STORE[LEASE]["metadata"]["ownerReferences"][0]["name"] == owner
    first = cluster.fake.STORE[LEASE]["spec"]["acquireTime"]
    state, found = lock(seconds=600)
    assert state == "SUCCESS" and cluster.fake.STORE[LEASE]["spec"]["acquireTime"] == first
    assert cluster.fake.STORE["batch/v1/jobs", "default", owner]["spec"]["activeDeadlineSeconds"] >= 600
    before = dict(cluster.fake.STORE)
    state, found = lock("other")
    assert state == "FAILED!" and "Another run of the proof uses this cluster: me" in found["msg"]
    assert lock("other", state="absent")[0] == "SUCCESS"
    assert before == cluster.fake.STORE, "neither the lock nor its owner is touched by another"
    assert lock(state="absent")[0] == "SUCCESS"
    assert LEASE not in cluster.fake.STORE and jobs(cluster) == []
    assert lock(state="absent")[0] == "SUCCESS"


def test_of_several_at_once_one_gets_it(cluster):
    names = [f"run-{number}" for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lock, names))
    assert sorted(state for state, _answer in found) == ["FAILED!"] * 3 + ["SUCCESS"]
    (winner,) = [name for name, (state, _answer) in zip(names, found, strict=True) if state == "SUCCESS"]
    assert cluster.fake.STORE[LEASE]["spec"]["holderIdentity"] == winner
    assert len(jobs(cluster)) == 1, "who lost has left nothing"


def test_holder_that_is_known_to_have_died_is_replaced_at_once(cluster):
    assert lock("dead", seconds=600)[0] == "SUCCESS"
    before = dict(cluster.fake.STORE)
    assert lock("next", replaces="another")[0] == "FAILED!"
    assert before == cluster.fake.STORE, "the one that has it is not the one that died"
    state, found = lock("next", replaces="dead", seconds=60)
    assert state == "SUCCESS" and found["held"] and found["replaced"]
    spec = cluster.fake.STORE[LEASE]["spec"]
    assert spec["holderIdentity"] == "next" and abs(moment(spec["acquireTime"]) - time.time()) < 60
    assert jobs(cluster) == [job({**WANTED, "holder": "next"})["metadata"]["name"]], "the owner of the earlier lock is gone"
    state, found = lock("next", replaces="dead", seconds=60)
    assert state == "SUCCESS" and not found["replaced"]
    assert held_by_another(there(NOW, holder="x"), "other", "the proof", NOW, "") != ""


def test_check_mode_writes_nothing(cluster):
    before = dict(cluster.fake.STORE)
    state, found = call("k8s_lock", {"name": LEASE[2], "namespace": "default", "holder": "me"}, CHECK="1")
    assert state == "SUCCESS" and not found["held"] and before == cluster.fake.STORE


@pytest.mark.parametrize(("more", "words"), [({"seconds": 0}, "seconds is 0: set it"), ({"holder": " "}, "holder is empty")])
def test_bad_input(cluster, more, words):
    state, found = lock(**more)
    assert state == "FAILED!" and words in found["msg"]

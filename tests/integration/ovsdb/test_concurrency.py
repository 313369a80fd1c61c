# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writers at the same time: no update is lost, and none fails."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _ovsdb_module
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._ovsdb_client import Client, ConnectionLost, OvsdbError
from ansible_collections.kube_ovn.dpdk.plugins.modules import ovs_bridge, ovs_config, ovs_port
from local import info, process, run

ROUNDS = 20


def test_two_modules_at_once(switch):
    """Whole module runs in pairs: ports on one bridge, keys of one map, and a key that the two want otherwise."""
    run(ovs_bridge, switch.database, bridges=[{"name": "br0"}], wait=True)
    with ThreadPoolExecutor(2) as pool:
        for number in range(ROUNDS):
            for module, options in (
                ("ovs_port", lambda writer, number=number: {"name": f"p{number}-{writer}", "bridge": "br0", "type": "internal"}),
                ("ovs_config", lambda writer, number=number: {"other_config": {f"k{number}-{writer}": "v", "shared": f"{number}-{writer}"}}),
            ):
                jobs = [pool.submit(process, module, switch.database, **options(writer)) for writer in "ab"]
                for job in jobs:
                    assert job.result().get("changed"), job.result()
            assert info(switch.database)["other_config"]["shared"] in (f"{number}-a", f"{number}-b")
    have = info(switch.database)
    assert have["bridges"]["br0"]["ports"] == sorted(["br0"] + [f"p{number}-{writer}" for number in range(ROUNDS) for writer in "ab"])
    assert set(have["other_config"]) == {"shared", *(f"k{number}-{writer}" for number in range(ROUNDS) for writer in "ab")}


def at_once(writers, work):
    """Run work(writer) in so many threads that start together; every one must come through."""
    barrier = threading.Barrier(writers)

    def start(writer):
        barrier.wait(30)
        return work(writer)

    with ThreadPoolExecutor(writers) as pool:
        return list(pool.map(start, range(writers)))


def test_many_writers_of_one_bridge_and_map(database):
    run(ovs_bridge, database.database, bridges=[{"name": "br0"}])

    def work(writer):
        for number in range(ROUNDS):
            run(ovs_port, database.database, ports=[{"name": f"p{writer}-{number}", "bridge": "br0"}])
            run(ovs_bridge, database.database, bridges=[{"name": "br0", "external_ids": {f"{writer}-{number}": "x"}}])

    at_once(4, work)
    have = info(database.database)
    assert len(have["bridges"]["br0"]["ports"]) == 4 * ROUNDS + 1
    assert len(have["bridges"]["br0"]["external_ids"]) == 4 * ROUNDS


def test_all_want_the_same_new_objects(database):
    """One creates them, the others find them there."""
    for number in range(ROUNDS):
        bridge = f"br{number}"
        results = at_once(4, lambda writer, name=bridge: run(ovs_bridge, database.database, bridges=[{"name": name}]))
        assert [result["changed"] for result in results].count(True) == 1
        results = at_once(4, lambda writer, name=bridge: run(ovs_port, database.database, ports=[{"name": "p-" + name, "bridge": name}]))
        assert [result["changed"] for result in results].count(True) == 1
    assert len(info(database.database)["ports"]) == 2 * ROUNDS


def test_a_purge_does_not_undo_what_it_has_not_seen(database, monkeypatch):
    """Another writer comes between reading and committing: the purge is decided again."""
    run(ovs_config, database.database, other_config={"old": "1"})
    commit = _ovsdb_module.Runner._commit
    seen = []

    def late(runner, model, operations):
        if not seen:
            seen.append(1)
            database.vsctl("--no-wait", "set", "Open_vSwitch", ".", "other_config:between=1")
        else:
            seen.append(2)
        return commit(runner, model, operations)

    monkeypatch.setattr(_ovsdb_module.Runner, "_commit", late)
    result = run(ovs_config, database.database, other_config={"new": "1"}, purge=True)
    assert seen == [1, 2], "the first commit must have been refused"
    assert result["diff"][0]["before"]["other_config"] == {"old": "1", "between": "1"}
    assert info(database.database)["other_config"] == {"new": "1"}


def test_the_last_writer_of_a_new_key_wins(database, monkeypatch):
    """Another writer sets the key between reading and committing. What a module reports as done is in the database."""
    commit = _ovsdb_module.Runner._commit

    def late(runner, model, operations):
        database.vsctl("--no-wait", "set", "Open_vSwitch", ".", "other_config:key=theirs")
        return commit(runner, model, operations)

    monkeypatch.setattr(_ovsdb_module.Runner, "_commit", late)
    assert run(ovs_config, database.database, other_config={"key": "ours"})["changed"]
    assert info(database.database)["other_config"] == {"key": "ours"}


@pytest.mark.parametrize("there", [["br2"], []], ids=["moved elsewhere", "removed"])
def test_a_port_that_leaves_while_it_is_moved(database, monkeypatch, there):
    """It must never be on two bridges."""
    run(ovs_bridge, database.database, bridges=[{"name": name} for name in ("br0", "br1", "br2")])
    run(ovs_port, database.database, ports=[{"name": "p0", "bridge": "br0", "tag": 5}])
    commit = _ovsdb_module.Runner._commit
    lost = []

    def late(runner, model, operations):
        if not lost:
            lost.append(database.row("Port", "p0")["_uuid"])
            steps = ["remove", "Bridge", "br0", "ports", lost[0]]
            for bridge in there:
                steps += ["--", "add", "Bridge", bridge, "ports", lost[0]]
            database.vsctl("--no-wait", *steps)
        return commit(runner, model, operations)

    monkeypatch.setattr(_ovsdb_module.Runner, "_commit", late)
    result = run(ovs_port, database.database, ports=[{"name": "p0", "bridge": "br1", "move": True}])
    assert result["changes"][0]["action"] == ("changed" if there else "created")
    have = info(database.database)["bridges"]
    assert {name: [port for port in bridge["ports"] if port == "p0"] for name, bridge in have.items()} == {"br0": [], "br1": ["p0"], "br2": []}


@pytest.mark.parametrize(("module", "options"), [
    (ovs_port, {"ports": [{"name": "p0", "state": "absent"}]}), (ovs_bridge, {"bridges": [{"name": "br0", "state": "absent"}]}),
], ids=["port", "bridge"])
def test_all_remove_the_same(database, module, options):
    """One removes it, the others find it gone."""
    for _round in range(ROUNDS):
        run(ovs_bridge, database.database, bridges=[{"name": "br0"}])
        run(ovs_port, database.database, ports=[{"name": "p0", "bridge": "br0"}])
        results = at_once(4, lambda writer: run(module, database.database, **options))
        assert [result["changed"] for result in results].count(True) == 1


def test_a_row_that_vanishes_under_the_writer(database, monkeypatch):
    run(ovs_bridge, database.database, bridges=[{"name": "br0"}])
    run(ovs_port, database.database, ports=[{"name": "p0", "bridge": "br0"}])
    commit = _ovsdb_module.Runner._commit

    def late(runner, model, operations):
        if "p0" in database.vsctl("list-ports", "br0"):
            database.vsctl("--no-wait", "del-port", "p0")
        return commit(runner, model, operations)

    monkeypatch.setattr(_ovsdb_module.Runner, "_commit", late)
    result = run(ovs_port, database.database, ports=[{"name": "p0", "bridge": "br0", "tag": 5}])
    assert result["changes"] == [{"name": "p0", "action": "created", "columns": []}]
    assert info(database.database)["ports"]["p0"]["tag"] == 5


def test_a_bridge_that_vanishes_under_the_writer(database, monkeypatch):
    """A port without a bridge would be collected in silence; here it is an error that tells the truth."""
    run(ovs_bridge, database.database, bridges=[{"name": "br0"}])
    commit = _ovsdb_module.Runner._commit

    def late(runner, model, operations):
        database.vsctl("--no-wait", "--if-exists", "del-br", "br0")
        return commit(runner, model, operations)

    monkeypatch.setattr(_ovsdb_module.Runner, "_commit", late)
    with pytest.raises(OvsdbError, match="there is no bridge br0"):
        run(ovs_port, database.database, ports=[{"name": "p0", "bridge": "br0"}])


def test_a_commit_whose_answer_is_lost_is_not_made_twice(database, monkeypatch):
    transact = Client.transact
    lost = []

    def once(client, operations):
        results = transact(client, operations)
        if not lost and any(operation["op"] == "insert" for operation in operations):
            lost.append(1)
            raise ConnectionLost("the connection broke after the commit")
        return results

    monkeypatch.setattr(Client, "transact", once)
    result = run(ovs_bridge, database.database, bridges=[{"name": "br0"}])
    assert lost and result["changed"] is True
    assert result["changes"] == [{"name": "br0", "action": "created", "columns": []}]
    assert database.root()["next_cfg"] == 1


def test_writers_that_never_let_go(database, monkeypatch):
    """The number of attempts is bounded."""
    commit = _ovsdb_module.Runner._commit
    counter = []

    def late(runner, model, operations):
        counter.append(1)
        database.vsctl("--no-wait", "set", "Open_vSwitch", ".", f"other_config:n={len(counter)}")
        return commit(runner, model, operations)

    monkeypatch.setattr(_ovsdb_module.Runner, "_commit", late)
    monkeypatch.setattr(_ovsdb_module, "MAX_ATTEMPTS", 5)
    with pytest.raises(OvsdbError, match="other writers kept changing the same objects, 5 attempts failed"):
        run(ovs_config, database.database, other_config={"mine": "1"}, purge=True)
    assert len(counter) == 5

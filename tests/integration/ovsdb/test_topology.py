# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bridges and ports of one owner: what is refused, what is kept, and what is removed. ovs-vsctl is the witness."""

import socket

import pytest
from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _ovsdb_module
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._ovsdb_client import OvsdbError
from ansible_collections.kube_ovn.dpdk.plugins.modules import ovs_bridge, ovs_port, ovs_topology
from local import info, process, run
from switch import until

MARK = {"owner": "test"}
POD = {"name": "0123456789ab-n1", "type": "dpdkvhostuserclient", "options": {"vhost-server-path": "/run/vhu/n1"}}


def apply(server, *bridges, **options):
    return run(ovs_topology, server.database, bridges=list(bridges), **options)


def bridge(name, *ports, **options):
    return {"name": name, "ports": list(ports), **options}


def refused(server, message, *bridges, **options):
    """Check mode and the run say the same, and nothing is changed."""
    before = {table: server.rows(table) for table in ("Bridge", "Port", "Interface")}
    for check_mode in (True, False):
        with pytest.raises(OvsdbError, match=message):
            apply(server, *bridges, check_mode=check_mode, **options)
    assert {table: server.rows(table) for table in before} == before


def predicted(server, *bridges, **options):
    """The run does what check mode said, and a second run changes nothing."""
    told = apply(server, *bridges, check_mode=True, **options)
    done = apply(server, *bridges, **options)
    assert told == done
    assert not apply(server, *bridges, **options)["changed"]
    return [(change["kind"], change["name"], change["action"]) for change in done["changes"]]


def test_everything_in_one_transaction_and_its_way_back(database):
    wanted = [bridge("br0", {"name": "a0", "type": "internal"}, {"name": "b0", "interfaces": [{"name": "m0"}, {"name": "m1"}]}), bridge("br1")]
    assert predicted(database, *wanted) == [
        ("bridge", "br0", "created"), ("bridge", "br1", "created"), ("port", "a0", "created"), ("port", "b0", "created"),
    ]
    assert database.root()["next_cfg"] == 1
    assert all(database.row(table, name)["external_ids"] == MARK for table, name in (("Bridge", "br0"), ("Bridge", "br1"), ("Port", "a0"), ("Port", "b0")))
    assert predicted(database) == [("bridge", "br0", "removed"), ("bridge", "br1", "removed"), ("port", "a0", "removed"), ("port", "b0", "removed")]
    assert database.rows("Bridge") == database.rows("Port") == database.rows("Interface") == []


@pytest.mark.parametrize("check_mode", [False, True], ids=["run", "check mode"])
def test_without_a_socket_nothing_is_done_where_it_may_be_missing(tmp_path, check_mode):
    missing = f"unix:{tmp_path}/db.sock"
    options = {"fail_on_missing": False, "check_mode": check_mode}
    assert run(ovs_topology, missing, bridges=[bridge("br0")], **options) == {"changed": False, "changes": [], "diff": []}
    with pytest.raises(OvsdbError, match="names of bridges and ports"):
        run(ovs_topology, missing, bridges=[bridge("br0"), bridge("br0")], **options)
    with pytest.raises(OvsdbError, match="cannot be reached"):
        run(ovs_topology, missing, bridges=[], check_mode=check_mode)
    # What cannot be looked at may be there.
    (tmp_path / "db.sock").symlink_to(tmp_path / "db.sock")
    with pytest.raises(OvsdbError, match="cannot be reached"):
        run(ovs_topology, missing, bridges=[], **options)
    (tmp_path / "db.sock").unlink()
    # A server that was killed leaves its socket.
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(f"{tmp_path}/db.sock")
    with pytest.raises(OvsdbError, match="cannot be reached"):
        run(ovs_topology, missing, bridges=[], **options)


@pytest.mark.parametrize("there", [True, False], ids=["made by OVN", "not made yet"])
def test_the_bridge_of_ovn_is_refused(database, there):
    database.vsctl("--no-wait", "set", "Open_vSwitch", ".", "external_ids:ovn-remote=tcp:192.0.2.1:6642")
    if there:
        database.vsctl("--no-wait", "add-br", "br-int", "--", "add-port", "br-int", "pod1")
    for more in ({}, {"manage_existing": True}):
        refused(database, "bridge br-int is the integration bridge of OVN", bridge("br0"), bridge("br-int", **more))
    database.vsctl("--no-wait", "set", "Open_vSwitch", ".", "external_ids:ovn-bridge=br-ovn")
    refused(database, "bridge br-ovn is the integration bridge of OVN", bridge("br-ovn"))


def test_the_bridge_of_ovn_is_not_removed_whatever_its_mark(database):
    database.vsctl("--no-wait", "set", "Open_vSwitch", ".", "external_ids:ovn-remote=x", "--", "add-br", "br-int",
                   "--", "set", "Bridge", "br-int", "external_ids:owner=test", "fail_mode=secure")
    assert predicted(database) == []
    assert predicted(database, force=True) == []
    assert database.row("Bridge", "br-int")["fail_mode"] == "secure"


def test_a_bridge_of_others_is_refused_or_managed_without_being_owned(database):
    run(ovs_bridge, database.database, bridges=[{"name": "ext", "fail_mode": "secure", "external_ids": {"a": "b"}}])
    refused(database, "bridge ext exists and was not made by test; .* set manage_existing: true", bridge("br0"), bridge("ext"))
    managed = bridge("ext", {"name": "up0"}, manage_existing=True, other_config={"x": "y"})
    assert predicted(database, managed) == [("bridge", "ext", "changed"), ("port", "up0", "created")]
    row = database.row("Bridge", "ext")
    assert (row["external_ids"], row["fail_mode"], row["other_config"]) == ({"a": "b"}, "secure", {"x": "y"})
    assert predicted(database) == [("port", "up0", "removed")]
    assert database.vsctl("list-br") == "ext"


def test_a_port_of_others_is_refused_or_managed_without_being_owned(database):
    apply(database, bridge("br0"))
    run(ovs_port, database.database, ports=[{"name": "theirs", "bridge": "br0", "tag": 3}])
    refused(database, "port theirs exists on bridge br0 and was not made by test; .* set manage_existing: true", bridge("br0", {"name": "theirs"}))
    managed = {"name": "theirs", "manage_existing": True, "trunks": [4]}
    assert predicted(database, bridge("br0", managed)) == [("port", "theirs", "changed")]
    row = database.row("Port", "theirs")
    assert (row["external_ids"], row["tag"], row["trunks"]) == ({}, 3, 4)
    refused(database, "port theirs is on bridge br0, not on br1; set move: true", bridge("br0"), bridge("br1", managed))
    assert predicted(database, bridge("br0")) == []
    # Nor does it go with the bridge.
    refused(database, r"bridge br0 has theirs \(system\)")
    assert ("port", "theirs", "changed") in predicted(database, bridge("br1", {**managed, "move": True}))
    assert database.vsctl("list-br") == "br1"


def test_new_objects_with_manage_existing_are_owned(database):
    wanted = bridge("br0", {"name": "p0", "manage_existing": True}, manage_existing=True)
    predicted(database, wanted)
    assert database.row("Bridge", "br0")["external_ids"] == database.row("Port", "p0")["external_ids"] == MARK
    predicted(database)
    assert database.rows("Bridge") == []


def test_a_bad_option_changes_nothing(database):
    uplink = {"name": "up0", "external_ids": {"k": "v"}}
    apply(database, bridge("n0", uplink))
    for bad, message in (
        ({"tag": 5000}, "port up0: tag 5000 is out of range"),
        ({"interfaces": [{"name": "n1"}]}, "n1 is given twice"),
        ({"external_ids": {"owner": "me"}}, "the key owner is set by the module itself"),
        ({"options": {"n_rxq": 1}}, "the YAML number 1"),
    ):
        refused(database, message, bridge("n1", {**uplink, **bad}))
    refused(database, "bridge a-bridge-with-16: the name is longer than 15 bytes", bridge("n0", uplink), bridge("a-bridge-with-16"))
    assert database.vsctl("list-ports", "n0") == "up0"


def test_what_the_switch_does_not_know_changes_nothing(switch):
    apply(switch, bridge("n0", {"name": "up0", "type": "dummy"}, datapath_type="dummy"), wait=True)
    refused(switch, "port up0: this switch has no interface type dpdk", bridge("n1", {"name": "up0", "type": "dpdk"}, datapath_type="dummy"), wait=True)
    refused(switch, "bridge n1: this switch has no datapath type nonesuch", bridge("n1", {"name": "up0"}, datapath_type="nonesuch"), wait=True)


def test_a_port_that_leaves_a_bridge_that_goes_keeps_its_row_and_its_qos(database):
    apply(database, bridge("n0", {"name": "up0", "tag": 7}))
    database.vsctl("--no-wait", "--", "--id=@q", "create", "QoS", "type=linux-htb", "--", "set", "Port", "up0", "qos=@q")
    before = database.row("Port", "up0")
    assert predicted(database, bridge("n1", {"name": "up0"})) == [("bridge", "n0", "removed"), ("bridge", "n1", "created"), ("port", "up0", "changed")]
    assert database.row("Port", "up0") == before
    assert before["qos"] != [] and before["tag"] == 7
    assert database.vsctl("list-ports", "n1") == "up0"


def test_a_name_goes_from_a_bridge_to_a_port_and_back(switch):
    """The real switch takes it in one step, each way; also a bond's member may become a bridge."""
    dummy = {"datapath_type": "dummy"}
    states = [
        [bridge("x", {"name": "y", "type": "dummy"}, **dummy)],
        [bridge("y", {"name": "x", "type": "dummy"}, **dummy)],
        [bridge("x", **dummy), bridge("y", **dummy)],
        [bridge("z", {"name": "b", "interfaces": [{"name": "x", "type": "dummy"}, {"name": "y", "type": "dummy"}]}, **dummy)],
        [bridge("x", {"name": "b", "interfaces": [{"name": "z", "type": "dummy"}, {"name": "y", "type": "dummy"}]}, **dummy)],
        [bridge("x", {"name": "y", "type": "dummy"}, **dummy)],
    ]
    for state in states:
        predicted(switch, *state, wait=True)
        have = info(switch.database)
        assert sorted(have["bridges"]) == sorted(item["name"] for item in state)
        for item in state:
            assert have["bridges"][item["name"]]["ports"] == sorted([item["name"], *(port["name"] for port in item["ports"])])
        assert all(entry["ofport"] is not None and entry["ofport"] != -1 for entry in have["interfaces"].values()), have["interfaces"]


def test_a_bridge_with_ports_of_pods_is_not_removed(database):
    apply(database, bridge("br0", {"name": "up0"}), bridge("br1"))
    run(ovs_port, database.database, ports=[{**POD, "bridge": "br0"}, {"name": "pod2", "bridge": "br1", "type": "dpdkvhostuser"}])
    database.vsctl("--no-wait", "set", "Interface", POD["name"], "status:status=connected")
    both = (r"cannot be removed while they have ports that were not made by test, such as those of pods: bridge br0 has 0123456789ab-n1 "
            r"\(dpdkvhostuserclient, connected\); bridge br1 has pod2 \(dpdkvhostuser\)\. Remove the pods or the ports first")
    refused(database, both)
    refused(database, "bridge br1 has pod2", bridge("br0"))
    # A name that becomes a port's is no way around it.
    refused(database, "bridge br0 has 0123456789ab-n1", bridge("br1", {"name": "br0"}))
    assert predicted(database, bridge("br0", {"name": "up0"}), bridge("br1")) == []
    assert predicted(database, bridge("br1"), force=True) == [("bridge", "br0", "removed"), ("port", POD["name"], "removed"), ("port", "up0", "removed")]


def test_a_pod_that_comes_while_its_bridge_is_removed(database, monkeypatch):
    apply(database, bridge("br0"))
    commit = _ovsdb_module.Runner._commit

    def late(runner, model, operations):
        database.vsctl("--no-wait", "--may-exist", "add-port", "br0", "pod1")
        return commit(runner, model, operations)

    monkeypatch.setattr(_ovsdb_module.Runner, "_commit", late)
    with pytest.raises(OvsdbError, match="bridge br0 has pod1"):
        apply(database)
    assert database.vsctl("list-ports", "br0") == "pod1"


def test_a_port_of_ours_that_stands_on_a_bridge_of_others(database):
    run(ovs_bridge, database.database, bridges=[{"name": "ext"}])
    run(ovs_port, database.database, ports=[{"name": "stray", "bridge": "ext", "external_ids": MARK}, {"name": "other", "bridge": "ext"}])
    assert predicted(database, bridge("br0", {"name": "stray"})) == [("bridge", "br0", "created"), ("port", "stray", "changed")]
    run(ovs_port, database.database, ports=[{"name": "stray", "bridge": "ext", "move": True}])
    assert predicted(database, bridge("br0")) == [("port", "stray", "removed")]
    assert database.vsctl("list-ports", "ext") == "other"


@pytest.mark.parametrize("owner", ["", " "])
def test_an_owner_without_a_name(database, owner):
    refused(database, "owner is empty", bridge("br0"), owner=owner)


def test_owners_do_not_see_each_other(database):
    apply(database, bridge("br0", {"name": "p0"}))
    refused(database, "bridge br0 exists and was not made by other", bridge("br0"), owner="other")
    apply(database, bridge("br1", {"name": "p1"}), owner="other")
    predicted(database)
    assert database.vsctl("list-br") == "br1"


def test_the_mark_survives_maps_that_are_cleared_and_purged(database):
    apply(database, bridge("br0", {"name": "p0", "external_ids": {"a": "1"}, "other_config": {"b": "2"}}, external_ids={"c": "3"}))
    # An omitted map is left alone by purge.
    assert predicted(database, bridge("br0", {"name": "p0", "purge": True}, purge=True)) == []
    assert predicted(database, bridge("br0", {"name": "p0", "external_ids": {}}, external_ids={})) == [("bridge", "br0", "changed"), ("port", "p0", "changed")]
    assert database.row("Bridge", "br0")["external_ids"] == database.row("Port", "p0")["external_ids"] == MARK
    apply(database, bridge("br0", {"name": "p0", "external_ids": {"d": "4"}, "purge": True}))
    assert database.row("Port", "p0")["external_ids"] == {"d": "4", **MARK}


def test_names_of_others_are_not_taken(database):
    run(ovs_bridge, database.database, bridges=[{"name": "ext"}])
    members = [{"name": "m"}, {"name": "n"}]
    run(ovs_port, database.database, ports=[{"name": "their", "bridge": "ext"}, {"name": "bond", "bridge": "ext", "interfaces": members}])
    refused(database, "bridge their cannot be created: bridge ext has a port of that name, which was not made by test", bridge("their"))
    refused(database, "port ext cannot be created: there is a bridge of that name, which was not made by test", bridge("br0", {"name": "ext"}))
    refused(database, "bridge m cannot be created: port bond has an interface of that name", bridge("m"))
    refused(database, "port m cannot be created: port bond has an interface of that name", bridge("br0", {"name": "m"}))
    refused(database, "port b: interface n belongs to port bond", bridge("br0", {"name": "b", "interfaces": [{"name": "n"}, {"name": "o"}]}))


def test_the_whole_module(switch):
    options = {"owner": "test", "bridges": [bridge("br0", {"name": "p0", "type": "dummy"}, datapath_type="dummy")]}
    assert process("ovs_topology", switch.database, **options)["changed"] is True
    again = process("ovs_topology", switch.database, **options)
    assert (again["changed"], again["changes"], again["diff"]) == (False, [], [])
    run(ovs_port, switch.database, ports=[{"name": "pod1", "bridge": "br0", "type": "dummy"}], wait=True)
    result = process("ovs_topology", switch.database, owner="test", bridges=[])
    assert result["failed"] and result["changed"] is False and "bridge br0 has pod1 (dummy)" in result["msg"]
    until(lambda: info(switch.database)["interfaces"]["pod1"]["ofport"], "the port of the pod")
    result = process("ovs_topology", switch.database, owner="test", bridges=[bridge("br0", {"name": "bad", "type": "patch"})])
    assert result["failed"] and result["changed"] is True and "interface bad: bad: patch type requires valid 'peer' argument" in result["msg"]


@pytest.mark.parametrize("options", [{"type": "internal"}, {}], ids=["with a type", "plain"])
def test_a_bond_becomes_a_port_with_one_interface(database, options):
    """The list is complete: what is no bond in it any more is none on the switch."""
    predicted(database, bridge("b0", {"name": "x", "interfaces": [{"name": "m"}, {"name": "n"}]}))
    assert predicted(database, bridge("b0", {"name": "x", **options})) == [("port", "x", "changed")]
    assert {row["name"] for row in database.rows("Interface")} == {"b0", "x"}
    assert database.row("Interface", "x")["type"] == options.get("type", "")

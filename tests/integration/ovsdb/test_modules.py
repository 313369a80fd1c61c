# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules do, and refuse, one thing at a time; ovs-vsctl is the witness."""

import pytest
import yaml
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._ovsdb_client import OvsdbError
from ansible_collections.kube_ovn.dpdk.plugins.modules import ovs_bridge, ovs_info, ovs_port
from local import info, process, run


@pytest.fixture
def bridged(database):
    run(ovs_bridge, database.database, bridges=[{"name": "br0"}, {"name": "br1"}])
    return database


def ports(server, *items, **options):
    return run(ovs_port, server.database, ports=list(items), **options)


DPDK_PORTS = [
    {"name": "dpdk0", "type": "dpdk", "options": {"dpdk-devargs": "0000:03:00.0", "n_rxq": "2", "rx-flow-ctrl": "true"},
     "interface_other_config": {"pmd-rxq-affinity": "0:2,1:3"}, "mtu_request": 9000, "ofport_request": 7},
    {"name": "vs0", "type": "dpdkvhostuser"},
    {"name": "vc0", "type": "dpdkvhostuserclient", "options": {"vhost-server-path": "/run/openvswitch/vc0.sock"}},
    {"name": "anchor0", "type": "internal", "interface_external_ids": {"iface-id": "pod.ns"}},
    {"name": "patch0", "type": "patch", "options": {"peer": "patch1"}},
    {"name": "vx0", "type": "vxlan", "options": {"remote_ip": "192.0.2.1", "key": "flow"}},
    {"name": "gnv0", "type": "geneve", "options": {"remote_ip": "2001:db8::1", "key": "5"}},
]


@pytest.mark.parametrize("port", DPDK_PORTS, ids=lambda port: port["type"])
def test_port_types(bridged, port):
    assert ports(bridged, {**port, "bridge": "br0"})["changed"]
    row = bridged.row("Interface", port["name"])
    assert row["type"] == port["type"]
    assert row["options"] == port.get("options", {})
    assert row["other_config"] == port.get("interface_other_config", {})
    assert row["external_ids"] == port.get("interface_external_ids", {})
    assert row["mtu_request"] == port.get("mtu_request", [])
    assert row["ofport_request"] == port.get("ofport_request", [])
    assert not ports(bridged, {**port, "bridge": "br0"})["changed"]
    assert ports(bridged, {"name": port["name"], "state": "absent"})["changed"]
    assert not ports(bridged, {"name": port["name"], "state": "absent"})["changed"]
    assert port["name"] not in info(bridged.database)["interfaces"]


def test_qos_and_mirrors_are_left_alone(bridged):
    ports(bridged, {"name": "p0", "bridge": "br0"})
    bridged.vsctl("--no-wait", "--", "--id=@q", "create", "QoS", "type=linux-htb", "--", "set", "Port", "p0", "qos=@q",
                  "--", "set", "Port", "p0", "mac=\"02:00:00:00:00:01\"", "--", "set", "Bridge", "br0", "mcast_snooping_enable=true")
    ports(bridged, {"name": "p0", "bridge": "br1", "move": True, "tag": 4, "external_ids": {"a": "b"}, "purge": True})
    run(ovs_bridge, bridged.database, bridges=[{"name": "br0", "fail_mode": "secure", "other_config": {}}])
    assert bridged.row("Port", "p0")["qos"] != []
    assert bridged.row("Port", "p0")["mac"] == "02:00:00:00:00:01"
    assert bridged.row("Bridge", "br0")["mcast_snooping_enable"] is True


def test_controllers_are_left_alone_unless_named(bridged):
    bridged.vsctl("--no-wait", "set-controller", "br0", "tcp:127.0.0.1:1", "tcp:127.0.0.1:2")
    for row in bridged.rows("Controller"):
        bridged.vsctl("--no-wait", "set", "Controller", row["_uuid"], "inactivity_probe=7000")
    run(ovs_bridge, bridged.database, bridges=[{"name": "br0", "fail_mode": "secure", "purge": True}])
    assert info(bridged.database)["bridges"]["br0"]["controllers"] == ["tcp:127.0.0.1:1", "tcp:127.0.0.1:2"]
    wanted = ["tcp:127.0.0.1:3", "tcp:127.0.0.1:1"]
    assert run(ovs_bridge, bridged.database, bridges=[{"name": "br0", "controllers": wanted}])["changed"]
    assert not run(ovs_bridge, bridged.database, bridges=[{"name": "br0", "controllers": wanted}])["changed"]
    rows = {row["target"]: row for row in bridged.rows("Controller")}
    assert sorted(rows) == sorted(wanted)
    assert rows["tcp:127.0.0.1:1"]["inactivity_probe"] == 7000, "a controller that stays keeps its properties"
    run(ovs_bridge, bridged.database, bridges=[{"name": "br0", "controllers": []}])
    assert bridged.rows("Controller") == []


def test_removing_a_bridge_removes_its_ports(bridged):
    ports(bridged, {"name": "p0", "bridge": "br0"}, {"name": "b0", "bridge": "br0", "interfaces": [{"name": "m0"}, {"name": "m1"}]})
    result = run(ovs_bridge, bridged.database, bridges=[{"name": "br0", "state": "absent"}])
    assert result["diff"][0]["before"]["ports"] == ["b0", "br0", "p0"]
    assert sorted(info(bridged.database)["interfaces"]) == ["br1"]
    assert [row["name"] for row in bridged.rows("Interface")] == ["br1"]


def test_a_member_goes_from_one_bond_to_another_in_one_task(bridged):
    ports(bridged, {"name": "b0", "bridge": "br0", "interfaces": [{"name": "m0", "options": {"x": "1"}}, {"name": "m1"}, {"name": "m2"}]})
    ports(bridged, {"name": "b1", "bridge": "br0", "interfaces": [{"name": "m0"}]}, {"name": "b0", "interfaces": [{"name": "m1"}]})
    have = info(bridged.database)
    assert have["ports"]["b1"]["interfaces"] == ["m0"]
    assert have["ports"]["b0"]["interfaces"] == ["m1"]
    assert "m2" not in have["interfaces"]


def test_a_member_that_moves_keeps_what_is_omitted(bridged):
    member = {"name": "m0", "type": "dpdk", "options": {"n_rxq": "2"}, "mtu_request": 9000, "external_ids": {"a": "b"}}
    ports(bridged, {"name": "b0", "bridge": "br0", "interfaces": [member, {"name": "m1"}]})
    before = bridged.row("Interface", "m0")
    move = [{"name": "b0", "interfaces": [{"name": "m1"}]}, {"name": "b1", "bridge": "br1", "interfaces": [{"name": "m0"}, {"name": "m2"}]}]
    told = ports(bridged, *move, check_mode=True)
    assert told == ports(bridged, *move)
    assert bridged.row("Interface", "m0") == before
    # It also becomes a port of its own, and goes back.
    ports(bridged, {"name": "b1", "interfaces": [{"name": "m2"}]}, {"name": "m0", "bridge": "br0"})
    assert bridged.row("Interface", "m0") == before
    assert info(bridged.database)["ports"]["m0"] == {**info(bridged.database)["ports"]["m0"], "bridge": "br0", "interfaces": ["m0"]}


def twice_there(server, port):
    """A port on two bridges, which the database allows."""
    uuid = server.row("Port", port)["_uuid"]
    server.vsctl("--no-wait", "add", "Bridge", "br1", "ports", uuid)


def test_a_port_on_two_bridges(bridged):
    ports(bridged, {"name": "p0", "bridge": "br0", "tag": 3})
    twice_there(bridged, "p0")
    assert info(bridged.database)["ports"]["p0"]["bridge"] == "br0"
    with pytest.raises(OvsdbError, match="port p0 is on bridge br0 and br1, not on br1; set move: true to move it"):
        ports(bridged, {"name": "p0", "bridge": "br1"})
    assert not ports(bridged, {"name": "p0", "tag": 3})["changed"]
    result = ports(bridged, {"name": "p0", "bridge": "br1", "move": True})
    assert (result["diff"][0]["before"]["bridge"], result["diff"][0]["after"]["bridge"]) == ("br0, br1", "br1")
    assert bridged.vsctl("list-ports", "br0") == "" and bridged.vsctl("list-ports", "br1") == "p0"
    ports(bridged, {"name": "p0", "bridge": "br0", "move": True})
    twice_there(bridged, "p0")
    with pytest.raises(OvsdbError, match="port p0 is on bridge br0 and br1, not on br0"):
        ports(bridged, {"name": "p0", "bridge": "br0", "state": "absent"})
    assert ports(bridged, {"name": "p0", "state": "absent"})["changed"]
    assert sorted(row["name"] for row in bridged.rows("Port")) == ["br0", "br1"]


def test_a_bridge_that_goes_leaves_a_port_that_is_on_another_too(bridged):
    ports(bridged, {"name": "p0", "bridge": "br0"})
    twice_there(bridged, "p0")
    told = run(ovs_bridge, bridged.database, bridges=[{"name": "br0", "state": "absent"}], check_mode=True)
    assert told == run(ovs_bridge, bridged.database, bridges=[{"name": "br0", "state": "absent"}])
    assert bridged.vsctl("list-ports", "br1") == "p0"


def test_an_interface_in_two_ports(bridged):
    bonds = {"b0": ["m0", "m1"], "b1": ["m2"]}
    ports(bridged, *({"name": name, "bridge": "br0", "interfaces": [{"name": member} for member in members]} for name, members in bonds.items()))
    bridged.vsctl("--no-wait", "add", "Port", "b1", "interfaces", bridged.row("Interface", "m0")["_uuid"])
    assert ports(bridged, {"name": "b0", "state": "absent"})["changed"]
    assert info(bridged.database)["ports"]["b1"]["interfaces"] == ["m0", "m2"]
    assert sorted(row["name"] for row in bridged.rows("Interface")) == ["br0", "br1", "m0", "m2"]


@pytest.mark.parametrize("order", [1, -1])
def test_a_bridge_takes_the_name_that_another_bridge_frees(bridged, order):
    ports(bridged, {"name": "x", "bridge": "br0"})
    items = [{"name": "x"}, {"name": "br0", "state": "absent"}][::order]
    told = run(ovs_bridge, bridged.database, bridges=items, check_mode=True)
    assert told == run(ovs_bridge, bridged.database, bridges=items)
    assert bridged.vsctl("list-br").split() == ["br1", "x"]


@pytest.mark.parametrize("empty", ["", [""], []], ids=repr)
def test_empty_controllers_clear(bridged, empty):
    for wanted, changed in ((["tcp:127.0.0.1:1"], True), (empty, True), (empty, False)):
        result = process("ovs_bridge", bridged.database, wait=False, name="br0", controllers=wanted)
        assert result["changed"] is changed, result
    assert bridged.rows("Controller") == []


@pytest.mark.parametrize("empty", ["", [""], []], ids=repr)
def test_empty_trunks_clear(bridged, empty):
    for wanted, changed in (([1, "2"], True), (empty, True), (empty, False)):
        result = process("ovs_port", bridged.database, wait=False, name="p0", bridge="br0", trunks=wanted)
        assert result["changed"] is changed, result
    assert bridged.row("Port", "p0")["trunks"] == []


def test_a_misplaced_key_can_be_removed(bridged):
    ports(bridged, {"name": "p0", "bridge": "br0"})
    bridged.vsctl("--no-wait", "set", "Port", "p0", "external_ids:iface-id=pod.ns")
    assert ports(bridged, {"name": "p0", "external_ids": {"iface-id": None}})["changed"]
    assert bridged.row("Port", "p0")["external_ids"] == {}


def test_a_port_whose_only_interface_has_another_name(bridged):
    ports(bridged, {"name": "p0", "bridge": "br0", "interfaces": [{"name": "x", "type": "internal"}]})
    assert ports(bridged, {"name": "p0", "tag": 4})["changed"]
    with pytest.raises(OvsdbError, match="port p0 has an interface of another name, x; describe it in interfaces"):
        ports(bridged, {"name": "p0", "type": "dpdk"})
    assert bridged.row("Interface", "x")["type"] == "internal"


def test_a_name_is_reused_in_the_task_that_frees_it(bridged):
    ports(bridged, {"name": "old", "bridge": "br0"})
    ports(bridged, {"name": "old", "state": "absent"}, {"name": "b0", "bridge": "br1", "interfaces": [{"name": "old"}, {"name": "new"}]})
    assert info(bridged.database)["ports"]["b0"]["interfaces"] == ["new", "old"]


def test_purge_and_empty_and_null(bridged):
    def ids():
        return info(bridged.database)["bridges"]["br0"]["external_ids"]

    def give(**options):
        return run(ovs_bridge, bridged.database, bridges=[{"name": "br0", **options}])["changed"]

    assert give(external_ids={"a": "1", "b": "2"}) and ids() == {"a": "1", "b": "2"}
    assert give(external_ids={"c": "3"}) and ids() == {"a": "1", "b": "2", "c": "3"}
    assert not give(purge=True) and ids() == {"a": "1", "b": "2", "c": "3"}, "an omitted map is left alone"
    assert give(external_ids={"a": None}) and ids() == {"b": "2", "c": "3"}
    assert not give(external_ids={"a": None})
    assert give(external_ids={"b": "x"}, purge=True) and ids() == {"b": "x"}
    assert give(external_ids={}) and ids() == {}
    assert not give(external_ids={})


REFUSED = {
    "unknown bridge": ({"name": "p0", "bridge": "nonesuch"}, r"there is no bridge nonesuch; create it with ovs_bridge first \(bridges here: br0, br1\)"),
    "no bridge": ({"name": "p0"}, "port p0 does not exist; name the bridge to create it on"),
    "local port removed": ({"name": "br0", "state": "absent"}, "port br0 is the local port of bridge br0"),
    "local port moved": ({"name": "br0", "bridge": "br1", "move": True}, "port br0 is the local port of bridge br0 and cannot move"),
    "other bridge's port removed": ({"name": "there", "bridge": "br0", "state": "absent"}, "port there is on bridge br1, not on br0"),
    "member of another port": ({"name": "b0", "bridge": "br0", "interfaces": [{"name": "there"}]},
                               "interface there belongs to port there; remove that port first"),
    "name of a bond's member": ({"name": "m0", "bridge": "br0"}, "port m0 cannot be created: port bond has an interface of that name"),
    "type of a bond": ({"name": "bond", "type": "dpdk"}, "port bond is a bond of m0, m1; describe its members in interfaces"),
    "no interface": ({"name": "b0", "bridge": "br0", "interfaces": []}, "port b0: interfaces is empty"),
    "both kinds": ({"name": "b0", "bridge": "br0", "type": "dpdk", "interfaces": [{"name": "m"}]}, "port b0: type cannot be given together with interfaces"),
    "tag out of range": ({"name": "p0", "bridge": "br0", "tag": 4096}, "port p0: tag 4096 is out of range; it must be from 0 to 4095"),
    "tag that is none": ({"name": "p0", "bridge": "br0", "tag": "x"}, 'port p0: tag must be an integer from 0 to 4095, or "" to clear it, not x'),
    "tag that is a boolean": ({"name": "p0", "bridge": "br0", "tag": True}, "port p0: tag must be an integer"),
    "trunk out of range": ({"name": "p0", "bridge": "br0", "trunks": [1, -1]}, "port p0: trunks -1 is out of range"),
    "tag with an underscore": ({"name": "p0", "bridge": "br0", "tag": "1_0"}, 'tag must be an integer from 0 to 4095, or "" to clear it, not 1_0'),
    "tag in Arabic digits": ({"name": "p0", "bridge": "br0", "tag": "\u0661"}, "tag must be an integer"),
    "trunk with an underscore": ({"name": "p0", "bridge": "br0", "trunks": ["1_0"]}, "trunks must be an integer"),
    "trunk that is a boolean": ({"name": "p0", "bridge": "br0", "trunks": [True]}, "trunks must be an integer"),
    "empty trunk among others": ({"name": "p0", "bridge": "br0", "trunks": [1, ""]}, "trunks holds an empty entry"),
    "tag of 5000 digits": ({"name": "p0", "bridge": "br0", "tag": "1" * 5000}, r"tag must be an integer .*1\.\.\.$"),
    "NUL in the name": ({"name": "p\0", "bridge": "br0"}, "name: the text holds a NUL character"),
    "NUL in a type": ({"name": "p0", "bridge": "br0", "type": "dp\0dk"}, r"ports\[p0\].type: the text holds a NUL character"),
    "NUL in a key": ({"name": "p0", "bridge": "br0", "options": {"a\0": "b"}}, r"ports\[p0\].options: the text holds a NUL character"),
    "surrogate in a value": ({"name": "p0", "bridge": "br0", "options": {"x": "a\ud800"}}, r"ports\[p0\].options.x: the text holds a lone surrogate"),
    "surrogate in a member": ({"name": "b0", "bridge": "br0", "interfaces": [{"name": "m\udfff"}]}, "the text holds a lone surrogate"),
    "mtu": ({"name": "p0", "bridge": "br0", "mtu_request": 0}, "port p0: mtu_request 0 is out of range"),
    "ofport": ({"name": "p0", "bridge": "br0", "ofport_request": 65280}, "port p0: ofport_request 65280 is out of range"),
    "affinity of the port": ({"name": "p0", "bridge": "br0", "other_config": {"pmd-rxq-affinity": "0:1"}},
                             "pmd-rxq-affinity has no effect in other_config of a port"),
    "number": ({"name": "p0", "bridge": "br0", "options": {"n_rxq": 2}}, "port p0: options: the value of n_rxq is the YAML number 2"),
    "float": ({"name": "p0", "bridge": "br0", "options": {"x": 1.5}}, "the value of x is the YAML number 1.5"),
    "boolean": ({"name": "p0", "bridge": "br0", "options": {"x": True}}, "the value of x is a YAML boolean"),
    "list": ({"name": "p0", "bridge": "br0", "options": {"x": ["a"]}}, "the value of x is the YAML list"),
    "NUL": ({"name": "p0", "bridge": "br0", "options": {"x": "a\0"}}, r"ports\[p0\].options.x: the text holds a NUL character"),
    "empty key": ({"name": "p0", "bridge": "br0", "options": {"": "a"}}, "options: a key is empty"),
    "omit in a map": ({"name": "p0", "bridge": "br0", "options": {"x": "__omit_place_holder__abc"}}, "omit does not work inside a map"),
    "slash in the name": ({"name": "a/b", "bridge": "br0"}, '"a/b" is not a usable name'),
    "empty name": ({"name": "", "bridge": "br0"}, '"" is not a usable name'),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_before_anything_is_touched(bridged, case):
    ports(bridged, {"name": "there", "bridge": "br1"}, {"name": "bond", "bridge": "br0", "interfaces": [{"name": "m0"}, {"name": "m1"}]})
    item, message = REFUSED[case]
    before = info(bridged.database)
    for check_mode in (True, False):
        with pytest.raises(OvsdbError, match=message):
            ports(bridged, {"name": "fine", "bridge": "br0"}, item, check_mode=check_mode)
    assert info(bridged.database) == before


def test_given_twice(bridged):
    with pytest.raises(OvsdbError, match="ports: p0 is given twice"):
        ports(bridged, {"name": "p0", "bridge": "br0"}, {"name": "p0", "bridge": "br0"})
    with pytest.raises(OvsdbError, match="interfaces: m0 is given twice"):
        ports(bridged, {"name": "p0", "bridge": "br0", "interfaces": [{"name": "m0"}]}, {"name": "p1", "bridge": "br0", "interfaces": [{"name": "m0"}]})
    with pytest.raises(OvsdbError, match="bridges: br0 is given twice"):
        run(ovs_bridge, bridged.database, bridges=[{"name": "br0"}, {"name": "br0"}])


def test_a_bridge_whose_name_is_taken(bridged):
    ports(bridged, {"name": "x", "bridge": "br0"}, {"name": "b", "bridge": "br0", "interfaces": [{"name": "y"}, {"name": "z"}]})
    with pytest.raises(OvsdbError, match="bridge x cannot be created: bridge br0 has a port of that name"):
        run(ovs_bridge, bridged.database, bridges=[{"name": "x"}])
    with pytest.raises(OvsdbError, match="bridge y cannot be created: port b has an interface of that name"):
        run(ovs_bridge, bridged.database, bridges=[{"name": "y"}])


def test_a_constraint_of_the_database_ends_it(bridged, monkeypatch):
    """What the server never takes is not tried for ever, and its reason is told."""
    monkeypatch.setattr(ovs_port, "check_port", lambda item: None)
    with pytest.raises(OvsdbError, match="the database refused the change: .*constraint violation"):
        ports(bridged, {"name": "p0", "bridge": "br0", "tag": 5000})


def test_options_as_ansible_reads_them(bridged):
    result = process("ovs_port", bridged.database, wait=False, name="p0", bridge="br0", tag="10", trunks=["1", 2], mtu_request="1500")
    assert result["changed"], result
    have = info(bridged.database)
    assert (have["ports"]["p0"]["tag"], have["ports"]["p0"]["trunks"], have["interfaces"]["p0"]["mtu_request"]) == (10, [1, 2], 1500)
    # An off without quotes is a boolean by the time that it gets here.
    assert process("ovs_port", bridged.database, wait=False, name="p0", lacp=False)["changed"]
    assert not process("ovs_port", bridged.database, wait=False, ports=[{"name": "p0", "lacp": False}])["changed"]
    assert info(bridged.database)["ports"]["p0"]["lacp"] == "off"
    assert "mutually exclusive" in process("ovs_port", bridged.database, name="p0", ports=[])["msg"]
    assert "one of the following is required: name, ports" in process("ovs_port", bridged.database)["msg"]
    assert process("ovs_port", bridged.database, wait=False, ports=[])["changed"] is False


@pytest.mark.parametrize("module", ["ovs_port", "ovs_topology"])
def test_secrets_of_tunnels_are_not_shown(bridged, module):
    def done(check_mode=False, **options):
        port = {"name": "vx0", "type": "vxlan", "options": {"remote_ip": "192.0.2.1", **options}}
        where = {"bridge": "br0", **port} if module == "ovs_port" else {"owner": "o", "bridges": [{"name": "br0", "manage_existing": True, "ports": [port]}]}
        result = process(module, bridged.database, check_mode=check_mode, wait=False, **where)
        assert "swordfish" not in str(result) and "4711" not in str(result)
        return result

    def shown(result):
        (entry,) = result["diff"]
        return [(entry[side].get("interfaces") or {"vx0": {"options": {}}})["vx0"]["options"].get("psk") for side in ("before", "after")]

    result = done(psk="swordfish")
    assert shown(result) == [None, "********"]
    assert "invocation" not in result or "'psk': '********'" in str(result["invocation"])
    assert bridged.row("Interface", "vx0")["options"] == {"remote_ip": "192.0.2.1", "psk": "swordfish"}
    assert not done(psk="swordfish")["changed"]
    assert shown(done(psk="swordfish", remote_ip="192.0.2.2")) == ["********"] * 2
    for check_mode in (True, False):
        result = done(check_mode, psk="swordfish2", remote_ip="192.0.2.2")
        assert result["changes"][0]["columns"] == ["interfaces"] and shown(result) == ["********", "******** (changed)"]
    # Also in messages, where the options are refused or cannot be read.
    for bad in (4711, True):
        result = done(psk=bad)
        assert result["failed"] and "the value of psk is not text" in result["msg"]
    assert "swordfish" not in str(process("ovs_port", bridged.database, name="vx0", options="psk=swordfish, nonsense"))
    assert process("ovs_info", bridged.database)["interfaces"]["vx0"]["options"]["psk"] == "********"
    assert shown(done(psk=None)) == ["********", None]


def test_info_returns_what_is_documented(bridged):
    ports(bridged, {"name": "p0", "bridge": "br0"})
    result = process("ovs_info", bridged.database)
    documented = yaml.safe_load(ovs_info.RETURN)
    assert set(result) - {"invocation", "changed", "failed"} == set(documented)
    for kind in ("bridges", "ports", "interfaces"):
        sample = next(iter(documented[kind]["sample"].values()))
        for values in result[kind].values():
            assert set(values) == set(sample), kind


def test_the_counters_of_the_datapath_come_with_the_database(bridged, tmp_path):
    """Whether or not ovs-vswitchd answers: one of the two may be gone, and each says so."""
    options = {"rundir": str(tmp_path), "required": False, "timeout": 3}
    result = process("ovs_datapath_info", bridged.database, **options)
    assert not result.get("failed") and "pid" not in result and result["msg"]
    have = process("ovs_info", bridged.database)
    assert result["switch"] == {key: value for key, value in have.items() if key in result["switch"]} and "interfaces" in result["switch"]
    assert result["errors"] == {}
    result = process("ovs_datapath_info", f"unix:{tmp_path}/none", **options)
    assert not result.get("failed") and result["switch"] is None and f"{tmp_path}/none" in result["errors"]["switch"]
    assert process("ovs_datapath_info", bridged.database, **{**options, "required": True})["failed"]
    result = process("ovs_info", f"unix:{tmp_path}/none", required=False, timeout=1)
    assert not result.get("failed") and not result["changed"] and f"{tmp_path}/none" in result["msg"] and "interfaces" not in result

# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Properties that hold for every topology, on a real ovsdb-server."""

import os
import time
from random import Random

import pytest
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._ovsdb_client import Client, OvsdbError
from ansible_collections.kube_ovn.dpdk.plugins.modules import ovs_bridge, ovs_config, ovs_info, ovs_port, ovs_topology
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from local import info, process, run
from switch import Switch

# Each example goes through three to five topologies one after another: 600 examples are about 2,000 topologies and 8,000 tasks.
EXAMPLES = int(os.environ.get("OVSDB_EXAMPLES", "600"))

# Shrinking takes minutes. Whoever looks for a fault that was found asks for it.
PHASES = [Phase.generate, Phase.shrink] if os.environ.get("OVSDB_SHRINK") else [Phase.generate]
PROFILE = {"deadline": None, "database": None, "phases": PHASES, "suppress_health_check": list(HealthCheck)}

BRIDGES = ["br0", "br1", "br-with-long-name"]
PORTS = ["p0", "p1", "p2", "bond0", "bond1"]
MEMBERS = ["m0", "m1", "m2", "p0", "bond0"]
# Everything that a quoting or splitting client trips over, and any other text that OVSDB can store.
NASTY = ["0x10", "true", "1024,0", "00:00:5e:00:53:01", "a, b", '"', "'", "a=b", "-a 0000:01:00.0,x=1 -n 4", "", " ", "{}", "[]", "\\n", "ü☃", "\n"]
texts = st.sampled_from(NASTY) | st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=4)
# What the modules never show.
SECRET = "psk"
keys = st.sampled_from(["key", "a=b", "-x", "q\"", "with space", "dpdk", "dpdk-extra", "1,2"]) | texts.filter(lambda text: text not in ("", SECRET))
maps = st.dictionaries(keys, texts, max_size=3)
# Keys that a port refuses because they belong to its interface do not come up by chance.
vlans = st.integers(0, 4095)
interface = {
    "type": st.sampled_from(["", "internal", "dpdk", "dpdkvhostuser", "dpdkvhostuserclient", "patch", "vxlan", "geneve"]),
    "options": maps,
    "mtu_request": st.sampled_from(["", 1500, 9000]),
    "ofport_request": st.sampled_from(["", 1, 65279]),
}
port = {
    "bridge": st.integers(0, 9),
    "tag": st.just("") | vlans,
    "trunks": st.lists(vlans, max_size=3, unique=True),
    "vlan_mode": st.sampled_from(["", "access", "trunk", "native-tagged", "native-untagged", "dot1q-tunnel"]),
    "bond_mode": st.sampled_from(["", "active-backup", "balance-slb", "balance-tcp"]),
    "lacp": st.sampled_from(["", "active", "passive", "off"]),
    "external_ids": maps,
    "other_config": maps,
}
single = st.fixed_dictionaries({**port, **interface, "interface_external_ids": maps, "interface_other_config": maps})
member = st.fixed_dictionaries({**interface, "external_ids": maps, "other_config": maps})
bond = st.fixed_dictionaries({**port, "interfaces": st.dictionaries(st.sampled_from(MEMBERS), member, min_size=1, max_size=3)})
bridge = st.fixed_dictionaries({
    "datapath_type": st.sampled_from(["", "netdev", "system"]),
    "fail_mode": st.sampled_from(["", "standalone", "secure"]),
    "controllers": st.lists(st.sampled_from(["tcp:127.0.0.1:6653", "tcp:127.0.0.1:6654", "ptcp:6655"]), max_size=2, unique=True),
    "other_config": maps,
    "external_ids": maps,
})
topology = st.fixed_dictionaries({
    "bridges": st.dictionaries(st.sampled_from(BRIDGES), bridge, min_size=1, max_size=3),
    "ports": st.dictionaries(st.sampled_from(PORTS), single | bond, max_size=4),
    "config": st.fixed_dictionaries({"other_config": maps, "external_ids": maps}),
})


def tasks_for(wanted, have):
    """The tasks that a user would write: every property named, what is not wanted absent, maps purged."""
    bridges = [{"name": name, "purge": True, **values} for name, values in sorted(wanted["bridges"].items())]
    bridges += [{"name": name, "state": "absent"} for name in sorted(have["bridges"]) if name not in wanted["bridges"]]
    names = sorted(wanted["bridges"])
    ports, taken = [], set()
    for name, values in sorted(wanted["ports"].items()):
        item = {"name": name, "move": True, "purge": True, **values, "bridge": names[values["bridge"] % len(names)]}
        if "interfaces" in values:
            item["interfaces"] = [{"name": member, **rest} for member, rest in sorted(values["interfaces"].items())]
        elif name in have["ports"] and have["ports"][name]["interfaces"] != [name]:
            # What was a bond is told to have this one interface from now on.
            own = {key: item.pop(key) for key in interface}
            own.update(external_ids=item.pop("interface_external_ids"), other_config=item.pop("interface_other_config"))
            item["interfaces"] = [{"name": name, **own}]
        members = {entry["name"] for entry in item.get("interfaces", [{"name": name}])}
        # An interface is in one port only.
        if members & taken:
            continue
        taken |= members
        ports.append(item)
    present = {item["name"] for item in ports}
    gone = [{"name": name, "state": "absent"} for name, values in sorted(have["ports"].items())
            if name not in present and name not in have["bridges"]]
    return [
        (ovs_port, {"ports": gone}),
        (ovs_bridge, {"bridges": bridges}),
        (ovs_port, {"ports": ports}),
        (ovs_config, {"purge": True, **wanted["config"]}),
    ]


def cleared(value):
    return None if value == "" else value


def expected(tasks):
    """What ovs_info must say after these tasks."""
    bridges, ports, interfaces = {}, {}, {}
    for item in tasks[1][1]["bridges"]:
        name = item["name"]
        if item.get("state") == "absent":
            continue
        bridges[name] = {"ports": [name], "fail_mode": cleared(item["fail_mode"]), "controllers": sorted(item["controllers"]),
                         **{key: item[key] for key in ("datapath_type", "other_config", "external_ids")}}
        ports[name] = {"bridge": name, "interfaces": [name]}
        interfaces[name] = {"bridge": name, "port": name, "type": "internal"}
    for item in tasks[2][1]["ports"]:
        name = item["name"]
        bridges[item["bridge"]]["ports"].append(name)
        own = {key: item.get(key) for key in ("type", "options", "mtu_request", "ofport_request")}
        own.update(name=name, external_ids=item.get("interface_external_ids"), other_config=item.get("interface_other_config"))
        members = item.get("interfaces", [own])
        ports[name] = {"bridge": item["bridge"], "interfaces": sorted(entry["name"] for entry in members), "trunks": sorted(item["trunks"]),
                       **{key: cleared(item[key]) for key in ("tag", "vlan_mode", "bond_mode", "lacp")},
                       **{key: item[key] for key in ("external_ids", "other_config")}}
        for entry in members:
            interfaces[entry["name"]] = {"bridge": item["bridge"], "port": name,
                                         **{key: entry[key] for key in ("type", "options", "external_ids", "other_config")},
                                         **{key: cleared(entry[key]) for key in ("mtu_request", "ofport_request")}}
    for values in bridges.values():
        values["ports"].sort()
    return {"bridges": bridges, "ports": ports, "interfaces": interfaces, **tasks[3][1]}


def assert_equals(found, wanted):
    for kind in ("bridges", "ports", "interfaces"):
        assert sorted(found[kind]) == sorted(wanted[kind])
        for name, values in wanted[kind].items():
            assert {key: found[kind][name][key] for key in values} == values
    assert found["other_config"] == wanted["other_config"]
    assert found["external_ids"] == wanted["external_ids"]


class Server:
    """The server under test, and all its rows as they are on the wire."""

    def __init__(self, switch):
        self.database = switch.database
        self.client = Client(switch.database, time.monotonic() + 3600)
        self.client.connect()
        self.schema = self.client.schema()
        self.topologies = 0

    def rows(self):
        tables = ("Open_vSwitch", "Bridge", "Port", "Interface", "Controller")
        found = self.client.transact([{"op": "select", "table": table, "where": []} for table in tables])
        return {row["_uuid"][1]: row for result in found for row in result["rows"]}


@pytest.fixture(scope="module")
def server():
    with Switch(vswitchd=False) as running:
        server = Server(running)
        yield server
        server.client.close()


def through(server, topologies, call):
    """Go through the topologies, and hold every step to the properties."""
    database = server.database
    for wanted in topologies:
        server.topologies += 1
        tasks = tasks_for(wanted, info(database))
        rows = server.rows()
        for module, options in tasks:
            predicted = call(module, database, check_mode=True, **options)
            assert server.rows() == rows, "check mode has written"
            done = call(module, database, **options)
            assert {key: predicted[key] for key in ("changed", "changes", "diff")} == {key: done[key] for key in ("changed", "changes", "diff")}
            before, rows = rows, server.rows()
            assert done["changed"] == (rows != before), "changed does not tell the truth"
            assert done["changed"] == bool(done["changes"]) == bool(done["diff"])
        assert_equals(info(database), expected(tasks))
        for module, options in tasks:
            again = call(module, database, **options)
            assert again["changed"] is False, again["diff"]
        assert server.rows() == rows, "a run without change has written"


@settings(max_examples=EXAMPLES, **PROFILE)
@given(st.lists(topology, min_size=3, max_size=5))
def go_through(server, topologies):
    through(server, topologies, run)


def test_topologies(server, monkeypatch):
    # The schema of one server does not change, and reading it is most of the work of a small task.
    monkeypatch.setattr(Client, "schema", lambda _client: server.schema)
    go_through(server)
    print(f"{server.topologies} topologies")
    assert server.topologies >= 3 * EXAMPLES


def module_process(module, database, **options):
    return process(module.__name__.rpartition(".")[2], database, wait=False, **options)


@settings(max_examples=3, **PROFILE)
@given(st.lists(topology, min_size=1, max_size=1))
def test_topologies_through_the_whole_module(server, topologies):
    through(server, topologies, module_process)


loose = st.dictionaries(keys, st.none() | texts, max_size=3)


def some_of(options):
    """Any of these options, with nulls in the maps, purging or not."""
    given = {name: loose if values is maps else values for name, values in options.items()}
    return st.tuples(st.fixed_dictionaries({}, optional=given), st.booleans())


PARTS = {
    "port": {**{name: values for name, values in port.items() if name != "bridge"}, **interface,
             "interface_external_ids": maps, "interface_other_config": maps},
    "bridge": {"datapath_type": st.sampled_from(["", "netdev"]), "fail_mode": st.sampled_from(["", "standalone", "secure"]),
               "controllers": st.lists(st.sampled_from(["tcp:127.0.0.1:1", "tcp:127.0.0.1:2"]), unique=True), "other_config": maps, "external_ids": maps},
    "config": {"other_config": maps, "external_ids": maps},
}
step = st.one_of(*(st.tuples(st.just(kind), some_of(options)) for kind, options in PARTS.items()))


def after(have, some, purge):
    """What an object has after a task that gives it these options."""
    have = dict(have)
    for name, value in some.items():
        if isinstance(value, dict):
            kept = {} if purge or not value else have[name]
            have[name] = {key: text for key, text in {**kept, **value}.items() if text is not None}
        elif isinstance(value, list):
            have[name] = sorted(value)
        else:
            have[name] = None if value == "" and name not in ("type", "datapath_type") else value
    return have


def objects(database):
    """The objects that the steps change, by the names of the modules' options."""
    have = info(database)
    own = have["interfaces"]["p0"]
    both = {**{name: own[name] for name in interface}, **{f"interface_{name}": own[name] for name in ("external_ids", "other_config")}}
    found = {"port": {**have["ports"]["p0"], **both}, "bridge": have["bridges"]["br0"], "config": have}
    return {kind: {name: found[kind][name] for name in options} for kind, options in PARTS.items()}


@pytest.fixture(scope="module")
def parts():
    with Switch(vswitchd=False) as running:
        run(ovs_bridge, running.database, bridges=[{"name": "br0"}])
        run(ovs_port, running.database, ports=[{"name": "p0", "bridge": "br0"}])
        yield running.database


@settings(max_examples=EXAMPLES, **PROFILE)
@given(st.lists(step, min_size=3, max_size=3))
def test_omitted_is_left_alone_and_empty_is_cleared(parts, steps):
    for kind, (some, purge) in steps:
        wanted = objects(parts)
        before, wanted[kind] = wanted[kind], after(wanted[kind], some, purge)
        module, options = {
            "port": (ovs_port, {"ports": [{"name": "p0", "purge": purge, **some}]}),
            "bridge": (ovs_bridge, {"bridges": [{"name": "br0", "purge": purge, **some}]}),
            "config": (ovs_config, {"purge": purge, **some}),
        }[kind]
        assert run(module, parts, **options)["changed"] == (before != wanted[kind])
        assert objects(parts) == wanted


# Ownership: the same few names for bridges, ports and members, ours and those of others, so that they meet in every way.
NAMES = ["x", "y", "z", "p", "q"]
MARK = {"owner": "test"}
owned_port = st.fixed_dictionaries({}, optional={
    "tag": st.integers(0, 9), "external_ids": st.dictionaries(st.sampled_from("ab"), texts, max_size=2), "purge": st.booleans(),
    "type": st.sampled_from(["", "internal"]),
})
owned_bond = st.fixed_dictionaries({"interfaces": st.lists(st.sampled_from(NAMES + ["m"]), min_size=1, max_size=2, unique=True)})
owned_bridge = st.fixed_dictionaries({"ports": st.dictionaries(st.sampled_from(NAMES), owned_port | owned_bond, max_size=3)}, optional={
    "fail_mode": st.sampled_from(["", "secure"]), "other_config": maps, "external_ids": st.dictionaries(st.sampled_from("ab"), texts, max_size=2),
})
owned_topology = st.dictionaries(st.sampled_from(NAMES), owned_bridge, max_size=3)
of_others = st.lists(st.tuples(st.sampled_from(["bridge", "port", "port gone"]), st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=2)


def distinct(topology):
    """The topology as the module takes it, without what would use a name twice."""
    found, names, interfaces = [], set(topology), set(topology)
    for bridge, values in sorted(topology.items()):
        kept = []
        for name, options in sorted(values["ports"].items()):
            members = options.get("interfaces", [name])
            if name in names or interfaces & set(members):
                continue
            names.add(name)
            interfaces |= set(members)
            kept.append({"name": name, **options, **({"interfaces": [{"name": member} for member in members]} if "interfaces" in options else {})})
        found.append({"name": bridge, **values, "ports": kept})
    return found


def others_act(database, actions):
    """Other writers make and remove objects of their own; what they cannot do is left out."""
    for action, name, bridge in actions:
        have = info(database)
        ours = have["ports"].get(name, {}).get("external_ids") == MARK
        try:
            if action == "bridge" and name not in have["bridges"]:
                run(ovs_bridge, database, bridges=[{"name": name, "fail_mode": "secure"}])
            elif action == "port" and name not in have["ports"]:
                run(ovs_port, database, ports=[{"name": name, "bridge": bridge, "type": "dpdkvhostuser", "tag": 7}])
            elif action == "port gone" and not ours:
                run(ovs_port, database, ports=[{"name": name, "state": "absent"}])
        except OvsdbError:
            pass


def is_refused(have, wanted):
    """Whether the owner may not have this, by what belongs to whom alone."""
    our_bridges = {name for name, values in have["bridges"].items() if values["external_ids"].get("owner") == "test"}
    our_ports = {name for name, values in have["ports"].items() if values["external_ids"].get("owner") == "test" and name not in have["bridges"]}
    their_bridges = set(have["bridges"]) - our_bridges
    their_ports = set(have["ports"]) - our_ports - set(have["bridges"])
    their_interfaces = {name for name, values in have["interfaces"].items() if values["port"] in their_ports | their_bridges}
    bridges = {item["name"] for item in wanted}
    ports = [port for item in wanted for port in item["ports"]]
    names = bridges | {port["name"] for port in ports}
    interfaces = bridges | {entry["name"] for port in ports for entry in port.get("interfaces", [port])}
    in_use = {have["ports"][name]["bridge"] for name in their_ports} & (our_bridges - bridges)
    return bool(names & (their_bridges | their_ports) or interfaces & their_interfaces or in_use)


def of_whom(rows, ours):
    """Rows of bridges and ports by their name, those with the owner's mark or the others."""
    local = {row["name"] for row in rows.values() if "datapath_type" in row}
    found = {}
    for row in rows.values():
        kind = "bridge" if "datapath_type" in row else "port" if "bond_mode" in row and row["name"] not in local else None
        if kind and (["owner", "test"] in row["external_ids"][1]) == ours:
            found[kind, row["name"]] = row
    return found


def without(row, *columns):
    return {name: value for name, value in row.items() if name not in (*columns, "_version")}


@settings(max_examples=EXAMPLES // 2, **PROFILE)
@given(st.lists(st.tuples(of_others, owned_topology), min_size=3, max_size=5))
def test_what_others_made_is_never_touched(owned, steps):
    """Whatever others do in between: what is theirs stays as it is, what is ours is exactly what was asked for, and check mode says the same."""
    database = owned.database
    run(ovs_topology, database, bridges=[], force=True)
    run(ovs_bridge, database, bridges=[{"name": name, "state": "absent"} for name in info(database)["bridges"]])
    for actions, topology in steps:
        others_act(database, actions)
        # A column that the module does not know stands for QoS and the like.
        for (kind, name), _row in of_whom(owned.rows(), True).items():
            if kind == "port":
                owned.client.transact([{"op": "update", "table": "Port", "where": [["name", "==", name]], "row": {"mac": "02:00:00:00:00:01"}}])
        wanted = distinct(topology)
        before, have = owned.rows(), info(database)
        outcomes = []
        for check_mode in (True, False):
            try:
                outcomes.append(run(ovs_topology, database, bridges=wanted, check_mode=check_mode))
            except OvsdbError as exc:
                outcomes.append(str(exc))
            if check_mode:
                assert owned.rows() == before, "check mode has written"
        assert outcomes[0] == outcomes[1]
        refused = isinstance(outcomes[1], str)
        assert refused == is_refused(have, wanted), outcomes[1]
        rows = owned.rows()
        if refused:
            assert rows == before, "a refusal has written"
            continue
        assert outcomes[1]["changed"] == (rows != before) == bool(outcomes[1]["changes"])
        theirs_before, theirs = of_whom(before, False), of_whom(rows, False)
        assert {key: without(row, "ports") for key, row in theirs.items()} == {key: without(row, "ports") for key, row in theirs_before.items()}
        ours = of_whom(rows, True)
        assert sorted(ours) == sorted([("bridge", item["name"]) for item in wanted] + [("port", port["name"]) for item in wanted for port in item["ports"]])
        for key, row in of_whom(before, True).items():
            if key in ours:
                assert (ours[key]["_uuid"], ours[key].get("mac")) == (row["_uuid"], row.get("mac")), f"{key} was made again"
        after = info(database)
        for item in wanted:
            assert set(after["bridges"][item["name"]]["ports"]) >= {item["name"], *(port["name"] for port in item["ports"])}
            for port in item["ports"]:
                assert after["ports"][port["name"]]["bridge"] == item["name"]
                assert after["ports"][port["name"]]["interfaces"] == sorted(entry["name"] for entry in port.get("interfaces", [port]))
        again = run(ovs_topology, database, bridges=wanted)
        assert again["changed"] is False, again["diff"]
        assert owned.rows() == rows, "a run without change has written"


@pytest.fixture(scope="module")
def owned():
    with Switch(vswitchd=False) as running:
        found = Server(running)
        yield found
        found.client.close()


JUNK = st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2), max_leaves=5)


def spoiled(reply, random, junk):
    """The reply with one thing somewhere in it replaced by junk."""
    if not isinstance(reply, (list, dict)) or not reply or random.random() < 0.1:
        return junk
    if isinstance(reply, dict):
        key = random.choice(sorted(reply))
        return {**reply, key: spoiled(reply[key], random, junk)}
    index = random.randrange(len(reply))
    return [*reply[:index], spoiled(reply[index], random, junk), *reply[index + 1:]]


@settings(max_examples=EXAMPLES, **PROFILE)
@given(number=st.integers(0, 6), seed=st.integers(0, 2 ** 32), junk=JUNK)
def test_a_spoiled_reply_is_an_error_that_is_told(spoilt, number, seed, junk):
    """Whatever stands wherever in a reply, the module ends with its own error or comes through."""
    call = Client.call
    random = Random(seed)
    count = []

    def strange(client, method, params):
        count.append(method)
        reply = call(client, method, params)
        return spoiled(reply, random, junk) if len(count) == number + 1 else reply

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Client, "call", strange)
        for module, options in (
            (ovs_info, {}),
            (ovs_bridge, {"bridges": [{"name": "br0", "fail_mode": random.choice(["secure", "standalone"]), "controllers": ["tcp:127.0.0.1:1"]}]}),
            (ovs_port, {"ports": [{"name": "b0", "bridge": "br0", "tag": random.randrange(9), "interfaces": [{"name": random.choice("mn")}]}]}),
        ):
            try:
                run(module, spoilt.database, timeout=3, **options)
            except OvsdbError:
                return


@pytest.fixture(scope="module")
def spoilt():
    with Switch(vswitchd=False) as running:
        run(ovs_bridge, running.database, bridges=[{"name": "br0", "controllers": ["tcp:127.0.0.1:1"], "external_ids": {"a": "b"}}])
        run(ovs_port, running.database, ports=[{"name": "p0", "bridge": "br0", "tag": 1, "trunks": [1, 2]}])
        yield running

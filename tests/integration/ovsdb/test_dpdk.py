# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The real OVS-DPDK, without hugepages and devices: DPDK that initialises, DPDK that does not, and what the switch cannot do."""

import os
import signal
import threading

import pytest
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._ovsdb_client import OvsdbError
from ansible_collections.kube_ovn.dpdk.plugins.modules import ovs_bridge, ovs_config, ovs_port
from local import info, process, run
from switch import NO_HARDWARE

PREPARED = {"dpdk-init": "true", "dpdk-extra": NO_HARDWARE, "pmd-cpu-mask": "0x1"}


def wait_dpdk(server, **options):
    return run(ovs_config, server.database, wait=True, wait_dpdk=True, log_file=server.log_file, **options)


@pytest.fixture
def dpdk(database):
    run(ovs_config, database.database, other_config=PREPARED)
    database.start_dpdk()
    wait_dpdk(database)
    return database


def test_from_a_prepared_database_to_ports(database):
    run(ovs_config, database.database, other_config=PREPARED)
    assert info(database.database)["dpdk_initialized"] is False
    timer = threading.Timer(0.5, database.start_dpdk)
    timer.start()
    result = wait_dpdk(database)
    timer.join()
    assert (result["dpdk_initialized"], result["changed"]) == (True, False)
    run(ovs_bridge, database.database, bridges=[{"name": "dp0", "datapath_type": "netdev"}], wait=True)
    ports = [
        {"name": "vs0", "bridge": "dp0", "type": "dpdkvhostuser"},
        {"name": "vc0", "bridge": "dp0", "type": "dpdkvhostuserclient", "options": {"vhost-server-path": f"{database.directory}/vc0.sock"}},
        {"name": "in0", "bridge": "dp0", "type": "internal", "tag": 7},
        {"name": "vx0", "bridge": "dp0", "type": "vxlan", "options": {"remote_ip": "192.0.2.1"}},
        {"name": "gv0", "bridge": "dp0", "type": "geneve", "options": {"remote_ip": "192.0.2.1", "key": "5"}},
    ]
    assert run(ovs_port, database.database, ports=ports, wait=True)["changed"]
    assert not run(ovs_port, database.database, ports=ports, wait=True)["changed"]
    have = info(database.database)
    assert have["dpdk_initialized"] is True
    assert have["dpdk_version"].startswith("DPDK ")
    there = {name for name, interface in have["interfaces"].items() if interface["ofport"] > 0 and interface["error"] is None}
    assert there == {"dp0", *(port["name"] for port in ports)}
    assert os.path.exists(f"{database.directory}/vs0")
    assert run(ovs_port, database.database, ports=[{"name": "vs0", "state": "absent"}], wait=True)["changed"]
    assert not os.path.exists(f"{database.directory}/vs0")


def test_a_device_that_is_not_there(dpdk):
    run(ovs_bridge, dpdk.database, bridges=[{"name": "dp0", "datapath_type": "netdev"}], wait=True)
    ports = [{"name": "nic0", "bridge": "dp0", "type": "dpdk", "options": {"dpdk-devargs": "0000:ff:1f.7"}}]
    for _run in ("first", "unchanged"):
        with pytest.raises(OvsdbError, match="interface nic0: Error attaching device '0000:ff:1f.7' to DPDK"):
            run(ovs_port, dpdk.database, ports=ports, wait=True)


def test_a_bridge_that_the_switch_cannot_make(dpdk):
    """There is no error in the database then: the bridge is just not there."""
    for _run in ("first", "unchanged"):
        with pytest.raises(OvsdbError, match="interface dp0: the switch has not made it, .* needs the kernel module openvswitch"):
            run(ovs_bridge, dpdk.database, bridges=[{"name": "dp0"}], wait=True)
    with pytest.raises(OvsdbError, match="interface in0: the switch has not made it"):
        run(ovs_port, dpdk.database, ports=[{"name": "in0", "bridge": "dp0", "type": "internal"}], wait=True)
    assert run(ovs_bridge, dpdk.database, bridges=[{"name": "dp0", "datapath_type": "netdev"}], wait=True)["changed"]
    assert info(dpdk.database)["interfaces"]["in0"]["ofport"] > 0


@pytest.mark.parametrize("init", ["true", "try"])
def test_dpdk_that_does_not_initialise(database, init):
    """With true the switch dies of it, with try it goes on without DPDK."""
    with pytest.raises(OvsdbError, match="wait_dpdk: other_config:dpdk-init is not set"):
        wait_dpdk(database)
    run(ovs_config, database.database, other_config={**PREPARED, "dpdk-init": init, "dpdk-extra": "--no-such-option"})
    database.start_dpdk()
    with pytest.raises(OvsdbError) as error:
        wait_dpdk(database, timeout=2)
    assert "DPDK was not initialised within 2 s; the last lines about it in " in str(error.value)
    assert "Invalid 'command line' arguments" in str(error.value)
    assert "Unable to initialize DPDK: Invalid argument" in str(error.value)
    assert "bridge" not in str(error.value)


def test_a_switch_that_is_built_without_dpdk(switch):
    with pytest.raises(OvsdbError, match="DPDK was not initialised within 2 s; .*\n.*DPDK not supported in this"):
        wait_dpdk(switch, other_config={"dpdk-init": "true"}, timeout=2)


def stale(server):
    """What a switch leaves in the database that ended after it had initialised DPDK."""
    server.vsctl("--no-wait", "set", "Open_vSwitch", ".", "dpdk_initialized=true", "other_config:dpdk-init=true", "next_cfg=7", "cur_cfg=7")


def test_the_word_of_a_dead_switch_does_not_count(database):
    stale(database)
    with pytest.raises(OvsdbError, match=r"DPDK was not initialised within 1 s; .*\novs-vswitchd does not answer; is it running\?"):
        wait_dpdk(database, timeout=1)
    result = process("ovs_config", database.database, wait_dpdk=True, timeout=1, log_file=database.log_file)
    assert (result["failed"], result["changed"]) == (True, False), result
    assert database.root()["other_config"] == {"dpdk-init": "true"}


def test_the_word_of_a_dead_switch_does_not_count_for_the_next_one(database):
    """This one has no DPDK. It applies its first configuration before it says so."""
    stale(database)
    timer = threading.Timer(0.5, database.start_vswitchd)
    timer.start()
    with pytest.raises(OvsdbError, match=r"DPDK was not initialised within 4 s; .*\n.*DPDK not supported in this[^\n]*$"):
        wait_dpdk(database, timeout=4)
    timer.join()


def test_a_switch_that_is_stopped_does_not_answer(dpdk):
    process_id = dpdk.processes["ovs-vswitchd"].pid
    os.kill(process_id, signal.SIGSTOP)
    try:
        with pytest.raises(OvsdbError, match="ovs-vswitchd does not answer; is it running"):
            wait_dpdk(dpdk, timeout=1)
    finally:
        os.kill(process_id, signal.SIGCONT)
    assert wait_dpdk(dpdk)["dpdk_initialized"] is True


@pytest.mark.parametrize("value", [None, "false", ""])
def test_wait_dpdk_without_dpdk_init_changes_nothing(database, value):
    config = {"dpdk-extra": "x", **({} if value is None else {"dpdk-init": value})}
    for check_mode in (True, False):
        with pytest.raises(OvsdbError, match="wait_dpdk: other_config:dpdk-init is "):
            wait_dpdk(database, other_config=config, check_mode=check_mode)
    assert database.root()["other_config"] == {}


def test_wait_dpdk_without_what_it_needs(database):
    with pytest.raises(OvsdbError, match="wait_dpdk needs wait: true"):
        run(ovs_config, database.database, wait_dpdk=True, wait=False)
    with pytest.raises(OvsdbError, match="DPDK was not initialised within 1 s; its log /nonexistent cannot be read: No such file or directory"):
        run(ovs_config, database.database, other_config={"dpdk-init": "true"}, wait_dpdk=True, wait=True, timeout=1, log_file="/nonexistent")

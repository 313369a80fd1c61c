# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules of role ovs_bridges."""

from __future__ import annotations

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import ovs_bridges
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.engine import CLUSTER, DEDICATED, SETTINGS, error, rule, warning


@rule("bridge-options", SETTINGS, "bridges and ports have values that OVS accepts, and names of their own")
def bridges(case):
    try:
        ovs_bridges.topology(case.setting("ovs_bridges_bridges", []))
    except ValueError as exc:
        yield error("ovs_bridges_bridges: %s" % exc, "correct ovs_bridges_bridges")


@rule("bridge-uplink", CLUSTER, "pods on different nodes can reach each other over the bridge")
def no_uplink(case):
    if case.mode != DEDICATED or case.facts.get("hosts", 0) < 2:
        return
    lonely = {}
    for host, own in case.hosts():
        for bridge in own.setting("ovs_bridges_bridges", []):
            ports = (bridge.get("ports") or []) if isinstance(bridge, dict) else []
            members = [member for port in ports for member in (port.get("interfaces") or [port])]
            if (
                isinstance(bridge, dict)
                and bridge.get("datapath_type", "netdev") == "netdev"
                and all(member.get("type", "") in ("internal", "") for member in members if isinstance(member, dict))
            ):
                lonely.setdefault(bridge.get("name"), []).append(host)
    for bridge, hosts in sorted(lonely.items()):
        yield warning(
            "bridge %s has no uplink on %s: its pods reach only pods of the same node" % (bridge, ", ".join(hosts)),
            "add a port of type dpdk to it in ovs_bridges_bridges",
        )

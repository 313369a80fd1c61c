# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: may change at any time without notice.

"""The bridges of role ovs_bridges as module ovs_topology takes them, with everything checked that needs no database."""

from __future__ import annotations

import hashlib

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _ovsdb_options as options
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._ovsdb_client import OvsdbError

OWNER = "kube_ovn.dpdk.ovs_bridges"
# Kube-OVN leaves the integration bridge of OVN at its default name.
OVN_BRIDGE = "br-int"
DEFAULTS = {"datapath_type": "netdev", "fail_mode": "standalone"}
ANCHOR = "-anchor"
MAX_NAME = options.MAX_BRIDGE_NAME
# Types of interfaces that Open vSwitch has or had (vswitch.xml); an empty one is a network device of the system.
TUNNELS = ("bareudp", "erspan", "geneve", "gre", "gtpu", "ip6erspan", "ip6gre", "lisp", "srv6", "stt", "vxlan")
TYPES = ("", "afxdp", "afxdp-nonpmd", "dpdk", "dpdkvhostuser", "dpdkvhostuserclient", "internal", "patch", "system", "tap", *TUNNELS)


def anchor_name(bridge: str) -> str:
    """Name of the anchor port of a bridge: a network device too, and of its own for each bridge also where the name must be cut."""
    if len(bridge + ANCHOR) <= MAX_NAME:
        return bridge + ANCHOR
    digest = hashlib.sha256(bridge.encode()).hexdigest()[:4]
    return "%s-%s%s" % (bridge[: MAX_NAME - len(ANCHOR) - 5], digest, ANCHOR)


def check_interface(interface: dict) -> None:
    """Raises ValueError where Open vSwitch would take the interface into its database and never make it work."""
    kind = interface.get("type") or ""
    if kind not in TYPES:
        raise ValueError("port %s has the type %s; use one of: %s" % (interface["name"], kind, ", ".join(TYPES[1:])))
    if kind == "dpdk" and not (interface.get("options") or {}).get("dpdk-devargs"):
        raise ValueError("port %s is of type dpdk and names no device; set dpdk-devargs in its options, such as a PCI address" % interface["name"])


def topology(bridges: list) -> list:
    """Value of ovs_bridges_bridges → option `bridges` of ovs_topology: each bridge with its defaults and its anchor.

    Raises ValueError with one message for whatever the module would refuse before it looks at the switch.
    """
    if not isinstance(bridges, (list, tuple)) or not all(isinstance(bridge, dict) and isinstance(bridge.get("name"), str) for bridge in bridges):
        raise ValueError("it must be a list of bridges, each with its name")
    found = []
    for bridge in bridges:
        given = {key: value for key, value in bridge.items() if key not in ("ports", "anchor") and value is not None}
        ports = bridge.get("ports") or []
        if not isinstance(ports, (list, tuple)):
            raise ValueError("bridge %s: ports must be a list" % bridge["name"])
        anchor = {"name": bridge.get("anchor") or anchor_name(bridge["name"]), "type": "internal"}
        # What others made keeps what is not named.
        defaults = {} if boolean(given.get("manage_existing"), strict=False) else DEFAULTS
        found.append({**defaults, **given, "ports": [anchor, *ports]})
    checked = ArgumentSpecValidator({"bridges": {"type": "list", "elements": "dict", "options": options.topology_spec()}}).validate({"bridges": found})
    if checked.error_messages:
        raise ValueError("; ".join(checked.error_messages))
    values = options.textual(checked.validated_parameters["bridges"])
    try:
        options.check_text("bridges", values)
        options.check_topology(OWNER, values)
    except OvsdbError as exc:
        raise ValueError(str(exc))
    for bridge in values:
        for interface in [one for port in bridge["ports"] for one in port.get("interfaces") or [port]]:
            check_interface(interface)
    if OVN_BRIDGE in [bridge["name"] for bridge in found]:
        raise ValueError("bridge %s belongs to OVN, which makes and configures it; take it out of the list" % OVN_BRIDGE)
    return found

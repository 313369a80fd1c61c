# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report: what report.json has, and what the page is drawn from."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify.case import AFTER, LOAD, LOADED, Case, Port, build
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify.checks import dropped, has_uplink, pmd_growth
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify.engine import judge
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify.full_checks import FULL
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify.plan import called


def report(read: dict, settings: dict) -> dict:
    case = build(read, settings)
    judged = judge(case)
    settings = case.settings
    return {
        "result": "pass" if all(check["ok"] for check in judged) else "fail",
        "time": settings["time"],
        "profile": settings["profile"],
        "duration": settings["duration"],
        "versions": read.get("versions") or {},
        "stand_ins": list(settings["stand_ins"]),
        "excluded_nodes": sorted(settings["exclude_nodes"]),
        "nodes": {host: node_of(case, host) for host in sorted(case.nodes)},
        "pods": [
            {
                "name": called(pod),
                "kubernetes_node": pod["node"],
                "testpmd": pod["testpmd"]["version"],
                "command": pod.get("command"),
                "lost": [] if pod["testpmd"]["status"] == 0 else pod["testpmd"]["last_lines"],
            }
            for pod in case.pods
        ],
        "traffic": [row_of(port) for port in case.ports],
        **({"full": {key: case.full[key] for key in ("series", "left_out")}} if settings["profile"] == FULL else {}),
        "checks": judged,
    }


def row_of(port: Port) -> dict:
    rates = {key: [window[key] for window in port.rates] for key in ("rx", "tx")}
    return {
        "pod": called(port.pod),
        "port": port.plan["name"],
        "interface": port.plan["interface"],
        # Of the port in Open vSwitch: where testpmd is not the server of the socket, Open vSwitch is.
        "mode": "client" if port.plan["server"] else "server",
        "node": port.host,
        "kubernetes_node": port.pod["node"],
        "bridge": port.bridge,
        "mac": port.plan["mac"],
        "peer": {"pod": called(port.peer.pod), "port": port.peer.plan["name"]} if port.peer else None,
        "rx_packets": port.counters.get("rx_packets", 0),
        "tx_packets": port.counters.get("tx_packets", 0),
        # Of the last window of the load.
        "rx_pps": rates["rx"][-1] if rates["rx"] else 0,
        "tx_pps": rates["tx"][-1] if rates["tx"] else 0,
        "rates": rates,
        "dropped": dropped(port),
        "ovs": port.ovs,
        "marked": {
            "sent": sum(port.marks_sent),
            "arrived": sum(marks.get(port.plan["mac"], 0) for marks in port.peer.marks) if port.peer else None,
        },
        # Packets that were received in the marked rounds and were not sent by a port of this run.
        "foreign": port.foreign,
        "in_flight": sum(port.drained.values()) if port.drained else None,
    }


def node_of(case: Case, host: str) -> dict:
    node = case.nodes[host]
    switch = node.get("after") or {}
    reading = case.datapath(host, AFTER)
    used = {port.bridge for port in case.ports if port.host == host and port.bridge}
    return {
        "kubernetes_node": node.get("kubernetes_node"),
        "ovs_version": switch.get("ovs_version"),
        "dpdk_version": switch.get("dpdk_version"),
        "dpdk_initialized": switch.get("dpdk_initialized"),
        "system_id": (switch.get("external_ids") or {}).get("system-id"),
        "other_config": switch.get("other_config") or {},
        "pmd_threads": len(reading["threads"]) if reading else None,
        "pmd_rx_packets": pmd_growth(case, host, "rx_packets"),
        "pmd_tx_packets": pmd_growth(case, host, "tx_packets"),
        "pmd": [pmd_of(case, host, thread) for thread in reading.get("threads") or []],
        "bridges": [{"name": name, "uplinks": uplinks_of(switch, name)} for name in sorted(used)],
    }


def pmd_of(case: Case, host: str, thread: dict) -> dict:
    """A PMD thread during the load: its core, the ports that it polled, its load and what a packet cost."""
    first, last = (
        next((one for one in case.datapath(host, moment).get("threads") or [] if one["core"] == thread["core"]), {})
        for moment in (LOAD, LOADED)
    )
    grew = {
        key: last[key] - first[key]
        for key in ("busy_cycles", "idle_cycles", "rx_packets")
        if last.get(key) is not None and first.get(key) is not None
    }
    cycles = grew.get("busy_cycles", 0) + grew.get("idle_cycles", 0)
    return {
        "core": thread["core"],
        "numa": thread["numa"],
        "ports": last.get("ports") or thread["ports"],
        "busy": round(grew["busy_cycles"] / cycles, 3) if cycles > 0 else None,
        "cycles_per_packet": round(grew["busy_cycles"] / grew["rx_packets"])
        if grew.get("rx_packets") and "busy_cycles" in grew
        else None,
    }


def uplinks_of(switch: dict, bridge: str) -> list[dict]:
    if not has_uplink(switch, bridge):
        return []
    return [
        {"name": name, "up": "down" not in (one.get("link_state"), one.get("admin_state")) and not one.get("error")}
        for name, one in sorted((switch.get("interfaces") or {}).items())
        if one.get("bridge") == bridge
        and name != bridge
        and one.get("type") in ("dpdk", "system", "", "geneve", "vxlan", "gre", "stt", "afxdp")
    ]


def junit(found: dict) -> str:
    """The checks as JUnit's XML, which CI systems show."""
    listed = found["checks"]
    failed = [check for check in listed if not check["ok"]]
    suite = ElementTree.Element(
        "testsuite",
        name="kube_ovn.dpdk.verify",
        tests=str(len(listed)),
        failures=str(len(failed)),
        timestamp=found["time"] or "",
    )
    for check in listed:
        one = ElementTree.SubElement(suite, "testcase", classname="kube_ovn.dpdk.verify", name=check["id"])
        if not check["ok"]:
            ElementTree.SubElement(one, "failure", message=printable(check["detail"])).text = printable(
                f"{check['detail']}\ncure: {check['cure']}"
            )
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(suite, encoding="unicode") + "\n"


def summary(found: dict, directory: str, duration: int, full: dict) -> list[str]:
    """A report in lines for the terminal: a port each, then what stands in for the real thing, and checks that failed. `full` is the plan of profile full."""
    page = f"{directory}/report.html"
    lines = [f"{found['result']}: {len(found['traffic'])} ports, {duration} s; {page}"]
    for row in found["traffic"]:
        text = f"{row['pod']} {row['port']}: received {row['rx_packets']} ({row['rx_pps']}/s), sent {row['tx_packets']} ({row['tx_pps']}/s)"
        ovs = row["ovs"]
        counted = f"; OVS received {ovs['rx_packets']}, sent {ovs['tx_packets']}" if ovs and ovs["rx_packets"] is not None else ""
        lines.append(f"{text}, dropped {row['dropped']}{counted}")
    lines += [f"stand-in: {name}" for name in found["stand_ins"]]
    if full and not full["parts"]:
        lines.append("Profile full: " + "; left out: ".join([full["text"], *full["left_out"]]))
    if found["result"] != "pass":
        lines.append(f"Packets do not provably pass. The report is {page}.")
        failed = [check for check in found["checks"] if not check["ok"]]
        lines += [f"{check['id']}: {check['detail']}" + (f" → {check['cure']}" if "cure" in check else "") for check in failed]
    return lines


def printable(text: str) -> str:
    """Without the characters that XML does not allow."""
    return re.sub("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "", text)

# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Text → numbers: what testpmd and Open vSwitch wrote. Nothing is judged here."""

from __future__ import annotations

import re

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify import causes
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._words import quoted

# A counter has 64 bits. A longer number is not a counter, and Python would refuse to convert or to divide it.
NUMBER = r"(\d{1,20})(?!\d)"
COUNTER = re.compile(r"\b(RX|TX)-(packets|missed|errors|nombuf|dropped|bytes):\s*" + NUMBER)
RATE = re.compile(r"\b(Rx|Tx)-pps:\s*" + NUMBER)
MODE = re.compile(r"Set (\w+) packet forwarding mode")
HEAD = re.compile(r"(NIC|Forward) statistics for port (\d+)")
BURST = re.compile(r"port (\d+)/queue \d+: received \d+ packets")
PACKET = re.compile(r"(?:^ *(\d{1,20}) +)?\bsrc=([0-9A-Fa-f:]{17}) - dst=([0-9A-Fa-f:]{17})")
# testpmd writes its prompt and the command typed there at once and all else through a buffer: they end up in the middle of other lines.
PROMPT = re.compile(r"testpmd> (?:(?:set \w+ [\w,]+|start(?: tx_first \d*)?|stop|show port \w+ all|quit)\n)?")


def device_drops(counters: dict) -> int:
    return sum(counters.get(key, 0) for key in ("rx_errors", "rx_missed", "rx_nombuf", "tx_errors"))


def parse_testpmd(text: str) -> dict:
    """What testpmd counted and printed.

    segments  one for each `set fwd`, in order: {mode, stops: {port: {rx_packets, tx_packets, tx_dropped …}} summed over its stops,
              own: {port: {source MAC: packets}} printed with a destination, samples: [{port: counters of the device with rx_pps, tx_pps}]}
    ports     the device's last counters by port: {rx_packets, tx_packets, rx_bytes, tx_bytes, dropped}
    """
    text = PROMPT.sub("", text.replace("\r", ""))
    segments: list[dict] = [segment("rxonly")]
    ports: dict[str, dict] = {}
    kind = port = receiver = sample = None
    for line in text.splitlines():
        if packet := PACKET.search(line):
            if receiver is not None:
                packets = segments[-1]["printed"].setdefault(receiver, {})
                key = (packet[2].lower(), packet[3].lower())
                packets[key] = packets.get(key, 0) + int(packet[1] or 1)
            continue
        if burst := BURST.search(line):
            receiver = burst[1]
            continue
        if mode := MODE.search(line):
            segments.append(segment(mode[1]))
            kind = port = None
            continue
        if head := HEAD.search(line):
            kind, port = head.groups()
            if kind == "NIC":
                if sample is None or port in sample:
                    sample = {}
                    segments[-1]["samples"].append(sample)
                sample[port] = {}
            continue
        if re.search(
            r"Accumulated forward statistics|NIC extended statistics|Port statistics ===|Telling cores to stop", line
        ):
            sample = kind = port = None
        if port is None:
            continue
        if kind == "NIC":
            counters = sample[port]
            for direction, name, number in COUNTER.findall(line):
                counters[f"{direction.lower()}_{name}"] = int(number)
            for direction, number in RATE.findall(line):
                counters[f"{direction.lower()}_pps"] = int(number)
            ports[port] = counters
        else:
            stops = segments[-1]["stops"].setdefault(port, {})
            for direction, name, number in COUNTER.findall(line):
                key = f"{direction.lower()}_{name}"
                stops[key] = stops.get(key, 0) + int(number)
    # A packet that forwarding could not send is no error of the device, so the two do not overlap; one it missed is in both.
    unsent: dict[str, int] = {}
    for part in segments:
        for name, stops in part["stops"].items():
            unsent[name] = unsent.get(name, 0) + stops.get("tx_dropped", 0)
    version = re.search(r"RTE Version: '([^'\n]{1,100})'", text)
    status = re.search(r"testpmd ended with status (\d{1,3})\b", text)
    return {
        "segments": segments,
        "ports": {name: totals(counters, unsent.get(name, 0)) for name, counters in ports.items()},
        "version": quoted(version[1]) if version else None,
        "status": int(status[1]) if status else None,
        "causes": causes.of_testpmd(text),
        "last_lines": last_lines(text),
    }


def last_lines(text: str, count: int = 6) -> list[str]:
    # The end of it is enough.
    lines = [line.strip() for line in text[-100_000:].splitlines() if line.strip() and not PACKET.search(line)]
    return [quoted(line) for line in lines[-count:]]


def segment(mode: str) -> dict:
    return {"mode": mode, "stops": {}, "printed": {}, "samples": []}


def totals(counters: dict, unsent: int) -> dict:
    return {
        "rx_packets": counters.get("rx_packets", 0),
        "tx_packets": counters.get("tx_packets", 0),
        "rx_bytes": counters.get("rx_bytes", 0),
        "tx_bytes": counters.get("tx_bytes", 0),
        "dropped": device_drops(counters) + unsent,
    }


def phases_of(found: dict) -> dict:
    """The segments by what they were for: {marks: [before, after], loads: [...], drains: [...], listens: [...]}.

    A marked round that did not take place is null. What was listened to is all before the first of them.
    The marked rounds stand around the loads: the last segment before the first load, and the one after the last load's drain.
    """
    segments = found["segments"]
    loads = [index for index, part in enumerate(segments) if part["mode"] == "mac"]

    def at(index: int) -> dict | None:
        return segments[index] if index < len(segments) else None

    return {
        "marks": [at(loads[0] - 1), at(loads[-1] + 2)]
        if loads
        else [segments[-1] if len(segments) > 2 else None, None],
        "loads": [segments[index] for index in loads],
        "drains": [part for part in (at(index + 1) for index in loads) if part],
        "listens": segments[: loads[0] - 1] if loads else [],
    }


def parse_ports(text: str | None) -> dict[str, dict]:
    """dpctl/show -s → port name → {number, type, rx_packets …}; a counter that the port does not have is left out, as all are in server mode."""
    found: dict[str, dict] = {}
    current = None
    for line in (text or "").splitlines():
        # An error message in front of a port's line has swallowed its line break.
        head = re.search(r"(?:^|  )port (\d+): (\S+)(?: \(([^):]*))?", line)
        if head:
            current = found.setdefault(head[2], {"number": int(head[1]), "type": head[3]})
            continue
        if current is None:
            continue
        counts = re.match(r"\s+(RX|TX) packets:(\d+|\?) errors:(\d+|\?) dropped:(\d+|\?)", line)
        if counts:
            for name, value in zip(("packets", "errors", "dropped"), counts.groups()[1:], strict=True):
                if value != "?":
                    current[f"{counts[1].lower()}_{name}"] = int(value)
    return found


def parse_pmd(datapath: dict) -> list[dict]:
    """The PMD threads: [{core, numa, rx_packets, tx_packets, busy_cycles, idle_cycles, ports: [name]}]; counters are totals since the start."""
    threads: dict[int, dict] = {}

    def sections(text: str | None):
        for part in re.split(r"^(?=pmd thread |main thread)", text or "", flags=re.M):
            if head := re.match(r"pmd thread numa_id (\d+) core_id (\d+):", part):
                core = int(head[2])
                yield threads.setdefault(core, {"core": core, "numa": int(head[1]), "ports": []}), part

    def number(pattern: str, part: str) -> int | None:
        match = re.search(pattern, part, re.M)
        return int(match[1]) if match else None

    for thread, part in sections(datapath.get("pmd_stats")):
        thread["rx_packets"] = number(r"^\s*packets received: (\d+)", part)
        thread["busy_cycles"] = number(r"^\s*processing cycles: (\d+)", part)
        thread["idle_cycles"] = number(r"^\s*idle cycles: (\d+)", part)
        thread["emc_hits"] = number(r"^\s*emc hits: (\d+)", part)
    for thread, part in sections(datapath.get("pmd_perf")):
        thread["tx_packets"] = number(r"^\s*Tx packets:\s+(\d+)", part)
        received = number(r"^\s*Rx packets:\s+(\d+)", part)
        if thread.get("rx_packets") is None:
            thread["rx_packets"] = received
        # Both texts were asked for one after the other: what was received is compared with what was sent of the same moment.
        thread["rx_packets_perf"] = received
    for thread, part in sections(datapath.get("pmd_rxq")):
        thread["ports"] = sorted(set(re.findall(r"^\s*port: (\S+)\s+queue-id:", part, re.M)))
    for thread in datapath.get("threads") or []:
        # pmd-c01/id:7, or pmd7 before 2.13
        if name := re.match(r"pmd-c(\d+)", thread["name"]):
            threads.setdefault(int(name[1]), {"core": int(name[1]), "numa": None, "ports": []})["cpus"] = thread.get(
                "cpus"
            )
    return [threads[core] for core in sorted(threads)]


def parse_flows(text: str | None) -> list[dict]:
    """dpctl/dump-flows -m --names → [{in_port, source, destination, packets, actions}]; source is null where the flow does not match it as a whole."""
    found = []
    for line in (text or "").splitlines():
        key = re.search(r"in_port\(([^)]+)\).*eth\(src=([0-9a-f:]{17})(/[^,]*)?,dst=([0-9a-f:]{17})", line)
        counts = re.search(r"packets:(\d+),", line)
        actions = re.search(r"actions:(.*?)(?:, dp-extra-info:.*)?$", line)
        if key and counts and actions:
            found.append(
                {
                    "in_port": key[1],
                    "source": None if key[3] else key[2],
                    "destination": key[4],
                    "packets": int(counts[1]),
                    "actions": actions[1].strip(),
                }
            )
    return found


def parse_moves(text: str | None) -> int | None:
    """fdb/stats-show → how often an address that the bridge had learned at one port came in by another."""
    found = re.search(r"^\s*Total number of port moved MAC entries\s*: " + NUMBER, text or "", re.M)
    return int(found[1]) if found else None


def grown(before: dict | None, after: dict | None, key: str) -> int | None:
    """How much a counter grew between two readings of the same process; null where either reading lacks it."""
    first, last = (before or {}).get(key), (after or {}).get(key)
    return None if first is None or last is None else last - first

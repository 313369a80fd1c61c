# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Profile full, before the traffic: which points are measured in which pod, testpmd's command line, and what is typed into it.

A closed loop: a known number of packets circulates between two ports of a pod, and testpmd sends each one back as soon as it arrives. So the switch
decides the rate, and by Little's law the mean time of a round is the number of packets in flight divided by the rate. Every point ends with a count of
what is in flight, which must be what was put into circulation.

testpmd varies the UDP source port of its bursts (--txonly-multi-flow) only 64 times, or in older releases the IP address 256 times, and then by the number
of the lcore. Hence one lcore for each 64 flows of a direction. They share the CPUs that testpmd has, and one for each queue is awake at a time.
"""

from __future__ import annotations

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify.plan import (
    called,
    command,
    cpus_of,
    length,
    mask_of,
    parse_probe,
)
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._words import number, plural

IMIX = "imix"
# Frames by RFC 2544, with the checksum of 4 bytes that no packet in memory has, and the share of each in the simple IMIX.
IMIX_SHARES = ((64, 7), (594, 4), (1518, 1))
CHECKSUM = 4
FLOWS_OF_LCORE = 64
BURST = 32
RINGS = (8192, 4096, 2048, 1024, 512, 256)
# Share of a ring that may be in flight, and of testpmd's memory that buffers may have.
FILLED = 0.75
# A buffer of testpmd with its headers, in bytes.
BUFFER = 2560
CACHED = 96
SETTLE = DRAIN = 1
# Seconds before a part, so that the readings of the PMD threads have begun even where the controller is busy; and after it.
AHEAD, BEHIND = 10, 2
# How long the PMD threads are read in one go at most, in seconds (module ovs_pmd_samples_info).
LONGEST_PART = 600
# What Ansible needs for a part and for a start of testpmd, for the estimate.
OVERHEAD, START = 4, 8


def average_size(size: int | str) -> float:
    if size != IMIX:
        return float(size)
    return sum(one * share for one, share in IMIX_SHARES) / sum(share for _one, share in IMIX_SHARES)


def size_text(size: int | str) -> str:
    return "IMIX" if size == IMIX else f"{size} bytes"


def points(settings: dict, queues: int, many: bool) -> list[dict]:
    """The points of one run of testpmd, by size: [{size, flows, queues, in_flight}]; flows of both directions together, packets in flight of each."""
    several = [flows for flows in settings["flows"] if flows > 1]
    if many:
        pairs = [(flows, -(-flows // 2)) for flows in several]
    elif 1 in settings["flows"]:
        # What many flows cost is seen against one flow with as many packets in flight.
        levels = {*settings["in_flight"], *([-(-max(several) // 2)] if several else [])}
        pairs = [(1, level) for level in sorted(levels)]
    else:
        pairs = []
    return [
        {"size": size, "flows": flows, "queues": queues, "in_flight": -(-level // queues) * queues}
        for size in settings["sizes"]
        for flows, level in pairs
    ]


def longest_part(settings: dict) -> int:
    """How long a part plays at most, in seconds: the points of one size, one after the other."""
    one = {**settings, "sizes": settings["sizes"][:1]}
    return max(part_seconds(part_lines(points(one, 1, many), settings["seconds"], many)) for many in (False, True))


def part_lines(listed: list[dict], seconds: int, many: bool, first: int = 0) -> list[str]:
    return [f"@{AHEAD}", *(line for index, point in enumerate(listed, first) for line in measure(index, point, seconds, many))]


def part_seconds(lines: list[str]) -> int:
    return length(lines) + BEHIND


def lcores(many: list[dict], queues: int) -> int:
    """How many forwarding lcores testpmd needs for these points."""
    most = max((point["in_flight"] for point in many), default=0)
    return max(queues, -(-most // FLOWS_OF_LCORE // queues) * queues)


def shares(size: int | str, count: int, queues: int) -> list[tuple[int, int]]:
    """[(size, packets)] that make up `count` packets, each a multiple of the number of queues."""
    if size != IMIX:
        return [(int(size), count)]
    whole = sum(share for _one, share in IMIX_SHARES)
    rest = [(one, count * share // whole // queues * queues) for one, share in IMIX_SHARES[1:]]
    return [(IMIX_SHARES[0][0], count - sum(packets for _one, packets in rest)), *rest]


def inject(point: dict, many: bool) -> list[str]:
    """What puts the point's packets into circulation: bursts of the transmit-only engine. Packets that come back meanwhile are sent on."""
    lines = ["set fwd mac"]
    queues = point["queues"]
    first = 1
    for size, packets in shares(point["size"], point["in_flight"], queues):
        lines.append(f"set txpkts {size - CHECKSUM}")
        each = packets // queues
        while each and many:
            burst = min(FLOWS_OF_LCORE, each)
            lines += [f"set burst {burst}", f"set corelist {corelist(first, queues)}", "start tx_first 1", "stop"]
            first += queues
            each -= burst
        if each >= BURST:
            lines += [f"set burst {BURST}", f"start tx_first {each // BURST}", "stop"]
        if each % BURST and not many:
            lines += [f"set burst {each % BURST}", "start tx_first 1", "stop"]
    return lines + (["@1"] if many else [])


def corelist(first: int, queues: int) -> str:
    return ",".join(str(first + index) for index in range(queues))


def measure(index: int, point: dict, seconds: int, many: bool) -> list[str]:
    """One point: put packets into circulation, let them settle, measure, and take them out again."""
    return [
        *inject(point, many),
        f"set corelist {corelist(1, point['queues'])}",
        f"set burst {BURST}",
        "start",
        f"@{SETTLE}",
        "show port stats all",
        f"#begin {index}",
        f"@{seconds}",
        "show port stats all",
        f"#end {index}",
        "stop",
        "set fwd rxonly",
        "start",
        f"@{DRAIN}",
        "stop",
    ]


def pair(pod: dict, nodes: dict) -> tuple[list[dict], str | None, str]:
    """Two ports of the pod that are on one bridge, each with the other as its peer; their host; else why there are none."""
    found: dict[tuple, list[dict]] = {}
    for port in pod["ports"]:
        for host, switch in nodes.items():
            interface = (switch.get("interfaces") or {}).get(port["interface"])
            if interface:
                found.setdefault((host, interface.get("bridge")), []).append(port)
    for (host, _bridge), ports in found.items():
        if len(ports) > 1:
            one, other = ports[:2]
            return [{**one, "peer": other["mac"]}, {**other, "peer": one["mac"]}], host, ""
    if len(pod["ports"]) < 2:
        return [], None, f"{called(pod)} has {plural(len(pod['ports']), 'vhost-user port')}, and the loop needs two"
    return [], None, f"{called(pod)} has no two ports on one bridge"


def ring_size(memory: int, wanted: int) -> int:
    """Descriptors of each ring: as many as the packets in flight need, and no more than buffers fit into the memory (MiB)."""
    fitting = [ring for ring in RINGS if buffers(ring, 128) * BUFFER <= memory * 2**20 * FILLED] or [RINGS[-1]]
    enough = [ring for ring in fitting if wanted <= ring * FILLED]
    return enough[-1] if enough else fitting[0]


def buffers(ring: int, cores: int) -> int:
    """Two rings of two ports hold buffers, and so do the caches of the lcores."""
    return 4 * ring + cores * CACHED + 1024


def full_command(pod: dict, run: dict) -> list[str]:
    """testpmd's command line of profile quick, with the rings, queues and lcores of this run."""
    queues = run["queues"]
    cpus = pod["cpus"][-queues:]
    groups = [
        (cpu, [lcore for lcore in range(1, run["lcores"] + 1) if (lcore - 1) % len(cpus) == index])
        for index, cpu in enumerate(cpus)
    ]
    places = [f"0@{pod['cpus'][0]}", *(f"({','.join(map(str, ones))})@{cpu}" for cpu, ones in groups if ones)]
    line = list(pod["line"])
    line[line.index("--lcores") + 1] = ",".join(places)
    more = f",queue_size={run['ring']}" + (f",queues={queues}" if queues > 1 else "")
    line = [word + more if word.startswith("--vdev=net_virtio_user") else word for word in line]
    mbufs = next(index for index, word in enumerate(line) if word.startswith("--total-num-mbufs="))
    line[mbufs] = f"--total-num-mbufs={buffers(run['ring'], run['lcores'])}"
    line[mbufs + 1 : mbufs + 1] = [
        f"--rxd={run['ring']}",
        f"--txd={run['ring']}",
        f"--rxq={queues}",
        f"--txq={queues}",
        f"--nb-cores={queues}",
        "--mbcache=64",
        *(["--txonly-multi-flow"] if run["many"] else []),
    ]
    return line


def ready_pods(pods: list[dict], probes: dict, nodes: dict, settings: dict) -> tuple[list[dict], list[str]]:
    """The first pod of each host that has a pair of ports, with what its command line is made of; and what is left out, in words."""
    chosen: dict[str, dict] = {}
    left_out = []
    for pod in pods:
        if pod["phase"] != "Running":
            continue
        ports, host, reason = pair(pod, nodes)
        if not host:
            left_out.append(reason)
        elif host in chosen:
            left_out.append(f"{called(pod)} is on {host} as {called(chosen[host])} is, and one pod of each node is measured")
        else:
            paired = {**pod, "ports": ports, "topology": "paired", "host": host}
            probe = parse_probe(probes.get(called(pod)) or "")
            mask = mask_of(paired, nodes)
            chosen[host] = {**paired, "cpus": cpus_of(probe, mask, settings), "line": command(paired, probe, mask, settings)}
    return list(chosen.values()), left_out


def plan_full(pods: list[dict], probes: dict, nodes: dict, threads: dict[str, int], settings: dict) -> dict:
    """{runs, parts, left_out, points, seconds, text}: what profile full measures.

    pods      as `plan` made them; probes: what each pod has, as text; nodes: inventory name → what ovs_info returned
    threads   inventory name → number of PMD threads
    settings  sizes, flows, in_flight, queues, seconds; cores, mbufs and extra_arguments of testpmd
    run       {name, queues, many, ring, lcores, pods, commands, parts}; part: {name, points, lines, seconds}
    """
    ready, left_out = ready_pods(pods, probes, nodes, settings)
    if not pods:
        left_out.append("the other checks found that packets do not pass")
    runs = []
    for queues in settings["queues"]:
        able = [pod for pod in ready if threads.get(pod["host"], 0) >= queues and len(pod["cpus"]) >= min(queues, 2)]
        left_out += [
            f"{plural(queues, 'queue')} on {pod['host']}: that needs {plural(queues, 'PMD thread')} and {plural(queues, 'CPU')} for testpmd, "
            f"and there are {threads.get(pod['host'], 0)} and {len(pod['cpus'])}"
            for pod in ready
            if pod not in able
        ]
        if not able:
            continue
        for many in (False, True):
            asked = points(settings, queues, many)
            most = max((point["in_flight"] for point in asked), default=0)
            ring = ring_size(min(pod["memory"] for pod in able), most)
            fitting = [point for point in asked if point["in_flight"] <= ring * FILLED]
            if len(fitting) < len(asked):
                left_out.append(
                    f"more than {number(int(ring * FILLED))} packets in flight: their buffers need "
                    f"{number(-(-buffers(2 * ring, 128) * BUFFER // 2**20))} MiB of hugepages or more in testpmd"
                )
            if fitting:
                runs.append(run_of(able, queues, many, ring, fitting, settings["seconds"]))
    count = sum(len(part["points"]) for run in runs for part in run["parts"])
    seconds = sum(part["seconds"] + OVERHEAD for run in runs for part in run["parts"]) + START * len(runs)
    text = f"{plural(count, 'point')} on {plural(len(ready), 'node')}, about {plural(-(-seconds // 60), 'minute')}"
    left_out = list(dict.fromkeys(left_out))
    return {
        "runs": runs,
        "parts": parts_of(runs, seconds, "; left out: ".join([text, *left_out])),
        "left_out": left_out,
        "points": count,
        "seconds": seconds,
        "text": text,
    }


def parts_of(runs: list[dict], seconds: int, text: str) -> list[dict]:
    """The parts of all runs one after the other, as the controller plays them; the name of each is its progress, and the first one's begins with `text`."""
    found: list[dict] = []
    rest = seconds
    for run in runs:
        for index, part in enumerate(run["parts"]):
            first = index == 0
            left = plural(-(-rest // 60), "minute")
            name = f"{run['name']}, {part['name']}: {plural(len(part['points']), 'point')}, {part['seconds']} s; about {left} left"
            progress = [name] if found else [f"Profile full: {text}", name]
            found.append({**part, "name": name, "progress": progress, "pods": run["pods"], "commands": run["commands"], "first": first})
            rest -= part["seconds"] + OVERHEAD + (START if first else 0)
    return found


def run_of(pods: list[dict], queues: int, many: bool, ring: int, listed: list[dict], seconds: int) -> dict:
    run = {
        "name": f"{plural(queues, 'queue')}, {'many flows' if many else '1 flow'}",
        "queues": queues,
        "many": many,
        "ring": ring,
        "lcores": lcores(listed if many else [], queues),
    }
    if many:
        # The last lcores of an IMIX are filled in part only, one for each size.
        run["lcores"] += len(IMIX_SHARES) * queues
    parts = []
    index = 0
    for size in dict.fromkeys(point["size"] for point in listed):
        own = [point for point in listed if point["size"] == size]
        lines = part_lines(own, seconds, many, index)
        index += len(own)
        parts.append({"name": size_text(size), "points": own, "lines": lines, "seconds": part_seconds(lines)})
    return {
        **run,
        "pods": [{key: pod[key] for key in ("namespace", "name", "container", "host", "ports", "cpus")} for pod in pods],
        "commands": {called(pod): full_command(pod, run) for pod in pods},
        "parts": parts,
    }

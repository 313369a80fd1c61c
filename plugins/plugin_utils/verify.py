# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The traffic proof: what pods, testpmd and Open vSwitch said becomes a report.

PRIVATE to the collection. Three steps: `plan` (pods → ports, their MAC addresses and testpmd's command lines), `parse_testpmd` and
`parse_switch` (text → counters), `report` (everything that was read → rows of traffic and checks with their cure). All are functions of their arguments.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import hashlib
import json
import re

CONFIGURATION = "userspace/configuration-data"
NETWORKS = "k8s.v1.cni.cncf.io/networks"
MODE_SERVER = "server"
MODE_CLIENT = "client"

# What stands in the log of ovs-vswitchd when ports look well and nothing passes, and what helps.
LOG_CAUSES = (
    (
        re.compile(r"Failed to create mempool|Failed to create memory pool", re.I),
        "OVS has no memory for the packet buffers of its ports, although it shows the ports without an error",
        "raise kube_ovn_dpdk_socket_mem (and the hugepages of the OVS pod), and see that the image has DPDK's mempool drivers",
    ),
    (
        re.compile(r"Failed to set interface .* new configuration", re.I),
        "OVS could not configure an interface, although it shows it without an error",
        "see the lines before it in the log of ovs-vswitchd",
    ),
    (
        re.compile(r"VHOST_CONFIG.*(failed to (mmap|add guest page)|fail to|mmap.*failed)", re.I),
        "OVS could not map the pod's memory",
        "the pod must share hugepages: run testpmd with --single-file-segments, and look at the pod's hugepages volume",
    ),
    (
        re.compile(r"no available cpu|There's no available \(non-isolated\) pmd thread|not enough (cores|pmd)", re.I),
        "no PMD core polls the ports",
        "set kube_ovn_dpdk_pmd_cores to cores of the NUMA node that the ports are on",
    ),
)

# Where DPDK is not initialised. A DPDK that runs has missed pages too, of sizes that it can do without.
START_CAUSES = (
    (
        re.compile(r"(Unable to initialize DPDK|Cannot init EAL|No free .*hugepages|Cannot get hugepage information)", re.I),
        "DPDK in OVS did not start",
        "see that the OVS pod has its hugepages, and kube_ovn_dpdk_socket_mem fits into them",
    ),
)

# What testpmd itself tells before it gives up.
TESTPMD_CAUSES = (
    (
        re.compile(r"(failed to bind to [^;\n]*)", re.I),
        "testpmd could not make a socket",
        "another program in the pod holds it: end that for the time of the proof",
    ),
    (
        # Unless it was to make the socket itself.
        re.compile(r"\A(?![\s\S]*failed to bind to)[\s\S]*?(Connection refused|connect error|backend set up fails|failed to initialize net_virtio_user)", re.I),
        "testpmd could not connect to a socket",
        "recreate the pod (dpdk_app_recreate: true): nothing listens on that socket, as after a restart of OVS",
    ),
    (
        re.compile(r"(No free .*hugepages|Not enough memory available|Cannot get hugepage information|couldn't find suitable memseg)", re.I),
        "testpmd got no hugepages",
        "raise dpdk_app_hugepages, lower verify_testpmd_memory, and see that the pod's volume has medium HugePages",
    ),
    (
        re.compile(r"(unsupported cpu type|Illegal instruction|This system does not support)", re.I),
        "the image was compiled for another CPU",
        "build the image with dpdk_app_dpdk_machine: default",
    ),
    (
        re.compile(r"(Permission denied|Operation not permitted)", re.I),
        "testpmd lacks a right",
        "set dpdk_app_security_context, as to privileged: true",
    ),
)

COUNTER = re.compile(r"\b(RX|TX)-(packets|missed|errors|nombuf|dropped|bytes):\s*(\d+)")
RATE = re.compile(r"\b(Rx|Tx)-pps:\s*(\d+)")
# testpmd writes its prompt at once and all else through a buffer: the prompt and the command typed there end up in the middle of other lines.
PROMPT = re.compile(r"testpmd> [^\n]*\n?")


def parse_testpmd(text):
    """Counters per port number: those of the device (the last shown) and what forwarding dropped; the highest rate between two showings."""
    text = PROMPT.sub("", text.replace("\r", ""))
    ports = {}
    port, kind = None, None
    for line in text.splitlines():
        head = re.search(r"(NIC|Forward) statistics for port (\d+)", line)
        if head:
            kind, port = head.group(1), head.group(2)
            values = ports.setdefault(port, {"rx_packets": 0, "tx_packets": 0, "rx_pps": 0, "tx_pps": 0, "dropped": 0, "device": {}, "forward": {}})
            values["device" if kind == "NIC" else "forward"] = {}
            continue
        if re.search(r"Accumulated forward statistics|NIC extended statistics|Port statistics ===", line):
            port = None
        if port is None:
            continue
        values = ports[port]
        for direction, name, number in COUNTER.findall(line):
            values["device" if kind == "NIC" else "forward"]["%s_%s" % (direction.lower(), name)] = int(number)
        for direction, number in RATE.findall(line):
            key = direction.lower() + "_pps"
            values[key] = max(values[key], int(number))
    for values in ports.values():
        device, forward = values.pop("device"), values.pop("forward")
        values["rx_packets"] = device.get("rx_packets", forward.get("rx_packets", 0))
        values["tx_packets"] = device.get("tx_packets", forward.get("tx_packets", 0))
        # A packet that forwarding could not send is no error of the device, so the two do not overlap; one it missed is in both.
        values["dropped"] = sum(device.get(key, 0) for key in ("rx_errors", "rx_missed", "rx_nombuf", "tx_errors")) + forward.get("tx_dropped", 0)
    version = re.search(r"RTE Version: '(.+?)'", text)
    status = re.search(r"testpmd ended with status (\d+)", text)
    return {
        "ports": ports,
        "version": version.group(1) if version else None,
        "status": int(status.group(1)) if status else None,
        "causes": ["%s (%s): %s" % (what, match.group(1).strip(), cure) for pattern, what, cure in TESTPMD_CAUSES for match in [pattern.search(text)] if match],
        "last_lines": [line.strip() for line in text.splitlines() if line.strip()][-6:],
    }


def parse_switch(text):
    """Packets that the PMD threads took from and gave to all ports, and how often the container's CPU quota held it."""
    found = {}
    for key, pattern in (
        ("rx_packets", r"^\s*Rx packets:\s+(\d+)"),
        ("tx_packets", r"^\s*Tx packets:\s+(\d+)"),
        ("periods", r"^nr_periods (\d+)"),
        ("throttled", r"^nr_throttled (\d+)"),
    ):
        numbers = [int(number) for number in re.findall(pattern, text, re.M)]
        if numbers:
            found[key] = sum(numbers)
    if text.strip():
        found["pmd_threads"] = len(re.findall(r"^pmd thread ", text, re.M))
    return found


def attachments(pod):
    """The pod's vhost-user attachments as the plugin noted them in its annotation, and what is wrong with the note."""
    annotations = pod["metadata"].get("annotations") or {}
    text = annotations.get(CONFIGURATION)
    if not text:
        return [], "annotation %s is missing" % CONFIGURATION
    try:
        entries = json.loads(text)
        found = []
        for entry in entries if isinstance(entries, list) else [entries]:
            config = entry.get("config") or {}
            vhost = config.get("vhost") or {}
            name = vhost.get("socketfile") or "%s-%s" % (entry["containerId"][:12], entry["ifName"])
            found.append(
                {
                    "name": entry["ifName"],
                    "interface": "%s-%s" % (entry["containerId"][:12], entry["ifName"]),
                    "file": name.rsplit("/", 1)[-1],
                    "server": vhost.get("mode") == MODE_SERVER,
                }
            )
        return sorted(found, key=lambda item: item["name"]), None
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        return [], "annotation %s cannot be read: %s" % (CONFIGURATION, error)


def wanted_attachments(pod):
    """How many attachments the pod asks for."""
    text = (pod["metadata"].get("annotations") or {}).get(NETWORKS, "")
    if text.strip().startswith("["):
        try:
            return len(json.loads(text))
        except ValueError:
            return 0
    return len([name for name in text.split(",") if name.strip()])


def mac_of(text):
    """A locally administered unicast address, always the same for the same port."""
    digest = hashlib.sha256(text.encode("utf-8")).hexdigest()
    return "02:" + ":".join(digest[i : i + 2] for i in range(0, 10, 2))


def mebibytes(quantity):
    match = re.match(r"^(\d+(?:\.\d+)?)(Ki|Mi|Gi|Ti|k|M|G|T)?$", str(quantity))
    if not match:
        return 0
    factor = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, None: 1}[match.group(2)]
    return int(float(match.group(1)) * factor // 2**20)


def plan(pods, settings):
    """Pods → the same with their ports, in the order of testpmd's port numbers, and who sends to whom."""
    planned = []
    for pod in sorted(pods, key=lambda item: (item["metadata"]["namespace"], item["metadata"]["name"])):
        ports, problem = attachments(pod)
        container = next((item for item in pod["spec"]["containers"] if item["name"] == settings["container"]), pod["spec"]["containers"][0])
        hugepages = sum(mebibytes(amount) for name, amount in ((container.get("resources") or {}).get("limits") or {}).items() if name.startswith("hugepages-"))
        mounts = dict((mount["name"], mount["mountPath"]) for mount in container.get("volumeMounts") or [])
        huge = [volume["name"] for volume in pod["spec"].get("volumes") or [] if str((volume.get("emptyDir") or {}).get("medium", "")).startswith("HugePages")]
        for port in ports:
            port["path"] = settings["socket_dir"].rstrip("/") + "/" + port["file"]
            port["mac"] = mac_of(port["interface"])
        planned.append(
            {
                "namespace": pod["metadata"]["namespace"],
                "name": pod["metadata"]["name"],
                "container": container["name"],
                "node": pod["spec"].get("nodeName"),
                "phase": (pod.get("status") or {}).get("phase"),
                "started": (pod.get("status") or {}).get("startTime"),
                "wanted": wanted_attachments(pod),
                "problem": problem,
                "ports": ports,
                "memory": settings.get("memory") or min(hugepages, 512) or 512,
                "huge_dir": next((mounts[name] for name in huge if name in mounts), None),
            }
        )
    # A packet goes out of a pod's last port to the first port of the next pod, and back the same way; alone, each pod is its own next.
    ring = [pod for pod in planned if len(pod["ports"]) >= 2]
    for index, pod in enumerate(ring):
        alone = not settings.get("between_pods")
        following, previous = (pod, pod) if alone else (ring[(index + 1) % len(ring)], ring[index - 1])
        for number in range(0, len(pod["ports"]) - 1, 2):
            pod["ports"][number]["peer"] = previous["ports"][min(number + 1, len(previous["ports"]) - 1)]["mac"]
            pod["ports"][number + 1]["peer"] = following["ports"][min(number, len(following["ports"]) - 1)]["mac"]
    return planned


def expand_cpus(text):
    """0-2,5 → [0, 1, 2, 5]"""
    found = []
    for part in filter(None, text.strip().split(",")):
        low, dash, high = part.partition("-")
        found.extend(range(int(low), int(high or low) + 1))
    return found


def mask_cpus(text):
    """0x6 → [1, 2]"""
    try:
        mask = int(str(text), 16)
    except ValueError:
        return []
    return [cpu for cpu in range(mask.bit_length()) if mask >> cpu & 1]


def parse_probe(text):
    """What the pod has, as the script's `probe` tells it."""
    found = {"cpus": [], "sockets": [], "testpmd": None, "stdbuf": False}
    for line in text.splitlines():
        key, dummy, value = line.strip().partition(" ")
        if key == "cpus":
            found["cpus"] = expand_cpus(value)
        elif key == "socket":
            found["sockets"].append(value)
        elif key in ("testpmd", "stdbuf"):
            found[key] = value or True
    return found


def command(pod, probe, pmd_mask, settings):
    """testpmd's command line in this pod: two lcores away from the PMD cores where there are such, and one virtio-user device for each port."""
    cpus = list(settings.get("cores") or [])
    if not cpus:
        busy = mask_cpus(pmd_mask)
        cpus = [cpu for cpu in probe["cpus"] if cpu not in busy] or probe["cpus"] or [0]
    line = (["stdbuf", "-oL"] if probe["stdbuf"] else []) + [probe["testpmd"] or "dpdk-testpmd"]
    # The main lcore has next to nothing to do and may share a CPU with the one that forwards.
    line += ["-v", "--lcores", "0@%d,1@%d" % (cpus[0], cpus[-1] if len(cpus) > 1 else cpus[0])]
    line += ["--no-pci", "--iova-mode", "va", "--single-file-segments", "-m", str(pod["memory"]), "--file-prefix", "kube-ovn-dpdk-verify"]
    if pod["huge_dir"]:
        line += ["--huge-dir", pod["huge_dir"]]
    for number, port in enumerate(pod["ports"]):
        device = "net_virtio_user%d,path=%s,mac=%s" % (number, port["path"], port["mac"])
        line.append("--vdev=" + device + (",server=1" if port["server"] else ""))
    line += ["--", "-i", "--forward-mode=" + settings["forward_mode"], "--total-num-mbufs=%d" % settings["mbufs"]]
    if settings["forward_mode"] == "mac":
        line += ["--eth-peer=%d,%s" % (number, port["peer"]) for number, port in enumerate(pod["ports"]) if port.get("peer")]
    return line + list(settings.get("extra_arguments") or [])


def log_causes(text, causes=LOG_CAUSES):
    """What the log of ovs-vswitchd tells since its last start."""
    start = max(text.rfind("|dpdk|INFO|Using DPDK"), text.rfind("|dpdk|INFO|DPDK Enabled - initializing"), text.rfind("|vlog|INFO|opened log file"))
    text = text[max(start, 0) :]
    found = []
    for pattern, what, cure in causes:
        lines = [line for line in text.splitlines() if pattern.search(line)]
        if lines:
            found.append("%s (log: %s): %s" % (what, lines[-1].split("|", 2)[-1].strip()[:200], cure))
    return found


def delta(before, after, key):
    """How much a counter grew. Open vSwitch starts some of them anew with each connection, so one that shrank began at zero."""
    if key not in after:
        return None
    first = before.get(key, 0)
    return after[key] - first if after[key] >= first else after[key]


def counts_connections(ovs):
    """Whether Open vSwitch counts the packets of a vhost-user port anew with each connection, as it does from 3.1 on.

    Until the new connection has counted something the database shows what the one before it had.
    """
    numbers = re.findall(r"\d+", ovs.get("ovs_version") or "")
    return [int(number) for number in numbers[:2]] >= [3, 1]


def switch_row(before, after, anew):
    """Open vSwitch's side of a port, or null for packets that it does not count. The directions are the switch's."""
    first = {} if anew else before
    counters = {"rx_packets": delta(first, after, "rx_packets"), "tx_packets": delta(first, after, "tx_packets")}
    if "tx_dropped" in after:
        keys = [key for key in ("rx_dropped", "tx_dropped", "rx_errors", "tx_errors") if key in after]
    else:
        keys = [key for key in after if key.startswith("ovs_") and key.endswith("_drops")]
    counters["dropped"] = sum(delta(before, after, key) for key in keys)
    return counters


class Checks(object):
    def __init__(self):
        self.found = []

    def add(self, name, problems, good, cure=None):
        problems = list(problems)
        check = {"id": name, "ok": not problems, "detail": "; ".join(problems) if problems else good}
        if problems and cure:
            check["cure"] = cure
        self.found.append(check)


def report(pods, nodes, settings):
    """The report.

    pods      as `plan` made them, each with `probe` and `testpmd`, parsed
    nodes     inventory name → {before, after: what ovs_info returned; log: text; ovs_started: epoch; switch_before, switch_after: parsed}
    """
    checks = Checks()
    rows = []
    owners = {}
    for host, node in sorted(nodes.items()):
        for name in (node.get("after") or {}).get("interfaces") or {}:
            owners[name] = host
    duration = settings.get("duration")

    def called(pod, port=None):
        return "%s/%s" % (pod["namespace"], pod["name"]) + (" " + port["name"] if port else "")

    for pod in pods:
        for number, port in enumerate(pod["ports"]):
            host = owners.get(port["interface"])
            mine = pod["testpmd"]["ports"].get(str(number), {})
            row = {"pod": called(pod), "port": port["name"], "interface": port["interface"], "node": host, "kubernetes_node": pod["node"]}
            for key in ("rx_packets", "tx_packets", "rx_pps", "tx_pps", "dropped"):
                row[key] = mine.get(key, 0)
            row["ovs"] = None
            if host:
                before = (nodes[host].get("before") or {}).get("interfaces", {}).get(port["interface"], {})
                after = nodes[host]["after"]["interfaces"][port["interface"]]
                row["ovs"] = switch_row(before.get("statistics") or {}, after.get("statistics") or {}, counts_connections(nodes[host]["after"]))
                row["dropped"] += row["ovs"]["dropped"]
                row["ovs_type"] = after.get("type")
            rows.append(row)

    # --- pods
    checks.add(
        "pods",
        ([] if pods else ["there is no pod with label app.kubernetes.io/part-of=kube-ovn-dpdk"])
        + ["%s is %s" % (called(pod), pod["phase"]) for pod in pods if pod["phase"] != "Running"],
        "%d running" % len(pods),
        "create them with role dpdk_app: kube_ovn.dpdk.site",
    )
    checks.add(
        "attachments",
        ["%s: %s" % (called(pod), pod["problem"]) for pod in pods if pod["problem"]]
        + [
            "%s asks for %d attachments and has %d vhost-user interfaces" % (called(pod), pod["wanted"], len(pod["ports"]))
            for pod in pods
            if not pod["problem"] and (pod["wanted"] != len(pod["ports"]) or not pod["ports"])
        ],
        "%d vhost-user interfaces" % len(rows),
        "the pod was created before Multus was in force, or Userspace CNI failed (its log is named in the attachment): recreate it, dpdk_app_recreate: true",
    )

    # --- Open vSwitch on the nodes
    checks.add(
        "ovs",
        ["%s: %s" % (host, node.get("problem") or "Open vSwitch could not be read") for host, node in sorted(nodes.items()) if not node.get("after")]
        + ([] if nodes else ["no node was read"]),
        ", ".join(
            "%s: Open vSwitch %s, %s" % (host, node["after"].get("ovs_version"), node["after"].get("dpdk_version"))
            for host, node in sorted(nodes.items())
            if node.get("after")
        ),
        "see that the OVS pod of that node runs",
    )
    alive = dict((host, node) for host, node in nodes.items() if node.get("after"))
    checks.add(
        "dpdk-initialized",
        [
            "%s: DPDK is not initialised. %s" % (host, " ".join(log_causes(node.get("log") or "", START_CAUSES + LOG_CAUSES)))
            for host, node in sorted(alive.items())
            if not node["after"].get("dpdk_initialized")
        ],
        "on %d nodes" % len(alive),
        "see the log of ovs-vswitchd, the hugepages of the OVS pod and config.cfg",
    )
    identities = dict((host, (node["after"].get("external_ids") or {}).get("system-id") or "") for host, node in alive.items())
    checks.add(
        "system-id",
        ["%s has no system-id" % host for host, name in sorted(identities.items()) if not name]
        + [
            "%s has the system-id of another node, %s" % (host, name)
            for host, name in sorted(identities.items())
            if name and list(identities.values()).count(name) > 1
        ],
        "set and unique",
        "without a unique external_ids:system-id no tunnels are made (image 19.11 of v1.2): take a newer image, or set it with kube_ovn.dpdk.ovs_config",
    )
    problems = []
    for row in rows:
        if not row["node"]:
            problems.append("%s %s: no node has interface %s" % (row["pod"], row["port"], row["interface"]))
            continue
        interface = alive[row["node"]]["after"]["interfaces"][row["interface"]]
        if interface.get("error"):
            problems.append("%s on %s: %s" % (row["interface"], row["node"], interface["error"]))
        elif (interface.get("ofport") or 0) < 1:
            problems.append("%s on %s has no port number (ofport %s)" % (row["interface"], row["node"], interface.get("ofport")))
    checks.add(
        "interfaces",
        problems,
        "%d without an error" % len(rows),
        "Userspace CNI succeeds although OVS failed; see the error and the log of ovs-vswitchd, then recreate the pod: dpdk_app_recreate: true",
    )

    # --- sockets
    problems = []
    for pod in pods:
        probed = pod.get("probe") or {}
        lost = [port["path"] for port in pod["ports"] if not port["server"] and port["path"] not in (probed.get("sockets") or [])]
        if lost:
            problems.append("%s lacks %s%s" % (called(pod), ", ".join(lost), restarted(pod, rows, nodes)))
    checks.add(
        "sockets",
        problems,
        "all there",
        "OVS made the socket elsewhere or lost it with a restart: check OVS_SOCKDIR of the launcher, then recreate the pod (dpdk_app_recreate: true)",
    )

    # --- testpmd
    problems = []
    for pod in pods:
        ran = pod["testpmd"]
        if not pod["ports"] or (ran["status"] == 0 and len(ran["ports"]) == len(pod["ports"])):
            continue
        reasons = ran["causes"] or [" / ".join(ran["last_lines"][-3:]) or "it wrote nothing"]
        problems.append(
            "%s: testpmd %s and showed %d of %d ports. %s"
            % (
                called(pod),
                "did not end" if ran["status"] is None else "ended with status %d" % ran["status"],
                len(ran["ports"]),
                len(pod["ports"]),
                "; ".join(reasons),
            )
        )
    checks.add(
        "testpmd",
        problems,
        ", ".join(sorted({pod["testpmd"]["version"] or "ran" for pod in pods})) or "no pod",
        "see that the image has testpmd with its virtio driver, and the pod its hugepages",
    )
    problems = []
    for row in rows:
        if row["node"]:
            status = (nodes[row["node"]]["after"]["interfaces"][row["interface"]].get("status") or {}).get("status")
            if status and status != "connected":
                problems.append("%s on %s is %s while testpmd runs" % (row["interface"], row["node"], status))
    checks.add("connected", problems, "%d" % len(rows), "the two sides do not meet: socket path and mode (client, server) of the attachment")

    # --- packets
    problems = []
    silent = []
    for row in rows:
        nothing = [name for name, key in (("received", "rx_packets"), ("sent", "tx_packets")) if not row[key]]
        if nothing:
            problems.append("%s %s %s no packet" % (row["pod"], row["port"], " and ".join(nothing)))
            silent.append(row["node"])
    for host in sorted({host for host in silent if host}):
        problems.extend("%s: %s" % (host, cause) for cause in log_causes(nodes[host].get("log") or ""))
    if not rows:
        problems.append("there was no port to send packets through")
    checks.add(
        "traffic",
        problems,
        "%d packets received by %d ports" % (sum(row["rx_packets"] for row in rows), len(rows)),
        "OVS may show a port connected and without error while nothing passes: see the named cause, else the flows of the bridge (actions=NORMAL)",
    )
    checks.add("counters", disagreements(rows, nodes, settings), counted_by(rows), "see the drops of both sides; other traffic on the ports counts too")
    total = sum(row["rx_packets"] + row["tx_packets"] for row in rows)
    dropped = sum(row["dropped"] for row in rows)
    limit = settings["max_drop_ratio"]
    checks.add(
        "drops",
        ["%d of %d packets were dropped, more than %s" % (dropped, total, limit)] if dropped > limit * max(total, 1) else [],
        "%d of %d packets" % (dropped, total),
        "give testpmd and the PMD threads CPUs of their own (kube_ovn_dpdk_pmd_cores)",
    )

    # --- PMD threads
    problems = []
    for name, node in sorted(nodes.items()):
        before, after = node.get("switch_before") or {}, node.get("switch_after") or {}
        periods, held = (delta(before, after, key) or 0 for key in ("periods", "throttled"))
        if periods and held > settings["max_throttled"] * periods:
            problems.append("%s: the CPU limit of the OVS container held it in %d of %d periods" % (name, held, periods))
        if after.get("pmd_threads") == 0:
            problems.append("%s: no PMD thread runs" % name)
    checks.add(
        "pmd",
        problems,
        "%d threads, not held by a CPU limit" % sum((node.get("switch_after") or {}).get("pmd_threads", 0) for node in nodes.values()),
        "raise the CPU limit of the OVS pod above its number of PMD cores (kube_ovn_dpdk_cpu)",
    )

    good = all(check["ok"] for check in checks.found)
    return {
        "result": "pass" if good else "fail",
        "time": settings.get("time"),
        "duration": duration,
        "stand_ins": list(settings.get("stand_ins") or []),
        "nodes": dict((host, described(host, node, rows)) for host, node in nodes.items()),
        "pods": [{"name": called(pod), "kubernetes_node": pod["node"], "testpmd": pod["testpmd"]["version"], "command": pod.get("command")} for pod in pods],
        "traffic": rows,
        "checks": checks.found,
    }


def restarted(pod, rows, nodes):
    """Whether OVS began after the pod did, as words."""
    for host in {row["node"] for row in rows if row["node"] and row["kubernetes_node"] == pod["node"]} or set(nodes):
        began = (nodes[host] or {}).get("ovs_started")
        if began and pod.get("started_epoch") and began > pod["started_epoch"]:
            return ", since OVS on %s was restarted after the pod was created" % host
    return ""


def counted_by(rows):
    if not all(row["rx_packets"] and row["tx_packets"] for row in rows):
        return "compared for ports that packets passed only"
    if rows and all(row["ovs"] and row["ovs"]["rx_packets"] is not None for row in rows):
        return "both sides agree, port by port"
    return "both sides agree by the totals of the PMD threads: this Open vSwitch keeps no packet statistics of ports in server mode"


def disagreements(rows, nodes, settings):
    """Where what pods counted is not what the switch counted, apart from what may still be in the rings."""
    allowed = settings["tolerance"]
    found = []
    totals = {}
    for row in rows:
        # No packet at all is another check's matter.
        if not row["ovs"] or not (row["rx_packets"] and row["tx_packets"]):
            continue
        if row["ovs"]["rx_packets"] is None:
            sums = totals.setdefault(row["node"], {"rx_packets": 0, "tx_packets": 0})
            sums["rx_packets"] += row["rx_packets"]
            sums["tx_packets"] += row["tx_packets"]
            continue
        for pod_key, switch_key, pod_word, switch_word in (("tx_packets", "rx_packets", "sent", "received"), ("rx_packets", "tx_packets", "received", "sent")):
            if abs(row[pod_key] - row["ovs"][switch_key]) > allowed:
                found.append("%s %s %s %d packets, OVS %s %d" % (row["pod"], row["port"], pod_word, row[pod_key], switch_word, row["ovs"][switch_key]))
    for name, sums in sorted(totals.items()):
        before, after = nodes[name].get("switch_before") or {}, nodes[name].get("switch_after") or {}
        if "rx_packets" not in after:
            found.append("the PMD threads of %s could not be read, and OVS has no packet statistics of its ports" % name)
            continue
        # They count every port of the node, so they may have more than the pods, but not less.
        for pod_key, switch_key, pod_word, switch_word in (("tx_packets", "rx_packets", "sent", "received"), ("rx_packets", "tx_packets", "received", "sent")):
            there = delta(before, after, switch_key)
            if there + allowed < sums[pod_key]:
                found.append("the pods on %s %s %d packets, the PMD threads %s %d" % (name, pod_word, sums[pod_key], switch_word, there))
    return found


def described(host, node, rows):
    ovs = node.get("after") or {}
    before, after = node.get("switch_before") or {}, node.get("switch_after") or {}
    return {
        "kubernetes_node": next((row["kubernetes_node"] for row in rows if row["node"] == host), None),
        "ovs_version": ovs.get("ovs_version"),
        "dpdk_version": ovs.get("dpdk_version"),
        "dpdk_initialized": ovs.get("dpdk_initialized"),
        "system_id": (ovs.get("external_ids") or {}).get("system-id"),
        "other_config": ovs.get("other_config") or {},
        "pmd_threads": after.get("pmd_threads"),
        "pmd_rx_packets": delta(before, after, "rx_packets"),
        "pmd_tx_packets": delta(before, after, "tx_packets"),
    }

# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pages in a real browser: nothing is wider than what it stands in, and nothing is loaded; and what they say."""

from __future__ import annotations

import copy
import functools
import html
import http.server
import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest
from ansible_collections.kube_ovn.dpdk.plugins.filter._verify_history import verify_history as history
from ansible_collections.kube_ovn.dpdk.plugins.filter._preflight_page import preflight_page
from ansible_collections.kube_ovn.dpdk.plugins.filter.preflight_report import preflight_report
from ansible_collections.kube_ovn.dpdk.plugins.filter.verify_page import verify_page
from ansible_collections.kube_ovn.dpdk.plugins.filter.verify_report import verify_report
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.book import all_findings, names_to_look_up
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.page import runs
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._words import number, plural, short
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify.full_read import series
from proof import Proof, recorded_run

DATA = Path(__file__).parent / "data" / "verify" / "runs"
LONG = "a-very-long-name-without-any-break-" * 6


def recorded(name: str) -> dict:
    return verify_report(
        recorded_run(DATA / f"{name}.json"),
        {"duration": 5, "time": "2026-11-25T23:20:00Z", "stand_ins": ["a stand-in"]},
    )


def down() -> dict:
    proof = Proof(nodes=2)
    proof.uplink["node2"]["link_state"] = "down"
    for end in proof.ends.values():
        end.got = [0, 0]
    return proof.report(exclude_nodes=[])


def long_names() -> dict:
    report = Proof(nodes=3, ports=4).report()
    for row in report["traffic"]:
        row["pod"] = LONG + row["pod"]
        row["rx_packets"] = 10**15
    report["checks"][0].update(
        ok=False, detail=LONG, cure=LONG, problems=[{"found": LONG, "where": {"host": "node1", "part": "pmd"}}]
    )
    report["pods"][0]["command"] = LONG
    report["nodes"]["node1"]["other_config"] = {LONG: LONG}
    return report


def full(nodes: int = 1, wide: bool = False) -> dict:
    """Profile full, with the recorded loop on each node; `wide` for numbers and names that are long."""
    read = json.loads((DATA.parent / "full" / "loop.json").read_text())
    found = []
    for index in range(1, nodes + 1):
        for one in series(read["plan"], read["outputs"], read["samples"]):
            found.append({**one, "node": f"node{index}", "pod": f"default/testpmd-node{index}"})
    left_out = ["2 queues on node1: that needs 2 PMD threads and 2 CPUs for testpmd, and there are 1 and 1"]
    if wide:
        left_out.append(LONG)
        for one in found:
            one.update(pod=LONG, command=[LONG] * 3, testpmd=LONG)
            for point in one["points"]:
                point.update(pps=point["pps"] * 1000, put=10**12, counted=10**12 - 1, lost=1, ok=False, cycles_per_packet=10**9)
    proof = Proof(nodes=nodes)
    proof.change = lambda report: report.update(full={"series": found, "left_out": left_out})
    return proof.report(profile="full")


PAGES = {
    "full": full,
    "full, two nodes": lambda: full(2),
    "full, long": lambda: full(2, wide=True),
    "pass": lambda: recorded("good"),
    "fail": lambda: recorded("drop"),
    "two nodes": lambda: Proof(nodes=2).report(),
    "two nodes, uplink down": down,
    "no pod": lambda: Proof(pods=[]).report(),
    "one port": lambda: Proof(ports=1).report(),
    "three nodes, four ports, long names": long_names,
}

FINDINGS = [
    {"severity": "error", "id": "cpu-limit", "host": "node1", "found": "kube_ovn_dpdk_cpu_limit is 1 " + LONG, "cure": "set it to 3"},
    {"severity": "warning", "id": "bridge-uplink", "host": LONG, "found": "<b>no uplink</b>", "cure": LONG},
]

EVIL = "<img src=x onerror=alert(1)>\"'{{ lookup('pipe', 'id') }}\x1b[31m" + LONG


def looked_at(hosts: int = 2, evil: bool = False) -> tuple[dict, dict]:
    """(hostvars, groups) as role preflight leaves them: alike hosts, of which each has its own free pages, and a worker that is none of them.

    `evil`: the last host and its node say markup and templates wherever they say something.
    """
    cores = [[cpu, cpu + 16] for cpu in range(16)]
    settings = {
        "kube_ovn_version": "v1.12.35", "kube_ovn_mode": "dedicated", "kube_ovn_hugepage_size": "1Gi", "kube_ovn_dpdk_socket_mem": [1024, 1024],
        "kube_ovn_image": "registry.example.com/ovs-dpdk:1", "multus_image": "ghcr.io/k8snetworkplumbingwg/multus-cni:v4.2.4", "dpdk_app_state": "present",
        "dpdk_app_hugepages": "2Gi", "dpdk_app_hugepage_size": "1Gi", "dpdk_app_image_source": "build", "dpdk_app_image": "dpdk:19.11",
        "cpu_management_state": "present", "dpdk_host_devices": [{"device": "0000:5e:00.0"}, {"device": "0000:5e:00.1"}],
        "hugepages_pages": [{"size": "1G", "count": 8, "node": 0}, {"size": "1G", "count": 8, "node": 1}, {"size": "2M", "count": 512}],
        "ovs_bridges_bridges": [{"name": "br0", "ports": [{"name": "dpdk0", "type": "dpdk", "options": {"dpdk-devargs": "0000:5e:00.0"}}]}],
    }  # fmt: skip
    names = {image: {"present": True, "others": []} for image in names_to_look_up(settings, "v1.24.17")}
    inputs = {"settings": settings, "failed": {}, "names": []}
    hostvars, nodes = {}, []
    for index in range(1, hosts + 1):
        name = f"node{index}"
        bad = EVIL if evil and index == hosts else None
        nic = {"vendor": "8086", "device": "1592", "driver": "vfio-pci", "interface": "", "numa_node": 1, "iommu_group": bad or "83"}
        facts = {
            "python": bad or "3.11.2", "kernel": bad or "6.1.0-18-amd64", "cmdline": ["isolcpus=managed_irq,domain,1,17"],
            "os": {"id": "debian", "version": "12", "name": bad or "Debian GNU/Linux 12 (bookworm)"},
            "cpu": {"online": list(range(32)), "cores": cores, "flags": []},
            "numa_nodes": [
                {"node": node, "memory_mib": 96500, "cpus": [*range(8 * node, 8 * node + 8), *range(8 * node + 16, 8 * node + 24)]} for node in (0, 1)
            ],
            "memory_mib": {"total": 193000 + index, "available": 1}, "runtimes": ["containerd"], "default_route_interface": "eno1",
            "kubelet": {"cpu_manager": bad or "static", "reserved_cpus": [0, 1, 16, 17]},
            "hugepages": [
                {"size_kib": size, "node": node, "total": total, "free": index % 3}
                for size, total in ((1048576, 8), (2048, 256)) for node in (0, 1)
            ],
            "nics": [
                {**nic, "address": bad or "0000:18:00.0", "interface": bad or "eno1", "driver": bad or "ice", "numa_node": 0, "iommu_group": "31"},
                {**nic, "address": "0000:5e:00.0"}, {**nic, "address": "0000:5e:00.1", "iommu_group": "84"},
            ],
        }  # fmt: skip
        answered = {"client": bad or "crictl", "names": {bad: bad} if bad else names}
        hostvars[name] = {"preflight_host": {"host": facts}, "preflight_inputs": inputs, "preflight_node_images": answered}
        info = {"kubeletVersion": bad or "v1.24.17", "containerRuntimeVersion": bad or "containerd://1.6.20"}
        nodes.append({"metadata": {"name": name}, "status": {"nodeInfo": info}})
    nodes.append({"metadata": {"name": "worker1"}, "status": {"nodeInfo": {"containerRuntimeVersion": "containerd://1.6.20"}}})
    objects = {key: [] for key in ("daemonsets", "deployments", "databases", "controllers", "service", "kube_proxy", "pods", "namespaces")}
    asked = {"docker.io/kubeovn/kube-ovn:v1.12.35": {"state": "present", "detail": "200 from registry-1.docker.io"}}
    hostvars["localhost"] = {
        "preflight_inputs": inputs, "preflight_build_host": {"host": {"python": "/usr/bin/python3"}},
        "preflight_api": {"version": "v1.24.17", "objects": {**objects, "nodes": nodes}}, "preflight_images": {"images": asked},
    }  # fmt: skip
    hostvars["lost"] = {"preflight_unexamined": EVIL if evil else "it is unreachable", "preflight_inputs": inputs}
    hosts_of = [name for name in hostvars if name != "localhost" and (evil or name != "lost")]
    return hostvars, {"nodes": hosts_of, "build": ["localhost"], "cluster": ["localhost"]}


def text_of(page: str) -> str:
    """What a reader sees, in one line."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page.partition("<body>")[2])).split())


# Runs in the page; what it finds replaces the page's title, which the browser prints with the document.
PROBE = """<script>
addEventListener("load", () => {
  for (const one of document.querySelectorAll("details")) one.open = true;
  const found = [];
  const name = (e) => e.tagName + "." + (e.getAttribute("class") || "") + ":" + (e.textContent || "").trim().slice(0, 40);
  for (const e of document.body.querySelectorAll("*")) {
    const box = e.getBoundingClientRect(), outer = e.parentElement.getBoundingClientRect();
    if (box.width === 0 && box.height === 0) continue;
    if (getComputedStyle(e).display === "inline" && !e.ownerSVGElement) {
      if (box.right > document.documentElement.clientWidth + 1) found.push(name(e));
    } else if (e.ownerSVGElement) {
      const svg = e.ownerSVGElement.getBoundingClientRect();
      if (box.left < svg.left - 1 || box.right > svg.right + 1 || box.top < svg.top - 1 || box.bottom > svg.bottom + 1) found.push("svg " + name(e));
    } else if (box.left < outer.left - 1 || box.right > outer.right + 1 || e.scrollWidth > e.clientWidth + 1 && e.clientWidth) found.push(name(e));
  }
  document.title = JSON.stringify({width: document.documentElement.clientWidth, found: found.slice(0, 8), all: document.documentElement.scrollWidth,
    loaded: performance.getEntriesByType("resource").map((e) => e.name)});
});
</script>"""


@pytest.fixture(scope="module")
def browser():
    path = shutil.which("chromium")
    assert path, "chromium is missing: Debian's packages of tests/packages.txt are needed"
    return path


@pytest.fixture
def served(tmp_path):
    """A directory behind HTTP, and what was asked of it: a page that loads something would ask for it here."""
    asked: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            super().do_GET()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield tmp_path, f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()


def look(browser: str, directory: Path, address: str, width: int) -> dict:
    """What the probe found in a window of this width. A frame has the width, since a window of a browser is never narrower than about 500."""
    command = [
        browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run", "--disable-component-update",
        f"--user-data-dir={directory / 'profile'}", f"--window-size={max(width, 600)},1000", "--virtual-time-budget=4000", "--hide-scrollbars", "--dump-dom",
    ]  # fmt: skip
    process = subprocess.Popen(
        [*command, address], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True
    )
    try:
        document, _nothing = process.communicate(timeout=120)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    found = re.search(r'<p id="found">(.*?)</p>', document, re.DOTALL)
    assert found, document[:300]
    return json.loads(found[1].replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">"))


@pytest.mark.parametrize("width", [390, 1280, 1920])
@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_wider_than_what_it_stands_in_and_nothing_is_loaded(browser, served, name, width):
    report = PAGES[name]()
    nothing_overflows(browser, served, verify_page(report, history(report, None)), width)


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("findings", [FINDINGS, []])
def test_page_of_preflight(browser, served, findings, width):
    page = preflight_page(preflight_report(findings), "2026-11-25T23:20:00Z")
    assert ("Preflight found 1 error<" in page) == bool(findings)
    assert ("Preflight found no error" in page) != bool(findings)
    assert "<b>" not in page
    nothing_overflows(browser, served, page, width)


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("evil", [False, True])
def test_page_of_preflight_with_what_was_looked_at(browser, served, evil, width):
    page = preflight_page(preflight_report(FINDINGS if evil else []), "2026-11-25T23:20:00Z", *looked_at(8, evil))
    assert "<img" not in page and "\x1b" not in page
    nothing_overflows(browser, served, page, width)


def test_a_sound_cluster_shows_what_was_looked_at():
    page = text_of(preflight_page(preflight_report([]), None, *looked_at()))
    for shown in (
        "checks of 2 hosts of group nodes, build host localhost and Kubernetes v1.24.17 with 3 nodes.",
        "This combination is worth as much as its weakest part: lab",
        "node1, node2 Debian GNU/Linux 12 (bookworm) 6.1.0-18-amd64 v1.24.17 containerd 1.6.20 3.11.2 32 CPUs, 2 NUMA nodes 188 GiB",
        "Nodes of the cluster that no host of group nodes is: worker1",
        "OVS-DPDK takes 2,048 MiB of each node in pages of 1Gi, of which 1024 + 1024 MiB are memory of its NUMA nodes.",
        "node1, node2 1 GiB 0 8 8 1 to 2",
        "2 MiB 1 512 over all nodes 256 1 to 2",
        "0000:5e:00.0 – 8086:1592 vfio-pci 1 83 DPDK with vfio-pci, port dpdk0",
        "0000:18:00.0 eno1 8086:1592 ice 0 31 default route",
        "PMD threads 1,9,17,25 4 cpu_management",
        "reserved by the kubelet 0-1,16-17 4 in force",
        "reserved by the kubelet 0-1,8-9,16-17,24-25 8 after the run",
        "isolated from the scheduler 1,17 2 in force",
        "docker.io/library/dpdk:19.11 built by the run not asked IfNotPresent",
        "docker.io/kubeovn/kube-ovn:v1.12.35 in the container runtime (crictl) : node1, node2 not in the list of the API : worker1 A runtime was not asked",
        "has it 200 from registry-1.docker.io IfNotPresent",
    ):
        assert shown in page, shown


def test_cpus_of_pmd_threads_that_nobody_names():
    hostvars, groups = looked_at(1)
    words = "No CPU is named for PMD threads"
    assert words not in text_of(preflight_page(preflight_report([]), None, hostvars, groups))
    hostvars["node1"]["preflight_inputs"] = {"settings": {"kube_ovn_version": "v1.12.35"}, "failed": {}, "names": []}
    assert words in text_of(preflight_page(preflight_report([]), None, hostvars, groups))


def test_a_hundred_alike_hosts_are_a_page():
    started = time.monotonic()
    page = preflight_page(preflight_report([]), None, *looked_at(100))
    assert time.monotonic() - started < 5
    one = preflight_page(preflight_report([]), None, *looked_at(1))
    assert page.count("<table>") == one.count("<table>")
    assert page.count("<tr>") == one.count("<tr>")
    assert "node1 to node100 (100)" in page


@pytest.mark.parametrize(
    "names, shown",
    [
        (["a"], ["a"]),
        (["a1", "a2"], ["a1", "a2"]),
        (["a1", "a2", "a3", "a5", "b6"], ["a1 to a3", "a5", "b6"]),
        (["a08", "a09", "a10", "a11"], ["a08 to a11"]),
        (["a8", "a09", "a10"], ["a8", "a09", "a10"]),
        (["10.0.0.9", "10.0.0.10", "10.0.0.11"], ["10.0.0.9 to 10.0.0.11"]),
        (["a", "b", "c"], ["a", "b", "c"]),
    ],
)
def test_names_of_many_hosts_are_short(names, shown):
    assert runs(names) == shown


def test_a_host_that_lies_spoils_its_own_part_alone():
    """Wherever it says something of another type, the findings and the page have the other hosts all the same."""
    page = text_of(preflight_page(preflight_report([]), None, *looked_at(3, evil=True)))
    assert "node1, node2 Debian" in page and "node1 to node3 1 GiB" in page
    assert "<img src=x onerror=alert(1)>" in page
    hostvars, groups = looked_at(2)
    for value in (None, 7, [None], {"a": [None]}, [{"node": [], "cpus": "x", "size_kib": {}}]):
        for key in hostvars["node2"]["preflight_host"]["host"]:
            spoilt = copy.deepcopy(hostvars)
            spoilt["node2"]["preflight_host"]["host"][key] = value
            found = all_findings(spoilt, groups)
            page = text_of(preflight_page(preflight_report(found), None, spoilt, groups))
            assert "node1 Debian" in page or "node1, node2 Debian" in page, (key, value)


def test_ids_of_checks_to_ignore_may_be_text():
    """-e preflight_ignore=ID,ID"""
    assert preflight_report(FINDINGS, ",".join(finding["id"] for finding in FINDINGS))["errors"] == 0
    assert preflight_report(FINDINGS, "")["errors"] == 1


def nothing_overflows(browser, served, page: str, width: int) -> None:
    directory, address, asked = served
    # The policy of the page forbids scripts: only the probe is let in.
    assert "default-src 'none'" in page
    page = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
    (directory / "report.html").write_text(page.replace("</head>", PROBE + "</head>"))
    (directory / "frame.html").write_text(
        f'<p id="found"></p><iframe src="report.html" style="width:{width}px;height:900px;border:0"></iframe><script>'
        'addEventListener("load", () => setTimeout(() => { document.getElementById("found").textContent = frames[0].document.title; }, 500));</script>'
    )
    found = look(browser, directory, f"{address}/frame.html", width)
    assert found["width"] == width
    assert found["found"] == []
    assert found["all"] == width
    assert found["loaded"] == []
    assert [path for path in asked if path not in ("/frame.html", "/report.html", "/favicon.ico")] == []


# --- what they say


def drawings(page: str) -> list[ElementTree.Element]:
    return [ElementTree.fromstring(svg) for svg in re.findall(r"<svg .*?</svg>", page, re.DOTALL)]


def test_every_drawing_is_well_formed_and_has_a_name():
    for make in PAGES.values():
        assert all(svg.get("aria-label") for svg in drawings(verify_page(make())))


def stopped() -> dict:
    proof = Proof()
    proof.change = lambda read: read["nodes"]["node1"].update(after={}, problem="the database cannot be reached")
    return proof.report()


@pytest.mark.parametrize(
    ("make", "check", "part"),
    [
        (lambda: recorded("drop"), "path", "bridge br0"),
        (lambda: recorded("meter"), "path", "bridge br0"),
        (down, "uplinks", "uplink dpdk0 (down)"),
        (lambda: Proof(nodes=2, pods=[]).report(), "coverage", "no pod with vhost-user ports"),
        (stopped, "ovs", "no bridge was read"),
    ],
)
def test_first_broken_link_is_red_and_names_its_check(make, check, part):
    broken = []
    for svg in drawings(verify_page(make())):
        texts = [one.text for one in svg.iter("text") if "broken" in (one.get("class") or "")]
        if texts:
            assert any("broken" in (rect.get("class") or "") for rect in svg.iter("rect"))
            broken.append(texts)
    assert any(part in texts and f"✗ first broken here: {check}" in texts for texts in broken), broken


def test_curves_have_a_line_for_each_size_and_a_mark_for_each_point():
    page = verify_page(full(2))
    curves = [svg for svg in drawings(page) if any("curve" in (one.get("class") or "") for one in svg.iter("polyline"))]
    # Rate and round trip of both nodes.
    assert len(curves) == 4
    for svg in curves:
        assert len(list(svg.iter("polyline"))) == 3
        assert len(list(svg.iter("circle"))) == 9
        assert {"64 bytes", "1518 bytes", "IMIX", "5,000"} <= {one.text for one in svg.iter("text")}
    assert "<h1>Packets pass</h1>" in page


def test_nothing_is_red_where_all_is_well():
    assert not any(
        "broken" in (one.get("class") or "")
        for svg in drawings(verify_page(Proof(nodes=2).report()))
        for one in svg.iter()
    )


def test_a_failure_comes_with_its_cause_and_cure_and_the_other_way_it_is_quiet():
    page = verify_page(recorded("drop"))
    assert "Packets do not provably pass" in page
    assert "a flow of bridge br0" in page
    assert "ovs-ofctl dump-flows" in page
    page = verify_page(recorded("good"))
    assert "<h1>Packets pass</h1>" in page
    assert "What failed" not in page
    assert "a stand-in" in page


def test_what_was_read_is_escaped():
    report = Proof().report()
    report["traffic"][0]["pod"] = "<script>alert(1)</script>"
    report["checks"][0].update(detail="<b>&")
    report["nodes"]["node1"]["other_config"] = {"<i>": "'\""}
    page = verify_page(report)
    assert "<script" not in page
    assert "<b>" not in page
    assert "<i>" not in page


def test_history_keeps_the_last_runs_and_survives_a_damaged_file():
    report = Proof().report()
    runs = history(report, "{damaged")
    assert [run["result"] for run in runs] == ["pass"]
    for index in range(30):
        runs = history({**report, "time": f"2026-11-24T00:00:{index:02}Z"}, json.dumps(runs))
    assert len(runs) == 20
    assert runs[0]["time"] == "2026-11-24T00:00:29Z"
    # The same run twice is one.
    assert len(history({**report, "time": runs[0]["time"]}, json.dumps(runs))) == 20


def test_numbers_and_plurals():
    assert [plural(count, "thread") for count in (0, 1, 2, 12345)] == [
        "0 threads",
        "1 thread",
        "2 threads",
        "12,345 threads",
    ]
    assert [number(value) for value in (None, 0, 10297184)] == ["–", "0", "10,297,184"]
    assert [short(value) for value in (None, 812, 53741, 1900730)] == ["–", "812", "53.7 k", "1.9 M"]
    text = re.sub(r"<[^>]*>", " ", verify_page(recorded("good")))
    assert re.search(r"\b1 (?!of)[a-z-]+s\b(?<!1 address)", text) is None

# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Adds a release of Kube-OVN: checksum of its installer, objects in every mode, matrix, changelog fragment.

Usage: .venv/bin/python tools/add_release.py v1.16.3

The installer is downloaded from the tag, rendered as role kube_ovn does it, and compared with that of the release before. Nothing is written unless
it can be rendered in every mode that the release has. Not one of the installer's own commands reaches a cluster.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import runpy
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

import yaml
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
# The collection is imported by its full name.
sys.path.insert(0, str(ROOT / ".collections"))

from ansible_collections.kube_ovn.dpdk.plugins.modules import kube_ovn_manifests  # noqa: E402

SOURCE = "https://raw.githubusercontent.com/kubeovn/kube-ovn/{tag}/dist/images/install.sh"
# Addresses of documentation (RFC 5737); a node without labels matches every selector.
NODES = [{"name": f"node-{number}", "internal_ip": f"192.0.2.{number}", "labels": None} for number in (1, 2, 3)]


class Problem(Exception):
    """Why the release is not added."""


def number(tag: str) -> Version:
    if not re.fullmatch(r"v\d+\.\d+\.\d+", tag):
        raise Problem(f"{tag} is not the tag of a release, such as v1.16.3")
    return Version(tag)


def download(source: str, tag: str) -> bytes:
    address = source.format(tag=tag)
    try:
        with urllib.request.urlopen(address, timeout=60) as answer:
            return answer.read()
    except (urllib.error.URLError, OSError) as error:
        raise Problem(f"{address} cannot be downloaded: {error}") from error


def modes(tag: str, known: dict) -> dict[str, dict]:
    """The modes that a release has."""
    return {
        name: mode
        for name, mode in known["__kube_ovn_modes"].items()
        if Version(mode["first"]) <= number(tag) and not (mode["below"] and number(tag) >= Version(mode["below"]))
    }


def render(installer: bytes, tag: str, mode: dict) -> dict:
    """What the installer applies; a rollout of OVS-DPDK with hugepages has to be among it."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place, "install.sh")
        path.write_bytes(installer)
        parameters = {"installer": str(path), "arguments": [mode["argument"]], "settings": {"VERSION": tag}, "nodes": NODES, "overlays": []}
        try:
            rendered = kube_ovn_manifests.run({**parameters, "registry": None, "served_api_versions": None, "timeout": 120})
        except Exception as error:
            raise Problem(f"the installer of {tag} cannot be rendered with {mode['argument']}: {error}") from error
    switches = [item for item in rendered["objects"] if (item["kind"], item["metadata"]["name"]) == ("DaemonSet", mode["daemonset"])]
    limits = [
        name
        for item in switches
        for container in item["spec"]["template"]["spec"]["containers"]
        for name in (container.get("resources") or {}).get("limits") or {}
    ]
    if not any(name.startswith("hugepages-") for name in limits):
        raise Problem(f"with {mode['argument']} the installer of {tag} creates no DaemonSet {mode['daemonset']} with hugepages")
    return rendered


def named(rendered: dict) -> dict[str, dict]:
    return {f"{item['kind']}/{item['metadata']['name']}": item for item in rendered["objects"]}


def differences(before: dict, after: dict) -> list[str]:
    """Objects that came, went or changed, one line each."""
    old, new = named(before), named(after)
    lines = [f"  + {name}" for name in sorted(new.keys() - old.keys())] + [f"  - {name}" for name in sorted(old.keys() - new.keys())]
    return lines + [f"  ~ {name}" for name in sorted(new.keys() & old.keys()) if old[name] != new[name]]


def with_checksum(text: str, tag: str, checksum: str) -> str:
    """The table of installers with one more line, in the order of releases."""
    head, line, below = text.partition("__kube_ovn_installers:\n")
    entries = re.match(r"(?:  v[^\n]+\n)+", below)
    if not line or not entries:
        raise Problem("roles/kube_ovn/vars/main.yml has no table __kube_ovn_installers")
    rows = {row.split(":")[0].strip(): row for row in entries[0].splitlines()}
    rows[tag] = f"  {tag}: {checksum}"
    return head + line + "".join(f"{rows[name]}\n" for name in sorted(rows, key=Version)) + below[entries.end() :]


def with_row(text: str, matrix: dict, tag: str, mode: str) -> str:
    """The matrix with a row for the minor release, on the Kubernetes of the one before it. A release that a row covers already changes nothing."""
    release = number(tag).release
    if matrix["lowest_kubernetes"](release, mode):
        return text
    rows = [row for row in matrix["RELEASES"] if row.mode == mode and row.evidence != "refused" and row.kube_ovn[1] < release]
    if not rows:
        raise Problem(f"no row of the matrix in {mode} mode comes before {tag}")
    lowest = max(rows, key=lambda row: row.kube_ovn[1]).kubernetes[0]
    minor = release[:2]
    row = f'    Release((({minor[0]}, {minor[1]}, 0), ({minor[0]}, {minor[1]}, 99)), "{mode}", ({lowest}, NEWEST_KUBERNETES), "rendered"),\n'
    head, table, below = text.partition("RELEASES = (\n")
    return head + table + below.replace(")\n\nRUNTIMES", row + ")\n\nRUNTIMES", 1)


def add(tag: str, source: str = SOURCE, root: Path = ROOT) -> list[str]:
    """Adds the release to the files below root, and returns what a maintainer has to look at."""
    paths = {
        "variables": root / "roles" / "kube_ovn" / "vars" / "main.yml",
        "matrix": root / "plugins" / "plugin_utils" / "_preflight" / "matrix.py",
        "page": root / "docs" / "matrix.md",
    }
    known = yaml.safe_load(paths["variables"].read_text())
    installers = known["__kube_ovn_installers"]
    number(tag)
    installer = download(source, tag)
    checksum = hashlib.sha256(installer).hexdigest()
    if tag in installers:
        if installers[tag] != checksum:
            raise Problem(f"{tag} is known with the checksum {installers[tag]}, and its installer has {checksum}: the tag was moved")
        return [f"{tag} is known already, with this checksum"]
    report = [f"{tag}: install.sh has the SHA-256 {checksum}"]
    has = modes(tag, known)
    if not has:
        raise Problem(f"{tag} has no mode with OVS-DPDK")
    earlier = [name for name in installers if Version(name) < number(tag)]
    before = max(earlier, key=Version) if earlier else None
    old = download(source, before) if before else b""
    if before and hashlib.sha256(old).hexdigest() != installers[before]:
        raise Problem(f"the installer of {before} has not its known checksum, so {tag} cannot be compared with it")
    matrix_text = paths["matrix"].read_text()
    for name, mode in has.items():
        rendered = render(installer, tag, mode)
        report.append(f"{name} mode: {len(rendered['objects'])} objects; images {', '.join(sorted(rendered['images']))}")
        if before and name in modes(before, known):
            changed = differences(render(old, before, mode), rendered)
            report += [f"{name} mode, changed since {before}:", *(changed or ["  nothing"])]
        extended = with_row(matrix_text, runpy.run_path(str(paths["matrix"])), tag, name)
        if extended != matrix_text:
            report.append(f"{name} mode: a row of the matrix was added with the Kubernetes of the release before; compare it with the release notes")
        matrix_text = extended
    # From here on everything is known to hold.
    paths["variables"].write_text(with_checksum(paths["variables"].read_text(), tag, checksum))
    paths["matrix"].write_text(matrix_text)
    paths["page"].write_text(runpy.run_path(str(paths["matrix"]))["page"]())
    fragment = root / "changelogs" / "fragments" / f"kube-ovn-{tag}.yml"
    fragment.write_text(f"---\nminor_changes:\n  - kube_ovn - the installer of Kube-OVN {tag} is known.\n")
    return [*report, "Next: read the changed objects above, run make test-fast, and commit"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tag", help="the tag of the release, such as v1.16.3")
    parser.add_argument("--source", default=SOURCE, help="address of install.sh, with {tag}; a mirror or file:///… (default: %(default)s)")
    given = parser.parse_args()
    try:
        print("\n".join(add(given.tag, given.source)))
    except Problem as problem:
        print(f"{given.tag} was not added: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

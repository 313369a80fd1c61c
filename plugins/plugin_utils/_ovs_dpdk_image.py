# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Images of OVS-DPDK: which releases publish one, what it is called, and which base fits a release. PRIVATE to this collection."""

from __future__ import annotations

import re
from dataclasses import dataclass

DEDICATED = "dedicated"
HYBRID = "hybrid"
BUILD = "build"
PRESENT = "present"
CHECKSUM = re.compile(r"^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$")


@dataclass(frozen=True)
class Base:
    """A distribution as an image, with the versions of its packages; `supported`: it still gets security updates from its public archive."""

    image: str
    ovs: tuple[int, int]
    dpdk: tuple[int, int]
    ovn: tuple[int, int]
    supported: bool


# Oldest first.
BASES = (
    Base("ubuntu:20.04", (2, 13), (19, 11), (20, 3), supported=False),
    Base("debian:bullseye-slim", (2, 15), (20, 11), (20, 12), supported=False),
    Base("ubuntu:22.04", (2, 17), (21, 11), (22, 3), supported=True),
    Base("debian:bookworm-slim", (3, 1), (22, 11), (23, 3), supported=True),
    Base("ubuntu:24.04", (3, 3), (23, 11), (24, 3), supported=True),
    Base("debian:trixie-slim", (3, 5), (24, 11), (25, 3), supported=True),
)

# OVS and OVN of the image kubeovn/kube-ovn of a release, from the first release that has them on; newest first. DPDK is that of upstream's own recipe for
# dedicated and hybrid mode; None where there is no such recipe.
RELEASES = (
    ((1, 15, 0), {"ovs": (3, 5), "ovn": (25, 3), DEDICATED: None, HYBRID: (24, 11)}),
    ((1, 13, 0), {"ovs": (3, 3), "ovn": (24, 3), DEDICATED: None, HYBRID: (23, 11)}),
    ((1, 12, 4), {"ovs": (3, 1), "ovn": (22, 12), DEDICATED: (20, 11), HYBRID: (22, 11)}),
    ((1, 12, 0), {"ovs": (3, 1), "ovn": (22, 12), DEDICATED: (20, 11), HYBRID: (20, 11)}),
    ((1, 10, 0), {"ovs": (2, 17), "ovn": (22, 3), DEDICATED: (20, 11), HYBRID: (20, 11)}),
    ((1, 9, 0), {"ovs": (2, 16), "ovn": (21, 6), DEDICATED: (20, 11), HYBRID: None}),
    ((1, 8, 0), {"ovs": (2, 15), "ovn": (21, 3), DEDICATED: (20, 11), HYBRID: None}),
    ((1, 6, 1), {"ovs": (2, 15), "ovn": (20, 12), DEDICATED: (19, 11), HYBRID: None}),
    ((1, 6, 0), {"ovs": (2, 14), "ovn": (20, 9), DEDICATED: (19, 11), HYBRID: None}),
    ((1, 4, 0), {"ovs": (2, 14), "ovn": (20, 6), DEDICATED: (19, 11), HYBRID: None}),
    ((1, 3, 0), {"ovs": (2, 13), "ovn": (20, 6), DEDICATED: (19, 11), HYBRID: None}),
    ((1, 2, 0), {"ovs": (2, 13), "ovn": (20, 3), DEDICATED: (19, 11), HYBRID: None}),
)

# The first release that runs most of its containers as nobody. Such a user has a capability only by the file that it runs.
FIRST_AS_NOBODY = (1, 13, 0)
# Program → what the release's own image gives its file (dist/images/Dockerfile.base). A program with more than the bounding set of its container has cannot be
# run at all, even by root. So there is nothing for kmod, since no container of v1.16 has CAP_SYS_MODULE, and nothing for nice and ip, which pods without any
# capability run, such as that of the DPDK application: its image is built on this one, and the proof of traffic starts testpmd by nice.
CAPABILITIES = {
    "ipset": "cap_net_admin,cap_net_raw",
    "nsenter": "cap_sys_admin",
    "ovs-dpctl": "cap_net_admin",
    "ovs-vswitchd": "cap_net_admin,cap_net_bind_service,cap_sys_admin",
    "ovsdb-server": "cap_net_bind_service",
    "sysctl": "cap_sys_admin",
    "xtables-legacy-multi": "cap_net_admin,cap_net_raw",
    "xtables-nft-multi": "cap_net_admin,cap_net_raw",
}

# The start script for each mode.
SCRIPTS = {DEDICATED: "start-ovs-dpdk.sh", HYBRID: "start-ovs-dpdk-v2.sh"}


def numbers(text: object, least: int = 2) -> tuple[int, ...] | None:
    """(1, 12, 35) of v1.12.35; None when it is no version of at least so many numbers."""
    found = re.match(r"^v?(\d+(?:\.\d+)*)$", str(text or "").strip())
    parts = tuple(int(part) for part in found.group(1).split(".")) if found else ()
    return parts if len(parts) >= least else None


def dotted(version: tuple[int, int]) -> str:
    """2.13 of (2, 13), but 20.03 of (20, 3): DPDK and OVN are named after years and months."""
    return "%d.%02d" % version if version[0] >= 18 else "%d.%d" % version


def line(release: tuple[int, ...] | None) -> dict | None:
    """Versions of upstream's images of a release."""
    return next((versions for first, versions in RELEASES if release is not None and release >= first), None)


def published(release: tuple[int, ...] | None, mode: str) -> bool:
    """Whether upstream's CI pushes the image that the mode needs."""
    if release is None:
        return False
    if mode == HYBRID:
        return release >= (1, 12, 4)
    return release <= (1, 7, 0)


def matches_northd(release: tuple[int, ...] | None, mode: str) -> bool:
    """Whether the start script sets ovn-match-northd-version: ovn-controller of any other build than that of ovn-northd then programs no flow."""
    return release is not None and mode == HYBRID and ((1, 15, 10) <= release < (1, 16, 0) or release >= (1, 16, 1))


def name(tag: str, mode: str, registry: str = "") -> str:
    """The image as the objects of the release name it; in hybrid mode with the tag that is really published."""
    release = numbers(tag)
    if mode == HYBRID:
        image = "kube-ovn:%s%s" % (tag, "-dpdk-x86" if published(release, mode) else "-dpdk")
    else:
        image = "kube-ovn-dpdk:19.11" + ("" if release is not None and release < (1, 3, 0) else "-" + tag)
    return "%s/%s" % ((registry or "kubeovn").rstrip("/"), image)


def known_base(image: str) -> Base | None:
    """The base of that name, also with a registry in front."""
    wanted = str(image).removesuffix("-slim").rpartition("/")[2]
    return next((base for base in BASES if base.image.removesuffix("-slim") == wanted), None)


def base_for(release: tuple[int, ...] | None, dpdk: tuple[int, ...] | None = None) -> Base | None:
    """The oldest supported base whose ovn-controller is not older than ovn-northd of the release; or the one that has the DPDK that was asked for."""
    if dpdk:
        return known_base(dpdk_base(".".join(str(part) for part in dpdk)))
    ovn = (line(release) or {"ovn": (0, 0)})["ovn"]
    return next((base for base in BASES if base.supported and base.ovn >= ovn), BASES[-1])


def dpdk_base(version: object) -> str:
    """The image whose packages have that DPDK; empty when there is none."""
    wanted = numbers(version)
    return next((base.image for base in BASES if wanted is not None and base.dpdk == wanted[:2]), "")


def plan(settings: dict) -> dict:
    """What the role does with its settings.

    source: build, archive or present. image: the name. base: the image to build on. ovn: release or packages. scripts: image, path or url. script: the start
    script that has to be there. versions: what the base's packages bring, where that is known. capabilities: those of files, for users that are not root.
    """
    tag = str(settings.get("ovs_dpdk_image_release") or "")
    mode = settings.get("ovs_dpdk_image_mode") or DEDICATED
    release = numbers(tag)
    source = settings.get("ovs_dpdk_image_source") or "auto"
    if source == "auto":
        # Who names an image of their own has it.
        source = PRESENT if settings.get("ovs_dpdk_image_name") or published(release, mode) else BUILD
    given = settings.get("ovs_dpdk_image_base") or ""
    sources = settings.get("ovs_dpdk_image_variant") == "sources"
    fitting = base_for(release, None if sources else numbers(settings.get("ovs_dpdk_image_dpdk_version")))
    base = known_base(given) if given else fitting
    ovn = settings.get("ovs_dpdk_image_ovn") or "auto"
    if ovn == "auto":
        ovn = "release" if matches_northd(release, mode) else "packages"
    scripts = str(settings.get("ovs_dpdk_image_scripts") or "")
    return {
        "source": source,
        "image": settings.get("ovs_dpdk_image_name") or name(tag, mode, settings.get("ovs_dpdk_image_registry") or ""),
        "base": given or (base.image if base else ""),
        "ovn": ovn,
        "release_image": settings.get("ovs_dpdk_image_release_image")
        or "%s/kube-ovn:%s" % ((settings.get("ovs_dpdk_image_registry") or "kubeovn").rstrip("/"), tag),
        "scripts": "image" if not scripts else "url" if re.match(r"^(https?|file)://", scripts) else "path",
        "script": SCRIPTS.get(mode, ""),
        "capabilities": CAPABILITIES if release is not None and release >= FIRST_AS_NOBODY else {},
        "versions": {} if base is None else {"ovs": dotted(base.ovs), "dpdk": dotted(base.dpdk), "ovn": dotted(base.ovn)},
    }

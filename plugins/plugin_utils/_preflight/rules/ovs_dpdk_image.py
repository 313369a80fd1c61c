# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules of role ovs_dpdk_image."""

from __future__ import annotations

import os
import re

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _image_archive, _ovs_dpdk_image
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.engine import BUILD, HYBRID, SETTINGS, error, rule, warning

TITLE = "role ovs_dpdk_image can get the image of OVS-DPDK"
# A name of an image with a tag, and with a registry that has no scheme.
IMAGE = re.compile(r"^([a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]+)?/)?[a-z0-9]+([._/-]+[a-z0-9]+)*:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$")
SCRIPTS_CURE = "name a directory with the start scripts of the release, or its source tree, or leave it empty to take those of the release's image"

# The start scripts of some releases set ovn-match-northd-version.
ANOTHER_OVN = "ovn-controller of the image of OVS-DPDK is %s (%s), and Kube-OVN %s lets it work only with its own version of ovn-northd, which is %s"
OVN_CURE = "set ovs_dpdk_image_source: build and ovs_dpdk_image_ovn: release, and build the image again"


def planned(case):
    """Settings and plan of the role. Preflight knows release, mode and names by the variables of role kube_ovn, which the playbooks hand on."""
    own = case.setting("kube_ovn_installer_variables")
    own = own if isinstance(own, dict) else {}
    registry = case.setting("kube_ovn_registry") or own.get("REGISTRY")
    image = case.setting("kube_ovn_image")
    if image is None and case.mode == HYBRID and own.get("DPDK_TAG"):
        image = "%s/kube-ovn:%s" % (str(registry or "kubeovn").rstrip("/"), own["DPDK_TAG"])
    handed_on = {"release": case.setting("kube_ovn_version"), "mode": case.setting("kube_ovn_mode"), "registry": registry, "name": image}
    settings = dict(case.settings, **dict(("ovs_dpdk_image_" + name, str(value)) for name, value in handed_on.items() if value))
    return settings, _ovs_dpdk_image.plan(settings)


@rule("ovs-dpdk-image", SETTINGS, TITLE)
def image_name(case):
    settings, plan = planned(case)
    if plan["source"] == "build" and settings.get("ovs_dpdk_image_release") and not IMAGE.match(str(plan["image"])):
        yield error(
            "the image of OVS-DPDK would be called %s, which is no name of an image with a tag" % plan["image"],
            "give ovs_dpdk_image_registry (or kube_ovn_registry) as HOST[:PORT]/PATH without a scheme, and names as NAME:TAG",
        )


@rule("ovs-dpdk-image", SETTINGS, TITLE)
def archive(case):
    dummy, plan = planned(case)
    if plan["source"] != "archive":
        return
    if case.setting("ovs_dpdk_image_archive") is None:
        yield error("ovs_dpdk_image_source is archive, and ovs_dpdk_image_archive is not set", "set it to the path of an archive made by docker save")
    elif not os.path.isfile(os.path.expanduser(str(case.setting("ovs_dpdk_image_archive")))):
        yield error(
            "ovs_dpdk_image_archive %s is no file on the controller" % case.setting("ovs_dpdk_image_archive"), "set it to an archive made by docker save"
        )
    if not re.match(r"^(sha256:)?[0-9a-f]{64}$", str(case.setting("ovs_dpdk_image_archive_checksum", ""))):
        yield error("ovs_dpdk_image_archive_checksum is not the SHA-256 of the archive", "set it to what sha256sum prints")


@rule("ovs-dpdk-image", SETTINGS, TITLE)
def base(case):
    settings, plan = planned(case)
    if plan["source"] != "build":
        return
    asked = case.setting("ovs_dpdk_image_dpdk_version")
    sources = case.setting("ovs_dpdk_image_variant") == "sources"
    if not plan["base"]:
        there = ", ".join("%s (%s)" % (_ovs_dpdk_image.dotted(entry.dpdk), entry.image) for entry in _ovs_dpdk_image.BASES)
        yield error(
            "ovs_dpdk_image_dpdk_version is %s, which no distribution packages for Open vSwitch" % asked,
            "use one of %s, or set ovs_dpdk_image_variant: sources with the URLs and checksums of DPDK and Open vSwitch" % there,
        )
        return
    known = _ovs_dpdk_image.known_base(plan["base"])
    wanted = _ovs_dpdk_image.numbers(asked)
    if known and wanted and not sources and known.dpdk != wanted[:2]:
        yield error(
            "ovs_dpdk_image_base %s has DPDK %s, and ovs_dpdk_image_dpdk_version is %s" % (plan["base"], _ovs_dpdk_image.dotted(known.dpdk), asked),
            "leave one of the two empty",
        )
    release = _ovs_dpdk_image.numbers(settings.get("ovs_dpdk_image_release"))
    versions = _ovs_dpdk_image.line(release)
    if known and not known.supported:
        yield warning(
            "%s gets no security updates any more" % plan["base"],
            "use %s where DPDK %s is not needed" % (_ovs_dpdk_image.base_for(release).image, _ovs_dpdk_image.dotted(known.dpdk)),
        )
    if known and versions and plan["ovn"] == "packages" and known.ovn < versions["ovn"]:
        yield warning(
            "ovn-controller %s of %s is older than ovn-northd %s of Kube-OVN %s, so it may not know every logical flow"
            % (_ovs_dpdk_image.dotted(known.ovn), plan["base"], _ovs_dpdk_image.dotted(versions["ovn"]), settings.get("ovs_dpdk_image_release")),
            "leave ovs_dpdk_image_base and ovs_dpdk_image_dpdk_version empty, unless exactly that DPDK is needed",
        )


@rule("ovs-dpdk-image", SETTINGS, TITLE)
def ovn_of_another_build(case):
    settings, plan = planned(case)
    release = _ovs_dpdk_image.numbers(settings.get("ovs_dpdk_image_release"))
    if plan["source"] == "build" and plan["ovn"] == "packages" and _ovs_dpdk_image.matches_northd(release, settings.get("ovs_dpdk_image_mode")):
        yield warning(
            "Kube-OVN %s lets ovn-controller program flows only if it is of the same build as ovn-northd, and ovs_dpdk_image_ovn is packages"
            % settings.get("ovs_dpdk_image_release"),
            "set ovs_dpdk_image_ovn: auto, unless ovn-northd comes from the same packages",
        )


def ovn_of_image(case, plan):
    """(year and month of ovn-controller in the image of OVS-DPDK, what says so); (None, "") where that is not known before a run."""
    if plan["source"] == "archive":
        path = str(case.setting("ovs_dpdk_image_archive", ""))
        found = _ovs_dpdk_image.numbers(_image_archive.versions_in(path, plan["image"]).get("ovn-controller"))
        return (found[:2], path) if found else (None, "")
    base_image = _ovs_dpdk_image.known_base(plan["base"])
    if plan["source"] == "build" and plan["ovn"] == "packages" and base_image:
        return base_image.ovn, "ovs_dpdk_image_ovn packages with %s" % base_image.image
    return None, ""


@rule("ovn-version", SETTINGS, "ovn-controller is of the OVN that the release's ovn-northd is of, where they have to match")
def ovn_versions(case):
    """Two versions that differ in year or month differ in what ovn-controller compares too; two that do not may differ in it, which only the cluster shows."""
    settings, plan = planned(case)
    tag = settings.get("ovs_dpdk_image_release")
    release = _ovs_dpdk_image.numbers(tag)
    versions = _ovs_dpdk_image.line(release)
    if not versions or not _ovs_dpdk_image.matches_northd(release, settings.get("ovs_dpdk_image_mode")):
        return
    found, origin = ovn_of_image(case, plan)
    if found is None or found == versions["ovn"]:
        return
    # An image of somebody's own under the name of the release may have another OVN.
    own = settings.get("ovs_dpdk_image_release_image") or settings.get("ovs_dpdk_image_registry") or "kubeovn"
    differ = (_ovs_dpdk_image.dotted(found), origin, tag, _ovs_dpdk_image.dotted(versions["ovn"]))
    if re.match(r"^(docker\.io/)?kubeovn(/|$)", str(own)):
        yield error(ANOTHER_OVN % differ + ": it would program no flow", OVN_CURE)
    else:
        yield warning(ANOTHER_OVN % differ + ": it would program no flow, unless %s is an image with the same OVN" % plan["release_image"], OVN_CURE)


@rule("ovs-dpdk-image", SETTINGS, TITLE)
def downloads(case):
    dummy, plan = planned(case)
    if plan["source"] != "build":
        return
    wanted = []
    if plan["scripts"] == "url":
        wanted.append(("ovs_dpdk_image_scripts_checksum", "ovs_dpdk_image_scripts", case.setting("ovs_dpdk_image_scripts_checksum")))
    if case.setting("ovs_dpdk_image_variant") == "sources":
        for name, url, checksum in (
            ("dpdk", case.setting("ovs_dpdk_image_dpdk_url"), case.setting("ovs_dpdk_image_dpdk_checksum")),
            ("ovs", case.setting("ovs_dpdk_image_ovs_url"), case.setting("ovs_dpdk_image_ovs_checksum")),
        ):
            if url is None:
                yield error(
                    "ovs_dpdk_image_variant is sources, and ovs_dpdk_image_%s_url is not set" % name,
                    "set it to the URL of a release's archive, or set ovs_dpdk_image_variant: packages",
                )
            else:
                wanted.append(("ovs_dpdk_image_%s_checksum" % name, "ovs_dpdk_image_%s_url" % name, checksum))
    for name, url, checksum in wanted:
        if not _ovs_dpdk_image.CHECKSUM.match(str(checksum or "")):
            yield error("%s is no checksum of %s" % (name, url), "set it to sha256:HEX or sha512:HEX")


def places_of_script(case, plan):
    """Where role ovs_dpdk_image looks for the start script in a directory: there, and where a source tree has it."""
    return ["%s/%s%s" % (str(case.setting("ovs_dpdk_image_scripts")).rstrip("/"), below, plan["script"]) for below in ("", "dist/images/")]


@rule("build-files", BUILD, "files that builds take or that replace them are on the build host")
def start_scripts(case):
    """Preflight looks for single files, the role gives the list of what is there."""
    plan = planned(case)[1] if case.setting("ovs_dpdk_image_source") is not None else {}
    if plan.get("source") != "build" or plan.get("scripts") != "path":
        return
    folder, files, found = str(case.setting("ovs_dpdk_image_scripts", "")), case.facts.get("files", {}), case.facts.get("start_scripts")
    places = places_of_script(case, plan)
    if files.get(folder, "directory") != "directory":
        yield error("ovs_dpdk_image_scripts %s is no directory on the build host" % folder, SCRIPTS_CURE)
    elif all(files.get(path) == "" for path in places) or (found is not None and not set(places) & set(found)):
        yield error("ovs_dpdk_image_scripts %s has no %s on the build host" % (folder, plan["script"]), SCRIPTS_CURE)

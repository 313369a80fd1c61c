# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a site without a network needs, as files of one archive. PRIVATE to this collection."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _image_archive
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight import specifications
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.engine import Case
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.rules.images import dpdk_image, release_image
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.rules.ovs_dpdk_image import planned
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils.attachments import USERSPACE, of_kind

# Releases that have an installer of their own for Kubernetes before 1.16.
OLD_INSTALLER = ((1, 3, 0), (1, 8, 0))


def file_name(image: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "_", image)


def installers(case: Case) -> list[dict]:
    """Installers of the release: name, place (a URL, or a path on the host of group cluster) and SHA-256."""
    place = str(case.setting("kube_ovn_installer", "")).rstrip("/")
    checksum = re.sub("^sha256:", "", str(case.setting("kube_ovn_installer_checksum", "")))
    if place.endswith(".sh"):
        return [{"name": place.rpartition("/")[2], "place": place, "checksum": checksum}]
    known = specifications.role_variables("kube_ovn")
    tag = str(case.setting("kube_ovn_version", ""))
    found = [{"name": "install.sh", "place": place + "/install.sh", "checksum": checksum or known.get("__kube_ovn_installers", {}).get(tag, "")}]
    if case.release and OLD_INSTALLER[0] <= case.release < OLD_INSTALLER[1] and not checksum:
        old = known.get("__kube_ovn_installers_before_1_16", {}).get(tag, "")
        found.append({"name": "install-pre-1.16.sh", "place": place + "/install-pre-1.16.sh", "checksum": old})
    return found


def plan(settings: dict) -> dict:
    """What to fetch and what to take, for these settings of all roles.

    pull: images that a registry has. built: images that the collection builds or is given, with their archive on the controller. installers: see there.
    artifacts: other files on the controller. packages: of the hosts. errors: why there can be no bundle.
    """
    case = Case({}, settings, "")
    image = planned(case)[1]
    pull = [release_image(case), str(case.setting("multus_image", ""))]
    built = []
    if image["source"] == "present":
        pull.append(dpdk_image(case))
    else:
        archive = case.setting("ovs_dpdk_image_archive") if image["source"] == "archive" else None
        artifacts = "%s/%s.tar" % (case.setting("ovs_dpdk_image_artifacts_dir", ""), file_name(image["image"]))
        built.append({"role": "ovs_dpdk_image", "image": image["image"], "archive": str(archive or artifacts)})
    if case.setting("dpdk_app_state", "present") == "present":
        source, name = case.setting("dpdk_app_image_source"), str(case.setting("dpdk_app_image", ""))
        if source == "present":
            pull.append(name)
        else:
            artifacts = "%s/%s.tar" % (case.setting("dpdk_app_artifacts_dir", ""), file_name(name))
            archive = case.setting("dpdk_app_image_archive") if source == "archive" else None
            built.append({"role": "dpdk_app", "image": name, "archive": str(archive or artifacts)})
    plugins = str(case.setting("userspace_cni_artifacts_dir", ""))
    # Kube-OVN makes ports of its own in hybrid mode.
    parts = ("userspace", "launcher") if of_kind(case.attachments(), USERSPACE) else ()
    found = installers(case)
    errors = [
        "no checksum is known of %s; set kube_ovn_installer_checksum to its SHA-256" % entry["place"]
        for entry in found
        if not re.match("^[0-9a-f]{64}$", entry["checksum"]) and re.match("^https?://", entry["place"])
    ]
    errors += [
        "%s names an image by its digest, and an archive of images keeps nothing but its tags; name it with a tag for a bundle, without the digest" % name
        for name in sorted(set(pull + [entry["image"] for entry in built]))
        if "@" in name
    ]
    return {
        "pull": sorted(set(name for name in pull if name)),
        "built": built,
        "installers": found,
        "artifacts": [{"name": "userspace_cni/" + name, "path": "%s/%s" % (plugins, name)} for name in parts],
        "packages": sorted(set(str(name) for name in case.setting("dpdk_host_packages", []) or [])),
        "errors": errors,
    }


def files(wanted: dict, work: str) -> list[dict]:
    """Members of the bundle and their paths on the controller; `work` is where images and installers were fetched to."""
    found = [{"name": "images/%s.tar" % file_name(name), "path": "%s/images/%s.tar" % (work, file_name(name))} for name in wanted["pull"]]
    found += [{"name": "images/%s.tar" % file_name(entry["image"]), "path": entry["archive"]} for entry in wanted["built"]]
    found += [{"name": "kube_ovn/" + entry["name"], "path": "%s/kube_ovn/%s" % (work, entry["name"])} for entry in wanted["installers"]]
    found += wanted["artifacts"]
    return [{"name": entry["name"], "path": str(Path(entry["path"]).expanduser())} for entry in found]


def archive_errors(wanted: dict, work: str) -> list[str]:
    """Why archives of images would be refused at the site, where each is looked for by its name. A file that is not there is left to module bundle."""
    images = wanted["pull"] + [entry["image"] for entry in wanted["built"]]
    archives = [{"path": entry["path"], "names": [name]} for entry, name in zip(files(wanted, work), images, strict=False)]
    return _image_archive.judged([archive for archive in archives if Path(archive["path"]).exists()])["errors"]


def checksums(members: list[dict]) -> dict[str, str]:
    """SHA-256 of each member by its name."""
    found = {}
    for member in members:
        with open(member["path"], "rb") as stream:
            digest = hashlib.sha256()
            for block in iter(lambda: stream.read(1 << 20), b""):
                digest.update(block)
        found[member["name"]] = digest.hexdigest()
    return found


def variables(settings: dict, wanted: dict, checksums: dict[str, str]) -> dict:
    """The variables of a site that installs from the bundle: what was fetched is taken from below bundle_dir, by its checksum."""
    case = Case({}, settings, "")
    below = "{{ bundle_dir }}/"

    def image_path(name: str) -> str:
        return "images/%s.tar" % file_name(name)

    found: dict[str, object] = {
        "kube_ovn_version": case.setting("kube_ovn_version"),
        "kube_ovn_mode": case.mode,
        "kube_ovn_installer": below + "kube_ovn",
        "preflight_ask_registries": False,
        "bundle_images": [
            {"path": below + image_path(name), "checksum": checksums[image_path(name)], "names": [name]} for name in wanted["pull"]
        ],
        "ovs_dpdk_image_source": "present",
        "dpdk_app_image_source": "present",
    }
    for artifact, variable in (("userspace_cni/userspace", "userspace_cni_binary"), ("userspace_cni/launcher", "userspace_cni_launcher_binary")):
        if artifact in checksums:
            found[variable] = below + artifact
            found[variable + "_checksum"] = checksums[artifact]
    if len(wanted["installers"]) == 1:
        only = wanted["installers"][0]["name"]
        found["kube_ovn_installer"] = below + "kube_ovn/" + only
        found["kube_ovn_installer_checksum"] = checksums["kube_ovn/" + only]
    for entry in wanted["built"]:
        path = image_path(entry["image"])
        prefix = "ovs_dpdk_image" if entry["role"] == "ovs_dpdk_image" else "dpdk_app_image"
        found.update({prefix + "_source": "archive", prefix + "_archive": below + path, prefix + "_archive_checksum": checksums[path]})
    return found

# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the build of Userspace CNI starts from, and what differs from it on the controller and on a node.

PRIVATE to the collection. `paths` are those that module userspace_cni_info returns.
"""

from __future__ import annotations

import os
from hashlib import sha1, sha256

from ansible.module_utils.parsing.convert_bool import boolean
from ansible.utils.hashing import secure_hash


def build_errors(artifacts, paths, definitions, settings, host):
    """Why nothing can be built: files that were given and are others than their checksums say, and missing definitions of VPP's API."""
    errors = []
    for item in artifacts:
        found = item["given"] and (paths[item["given"]].get("checksum") or "(no such file)")
        if item["given"] and found != item["checksum"]:
            errors.append(
                "%s on %s has the SHA-256 %s; the inventory says %s." % (item["given"], host, found, item["checksum"] or "(nothing)")
            )
    if boolean(settings["userspace_cni_with_vpp"], strict=False) and not settings["userspace_cni_binary"] and not definitions:
        errors.append(
            "%s on %s has no *.api.json, which the VPP engine is generated from. Install VPP's development package there, set userspace_cni_vpp_api_dir,"
            " or leave userspace_cni_with_vpp false." % (settings["userspace_cni_vpp_api_dir"], host)
        )
    return errors


def local_checksum(path, algorithm=sha1):
    """Checksum of a file of the controller. None where there is none, and for a relative path, which modules look for in several directories."""
    path = os.path.expanduser(path)
    return secure_hash(path, algorithm) if os.path.isabs(path) else None


def unfetched(artifacts, paths, files, directory):
    """The artifacts that the controller's directory lacks, or has with another content.

    `paths` and `files` are those that module userspace_cni_info found on the build host, with their SHA-256.
    """
    built = {file["path"]: file.get("checksum") for file in files}
    missing = []
    for item in artifacts:
        there = paths[item["given"]].get("checksum") if item["given"] else built.get(item["path"])
        if not there or there != local_checksum(os.path.join(directory, item["name"]), sha256):
            missing.append(item)
    return missing


def _is_roots(found, kind, mode=None):
    return found["kind"] == kind and (found["uid"], found["gid"]) == (0, 0) and mode in (None, found["mode"])


def _timer_fits(unit, wanted):
    if wanted:
        return unit.get("ActiveState") in ("active", "activating") and unit.get("UnitFileState") == "enabled"
    return unit.get("ActiveState") in ("inactive", "failed") and unit.get("UnitFileState") in ("", "disabled")


def differences(found, wanted):
    """What a node has otherwise than wanted: paths, and the timer.

    `found` is the result of module userspace_cni_info. `wanted` has `directories`, `links` with `path` and `src`, `texts` with the SHA-1 of each by its path,
    `files` with the controller's file of each by its path, paths that are to be `absent`, and whether the `timer` runs.
    """
    paths, differ = found["paths"], []
    for path in wanted["directories"]:
        # A directory may be a link to another.
        there = paths[path]
        if not _is_roots(there["leads_to"] if there["kind"] == "link" else there, "directory", "0755"):
            differ.append(path)
    for link in wanted["links"]:
        there = paths[link["path"]]
        if not _is_roots(there, "link") or there["target"] != paths[link["src"]]["path"]:
            differ.append(link["path"])
    programs = {path: local_checksum(file) for path, file in wanted["files"].items()}
    for mode, checksums in (("0644", wanted["texts"]), ("0755", programs)):
        for path, checksum in checksums.items():
            if not _is_roots(paths[path], "file", mode) or not checksum or paths[path].get("checksum") != checksum:
                differ.append(path)
    differ += [path for path in wanted["absent"] if paths[path]["kind"]]
    if found["systemd"] and not _timer_fits(found["unit"], wanted["timer"]):
        differ.append("timer")
    return differ

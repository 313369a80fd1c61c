# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _image_archives
short_description: Reads and validates archives of images on the controller
version_added: 0.1.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
  - Reads each archive once and compares it with the checksum and the names that are expected of it.
options:
  _input:
    description: Archives, each a dictionary of C(path), and if wanted C(checksum), a SHA-256, and C(names), the images that have to be in it.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Read the archives
  ansible.builtin.set_fact:
    archives: "{{ [{'path': '/srv/dpdk.tar', 'names': ['dpdk:19.11']}] | kube_ovn.dpdk._image_archives }}"
"""

RETURN = r"""
_value:
  description: C(errors), a list of messages, and C(archives), a list of C(path) and C(images) as P(kube_ovn.dpdk.node_image#module) takes them.
  type: dict
"""

from ansible_collections.kube_ovn.dpdk.plugins.module_utils._node_image import full_name
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _image_archive


def judged(wanted: dict) -> tuple[list[str], list[dict]]:
    """Errors and images of one archive."""
    path = str(wanted.get("path") or "")
    if not path:
        return ["an archive of images has no path"], []
    try:
        found = _image_archive.read(path)
    except _image_archive.ArchiveError as error:
        return [str(error)], []
    errors = []
    checksum = str(wanted.get("checksum") or "").lower().removeprefix("sha256:")
    if checksum and checksum != found["sha256"]:
        errors.append(f"{path} has the SHA-256 {found['sha256']}, not {checksum}: it was damaged on its way, or is another archive")
    images = found["images"]
    names = wanted.get("names") or []
    if names:
        by_name = {full_name(image["name"]): image for image in images}
        lacking = [name for name in names if full_name(name) not in by_name]
        if lacking:
            there = ", ".join(image["name"] for image in images)
            errors.append(f"{path} does not hold {', '.join(lacking)}, but {there}; name the image with docker tag, then save it again")
        images = [dict(by_name[full_name(name)], name=name) for name in names if name not in lacking]
    return errors, images


def image_archives(archives: list[dict]) -> dict:
    results = [(archive, *judged(archive)) for archive in archives]
    return {
        "errors": [error for _archive, errors, _images in results for error in errors],
        "archives": [{"path": str(archive.get("path")), "images": images} for archive, _errors, images in results],
    }


class FilterModule:
    def filters(self):
        return {"_image_archives": image_archives}

# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _image_archives
short_description: Reads and validates archives of images on the controller
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

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _image_archive
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._no_template import no_template


def image_archives(archives):
    # The names in an archive are no templates: before 2.19 ansible-core would take them for some in a fact.
    return no_template(_image_archive.judged(archives))


class FilterModule:
    def filters(self):
        return {"_image_archives": image_archives}

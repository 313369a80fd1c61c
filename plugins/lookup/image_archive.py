# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: image_archive
short_description: Reads which images an archive holds
version_added: 1.0.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - Reads archives on the controller that C(docker save) made, also compressed ones.
  - Returns what P(kube_ovn.dpdk.node_image#module) compares the images of a node with.
options:
  _terms:
    description: Paths of the archives.
    type: list
    elements: path
    required: true
"""

EXAMPLES = r"""
- name: Show the images of an archive
  ansible.builtin.debug:
    msg: "{{ lookup('kube_ovn.dpdk.image_archive', '/srv/kube-ovn-dpdk.tar').images | map(attribute='name') }}"
"""

RETURN = r"""
_raw:
  description: What each archive holds.
  type: list
  elements: dict
  contains:
    path:
      description: The archive.
      type: str
    sha256:
      description: SHA-256 of the archive.
      type: str
    images:
      description: Each name of each image, with C(id), the digest of its configuration, and C(layers), those of its uncompressed layers.
      type: list
      elements: dict
"""

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _image_archive


class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):
        self.set_options(var_options=variables, direct=kwargs)
        try:
            return [_image_archive.read(self._loader.path_dwim(str(term))) for term in terms]
        except _image_archive.ArchiveError as error:
            raise AnsibleLookupError(str(error)) from error

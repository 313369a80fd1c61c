#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: node_image_info
short_description: Reports which images the container runtime of a Kubernetes node lacks
version_added: 1.0.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - Compares images of the runtime that the kubelet of this host uses with the ones that are wanted, by the digest of their configuration.
extends_documentation_fragment:
  - kube_ovn.dpdk._attributes
  - kube_ovn.dpdk._attributes.info_module
  - kube_ovn.dpdk._node_image
seealso:
  - module: kube_ovn.dpdk.node_image
"""

EXAMPLES = r"""
- name: Look for the images of an archive
  kube_ovn.dpdk.node_image_info:
    images: "{{ lookup('kube_ovn.dpdk.image_archive', '/srv/kube-ovn-dpdk.tar').images }}"
  register: images
"""

RETURN = r"""
runtime:
  description: The container runtime.
  returned: success
  type: str
  sample: containerd
socket:
  description: Its socket.
  returned: success
  type: str
  sample: /run/containerd/containerd.sock
missing:
  description: Names of the images that are missing, or have another content.
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _node_image
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._host import HostError, Sysroot


def main():
    module = AnsibleModule(
        argument_spec=_node_image.ARGUMENTS,
        supports_check_mode=True,
    )
    parameters = module.params
    try:
        runtime, socket = _node_image.find_runtime(Sysroot(parameters["sysroot"]), parameters["runtime"], parameters["socket"])
        client = _node_image.CLIENTS[runtime](module.run_command, module.get_bin_path, socket)
        lacking = _node_image.missing(client, parameters["images"])
    except HostError as error:
        module.fail_json(msg="Cannot read the images of this host: %s." % str(error).rstrip("."))
    module.exit_json(changed=False, runtime=runtime, socket=socket, missing=lacking)


if __name__ == "__main__":
    main()

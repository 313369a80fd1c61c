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
  - With O(names) it looks images up by their names alone, as the kubelet would, with C(crictl) or the runtime's own client.
extends_documentation_fragment:
  - kube_ovn.dpdk._attributes
  - kube_ovn.dpdk._attributes.info_module
  - kube_ovn.dpdk._node_image
options:
  images:
    description:
      - The images, as P(kube_ovn.dpdk.image_archive#lookup) reads them from an archive. At least one of O(images) and O(names) is required.
    type: list
    elements: dict
    required: false
    suboptions:
      name:
        description:
          - Name with tag, as pods ask for it.
        type: str
        required: true
      id:
        description:
          - Digest of the image's configuration, C(sha256:HEX).
        type: str
        required: true
      layers:
        description:
          - Digests of its uncompressed layers. Only Docker engines that keep their images in containerd are compared by them.
        type: list
        elements: str
        default: []
  names:
    description:
      - Names of images, with or without registry, tag and digest, which are looked up.
    type: list
    elements: str
  timeout:
    description:
      - Seconds after which a client that does not answer is given up, for each of its commands. Only for O(names).
    type: int
    default: 15
seealso:
  - module: kube_ovn.dpdk.node_image
"""

EXAMPLES = r"""
- name: Look for the images of an archive
  kube_ovn.dpdk.node_image_info:
    images: "{{ lookup('kube_ovn.dpdk.image_archive', '/srv/kube-ovn-dpdk.tar').images }}"
  register: images

- name: Look for images by their names
  kube_ovn.dpdk.node_image_info:
    names: [kubeovn/kube-ovn:v1.12.35]
  register: found
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
  description: Names of those O(images) that are missing, or have another content.
  returned: success
  type: list
  elements: str
client:
  description: The client that has looked up O(names), such as C(crictl), C(k3s ctr) or C(docker).
  returned: when O(names) is given
  type: str
  sample: crictl
names:
  description: Each of O(names) as it is given, and what was found of it.
  returned: when O(names) is given
  type: dict
  contains:
    present:
      description: Whether the kubelet finds an image of this name.
      type: bool
    others:
      description: Names of up to three images with the same digest, or the same last part and tag, where there is none of this name.
      type: list
      elements: str
  sample:
    kubeovn/kube-ovn:v1.12.35:
      present: false
      others: [r.example.com/mirror/kube-ovn:v1.12.35]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _node_image
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._host import HostError, Sysroot


def main():
    module = AnsibleModule(
        argument_spec=dict(
            _node_image.ARGUMENTS,
            images=dict(_node_image.ARGUMENTS["images"], required=False),
            names=dict(type="list", elements="str"),
            timeout=dict(type="int", default=15),
        ),
        required_one_of=[["images", "names"]],
        supports_check_mode=True,
    )
    parameters = module.params
    found, lacking = {}, []
    try:
        runtime, socket = _node_image.find_runtime(Sysroot(parameters["sysroot"]), parameters["runtime"], parameters["socket"])
        if parameters["images"]:
            client = _node_image.CLIENTS[runtime](module.run_command, module.get_bin_path, socket)
            lacking = _node_image.missing(client, parameters["images"])
        if parameters["names"] is not None:
            run = _node_image.within(parameters["timeout"])
            client, names = _node_image.look_up(runtime, run, module.get_bin_path, socket, parameters["names"])
            found = dict(client=client, names=names)
    except HostError as error:
        module.fail_json(msg="Cannot read the images of this host: %s." % error.message.rstrip("."))
    module.exit_json(changed=False, runtime=runtime, socket=socket, missing=lacking, **found)


if __name__ == "__main__":
    main()

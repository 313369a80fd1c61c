#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: node_image
short_description: Loads images from an archive into the container runtime of a Kubernetes node
version_added: 1.0.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - Loads an archive made by C(docker save) into the runtime that the kubelet of this host uses, unless the runtime has every one of its images with
    exactly this content.
  - Images are compared by the digest of their configuration. An image of the same name with another content is replaced.
  - Works with containerd (also that of K3s, RKE2, k0s and MicroK8s), with Docker, and with CRI-O by way of Podman or Skopeo.
extends_documentation_fragment:
  - kube_ovn.dpdk._attributes
  - kube_ovn.dpdk._node_image
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  archive:
    description:
      - Path of the archive on the controller, or on the host with O(remote_src). It is not needed in check mode.
      - It is copied only to a host that needs it, and removed there when it is loaded.
    type: path
    required: true
  remote_src:
    description:
      - Whether the archive is on the host already.
    type: bool
    default: false
  temporary_dir:
    description:
      - Directory of the host in which the archive gets a directory of its own while it is loaded.
    type: path
    default: /var/tmp
seealso:
  - module: kube_ovn.dpdk.node_image_info
  - plugin: kube_ovn.dpdk.image_archive
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: Load the image of OVS-DPDK
  kube_ovn.dpdk.node_image:
    archive: /srv/kube-ovn-dpdk.tar
    images: "{{ lookup('kube_ovn.dpdk.image_archive', '/srv/kube-ovn-dpdk.tar').images }}"
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
  description: Names of the images that were missing, or had another content.
  returned: success
  type: list
  elements: str
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _node_image
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._host import HostError, Sysroot


def main():
    module = AnsibleModule(
        argument_spec=dict(
            _node_image.ARGUMENTS,
            archive=dict(type="path", required=True),
            # The action of the same name copies the archive to this host.
            remote_src=dict(type="bool", default=False),
            temporary_dir=dict(type="path", default="/var/tmp"),
        ),
        supports_check_mode=True,
    )
    parameters = module.params
    try:
        runtime, socket = _node_image.find_runtime(Sysroot(parameters["sysroot"]), parameters["runtime"], parameters["socket"])
        client = _node_image.CLIENTS[runtime](module.run_command, module.get_bin_path, socket)
        lacking = _node_image.missing(client, parameters["images"])
        if lacking and not module.check_mode:
            if not os.path.exists(parameters["archive"]):
                raise HostError("the archive %s does not exist on this host" % parameters["archive"])
            client.load(parameters["archive"], lacking)
            still = _node_image.missing(client, parameters["images"])
            if still:
                raise HostError(
                    "%s loaded %s, but does not have %s with the content that was asked for. Is the archive made by 'docker save' with these names?"
                    % (runtime, parameters["archive"], ", ".join(still))
                )
    except HostError as error:
        module.fail_json(msg="Cannot load the images: %s." % str(error).rstrip("."))
    names = [image["name"] for image in parameters["images"]]
    module.exit_json(
        changed=bool(lacking),
        runtime=runtime,
        socket=socket,
        missing=lacking,
        diff=dict(
            before="".join("%s\n" % name for name in names if name not in lacking),
            after="".join("%s\n" % name for name in names),
        ),
    )


if __name__ == "__main__":
    main()

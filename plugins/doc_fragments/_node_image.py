# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to this collection: it may change with any release.

from __future__ import absolute_import, division, print_function

__metaclass__ = type


class ModuleDocFragment(object):
    DOCUMENTATION = r"""
options:
  images:
    description:
      - The images, as P(kube_ovn.dpdk.image_archive#lookup) reads them from an archive.
    type: list
    elements: dict
    required: true
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
  runtime:
    description:
      - The container runtime. V(auto) is the one that the running kubelet uses, else the first whose socket is there.
    type: str
    choices: [auto, containerd, crio, docker]
    default: auto
  socket:
    description:
      - Socket of the runtime. By default it is looked for in the places of kubeadm, K3s, RKE2, k0s and MicroK8s.
    type: path
  sysroot:
    description:
      - Directory in which the processes, configuration and sockets of the host are looked for.
    type: path
    default: /
"""

#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: hugepages_info
short_description: Reads which hugepages a host has and could have
version_added: 1.0.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - Reads page sizes, pages for each NUMA node, memory, hugetlbfs mounts and the kernel arguments for hugepages.
extends_documentation_fragment:
  - kube_ovn.dpdk._attributes
  - kube_ovn.dpdk._attributes.info_module
options:
  sysroot:
    description:
      - Directory in which C(/sys) and C(/proc) of the host are found.
    type: path
    default: /
seealso:
  - module: kube_ovn.dpdk.hugepages
"""

EXAMPLES = r"""
- name: Read the hugepages of the host
  kube_ovn.dpdk.hugepages_info:
  register: hugepages

- name: Fail without pages of 1 GiB
  ansible.builtin.assert:
    that: "'1G' in hugepages.sizes"
"""

RETURN = r"""
sizes:
  description: Page sizes that the kernel offers.
  returned: success
  type: list
  elements: str
  sample: ["2M", "1G"]
default_size:
  description: Page size of a mount that names none.
  returned: success
  type: str
  sample: 2M
nodes:
  description: NUMA nodes that have memory.
  returned: success
  type: list
  elements: dict
  contains:
    node:
      description: Number of the node.
      type: int
      sample: 0
    memory_mib:
      description: Its memory in MiB.
      type: int
      sample: 65536
memory_mib:
  description: Memory of the host in MiB.
  returned: success
  type: int
  sample: 131072
pages:
  description: Pages of every size and node.
  returned: success
  type: list
  elements: dict
  contains:
    size:
      description: Size of a page.
      type: str
      sample: 1G
    node:
      description: NUMA node.
      type: int
      sample: 0
    count:
      description: Reserved pages, without surplus ones.
      type: int
      sample: 4
    free:
      description: Pages that no process uses.
      type: int
      sample: 4
mounts:
  description: Mounted hugetlbfs file systems.
  returned: success
  type: list
  elements: dict
  contains:
    path:
      description: Where it is mounted.
      type: str
      sample: /dev/hugepages
    size:
      description: Its page size.
      type: str
      sample: 2M
transparent:
  description: Setting of transparent hugepages, V(null) where the kernel has none.
  returned: success
  type: str
  sample: madvise
pdpe1gb:
  description: Whether the CPU can do pages of 1 GiB.
  returned: success
  type: bool
  sample: true
kernel_arguments:
  description: Words of C(/proc/cmdline) that concern hugepages, in their order.
  returned: success
  type: list
  elements: str
  sample: ["hugepagesz=1G", "hugepages=4"]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._host import Sysroot
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._hugepages import Memory, state_of


def main():
    module = AnsibleModule(argument_spec=dict(sysroot=dict(type="path", default="/")), supports_check_mode=True)
    module.exit_json(changed=False, **state_of(Memory(Sysroot(module.params["sysroot"]))))


if __name__ == "__main__":
    main()

#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: hugepages
short_description: Reserves hugepages at run time, by size and NUMA node
version_added: 0.1.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - Sets the number of reserved hugepages of a running Linux kernel, of any size and for each NUMA node.
  - It reads back what the kernel really gave. Pages that were not to be had at once are asked for again after the page cache
    was dropped and memory compacted, up to O(attempts) times.
  - All checks are made before anything is changed.
  - What is set here is gone after a reboot. RV(kernel_arguments) and RV(tmpfiles) are what makes it stay, and the
    role C(hugepages) of this collection puts them in place.
extends_documentation_fragment:
  - kube_ovn.dpdk._attributes
attributes:
  check_mode:
    support: full
    details:
      - Whether memory is too fragmented shows only when pages are really taken, so check mode tells of no shortfall.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  pages:
    description:
      - The pages to have. For a size that is named here the list is the whole truth, so nodes that are not in it get none of that size.
      - Sizes that are not named are left alone unless O(purge=true).
    type: list
    elements: dict
    required: true
    suboptions:
      size:
        description:
          - Size of a page, as in V(1G), V(2M) or V(2048kB).
        type: str
        required: true
      count:
        description:
          - Number of pages.
        type: int
        required: true
      node:
        description:
          - NUMA node. Without it the kernel spreads the pages over the nodes, and only their sum is looked at.
          - Entries of one size all have a node, or none has.
        type: int
  state:
    description:
      - With V(absent) the pages of all sizes that O(pages) names are given back, whatever the counts.
    type: str
    choices:
      - present
      - absent
    default: present
  purge:
    description:
      - Gives back the pages of all sizes that O(pages) does not name.
    type: bool
    default: false
  release:
    description:
      - Lowers a number also where the pages are in use, which is refused otherwise. Their users keep them for as long as they run; the kernel counts
        them as surplus until then.
    type: bool
    default: false
  transparent:
    description:
      - Setting of transparent hugepages. Without it, it is left alone.
    type: str
    choices:
      - always
      - madvise
      - never
  default_size:
    description:
      - Page size to make the default one by RV(kernel_arguments). It cannot be changed at run time.
    type: str
  reserve:
    description:
      - Memory of the whole host that has to remain beside all hugepages.
      - On a host of several NUMA nodes each has to keep its share of it beside the pages that are asked for on it.
    type: str
    default: 512M
  partial:
    description:
      - Whether it is fine to get fewer pages than asked for now, since they come with the next boot.
      - With V(false) a shortfall is an error. The pages that were to be had are kept.
    type: bool
    default: false
  attempts:
    description:
      - How often pages are asked for. From the second time on the page cache is dropped and memory compacted before.
    type: int
    default: 5
  sysroot:
    description:
      - Directory in which C(/sys) and C(/proc) of the host are found.
    type: path
    default: /
seealso:
  - module: kube_ovn.dpdk.hugepages_info
  - module: kube_ovn.dpdk.kernel_cmdline
"""

EXAMPLES = r"""
- name: Have four pages of 1 GiB on node 0, and two on node 1
  kube_ovn.dpdk.hugepages:
    pages:
      - {size: 1G, count: 4, node: 0}
      - {size: 1G, count: 2, node: 1}

- name: Have 1024 pages of 2 MiB wherever there is room, and none of any other size
  kube_ovn.dpdk.hugepages:
    pages:
      - size: 2M
        count: 1024
    purge: true

- name: Give all pages back
  kube_ovn.dpdk.hugepages:
    pages: []
    purge: true
"""

RETURN = r"""
pages:
  description: Pages of every size and node after the run; in check mode as they are now.
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
      description: Pages nobody uses.
      type: int
      sample: 4
shortfall:
  description: What is still not as asked; empty when all is well, and in check mode.
  returned: always
  type: list
  elements: dict
  contains:
    size:
      description: Size of a page.
      type: str
      sample: 1G
    node:
      description: NUMA node, V(null) for pages asked for without one.
      type: int
      sample: 0
    wanted:
      description: Pages asked for.
      type: int
      sample: 4
    count:
      description: Pages there are.
      type: int
      sample: 3
missing:
  description: Why a reboot with RV(kernel_arguments) is needed, one sentence for each reason. Check mode sees only the default size.
  returned: success
  type: list
  elements: str
  sample: ["3 of 4 pages of 1G on node 0"]
kernel_arguments:
  description: Kernel arguments that reserve these pages at boot, in the order in which the kernel wants them.
  returned: success
  type: list
  elements: str
  sample: ["hugepagesz=1G", "hugepages=4"]
tmpfiles:
  description: Lines for C(/etc/tmpfiles.d) which set the same numbers at every boot.
  returned: success
  type: list
  elements: str
  sample: ["w /sys/devices/system/node/node0/hugepages/hugepages-1048576kB/nr_hugepages - - - - 4"]
"""

import errno
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._host import (
    HostError,
    Sysroot,
    kb_to_size,
    size_to_kb,
)
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._hugepages import Memory, Plan

TRANSPARENT = "/sys/kernel/mm/transparent_hugepage/enabled"


def reclaim(module, sysroot):
    if sysroot.is_real:
        # Dirty pages cannot be dropped.
        module.run_command(["sync"])
    for path, text in (("/proc/sys/vm/drop_caches", "3"), ("/proc/sys/vm/compact_memory", "1")):
        if sysroot.exists(path):
            sysroot.poke(path, text)


def apply(module, plan, sysroot, attempts):
    memory = plan.memory
    for attempt in range(max(attempts, 1)):
        missing = [slot for slot in plan.slots() if memory.count(slot[0], slot[1]) != slot[2]]
        if not missing:
            return
        if attempt:
            reclaim(module, sysroot)
            time.sleep(0.5 if sysroot.is_real else 0)
        for size_kb, node, count in missing:
            try:
                sysroot.poke("%s/nr_hugepages" % memory.directory(size_kb, node), "%d" % count)
            except HostError as error:
                # A kernel that gives gigantic pages only at boot says so.
                if error.errno != errno.EINVAL:
                    raise


def described(shortfall):
    return [
        "%d of %d pages of %s%s" % (item["count"], item["wanted"], item["size"], "" if item["node"] is None else " on node %d" % item["node"])
        for item in shortfall
    ]


def default_size_differs(memory, size):
    return bool(size) and size_to_kb(size) != memory.default_kb


def main():
    module = AnsibleModule(
        argument_spec=dict(
            state=dict(type="str", choices=["present", "absent"], default="present"),
            pages=dict(
                type="list",
                elements="dict",
                required=True,
                options=dict(
                    size=dict(type="str", required=True),
                    count=dict(type="int", required=True),
                    node=dict(type="int"),
                ),
            ),
            purge=dict(type="bool", default=False),
            release=dict(type="bool", default=False),
            transparent=dict(type="str", choices=["always", "madvise", "never"]),
            default_size=dict(type="str"),
            reserve=dict(type="str", default="512M"),
            partial=dict(type="bool", default=False),
            attempts=dict(type="int", default=5),
            sysroot=dict(type="path", default="/"),
        ),
        supports_check_mode=True,
    )
    params = module.params
    sysroot = Sysroot(params["sysroot"])
    memory = Memory(sysroot)
    try:
        pages = params["pages"]
        if params["state"] == "absent":
            # Of a size that this kernel does not have, nothing is there to be given back.
            sizes = set(size_to_kb(entry["size"]) for entry in pages) & set(memory.sizes)
            pages = [{"size": kb_to_size(size_kb), "count": 0, "node": node} for size_kb in sizes for node in memory.nodes]
        plan = Plan(memory, pages, params["purge"], size_to_kb(params["reserve"]), params["release"])
        arguments = plan.kernel_arguments(params["default_size"])
        transparent = params["transparent"]
        if transparent and memory.transparent() is None:
            raise HostError("this kernel has no transparent hugepages; leave transparent out")
        before = {"hugepages": memory.snapshot()}
        after = {"hugepages": plan.predicted()}
        if transparent:
            before["transparent"] = memory.transparent()
            after["transparent"] = transparent
            arguments.append("transparent_hugepage=%s" % transparent)
        counted = plan.counts()
        changed = before != after
        shortfall = []
        if not module.check_mode:
            apply(module, plan, sysroot, params["attempts"])
            if transparent and memory.transparent() != transparent:
                # A made-up tree keeps what is written, the kernel marks one of its words.
                sysroot.poke(TRANSPARENT, transparent if sysroot.is_real else "[%s]" % transparent)
            shortfall = plan.shortfall()
            after["hugepages"] = memory.snapshot()
            changed = before != after or counted != plan.counts()
    except HostError as error:
        module.fail_json(msg=str(error), shortfall=[])

    missing = described(shortfall)
    if default_size_differs(memory, params["default_size"]):
        missing.append("the default page size is to become %s" % params["default_size"])
    lines = plan.tmpfiles()
    if transparent:
        lines.append("w %s - - - - %s" % (TRANSPARENT, transparent))
    result = dict(
        changed=changed,
        diff=dict(before=before, after=after),
        pages=memory.rows(),
        shortfall=shortfall,
        missing=missing,
        kernel_arguments=arguments,
        tmpfiles=lines,
    )
    if shortfall and not params["partial"]:
        module.fail_json(
            msg="the kernel gave only %s, also after dropping caches and compaction; reserve them at boot (kernel arguments), "
            "reboot, or ask for fewer or smaller pages" % "; ".join(described(shortfall)),
            **result
        )
    module.exit_json(**result)


if __name__ == "__main__":
    main()

#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: kernel_cmdline
short_description: Manages some kernel arguments and leaves all others alone
version_added: 1.0.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - Gives the entry that boots by default exactly the arguments in O(arguments), in their order. Foreign words that set the same are overridden while the
    arguments are managed, and restored afterwards. Words that have the wanted value already are left where they are.
  - A count of hugepages belongs to the page size before it, so pairs of C(hugepagesz=) and C(hugepages=) of other sizes are foreign and stay.
  - On the Debian family the arguments live in a file of their own in C(/etc/default/grub.d), which is read last. GRUB's generator writes the menu to a scratch
    file, which replaces the old menu only after it was found to have entries with these arguments.
  - On EL the lines that the boot loader reads are edited where they stand, as grubby does, and the generator does not run. These are C(options) of the boot
    entries, C(kernelopts) of C(grubenv) and C(/etc/kernel/cmdline) on EL 8 and later, and the entries of the menu on EL 7. A block in C(/etc/default/grub),
    where there is that file, has the arguments for menus that are generated later. Rescue entries are left alone, but one that reads C(kernelopts) has
    the arguments too, as on EL 8.
  - With systemd-boot the boot entries of all kernels and C(/etc/kernel/cmdline) are edited in the same way.
  - What was there before is kept in C(/etc/kube-ovn-dpdk/kernel-arguments.json), for each line. Giving up the arguments restores all files byte by byte.
  - RV(reboot_required) is whether the running kernel was started with other values. The module does not reboot.
  - Nothing is written where the arguments would not reach the kernel. The module fails where a file that is read later overrides them, where a menu was edited
    by hand and would lose these words, where the default entry is a rescue entry, where another boot loader or a unified kernel image booted the host, where
    C(grubenv) is damaged, and where a file system is full or read-only.
  - A run that was killed is completed by the next one, or undone exactly. Runs on one host wait for each other, two minutes at most.
  - Warns where the command line has a page size twice that is not managed here, since the kernel ignores the second one together with its count.
  - Warns where arguments are given up with which the running kernel was started, and where a kernel that is installed before the next reboot would get them
    for good, as on EL 9 and later without C(/etc/kernel/cmdline).
extends_documentation_fragment:
  - kube_ovn.dpdk._attributes
  - kube_ovn.dpdk._plan
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details:
      - Before and after are the words of the default boot entry, one on each line.
  idempotent:
    support: full
    details:
      - The generator runs only if the menu does not say what it should. Any number of owners settle after one run each.
options:
  arguments:
    description:
      - Arguments to manage, as in V(hugepages=4) or V(quiet). Those that were managed before and are not in the list any more are given up.
      - Printable ASCII. Characters that GRUB takes for syntax (V({}|&;<>)) need quotes, as in V(name="a;b").
      - With boot entries of EL 8 and later such characters are refused, since C(grub2-mkconfig) and grubby do not escape them.
      - C(hugepages=) follows the C(hugepagesz=) it belongs to. A page size given twice is refused, since the kernel would ignore the second.
      - CPU lists of C(isolcpus), C(nohz_full), C(rcu_nocbs) and C(irqaffinity), in any form that the kernel reads (V(2-5,8), V(1-N), V(1-7:2/4)), are checked
        against the CPUs that are there and online, and against each other.
      - With O(state=absent) only their names count, which RV(reboot_required) compares.
    type: list
    elements: str
    default: []
  owner:
    description:
      - Name of the owner. Several owners can coexist as long as they do not set the same argument.
    type: str
    default: kube_ovn_dpdk
  state:
    description:
      - With V(absent) everything that O(owner) managed is given up.
    type: str
    choices:
      - present
      - absent
    default: present
  booted:
    description:
      - Writes nothing, and fails where RV(reboot_required) would be true. Set it after the reboot, which may have taken another entry than the default one.
    type: bool
    default: false
  backup:
    description:
      - Keeps a copy of every file before it is changed, beside it. An undo does not need it, and does not remove it.
    type: bool
    default: false
  sysroot:
    description:
      - Directory in which the files of the host are found. A generator in a directory other than V(/) is run with the environment variable C(SYSROOT).
    type: path
    default: /
seealso:
  - module: kube_ovn.dpdk.hugepages
"""

EXAMPLES = r"""
- name: Reserve four pages of 1 GiB and 512 of 2 MiB at boot
  kube_ovn.dpdk.kernel_cmdline:
    owner: hugepages
    arguments:
      - default_hugepagesz=1G
      - hugepagesz=1G
      - hugepages=4
      - hugepagesz=2M
      - hugepages=512
  register: cmdline

- name: Report why the host has to be rebooted
  ansible.builtin.debug:
    var: cmdline.reboot_reasons
  when: cmdline.reboot_required

- name: Check that the host was booted with the arguments
  kube_ovn.dpdk.kernel_cmdline:
    owner: hugepages
    arguments: "{{ arguments }}"
    booted: true

- name: Remove the arguments
  kube_ovn.dpdk.kernel_cmdline:
    owner: hugepages
    state: absent
"""

RETURN = r"""
reboot_required:
  description: Whether the running kernel was started with other values than the boot entry has for these names.
  returned: success
  type: bool
  sample: true
reboot_reasons:
  description: What differs, one sentence for each name.
  returned: success
  type: list
  elements: str
  sample: ["hugepages=4 is to become hugepages=8"]
boot_loader:
  description: How the arguments get to the kernel, V(grub) for a generated menu, V(bls) for boot entries; V(null) if there is neither.
  returned: success
  type: str
  sample: grub
command_line:
  description: Words of the default boot entry; in check mode as they would be.
  returned: success
  type: list
  elements: str
  sample: ["root=UUID=1f0c", "ro", "quiet", "hugepagesz=1G", "hugepages=4"]
overruled:
  description: Foreign words that are overridden while these arguments are managed.
  returned: success
  type: list
  elements: str
  sample: ["hugepages=2"]
files:
  description: Files that were changed, in check mode those that would be.
  returned: success
  type: list
  elements: str
  sample: ["/etc/default/grub.d/zz-kube-ovn-dpdk-hugepages.cfg", "/boot/grub/grub.cfg"]
newer_than_boot:
  description: Whether the settings of this owner were written after the running kernel was started.
  returned: success
  type: bool
  sample: false
backups:
  description: Copies of files from before the change.
  returned: success
  type: list
  elements: str
  sample: ["/boot/grub/grub.cfg.1234.20260131T120000~"]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._host import run_module
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._kernel_cmdline import check_boot, run


def main():
    module = AnsibleModule(
        argument_spec=dict(
            arguments=dict(type="list", elements="str", default=[]),
            owner=dict(type="str", default="kube_ovn_dpdk"),
            state=dict(type="str", choices=["present", "absent"], default="present"),
            booted=dict(type="bool", default=False),
            backup=dict(type="bool", default=False),
            sysroot=dict(type="path", default="/"),
            plan=dict(type="bool", default=False),
        ),
        supports_check_mode=True,
    )
    module.params["plan"] = module.params["plan"] or module.params["booted"]
    run_module(module, check_boot if module.params["booted"] else run)


if __name__ == "__main__":
    main()

#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: kernel_cmdline
short_description: Owns some kernel arguments and leaves all others alone
version_added: 0.1.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - Sees to it that the entry which boots by default has exactly the arguments in O(arguments), in their order. All words of the same names
    that others have set are overruled as long as the arguments are owned, and are back in force when they are not owned any more.
  - On the Debian family the arguments live in a file of their own in C(/etc/default/grub.d), read last; on EL 7 in a marked block at the end of
    C(/etc/default/grub). GRUB's generator writes the menu to a scratch file, which takes the place of the old one only after it was found to have entries
    with these arguments.
  - Where C(GRUB_ENABLE_BLSCFG) is set (EL 8 and later) the C(options) of the boot entries, C(kernelopts) of C(grubenv) and C(/etc/kernel/cmdline) are
    edited, so that foreign arguments which only stand there survive. Rescue entries are left alone.
  - RV(reboot_required) tells whether the running kernel was started with other values. The module does not reboot.
  - Warns where the command line has a page size twice that is not owned here, since the kernel ignores the second one together with its count.
extends_documentation_fragment:
  - kube_ovn.dpdk._attributes
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
      - The generator runs only if the menu does not say what it should.
options:
  arguments:
    description:
      - Arguments to own, as in V(hugepages=4) or V(quiet). Names that were owned before and are not in the list any more are given up.
      - C(hugepages=) follows the C(hugepagesz=) it belongs to. A page size given twice is refused, since the kernel would ignore the second.
      - Core lists of C(isolcpus), C(nohz_full), C(rcu_nocbs) and C(irqaffinity) are checked against the cores that are there and online, and against each
        other.
      - With O(state=absent) they only say which names RV(reboot_required) has to look at.
    type: list
    elements: str
    default: []
  owner:
    description:
      - Name under which the arguments are owned. Several owners live beside each other as long as they do not own the same names.
    type: str
    default: kube_ovn_dpdk
  state:
    description:
      - With V(absent) everything that O(owner) owned is given up.
    type: str
    choices:
      - present
      - absent
    default: present
  backup:
    description:
      - Keeps a copy of every file before it is changed, beside it.
    type: bool
    default: true
  sysroot:
    description:
      - Directory in which the files of the host are found. A generator in a directory other than V(/) is run with the environment variable C(SYSROOT).
    type: path
    default: /
seealso:
  - module: kube_ovn.dpdk.hugepages
"""

EXAMPLES = r"""
- name: Have four pages of 1 GiB and 512 of 2 MiB from the boot on
  kube_ovn.dpdk.kernel_cmdline:
    owner: hugepages
    arguments:
      - default_hugepagesz=1G
      - hugepagesz=1G
      - hugepages=4
      - hugepagesz=2M
      - hugepages=512
  register: cmdline

- name: Tell why the host has to be rebooted
  ansible.builtin.debug:
    var: cmdline.reboot_reasons
  when: cmdline.reboot_required

- name: Give the arguments up
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
  description: Words of others that do not count as long as these names are owned.
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
backups:
  description: Copies of files from before the change.
  returned: success
  type: list
  elements: str
  sample: ["/boot/grub/grub.cfg.1234.20260131T120000~"]
"""

import os
import re
import shutil
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._bootloader import (
    BootLoader,
    check_arguments,
    check_cores,
    name_of,
    only,
    pending,
    sizes_given_twice,
)
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._host import HostError, Sysroot


def lines(words):
    return "".join(word + "\n" for word in words)


def check_owners(loader, arguments):
    names = set(name_of(word) for word in arguments)
    for owner, words in sorted(loader.other_owners().items()):
        both = sorted(names & set(name_of(word) for word in words))
        if both:
            raise HostError("%s is already owned by '%s'; let one of the two own it" % (", ".join(both), owner))


def write_all(module, loader, texts, arguments, names, generate):
    """Write files and menu, or leave all as it was. Returns the backups."""
    sysroot = loader.sysroot
    menu = loader.grub_cfg() if generate else None
    paths = sorted(texts) + ([menu] if menu else [])
    loader.check_writable(paths)
    old = dict((path, sysroot.read(path)) for path in paths)
    written = []
    backups = []

    def put(path, text):
        target = os.path.realpath(sysroot.path(path))
        if module.params["backup"] and os.path.exists(target):
            # The EFI partition refuses colons.
            copy = "%s.%d.%s~" % (target, os.getpid(), time.strftime("%Y%m%dT%H%M%S"))
            backups.append(copy)
            module.preserved_copy(target, copy)
        written.append(path)
        loader.write(path, text)

    def undo():
        for path in written:
            if old[path] is not None:
                loader.write(path, old[path])
            elif sysroot.exists(path):
                os.unlink(sysroot.path(path))
        for copy in backups:
            if os.path.exists(copy):
                os.unlink(copy)

    try:
        for path in sorted(texts):
            put(path, texts[path])
        if generate:
            put(*loader.generate(arguments, names))
    except (EnvironmentError, shutil.Error) as error:
        undo()
        raise HostError("writing the kernel arguments failed, and all is as it was: %s" % error)
    except BaseException:
        # Also what ends a module by itself, as moving a file does.
        undo()
        raise
    return [sysroot.bare(copy) for copy in backups]


def run(module):
    params = module.params
    sysroot = Sysroot(params["sysroot"])
    asked = params["arguments"]
    if not re.match(r"^[a-z][a-z0-9_]*$", params["owner"]):
        raise HostError("owner '%s' is not a name of lower-case letters, digits and _" % params["owner"])
    check_arguments(asked)
    arguments = [] if params["state"] == "absent" else asked
    check_cores(sysroot, arguments)
    if sysroot.exists("/run/ostree-booted"):
        raise HostError("this host boots from an image (ostree), which owns the kernel arguments; set them with rpm-ostree kargs or in the image")
    loader = BootLoader(module, sysroot, params["owner"])
    if loader.kind is None:
        if arguments:
            raise HostError(
                "no boot loader to give arguments to: neither /etc/default/grub with grub-mkconfig or grub2-mkconfig, "
                "nor entries in /boot/loader/entries; set the arguments where this host is booted from"
            )
        return dict(
            changed=False, diff=dict(before="", after=""), reboot_required=False, reboot_reasons=[],
            boot_loader=None, command_line=[], overruled=[], files=[], backups=[],
        )
    check_owners(loader, arguments)
    owned = loader.owned()[0]
    names = set(name_of(word) for word in arguments + owned + asked)
    before = loader.default_words()
    texts = loader.plan(arguments)
    overruled = []
    if arguments:
        # What the sources say without us, for the names that are ours.
        bare = loader.expected(loader.plan([]))
        overruled = [word for word in only(bare, names) if word not in arguments]
    expected = loader.expected(texts)
    texts = dict((path, text) for path, text in texts.items() if text != sysroot.read(path, ""))
    generate = loader.kind == "grub" and (before is None or only(before, names) != only(expected, names))
    after = expected
    if loader.kind == "grub":
        after = loader.predicted(before or [], expected, names) if generate else before
    files = sorted(texts) + ([loader.grub_cfg()] if generate else [])
    backups = []
    if files and not module.check_mode:
        backups = write_all(module, loader, texts, arguments, names, generate)
        after = loader.default_words()
    booted = loader.as_booted(after or [])
    for size in sizes_given_twice(booted):
        module.warn(
            "hugepagesz=%s is twice on the kernel command line, so the kernel ignores the second one together with its hugepages=; "
            "none of the two is owned here: take one of them out" % size
        )
    reasons = pending(sysroot, booted, names)
    return dict(
        changed=bool(files),
        diff=dict(before_header="default boot entry", after_header="default boot entry", before=lines(before or []), after=lines(after or [])),
        reboot_required=bool(reasons),
        reboot_reasons=reasons,
        boot_loader=loader.kind,
        command_line=after or [],
        overruled=overruled,
        files=files,
        backups=backups,
    )


def main():
    module = AnsibleModule(
        argument_spec=dict(
            arguments=dict(type="list", elements="str", default=[]),
            owner=dict(type="str", default="kube_ovn_dpdk"),
            state=dict(type="str", choices=["present", "absent"], default="present"),
            backup=dict(type="bool", default=True),
            sysroot=dict(type="path", default="/"),
        ),
        supports_check_mode=True,
    )
    try:
        result = run(module)
    except HostError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()

#!/usr/bin/python
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: kube_ovn_packet_filter
short_description: Removes packet filter rules and IP sets that Kube-OVN left on a node
version_added: 1.0.0
description:
  - Removes the chains of Kube-OVN, its rules in other chains, and its IP sets, of IPv4 and IPv6, and of both backends of iptables where the host has them.
  - Kube-OVN's own C(uninstall.sh) leaves some of them. It does not know the rules that count the traffic of each subnet, nor the chains of NAT policies, and
    in the pod of OVS-DPDK it may work on the other backend than kube-ovn-cni did.
  - Rules of others are left alone. Where the host has no iptables, nothing is removed.
options: {}
attributes:
  check_mode:
    description: Can run in check mode and report what would change.
    support: full
  diff_mode:
    description: Returns the rules and sets that were removed, when in diff mode.
    support: full
  idempotent:
    description: A second run changes nothing.
    support: full
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
"""

EXAMPLES = r"""
- name: Remove packet filter rules of Kube-OVN
  kube_ovn.dpdk.kube_ovn_packet_filter:
"""

RETURN = r"""
removed:
  description: What was removed, as lines of C(iptables-restore), with the command that they belong to, and names of IP sets.
  returned: success
  type: list
  elements: str
unavailable:
  description: Commands that the host does not have, or that its kernel does not support, so that nothing could be looked for with them.
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _kube_ovn_node as node

# The name without a backend is the one that the host uses; where it is one of the other two, its rules are already removed when that backend is asked.
COMMANDS = [prefix + backend for prefix in ("iptables", "ip6tables") for backend in ("", "-nft", "-legacy")]


def main():
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    directories = ["/usr/sbin", "/sbin"]
    removed, unavailable, seen = [], [], set()
    for name in COMMANDS:
        save, restore = (module.get_bin_path(name + suffix, opt_dirs=directories) for suffix in ("-save", "-restore"))
        if not save or not restore:
            if name in ("iptables", "ip6tables"):
                unavailable.append(name)
            continue
        rc, output, error = module.run_command([save])
        if rc != 0:
            # A kernel without IPv6, or without the older backend, has no such rules.
            unavailable.append(name)
            continue
        lines = node.removal(output)
        if not lines or tuple([name[:4]] + lines) in seen:
            continue
        # In check mode the same rules are found once more under the name of their backend.
        seen.add(tuple([name[:4]] + lines))
        removed += ["%s: %s" % (name, line) for line in lines if line[:2] in ("-D", "-X")]
        if not module.check_mode:
            rc, output, error = module.run_command([restore, "--noflush"], data="\n".join(lines) + "\n")
            if rc != 0:
                module.fail_json(msg="%s could not remove rules of Kube-OVN: %s" % (restore, error.strip()), lines=lines)
    ipset = module.get_bin_path("ipset", opt_dirs=directories)
    if ipset:
        rc, output, error = module.run_command([ipset, "list", "-name"])
        names = node.own_sets(output) if rc == 0 else []
        for name in names:
            if not module.check_mode:
                rc, output, error = module.run_command([ipset, "destroy", name])
                if rc != 0:
                    # A rule of a backend that the host has no command for.
                    module.warn("The IP set %s is still in use and stays: %s" % (name, error.strip()))
                    continue
            removed.append("ipset: %s" % name)
    else:
        unavailable.append("ipset")
    before = "".join(line + "\n" for line in removed)
    module.exit_json(changed=bool(removed), removed=removed, unavailable=unavailable, diff=dict(before=before, after=""))


if __name__ == "__main__":
    main()

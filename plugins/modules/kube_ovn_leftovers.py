#!/usr/bin/python
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: kube_ovn_leftovers
short_description: Removes files that Kube-OVN left on a node
version_added: 1.0.0
description:
  - Removes the files and directories of a Kube-OVN that was uninstalled, and directories that are empty without them.
  - The container runtime keeps results of the CNI plugin until it removes the network of a pod, which it cannot without Kube-OVN, and does not where
    Multus called the plugin. Results of other plugins are left alone.
options:
  files:
    description: Paths to remove, directories with all that is in them.
    type: list
    elements: path
    required: true
  results:
    description: Directory in which the container runtime keeps results of CNI plugins.
    type: path
    default: /var/lib/cni/results
  directories:
    description: Directories to remove when nothing else is in them.
    type: list
    elements: path
    default: []
attributes:
  check_mode:
    description: Can run in check mode and report what would change.
    support: full
  diff_mode:
    description: Returns the paths that were removed, when in diff mode.
    support: full
  idempotent:
    description: A second run changes nothing.
    support: full
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
"""

EXAMPLES = r"""
- name: Remove files of Kube-OVN
  kube_ovn.dpdk.kube_ovn_leftovers:
    files:
      - /etc/cni/net.d/01-kube-ovn.conflist
      - /opt/cni/bin/kube-ovn
    directories: [/etc/origin]
"""

RETURN = r"""
removed:
  description: Paths that were removed, in this order.
  returned: success
  type: list
  elements: str
"""

import os
import shutil

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _kube_ovn_node as node


def remove(path):
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        os.unlink(path)


def main():
    module = AnsibleModule(
        argument_spec=dict(
            files=dict(type="list", elements="path", required=True),
            results=dict(type="path", default="/var/lib/cni/results"),
            directories=dict(type="list", elements="path", default=[]),
        ),
        supports_check_mode=True,
    )
    found = node.leftovers(module.params["files"], module.params["results"], module.params["directories"])
    for path in [] if module.check_mode else found:
        try:
            remove(path)
        except (IOError, OSError) as error:
            module.fail_json(msg="%s cannot be removed: %s" % (path, error.strerror))
    module.exit_json(changed=bool(found), removed=found, diff=dict(before="".join(path + "\n" for path in found), after=""))


if __name__ == "__main__":
    main()

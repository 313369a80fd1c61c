#!/usr/bin/python
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: kube_ovn_node_info
short_description: Reads what Kube-OVN has on a node
version_added: 1.0.0
description:
  - Reads whether C(ovs-vswitchd) runs and since when, the configuration that it starts with, and what an uninstalled Kube-OVN leaves behind.
options:
  rundir:
    description: Run-time directory of Open vSwitch.
    type: path
    default: /run/openvswitch
  config_dir:
    description: Directory that OVS-DPDK reads its configuration from.
    type: path
    default: /opt/ovs-config
  devices:
    description: Names of network devices of the userspace datapath.
    type: list
    elements: str
    default: []
  cni_conf_dir:
    description: Directory with configurations of the network.
    type: path
    default: /etc/cni/net.d
  switch:
    description: Whether to read the database of Open vSwitch too, where C(ovs-vswitchd) runs.
    type: bool
    default: false
extends_documentation_fragment:
  - kube_ovn.dpdk._attributes
  - kube_ovn.dpdk._attributes.info_module
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
"""

EXAMPLES = r"""
- name: Read the state of OVS-DPDK
  kube_ovn.dpdk.kube_ovn_node_info:
  register: node
"""

RETURN = r"""
running:
  description: Whether C(ovs-vswitchd) runs.
  returned: success
  type: bool
started:
  description: When it was started, in seconds since 1970; 0 where it does not run.
  returned: success
  type: float
config_keys:
  description: Keys in C(config.cfg).
  returned: success
  type: list
  elements: str
newer_files:
  description: Files of the configuration that were changed after the start.
  returned: success
  type: list
  elements: str
files:
  description: Text of each file of the configuration; V(null) where there is none, or where it is not root's alone to write with mode 0644.
  returned: success
  type: dict
config_dir:
  description: Owner, group and mode of the directory of the configuration; empty where there is none.
  returned: success
  type: str
  sample: root:root 0755
mounts:
  description: Mount points below the run-time directory, the innermost first.
  returned: success
  type: list
  elements: str
devices:
  description: Network devices that Open vSwitch has left, or has.
  returned: success
  type: list
  elements: str
conflists:
  description: Files with the configuration of the network that Kube-OVN wrote.
  returned: success
  type: list
  elements: str
  sample: [01-kube-ovn.conflist]
switch:
  description: What M(kube_ovn.dpdk.ovs_info) returns. Empty unless O(switch) is set and C(ovs-vswitchd) runs.
  returned: success
  type: dict
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _kube_ovn_node as node


FILES = ("config.cfg", "ovs-dpdk-config")


def switch(module):
    """What the database of Open vSwitch holds."""
    # Most of the module's start would be the compilation of these.
    from ansible_collections.kube_ovn.dpdk.plugins.module_utils._ovsdb_client import OvsdbError
    from ansible_collections.kube_ovn.dpdk.plugins.module_utils._ovsdb_info import COLUMNS, describe
    from ansible_collections.kube_ovn.dpdk.plugins.module_utils._ovsdb_module import Runner

    runner = Runner(dict(database="unix:%s/db.sock" % module.params["rundir"], timeout=30))
    try:
        return describe(runner.find(COLUMNS), runner.schema.version)
    except OvsdbError as exc:
        return module.fail_json(msg=exc.args[0])
    finally:
        runner.close()


def main():
    module = AnsibleModule(
        argument_spec=dict(
            rundir=dict(type="path", default="/run/openvswitch"),
            config_dir=dict(type="path", default="/opt/ovs-config"),
            devices=dict(type="list", elements="str", default=[]),
            cni_conf_dir=dict(type="path", default="/etc/cni/net.d"),
            switch=dict(type="bool", default=False),
        ),
        supports_check_mode=True,
    )
    texts = dict((name, node.own_text(os.path.join(module.params["config_dir"], name))) for name in FILES)
    running, started = node.daemon(module.params["rundir"])
    newer = []
    for name in FILES:
        path = os.path.join(module.params["config_dir"], name)
        # The kernel gives the time of the boot, from which a start is counted, in whole seconds.
        if os.path.isfile(path) and os.stat(path).st_mtime > started + 1:
            newer.append(name)
    module.exit_json(
        changed=False,
        running=running,
        started=started,
        config_keys=node.config_keys(os.path.join(module.params["config_dir"], "config.cfg")),
        newer_files=newer,
        files=texts,
        config_dir=node.access(module.params["config_dir"]),
        mounts=node.mounts_below(module.params["rundir"]),
        devices=node.left_devices(module.params["devices"]),
        conflists=node.conflists(module.params["cni_conf_dir"]),
        switch=switch(module) if module.params["switch"] and running else {},
    )


if __name__ == "__main__":
    main()

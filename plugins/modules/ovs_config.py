#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: ovs_config
short_description: Manages the global configuration of Open vSwitch
version_added: 1.0.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - Manages C(other_config) and C(external_ids) of the C(Open_vSwitch) table, by speaking OVSDB itself.
  - With O(wait_dpdk=true) it also waits until DPDK is initialised.
extends_documentation_fragment:
  - kube_ovn.dpdk._attributes
  - kube_ovn.dpdk._ovsdb
  - kube_ovn.dpdk._ovsdb.write
options:
  other_config:
    description:
      - Keys of C(Open_vSwitch.other_config), such as C(dpdk-init) and C(pmd-cpu-mask), with their values. A null value removes its key.
    type: dict
  external_ids:
    description:
      - Keys of C(Open_vSwitch.external_ids) with their values. A null value removes its key.
    type: dict
  purge:
    description:
      - Whether keys that O(other_config) and O(external_ids) do not name are removed. An omitted map is left alone in any case.
      - Open vSwitch itself, and Kube-OVN and OVN too, keep keys in both maps. Purge only what is yours alone.
    type: bool
    default: false
  wait_dpdk:
    description:
      - Whether to wait until the running C(ovs-vswitchd) says that DPDK is initialised, and to fail with what O(log_file) says if it does not.
      - The database outlives the switch, and still says so of one that ended. The module therefore raises C(Open_vSwitch.next_cfg), and trusts
        C(dpdk_initialized) only once the switch has answered in C(cur_cfg). This does not count as a change.
      - C(other_config:dpdk-init) must be V(true) or V(try), set by this task or before it; otherwise nothing is changed.
      - A running C(ovs-vswitchd) reads most C(dpdk-) keys only when it initialises DPDK. Changing them later takes a restart of it.
      - Needs O(wait=true). In check mode it does not wait.
    type: bool
    default: false
  log_file:
    description:
      - The log of C(ovs-vswitchd) on the managed host. Its last lines about DPDK are part of the error if DPDK does not initialise.
    type: path
    default: /var/log/openvswitch/ovs-vswitchd.log
seealso:
  - module: kube_ovn.dpdk.ovs_topology
  - module: kube_ovn.dpdk.ovs_bridge
  - module: kube_ovn.dpdk.ovs_port
  - module: kube_ovn.dpdk.ovs_info
"""

EXAMPLES = r"""
- name: Configure DPDK in a database whose switch is not started yet
  kube_ovn.dpdk.ovs_config:
    other_config:
      dpdk-init: "true"
      dpdk-lcore-mask: "{{ [0] | kube_ovn.dpdk.cpu_mask }}"
      pmd-cpu-mask: "{{ '2-3' | kube_ovn.dpdk.cpu_mask(exclude=[0]) }}"
      dpdk-socket-mem: "1024,0"
    wait: false

- name: Remove a key whatever its value
  kube_ovn.dpdk.ovs_config:
    other_config:
      dpdk-extra: null

- name: Change the PMD cores and wait until the switch has done it
  kube_ovn.dpdk.ovs_config:
    other_config:
      pmd-cpu-mask: "0xc"
    external_ids:
      site: lab 1, rack 2

- name: Wait until DPDK is initialised
  kube_ovn.dpdk.ovs_config:
    wait_dpdk: true
    timeout: 120
"""

RETURN = r"""
changes:
  description: One entry if the configuration was changed, or in check mode would be.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Always V(Open_vSwitch).
      type: str
      returned: always
    action:
      description: Always V(changed).
      type: str
      returned: always
    columns:
      description: The maps that changed.
      type: list
      elements: str
      returned: always
  sample:
    - name: Open_vSwitch
      action: changed
      columns: [other_config]
dpdk_initialized:
  description: Whether DPDK is initialised.
  returned: O(wait_dpdk=true) and not in check mode
  type: bool
"""

import os
import re

from ansible.module_utils.common.text.converters import to_bytes, to_text

from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _ovsdb_plan as plan
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._ovsdb_client import OvsdbError
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._ovsdb_module import create_module, report, run_module, write_spec
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._ovsdb_options import check_map


def dpdk_log(path, lines=8):
    """The last lines about DPDK in the log's last 256 KiB."""
    try:
        with open(to_bytes(path), 'rb') as log:
            log.seek(0, os.SEEK_END)
            log.seek(max(0, log.tell() - 262144))
            text = to_text(log.read(), errors='surrogate_or_replace')
    except (IOError, OSError) as exc:
        return u'its log %s cannot be read: %s' % (path, to_text(exc.strerror))
    # The module that wrote a line is its third field.
    found = [line for line in text.splitlines() if re.search(r'\|(netdev_)?dpdk\W|EAL', line)]
    if not found:
        return '%s has no line about DPDK' % path
    return u'the last lines about it in %s:\n%s' % (path, u'\n'.join(found[-lines:]))


def check_dpdk_init(model):
    model.require('Open_vSwitch', 'dpdk_initialized')
    value = model.root['other_config'].get('dpdk-init', '')
    if value.lower() not in ('true', 'try'):
        raise OvsdbError('wait_dpdk: other_config:dpdk-init is %s, so DPDK is never initialised; set it to "true" or "try"'
                         % ('"%s"' % value if value else 'not set'))


def wait_for_dpdk(runner, log_file):
    """Wait for the word of the switch that runs now. The database still has that of one that ended."""
    ready = wanted = None
    # A switch applies its first configuration before it notes whether DPDK is initialised, so that only the second answer counts.
    for _answer in range(2):
        wanted = runner.next_cfg if wanted is None and runner.committed else runner.ask_switch()
        ready = runner.until(lambda row, cfg=wanted: row['cur_cfg'] >= cfg and row['dpdk_initialized'] is True, ['cur_cfg', 'dpdk_initialized'])
        if not ready:
            break
    if ready:
        return
    rows = runner.select_once('Open_vSwitch', ['cur_cfg'])
    answered = bool(rows) and rows[0]['cur_cfg'] >= wanted
    hint = u'' if answered else u'\novs-vswitchd does not answer; is it running?'
    raise OvsdbError(u'DPDK was not initialised within %d s; %s%s' % (runner.timeout, dpdk_log(log_file), hint))


def work(module, runner, params):
    check_map('other_config', params['other_config'])
    check_map('external_ids', params['external_ids'])
    if params['wait_dpdk'] and not params['wait']:
        raise OvsdbError('wait_dpdk needs wait: true')

    def apply(model):
        plan.apply_config(model, params)
        if params['wait_dpdk']:
            check_dpdk_init(model)

    changed = runner.run(['Open_vSwitch'], plan.view_root, apply)
    result = report('table', changed, module._diff)
    if params['wait_dpdk'] and not module.check_mode:
        # First, because a switch that ends because of DPDK never applies the change.
        wait_for_dpdk(runner, params['log_file'])
        result['dpdk_initialized'] = True
    runner.wait_for_result()
    return result


def main():
    module = create_module(
        argument_spec=write_spec(dict(
            other_config=dict(type='dict'),
            external_ids=dict(type='dict'),
            purge=dict(type='bool', default=False),
            wait_dpdk=dict(type='bool', default=False),
            log_file=dict(type='path', default='/var/log/openvswitch/ovs-vswitchd.log'),
        )),
    )
    run_module(module, work)


if __name__ == '__main__':
    main()

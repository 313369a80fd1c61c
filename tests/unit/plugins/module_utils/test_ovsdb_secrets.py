# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets in options of ports: what the modules show of them, print and log."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import pytest
from ansible.module_utils import basic

from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _ovsdb_module
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._ovsdb_client import TransactionError
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._ovsdb_secrets import hidden
from ansible_collections.kube_ovn.dpdk.tests.unit.plugins.modules.host_tree import run_module


@pytest.mark.parametrize('value, shown', [
    ({'psk': 'a', 'remote_ip': '1'}, {'psk': '********', 'remote_ip': '1'}),
    ({'psk': None}, {'psk': None}),
    # An interface may have the name of a secret.
    ({'psk': {'type': 'vxlan', 'options': {'psk': 5}}}, {'psk': {'type': 'vxlan', 'options': {'psk': '********'}}}),
    (['map', [['key', 'flow'], ['psk', 'a']]], ['map', [['key', 'flow'], ['psk', '********']]]),
    ([{'name': 'a', 'options': {'psk': 'x'}}], [{'name': 'a', 'options': {'psk': '********'}}]),
    ('remote_ip=1 psk = x', '********'),
    (u'{"psk": "\u00e9"}', '********'),
    ('psk', 'psk'),
    (u'\u00e9', u'\u00e9'),
    (7, 7),
])
def test_what_is_shown(value, shown):
    assert hidden(value) == shown


def test_another_secret_is_seen_to_be_another():
    assert hidden({'a': {'psk': 'x'}}, {'a': {'psk': 'y'}}) == {'a': {'psk': '******** (changed)'}}
    assert hidden({'a': {'psk': 'x'}}, {'a': {'psk': 'x'}}) == hidden({'a': {'psk': 'x'}}, {}) == {'a': {'psk': '********'}}


def test_refused_transaction_is_shown_without_them():
    error = TransactionError('constraint violation', None, {'op': 'update', 'row': {'options': ['map', [['psk', 'swordfish']]]}})
    assert '"psk", "********"' in str(error)
    assert 'swordfish' not in str(error)


class Program(object):
    @staticmethod
    def main():
        module = _ovsdb_module.create_module(argument_spec=dict(options=dict(type='dict')))
        if module.params['options'].get('fail'):
            module.fail_json(msg='no')
        module.exit_json(kept=module.params['options']['psk'] == 'swordfish')


@pytest.mark.parametrize('fail', [False, True])
def test_invocation_and_log_are_without_them(monkeypatch, fail):
    logged = []
    monkeypatch.setattr(basic.AnsibleModule, 'log', lambda _self, text, log_args=None: logged.append(text))
    said = run_module(Program, None, options=dict(psk='swordfish', n_rxq='2', **(dict(fail='1') if fail else {})))
    assert said['failed'] is fail and said.get('kept', True)
    assert said['invocation']['module_args']['options']['psk'] == '********'
    assert said['invocation']['module_args']['options']['n_rxq'] == '2'
    assert len(logged) == 1 and '********' in logged[0] and 'swordfish' not in logged[0] + str(said)

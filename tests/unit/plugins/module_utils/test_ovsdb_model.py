# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import pytest

from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _ovsdb_module as module
from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _ovsdb_options as options
from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _ovsdb_plan as plan
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._ovsdb_client import OvsdbError
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._ovsdb_model import COLUMNS, Column, Model, Schema

MAP = {'type': {'key': 'string', 'value': 'string', 'min': 0, 'max': 'unlimited'}}
REFERENCES = {'type': {'key': {'type': 'uuid', 'refTable': 'X'}, 'min': 0, 'max': 'unlimited'}}
NUMBERS = {'type': {'key': {'type': 'integer', 'minInteger': 0}, 'min': 0, 'max': 4096}}
NUMBER = {'type': {'key': 'integer', 'min': 0, 'max': 1}}
OPTIONAL = {'type': {'key': 'string', 'min': 0, 'max': 1}}
TEXT = {'type': 'string'}
TYPES = {
    'bridges': REFERENCES, 'ports': REFERENCES, 'interfaces': REFERENCES, 'controller': REFERENCES,
    'external_ids': MAP, 'other_config': MAP, 'options': MAP, 'status': MAP, 'trunks': NUMBERS, 'tag': NUMBER, 'mtu_request': NUMBER, 'ofport_request': NUMBER,
    'ofport': NUMBER, 'name': TEXT, 'type': TEXT, 'datapath_type': TEXT, 'target': TEXT, 'next_cfg': {'type': 'integer'}, 'cur_cfg': {'type': 'integer'},
    'dpdk_initialized': {'type': 'boolean'}, 'iface_types': {'type': {'key': 'string', 'min': 0, 'max': 'unlimited'}},
    'datapath_types': {'type': {'key': 'string', 'min': 0, 'max': 'unlimited'}},
}


def schema():
    tables = {}
    for table, columns in COLUMNS.items():
        tables[table] = {'columns': dict((name, TYPES.get(name, OPTIONAL)) for name in columns)}
    return Schema({'version': '8.2.0', 'tables': tables})


def model(**tables):
    """A switch with bridge br0, its local port, and a port p0."""
    found = {
        'Open_vSwitch': {'r': {'bridges': frozenset(['b']), 'external_ids': {}, 'other_config': {'k': 'v'}, 'next_cfg': 1, 'cur_cfg': 1}},
        'Bridge': {'b': {'name': 'br0', 'ports': frozenset(['l', 'p']), 'datapath_type': '', 'fail_mode': None, 'controller': frozenset(),
                         'external_ids': {}, 'other_config': {}}},
        'Port': {}, 'Interface': {}, 'Controller': {},
    }
    for uuid, name in (('l', 'br0'), ('p', 'p0')):
        found['Port'][uuid] = {'name': name, 'interfaces': frozenset(['i' + uuid]), 'tag': 5, 'trunks': frozenset(), 'vlan_mode': None, 'bond_mode': None,
                               'lacp': None, 'external_ids': {'a': '1', 'b': '2'}, 'other_config': {}}
        found['Interface']['i' + uuid] = {'name': name, 'type': '', 'options': {}, 'mtu_request': None, 'ofport_request': None, 'external_ids': {},
                                          'other_config': {}, 'error': None, 'ofport': 1, 'status': {}}
    found.update(tables)
    return Model(schema(), found)


@pytest.mark.parametrize('spec, wire, value', [
    (TEXT, u'x', u'x'),
    (OPTIONAL, ['set', []], None),
    (OPTIONAL, u'x', u'x'),
    (NUMBER, 5, 5),
    (NUMBERS, ['set', [2, 1]], frozenset([1, 2])),
    (NUMBERS, 7, frozenset([7])),
    (MAP, ['map', [['k', 'v'], ['a=b', '"']]], {'k': 'v', 'a=b': '"'}),
    (REFERENCES, ['set', [['uuid', 'a'], ['uuid', 'b']]], frozenset(['a', 'b'])),
    (REFERENCES, ['uuid', 'a'], frozenset(['a'])),
])
def test_column(spec, wire, value):
    column = Column(spec)
    assert column.decode(wire) == value
    assert column.decode(column.encode(value)) == value


@pytest.mark.parametrize('spec, wire', [
    (TEXT, 5), (TEXT, None), (TEXT, ['set', []]), (TEXT, ['uuid', 'x']), (OPTIONAL, ['set', ['a', 'b']]), (OPTIONAL, []), (NUMBER, 'x'),
    (NUMBERS, ['set']), (NUMBERS, ['set', ['x']]), (MAP, 'x'), (MAP, ['set', []]), (MAP, ['map', [['k']]]), (MAP, ['map', [['k', 1]]]), (MAP, {}),
    (REFERENCES, 'x'), (REFERENCES, ['set', ['x']]), (REFERENCES, ['set', [['named-uuid', 'x']]]), (REFERENCES, ['uuid', 5]),
])
def test_column_with_a_value_of_another_type(spec, wire):
    switch = model().schema
    switch.tables['Port']['tag'] = Column(spec)
    with pytest.raises(OvsdbError) as error:
        switch.decode('Port', {'tag': wire})
    assert 'something that is not in its schema: column tag of table Port' in error.value.args[0]


def test_a_row_that_belongs_to_nothing():
    with pytest.raises(OvsdbError) as error:
        model(Bridge={})
    assert 'of table Port, to which nothing refers' in error.value.args[0]


@pytest.mark.parametrize('table, message', [
    (None, 'it has no table Port'), ({}, 'it has no table Port'), ({'columns': {'name': TEXT}}, 'table Port has no column interfaces'),
    ({'columns': {'name': {}}}, 'cannot be understood: table Port'), ({'columns': {'name': {'type': 'nonesuch'}}}, 'cannot be understood: table Port'),
])
def test_schema_that_is_none(table, message):
    tables = dict((name, {'columns': dict((column, TEXT) for column in columns)}) for name, columns in COLUMNS.items())
    with pytest.raises(OvsdbError) as error:
        Schema({'version': '8.2.0', 'tables': dict(tables, Port=table)})
    assert message in error.value.args[0]


def test_references_to_new_rows():
    assert Column(REFERENCES).encode(frozenset(['row_1'])) == ['set', [['named-uuid', 'row_1']]]


def operations(change, *args):
    switch = model()
    change(switch, *args)
    return switch.operations()


def port(**values):
    return [dict(dict(name='p0', state='present'), **values)]


def test_no_difference_is_no_operation():
    assert operations(plan.apply_ports, port(bridge='br0', tag=5, external_ids={'a': '1'}, type='', options={})) == []


def test_an_update_is_guarded_by_what_it_replaces():
    wait, update = operations(plan.apply_ports, port(tag=6))
    where = [['_uuid', '==', ['uuid', 'p']]]
    assert wait == {'op': 'wait', 'table': 'Port', 'timeout': 0, 'where': where, 'columns': ['name', 'tag'], 'until': '==', 'rows': [{'name': 'p0', 'tag': 5}]}
    assert update == {'op': 'update', 'table': 'Port', 'where': where, 'row': {'tag': 6}}


def test_clearing():
    dummy, update = operations(plan.apply_ports, port(tag='', external_ids=None))
    assert update['row'] == {'tag': ['set', []]}


def test_a_map_is_changed_key_by_key():
    wait, mutate = operations(plan.apply_ports, port(external_ids={'a': '9', 'b': None, 'c': '3'}))
    assert wait['columns'] == ['name']
    assert mutate['mutations'] == [['external_ids', 'delete', ['set', ['a', 'b', 'c']]], ['external_ids', 'insert', ['map', [['a', '9'], ['c', '3']]]]]


def test_a_purge_is_guarded_by_the_whole_map():
    wait, mutate = operations(plan.apply_ports, port(external_ids={'a': '1'}, purge=True))
    assert wait['rows'] == [{'name': 'p0', 'external_ids': ['map', [['a', '1'], ['b', '2']]]}]
    assert mutate['mutations'] == [['external_ids', 'delete', ['set', ['b']]]]


def test_a_port_is_never_without_interface():
    found = operations(plan.apply_ports, port(interfaces=[{'name': 'm0'}]))
    mutate = [operation for operation in found if operation['op'] == 'mutate'][0]
    assert [mutation[1] for mutation in mutate['mutations']] == ['insert', 'delete']


def test_a_new_port():
    found = operations(plan.apply_ports, [dict(name='new', state='present', bridge='br0', type='dpdk', options={'n_rxq': '2'}, tag=3)])
    by_table = dict((operation['table'], operation) for operation in found if operation['op'] == 'insert')
    interface, row = by_table['Interface'], by_table['Port']
    assert interface['row'] == {'name': 'new', 'type': 'dpdk', 'options': ['map', [['n_rxq', '2']]]}
    assert row['row'] == {'name': 'new', 'tag': 3, 'interfaces': ['set', [['named-uuid', interface['uuid-name']]]]}
    mutate = [operation for operation in found if operation['op'] == 'mutate'][0]
    assert mutate['mutations'] == [['ports', 'insert', ['set', [['named-uuid', row['uuid-name']]]]]]


def test_a_removed_port_leaves_its_bridge_only():
    wait, mutate = operations(plan.apply_ports, [dict(name='p0', state='absent')])
    assert wait['table'] == mutate['table'] == 'Bridge'
    # Only while it is still there: nobody may have moved it meanwhile.
    assert wait['where'] == [['_uuid', '==', ['uuid', 'b']], ['ports', 'includes', ['set', [['uuid', 'p']]]]]
    assert mutate['mutations'] == [['ports', 'delete', ['set', [['uuid', 'p']]]]]


def test_a_database_without_a_root_row():
    switch = model(Open_vSwitch={}, Bridge={}, Port={}, Interface={})
    plan.apply_bridges(switch, [dict(name='br0', state='present')])
    assert sorted(operation['table'] for operation in switch.operations()) == ['Bridge', 'Interface', 'Open_vSwitch', 'Port']


@pytest.mark.parametrize('value, message', [
    ({u'k': 16}, u'the value of k is the YAML number 16'),
    ({u'k': True}, u'put it in quotes, such as "true"'),
    ({u'k': 0.5}, u'YAML number 0.5'),
    ({u'k': {}}, u'YAML dict'),
    ({u'': u'x'}, u'a key is empty'),
    ({u'\xe9': 1}, u'the value of \xe9 is'),
])
def test_map_values_that_yaml_changed(value, message):
    with pytest.raises(OvsdbError) as error:
        options.check_map(u'here', value)
    assert message in error.value.args[0]


def test_map_values_that_are_fine():
    options.check_map(u'here', options.textual({'k': 'v', 'gone': None, 'empty': ''}))
    options.check_map(u'here', None)


@pytest.mark.parametrize('value, expected', [(None, None), (u'', u''), ([], u''), (7, 7), (u'7', 7), (0, 0), (4095, 4095)])
def test_integer(value, expected):
    assert options.check_integer('here', 'tag', value) == expected


@pytest.mark.parametrize('value', [True, 1.5, u'x', 4096, -1, [1], {}, u'1.5', u'\xe9'])
def test_integer_that_is_none(value):
    with pytest.raises(OvsdbError) as error:
        options.check_integer('here', 'tag', value)
    assert u'here: tag' in error.value.args[0]


@pytest.mark.parametrize('name', [u'', u'a/b', u' a', u'a\n', u'\xe9/'])
def test_name_that_is_none(name):
    with pytest.raises(OvsdbError):
        options.check_name('here', name)


def test_text_all_the_way_down():
    assert options.textual({b'a': [b'\xc3\xa9', {b'b': 1}]}) == {u'a': [u'\xe9', {u'b': 1}]}


def test_report():
    changed = [('a', {}, {'x': 1}), ('b', {'x': 1, 'name': 'b'}, {'x': 2, 'name': 'b'}), ('c', {'x': 1}, {})]
    result = module.report('port', changed, True)
    assert [(entry['name'], entry['action'], entry['columns']) for entry in result['changes']] == [
        ('a', 'created', []), ('b', 'changed', ['x']), ('c', 'removed', [])]
    assert result['diff'][1] == dict(before_header='port b', after_header='port b', before=changed[1][1], after=changed[1][2])
    assert module.report('port', [], False) == dict(changed=False, changes=[])

# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: may change at any time without notice.

"""The options of bridges and ports that the ovs_* modules share, and the checks that need no database."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import re
import sys

from ansible.module_utils.common.text.converters import to_text

from ansible_collections.kube_ovn.dpdk.plugins.module_utils._ovsdb_client import OvsdbError
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._ovsdb_secrets import is_secret

INTEGER = re.compile(r'-?[0-9]{1,9}\Z')
# Half of a pair of UTF-16, which is no character. A Python of 16 bits has pairs in its texts.
HALF_A_CHARACTER = re.compile(u'[\ud800-\udfff]' if sys.maxunicode > 0xffff else
                              u'[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]')

INTEGERS = (int, type(2 ** 64))
NUMBERS = INTEGERS + (float,)
INTEGER_RANGES = {
    'tag': (0, 4095),
    'trunks': (0, 4095),
    'mtu_request': (1, 65535),
    'ofport_request': (1, 65279),
}
# Options of a port that describe its only interface, and the columns that they set.
SINGLE = dict(
    type='type',
    options='options',
    mtu_request='mtu_request',
    ofport_request='ofport_request',
    interface_external_ids='external_ids',
    interface_other_config='other_config',
)
# The key of external_ids that says who made a bridge or a port.
OWNER_KEY = 'owner'
# The kernel's limit for a network device, which the local port of a bridge is (IFNAMSIZ without the NUL).
MAX_BRIDGE_NAME = 15
# Keys that have no effect on a port; they belong to its interface.
OF_INTERFACE = {'other_config': ('pmd-rxq-affinity',), 'external_ids': ('iface-id', 'attached-mac')}


def textual(value):
    """Native strings to text, all the way down (Python 2 hands modules bytes)."""
    if isinstance(value, dict):
        return dict((to_text(key), textual(item)) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return [textual(item) for item in value]
    if isinstance(value, bytes):
        return to_text(value)
    return value


def check_text(where, value):
    """Refuse text that OVSDB cannot store, anywhere in the options of a task."""
    if isinstance(value, dict):
        for key in sorted(value, key=to_text):
            check_text(where, key)
            check_text('%s.%s' % (where, key) if where else key, value[key])
    elif isinstance(value, list):
        for index, item in enumerate(value):
            name = item.get('name') if isinstance(item, dict) else None
            check_text('%s[%s]' % (where, name if isinstance(name, type(u'')) and name else index), item)
    elif isinstance(value, type(u'')):
        if u'\x00' in value:
            raise OvsdbError('%s: the text holds a NUL character, which OVSDB cannot store' % shown_text(where))
        if HALF_A_CHARACTER.search(value):
            raise OvsdbError('%s: the text holds a lone surrogate (half of a character), which OVSDB cannot store' % shown_text(where))


def shown_text(text):
    """Text as a message can show it, whatever it holds."""
    return HALF_A_CHARACTER.sub(u'?', text).replace(u'\x00', u'?') or u'options'


def shown(value):
    """A value as a message shows it: short, and an integer that Python refuses to print not at all."""
    if isinstance(value, NUMBERS) and not isinstance(value, float) and abs(value) >= 10 ** 18:
        return 'of more than 18 digits'
    text = u'%s' % (value,)
    return text if len(text) <= 60 else text[:57] + u'...'


def check_map(where, value):
    """Refuse map values that YAML has already changed; null stands for removal of the key."""
    if value is None:
        return
    for key, item in value.items():
        if not key:
            raise OvsdbError('%s: a key is empty' % where)
        if item is None or isinstance(item, type(u'')):
            if item is not None and item.startswith('__omit_place_holder__'):
                raise OvsdbError('%s: omit does not work inside a map (key %s); leave the key out instead' % (where, key))
            continue
        if is_secret(key, item):
            raise OvsdbError('%s: the value of %s is not text, and how it was written is lost; '
                             'put it in quotes, and end a template with | string' % (where, key))
        if isinstance(item, bool):
            raise OvsdbError('%s: the value of %s is a YAML boolean, and how it was written (true, yes, on) is lost; '
                             'put it in quotes, such as "%s"' % (where, key, str(item).lower()))
        kind = 'number %s' % shown(item) if isinstance(item, NUMBERS) else type(item).__name__
        raise OvsdbError('%s: the value of %s is the YAML %s, and how it was written is lost (0x10 has become 16, 1:30 has become 90); '
                         'put it in quotes, and end a template with | string' % (where, key, kind))


def check_integer(where, name, value):
    """An integer in the column's range; an empty string clears and is kept."""
    if value is None or value == u'' or value == []:
        return None if value is None else u''
    low, high = INTEGER_RANGES[name]
    # int() takes 1_0 and the digits of every script too.
    number = int(value) if isinstance(value, type(u'')) and INTEGER.match(value.strip()) else value
    if not isinstance(number, INTEGERS) or isinstance(number, bool):
        raise OvsdbError('%s: %s must be an integer from %d to %d, or "" to clear it, not %s' % (where, name, low, high, shown(value)))
    if not low <= number <= high:
        raise OvsdbError('%s: %s %s is out of range; it must be from %d to %d' % (where, name, shown(number), low, high))
    return number


def check_integers(where, name, values):
    """A list of integers in the column's range; the empty text that Ansible makes of an empty value stands for an empty list."""
    if values is None:
        return None
    if values == [u'']:
        return []
    numbers = [check_integer(where, name, value) for value in values]
    if u'' in numbers:
        raise OvsdbError('%s: %s holds an empty entry' % (where, name))
    return numbers


def check_name(where, name):
    if not name or u'/' in name or name != name.strip():
        raise OvsdbError('%s: "%s" is not a usable name; it must not be empty, hold a slash, or begin or end with blanks' % (where, name))


def check_unique(where, names):
    seen = set()
    for name in names:
        if name in seen:
            raise OvsdbError('%s: %s is given twice' % (where, name))
        seen.add(name)


def items_of(params, key, plural, spec):
    """The items of a task that has either the options of one item or a list of them."""
    if params[plural] is not None:
        return params[plural]
    return [dict((name, params[name]) for name in spec)]


def bridge_spec(required):
    return dict(
        name=dict(type='str', required=required),
        state=dict(type='str', choices=['present', 'absent'], default='present'),
        datapath_type=dict(type='str'),
        fail_mode=dict(type='str', choices=['standalone', 'secure', '']),
        controllers=dict(type='list', elements='str'),
        other_config=dict(type='dict'),
        external_ids=dict(type='dict'),
        purge=dict(type='bool', default=False),
    )


def check_bridge(item):
    where = 'bridge %s' % item['name']
    check_name(where, item['name'])
    check_map(where + ': other_config', item['other_config'])
    check_map(where + ': external_ids', item['external_ids'])
    if item['controllers'] is not None:
        # An empty text, of which Ansible makes a list with one, clears like an empty list.
        targets = item['controllers'] = [] if item['controllers'] == [u''] else item['controllers']
        check_unique(where + ': controllers', targets)
        if u'' in targets:
            raise OvsdbError('%s: controllers holds an empty entry' % where)


def check_datapath_types(runner, model, items):
    """Refuse a datapath type that the switch does not know. Stale or absent knowledge must not refuse what a prepared database may hold."""
    known = model.root['datapath_types'] if runner.wait else None
    for item in items:
        kind = item['datapath_type']
        if known and kind and kind not in known:
            raise OvsdbError('bridge %s: this switch has no datapath type %s; it has: %s' % (item['name'], kind, ', '.join(sorted(known))))


def interface_spec():
    return dict(
        type=dict(type='str'),
        options=dict(type='dict'),
        mtu_request=dict(type='raw'),
        ofport_request=dict(type='raw'),
    )


def port_spec(required):
    return dict(
        interface_spec(),
        name=dict(type='str', required=required),
        bridge=dict(type='str'),
        state=dict(type='str', choices=['present', 'absent'], default='present'),
        move=dict(type='bool', default=False),
        interface_other_config=dict(type='dict'),
        interface_external_ids=dict(type='dict'),
        tag=dict(type='raw'),
        trunks=dict(type='list', elements='raw'),
        vlan_mode=dict(type='str', choices=['access', 'trunk', 'native-tagged', 'native-untagged', 'dot1q-tunnel', '']),
        bond_mode=dict(type='str', choices=['active-backup', 'balance-slb', 'balance-tcp', '']),
        lacp=dict(type='str', choices=['active', 'passive', 'off', '']),
        external_ids=dict(type='dict'),
        other_config=dict(type='dict'),
        interfaces=dict(type='list', elements='dict', options=dict(
            interface_spec(),
            name=dict(type='str', required=True),
            external_ids=dict(type='dict'),
            other_config=dict(type='dict'),
        )),
        purge=dict(type='bool', default=False),
    )


def check_interface(where, item, maps):
    for name in maps:
        check_map('%s: %s' % (where, name), item[name])
    for name in ('mtu_request', 'ofport_request'):
        item[name] = check_integer(where, name, item[name])


def check_port(item):
    where = 'port %s' % item['name']
    check_name(where, item['name'])
    check_interface(where, item, ('options', 'external_ids', 'other_config', 'interface_external_ids', 'interface_other_config'))
    item['tag'] = check_integer(where, 'tag', item['tag'])
    item['trunks'] = check_integers(where, 'trunks', item['trunks'])
    for name, keys in OF_INTERFACE.items():
        for key in keys:
            # A key that was put there by mistake can be removed.
            if (item[name] or {}).get(key) is not None:
                raise OvsdbError('%s: %s has no effect in %s of a port; it belongs in interface_%s' % (where, key, name, name))
    members = item['interfaces']
    if members is None:
        return
    if not members:
        raise OvsdbError('%s: interfaces is empty; a port has at least one, and state: absent removes the port' % where)
    given = [name for name in sorted(SINGLE) if item[name] is not None]
    if given:
        raise OvsdbError('%s: %s cannot be given together with interfaces; give it with each of them' % (where, ', '.join(given)))
    for member in members:
        within = '%s: interface %s' % (where, member['name'])
        check_name(within, member['name'])
        check_interface(within, member, ('options', 'external_ids', 'other_config'))


def interface_names(ports):
    """Names of all interfaces that the ports have; one name twice is an error."""
    return [member['name'] for item in ports for member in (item['interfaces'] if item['interfaces'] is not None else [item])]


def check_interface_types(runner, model, items):
    """Refuse a type that the running switch does not know before anything is changed."""
    known = model.root['iface_types']
    if not runner.wait or not known:
        return
    wanted = dict((entry['type'], item['name']) for item in items for entry in item['interfaces'] or [item] if entry['type'])
    unknown = sorted(kind for kind in wanted if kind not in known)
    # Right after DPDK was initialised its types may take a moment to show up.
    if unknown and model.root['dpdk_initialized'] and runner.until(lambda row: row['iface_types'].issuperset(unknown), ['iface_types'], seconds=2):
        return
    if unknown:
        kind = unknown[0]
        hint = ''
        if kind.startswith('dpdk'):
            hint = '; DPDK types are there once DPDK is initialised (ovs_config with dpdk-init and wait_dpdk)'
        raise OvsdbError('port %s: this switch has no interface type %s%s. It has: %s' % (wanted[kind], kind, hint, ', '.join(sorted(known))))


def topology_spec():
    port = port_spec(True)
    del port['bridge'], port['state']
    bridge = bridge_spec(True)
    del bridge['state']
    for spec in (bridge, port):
        spec['manage_existing'] = dict(type='bool', default=False)
    bridge['ports'] = dict(type='list', elements='dict', options=port, default=[])
    return bridge


def check_mark(where, item):
    if OWNER_KEY in (item['external_ids'] or {}):
        raise OvsdbError('%s: external_ids: the key %s is set by the module itself; leave it out' % (where, OWNER_KEY))


def check_topology(owner, bridges):
    """Check the list of ovs_topology, complete with defaults; return all its ports."""
    if not owner.strip():
        raise OvsdbError('owner is empty; give the value of the mark external_ids:%s' % OWNER_KEY)
    for bridge in bridges:
        check_bridge(bridge)
        check_mark('bridge %s' % bridge['name'], bridge)
        if len(bridge['name'].encode('utf-8')) > MAX_BRIDGE_NAME:
            raise OvsdbError('bridge %s: the name is longer than %d bytes, which a network device can have' % (bridge['name'], MAX_BRIDGE_NAME))
        for port in bridge['ports']:
            check_port(port)
            check_mark('port %s' % port['name'], port)
    ports = [port for bridge in bridges for port in bridge['ports']]
    names = [bridge['name'] for bridge in bridges]
    check_unique('names of bridges and ports', names + [port['name'] for port in ports])
    check_unique('names of bridges and interfaces', names + interface_names(ports))
    return ports

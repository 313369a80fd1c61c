# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to this collection: it may change with any release.

from __future__ import absolute_import, division, print_function

__metaclass__ = type


class ModuleDocFragment(object):
    # The connection to the database.
    DOCUMENTATION = r"""
options:
  database:
    description:
      - Where the Open_vSwitch database is served, as V(unix:/path/to/db.sock), V(tcp:HOST:PORT) or V(ssl:HOST:PORT).
      - The port is 6640 unless given. An IPv6 address is put in square brackets.
    type: str
    default: unix:/run/openvswitch/db.sock
  timeout:
    description:
      - Seconds after which the module gives up, from 1 to 1000000, with name resolution, all addresses of a name and TLS included.
    type: int
    default: 30
  private_key:
    description:
      - For V(ssl:) the path on the managed host of the client's private key.
    type: path
  certificate:
    description:
      - For V(ssl:) the path on the managed host of the client's certificate.
    type: path
  ca_cert:
    description:
      - For V(ssl:) the path on the managed host of the certificate of the CA that the server's certificate is checked against.
      - Required with V(ssl:). Host names are not checked, as is usual with OVSDB.
    type: path
requirements:
  - Nothing but Python 2.7 or 3.6 and later on the managed host. The module speaks to the database itself, without C(ovs-vsctl).
"""

    # Modules that write.
    WRITE = r"""
options:
  wait:
    description:
      - Whether to wait until C(ovs-vswitchd) has applied the change, and to fail with what it says of the interfaces.
      - A task that changes nothing looks at both too, so that an error does not vanish with the next run. It writes nothing, and therefore
        does not notice a switch that ended after it had applied everything.
      - Set it to V(false) to prepare a database while no switch is running.
    type: bool
    default: true
attributes:
  check_mode:
    support: full
    details:
      - Errors that only C(ovs-vswitchd) finds while it applies a change are not predicted.
      - Check mode sees the switch as it is, so that a port on a bridge that an earlier task would have created is refused.
  diff_mode:
    support: full
  idempotent:
    support: full
  action_group:
    description: Use C(group/kube_ovn.dpdk.ovs) in C(module_defaults) to set options of all ovs modules of this collection.
    support: full
    membership:
      - kube_ovn.dpdk.ovs
notes:
  - All changes of one task are one transaction. Either all of them are made, or none.
  - A task that fails after it sent a change whose answer was lost says that the change may have been applied, and is reported as changed.
  - Columns that no option names, such as QoS, mirrors and NetFlow, are left alone.
  - The values in maps are text and are stored exactly as given. Numbers and booleans in maps are refused, because YAML has already
    changed how they were written, as with C(0x10), C(1:30) or C(yes). Put them in quotes.
    Quote such keys and dates with a time as well. The module cannot know how they were written.
  - An omitted option leaves its column alone. An empty value clears it.
"""

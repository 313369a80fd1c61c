#!/usr/bin/python
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: k8s_lock
short_description: Takes, renews and releases a lock of a cluster
version_added: 1.0.0
description:
  - Keeps two runs from doing the same thing in a cluster at once. The lock is a Lease, which other tools can read.
  - The lock has a bounded lifetime. A run that died blocks others until then, unless O(replaces) names it. The Lease is removed with the Job that owns it
    (Kubernetes 1.21 and later).
  - The module fails when another holder has the lock, and says who, since when and how long.
  - All holders use the clock of the API server, since their own may be wrong. A Lease that was renewed more than a day ahead of that clock counts as free.
options:
  state:
    description: Whether the lock is to be held, which takes or renews it, or to be given back. A lock of another holder is left as it is by V(absent).
    type: str
    choices: [present, absent]
    default: present
  name:
    description: Name of the Lease.
    type: str
    required: true
  namespace:
    description: Namespace of the Lease.
    type: str
    required: true
  holder:
    description: Who holds the lock. Each run needs a name of its own.
    type: str
    required: true
  seconds:
    description: How long the lock is held from now on, unless it is renewed or given back, from 1 to 86400 seconds.
    type: int
    default: 600
  replaces:
    description: A holder whose run is known to have died. Its lock is taken over at once.
    type: str
    default: ""
  purpose:
    description: What the lock is for, as the message for another run says.
    type: str
    default: this task
  labels:
    description: Labels of the Lease and of its owner.
    type: dict
    default: {}
extends_documentation_fragment:
  - kube_ovn.dpdk._kubernetes
notes:
  - Needs the rights to get, create, update and delete Leases, and to get, create, patch and delete Jobs in O(namespace).
  - The result is never changed, since a lock is no state that a run leaves behind.
attributes:
  check_mode:
    description: Takes and gives back nothing, and refuses what another holder has.
    support: full
  diff_mode:
    details: Nothing is left changed.
  idempotent:
    description: The same input gives the same result.
    support: full
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
"""

EXAMPLES = r"""
- name: Take the lock for five minutes
  kube_ovn.dpdk.k8s_lock:
    name: maintenance
    namespace: default
    holder: "run 4711 of operator"
    seconds: 300
    purpose: the maintenance

- name: Give it back
  kube_ovn.dpdk.k8s_lock:
    name: maintenance
    namespace: default
    holder: "run 4711 of operator"
    state: absent
"""

RETURN = r"""
held:
  description: Whether the holder has the lock now.
  returned: success
  type: bool
  sample: true
replaced:
  description: Whether the lock was taken over from O(replaces).
  returned: success
  type: bool
  sample: false
until:
  description: When the lock expires by the clock of the API server, in seconds since 1970. Null without the lock.
  returned: success
  type: int
  sample: 1795647311
"""

import json
import time

from ansible.module_utils.common.text.converters import to_text

from ansible_collections.kube_ovn.dpdk.plugins.module_utils._k8s_client import k8s_client, k8s_module, reason
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._k8s_lock import LONGEST, deadline, held_by_another, job, lease, served

try:
    from kubernetes.client.rest import ApiException
    from kubernetes.dynamic.exceptions import ResourceNotFoundError
    from urllib3.exceptions import HTTPError
except ImportError:
    # k8s_module reports it.
    pass

# Two that want the lock at the same time: who loses reads again, and then finds the winner.
ATTEMPTS = 5


class Lock(object):
    def __init__(self, module, client):
        self.module, self.wanted = module, module.params
        self.replaced = False
        self.leases = client.resource('Lease', 'coordination.k8s.io/v1')
        self.jobs = client.resource('Job', 'batch/v1')

    def read(self, resource, name):
        try:
            return resource.get(name=name, namespace=self.wanted['namespace']).to_dict()
        except ApiException as error:
            if error.status == 404:
                return None
            raise

    def read_with_time(self):
        """The Lease, or None, and the time by the clock of the API server, which all holders share."""
        try:
            answer = self.leases.get(name=self.wanted['name'], namespace=self.wanted['namespace'], serialize=False)
            found, headers = json.loads(to_text(answer.data)), answer.headers
        except ApiException as error:
            if error.status != 404:
                raise
            found, headers = None, error.headers
        present = served(headers)
        return found, int(time.time()) if present is None else present

    def take(self):
        for _unused in range(ATTEMPTS):
            found, present = self.read_with_time()
            replaces = self.wanted['replaces']
            refused = held_by_another(found, self.wanted['holder'], self.wanted['purpose'], present, replaces)
            if refused:
                # Of an earlier attempt that lost.
                self.remove_owner(self.wanted)
                self.module.fail_json(msg=refused)
            if self.module.check_mode:
                return None
            body = lease(found, self.wanted, present, self.owner(present))
            try:
                write = self.leases.replace if found else self.leases.create
                write(body=body, namespace=self.wanted['namespace'])
                self.replaced = bool(replaces) and ((found or {}).get('spec') or {}).get('holderIdentity') == replaces
                if self.replaced:
                    self.remove_owner(dict(self.wanted, holder=replaces))
                return present + self.wanted['seconds']
            except ApiException as error:
                # Another was faster, or has given it back.
                if error.status not in (404, 409):
                    raise
        self.remove_owner(self.wanted)
        return self.module.fail_json(
            msg='The lock of %(purpose)s (Lease %(name)s in namespace %(namespace)s) got another holder at every attempt; try again' % self.wanted
        )

    def owner(self, present):
        """The Job that owns the Lease, with a deadline after the end of the lock."""
        wanted = job(self.wanted)
        there = self.read(self.jobs, wanted['metadata']['name'])
        if there is None:
            return self.jobs.create(body=wanted, namespace=self.wanted['namespace']).to_dict()
        patch = {'metadata': {'name': there['metadata']['name']}, 'spec': {'activeDeadlineSeconds': deadline(there, self.wanted['seconds'], present)}}
        return self.jobs.patch(body=patch, namespace=self.wanted['namespace'], content_type='application/merge-patch+json').to_dict()

    def remove_owner(self, wanted):
        if not self.module.check_mode:
            self.delete(self.jobs, job(wanted)['metadata']['name'], {'propagationPolicy': 'Background'})

    def delete(self, resource, name, options):
        try:
            resource.delete(name=name, namespace=self.wanted['namespace'], body=dict(options, apiVersion='v1', kind='DeleteOptions'))
        except ApiException as error:
            # It was removed or taken over in the meantime.
            if error.status not in (404, 409):
                raise

    def release(self):
        found = self.read(self.leases, self.wanted['name'])
        if self.module.check_mode:
            return
        if found and (found.get('spec') or {}).get('holderIdentity') == self.wanted['holder']:
            self.delete(self.leases, self.wanted['name'], {'preconditions': {'resourceVersion': found['metadata']['resourceVersion']}})
        self.remove_owner(self.wanted)


def main():
    module = k8s_module(
        dict(
            state=dict(type='str', choices=['present', 'absent'], default='present'),
            name=dict(type='str', required=True),
            namespace=dict(type='str', required=True),
            holder=dict(type='str', required=True),
            seconds=dict(type='int', default=600),
            replaces=dict(type='str', default=''),
            purpose=dict(type='str', default='this task'),
            labels=dict(type='dict', default={}),
        )
    )
    if not module.params['holder'].strip():
        module.fail_json(msg='holder is empty: give a name that only this run has')
    if not 1 <= module.params['seconds'] <= LONGEST:
        module.fail_json(msg='seconds is %d: set it to a number from 1 to %d' % (module.params['seconds'], LONGEST))
    try:
        lock = Lock(module, k8s_client(module))
        if module.params['state'] == 'present':
            until = lock.take()
            module.exit_json(changed=False, held=until is not None, replaced=lock.replaced, until=until)
        lock.release()
    except ResourceNotFoundError as error:
        module.fail_json(msg='The Kubernetes API serves no Leases (coordination.k8s.io/v1) or Jobs, so no lock can be taken: %s' % error)
    except (ApiException, HTTPError) as error:
        module.fail_json(msg='The lock (Lease %s in namespace %s) could not be used: %s' % (module.params['name'], module.params['namespace'], reason(error)))
    module.exit_json(changed=False, held=False, replaced=False, until=None)


if __name__ == '__main__':
    main()

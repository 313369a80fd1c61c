# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A lock of a cluster: a Lease with a bounded lifetime, so that two runs do not do the same thing at once, and one that died blocks no other for long.

PRIVATE to the collection. Kubernetes removes no Lease by itself. Its owner is a Job without pods, which ends at its deadline and is removed then
(ttlSecondsAfterFinished, Kubernetes 1.21); the Lease goes with it. So a run that was interrupted leaves nothing.

Times are seconds since 1970, UTC.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import calendar
import hashlib
import re
import time
import unicodedata
from email.utils import mktime_tz, parsedate_tz

FORM = '%Y-%m-%dT%H:%M:%S'
# The longest lifetime of a lock, in seconds. Others than this collection can write a Lease too.
LONGEST = 86400


def moment(text):
    """The time of a MicroTime of the API, or None."""
    match = re.match(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d', '%s' % (text or ''))
    try:
        return calendar.timegm(time.strptime(match.group(0), FORM)) if match else None
    except ValueError:
        # The API takes the year 0.
        return None


def printable(text):
    """The holder that a Lease names, for a message: 300 letters at most, and no control characters. Other users can write Leases."""
    return ''.join(letter if letter == ' ' or unicodedata.category(letter)[0] not in 'CZ' else u'\ufffd' for letter in text[:300])


def served(headers):
    """The time by the clock of the server that sent these headers, or None."""
    read = parsedate_tz((headers or {}).get('Date') or '')
    return None if read is None else int(mktime_tz(read))


def stamp(present):
    return time.strftime(FORM, time.gmtime(present)) + '.000000Z'


def held_by_another(found, holder, purpose, present, replaces=''):
    """Why the lock cannot be taken, or an empty text. found: the Lease, or None; replaces: a holder whose run is known to have died."""
    spec = (found or {}).get('spec') or {}
    other = spec.get('holderIdentity') or ''
    since = moment(spec.get('renewTime'))
    if other in ('', holder, replaces) or since is None:
        return ''
    left = since + min(int(spec.get('leaseDurationSeconds') or 0), LONGEST) - present
    # A renewal in the future comes from a clock that was put back, or from a user who wants to block others for ever.
    if left <= 0 or since - present > LONGEST:
        return ''
    return (
        'Another run of %s uses this cluster: %s, since %s. Wait until it is done; if it died, its lock expires in %d s (Lease %s in namespace %s).'
        % (purpose, printable(other), spec.get('acquireTime') or spec.get('renewTime'), left, found['metadata']['name'], found['metadata']['namespace'])
    )


def lease(found, wanted, present, owner=None):
    """The Lease to write. wanted: {name, namespace, labels, holder, seconds}. One that is there is written only as it was read: its resourceVersion is kept."""
    spec = (found or {}).get('spec') or {}
    metadata = {'name': wanted['name'], 'namespace': wanted['namespace'], 'labels': dict(wanted['labels'])}
    if found:
        metadata['resourceVersion'] = found['metadata']['resourceVersion']
    if owner:
        metadata['ownerReferences'] = [{'apiVersion': 'batch/v1', 'kind': 'Job', 'name': owner['metadata']['name'], 'uid': owner['metadata']['uid']}]
    acquired = spec.get('acquireTime') if spec.get('holderIdentity') == wanted['holder'] else None
    return {
        'apiVersion': 'coordination.k8s.io/v1',
        'kind': 'Lease',
        'metadata': metadata,
        'spec': {
            'holderIdentity': wanted['holder'],
            'leaseDurationSeconds': wanted['seconds'],
            'acquireTime': acquired or stamp(present),
            'renewTime': stamp(present),
        },
    }


def job(wanted):
    """The owner of the Lease. No pod is made of it; the API server only wants it complete, and Pod Security `restricted` wants it safe."""
    digest = hashlib.sha256(wanted['holder'].encode('utf-8')).hexdigest()[:10]
    container = {
        'name': 'none',
        'image': 'none',
        'securityContext': {
            'allowPrivilegeEscalation': False,
            'capabilities': {'drop': ['ALL']},
            'runAsNonRoot': True,
            'seccompProfile': {'type': 'RuntimeDefault'},
        },
    }
    return {
        'apiVersion': 'batch/v1',
        'kind': 'Job',
        'metadata': {'name': '%s-%s' % (wanted['name'], digest), 'namespace': wanted['namespace'], 'labels': dict(wanted['labels'])},
        'spec': {
            'parallelism': 0,
            'completions': 1,
            'backoffLimit': 0,
            'activeDeadlineSeconds': wanted['seconds'],
            'ttlSecondsAfterFinished': 0,
            'template': {'spec': {'restartPolicy': 'Never', 'automountServiceAccountToken': False, 'containers': [container]}},
        },
    }


def deadline(there, seconds, present):
    """The deadline of an owner that is there, in seconds after its start, such that it outlives the lock."""
    began = moment((there.get('status') or {}).get('startTime')) or moment(there['metadata'].get('creationTimestamp')) or present
    return max(present - began, 0) + seconds

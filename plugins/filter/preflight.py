# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

from ansible.errors import AnsibleFilterError
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import preflight


def preflight_findings(facts, settings, scope="node", host="", accept=()):
    scopes = (preflight.INVENTORY, preflight.NODE, preflight.CLUSTER)
    if scope not in scopes:
        raise AnsibleFilterError("preflight_findings: scope is %r, not one of %s" % (scope, ", ".join(scopes)))
    known = set(rule["id"] for rule in preflight.RULES)
    unknown = sorted(set(accept) - known)
    if unknown:
        raise AnsibleFilterError("preflight_findings: there is no check %s; the checks are %s" % (", ".join(unknown), ", ".join(sorted(known))))
    return preflight.findings(facts, settings, scope, host, accept)


class FilterModule(object):
    def filters(self):
        return {
            "preflight_findings": preflight_findings,
            "preflight_cluster_facts": preflight.cluster_facts,
            "preflight_report": preflight.report,
        }

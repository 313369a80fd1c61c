# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Groups of the inventory."""

from __future__ import annotations

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.engine import INVENTORY, error, rule


@rule("inventory-groups", INVENTORY, "the inventory has the groups that the plays run on")
def inventory_groups(case):
    inventory = case.facts["inventory"]
    if not inventory.get("nodes"):
        yield error("group nodes has no host", "put the hosts that run OVS-DPDK into the group nodes; examples/ has inventories to start from")
    for group, task in (("cluster", "talks to the Kubernetes API"), ("build", "builds the CNI plugin and images")):
        hosts = inventory.get(group, [])
        if len(hosts) != 1:
            yield error("group %s has %d hosts" % (group, len(hosts)), "put the one host that %s into it, usually localhost" % task)

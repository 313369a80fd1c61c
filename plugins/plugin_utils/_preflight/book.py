# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rule book as filters and tests use it. It imports every file of rules, since a rule is registered when its file is imported."""

from __future__ import annotations

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight import engine
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.cluster import all_findings, cluster_facts
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.rules.build import needs as build_needs
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.rules.images import images_to_ask_for, names_to_look_up

FILES = engine.FILES
for _name in FILES:
    engine.load(_name)

# An import above may have registered a file before its turn.
engine.RULES.sort(key=lambda entry: FILES.index(entry["role"]))
RULES = engine.RULES
SCOPES = engine.SCOPES
findings = engine.findings
errors = engine.errors
report = engine.report

__all__ = ("FILES", "RULES", "SCOPES", "all_findings", "build_needs", "cluster_facts", "errors", "findings", "images_to_ask_for", "names_to_look_up", "report")

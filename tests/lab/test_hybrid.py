"""Hybrid mode on two lab nodes that were never used: `site.yml` in one run to packets between the nodes, through Kube-OVN's own ports and its tunnel."""

from __future__ import annotations

import json

import pytest
from lab import REPORT
from two_nodes import HYBRID, NODES, chassis, packets_through_the_tunnel, run, unchanged

pytestmark = pytest.mark.usefixtures("two_nodes")


def test_from_nothing_to_packets_through_the_tunnel():
    run("site.yml", 1200, **HYBRID)
    packets_through_the_tunnel()


def test_a_second_run_changes_nothing_and_proves_it_again():
    unchanged(run("site.yml", **HYBRID))
    assert json.loads(REPORT.read_text())["result"] == "pass"


def test_chassis_are_named_as_their_nodes():
    """Kube-OVN's controller removes each chassis that is named as no node is."""
    assert chassis() == sorted(NODES)

# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Quantities of Kubernetes, which the API server writes in another way than they were given: C(1000m) as C(1).

PRIVATE to the collection.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import re
from fractions import Fraction

UNITS = {"n": Fraction(1, 10**9), "u": Fraction(1, 10**6), "m": Fraction(1, 1000), "": 1}
UNITS.update((unit, 1000**power) for power, unit in enumerate("kMGTPE", 1))
UNITS.update((unit + "i", 1024**power) for power, unit in enumerate("KMGTPE", 1))


def quantity(value):
    """A quantity as a number; any other text is returned as it is."""
    found = re.match(r"([0-9]+(?:\.[0-9]*)?)([a-zA-Z]*)\Z", "%s" % (value,))
    return Fraction(found.group(1)) * UNITS[found.group(2)] if found and found.group(2) in UNITS else "%s" % (value,)

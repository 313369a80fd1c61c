# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads what users write: versions, sizes, lists of numbers, names of devices."""

from __future__ import annotations

import re

from ansible.module_utils.common.text.formatters import human_to_bytes
from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _cpus, _pci

try:
    from packaging.version import Version
except ImportError:
    # ansible-core depends on it, so only a tool that imports plugins without ansible-core's dependencies lacks it.
    Version = None


# Of apimachinery's resource.Quantity: what amounts of CPU and memory may look like.
QUANTITY = re.compile(r"[0-9]+(\.[0-9]+)?(m|[kKMGTPE]i?|[eE][0-9]+)?\Z")


def version(text):
    """(major, minor, patch) of a release such as v1.12.35, else None."""
    # What follows the numbers is of many kinds, such as +k3s1 or -862.el7.x86_64.
    found = re.match(r"v?([0-9]{1,9}(?:\.[0-9]{1,9}){1,2})(?![0-9.])", str(text or "").strip())
    return (Version(found.group(1)).release + (0,))[:3] if found else None


def is_linux(labels):
    """Whether a node with these labels runs Linux. Kubernetes before 1.14 has the older label alone."""
    return (labels.get("kubernetes.io/os") or labels.get("beta.kubernetes.io/os") or "linux") == "linux"


def can_run_ovs(labels):
    """Whether a node with these labels is a Linux machine, where pods of Open vSwitch can run, and no provider of containers behind a virtual kubelet."""
    return is_linux(labels) and labels.get("type") != "virtual-kubelet"


def settings_read(variables):
    """The settings of all roles that role preflight has read of a host, whose variables these are."""
    return (variables.get("preflight_inputs") or {}).get("settings", {})


def dotted(numbers_of_version):
    return ".".join(str(number) for number in numbers_of_version)


def mebibytes(text):
    """MiB of a size such as 1Gi, 512Mi, 2048, 1G or 2M (a plain number is MiB), else None."""
    found = re.match(r"([0-9]{1,15})\s*([KMGT]?)(?:i?B?)\Z", str(text or "").strip(), re.I)
    return human_to_bytes(found.group(1) + found.group(2), default_unit="M") // 1048576 if found else None


def cores(value):
    """Cores of a list or of a text such as 1,3-5; none of what is no list of cores."""
    try:
        return _cpus.parse([] if value is None else value, duplicates=True)
    except ValueError:
        return []


def numbers(value):
    """Integers of a list, of a number, or of a text such as 1024,1024; None for anything else."""
    if value is None or value == "":
        return []
    if isinstance(value, int) and not isinstance(value, bool):
        return [value]
    parts = [str(part).strip() for part in (value if isinstance(value, (list, tuple)) else str(value).split(","))]
    return [int(part) for part in parts] if all(re.match(r"[0-9]{1,18}\Z", part) for part in parts) else None


def given(value):
    """Whether a value was given. A template's null is an empty text before ansible-core 2.19."""
    return value is not None and value != ""


def names(value):
    """Names of a list, or of a text with commas between them, as an argument specification reads it."""
    if not given(value):
        return []
    return [str(part).strip() for part in (value if isinstance(value, (list, tuple)) else str(value).split(","))]


def device(name):
    """The name of a device (its address, its interface, or vendor:device) or of devargs as it is compared: hexadecimal in lower case, addresses in full."""
    text = str(name).partition(",")[0].strip()
    return _pci.full_address(text) or (text.lower() if _pci.VENDOR_DEVICE.match(text.lower()) else text)

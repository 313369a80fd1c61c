# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to this collection: it may change with any release.

"""Names of images, as users shorten them and as runtimes keep them. After github.com/distribution/reference, normalize.go and reference.go."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import re

HUB = "docker.io"


def full_name(name):
    """The name under which a runtime of CRI keeps an image: with its registry, and with its tag or its digest.

    A kubelet that is given both looks for the digest (ParseDockerRef() of containerd), so the tag does not count then.
    """
    name, at, digest = name.partition("@")
    first, slash, rest = name.partition("/")
    if not slash or not (re.search(r"[.:]", first) or first == "localhost" or first != first.lower()):
        first, rest = HUB, name
    elif first == "index.docker.io":
        first = HUB
    if first == HUB and "/" not in rest:
        rest = "library/" + rest
    if at:
        return "%s/%s@%s" % (first, re.sub(r":[^:/]*$", "", rest), digest)
    return "%s/%s%s" % (first, rest, "" if ":" in rest.rpartition("/")[2] else ":latest")


def split_name(name):
    """(registry, repository, tag or digest) of a name."""
    registry, dummy, rest = full_name(name).partition("/")
    repository, at, digest = rest.partition("@")
    if at:
        return registry, repository, digest
    repository, dummy, tag = rest.rpartition(":")
    return registry, repository, tag


def is_similar(name, other):
    """Whether an image of this name may be what is meant by the other: the same digest, or the same last part and tag elsewhere."""
    path, version = split_name(name)[1:]
    other_path, other_version = split_name(other)[1:]
    if version != other_version or full_name(name) == full_name(other):
        return False
    return version.startswith("sha256:") or path.rpartition("/")[2] == other_path.rpartition("/")[2]

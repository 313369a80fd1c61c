# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the build of Userspace CNI starts from."""

from __future__ import annotations

import pytest
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _userspace_cni

SETTINGS = {"userspace_cni_binary": "", "userspace_cni_with_vpp": False, "userspace_cni_vpp_api_dir": "/usr/share/vpp/api"}


def given(checksum: str, found: str | None) -> dict:
    return {"item": {"name": "userspace", "given": "/b/userspace", "checksum": checksum}, "stat": {"exists": bool(found), "checksum": found}}


@pytest.mark.parametrize(
    ("results", "settings", "definitions"),
    [
        ([], {"userspace_cni_with_vpp": "false"}, []),
        ([given("a", "a")], {}, []),
        ([], {"userspace_cni_with_vpp": True}, [{"path": "/usr/share/vpp/api/core/interface.api.json"}]),
        # The given plugin has its engine.
        ([given("a", "a")], {"userspace_cni_with_vpp": True, "userspace_cni_binary": "/b/userspace"}, []),
    ],
)
def test_build_that_can_begin(results: list, settings: dict, definitions: list) -> None:
    assert _userspace_cni.build_errors(results, definitions, {**SETTINGS, **settings}, "builder") == []


@pytest.mark.parametrize(
    ("results", "settings", "expected"),
    [
        ([given("a", "b")], {}, "/b/userspace on builder has the SHA-256 b; the inventory says a."),
        ([given("a", None)], {}, "/b/userspace on builder has the SHA-256 (no such file); the inventory says a."),
        ([given("", "b")], {}, "/b/userspace on builder has the SHA-256 b; the inventory says (nothing)."),
        ([], {"userspace_cni_with_vpp": True}, "/usr/share/vpp/api on builder has no *.api.json"),
    ],
)
def test_build_that_cannot_begin(results: list, settings: dict, expected: str) -> None:
    (error,) = _userspace_cni.build_errors(results, [], {**SETTINGS, **settings}, "builder")
    assert error.startswith(expected)

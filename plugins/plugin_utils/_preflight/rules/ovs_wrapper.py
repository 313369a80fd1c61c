# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules of role ovs_wrapper."""

from __future__ import annotations

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.engine import NODE, error, rule


@rule("ovs-tools", NODE, "no tool of Open vSwitch is in the way of its wrapper")
def foreign_tools(case):
    names = case.setting("ovs_wrapper_tools")
    found = case.facts.get("ovs_tools", {})
    foreign = sorted(name for name, kind in found.items() if kind == "other" and (names is None or name in names))
    if foreign and case.setting("ovs_wrapper_state", "present") == "present":
        yield error(
            "%s in %s is no wrapper: it seems to be Open vSwitch's own" % (", ".join(foreign), case.setting("ovs_wrapper_dir", "/usr/local/bin")),
            "remove it, with the package or the build that it came from, or set ovs_wrapper_dir to another directory on the PATH of the container runtime",
        )

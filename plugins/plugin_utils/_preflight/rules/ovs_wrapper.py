# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules of role ovs_wrapper."""

from __future__ import annotations

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.engine import NODE, error, rule


@rule("ovs-tools", NODE, "no tool of Open vSwitch is in the way of its wrapper")
def foreign_tools(case):
    if case.setting("ovs_wrapper_state", "present") != "present":
        return
    names, directory = case.setting("ovs_wrapper_tools"), case.setting("ovs_wrapper_dir", "/usr/local/bin")

    def are(kind):
        found = case.facts.get("ovs_tools", {})
        return ", ".join(sorted(name for name, there in found.items() if there == kind and (names is None or name in names)))

    if are("other"):
        yield error(
            "%s in %s is no wrapper: it seems to be Open vSwitch's own" % (are("other"), directory),
            "remove it, with the package or the build that it came from, or set ovs_wrapper_dir to another directory on the PATH of the container runtime",
        )
    if are("link"):
        yield error(
            "%s in %s is a link that leads nowhere" % (are("link"), directory),
            "remove the link, or set ovs_wrapper_dir to another directory on the PATH of the container runtime",
        )
    if are("directory"):
        yield error(
            "%s in %s is a directory" % (are("directory"), directory),
            "remove it, or set ovs_wrapper_dir to another directory on the PATH of the container runtime",
        )
    if case.facts.get("tools_dir") is False:
        yield error(
            "%s, the directory of the wrappers, does not exist" % directory,
            "create it, or set ovs_wrapper_dir to another directory on the PATH of the container runtime",
        )

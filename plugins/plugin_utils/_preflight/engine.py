# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine of the rule book: what preflight reports and what a role refuses is the same function.

How to add a rule. Every role has a file of rules, rules/ROLE.py; what belongs to no role is in rules/inventory.py, settings.py, machine.py,
build.py, cluster.py and images.py. A rule is a generator that gets one `Case` and yields `error(found, cure)`, `warning(found, cure)`, or
`notice(found, cure)` for what is as intended and worth knowing beforehand, such as a reboot:

    @rule("memory-limit", SETTINGS, "the limit is a whole number of pages")
    def whole_pages(case):
        amount = case.setting("kube_ovn_hugepage_amount")
        if amount is not None and ...:
            yield error("kube_ovn_hugepage_amount %s is no whole number of pages" % amount, "use a multiple of the page size")

- The id is words that say what is checked. Several rules may share an id: users ignore and documents list ids. The title is that of the id.
- `found` is what was found, with the variable and its value; `cure` is an imperative. Both are one clause without a full stop.
- Scopes. SETTINGS: variables that can be judged without any facts, with those of every host of the groups nodes, cluster and build; so a
  variable that is set in host_vars of the nodes alone belongs into NODE. NODE: one host of group nodes, its settings and facts
  (`case.facts` is `host` of module preflight_info). BUILD: the host of group build, its settings and facts (`host` of module
  preflight_build_info). CLUSTER: the settings of the host of group cluster and facts of the cluster (cluster.cluster_facts);
  `case.hosts()` gives each node with its settings. INVENTORY: the groups.
- `case.setting(name)` is None where a variable is not defined or an empty text. A rule that lacks what it would judge yields nothing.
- Rules run beside the validation of the argument specifications. A rule that raises because a value has another type is skipped, since the
  check argument-spec has found it; otherwise a rule that raises is a fault.
- docs/checks.md lists every id with its title, and tests/unit/plugins/plugin_utils/test_preflight.py has for every id a case that is found
  and a near miss that is not.

How a role refuses what its rules find:

    - name: Validate the settings
      ansible.builtin.assert:
        that: errors | length == 0
        fail_msg: "{{ errors | join('\\n') }}"
        quiet: true
      vars:
        errors: "{{ lookup('kube_ovn.dpdk.role_settings', 'kube_ovn') | kube_ovn.dpdk._setting_errors('kube_ovn') }}"

`role_settings` collects the variables that the role's argument specification names. A rule that needs facts is called with them:
`_setting_errors('kube_ovn', scope='cluster', facts={'kubernetes_version': '1.24.17'})`.
"""

from __future__ import annotations

import importlib

from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight import specifications
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.readers import device, mebibytes, numbers, version

# What a rule looks at: the groups of the inventory, the settings of one host, one host of group nodes, or the cluster.
INVENTORY = "inventory"
SETTINGS = "settings"
NODE = "node"
BUILD = "build"
CLUSTER = "cluster"
SCOPES = (INVENTORY, SETTINGS, NODE, BUILD, CLUSTER)
SEVERITIES = ("error", "warning", "notice")

DEDICATED = "dedicated"
HYBRID = "hybrid"

# What the hosts of group nodes and the one of group cluster both look at, and what holds for the cluster as a whole.
CLUSTER_WIDE = (
    "kube_ovn_version", "kube_ovn_mode", "kube_ovn_hybrid_bridge", "kube_ovn_hugepage_size", "kube_ovn_hugepage_amount", "kube_ovn_mount_dev",
)
# Variables of the installer that name places on the nodes, with what installers set.
PLACES = {"CNI_CONF_DIR": "/etc/cni/net.d", "CNI_BIN_DIR": "/opt/cni/bin", "CNI_CONFIG_PRIORITY": "01", "LOG_DIR": "/var/log"}

# In the order in which findings are shown.
FILES = (
    "inventory",
    "settings",
    "machine",
    "kubelet",
    "build",
    "cluster",
    "images",
    "hugepages",
    "dpdk_host",
    "cpu_management",
    "host_reboot",
    "ovs_dpdk_image",
    "kube_ovn",
    "ovs_wrapper",
    "ovs_bridges",
    "multus",
    "userspace_cni",
    "network_attachments",
    "dpdk_app",
    "verify",
)

RULES = []


def load(name):
    """Register the rules of a file. A role that refuses what its own rules find needs no other file, and importing all takes longer than judging them."""
    importlib.import_module("ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.rules." + name)


def rule(identity, scope, title):
    """Register a rule of this file; the title says in a few words what it looks for."""

    def register(function):
        RULES.append({"id": identity, "scope": scope, "title": title, "role": function.__module__.rpartition(".")[2], "function": function})
        return function

    return register


def error(found, cure):
    return {"severity": "error", "found": found, "cure": cure}


def warning(found, cure):
    return {"severity": "warning", "found": found, "cure": cure}


def notice(found, cure):
    """What is as intended, and worth knowing before a run changes anything."""
    return {"severity": "notice", "found": found, "cure": cure}


class Case:
    """What a rule judges: `facts` of one host or of the cluster, and the settings that hold for it."""

    def __init__(self, facts, settings, host):
        self.facts = facts
        self.settings = settings
        self.host = host

    def setting(self, name, default=None):
        value = self.settings.get(name)
        return default if value is None or value == "" else value

    def flag(self, name):
        """A setting that is true or false, which an inventory may give as text; None when it is not set."""
        value = self.setting(name)
        return None if value is None else boolean(value, strict=False)

    def hosts(self):
        """For scope cluster: each examined host with a case of its own settings, since they may differ from host to host."""
        return [(host, Case({}, settings, host)) for host, settings in sorted(self.facts.get("settings", {}).items())]

    @property
    def release(self):
        return version(self.setting("kube_ovn_version"))

    @property
    def mode(self):
        return self.setting("kube_ovn_mode", DEDICATED)

    def release_within(self, first, last):
        """Whether the release is known and first <= release <= last."""
        return self.release is not None and first <= self.release <= last

    @property
    def socket_memory(self):
        """MiB for each NUMA node; empty when not set or not readable."""
        return numbers(self.setting("kube_ovn_dpdk_socket_mem")) or []

    @property
    def page_mib(self):
        return mebibytes(self.setting("kube_ovn_hugepage_size"))

    @property
    def ovs_memory(self):
        """MiB of hugepages that the OVS pod may use: as set, else its socket memory in whole pages."""
        amount = mebibytes(self.setting("kube_ovn_hugepage_amount"))
        if amount is None and self.page_mib:
            amount = -(-sum(self.socket_memory) // self.page_mib) * self.page_mib
        return amount

    def wanted_pages(self):
        """(MiB of a page, count, node or None) of each entry of hugepages_pages that can be read."""
        found = []
        for entry in self.setting("hugepages_pages", []):
            if isinstance(entry, dict):
                size = mebibytes(entry.get("size"))
                count = numbers(entry.get("count"))
                node = numbers(entry.get("node"))
                if size and count:
                    found.append((size, count[0], node[0] if node else None))
        return found

    def present_pages(self):
        return [(page["size_kib"] // 1024, page["total"], page["node"]) for page in self.facts.get("hugepages", [])]

    def pages_of_size(self, size):
        """Pages of a size after the hosts were prepared: what is asked for, or what is there when nothing is said about the size and it is left alone."""
        wanted = [count for mib, count, node in self.wanted_pages() if mib == size]
        if wanted or self.flag("hugepages_purge"):
            return sum(wanted)
        return sum(count for mib, count, node in self.present_pages() if mib == size)

    def pages_by_node(self, nodes):
        """Pages of OVS-DPDK's size on each of these NUMA nodes after the hosts were prepared. The kernel spreads those that name no node."""
        wanted = [(count, node) for mib, count, node in self.wanted_pages() if mib == self.page_mib]
        if not wanted:
            wanted = [(count, node) for mib, count, node in self.present_pages() if mib == self.page_mib]
        return [sum(count if node == here else count // len(nodes) if node is None else 0 for count, node in wanted) for here in nodes]

    def pool_memory(self):
        """MiB that OVS takes for packets on a NUMA node: 262144 buffers for each size, which is that of an MTU in whole KiB and 960 bytes more."""
        sizes = set((int(mtu) + 26 + 1023) // 1024 * 1024 + 960 for mtu in [1500] + [port.get("mtu_request") or 1500 for port in self.dpdk_ports()])
        return sum(sizes) // 4

    def bound_nics(self):
        """(NIC, driver) of what dpdk_host_devices and, in hybrid mode, kube_ovn_hybrid_devices take from the kernel.

        A device is named by its address, its interface or as vendor:device. Who binds ports of hybrid mode is not known.
        """
        drivers = dict((device(name), "") for name in self.setting("kube_ovn_hybrid_devices", []) if self.mode == HYBRID)
        for entry in self.setting("dpdk_host_devices", []):
            if isinstance(entry, dict):
                drivers[device(entry.get("device"))] = entry.get("driver") or "vfio-pci"
        found = []
        for nic in self.facts.get("nics", []):
            names = [nic["address"], nic["interface"], "%s:%s" % (nic["vendor"], nic["device"])]
            found += [(nic, drivers[name]) for name in names if name and name in drivers][:1]
        return found

    def dpdk_ports(self):
        """Ports of type dpdk in ovs_bridges_bridges, bond members too."""
        return [port for _bridge, port in self.dpdk_ports_of_bridges()]

    def dpdk_ports_of_bridges(self):
        """The same, each with the name of its bridge."""
        found = []
        for bridge in self.setting("ovs_bridges_bridges", []):
            for port in (bridge.get("ports") or []) if isinstance(bridge, dict) else []:
                for interface in port.get("interfaces") or [port]:
                    if isinstance(interface, dict) and interface.get("type") == "dpdk":
                        found.append((bridge.get("name"), interface))
        return found

    def cluster_wide(self):
        """What has to be the same on all hosts, by its name, as it can be compared and shown."""
        own = self.setting("kube_ovn_installer_variables") or {}
        found = [(name, self.setting(name, "")) for name in CLUSTER_WIDE]
        found += [("%s of kube_ovn_installer_variables" % name, own.get(name, "")) for name in PLACES]
        return dict((name, str(value).lower()) for name, value in found)

    def attachments(self):
        return [item for item in self.setting("network_attachments_definitions", []) if isinstance(item, dict)]


def judged(entry, case):
    """Findings of one rule."""
    try:
        return list(entry["function"](case) or ())
    except Exception:
        # A value of another type than the rule expects is found by rule argument-spec; everything else is a fault of the rule.
        if specifications.invalid(case.settings):
            return []
        raise


def findings(facts, settings, scope, host, role=None):
    """Findings of all rules of a scope, or of one role's, in the order of the rules."""
    case = Case(facts, settings, host)
    chosen = [entry for entry in RULES if entry["scope"] == scope and role in (None, entry["role"])]
    return [dict(finding, id=entry["id"], host=host) for entry in chosen for finding in judged(entry, case)]


def sentence(finding):
    """A finding in one line."""
    return "%s. Cure: %s." % (finding["found"].rstrip("."), finding["cure"].rstrip("."))


def errors(settings, role, scope=SETTINGS, facts=None):
    """Messages of what a role refuses: the errors that its rules of a scope find, and text that has to be a list or a dictionary.

    A role reads its variables as they were given, and not what the validation of its arguments makes of them.
    """
    options = specifications.options(role) if scope == SETTINGS and role in specifications.roles() else {}
    forms = [error(*one) for name in options for one in specifications.refused_forms(name, options[name], specifications.plain(settings.get(name)))]
    found = forms + findings(facts or {}, settings, scope, "", role)
    return [sentence(finding) for finding in found if finding["severity"] == "error"]


def grouped(found):
    """Findings in the order of their severity; what is the same on several hosts becomes one, with their names in `host`."""
    hosts = {}
    for finding in found:
        names = hosts.setdefault((finding["severity"], finding["id"], finding["found"], finding["cure"]), [])
        if finding["host"] not in names:
            names.append(finding["host"])
    ordered = sorted(hosts.items(), key=lambda item: SEVERITIES.index(item[0][0]))
    return [
        {"severity": severity, "id": identity, "host": ", ".join(names), "found": text, "cure": cure}
        for (severity, identity, text, cure), names in ordered
    ]


def report(found, ignore=()):
    """Findings in the order of their severity, their numbers, the lines of a table to show, and one message that names every error.

    An error whose id is in `ignore` becomes a warning.
    """
    every = grouped([dict(item, severity="warning") if item["severity"] == "error" and item["id"] in ignore else item for item in found])
    numbers_of = {severity: len([finding for finding in every if finding["severity"] == severity]) for severity in SEVERITIES}
    width = max([len(finding["id"]) for finding in every] + [0])
    lines = []
    for finding in every:
        lines.append("%-7s  %-*s  %s: %s" % (finding["severity"], width, finding["id"], finding["host"], finding["found"]))
        lines.append("%-7s  %-*s  %s: %s" % ("", width, "", "note" if finding["severity"] == "notice" else "cure", finding["cure"]))
    text = ["%s on %s: %s" % (finding["id"], finding["host"], sentence(finding)) for finding in every if finding["severity"] == "error"]
    return {
        "findings": every,
        "errors": numbers_of["error"],
        "warnings": numbers_of["warning"],
        "notices": numbers_of["notice"],
        "table": lines or ["no findings (%d checks)" % len({entry["id"] for entry in RULES})],
        "message": "Preflight found %d error%s; nothing was changed:\n%s" % (len(text), "" if len(text) == 1 else "s", "\n".join(text)),
    }

# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to this collection: it may change with any release.

"""The configuration file of a kubelet, its arguments, and the state of its CPU manager.

The file is YAML, which the standard library does not read. Only keys at the margin are changed: a foreign one is commented out, line by line, and a block at
the end has ours. Taking both away gives the file as it was, byte by byte. Names follow kubelet/config/v1beta1 of Kubernetes.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import json
import os
import re

from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _cpus
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._host import HostError

CONFIG = "/var/lib/kubelet/config.yaml"
DIRECTORY = "/var/lib/kubelet"
MARK = "#kube_ovn.dpdk.cpu_management "
BEGIN = "# BEGIN kube_ovn.dpdk.cpu_management; its own lines are commented out above"
# Of a file whose last line has no end.
BEGIN_JOINED = "# BEGIN kube_ovn.dpdk.cpu_management, after a line without an end"
END = "# END kube_ovn.dpdk.cpu_management"
KEY = re.compile(r"""^["']?([A-Za-z][A-Za-z0-9]*)["']?[ \t]*:(?:[ \t]|$)""")
UNIT = "kubelet.service"
UNITS = ("/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system", "/usr/local/lib/systemd/system")
# Flags of the kubelet, which win over the file.
FLAGS = {
    "cpuManagerPolicy": "cpu-manager-policy",
    "reservedSystemCPUs": "reserved-cpus",
    "topologyManagerPolicy": "topology-manager-policy",
}


def process(sysroot):
    """(PID, words of its command line) of the kubelet that runs; (None, []) without one."""
    for pid in sysroot.listdir("/proc"):
        words = sysroot.read("/proc/%s/cmdline" % pid, "").split("\0") if pid.isdigit() else [""]
        if os.path.basename(words[0]) == "kubelet":
            return pid, words
    return None, []


def arguments(sysroot):
    """Arguments of the kubelet that runs, by name; None without one."""
    pid, words = process(sysroot)
    found = {}
    for index, word in enumerate(words[1:], 1):
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            following = words[index + 1] if index + 1 < len(words) else ""
            # Both spellings are one flag (WordSepNormalizeFunc of component-base).
            found[name.replace("_", "-")] = value if equals else "" if following.startswith("-") else following
    return found if pid else None


def directory(sysroot):
    """Where the kubelet keeps its state."""
    return (arguments(sysroot) or {}).get("root-dir") or DIRECTORY


def foreign_unit(sysroot):
    """The unit of systemd that has started the kubelet, where it is not the one that is stopped and started here; None otherwise."""
    pid, _words = process(sysroot)
    units = re.findall(r"/([^/\n]+\.service)(?=/|$)", sysroot.read("/proc/%s/cgroup" % pid, "") if pid else "", re.M)
    if not units or UNIT in units or any(sysroot.exists("%s/%s" % (folder, UNIT)) for folder in UNITS):
        return None
    return units[-1]


def drop_ins(sysroot, flags):
    """(path, text) of the files that the kubelet merges into that of --config, in its order (mergeKubeletConfigurations() of cmd/kubelet/app/server.go)."""
    top = sysroot.path(flags["config-dir"]) if flags.get("config-dir") else None
    found = [os.path.join(folder, name) for folder, _folders, names in os.walk(top or "") for name in names if name.endswith(".conf")]
    return [(path, sysroot.read_exact(path, "")) for path in sorted(sysroot.bare(path) for path in found)]


def original(text):
    """The text without what apply() made of it."""
    for begin in (BEGIN, BEGIN_JOINED):
        # Somebody may have appended lines since.
        match = re.search(r"^%s\n(?:.*\n)*?%s\n" % (re.escape(begin), re.escape(END)), text, re.M)
        if match:
            before = text[:match.start()]
            if begin == BEGIN_JOINED and match.end() == len(text):
                before = before[:-1]
            text = before + text[match.end():]
    return "".join(line[len(MARK):] if line.startswith(MARK) else line for line in text.splitlines(True))


def refuse(text, path):
    """Raise HostError for a file that cannot be edited by lines."""
    content = [line.rstrip("\r\n") for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if any(line[:1] in " \t" for line in content[:1] if line.lstrip()[:1] != "{"):
        raise HostError("%s is indented as a whole, and is not edited; let its keys begin at the margin" % path)
    if content and content[0].startswith("{"):
        raise HostError("%s is JSON, or YAML in braces, which is not edited; set cpuManagerPolicy and reservedSystemCPUs there by hand "
                        "(cpu_management_kubelet: false), or write it as YAML with one key a line" % path)
    if "---" in content[1:] or "..." in content:
        raise HostError("%s has more than one YAML document; leave the one of kind KubeletConfiguration alone in it" % path)


def top_level(text):
    """Keys at the margin, each with its lines: [(key or None, lines)]."""
    found = []
    for line in text.splitlines(True):
        match = KEY.match(line)
        bare = line.strip()
        if match:
            found.append((match.group(1), [line]))
        elif found and found[-1][0] and (line[:1] in " \t" and bare or line.startswith("-")):
            found[-1][1].append(line)
        else:
            found.append((None, [line]))
    return found


def value(text, key):
    """The value of a key at the margin: the text of its line, or of all its lines."""
    for name, lines in top_level(text):
        if name == key:
            first = lines[0].partition(":")[2]
            return re.sub(r"\s+#.*", "", "\n".join([first.rstrip("\r\n")] + [line.rstrip("\r\n") for line in lines[1:]])).strip().strip("\"'")
    return ""


def apply(text, wanted):
    """The text with these keys set: {key: value}."""
    base = original(text)
    if not wanted:
        return base
    lines = []
    for key, own in top_level(base):
        lines += [MARK + line for line in own] if key in wanted else own
    joined = bool(lines) and not lines[-1].endswith("\n")
    block = [BEGIN_JOINED if joined else BEGIN] + ['%s: "%s"' % (key, wanted[key]) for key in sorted(wanted)] + [END]
    return "".join(lines) + ("\n" if joined else "") + "\n".join(block) + "\n"


def settings(reserved, topology_manager):
    """What the file has to say: the static policy, with what it must not hand out."""
    wanted = {"cpuManagerPolicy": "static", "reservedSystemCPUs": _cpus.format_list(reserved)}
    if topology_manager:
        wanted["topologyManagerPolicy"] = topology_manager
    return wanted


def overridden(text, key):
    """The value of a key in a drop-in, which may be JSON; None where it is not in it."""
    found = re.search(r"""^[ \t{]*(?:.*[{,][ \t]*)?["']?%s["']?[ \t]*:[ \t]*(.*)$""" % key, text, re.M)
    return found and (value(text, key) or found.group(1).strip(" \t\r,}\"'"))


def objections(text, flags, wanted, path, more=()):
    """Why these settings would have no effect, or would keep the kubelet from starting; more: (path, text) of drop-ins."""
    found = []
    for name, drop_in in more:
        for key in sorted(wanted):
            if overridden(drop_in, key) not in (None, wanted[key]):
                found.append("%s sets %s, which overrides %s of %s; take it out there" % (name, key, key, path))
        found.extend(objections(drop_in, {}, {}, name))
    for key in sorted(wanted):
        flag = FLAGS[key]
        if flag in flags and flags[flag] != wanted[key]:
            found.append(
                "the kubelet is started with --%s=%s, which overrides %s of %s; take that argument away (KUBELET_EXTRA_ARGS, kubelet-arg of K3s and RKE2)"
                % (flag, flags[flag], key, path)
            )
    options = flags.get("cpu-manager-policy-options", "") + " " + (text if text.lstrip()[:1] == "{" else value(text, "cpuManagerPolicyOptions"))
    if re.search(r"strict-cpu-reservation[\"']?\s*[:=]\s*[\"']?true", options):
        found.append(
            "strict-cpu-reservation keeps pods from reserved CPUs, and OVS-DPDK is a pod that polls on them; take it out of cpuManagerPolicyOptions of %s"
            % path
        )
    for key, flag in (("systemReservedCgroup", "system-reserved-cgroup"), ("kubeReservedCgroup", "kube-reserved-cgroup")):
        if flags.get(flag) or value(text, key):
            found.append("%s is set, and a kubelet with it does not start with reservedSystemCPUs; take it out of %s" % (key, path))
    return found


def state(text):
    """The CPU manager's state: {policy, default, exclusive}, empty where there is none that can be read."""
    try:
        content = json.loads(text or "")
        exclusive = set()
        # Before Kubernetes 1.18 an entry was the text itself.
        for entry in (content.get("entries") or {}).values():
            for cpus in entry.values() if isinstance(entry, dict) else [entry]:
                exclusive.update(_cpus.parse(cpus, duplicates=True))
        return {"policy": content.get("policyName") or "", "default": _cpus.parse(content.get("defaultCpuSet") or ""), "exclusive": sorted(exclusive)}
    except (ValueError, AttributeError):
        return {}

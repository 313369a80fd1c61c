# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to this collection: it may change with any release.

"""The configuration file of a kubelet, its arguments, and the state of its CPU manager.

The file is YAML, which the standard library does not read. Only keys at the margin are changed: a foreign one is commented out, line by line, and a block at
the end has ours. Taking both away gives the file as it was, byte by byte. Names follow kubelet/config/v1beta1 of Kubernetes.

Root writes to the files that the arguments of the kubelet name, and a pod may call its process as it likes. So only a process of the host counts.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import errno
import io
import json
import os
import re
import stat

from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _cpus
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._host import HostError, has_namespace_of_host

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
# A control group that systemd has made for this unit, in a slice of the host.
OWN_GROUP = r"^(?:0:|[0-9]+:name=systemd):/[^/\n]+\.slice/kubelet\.service(?:/.*)?$"
# Bytes that a file of the kubelet may have; a state has some hundred for each container.
LARGEST = 16 * 1024 * 1024
# Flags of the kubelet, which win over the file.
FLAGS = {
    "cpuManagerPolicy": "cpu-manager-policy",
    "reservedSystemCPUs": "reserved-cpus",
    "topologyManagerPolicy": "topology-manager-policy",
}
# All that decide about its files and about what is set in them.
RELEVANT = tuple(FLAGS.values()) + (
    "config", "config-dir", "root-dir", "cpu-manager-policy-options", "topology-manager-policy-options", "system-reserved-cgroup", "kube-reserved-cgroup",
)
# Of the topology manager, without the option max-allowable-numa-nodes (pkg/kubelet/cm/topologymanager).
NUMA_NODES = 8
BOM = u"\xef\xbb\xbf"
KIND = "KubeletConfiguration"


def of_root(found):
    """Whether a file belongs to root, or to the user who runs this on a made-up tree."""
    return found.st_uid in (0, os.geteuid())


def is_of_host(sysroot, pid):
    """Whether a process is root's own on the host: in no container, and no program that a user has started by its set-user-ID bit."""
    if not re.search(r"^Uid:\t0\t0\t0\t0$", sysroot.read("/proc/%s/status" % pid, ""), re.M) or not has_namespace_of_host(sysroot, pid, "pid"):
        return False
    # The unit may have mounts of its own. The control groups of pods are below kubepods, and not of this name.
    if not has_namespace_of_host(sysroot, pid, "mnt") and not re.search(OWN_GROUP, sysroot.read("/proc/%s/cgroup" % pid, ""), re.M):
        return False
    try:
        program = os.stat(sysroot.path("/proc/%s/exe" % pid))
    except OSError:
        return False
    return of_root(program) and not program.st_mode & (stat.S_ISUID | stat.S_ISGID)


def processes(sysroot):
    """(PID, words of its command line) of each kubelet of the host; K3s and the like run one inside, without a process of that name."""
    for pid in sorted(int(name) for name in sysroot.listdir("/proc") if name.isdigit()):
        words = sysroot.read("/proc/%d/cmdline" % pid, "").split("\0")
        names = [os.path.basename(word) for word in words[:2]]
        if names[0] != "kubelet" and names != ["hyperkube", "kubelet"]:
            continue
        if is_of_host(sysroot, pid):
            yield pid, words


def process(sysroot):
    """(PID, words of its command line) of the kubelet that runs; (None, []) without one."""
    return next(processes(sysroot), (None, []))


def parsed(words):
    """Arguments of a command line, by name."""
    found = {}
    for index, word in enumerate(words[1:], 1):
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            following = words[index + 1] if index + 1 < len(words) else ""
            # Both spellings are one flag (WordSepNormalizeFunc of component-base).
            found[name.replace("_", "-")] = value if equals else "" if following.startswith("-") else following
    return found


def arguments(sysroot):
    """Arguments of the kubelet that runs, by name; None without one."""
    pid, words = process(sysroot)
    return parsed(words) if pid else None


def directory(flags):
    """Where the kubelet with these arguments keeps its state."""
    return (flags or {}).get("root-dir") or DIRECTORY


def content(sysroot, path, follow=True):
    """The bytes of a file of the kubelet as Latin-1, or None without it. Nothing else than a file of root is read, and a pipe is not waited for."""
    target = sysroot.path(path)
    try:
        handle = os.open(os.path.realpath(target) if follow else target, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_NOFOLLOW)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            return None
        raise HostError("%s cannot be read: %s" % (path, os.strerror(error.errno)))
    with io.open(handle, "rb") as stream:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or not of_root(found):
            raise HostError("%s is not a regular file of root, so it is not a file of the kubelet, and is not read" % path)
        text = stream.read(LARGEST + 1)
    if len(text) > LARGEST:
        raise HostError("%s has more than %d bytes, and is not read" % (path, LARGEST))
    return text.decode("latin-1")


def state_text(sysroot, flags, name):
    """A state of the kubelet with these arguments; empty where there is none."""
    return content(sysroot, "%s/%s" % (directory(flags), name), follow=False) or ""


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
    return [(path, content(sysroot, path) or "") for path in sorted(sysroot.bare(path) for path in found)]


def lines_of(text):
    """The lines of a text with their ends, which is \\n alone: bytes of other letters look like line ends of Latin-1."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def uncommented(text):
    """The text without comments."""
    return re.sub(r"(?m)(^|[ \t])#[^\n]*$", "", text)


def original(text):
    """The text without what apply() made of it."""
    for begin in (BEGIN, BEGIN_JOINED):
        # An administrator may have appended lines since.
        match = re.search(r"^%s\n(?:.*\n)*?%s\n" % (re.escape(begin), re.escape(END)), text, re.M)
        if match:
            before = text[:match.start()]
            if begin == BEGIN_JOINED and match.end() == len(text):
                before = before[:-1]
            text = before + text[match.end():]
    return "".join(line[len(MARK):] if line.startswith(MARK) else line for line in lines_of(text))


def refuse(text, path):
    """Raise HostError for a file that cannot be edited by lines."""
    content_lines = [line.rstrip(" \t\r\n") for line in lines_of(text) if line.strip(" \t\r\n") and not line.lstrip(" \t").startswith("#")]
    if content_lines and content_lines[0].startswith(BOM) and set(name for name, _lines in top_level(text[len(BOM):])[:1]) & set(FLAGS):
        raise HostError("%s begins with a byte order mark, which is not edited; save it without" % path)
    while content_lines and content_lines[0].startswith("%"):
        del content_lines[0]
    begin = re.match(r"---(?:[ \t]+|$)", content_lines[0]) if content_lines else None
    if begin:
        rest = content_lines.pop(0)[begin.end():]
        if rest and not rest.startswith("#"):
            content_lines.insert(0, rest)
            if rest[0] != "{":
                raise HostError("%s has '%s' on the line of ---, and is not edited; let its keys begin on the next line" % (path, rest))
    if any(line[:1] in " \t" for line in content_lines[:1] if line.lstrip()[:1] != "{"):
        raise HostError("%s is indented as a whole, and is not edited; let its keys begin at the margin" % path)
    if content_lines and content_lines[0].lstrip().startswith("{"):
        raise HostError("%s is JSON, or YAML in braces, which is not edited; set cpuManagerPolicy and reservedSystemCPUs there by hand "
                        "(cpu_management_kubelet: false), or write it as YAML with one key a line" % path)
    if any(re.match(r"(?:---|\.\.\.)(?:[ \t]|$)", line) for line in content_lines):
        raise HostError("%s has more than one YAML document; leave the one of kind KubeletConfiguration alone in it" % path)
    if value(text, "kind") != KIND:
        raise HostError("%s has no kind %s, so it is no configuration file of a kubelet, and is not edited" % (path, KIND))


def top_level(text):
    """Keys at the margin, each with its lines: [(key or None, lines)]. Empty lines and comments belong to a key where more lines of it follow."""
    found = []
    between = []
    for line in lines_of(text):
        match = KEY.match(line)
        bare = line.strip(" \t\r\n")
        if not bare or line.startswith("#"):
            between.append(line)
        elif not match and found and found[-1][0] and line[:1] in " \t-" and not re.match(r"---(?:[ \t\r\n]|$)", line):
            found[-1][1].extend(between + [line])
            between = []
        else:
            found += [(None, [other]) for other in between] + [(match and match.group(1), [line])]
            between = []
    return found + [(None, [other]) for other in between]


def value(text, key):
    """The value of a key at the margin: the text of its line, or of all its lines."""
    for name, lines in top_level(text):
        if name == key:
            first = lines[0].partition(":")[2]
            return uncommented("\n".join([first.rstrip("\r\n")] + [line.rstrip("\r\n") for line in lines[1:]])).strip(" \t\n").strip("\"'")
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
    found = re.search(r"""^[ \t{]*(?:.*[{,][ \t]*)?["']?%s["']?[ \t]*:[ \t]*(.*)$""" % key, uncommented(text), re.M)
    return found and (value(text, key) or found.group(1).strip(" \t\r,}\"'"))


def options_of(text, key):
    """The text in which options of this key stand: all of JSON and of YAML that has no key at the margin, else the lines up to the next key."""
    parts = top_level(text)
    if re.match(u"(?:\xef\xbb\xbf)?(?:[ \t\r\n]|[#%][^\n]*\n|---)*{", text) or not any(name for name, _lines in parts):
        return uncommented(text)
    found = []
    inside = False
    for name, lines in parts:
        inside = name == key or (inside and not name)
        found += lines if inside else []
    return uncommented("".join(found))


def is_strict(text, flags):
    """Whether a file, YAML or JSON, or an argument keeps pods from reserved CPUs."""
    options = flags.get("cpu-manager-policy-options", "") + "\n" + options_of(text, "cpuManagerPolicyOptions")
    # As strconv.ParseBool() of Go reads it.
    return bool(re.search(r"strict-cpu-reservation[\"']?\s*[:=]\s*(?:!\S*\s+)?[\"']?(?:true|t|1)\b", options, re.I))


def allowed_numa_nodes(texts, flags):
    """NUMA nodes with which the topology manager starts."""
    options = flags.get("topology-manager-policy-options", "") + "\n" + "\n".join(options_of(text, "topologyManagerPolicyOptions") for text in texts)
    found = re.findall(r"max-allowable-numa-nodes[\"']?\s*[:=]\s*[\"']?([0-9]+)", options)
    return int(found[-1]) if found else NUMA_NODES


def numa_problem(count, allowed, policy):
    """(what was found, its cure) of a host with so many NUMA nodes that a kubelet with this topology manager policy would not start; None otherwise."""
    if policy in (None, "", "none") or count <= allowed:
        return None
    return (
        "the host has %d NUMA nodes, those without CPUs among them, and a kubelet with topology manager policy %s starts with %d at most"
        % (count, policy, allowed),
        "set cpu_management_topology_manager_policy to none or to an empty text, or max-allowable-numa-nodes: \"%d\" in topologyManagerPolicyOptions of the "
        "kubelet (Kubernetes 1.31 or later)" % count,
    )


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
                "the kubelet is started with --%s=%s, which overrides %s of %s; remove that argument (KUBELET_EXTRA_ARGS, kubelet-arg of K3s and RKE2)"
                % (flag, flags[flag], key, path)
            )
    if is_strict(text, flags):
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

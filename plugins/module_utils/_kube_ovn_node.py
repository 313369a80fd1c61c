# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Kube-OVN has on a node: its daemon, its files, its devices, its packet filter rules.

PRIVATE to the collection. Standard library only.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os
import re
import stat
from shlex import split

from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _unixctl

TABLES = ("nat", "filter", "mangle")
# Chains of Kube-OVN: OVN-PREROUTING, OVN-POSTROUTING, OVN-OUTPUT, OVN-MASQUERADE, OVN-NAT-POLICY, and OVN-NAT-PSUBNET-… for each subnet with a policy
# (pkg/daemon/gateway_linux.go and pkg/daemon/gateway.go of v1.7.0 to v1.16.2).
CHAIN = re.compile(r"OVN-[A-Z0-9a-z_-]+$")
# What rules of Kube-OVN in the chains of others name: its sets, its chains, and the comment of its counters for each subnet.
SET = re.compile(r"ovn[46]0[A-Za-z0-9_-]+$")
COUNTER = "ovn-subnet-gateway,"
# A result of its own, not of a plugin that called it.
RESULT = re.compile(r"kube-ovn-[0-9a-f]{64}-.+$")
# It clears the mark of tunnel packets with these, that is to say without a name of its own.
UNMARK = re.compile(r"-A OUTPUT -p udp -m udp --dport (6081|4789) -j MARK --set-x?mark 0x0(/0xffffffff)?$")


def read(path):
    try:
        with open(path, "rb") as handle:
            return handle.read().decode("utf-8", "replace")
    except (IOError, OSError):
        return None


def daemon(rundir, proc="/proc"):
    """(whether the ovs-vswitchd of this run-time directory runs, when the newest was started, in seconds since 1970).

    Its control socket is named after its process. Pods may write there, so a process counts only if it is an Open vSwitch of the host.
    """
    try:
        names = [re.match(r"ovs-vswitchd\.([0-9]+)\.ctl$", name) for name in os.listdir(rundir)]
    except OSError:
        return False, 0.0
    here = set(int(name.group(1)) for name in names if name)
    pids = [pid for pid in _unixctl.daemons(proc) if pid in here]
    return bool(pids), (_unixctl.started(pids[-1], proc) or 0.0) if pids else 0.0


def access(path):
    """Owner, group and mode of a path that is no link, as root:root 0644; empty where there is none."""
    try:
        found = os.lstat(path)
    except OSError:
        return ""
    names = tuple("root" if number == 0 else str(number) for number in (found.st_uid, found.st_gid))
    return "%s:%s %04o" % (names + (stat.S_IMODE(found.st_mode),)) if not stat.S_ISLNK(found.st_mode) else "link"


def own_text(path):
    """The text of a file of root with mode 0644, else None."""
    return read(path) if access(path) == "root:root 0644" else None


def config_keys(path):
    """Keys of a config.cfg; empty where there is no such file."""
    lines = [line.strip() for line in (read(path) or "").split("\n")]
    return [line.partition("=")[0] for line in lines if "=" in line and not line.startswith("#")]


def conflists(directory):
    """Configurations of the network that Kube-OVN wrote."""
    try:
        return sorted(name for name in os.listdir(directory) if name.endswith("-kube-ovn.conflist"))
    except OSError:
        return []


def mounts_below(directory, mounts="/proc/mounts"):
    """Mount points below a directory, the innermost first. The kernel writes spaces and the like in octal."""
    found = []
    for line in (read(mounts) or "").split("\n"):
        words = line.split(" ")
        if len(words) > 1:
            path = re.sub(r"\\([0-7]{3})", lambda match: chr(int(match.group(1), 8)), words[1])
            if path.startswith(directory.rstrip("/") + "/"):
                found.append(path)
    return found[::-1]


def left_devices(taps, net="/sys/devices/virtual/net"):
    """Network devices that OVS leaves: tunnels of the kernel's datapath, and of these names those of the tun driver."""
    try:
        names = sorted(os.listdir(net))
    except OSError:
        return []
    tunnels = [name for name in names if re.match(r"(genev|vxlan|stt)_sys_", name)]
    return tunnels + [name for name in names if name in taps and os.path.exists(os.path.join(net, name, "tun_flags"))]


def place(path):
    """One name for a file that two paths lead to, a slash at the end of one of them or a link among its directories. A link itself stays one."""
    path = os.path.normpath(path)
    return os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))


def leftovers(files, results, directories):
    """What is there of these files, of the results of the CNI plugin that the container runtime keeps, and of the directories that are empty without them."""
    try:
        names = sorted(os.listdir(results))
    except OSError:
        names = []
    found = []
    for path in [place(path) for path in files if os.path.lexists(path)] + [place(os.path.join(results, name)) for name in names if RESULT.match(name)]:
        if path not in found:
            found.append(path)
    for path in [place(path) for path in directories]:
        if path not in found and os.path.isdir(path) and not set(place(os.path.join(path, name)) for name in os.listdir(path)) - set(found):
            found.append(path)
    return found


# --- packet filter ----------------------------------------------------------------------------------------------


def is_own_rule(line):
    """Whether a rule as iptables-save writes it (-A CHAIN …) was made by Kube-OVN."""
    try:
        words = split(line)
    except ValueError:
        return False
    if CHAIN.match(words[1]) or UNMARK.match(line.strip()):
        return True
    for number, word in enumerate(words[:-1]):
        after = words[number + 1]
        if (word in ("-j", "-g") and CHAIN.match(after)) or (word == "--match-set" and SET.match(after)):
            return True
        if word == "--comment" and after.startswith(COUNTER):
            return True
    return False


def removal(saved):
    """What removes Kube-OVN's rules and chains from a dump of iptables-save, as input of iptables-restore --noflush; empty where there are none."""
    lines, table, rules, chains = [], None, [], []
    for line in saved.split("\n"):
        if line.startswith("*"):
            table, rules, chains = line[1:].strip(), [], []
        elif line.startswith(":"):
            name = line[1:].split(" ")[0]
            if CHAIN.match(name):
                chains.append(name)
        elif line.startswith("-A ") and table in TABLES and is_own_rule(line):
            rules.append(line)
        elif line.strip() == "COMMIT" and table in TABLES and (rules or chains):
            lines.append("*" + table)
            # Rules of others that lead to its chains first, then the chains, which may lead to each other.
            lines += ["-D" + rule[2:] for rule in rules if not CHAIN.match(rule.split(" ")[1])]
            lines += ["-F " + name for name in chains] + ["-X " + name for name in chains]
            lines.append("COMMIT")
    return lines


def own_sets(listed):
    """IP sets of Kube-OVN in the output of `ipset list -name`."""
    return [name for name in listed.split("\n") if SET.match(name.strip())]

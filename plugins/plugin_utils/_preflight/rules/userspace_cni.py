# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules of role userspace_cni."""

from __future__ import annotations

import posixpath

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.engine import CLUSTER, NODE, PLACES, SETTINGS, error, rule, warning
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.readers import dotted, version
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.rules.build import uses_plugin

# Where distributions of Kubernetes have what others have in the usual places.
K3S = {"CNI_BIN_DIR": "/var/lib/rancher/k3s/data/cni", "CNI_CONF_DIR": "/var/lib/rancher/k3s/agent/etc/cni/net.d"}
MICROK8S = {"CNI_BIN_DIR": "/var/snap/microk8s/current/opt/cni/bin", "CNI_CONF_DIR": "/var/snap/microk8s/current/args/cni-network"}
PODS = "userspace_cni_kubelet_pods_dir"
PODS_DIRS = {"k0s": "/var/lib/k0s/kubelet/pods", "microk8s": "/var/snap/microk8s/common/var/lib/kubelet/pods"}
USUAL = {**PLACES, PODS: "/var/lib/kubelet/pods"}
# Directories of other programs. The launcher leaves only root access to its directory of records, and removes it when it is uninstalled.
OF_OTHERS = [
    "/bin", "/boot", "/dev", "/etc/cni", "/etc/kubernetes", "/etc/openvswitch", "/etc/systemd", "/home", "/lib", "/lib64", "/media", "/mnt",
    "/opt/cni/bin", "/proc", "/root", "/run/lock", "/run/openvswitch", "/run/systemd", "/run/user", "/run/userspace-cni", "/sbin", "/srv",
    "/sys", "/tmp", "/usr/bin", "/usr/lib", "/usr/lib64", "/usr/libexec", "/usr/local/bin", "/usr/sbin", "/usr/share", "/var/cache",
    "/var/lib/cni/usrspcni", "/var/lib/containerd", "/var/lib/containers", "/var/lib/docker", "/var/lib/etcd", "/var/lib/k0s",
    "/var/lib/kubelet", "/var/lib/openvswitch", "/var/lib/rancher", "/var/lib/vhost_sockets", "/var/log", "/var/snap", "/var/spool",
    "/var/tmp",
]


def directory(text):
    """A path of a node without what says nothing: /var/run is a link to /run everywhere."""
    path = posixpath.normpath("/" + str(text).strip().lstrip("/"))
    return path[len("/var") :] if (path + "/").startswith("/var/run/") else path


def within(path, above):
    return (path + "/").startswith(above.rstrip("/") + "/")


@rule("userspace-cni-directories", SETTINGS, "directories of the launcher are its own")
def directories(case):
    run, pods, state = [case.setting(name) for name in ("userspace_cni_ovs_rundir", "userspace_cni_pods_dir", "userspace_cni_state_dir")]
    for name, path in (("ovs_rundir", run), ("pods_dir", pods), ("state_dir", state)):
        if path is not None and not str(path).startswith("/"):
            yield error("userspace_cni_%s %s is no absolute path" % (name, path), "give the whole path, beginning with a slash")
            return
    if run is not None and pods is not None and (directory(pods) == directory(run) or not within(directory(pods), directory(run))):
        yield error(
            "userspace_cni_pods_dir %s is no directory below userspace_cni_ovs_rundir %s, where Open vSwitch has files of its own" % (pods, run),
            "leave userspace_cni_pods_dir out, or name a directory below it that no other program uses",
        )
    if state is None:
        return
    usual = [case.setting(PODS), case.setting("userspace_cni_bin_dir"), posixpath.dirname(str(case.setting("userspace_cni_log_file", "/var/log/x")))]
    others = [directory(path) for path in [*OF_OTHERS, *usual] if path is not None and str(path).startswith("/")]
    own = directory(state)
    inside = [directory(path) for path in (run, case.setting(PODS)) if path is not None and within(own, directory(path))]
    if any(within(other, own) for other in others) or inside:
        yield error(
            "userspace_cni_state_dir %s is a directory of other programs, which could not enter it any more" % state,
            "leave userspace_cni_state_dir out, or name a directory of its own, such as /var/lib/cni/userspace-launcher",
        )


@rule("userspace-cni-version", CLUSTER, "the Userspace CNI release can be built")
def userspace_cni_release(case):
    release = version(case.setting("userspace_cni_version"))
    if release is not None and release < (1, 3, 0):
        yield error(
            "Userspace CNI v%s has no Go module file and cannot be built any more" % dotted(release), "use v24.02 or a newer commit in userspace_cni_version"
        )


def usual(case, expected):
    """Of these variables of the installer those that name the usual place, each with that of the distribution."""
    given = case.setting("kube_ovn_installer_variables")
    same = [name for name in sorted(expected) if isinstance(given, dict) and str(given.get(name) or USUAL[name]).rstrip("/") == USUAL[name]]
    return [(name, USUAL[name], expected[name]) for name in same]


@rule("cni-places", CLUSTER, "the kubelet and its container runtime look where the plugins are")
def places_of_k3s(case):
    for name, given, place in usual(case, K3S) if "+k3s" in str(case.facts.get("kubernetes_version", "")) else []:
        yield warning(
            "%s of kube_ovn_installer_variables is %s, and K3s looks in %s" % (name, given, place),
            "set %s to %s for all hosts; docs/attachments.md has the places of each distribution" % (name, place),
        )


@rule("cni-places", NODE, "the kubelet and its container runtime look where the plugins are")
def places_of_the_node(case):
    # A host with another runtime too may have had one of these before.
    found = case.facts.get("runtimes")
    for name, given, place in usual(case, MICROK8S) if found == ["microk8s"] else []:
        yield warning(
            "%s of kube_ovn_installer_variables is %s, and MicroK8s looks in %s" % (name, given, place),
            "set %s to %s for all hosts; docs/attachments.md has the places of each distribution" % (name, place),
        )
    for name in PODS_DIRS if uses_plugin(case) and str(case.setting(PODS, "")).rstrip("/") == USUAL[PODS] else []:
        if found == [name]:
            yield warning(
                "%s is %s, and the kubelet of %s has its pods in %s" % (PODS, USUAL[PODS], name, PODS_DIRS[name]),
                "set %s to %s" % (PODS, PODS_DIRS[name]),
            )

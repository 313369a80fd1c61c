# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every host must offer, whatever the settings of the roles are: user, operating system, kernel, container runtime."""

from __future__ import annotations

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight import matrix
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.engine import NODE, error, rule, warning
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.readers import numbers, version


@rule("become", NODE, "the tasks run as root")
def not_root(case):
    if case.facts.get("uid", 0) != 0:
        yield error(
            "tasks run as user id %d" % case.facts["uid"],
            "connect as root, or set ansible_become=true for the group nodes",
        )


@rule("operating-system", NODE, "the operating system is known to work")
def unknown_system(case):
    system = case.facts.get("os", {})
    major = numbers(str(system.get("version", "")).partition(".")[0])
    if not major or matrix.system_row(system.get("id"), major[0]) is None:
        yield warning(
            "%s is not among the systems that are known to work" % (system.get("name") or "this system"),
            "use one of %s (docs/matrix.md)" % matrix.systems(),
        )


@rule("selinux", NODE, "containers may use the sockets of OVS")
def selinux(case):
    if case.facts.get("selinux") == "enforcing":
        yield warning(
            "SELinux is enforcing: where the container runtime labels its containers, pods that are not privileged cannot connect to the sockets of OVS",
            "allow container_t to use them by a policy, give the pods an seLinuxOptions type that may, or use client mode with sockets of the pod's own",
        )


@rule("kernel", NODE, "the kernel has no known faults")
def faulty_kernel(case):
    kernel = case.facts.get("kernel", "")
    if kernel.startswith("3.10.0-862."):
        yield warning("kernel %s has a netfilter fault that breaks pod traffic" % kernel, "install a newer kernel of the distribution")
    elif version(kernel) and version(kernel)[:2] == (4, 4):
        yield warning("kernel %s has connection tracking faults" % kernel, "install the distribution's newer (HWE) kernel")


@rule("ipv6", NODE, "IPv6 is not switched off in the kernel")
def ipv6_disabled(case):
    if "ipv6.disable=1" in case.facts.get("cmdline", []):
        yield error(
            "the kernel runs with ipv6.disable=1, without which Geneve tunnels cannot be made", "remove ipv6.disable=1 from the kernel arguments and reboot"
        )


@rule("mount-propagation", NODE, "mounts below / reach containers")
def private_root(case):
    if case.facts.get("root_shared") is False:
        yield error(
            "the root mount is private, so kube-ovn-cni cannot share its mounts (not a shared or slave mount)",
            "run: mount --make-rshared /  (systemd does so by itself at boot)",
        )


@rule("container-runtime", NODE, "a container runtime is there")
def no_runtime(case):
    if "runtimes" in case.facts and not case.facts["runtimes"]:
        yield error("no socket of Docker, cri-dockerd, containerd, CRI-O, K3s, RKE2, k0s or MicroK8s", "start the container runtime of the kubelet")


@rule("host-ovs", NODE, "the host runs no Open vSwitch of its own")
def own_ovs(case):
    ovs = case.facts.get("ovs", {})
    if ovs.get("running") and ovs.get("own"):
        yield error(
            "ovs-vswitchd of the host itself runs, and would conflict with the one in Kube-OVN's pod over /run/openvswitch",
            "stop and disable openvswitch-switch (or openvswitch) on this host",
        )
    elif ovs.get("installed") and ovs.get("enabled"):
        yield warning("openvswitch is installed and starts at boot", "disable openvswitch-switch (or openvswitch) on this host: Kube-OVN brings its own")

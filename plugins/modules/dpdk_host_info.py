#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: dpdk_host_info
short_description: Reads what a host has of the DPDK prerequisites
version_added: 1.0.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - Reads in one call what the role P(kube_ovn.dpdk.dpdk_host#role) has to know of a host, so that the role runs only the tasks that are due.
extends_documentation_fragment:
  - kube_ovn.dpdk._attributes
  - kube_ovn.dpdk._attributes.info_module
options:
  drivers:
    description:
      - Kernel modules to look for.
    type: list
    elements: str
    default: []
  packages:
    description:
      - Packages to look for, by name or, on the Debian family, as V(name=version).
    type: list
    elements: str
    default: []
  tuned_profiles:
    description:
      - Profiles of tuned to look for.
    type: list
    elements: str
    default: []
  read:
    description:
      - Small text files to read.
    type: list
    elements: path
    default: []
  find:
    description:
      - Files to look for.
    type: list
    elements: path
    default: []
  boot:
    description:
      - Asks module M(kube_ovn.dpdk.kernel_cmdline) what it would do, in the same call. See RV(boot_plan).
    type: dict
    suboptions:
      owner:
        description: The owner of the kernel arguments.
        type: str
        required: true
      arguments:
        description: The arguments by what RV(iommu) may be, V(intel), V(amd) and V(none).
        type: dict
        required: true
  nics:
    description:
      - Asks module M(kube_ovn.dpdk.dpdk_device) what it would do with C(purge) and C(later), in the same call. See RV(nic_plan).
    type: dict
    suboptions:
      devices:
        description: As that module takes them.
        type: list
        elements: dict
        required: true
        suboptions:
          device:
            description: PCI address, interface name or vendor:device.
            type: str
            required: true
          driver:
            description: Driver to bind to.
            type: str
            default: vfio-pci
      noiommu:
        description: As that module takes it.
        type: bool
        default: false
  sysroot:
    description:
      - Directory in which the files of the host are found. A path of O(read) or O(find) that is below it already is taken as it is.
    type: path
    default: /
"""

EXAMPLES = r"""
- name: Read the host
  kube_ovn.dpdk.dpdk_host_info:
    drivers: [vfio-pci]
    packages: [pciutils]
  register: info
"""

RETURN = r"""
family:
  description: Family of the distribution, V(debian) or V(redhat); empty for others.
  returned: success
  type: str
  sample: debian
kernel:
  description: Release of the running kernel.
  returned: success
  type: str
  sample: 5.15.0-105-generic
cmdline:
  description: Arguments of the running kernel.
  returned: success
  type: list
  elements: str
  sample: [ro, quiet]
cpu:
  description: C(flags) of the CPU, sorted.
  returned: success
  type: dict
  sample: {flags: [avx2, sse4_2]}
iommu:
  description: IOMMU that the firmware describes in its ACPI tables, V(intel), V(amd) or V(none).
  returned: success
  type: str
  sample: intel
iommu_groups:
  description: Number of IOMMU groups.
  returned: success
  type: int
  sample: 24
unloaded_drivers:
  description: Those of O(drivers) that are not loaded.
  returned: success
  type: list
  elements: str
  sample: [vfio-pci]
unavailable_drivers:
  description: Those of them that the running kernel does not have, with what modprobe says.
  returned: success
  type: dict
  sample: {igb_uio: "modprobe: FATAL: Module igb_uio not found in directory /lib/modules/5.15.0-105-generic"}
missing_packages:
  description: Those of O(packages) that are not installed. A package that can be known only by asking a repository, as a group, counts as missing.
  returned: success
  type: list
  elements: str
  sample: [pciutils]
missing_tuned_profiles:
  description: Those of O(tuned_profiles) that tuned does not have.
  returned: success
  type: list
  elements: str
  sample: []
boot_plan:
  description: With O(boot), what module M(kube_ovn.dpdk.kernel_cmdline) returns in check mode; V(null) where it refuses.
  returned: success
  type: dict
nic_plan:
  description: With O(nics), what module M(kube_ovn.dpdk.dpdk_device) returns in check mode; V(null) where it refuses.
  returned: success
  type: dict
refused:
  description: Messages of the modules that were asked and refuse.
  returned: success
  type: list
  elements: str
  sample: []
files:
  description: Text of each file of O(read); V(null) where there is none.
  returned: success
  type: dict
  sample: {/etc/modules-load.d/kube-ovn-dpdk.conf: "vfio-pci\n"}
missing_files:
  description: Those of O(find) that are not there.
  returned: success
  type: list
  elements: str
  sample: []
"""

import re

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _dpdk_device, _kernel_cmdline
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._host import HostError, Question, Sysroot, cpu_flags, firmware_iommu, running_arguments

PROFILES = ("/etc/tuned", "/etc/tuned/profiles", "/usr/lib/tuned", "/usr/lib/tuned/profiles")
RPM_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9+_.~^-]*$")


def family(sysroot):
    text = sysroot.read("/etc/os-release") or sysroot.read("/usr/lib/os-release") or ""
    values = dict(re.findall(r"^(ID|ID_LIKE)=[\"']?(.*?)[\"']?\s*$", text, re.M))
    words = (values.get("ID", "") + " " + values.get("ID_LIKE", "")).split()
    if "debian" in words or "ubuntu" in words:
        return "debian"
    return "redhat" if set(words) & set(["rhel", "centos", "fedora"]) else ""


def unloaded(sysroot, drivers):
    """A driver that is built in may have a directory of the bus alone."""
    names = [(driver, driver.replace("-", "_")) for driver in drivers]
    return [driver for driver, name in names if not sysroot.isdir("/sys/module/%s" % name) and not sysroot.isdir("/sys/bus/pci/drivers/%s" % driver)]


def unavailable(module, drivers):
    found = {}
    for driver in drivers:
        rc, dummy, error = module.run_command([module.get_bin_path("modprobe", required=True), "--dry-run", driver])
        if rc:
            found[driver] = error.strip() or "modprobe ended with %d" % rc
    return found


def missing_debs(module, packages):
    query = [module.get_bin_path("dpkg-query", required=True), "--show", "--showformat=${Package} ${Architecture} ${Version} ${db:Status-Abbrev}\n"]
    dummy, output, dummy_error = module.run_command(query + sorted(set(package.partition("=")[0] for package in packages)))
    there = set()
    for line in output.splitlines():
        words = line.split()
        # The first letter of the status is what is wanted of the package (h: hold it as it is), the second what it is.
        if len(words) == 4 and words[3][1:2] == "i":
            name, architecture, version = words[:3]
            there.update([name, "%s:%s" % (name, architecture), "%s=%s" % (name, version), "%s:%s=%s" % (name, architecture, version)])
    return [package for package in packages if package not in there]


def missing_rpms(module, packages):
    missing = []
    for package in packages:
        if not RPM_NAME.match(package) or module.run_command([module.get_bin_path("rpm", required=True), "--query", "--whatprovides", package])[0]:
            missing.append(package)
    # A name with a version provides nothing, and is known by its own name.
    return [package for package in missing if not RPM_NAME.match(package) or module.run_command([module.get_bin_path("rpm"), "--query", package])[0]]


def missing_packages(module, packages, kind):
    if not packages:
        return []
    if kind == "debian":
        return missing_debs(module, packages)
    return missing_rpms(module, packages) if kind == "redhat" else list(packages)


def within(sysroot, path):
    return sysroot.bare(path) if path.startswith(sysroot.root + "/") else path


def plans(module, iommu):
    """What other modules would do: {boot_plan, nic_plan, refused}."""
    boot, nics = module.params["boot"], module.params["nics"]
    questions = []
    if boot:
        arguments = boot["arguments"].get(iommu) or []
        questions.append(("boot_plan", _kernel_cmdline.run, dict(owner=boot["owner"], state="present", arguments=arguments, backup=False)))
    if nics:
        questions.append(("nic_plan", _dpdk_device.run, dict(nics, state="present", purge=True, persistent=True, later=True, timeout=20)))
    found = {"boot_plan": None, "nic_plan": None, "refused": []}
    for name, run, params in questions:
        try:
            found[name] = run(Question(module, **params))
        except HostError as error:
            found["refused"].append(error.message)
    return found


def main():
    module = AnsibleModule(
        argument_spec=dict(
            drivers=dict(type="list", elements="str", default=[]),
            packages=dict(type="list", elements="str", default=[]),
            tuned_profiles=dict(type="list", elements="str", default=[]),
            read=dict(type="list", elements="path", default=[]),
            find=dict(type="list", elements="path", default=[]),
            boot=dict(
                type="dict",
                options=dict(owner=dict(type="str", required=True), arguments=dict(type="dict", required=True)),
            ),
            nics=dict(
                type="dict",
                options=dict(
                    devices=dict(
                        type="list",
                        elements="dict",
                        required=True,
                        options=dict(device=dict(type="str", required=True), driver=dict(type="str", default="vfio-pci")),
                    ),
                    noiommu=dict(type="bool", default=False),
                ),
            ),
            sysroot=dict(type="path", default="/"),
        ),
        supports_check_mode=True,
    )
    params = module.params
    sysroot = Sysroot(params["sysroot"])
    kind = family(sysroot)
    absent = unloaded(sysroot, params["drivers"])
    iommu = firmware_iommu(sysroot)
    module.exit_json(
        changed=False,
        family=kind,
        kernel=(sysroot.read("/proc/sys/kernel/osrelease") or "").strip(),
        cmdline=running_arguments(sysroot),
        cpu=dict(flags=sorted(cpu_flags(sysroot))),
        iommu=iommu,
        iommu_groups=len(sysroot.listdir("/sys/kernel/iommu_groups")),
        unloaded_drivers=absent,
        unavailable_drivers=unavailable(module, absent),
        missing_packages=missing_packages(module, params["packages"], kind),
        missing_tuned_profiles=[
            profile for profile in params["tuned_profiles"] if not any(sysroot.isdir("%s/%s" % (folder, profile)) for folder in PROFILES)
        ],
        files=dict((path, sysroot.read(within(sysroot, path))) for path in params["read"]),
        missing_files=[path for path in params["find"] if not sysroot.exists(within(sysroot, path))],
        **plans(module, iommu)
    )


if __name__ == "__main__":
    main()

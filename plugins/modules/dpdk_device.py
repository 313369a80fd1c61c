#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: dpdk_device
short_description: Binds NICs to a driver for DPDK, now and at boot, and gives them back
version_added: 1.0.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - Binds PCI network devices to a driver and verifies that the driver really took them, since the kernel reports success also when it did not.
  - Records kernel driver, interface name, MAC address and vendor:device in C(/etc/kube-ovn-dpdk/devices) before binding, so that a device can be named by
    its interface also after that has vanished, and is given back as it was.
  - For the boot it uses C(driverctl) where that is installed, else C(driver_override) with a systemd unit that runs before the network and the container
    runtime start. Virtual functions that are created later are bound when they appear, by a udev rule.
  - All checks are made for all devices before the first one is touched. Refused are a NIC that carries the default route or an SSH connection, has an
    address or a route, is a member of a bridge or bond, also of a userspace bridge of Open vSwitch, or carries VLANs; one whose interface is in the network
    namespace of a pod; devices that a process has open, with its name and pod; PCI bridges and other devices that are no NICs, Mellanox NICs (they stay with
    their kernel driver), physical functions with virtual ones, and for C(vfio-pci) whatever has no viable IOMMU group after the run.
  - A device that is found at its driver for DPDK is recorded as bound by another owner. It stays at that driver when it is given back.
  - Devices are recorded by PCI address, whatever they were named by. An interface name that means one NIC in the record and another one now is refused.
  - Warns of files of netplan, ifupdown, network-scripts, systemd-networkd and NetworkManager that name a NIC that is bound.
extends_documentation_fragment:
  - kube_ovn.dpdk._attributes
attributes:
  check_mode:
    support: full
    details:
      - Whether a driver takes a device shows only when it is bound.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  devices:
    description:
      - The devices.
    type: list
    elements: dict
    required: true
    suboptions:
      device:
        description:
          - PCI address (V(0000:05:00.0) or V(05:00.0)), interface name (V(eth1)), or vendor and device (V(8086:10d3)), which means all devices of that kind.
        type: str
        required: true
      driver:
        description:
          - Driver to bind to.
        type: str
        default: vfio-pci
  state:
    description:
      - With V(absent) the devices go back to their kernel driver, or stay at the driver that they were found at.
    type: str
    choices:
      - present
      - absent
    default: present
  purge:
    description:
      - With O(state=present), gives back the devices that this module bound earlier and that are not in O(devices) any more.
    type: bool
    default: false
  persistent:
    description:
      - Whether the devices are bound at boot too.
    type: bool
    default: true
  noiommu:
    description:
      - Whether C(vfio-pci) may take devices without an IOMMU group where the kernel allows it by C(vfio.enable_unsafe_noiommu_mode). The device can then
        write to all of the memory.
    type: bool
    default: false
  later:
    description:
      - Says in check mode that the devices will be bound later, when a package was installed or the host rebooted, so that neither the IOMMU group nor the
        driver need be there yet. Everything else is refused as without it. Without check mode it has no effect.
    type: bool
    default: false
  booted:
    description:
      - Fails before a device is touched where the running kernel was not booted as it had to be.
    type: dict
    suboptions:
      owner:
        description: The owner of the kernel arguments, as module M(kube_ovn.dpdk.kernel_cmdline) takes it.
        type: str
        required: true
      arguments:
        description: The arguments that the kernel has to have been booted with.
        type: list
        elements: str
        required: true
      iommu:
        description: Whether it has to have found an IOMMU.
        type: bool
        default: false
  timeout:
    description:
      - Seconds to wait for a driver to take a device, and for another one to release it.
    type: int
    default: 20
  sysroot:
    description:
      - Directory in which the files of the host are found.
    type: path
    default: /
"""

EXAMPLES = r"""
- name: Bind two NICs to vfio-pci
  kube_ovn.dpdk.dpdk_device:
    devices:
      - device: "0000:05:00.0"
      - device: ens6f1

- name: Bind a NIC of a machine without IOMMU
  kube_ovn.dpdk.dpdk_device:
    devices:
      - device: "05:00.0"
        driver: uio_pci_generic

- name: Give a NIC back, named by the interface it had
  kube_ovn.dpdk.dpdk_device:
    devices:
      - device: ens6f1
    state: absent
"""

RETURN = r"""
differs:
  description: Whether the host differed from what was asked for. As C(changed), which C(changed_when) hides where check mode is used to plan.
  returned: success
  type: bool
  sample: true
devices:
  description: The devices as they are after the run, in check mode as they are now.
  returned: success
  type: list
  elements: dict
  contains:
    address:
      description: PCI address.
      type: str
      sample: "0000:05:00.0"
    driver:
      description: Driver that has the device; V(null) for none.
      type: str
      sample: vfio-pci
    kernel_driver:
      description: Driver it had before.
      type: str
      sample: e1000e
    interface:
      description: Interface it had before, or has again.
      type: str
      sample: ens6f1
    mac:
      description: Its MAC address.
      type: str
      sample: "52:54:00:12:34:56"
    numa_node:
      description: NUMA node, V(-1) where the firmware does not say.
      type: int
      sample: 0
    iommu_group:
      description: IOMMU group, V(null) without an IOMMU.
      type: str
      sample: "12"
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._host import HostError
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._dpdk_device import check_boot, run


def main():
    module = AnsibleModule(
        argument_spec=dict(
            devices=dict(
                type="list",
                elements="dict",
                required=True,
                options=dict(device=dict(type="str", required=True), driver=dict(type="str", default="vfio-pci")),
            ),
            state=dict(type="str", choices=["present", "absent"], default="present"),
            purge=dict(type="bool", default=False),
            persistent=dict(type="bool", default=True),
            noiommu=dict(type="bool", default=False),
            later=dict(type="bool", default=False),
            booted=dict(
                type="dict",
                options=dict(
                    owner=dict(type="str", required=True),
                    arguments=dict(type="list", elements="str", required=True),
                    iommu=dict(type="bool", default=False),
                ),
            ),
            timeout=dict(type="int", default=20),
            sysroot=dict(type="path", default="/"),
        ),
        supports_check_mode=True,
    )
    try:
        if module.params["booted"]:
            check_boot(module)
        result = run(module)
    except HostError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()

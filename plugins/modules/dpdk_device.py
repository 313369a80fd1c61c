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
version_added: 0.1.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - Binds PCI network devices to a driver and verifies that the driver really took them, since the kernel reports success also when it did not.
  - Remembers kernel driver, interface name and MAC address in C(/etc/kube-ovn-dpdk/devices), so that a device can be named by its interface also after
    that has vanished, and is given back as it was.
  - For the boot it uses C(driverctl) where that is installed, else C(driver_override) with a systemd unit that runs before the network and the container
    runtime start.
  - All checks are made for all devices before the first one is touched. Refused are a NIC that carries the default route or an SSH connection, members of
    bridges and bonds, what VLANs stand on, PCI bridges and other devices that are no NICs, Mellanox NICs (they stay with their kernel driver), physical
    functions with virtual ones, and for C(vfio-pci) whatever has no viable IOMMU group.
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
      - With V(absent) the devices go back to their kernel driver.
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
      - Whether C(vfio-pci) may take devices without an IOMMU group where the kernel was told so by C(vfio.enable_unsafe_noiommu_mode). The device can then
        write to all of the memory.
    type: bool
    default: false
  later:
    description:
      - Tells check mode that the devices are to be bound later, when a package was installed or the host rebooted, so that neither the IOMMU group nor the
        driver need be there yet. Everything else is refused as ever. Without check mode it has no effect.
    type: bool
    default: false
  timeout:
    description:
      - Seconds to wait for the driver to take a device.
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
      description: NUMA node, V(-1) where the firmware does not tell.
      type: int
      sample: 0
    iommu_group:
      description: IOMMU group, V(null) without an IOMMU.
      type: str
      sample: "12"
"""

import os
import tempfile

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._host import (
    HostError,
    Sysroot,
    make_parents,
    wait_until,
)
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._pci import (
    DRIVERS,
    RECORD,
    USERSPACE_DRIVERS,
    Device,
    Record,
    refuse_if_unfit,
    refuse_if_used,
    resolve,
)

SCRIPT = "/etc/kube-ovn-dpdk/bind-devices"
UNIT = "/etc/systemd/system/kube-ovn-dpdk-devices.service"
WANTED_BY = "/etc/systemd/system/multi-user.target.wants/kube-ovn-dpdk-devices.service"

SCRIPT_TEXT = """#!/bin/sh
# Managed by Ansible (kube_ovn.dpdk.dpdk_device): binds the devices of the list at boot.
devices=/sys/bus/pci/devices
failed=0
while read -r address driver _; do
    case "$address" in '#'* | '') continue ;; esac
    modprobe "$driver"
    echo "$driver" > "$devices/$address/driver_override"
    current=$(basename "$(readlink "$devices/$address/driver")")
    if [ "$current" != "$driver" ]; then
        if [ -n "$current" ]; then
            echo "$address" > "$devices/$address/driver/unbind"
        fi
        echo "$address" > /sys/bus/pci/drivers_probe
    fi
    # The probe reports success also when no driver took the device.
    if [ "$(basename "$(readlink "$devices/$address/driver")")" != "$driver" ]; then
        echo "$address was not taken by $driver" >&2
        failed=1
    fi
done < /etc/kube-ovn-dpdk/devices
exit "$failed"
"""

UNIT_TEXT = """# Managed by Ansible (kube_ovn.dpdk.dpdk_device).
[Unit]
Description=Bind NICs to drivers for DPDK
DefaultDependencies=no
After=local-fs.target systemd-modules-load.service
Wants=network-pre.target
Before=network-pre.target openvswitch.service openvswitch-switch.service containerd.service docker.service crio.service kubelet.service
ConditionPathExists=/etc/kube-ovn-dpdk/devices

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh /etc/kube-ovn-dpdk/bind-devices

[Install]
WantedBy=multi-user.target
"""


class Binder(object):
    def __init__(self, module, sysroot):
        self.module = module
        self.sysroot = sysroot
        self.record = Record(sysroot)
        self.driverctl = module.get_bin_path("driverctl") if sysroot.is_real else None
        if not sysroot.is_real and sysroot.exists("/usr/sbin/driverctl"):
            self.driverctl = sysroot.path("/usr/sbin/driverctl")
        self.timeout = module.params["timeout"]
        self.later = module.params["later"] and module.check_mode

    def modprobe(self, *arguments):
        # The PATH of a plain user's session may lack the directory.
        return self.module.run_command([self.module.get_bin_path("modprobe", required=True)] + list(arguments))

    def wanted(self):
        """Driver by PCI address; the same device under two names is an error if the drivers differ."""
        wanted = {}
        for entry in self.module.params["devices"]:
            for address in resolve(self.sysroot, self.record, entry["device"]):
                if wanted.setdefault(address, entry["driver"]) != entry["driver"]:
                    raise HostError("%s is to have two drivers: %s and %s" % (address, wanted[address], entry["driver"]))
        return wanted

    def check(self, wanted):
        for address, driver in sorted(wanted.items()):
            device = Device(self.sysroot, address)
            if device.driver != driver:
                refuse_if_used(self.sysroot, device)
            refuse_if_unfit(self.sysroot, device, driver, wanted, self.module.params["noiommu"], self.later)
        for driver in sorted(set(wanted.values())):
            if self.later or self.sysroot.isdir("%s/%s" % (DRIVERS, driver)) or not self.sysroot.is_real:
                continue
            rc, dummy, err = self.modprobe("--dry-run", driver)
            if rc:
                raise HostError("this kernel has no driver %s: %s; install it, or choose one of %s" % (driver, err.strip(), ", ".join(USERSPACE_DRIVERS)))

    @staticmethod
    def saved_files(address):
        # Without the bus in its name: driverctl that knows PCI alone.
        return ["/etc/driverctl.d/%s%s" % (bus, address) for bus in ("pci-", "")]

    def forget(self, address):
        """Let the kernel choose at boot, and the device be as it is now; driverctl itself would take it from its driver."""
        for name in self.saved_files(address):
            if self.sysroot.exists(name):
                os.unlink(self.sysroot.path(name))

    def saved(self, address):
        """Driver that the device will have at boot; None for whatever the kernel chooses."""
        if self.driverctl:
            for text in [self.sysroot.read(name) for name in self.saved_files(address)]:
                if text is not None:
                    return text.strip() or None
            return None
        row = self.record.rows.get(address)
        return row["driver"] if row and self.sysroot.exists(UNIT) else None

    def state(self, addresses):
        found = {}
        for address in addresses:
            found[address] = {"driver": Device(self.sysroot, address).driver, "driver at boot": self.saved(address)}
        return found

    def remember(self, device, driver):
        row = self.record.rows.get(device.address)
        if row:
            row["driver"] = driver
            return
        name = (device.interfaces or [None])[0]
        mac = (self.sysroot.read("/sys/class/net/%s/address" % name) or "").strip() if name else None
        self.record.rows[device.address] = {
            "address": device.address,
            "driver": driver,
            "kernel_driver": device.driver if device.driver not in USERSPACE_DRIVERS else None,
            "interface": name,
            "mac": mac or None,
        }

    def rebind(self, device, driver):
        """Let the kernel choose again, with a driver to choose or without."""
        if self.sysroot.is_real and driver and not self.sysroot.isdir("%s/%s" % (DRIVERS, driver)):
            self.modprobe(driver)
        self.sysroot.poke(device.path + "/driver_override", "%s\n" % (driver or ""))
        if device.driver:
            self.sysroot.poke("%s/%s/unbind" % (DRIVERS, device.driver), device.address)
        self.sysroot.poke("/sys/bus/pci/drivers_probe", device.address)

    def bind(self, address, driver):
        device = Device(self.sysroot, address)
        persistent = self.module.params["persistent"]
        self.remember(device, driver)
        anew = device.driver != driver or (self.driverctl and persistent and self.saved(address) != driver)
        if self.driverctl and (anew or not persistent):
            # It saves under one name; what another version of it has saved under the other would stay.
            self.forget(address)
        if not anew:
            return
        old = device.driver
        said = ""
        if self.driverctl:
            said = self.run_driverctl(([] if persistent else ["--nosave"]) + ["set-override", address, driver])
        else:
            self.rebind(device, driver)
        if not wait_until(lambda: device.driver == driver, self.timeout):
            # The NIC goes back rather than being nobody's.
            self.unset(device)
            wait_until(lambda: device.driver == old, self.timeout)
            raise HostError(
                "%s was not taken by %s within %d s and is back at %s. The kernel says: %s%s"
                % (address, driver, self.timeout, device.driver or "no driver", self.kernel_log(address), said)
            )
        if self.driverctl and persistent and self.saved(address) != driver:
            raise HostError("%s is bound to %s, but not at boot%s" % (address, driver, said))

    def unset(self, device):
        """Have the kernel choose the driver, now and at boot; returns what driverctl complains of."""
        if not self.driverctl:
            self.rebind(device, None)
            return ""
        said = self.run_driverctl(["unset-override", device.address])
        # It keeps what it has saved when no driver took the device.
        self.forget(device.address)
        return said

    def give_back(self, address):
        device = Device(self.sysroot, address)
        row = self.record.rows.get(address, {})
        kernel_driver = row.get("kernel_driver")
        said = ""
        if self.driverctl or device.override or device.driver in USERSPACE_DRIVERS or device.driver is None:
            if kernel_driver and self.sysroot.is_real:
                self.modprobe(kernel_driver)
            said = self.unset(device)
        if kernel_driver and not wait_until(lambda: device.driver == kernel_driver, self.timeout):
            raise HostError("%s did not go back to %s; the kernel says: %s%s" % (address, kernel_driver, self.kernel_log(address), said))
        if said and device.driver in USERSPACE_DRIVERS:
            raise HostError("%s was not given back by %s%s" % (address, device.driver, said))
        # Only now: what the device was is needed to try again.
        self.record.rows.pop(address, None)
        if row.get("interface"):
            # It comes back a moment after the driver.
            wait_until(lambda: row["interface"] in device.interfaces, self.timeout)

    def run_driverctl(self, arguments):
        """Its complaint, if any: it complains about drivers that are slow, too, and what counts is what the device has in the end."""
        rc, out, err = self.module.run_command([self.driverctl] + arguments)
        return "; driverctl says: %s" % " ".join((err or out).split()) if rc else ""

    def kernel_log(self, address):
        if not self.sysroot.is_real:
            return "nothing"
        dummy, out, dummy_error = self.module.run_command(["dmesg"])
        return "; ".join([line for line in out.splitlines() if address in line][-3:]) or "nothing"

    def save(self):
        """Record, script and unit, or none of them."""
        persistent = self.module.params["persistent"] and not self.driverctl and self.record.rows
        changed = self.put(RECORD, self.record.text(), 0o644)
        changed |= self.put(SCRIPT, SCRIPT_TEXT if persistent else "", 0o755)
        unit = self.put(UNIT, UNIT_TEXT if persistent else "", 0o644)
        link = self.sysroot.path(WANTED_BY)
        if persistent and not os.path.islink(link):
            make_parents(link)
            os.symlink(UNIT, link)
            unit = True
        elif not persistent and os.path.islink(link):
            os.unlink(link)
            unit = True
        if unit and self.sysroot.is_real:
            self.module.run_command(["systemctl", "daemon-reload"])
        return changed or unit

    def put(self, path, text, mode):
        target = self.sysroot.path(path)
        if (self.sysroot.read(path) or "") == text:
            return False
        if not text:
            os.unlink(target)
            return True
        make_parents(target)
        handle, name = tempfile.mkstemp(dir=self.module.tmpdir)
        os.write(handle, text.encode("utf-8"))
        os.close(handle)
        os.chmod(name, mode)
        self.module.atomic_move(name, target)
        return True

    def told(self, addresses, before):
        rows = []
        for address in sorted(addresses):
            device = Device(self.sysroot, address)
            row = self.record.rows.get(address) or before.get(address) or {}
            rows.append(
                {
                    "address": address,
                    "driver": device.driver,
                    "kernel_driver": row.get("kernel_driver"),
                    "interface": (device.interfaces or [row.get("interface")])[0],
                    "mac": row.get("mac"),
                    "numa_node": device.numa_node,
                    "iommu_group": device.iommu_group,
                }
            )
        return rows


def run(module):
    params = module.params
    sysroot = Sysroot(params["sysroot"])
    binder = Binder(module, sysroot)
    remembered = dict((address, dict(row)) for address, row in binder.record.rows.items())
    wanted = binder.wanted()
    given_back = set()
    if params["state"] == "absent":
        given_back = set(wanted)
        wanted = {}
    else:
        binder.check(wanted)
        if params["purge"]:
            given_back = set(binder.record.rows) - set(wanted)
    # A card that was pulled has nothing to give back but its line in the record.
    pulled = set(address for address in given_back if not sysroot.exists(Device(sysroot, address).path))
    addresses = set(wanted) | given_back
    before = binder.state(addresses)
    after = dict((address, {"driver": driver, "driver at boot": driver if params["persistent"] else None}) for address, driver in wanted.items())
    for address in given_back:
        row = binder.record.rows.get(address, {})
        device = Device(sysroot, address)
        ours = row or device.override or device.driver in USERSPACE_DRIVERS
        kernel_driver = row.get("kernel_driver") or (None if device.driver in USERSPACE_DRIVERS else device.driver)
        after[address] = {"driver": kernel_driver if ours else device.driver, "driver at boot": None}
    changed = before != after or any(address in binder.record.rows for address in given_back)
    if changed and not module.check_mode:
        try:
            for address in sorted(given_back):
                if address in pulled:
                    binder.record.rows.pop(address)
                elif address in binder.record.rows or before[address] != after[address]:
                    binder.give_back(address)
            for address in sorted(wanted):
                try:
                    binder.bind(address, wanted[address])
                except HostError:
                    if address not in remembered:
                        binder.record.rows.pop(address, None)
                    raise
        finally:
            # Also what was done before an error is remembered.
            binder.save()
        after = binder.state(addresses)
    return dict(
        changed=changed,
        diff=dict(before=before, after=after),
        devices=binder.told(addresses - pulled, remembered),
    )


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
            timeout=dict(type="int", default=20),
            sysroot=dict(type="path", default="/"),
        ),
        supports_check_mode=True,
    )
    try:
        result = run(module)
    except HostError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()

# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to this collection: it may change with any release.

"""What module dpdk_device does; another module asks it what it would do, in the same call."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import errno
import os
import tempfile

from ansible.module_utils.common.text.converters import to_bytes
from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _kernel_cmdline
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._host import (
    HostError,
    Question,
    Sysroot,
    TimeoutExpired,
    bounded,
    make_parents,
    running_arguments,
    wait_until,
)
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._pci import (
    DRIVERS,
    NO_IOMMU,
    RECORD,
    USERSPACE_DRIVERS,
    Device,
    Record,
    configured_in,
    holders,
    refuse_if_held,
    refuse_if_unfit,
    refuse_if_used,
    refuse_misspelt,
    resolve,
)

SCRIPT = "/etc/kube-ovn-dpdk/bind-devices"
UNITS = "/etc/systemd/system"
UNIT = UNITS + "/kube-ovn-dpdk-devices.service"
# For a device that appears later.
UNIT_LATER = UNITS + "/kube-ovn-dpdk-device@.service"
RULES = "/etc/udev/rules.d/70-kube-ovn-dpdk-devices.rules"
WANTED_BY = UNITS + "/multi-user.target.wants/kube-ovn-dpdk-devices.service"

SCRIPT_TEXT = """#!/bin/sh
# Managed by Ansible (kube_ovn.dpdk.dpdk_device): binds the devices of the list at boot, or the one that is named.
sys=${SYSROOT:-}/sys/bus/pci
failed=0
while read -r address driver _ _ mac kind; do
    case "$address" in '#'* | '') continue ;; esac
    if [ -n "$1" ] && [ "$1" != "$address" ]; then continue; fi
    device=$sys/devices/$address
    if [ ! -e "$device/driver_override" ]; then
        # A virtual function appears later, and is bound then.
        echo "$address is not there"
        continue
    fi
    read -r vendor < "$device/vendor"
    read -r product < "$device/device"
    if [ "$kind" != - ] && [ "$kind" != "${vendor#0x}:${product#0x}" ]; then
        echo "$address is another card (${vendor#0x}:${product#0x}) than the $kind that was bound, and is left alone" >&2
        continue
    fi
    current=$(readlink "$device/driver")
    current=${current##*/}
    if [ "$current" = "$driver" ]; then continue; fi
    if [ "$mac" != - ] && [ ! -e "$device/physfn" ]; then
        for file in "$device"/net/*/address "$device"/virtio*/net/*/address; do
            # 0: of the hardware. Others differ from boot to boot.
            assigned=0
            if [ -e "${file%/*}/addr_assign_type" ]; then read -r assigned < "${file%/*}/addr_assign_type"; fi
            if [ -e "$file" ] && [ "$assigned" = 0 ] && read -r found < "$file" && [ "$found" != "$mac" ]; then
                echo "$address is another NIC ($found) than the one that was bound ($mac), and is left alone" >&2
                continue 2
            fi
        done
    fi
    modprobe "$driver"
    echo "$driver" > "$device/driver_override"
    if [ -n "$current" ]; then
        echo "$address" > "$device/driver/unbind"
    fi
    echo "$address" > "$sys/drivers_probe"
    # The probe reports success also when no driver took the device.
    current=$(readlink "$device/driver")
    if [ "${current##*/}" != "$driver" ]; then
        echo "$address was not taken by $driver" >&2
        failed=1
    fi
done < "${SYSROOT:-}/etc/kube-ovn-dpdk/devices"
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
TimeoutStartSec=120

[Install]
WantedBy=multi-user.target
"""

UNIT_LATER_TEXT = """# Managed by Ansible (kube_ovn.dpdk.dpdk_device): started by udev for a device that appears, as a virtual function does.
[Unit]
Description=Bind NIC %i to a driver for DPDK
DefaultDependencies=no
After=local-fs.target kube-ovn-dpdk-devices.service
ConditionPathExists=/etc/kube-ovn-dpdk/devices

[Service]
Type=oneshot
ExecStart=/bin/sh /etc/kube-ovn-dpdk/bind-devices %i
TimeoutStartSec=120
"""

RULES_HEAD = "# Managed by Ansible (kube_ovn.dpdk.dpdk_device).\n"
RULE_TEXT = 'ACTION=="add", SUBSYSTEM=="pci", KERNEL=="%s", TAG+="systemd", ENV{SYSTEMD_WANTS}+="kube-ovn-dpdk-device@%s.service"\n'


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
        # Which the kernel takes from their driver some time after this run.
        self.blocked = set()

    def modprobe(self, *arguments):
        # The PATH of a plain user's session may lack the directory.
        return self.module.run_command([self.module.get_bin_path("modprobe", required=True)] + list(arguments))

    def wanted(self):
        """Driver by PCI address; the same device under two names is an error if the drivers differ."""
        wanted = {}
        for entry in self.module.params["devices"]:
            refuse_misspelt(entry["driver"])
            for address in resolve(self.sysroot, self.record, entry["device"]):
                if wanted.setdefault(address, entry["driver"]) != entry["driver"]:
                    raise HostError("%s is to have two drivers: %s and %s" % (address, wanted[address], entry["driver"]))
        return wanted

    def check(self, wanted, given_back):
        """Refuse devices that are in use or unfit, before anything is touched."""
        # Where a device is after the run.
        final = dict(wanted)
        for address in given_back:
            final[address] = self.kernel_driver(Device(self.sysroot, address))
        for address, driver in sorted(wanted.items()):
            device = Device(self.sysroot, address)
            if device.driver != driver:
                refuse_if_used(self.sysroot, device)
            elif self.needs_saving(address, driver):
                # driverctl takes a device from its driver to save what is so already.
                refuse_if_held(self.sysroot, device)
            refuse_if_unfit(self.sysroot, device, driver, final, self.module.params["noiommu"], self.later)
        for address in sorted(given_back):
            if not self.record.is_foreign(address):
                refuse_if_held(self.sysroot, Device(self.sysroot, address))
        for driver in sorted(set(wanted.values())):
            if self.later or self.sysroot.isdir("%s/%s" % (DRIVERS, driver)) or not self.sysroot.is_real:
                continue
            rc, dummy, err = self.modprobe("--dry-run", driver)
            if rc:
                raise HostError("this kernel has no driver %s: %s; install it, or choose one of %s" % (driver, err.strip(), ", ".join(USERSPACE_DRIVERS)))

    def warn_of_configurations(self, wanted):
        for address in sorted(wanted):
            device = Device(self.sysroot, address)
            row = self.record.rows.get(address) or {}
            for name, mac in [(name, device.mac) for name in device.interfaces] or [(row.get("interface"), row.get("mac"))]:
                files = configured_in(self.sysroot, name, mac)
                if files:
                    self.module.warn(
                        "%s (%s) is bound to a driver for DPDK, and %s names it: take it out there, or networking waits for it and fails at boot"
                        % (address, name or mac, ", ".join(files))
                    )

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

    def keeps_saved(self, address):
        """Whether what driverctl has saved is another owner's."""
        return bool(self.driverctl) and self.record.is_foreign(address) and address not in self.record.saved

    def needs_saving(self, address, driver):
        return bool(self.driverctl and self.module.params["persistent"] and self.saved(address) != driver)

    def state(self, addresses):
        found = {}
        for address in addresses:
            found[address] = {"driver": Device(self.sysroot, address).driver, "driver at boot": self.saved(address)}
        return found

    def kernel_driver(self, device):
        """Driver that a device goes back to; None where it is not known."""
        row = self.record.rows.get(device.address) or {}
        return row.get("kernel_driver") or (None if device.driver in USERSPACE_DRIVERS else device.driver)

    def remember(self, device, driver):
        row = self.record.rows.get(device.address)
        if row and not self.record.is_other_card(device):
            if self.record.is_foreign(device.address) and row["driver"] != driver:
                # It is taken over from its earlier owner.
                row["kernel_driver"] = None
            row["driver"] = driver
            return
        # One that has the driver already is another owner's, and stays there when it is given back.
        found = device.driver if device.driver == driver or device.driver not in USERSPACE_DRIVERS else None
        self.record.saved.discard(device.address)
        if found in USERSPACE_DRIVERS and self.needs_saving(device.address, driver):
            self.record.saved.add(device.address)
        self.record.rows[device.address] = {
            "address": device.address,
            "driver": driver,
            "kernel_driver": found,
            "interface": (device.interfaces or [None])[0],
            "mac": device.hardware_mac,
            "kind": device.kind,
        }

    def give_up(self, device, driver):
        """The error of a device that its driver has not released in time. Once it does, no probe is to give the device to the driver of the override.

        The kernel has it locked until then, so that this write may wait as well, in a process that is left behind too.
        """
        self.blocked.add(device.address)
        try:
            bounded(lambda: self.sysroot.poke(device.path + "/driver_override", "\n"), 1)
        except (HostError, TimeoutExpired):
            pass
        found = ", ".join(holders(self.sysroot, device)) or "a process that cannot be found"
        return HostError(
            "%s was not released by %s within %d s, since %s has it open; the kernel unbinds it as soon as it is released"
            % (device.address, driver, self.timeout, found)
        )

    def rebind(self, device, driver):
        """Let the kernel choose again, with a driver to choose or without."""
        if self.sysroot.is_real and driver and not self.sysroot.isdir("%s/%s" % (DRIVERS, driver)):
            rc, dummy, err = self.modprobe(driver)
            if rc:
                raise HostError("driver %s cannot be loaded: %s" % (driver, err.strip()))
        self.sysroot.poke(device.path + "/driver_override", "%s\n" % (driver or ""))
        old = device.driver
        try:
            if old:
                bounded(lambda: self.sysroot.poke("%s/%s/unbind" % (DRIVERS, old), device.address), max(self.timeout, 1))
            # A driver may take its time, or hang in its firmware.
            bounded(lambda: self.sysroot.poke("/sys/bus/pci/drivers_probe", device.address), max(self.timeout, 1))
        except TimeoutExpired:
            raise self.give_up(device, old)

    def bind(self, address, driver):
        device = Device(self.sysroot, address)
        persistent = self.module.params["persistent"]
        needed = device.driver != driver or self.needs_saving(address, driver)
        if self.driverctl and (needed or not persistent) and not self.keeps_saved(address):
            # It saves under one name; what another version of it has saved under the other would stay.
            self.forget(address)
        if not needed:
            return
        old = device.driver
        said = ""
        if self.driverctl:
            said = self.run_driverctl(device, ([] if persistent else ["--nosave"]) + ["set-override", address, driver])
        else:
            self.rebind(device, driver)
        if not wait_until(lambda: device.driver == driver, self.timeout):
            # The NIC goes back rather than being left without a driver.
            self.unset(device)
            wait_until(lambda: device.driver == old, self.timeout)
            raise HostError(
                "%s was not taken by %s within %d s and is back at %s. The kernel says: %s%s"
                % (address, driver, self.timeout, device.driver or "no driver", self.kernel_log(address), said)
            )
        if self.driverctl and persistent and self.saved(address) != driver:
            raise HostError("%s is bound to %s, but not at boot%s" % (address, driver, said))

    def unset(self, device):
        """Have the kernel choose the driver, now and at boot; returns what driverctl reported."""
        if not self.driverctl:
            self.rebind(device, None)
            return ""
        said = self.run_driverctl(device, ["unset-override", device.address])
        # It keeps what it has saved when no driver took the device.
        self.forget(device.address)
        return said

    def give_back(self, address):
        if self.record.is_foreign(address):
            self.drop(address)
            return
        device = Device(self.sysroot, address)
        row = self.record.rows.get(address, {})
        kernel_driver = self.kernel_driver(device)
        said = ""
        if device.driver in USERSPACE_DRIVERS or device.driver is None:
            if kernel_driver and self.sysroot.is_real:
                self.modprobe(kernel_driver)
            said = self.unset(device)
        else:
            # It is back already, as after a boot, and may be in use. driverctl would take it from its driver, so what driverctl has saved goes alone.
            if device.override in USERSPACE_DRIVERS:
                self.sysroot.poke(device.path + "/driver_override", "\n")
            self.forget(address)
        if kernel_driver and not wait_until(lambda: device.driver == kernel_driver, self.timeout):
            raise HostError("%s did not go back to %s; the kernel says: %s%s" % (address, kernel_driver, self.kernel_log(address), said))
        if said and device.driver in USERSPACE_DRIVERS:
            raise HostError("%s was not given back by %s%s" % (address, device.driver, said))
        # Only now: what the device was is needed to try again.
        self.record.rows.pop(address, None)
        if row.get("interface"):
            # It comes back a moment after the driver.
            wait_until(lambda: row["interface"] in device.interfaces, self.timeout)

    def drop(self, address):
        """A card that was pulled, or whose slot has another one: nothing is bound in its place at boot, and the device that is there now is left alone."""
        if not self.keeps_saved(address):
            self.forget(address)
        self.record.rows.pop(address, None)

    def run_driverctl(self, device, arguments):
        """Its error message, if any: it reports drivers that are slow as failed, and what counts is the driver that the device has in the end."""
        driver = device.driver
        with tempfile.TemporaryFile() as output:
            def run():
                rc, out, err = self.module.run_command([self.driverctl] + arguments)
                output.write(to_bytes(out + err))
                output.flush()
                if rc:
                    raise HostError("it ended with %d" % rc, rc)

            rc = 0
            try:
                # It unbinds and probes.
                bounded(run, 2 * max(self.timeout, 1))
            except TimeoutExpired:
                raise self.give_up(device, driver)
            except HostError:
                rc = 1
            output.seek(0)
            text = output.read().decode("utf-8", "replace")
        return "; driverctl says: %s" % " ".join(text.split()) if rc else ""

    def kernel_log(self, address):
        if not self.sysroot.is_real:
            return "nothing"
        dummy, out, dummy_error = self.module.run_command(["dmesg"])
        return "; ".join([line for line in out.splitlines() if address in line][-3:]) or "nothing"

    def files(self, rows):
        """(path, text, mode) of record, script, units and udev rules; a file without a text is not there."""
        persistent = self.module.params["persistent"] and not self.driverctl and rows
        rules = RULES_HEAD + "".join(RULE_TEXT % (address, address) for address in sorted(rows))
        found = [(RECORD, self.record.text(rows), 0o644)]
        for path, text, mode in (
            (SCRIPT, SCRIPT_TEXT, 0o755), (UNIT, UNIT_TEXT, 0o644), (UNIT_LATER, UNIT_LATER_TEXT, 0o644), (RULES, rules, 0o644),
        ):  # fmt: skip
            found.append((path, text if persistent else "", mode))
        return found

    def differs(self, path, text, mode):
        if (self.sysroot.read(path) or "") != text:
            return True
        return bool(text) and os.stat(self.sysroot.path(path)).st_mode & 0o7777 != mode

    def is_stale(self, rows):
        return any(self.differs(*item) for item in self.files(rows)) or os.path.islink(self.sysroot.path(WANTED_BY)) != bool(self.files(rows)[1][1])

    def save(self):
        """Write record, script, units and udev rules, or remove them."""
        written = set()
        files = self.files(self.record.rows)
        link = self.sysroot.path(WANTED_BY)
        try:
            for path, text, mode in files:
                if self.differs(path, text, mode):
                    self.put(path, text, mode)
                    written.add(path)
            if files[1][1] and not os.path.islink(link):
                make_parents(link)
                os.symlink(UNIT, link)
                written.add(UNIT)
            elif not files[1][1] and os.path.islink(link):
                os.unlink(link)
                written.add(UNIT)
        except (IOError, OSError) as error:
            raise HostError("%s cannot be written: %s; without it no device is bound" % (error.filename or RECORD, os.strerror(error.errno)), error.errno)
        if self.sysroot.is_real and written & set([UNIT, UNIT_LATER]):
            self.module.run_command(["systemctl", "daemon-reload"])
        # A host may have no udev, as a container.
        udevadm = self.module.get_bin_path("udevadm") if self.sysroot.is_real and RULES in written else None
        if udevadm:
            self.module.run_command([udevadm, "control", "--reload"])

    def put(self, path, text, mode):
        target = self.sysroot.path(path)
        if not text:
            os.unlink(target)
            return
        make_parents(target)
        if not os.path.isdir(os.path.dirname(target)) or not os.access(os.path.dirname(target), os.W_OK):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)
        handle, name = tempfile.mkstemp(dir=self.module.tmpdir)
        os.write(handle, text.encode("utf-8"))
        os.close(handle)
        self.module.atomic_move(name, target)
        # A new file has what the umask leaves.
        os.chmod(target, mode)

    def described(self, addresses, before):
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
                    "mac": row.get("mac") or device.mac,
                    "numa_node": device.numa_node,
                    "iommu_group": device.iommu_group,
                }
            )
        return rows


def check_boot(module):
    """Raise HostError where the running kernel was not booted as option booted says."""
    booted, problems = module.params["booted"], []
    sysroot = Sysroot(module.params["sysroot"])
    try:
        _kernel_cmdline.check_boot(Question(module, owner=booted["owner"], state="present", arguments=booted["arguments"], backup=False))
    except HostError as error:
        problems.append(error.message)
    if booted["iommu"] and not sysroot.listdir("/sys/kernel/iommu_groups"):
        problems.append(NO_IOMMU % " ".join(running_arguments(sysroot)))
    if problems:
        raise HostError("\n".join(problems))


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
    elif params["purge"]:
        given_back = set(binder.record.rows) - set(wanted)
    # A card that was pulled, or whose slot has another one now, has nothing to give back but its line in the record and what driverctl has saved.
    gone = set()
    for address in given_back:
        device = Device(sysroot, address)
        if not sysroot.exists(device.path) or (binder.record.is_other_card(device) and device.driver not in USERSPACE_DRIVERS):
            gone.add(address)
    binder.check(wanted, given_back - gone)
    binder.warn_of_configurations(wanted)
    addresses = set(wanted) | given_back
    before = binder.state(addresses)
    after = {}
    for address in given_back:
        device = Device(sysroot, address)
        foreign = binder.record.is_foreign(address)
        ours = address not in gone and not foreign and (address in binder.record.rows or device.driver in USERSPACE_DRIVERS)
        kept = binder.saved(address) if binder.keeps_saved(address) else None
        after[address] = {"driver": binder.kernel_driver(device) if ours else device.driver, "driver at boot": kept}
    for address in sorted(wanted):
        binder.remember(Device(sysroot, address), wanted[address])
        kept = binder.saved(address) if binder.keeps_saved(address) else None
        after[address] = {"driver": wanted[address], "driver at boot": wanted[address] if params["persistent"] else kept}
    staying = dict((address, row) for address, row in binder.record.rows.items() if address not in given_back)
    changed = before != after or binder.is_stale(staying)
    if changed and not module.check_mode:
        # Before binding: a run that is cut off leaves nothing bound that is not recorded.
        binder.save()
        bound = set(address for address, driver in wanted.items() if before[address]["driver"] == driver)
        try:
            for address in sorted(given_back):
                if address in gone:
                    binder.drop(address)
                elif address in binder.record.rows or before[address] != after[address]:
                    binder.give_back(address)
            for address in sorted(wanted):
                binder.bind(address, wanted[address])
                bound.add(address)
        finally:
            # What was not bound is as it was; one that is on its way from its driver still has to be given back.
            for address in set(wanted) - bound:
                if address not in binder.blocked and Device(sysroot, address).driver == before[address]["driver"]:
                    binder.record.rows.pop(address, None)
                if address in remembered:
                    binder.record.rows[address] = remembered[address]
            binder.save()
        after = binder.state(addresses)
    return dict(
        changed=changed,
        differs=changed,
        diff=dict(before=before, after=after),
        devices=binder.described(addresses - gone, remembered),
    )

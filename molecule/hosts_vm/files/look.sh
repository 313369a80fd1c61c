#!/bin/sh
# Tells as JSON what the guest is like: its spare NIC (an e1000e), its own NIC, how it was started, how often, how often
# its kubelet was, and what it would boot next.
nic=$(grep -l '^0x10d3$' /sys/bus/pci/devices/*/device)
nic=${nic%/device}
driver=$(readlink "$nic/driver")
own=$(grep -l '^52:54:00:00:00:01$' /sys/class/net/*/address)
own=${own%/address}
{
    echo address "${nic##*/}"
    echo driver "${driver##*/}"
    echo node "$(cat "$nic/numa_node")"
    echo interface "$(ls "$nic/net" 2> /dev/null)"
    echo own "${own##*/}"
    echo groups "$(find /sys/kernel/iommu_groups -mindepth 1 -maxdepth 1 | wc -l)"
    echo boots "$(wc -l < /var/log/boots)"
    echo kubelets "$(wc -l < /var/log/kubelet)"
    echo menu "$(sha256sum < /boot/grub/grub.cfg)"
    echo cmdline "$(sed 's/^BOOT_IMAGE=[^ ]* //' /proc/cmdline)"
} | sed -E 's/"/\\"/g; s/^([a-z]+) (.*)/"\1": "\2"/; 1s/^/{/; $!s/$/,/; $s/$/}/'

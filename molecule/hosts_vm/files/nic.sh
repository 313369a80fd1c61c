#!/bin/sh
# Tells of the spare NIC: address, driver, NUMA node, interface (- for none); and how many IOMMU groups there are.
for device in /sys/bus/pci/devices/*; do
    if [ "$(cat "$device/vendor"):$(cat "$device/device")" = 0x8086:0x10d3 ]; then
        basename "$device"
        basename "$(readlink "$device/driver" || echo -)"
        cat "$device/numa_node"
        basename "$(echo "$device"/net/*)" | tr '*' -
    fi
done
find /sys/kernel/iommu_groups -mindepth 1 -maxdepth 1 | wc -l

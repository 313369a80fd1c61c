#!/bin/sh
# Sends for ten seconds through the NIC that vfio-pci has, and counts what the kernel sees on the NIC at the other end.
set -eu
for device in /sys/class/net/*; do
    if [ "$(cat "$device/address")" = 52:54:00:00:00:02 ]; then
        peer=$device
    fi
done
ip link set "${peer##*/}" up promisc on
before=$(cat "$peer/statistics/rx_packets")
address=$(basename "$(ls -d /sys/bus/pci/drivers/vfio-pci/0000:*)")
# testpmd ends when its input does.
sleep 60 | timeout --signal=INT --kill-after=30 180 dpdk-testpmd -l 0,1 --allow "$address" --huge-dir /dev/hugepages --socket-mem 0,64 -- \
    --forward-mode=txonly --auto-start --total-num-mbufs=8192 --stats-period 5 --no-lsc-interrupt || true
after=$(cat "$peer/statistics/rx_packets")
echo "$((after - before))"

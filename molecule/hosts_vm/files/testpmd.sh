#!/bin/sh
# Sends through the NIC that vfio-pci has until the kernel has counted 1000 packets on the NIC at the other end, for a minute and a half at most.
set -eu
peer=$(grep -l '^52:54:00:00:00:02$' /sys/class/net/*/address)
peer=${peer%/address}
ip link set "${peer##*/}" up promisc on
before=$(cat "$peer/statistics/rx_packets")
address=$(basename "$(ls -d /sys/bus/pci/drivers/vfio-pci/0000:*)")
received() {
    echo $(($(cat "$peer/statistics/rx_packets") - before))
}
waited() {
    for _ in $(seq 90); do
        [ "$(received)" -lt 1000 ] || break
        sleep 1
    done
}
# testpmd ends when its input does.
waited | timeout --signal=INT --kill-after=30 180 dpdk-testpmd -l 0,1 --allow "$address" --in-memory --socket-mem 0,64 -- \
    --forward-mode=txonly --auto-start --total-num-mbufs=8192 --no-lsc-interrupt || true
received

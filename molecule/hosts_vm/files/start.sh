#!/usr/bin/env bash
# Starts a guest for at most an hour, with two NUMA nodes, an IOMMU and a spare NIC on each node: start.sh DISK PORT PIDFILE LOG
# The plainest CPU that DPDK runs on is the fastest to emulate, the more so as kernels need no mitigation for that vendor.
# Its disk is thrown away when it ends, and it reaches no network but the one between its two spare NICs.
set -euo pipefail
disk=$1 port=$2 pidfile=$3 log=$4

setsid nohup timeout --signal=KILL 3600 nice qemu-system-x86_64 \
    -accel tcg,thread=multi,tb-size=512 -cpu Nehalem,vendor=AuthenticAMD,+pdpe1gb,+rdrand -machine q35,kernel-irqchip=split -nodefaults -vga none \
    -device intel-iommu,intremap=on \
    -smp 2,sockets=2,cores=1 -m 4G \
    -object memory-backend-ram,id=memory0,size=2G -numa node,nodeid=0,cpus=0,memdev=memory0 \
    -object memory-backend-ram,id=memory1,size=2G -numa node,nodeid=1,cpus=1,memdev=memory1 \
    -drive "file=$disk,format=raw,if=none,id=disk,snapshot=on" -device virtio-blk-pci,drive=disk \
    -netdev "user,id=management,restrict=on,hostfwd=tcp:127.0.0.1:$port-:22" \
    -device virtio-net-pci,netdev=management,mac=52:54:00:00:00:01,romfile= \
    -netdev hubport,id=spare0,hubid=0 -netdev hubport,id=spare1,hubid=0 \
    -device pxb-pcie,id=bridge0,bus=pcie.0,bus_nr=32,numa_node=0 -device pcie-root-port,id=port0,bus=bridge0,chassis=1 \
    -device virtio-net-pci,bus=port0,netdev=spare0,mac=52:54:00:00:00:02,disable-legacy=on,iommu_platform=on,romfile= \
    -device pxb-pcie,id=bridge1,bus=pcie.0,bus_nr=64,numa_node=1 -device pcie-root-port,id=port1,bus=bridge1,chassis=2 \
    -device e1000e,bus=port1,netdev=spare1,mac=52:54:00:00:00:03,romfile= \
    -display none -monitor none -serial "file:$log" -pidfile "$pidfile" > "$log.qemu" 2>&1 < /dev/null &

for _ in $(seq 50); do
    [ -s "$pidfile" ] && exit 0
    sleep 0.2
done
cat "$log.qemu" >&2
exit 1

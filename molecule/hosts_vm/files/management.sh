#!/bin/sh
# Name of the interface that has the address of the management network.
for device in /sys/class/net/*; do
    if [ "$(cat "$device/address")" = 52:54:00:00:00:01 ]; then
        basename "$device"
    fi
done

#!/bin/sh
# Packs a file as the sources of DPDK are packed: pack.sh FILE ARCHIVE
set -eu
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
mkdir "$work/dpdk-stable-19.11.14"
cp "$1" "$work/dpdk-stable-19.11.14/"
tar czf "$2" -C "$work" dpdk-stable-19.11.14

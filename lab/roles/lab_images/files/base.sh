#!/bin/sh
# Packs a minimal Debian system with apt in it, the base of the lab's images where no registry has one: base.sh SUITE MIRROR TARBALL
set -eu
suite=$1 mirror=$2 tarball=$3

part=$(mktemp "$tarball.XXXXXX")
trap 'rm -f "$part"' EXIT
trap 'exit 1' HUP INT TERM
# What is excluded here stays excluded for packages that are installed later, as in slim images of Debian.
# shellcheck disable=SC2016  # the hook's own $1
mmdebstrap --mode=root --variant=apt --architectures=amd64 --format=tar \
    --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/info/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/lintian/*' --dpkgopt='path-exclude=/usr/share/zoneinfo/*' \
    --dpkgopt='path-exclude=/usr/lib/x86_64-linux-gnu/gconv/*' --dpkgopt='path-exclude=/usr/share/misc/pci.ids' \
    --customize-hook='rm -rf "$1/usr/share/zoneinfo" "$1"/usr/share/locale "$1"/var/lib/apt/lists/*' \
    "$suite" "$part" "$mirror"
# It appears only when it is whole.
mv "$part" "$tarball"

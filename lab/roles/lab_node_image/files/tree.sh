#!/bin/sh
# Packs a minimal Debian system with some packages: tree.sh TARBALL SUITE MIRROR PACKAGE,PACKAGE,...
# The tarball appears only when it is whole.
set -eu
tarball=$1 suite=$2 mirror=$3 packages=$4
part=$(mktemp "$tarball.XXXXXX")
trap 'rm -f "$part"' EXIT
trap 'exit 1' HUP INT TERM
# A disposable node needs no manuals, and each node's identity is its own.
# shellcheck disable=SC2016  # the hooks' own $1
mmdebstrap --mode=root --variant=minbase --format=tar --include="$packages" \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --customize-hook=': > "$1/etc/machine-id"' --customize-hook='rm -f "$1/etc/hostname" "$1"/etc/dpkg/dpkg.cfg.d/*' \
    "$suite" "$part" "$mirror"
mv "$part" "$tarball"

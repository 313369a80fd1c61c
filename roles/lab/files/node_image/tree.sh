#!/bin/sh
# Packs a Debian system as it comes from debootstrap: tree TARBALL SUITE MIRROR PACKAGE,PACKAGE,...
# The tarball appears only when it is whole.
set -eu
tarball=$1 suite=$2 mirror=$3 packages=$4
work=$(mktemp -d "$tarball.XXXXXX")
# Never across a file system: an interrupted debootstrap leaves /proc mounted in its tree.
trap 'umount "$work/proc" "$work/sys" 2>/dev/null; rm -rf --one-file-system "$work"' EXIT
trap 'exit 1' HUP INT TERM
chmod 755 "$work"
debootstrap --variant=minbase --include="$packages" "$suite" "$work" "$mirror"
# Nothing of it is needed in a disposable node, and each node's identity is its own.
rm -rf "$work"/var/cache/apt/* "$work"/var/lib/apt/lists/* "$work"/usr/share/doc/* "$work"/usr/share/man/* \
    "$work"/usr/share/locale/* "$work"/var/log/*.log "$work"/var/log/apt "$work/etc/hostname"
: > "$work/etc/machine-id"
tar -C "$work" --numeric-owner -cf "$tarball.part" .
mv "$tarball.part" "$tarball"

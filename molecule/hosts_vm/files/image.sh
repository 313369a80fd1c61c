#!/usr/bin/env bash
# Makes a bootable disk of a Debian release without booting it: image.sh RELEASE DISK PUBLIC_KEY PACKAGE,PACKAGE,...
set -euo pipefail
release=$1 disk=$2 key=$3 packages=$4

tree=$(mktemp -d)
whole='' part=''
finish() {
    for place in dev/pts dev proc sys; do
        mountpoint -q "$tree/$place" && umount "$tree/$place"
    done
    mountpoint -q "$tree" && umount "$tree"
    [ -n "$part" ] && losetup -d "$part"
    [ -n "$whole" ] && losetup -d "$whole"
    rmdir "$tree"
}
trap finish EXIT

rm -f "$disk.part"
truncate -s 4G "$disk.part"
printf 'label: dos\nstart=2048, type=83, bootable\n' | sfdisk -q "$disk.part"
# The kernel of the machine may be unable to scan partitions: a loop device for the disk, another one for its partition.
whole=$(losetup --find --show "$disk.part")
part=$(losetup --find --show --offset 1048576 "$disk.part")
mkfs.ext4 -q -O ^has_journal "$part"
mount "$part" "$tree"

# Patterns for dpkg, not for this shell.
set -f
excludes=()
for path in /usr/share/{doc,man,locale}/* /usr/include/* /usr/lib/*.a /lib/modules/*/kernel/{sound,drivers/{gpu,media,infiniband,staging,scsi,net/wireless}}/*; do
    excludes+=("--dpkgopt=path-exclude=$path")
done
set +f
# shellcheck disable=SC2016 # $1 of the hook is mmdebstrap's
mmdebstrap --mode=root --variant=minbase --include="$packages" --aptopt='APT::Install-Recommends "false"' --dpkgopt=force-unsafe-io "${excludes[@]}" \
    --essential-hook='mkdir -p "$1/etc/tiny-initramfs" "$1/etc/default/grub.d" && echo INCLUDE_MODULES=virtio_pci,virtio_blk,ext4 > "$1/etc/tiny-initramfs/tiny-initramfs.conf"' \
    "$release" "$tree" http://deb.debian.org/debian

uuid=$(blkid -s UUID -o value "$part")
echo "UUID=$uuid / ext4 rw,errors=remount-ro 0 0" > "$tree/etc/fstab"
echo "$release" > "$tree/etc/hostname"
install -d -m 700 "$tree/root/.ssh"
install -m 600 "$key" "$tree/root/.ssh/authorized_keys"
# Whatever starts with the guest, an emulated machine takes its time for: the network by one rule of udev, the bus and logind only when somebody
# calls them, as a scheduled shutdown does, no drivers for what the machine only has because every machine has it.
cat > "$tree/etc/udev/rules.d/90-management.rules" <<'RULE'
ACTION=="add", SUBSYSTEM=="net", ATTR{address}=="52:54:00:00:00:01", RUN+="/sbin/ip address add 10.0.2.15/24 dev $name", \
    RUN+="/sbin/ip link set $name up", RUN+="/sbin/ip route add default via 10.0.2.2"
RULE
printf 'blacklist %s\n' ahci bochs evdev i2c_i801 iTCO_wdt libata lpc_ich pcspkr psmouse qemu_fw_cfg serio_raw sg > "$tree/etc/modprobe.d/slim.conf"
# They count how often they were started, so that a test can tell: the boots, and what stands in for a kubelet.
for unit in boots kubelet; do
    cat > "$tree/etc/systemd/system/$unit.service" <<UNIT
[Service]
ExecStartPre=/bin/sh -c 'echo started >> /var/log/$unit'
ExecStart=/bin/sleep infinity
[Install]
WantedBy=multi-user.target
UNIT
done
cat > "$tree/etc/default/grub" <<'GRUB'
GRUB_DEFAULT=0
GRUB_TIMEOUT=0
GRUB_DISTRIBUTOR=Debian
GRUB_CMDLINE_LINUX_DEFAULT="splash"
GRUB_CMDLINE_LINUX="console=ttyS0 no_timer_check"
GRUB_TERMINAL=serial
GRUB
# What the guest boots with when nobody has touched it: as cloud images do it, in a file that overrides the other one, and without an IOMMU.
echo 'GRUB_CMDLINE_LINUX_DEFAULT="quiet intel_iommu=off"' > "$tree/etc/default/grub.d/50-cloudimg-settings.cfg"
# Nothing that these scripts look for is here, and looking takes an emulated machine its time.
chmod -x "$tree"/etc/grub.d/{05_debian_theme,20_linux_xen,30_os-prober,30_uefi-firmware}
for place in proc sys dev dev/pts; do
    mount --bind "/$place" "$tree/$place"
done
chroot "$tree" systemctl -q enable ssh boots kubelet
chroot "$tree" systemctl -q mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer fstrim.timer e2scrub_all.timer e2scrub_reap.service \
    getty.target systemd-binfmt.service systemd-pstore.service systemd-random-seed.service systemd-update-utmp.service \
    systemd-journal-flush.service modprobe@.service dev-mqueue.mount sys-kernel-debug.mount sys-kernel-tracing.mount sys-fs-fuse-connections.mount
mkdir -p "$tree/etc/systemd/system/multi-user.target.wants"
ln -sf /dev/null "$tree/etc/systemd/system/multi-user.target.wants/dbus.service"
ln -sf /dev/null "$tree/etc/systemd/system/multi-user.target.wants/systemd-logind.service"
chroot "$tree" grub-install --target=i386-pc --modules='part_msdos ext2' "$whole"
# In a chroot on a loop device grub-mkconfig finds no root and writes no entry: tell it, for this run only.
printf 'GRUB_DEVICE=UUID=%s\nGRUB_DEVICE_UUID=%s\n' "$uuid" "$uuid" > "$tree/etc/default/grub.d/chroot.cfg"
chroot "$tree" update-grub
rm "$tree/etc/default/grub.d/chroot.cfg"
grep -q "root=UUID=$uuid" "$tree/boot/grub/grub.cfg"
rm -rf "$tree"/var/cache/apt/* "$tree"/var/lib/apt/lists/*

finish
trap - EXIT
mv "$disk.part" "$disk"

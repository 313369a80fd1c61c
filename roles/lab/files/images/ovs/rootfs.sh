#!/bin/sh
# Makes the file system of the lab's OVS/OVN/DPDK image, from Debian packages alone.
#
# usage: rootfs.sh SUITE MIRROR TARBALL
set -eu
suite=$1 mirror=$2 tarball=$3

hook=$(mktemp)
part=$tarball.$$
trap 'rm -f "$hook" "$part"' EXIT
trap 'exit 1' HUP INT TERM
cat > "$hook" <<'HOOK'
#!/bin/sh
set -eu
root=$1
in_root() { chroot "$root" env DEBIAN_FRONTEND=noninteractive "$@"; }

# dpdk-testpmd comes in dpdk-dev, which drags in every header and driver of DPDK. Only its
# shared libraries and the drivers that a vhost-user or an AF_PACKET port needs are wanted.
libraries=$(in_root apt-cache show --no-all-versions dpdk-dev |
    sed -n 's/^Depends: //p' | tr ',' '\n' | awk '{print $1}' | grep -vx libdpdk-dev)
# shellcheck disable=SC2086  # a list of package names
in_root apt-get install -y -q --no-install-recommends $libraries \
    '^librte-net-(virtio|af-packet|vhost|tap)[-0-9]*$' '^librte-mempool-ring[-0-9]*$'
in_root sh -c 'cd /tmp && apt-get download -q dpdk-dev &&
    dpkg-deb --fsys-tarfile dpdk-dev_*.deb | tar -x -C / ./usr/bin/dpdk-testpmd && rm dpdk-dev_*.deb'
ln -s dpdk-testpmd "$root/usr/bin/testpmd"

in_root update-alternatives --set ovs-vswitchd /usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk

# A database made at package installation would give every node the same system-id, and the
# links would hide the directories that the pods mount.
rm -rf "$root"/etc/openvswitch "$root"/etc/ovn "$root"/var/lib/openvswitch/* "$root"/var/lib/ovn/*
mkdir -p "$root"/etc/openvswitch "$root"/etc/ovn "$root"/kube-ovn

rm -rf "$root"/usr/share/zoneinfo "$root"/usr/share/locale "$root"/usr/lib/x86_64-linux-gnu/gconv \
    "$root"/usr/share/misc/pci.ids
# Fails here, at build time, and not in a pod, when a library or tool is missing.
in_root sh -ec 'dpdk-testpmd --help > /dev/null 2>&1 || test $? -ne 127
    ovs-vswitchd --version; ovn-controller --version; ip -V; python3 --version; ethtool --version'
HOOK
chmod +x "$hook"

mmdebstrap --mode=root --variant=apt --architectures=amd64 \
    --aptopt='APT::Install-Recommends "false"' \
    --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/info/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/lintian/*' \
    --include=openvswitch-switch-dpdk,ovn-central,ovn-host,iproute2,iptables,ethtool,procps,python3-minimal,util-linux \
    --customize-hook="$hook" \
    --format=tar "$suite" "$part" "$mirror"
# It appears only when it is whole.
mv "$part" "$tarball"

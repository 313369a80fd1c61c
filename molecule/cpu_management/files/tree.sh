#!/bin/sh
# Writes a host of eight CPUs, two a core, with a kubelet and irqbalance: tree.sh ROOT
set -eu
root=$1
put() {
    mkdir -p "$root/${1%/*}"
    cat > "$root/$1"
}
echo 0-7 | put sys/devices/system/cpu/online
echo 0-7 | put sys/devices/system/cpu/present
echo 0-7 | put sys/devices/system/node/node0/cpulist
for cpu in 0 1 2 3; do
    for number in "$cpu" "$((cpu + 4))"; do
        echo "$cpu,$((cpu + 4))" | put "sys/devices/system/cpu/cpu$number/topology/thread_siblings_list"
    done
done
printf 'apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n' | put var/lib/kubelet/config.yaml
echo '{"policyName":"none","defaultCpuSet":"","checksum":1353318690}' | put var/lib/kubelet/cpu_manager_state
echo | put lib/systemd/system/irqbalance.service
echo ID=debian | put etc/os-release
echo GRUB_CMDLINE_LINUX_DEFAULT=quiet | put etc/default/grub
printf "menuentry 'Linux' {\n linux /vmlinuz root=/dev/vda1 ro quiet\n}\n" | put boot/grub/grub.cfg
put usr/sbin/grub-mkconfig << 'EOF'
#!/bin/sh
set -e
. "$SYSROOT/etc/default/grub"
for file in "$SYSROOT"/etc/default/grub.d/*.cfg; do if [ -e "$file" ]; then . "$file"; fi; done
printf "menuentry 'Linux' {\n linux /vmlinuz root=/dev/vda1 ro %s\n}\n" "$GRUB_CMDLINE_LINUX_DEFAULT" > "$2"
EOF
chmod 755 "$root/usr/sbin/grub-mkconfig"
echo 5.10.0 | put proc/sys/kernel/osrelease
echo BOOT_IMAGE=/vmlinuz root=/dev/vda1 ro quiet | put proc/cmdline
# The kubelet: a process of root in the namespaces of the host.
for pid in 1 77; do
    printf 'Name:\tx\nUid:\t0\t0\t0\t0\n' | put "proc/$pid/status"
    mkdir -p "$root/proc/$pid/ns"
    for kind in mnt net pid; do ln -sfn "$kind:[1]" "$root/proc/$pid/ns/$kind"; done
done
echo | put usr/bin/kubelet
ln -sfn "$root/usr/bin/kubelet" "$root/proc/77/exe"
printf '/usr/bin/kubelet\0--config=/var/lib/kubelet/config.yaml\0' | put proc/77/cmdline

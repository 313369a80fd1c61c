#!/bin/sh
# Puts the build context of one image together.
#
# usage: context.sh KIND DIRECTORY GO ROOTFS MULTUS_DIRECTORY
set -eu
kind=$1 context=$2 go=$3 rootfs=$4 multus=$5
here=$(cd "$(dirname "$0")" && pwd)

build_go() {
    (cd "$here/go" && CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS=-buildvcs=false \
        "$go" build -trimpath -ldflags '-s -w' -o "$context/$2" "./$1")
}

cp -R "$here/$kind/." "$context"
case $kind in
    ovs)
        ln "$rootfs" "$context/rootfs.tar"
        build_go kube-ovn kube-ovn/kube-ovn
        ;;
    multus) cp "$multus"/* "$context" ;;
    pause) build_go pause pause ;;
esac

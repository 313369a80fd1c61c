#!/bin/sh
# Puts together what one image is built from.
#
# usage: context.sh KIND DIRECTORY GO MULTUS_DIRECTORY
set -eu
kind=$1 context=$2 go=$3 multus=$4
here=$(cd "$(dirname "$0")" && pwd)

build_go() {
    (cd "$here/go" && CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS=-buildvcs=false \
        "$go" build -trimpath -ldflags '-s -w' -o "$context/$2" "./$1")
}

cp -R "$here/$kind/." "$context"
case $kind in
    ovs) build_go kube-ovn kube-ovn/kube-ovn ;;
    multus) cp "$multus"/* "$context" ;;
    pause) build_go pause pause ;;
esac

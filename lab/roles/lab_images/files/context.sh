#!/bin/sh
# Puts together what one image is built from.
#
# usage: context.sh KIND DIRECTORY GO PROGRAMS    PROGRAMS: the directory of Multus', or of Kube-OVN's
set -eu
kind=$1 context=$2 go=$3 programs=$4
here=$(cd "$(dirname "$0")" && pwd)

build_go() {
    (cd "$here/go" && CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS=-buildvcs=false \
        "$go" build -trimpath -ldflags '-s -w' -o "$context/$2" "./$1")
}

cp -R "$here/$kind/." "$context"
case $kind in
    kube-ovn) mkdir "$context/commands" && cp "$programs"/* "$context/commands" ;;
    multus) cp "$programs"/* "$context" ;;
    pause) build_go pause pause ;;
esac

#!/bin/sh
# Builds Multus from its Go module; the Go checksum database vouches for the source.
#
# usage: build.sh GO VERSION DIRECTORY
set -eu
go=$1 version=$2 directory=$3
module=gopkg.in/k8snetworkplumbingwg/multus-cni.v4
export CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS='-mod=mod -buildvcs=false'

work=$(mktemp -d "$directory.XXXXXX")
trap 'chmod -R u+w "$work" && rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

source=$("$go" mod download -json "$module@$version" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
cp -R "$source" "$work/source"
chmod -R u+w "$work/source"
mkdir "$work/bin"
cd "$work/source"
for command in multus passthru-cni thin_entrypoint install_multus; do
    nice "$go" build -trimpath -ldflags "-s -w -X $module/pkg/multus.version=$version" -o "$work/bin/$command" "./cmd/$command"
done
mv "$work/bin" "$directory"

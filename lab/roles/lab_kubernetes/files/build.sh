#!/bin/sh
# Builds Kubernetes from its Go module: build.sh GO VERSION OUTPUT
# Each module is checked against the sums that Kubernetes itself ships (go.sum), the rest against Go's checksum database.
set -eu
go=$1 version=$2 output=$3
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$(dirname "$output")"
work=$(mktemp -d "$output.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
cd "$work"

# The compiler that there is, never another one from outside.
export GOTOOLCHAIN=local GOFLAGS=-mod=mod CGO_ENABLED=0
# A module of its own, else go would look for one in the folders above.
printf 'module kube-ovn-dpdk.invalid/lab\n' > go.mod
"$go" mod download -json "k8s.io/kubernetes@v$version" > module.json
sources=$(sed -n 's/^\t"Dir": "\(.*\)",*$/\1/p' module.json)

# Kubernetes names its staging modules by folder; published they have the same version, with 0 for 1.
sed -e 's#^module .*#module kube-ovn-dpdk.invalid/lab#' \
    -e "s#=> \./staging/src/\(k8s\.io/[^ ]*\)#=> \1 v0.${version#*.}#" "$sources/go.mod" > go.mod
echo "require k8s.io/kubernetes v$version" >> go.mod
cat "$sources/go.sum" > go.sum
cp "$here"/*.go .
# The constructor of the kubelet takes a context in newer releases.
tags=
if grep -q '^func NewKubeletCommand(ctx ' "$sources/cmd/kubelet/app/server.go"; then tags=kubelet_context; fi

minor=${version#*.}
minor=${minor%%.*}
# What /version answers comes from client-go, everything else from component-base.
flags="-s -w"
for package in k8s.io/client-go/pkg/version k8s.io/component-base/version; do
    flags="$flags -X $package.gitVersion=v$version -X $package.gitMajor=${version%%.*} -X $package.gitMinor=$minor"
done
"$go" build -trimpath -tags "$tags" -ldflags "$flags" -o kubernetes .
mv kubernetes "$output"

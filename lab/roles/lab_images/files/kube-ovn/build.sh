#!/bin/sh
# Builds the commands of Kube-OVN from its Go module; the Go checksum database vouches for the source. Nothing else is taken from the module.
#
# usage: build.sh GO VERSION DIRECTORY [check]    check: only see whether the module can be had
set -eu
go=$1 version=$2 directory=$3 check=${4:-}
module=github.com/kubeovn/kube-ovn
export CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS='-mod=mod -buildvcs=false'

mkdir -p "$(dirname "$directory")"
work=$(mktemp -d "$directory.XXXXXX")
trap 'chmod -R u+w "$work" && rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
mkdir "$work/bin"
cd "$work"

# A module of its own, else go would look for one in the folders above.
printf 'module kube-ovn-dpdk.invalid/lab\n' > go.mod
if ! "$go" mod download -json "$module@$version" > module.json 2> module.log; then
    reason=$(sed -n 's/^\t"Error": "\(.*\)"$/\1/p' module.json | cut -c1-300)
    {
        echo "Kube-OVN $version cannot be built, since the Go module proxy does not give $module $version."
        # What no answer came for is another problem than what the proxy refuses.
        served=$(for candidate in v1.12.4 v1.13.0 v1.16.2; do
            "$go" mod download "$module@$candidate" > /dev/null 2>&1 && echo "$candidate"
        done | tr '\n' ' ')
        if [ -n "$served" ]; then
            echo "It gives $served: set lab_kube_ovn_versions, or give a release by hand with lab_kube_ovn_installer and lab_kube_ovn_images."
        else
            echo "It gives none of v1.12.4, v1.13.0 and v1.16.2 either: look at the network and at GOPROXY, or give a release by hand."
        fi
        echo "The proxy says: ${reason:-$(tail -n 1 module.log)}"
    } >&2
    exit 1
fi
[ "$check" != check ] || exit 0
cp -R "$(sed -n 's/^\t"Dir": "\(.*\)",*$/\1/p' module.json)" source
chmod -R u+w source
cd source
# The proxy no longer gives the patch release that v1.12.4 asks for; of that module one function is used, which is the same in both.
case $version in v1.12.*) "$go" mod edit -replace k8s.io/sample-controller=k8s.io/sample-controller@v0.27.4 ;; esac

# Which commands are programs of their own differs by release; what is not is a name of kube-ovn-cmd.
for command in cni:kube-ovn .:kube-ovn-cmd controller daemon pinger; do
    folder=${command%%:*} name=kube-ovn-$command
    case $command in *:*) name=${command#*:} ;; esac
    [ -d "cmd/$folder" ] && [ "$("$go" list -f '{{.Name}}' "./cmd/$folder")" = main ] || continue
    nice "$go" build -trimpath -ldflags "-s -w -X $module/versions.VERSION=$version" -o "$work/bin/$name" "./cmd/$folder"
done
# It appears only when it is whole.
mv "$work/bin" "$directory"

#!/bin/sh
# Runs in the pod: holds testpmd under control over several calls, each of which returns at once.
#   probe SOCKET...                what the pod has: CPUs, sockets
#   begin DIR LIMIT SECONDS COMMAND...   starts testpmd and waits until it is ready, then lets it forward for SECONDS, unless 0;
#                                  it ends after LIMIT seconds at the latest
#   run DIR SECONDS                lets it forward for SECONDS
#   output DIR                     what it has written until now
#   end DIR                        ends it
set -u
action=$1
shift

run() {
    {
        echo start tx_first
        # The first of two tells nothing but begins the interval that the rates are of.
        sleep 1
        echo show port stats all
        sleep "$2"
        echo show port stats all
        echo stop
        sleep 1
        echo show port stats all
    } >> "$1/commands" 2> /dev/null < /dev/null &
}

case $action in
probe)
    sed -n 's/^Cpus_allowed_list:[[:space:]]*/cpus /p' /proc/self/status
    for name in dpdk-testpmd testpmd; do
        command -v "$name" > /dev/null 2>&1 && echo "testpmd $name" && break
    done
    # Only with it is what testpmd has counted there to be read while it still runs.
    command -v stdbuf > /dev/null 2>&1 && echo stdbuf
    for path in "$@"; do
        [ ! -S "$path" ] || echo "socket $path"
    done
    ;;
begin)
    dir=$1 limit=$2 seconds=$3
    shift 3
    # A server that was killed has left its socket, which the next one cannot bind to. One that is held is left alone; testpmd then tells.
    for word in "$@"; do
        case $word in --vdev=*,path=*,server=1*) ;; *) continue ;; esac
        path=${word#*,path=}
        path=${path%%,*}
        [ ! -S "$path" ] || grep -q " $path\$" /proc/net/unix || rm -f "$path"
    done
    rm -rf "$dir"
    mkdir -p "$dir"
    : > "$dir/commands"
    # Commands are lines appended to a file, so that no call has to stay open; for the same reason nothing keeps the call's own output.
    {
        timeout "$limit" tail -n +1 -f "$dir/commands" |
            { timeout -k 5 "$limit" "$@"; echo "testpmd ended with status $?"; } > "$dir/output" 2>&1
    } > /dev/null 2>&1 < /dev/null &
    n=0
    until grep -q 'testpmd> \|testpmd ended with status' "$dir/output" 2> /dev/null || [ $n -ge 120 ]; do
        n=$((n + 1))
        sleep 0.5
    done
    [ "$seconds" = 0 ] || run "$dir" "$seconds"
    ;;
run)
    run "$1" "$2"
    ;;
output)
    cat "$1/output"
    ;;
end)
    echo quit >> "$1/commands"
    n=0
    until grep -q 'testpmd ended with status' "$1/output" || [ $n -ge 20 ]; do
        n=$((n + 1))
        sleep 0.5
    done
    cat "$1/output"
    # One more line, so that what feeds the commands notices that nobody reads.
    echo >> "$1/commands"
    ;;
esac

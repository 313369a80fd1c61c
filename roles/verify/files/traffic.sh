#!/bin/sh
# Runs in the pod and keeps testpmd under control over several calls, each of which returns at once.
#   probe SOCKET...            prints what the pod has: CPUs, the name of testpmd, the sockets that exist
#   begin DIR SECONDS COMMAND...  starts testpmd and waits until it is ready. SECONDS is how long testpmd may wait for the next call
#   play DIR LINE...           types each LINE into testpmd, in the background; a LINE of the form @N waits N seconds instead, one of the form =N waits
#                              until N seconds after the first, and one of the form #WORDS notes the words and the time
#   await DIR SECONDS [WORDS]  waits until all has been played, or until WORDS are noted; SECONDS at most
#   output DIR                 prints what testpmd has written so far
#   end DIR                    ends testpmd, prints what it wrote and removes DIR
# testpmd ends by itself SECONDS after the last call and what that call has to play, so that an interrupted run leaves nothing behind.
set -u
action=$1
shift

grace() {
    # Until when the controller may be silent: what is to be played, and as long again as testpmd may wait for a call.
    seconds=$(cat "$1/seconds" 2> /dev/null || echo 60)
    echo $(($(date +%s) + seconds + $2)) > "$1/until.new"
    mv "$1/until.new" "$1/until"
}

current() {
    # Whether DIR is still of this run. Without another process, since CPUs may be scarce.
    now=
    { read -r now < "$1/run"; } 2> /dev/null
    [ "${now:-none}" = "$2" ]
}

locked() {
    # One call at a time decides whose DIR is. One that was killed in between blocks the others for ten seconds at most.
    tries=0
    until mkdir "$1.lock" 2> /dev/null; do
        tries=$((tries + 1))
        [ $((tries % 100)) -ne 0 ] || rmdir "$1.lock" 2> /dev/null || :
        sleep 0.1
    done
}

unlocked() {
    rmdir "$1.lock" 2> /dev/null || :
}

own() {
    # Locked, or the end where DIR is of another run by now.
    locked "$1"
    current "$1" "$2" || {
        unlocked "$1"
        exit 0
    }
}

shown() {
    grep -c 'NIC statistics for port 0' "$1/output" 2> /dev/null || :
}

print_output() {
    # Of a packet that testpmd printed its addresses are enough, and a burst of them is one line with their number before it.
    sed -e '/^ *ol_flags:/d' -e 's/\(src=[^ ]* - dst=[^ ]*\) - .*/\1/' "$1/output" 2> /dev/null | uniq -c | sed 's/^ *1 //'
    cat "$1/notes" 2> /dev/null || :
}

case $action in
probe)
    sed -n 's/^Cpus_allowed_list:[[:space:]]*/cpus /p' /proc/self/status
    for name in dpdk-testpmd testpmd; do
        command -v "$name" > /dev/null 2>&1 && echo "testpmd $name" && break
    done
    # Only with it can the statistics be read while testpmd still runs.
    command -v stdbuf > /dev/null 2>&1 && echo stdbuf
    for path in "$@"; do
        [ ! -S "$path" ] || echo "socket $path"
    done
    ;;
begin)
    dir=$1 seconds=$2
    shift 2
    # A call of a run that was interrupted may still wait below: the last one that came goes on alone.
    claim="$$ $(date +%s.%N)"
    echo "$claim" > "$dir.claim"
    # A run that was interrupted may have left its testpmd, which holds the sockets and the file prefix.
    if [ -f "$dir/pid" ]; then
        pid=$(cat "$dir/pid")
        # Known by its command line too, since the number may belong to another process by now.
        case $(tr '\0' ' ' < "/proc/$pid/cmdline" 2> /dev/null) in
        *kube-ovn-dpdk-verify*) kill "$pid" ;;
        *) pid= ;;
        esac
        n=0
        while [ -f "$dir/pid" ] && [ $n -lt 24 ]; do
            n=$((n + 1))
            [ $n -ne 20 ] || [ -z "$pid" ] || kill -KILL "$pid"
            sleep 0.5
        done
    fi
    # A server that was killed has left its socket, which the next one cannot bind to. One that is held is left alone; testpmd then says so.
    for word in "$@"; do
        case $word in --vdev=*,path=*,server=1*) ;; *) continue ;; esac
        path=${word#*,path=}
        path=${path%%,*}
        [ ! -S "$path" ] || grep -q " $path\$" /proc/net/unix || rm -f "$path"
    done
    locked "$dir"
    [ ! -f "$dir.claim" ] || [ "$(cat "$dir.claim")" = "$claim" ] || {
        echo 'Another run has begun here meanwhile' >&2
        unlocked "$dir"
        exit 1
    }
    rm -rf "$dir"
    # By its name what is still played of an earlier run knows that it is over.
    run="$$ $(date +%s)"
    mkdir "$dir" && chmod 0700 "$dir" && echo "$run" > "$dir/run"
    made=$?
    unlocked "$dir"
    [ $made = 0 ] || exit 1
    echo "$seconds" > "$dir/seconds"
    grace "$dir" 90
    mkfifo "$dir/commands"
    # Nothing here keeps the call's own output open, else the call would not return.
    {
        # Held open for reading and writing, so that neither side waits for the other, and testpmd sees no end of its input.
        exec 3<> "$dir/commands"
        # There before it is measured below, whichever of the two processes comes first.
        : > "$dir/output"
        # On its own cores that says nothing; on shared ones whoever reads the counters comes before a loop that polls.
        nice -n 10 "$@" < "$dir/commands" >> "$dir/output" 2>&1 &
        pid=$!
        echo $pid > "$dir/pid"
        while kill -0 $pid 2> /dev/null; do
            # Foreign packets are printed too, and a flood of them must not fill the node's disk.
            [ "$(wc -c < "$dir/output" 2> /dev/null || echo 0)" -lt 200000000 ] || {
                echo 0 > "$dir/until"
                flooded=yes
            }
            [ "$(date +%s)" -lt "$(cat "$dir/until" 2> /dev/null || echo 0)" ] || {
                kill -TERM $pid 2> /dev/null
                sleep 3
                kill -KILL $pid 2> /dev/null
                silent=yes
            }
            sleep 0.5
        done
        wait $pid
        status=$?
        own "$dir" "$run"
        # The next call is told why, and removes it all.
        [ -z "${flooded:-}" ] || {
            echo 'testpmd printed more than 200 MB and was ended' > "$dir/output"
            silent=
        }
        # Without its last line break the prompt of testpmd would stand before this.
        printf '\ntestpmd ended with status %s\n' $status >> "$dir/output"
        rm -f "$dir/pid"
        # Nobody asked for what it wrote.
        [ -z "${silent:-}" ] || rm -rf "$dir" "$dir.claim"
        unlocked "$dir"
    } > /dev/null 2>&1 < /dev/null &
    n=0
    until grep -q 'testpmd> \|testpmd ended with status' "$dir/output" 2> /dev/null || [ $n -ge 300 ]; do
        n=$((n + 1))
        sleep 0.2
    done
    ;;
play)
    dir=$1
    shift
    length=0
    for line in "$@"; do
        case $line in
        @*) length=$((length + ${line#@})) ;;
        =*) [ "$length" -ge "${line#=}" ] || length=${line#=} ;;
        esac
    done
    grace "$dir" "$length"
    : > "$dir/playing"
    began=$(date +%s)
    mine=
    read -r mine < "$dir/run" || exit 1
    {
        for line in "$@"; do
            current "$dir" "$mine" || exit 0
            case $line in
            @*) sleep "${line#@}" ;;
            =*)
                left=$((began + ${line#=} - $(date +%s)))
                [ $left -le 0 ] || sleep $left
                ;;
            '#'*) echo "$line $(date +%s.%N)" >> "$dir/notes" ;;
            show*stats*)
                # On busy CPUs it may take testpmd seconds. The time to the next reading begins when it has shown this one, else two of them would be
                # one, with nothing between them. One that shows nothing before its end, without stdbuf, is waited for once.
                before=$(shown "$dir") n=0
                [ ! -f "$dir/pid" ] || echo "$line" 1<> "$dir/commands"
                while [ -f "$dir/pid" ] && [ -z "${blind:-}" ] && [ "$(shown "$dir")" = "$before" ]; do
                    n=$((n + 1))
                    [ $n -lt 50 ] || blind=yes
                    sleep 0.1
                done
                ;;
            *) [ ! -f "$dir/pid" ] || echo "$line" 1<> "$dir/commands" ;;
            esac
        done
        ! current "$dir" "$mine" || rm -f "$dir/playing"
    } > /dev/null 2>&1 < /dev/null &
    ;;
await)
    dir=$1 n=$(($2 * 5)) words=${3:-}
    while [ -f "$dir/playing" ] && [ $n -gt 0 ]; do
        [ -z "$words" ] || ! grep -q "^#$words " "$dir/notes" 2> /dev/null || break
        n=$((n - 1))
        sleep 0.2
    done
    ;;
output)
    print_output "$1"
    ;;
end)
    [ -d "$1" ] || {
        echo 'testpmd does not run: it was not started, or it was ended since no call came for too long'
        exit 0
    }
    mine=
    { read -r mine < "$1/run"; } 2> /dev/null
    mine=${mine:-none}
    [ ! -f "$1/pid" ] || echo quit 1<> "$1/commands"
    n=0
    until [ ! -f "$1/pid" ] || [ $n -ge 50 ]; do
        n=$((n + 1))
        sleep 0.2
    done
    # What has begun here meanwhile is of another run.
    own "$1" "$mine"
    # One that does not end when it is told to is ended by force, and says so by its status.
    echo 0 > "$1/until.new" && mv "$1/until.new" "$1/until"
    unlocked "$1"
    n=0
    until [ ! -f "$1/pid" ] || [ $n -ge 50 ]; do
        n=$((n + 1))
        sleep 0.2
    done
    own "$1" "$mine"
    mv "$1" "$1.$$"
    rm -f "$1.claim"
    unlocked "$1"
    print_output "$1.$$"
    rm -rf "$1.$$"
    ;;
esac

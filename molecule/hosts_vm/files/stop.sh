#!/usr/bin/env bash
# Stops the program that a pid file tells of; the number may belong to another one by now.
set -euo pipefail
file=$1
pid=$(cat "$file")
if [ -n "$pid" ] && [ -e "/proc/$pid" ] && tr '\0' ' ' < "/proc/$pid/cmdline" | grep -qF -- "${file%.pid}"; then
    kill "$pid"
    for _ in $(seq 50); do
        [ -e "/proc/$pid" ] || break
        sleep 0.2
    done
fi
rm -f "$file"

"""Compares what a play told with --check with what it then did: compare.py CHANGES PLAY [TASK ...]

The tasks named last are left out: only a real run shows whether memory is too fragmented for pages, and asks for a reboot then.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main() -> int:
    file, play, *without = sys.argv[1:]
    rows = [row for row in map(json.loads, Path(file).read_text().splitlines()) if row["play"] == play and row["task"] not in without]
    told, done = ({(row["host"], row["task"]): row["diff"] for row in rows if row["check"] is check} for check in (True, False))
    for key in sorted(told.keys() | done.keys()):
        if told.get(key) != done.get(key):
            print(*key, f"  told: {json.dumps(told.get(key))}", f"  done: {json.dumps(done.get(key))}", sep="\n")
    print(f"{len(done)} changes of {len({host for host, _task in done})} hosts were told before" if told == done else "not as told")
    return 0 if told == done and done else 1


if __name__ == "__main__":
    sys.exit(main())

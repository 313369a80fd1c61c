"""Compares what a play told with --check with what it then did: compare.py CHANGES PLAY [TASK ...]

Compared are the tasks that changed something, and in their diffs the lines that came and went: a later task finds what an earlier one did only when
that was really done. The tasks named last are left out.
"""

from __future__ import annotations

import difflib
import json
import sys
from pathlib import Path


def change(part: dict) -> object:
    before, after = part.get("before"), part.get("after")
    if not isinstance(before, str) or not isinstance(after, str):
        return part
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0)
    return [line for line in list(lines)[2:] if not line.startswith("@@")]


def main() -> int:
    file, play, *without = sys.argv[1:]
    rows = [row for row in map(json.loads, Path(file).read_text().splitlines()) if row["play"] == play and row["task"] not in without]
    for row in rows:
        row["diff"] = [[change(part) for part in diff] for diff in row["diff"]]
    told, done = ({(row["host"], row["task"]): row["diff"] for row in rows if row["check"] is check} for check in (True, False))
    for key in sorted(told.keys() | done.keys()):
        if told.get(key) != done.get(key):
            print(*key, f"  told: {json.dumps(told.get(key))}", f"  done: {json.dumps(done.get(key))}", sep="\n")
    print(f"{len(done)} changes of {len({host for host, _task in done})} hosts were told before" if told == done else "not as told")
    return 0 if told == done and done else 1


if __name__ == "__main__":
    sys.exit(main())

"""Compares what a play in check mode told with what another one then did: compare.py CHANGES CHECK_PLAY RUN_PLAY [TASK ...]

The tasks named last are left out: only a real run shows whether memory is too fragmented for pages, and asks for a reboot then.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main() -> int:
    file, foretold, done, *without = sys.argv[1:]
    rows = [json.loads(line) for line in Path(file).read_text().splitlines()]
    first, second = (
        {(row["host"], row["task"]): row["diff"] for row in rows if row["play"] == play and row["task"] not in without} for play in (foretold, done)
    )
    for key in sorted(first.keys() | second.keys()):
        if first.get(key) != second.get(key):
            print(*key, f"  foretold: {json.dumps(first.get(key))}", f"  done: {json.dumps(second.get(key))}", sep="\n")
    print(f"{len(second)} changes of {len({host for host, _task in second})} hosts were foretold" if first == second else "not as foretold")
    return 0 if first == second and second else 1


if __name__ == "__main__":
    sys.exit(main())

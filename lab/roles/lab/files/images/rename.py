# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copies an archive of docker save, with other names for the image in it: rename.py SOURCE TARGET IMAGE NAME...

The engine of the machine never has these names, which an image of the user may have there.
"""

import io
import json
import os
import sys
import tarfile

source, target, image, *names = sys.argv[1:]
part = target + ".part"
try:
    with tarfile.open(source) as old, tarfile.open(part, "w") as new:
        manifest = json.load(old.extractfile("manifest.json"))
        (entry,) = [found for found in manifest if image in (found["RepoTags"] or [])]
        wanted = {"manifest.json", entry["Config"], *entry["Layers"]}
        for member in old:
            if member.name == "manifest.json":
                data = json.dumps([dict(entry, RepoTags=names)]).encode()
                member.size = len(data)
                new.addfile(member, io.BytesIO(data))
            elif member.isdir() or member.name in wanted or (member.issym() or member.islnk()):
                new.addfile(member, old.extractfile(member) if member.isfile() else None)
    # It appears only when it is whole.
    os.replace(part, target)
finally:
    if os.path.exists(part):
        os.unlink(part)

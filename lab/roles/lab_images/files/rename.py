# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copies one image out of an archive of docker save, under other names: rename.py SOURCE TARGET IMAGE NAME...

The engine of the machine never has these names, which an image of the user may have there.
"""

import copy
import io
import json
import os
import posixpath
import sys
import tarfile


def contents(archive, name):
    """The file of this name. A layer that another image of the archive has too is a link to that image's file, which would not be copied."""
    member = archive.getmember(name)
    if member.issym():
        return contents(archive, posixpath.normpath(posixpath.join(posixpath.dirname(name), member.linkname)))
    return contents(archive, member.linkname) if member.islnk() else member


source, target, image, *names = sys.argv[1:]
part = target + ".part"
try:
    with tarfile.open(source) as old, tarfile.open(part, "w") as new:
        manifest = json.load(old.extractfile("manifest.json"))
        (entry,) = [found for found in manifest if image in (found["RepoTags"] or [])]
        for name in dict.fromkeys([entry["Config"], *entry["Layers"]]):
            member = contents(old, name)
            named = copy.copy(member)
            named.name = name
            new.addfile(named, old.extractfile(member))
        data = json.dumps([dict(entry, RepoTags=names)]).encode()
        described = tarfile.TarInfo("manifest.json")
        described.size = len(data)
        new.addfile(described, io.BytesIO(data))
    # It appears only when it is whole.
    os.replace(part, target)
finally:
    if os.path.exists(part):
        os.unlink(part)

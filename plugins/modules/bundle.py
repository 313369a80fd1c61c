#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: bundle
short_description: Packs files into one archive with a manifest of their checksums
version_added: 1.0.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - Packs files of this host into a tar archive. Its first member, C(manifest.json), names size and SHA-256 of every other one.
  - The same files always give the same archive, so an archive that is as wanted is left alone.
extends_documentation_fragment:
  - kube_ovn.dpdk._attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  path:
    description:
      - The archive.
    type: path
    required: true
  files:
    description:
      - Files to pack.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description:
          - Path in the archive, relative and without C(..).
        type: str
        required: true
      path:
        description:
          - Path of the file on this host.
        type: path
        required: true
  texts:
    description:
      - Further members, by their path in the archive, with their text.
    type: dict
    default: {}
  about:
    description:
      - What the manifest says beside its files.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Pack an image and its variables
  kube_ovn.dpdk.bundle:
    path: /srv/bundle.tar
    files:
      - name: images/dpdk.tar
        path: /srv/dpdk.tar
    texts:
      vars.yml: "dpdk_app_image_source: archive\n"
"""

RETURN = r"""
manifest:
  description: What the archive holds.
  returned: success
  type: dict
  contains:
    files:
      description: Size in bytes and SHA-256 of each member by its path.
      type: dict
size:
  description: Size of the archive in bytes. In check mode that of the members.
  returned: success
  type: int
"""

import hashlib
import io
import json
import os
import tarfile
import tempfile

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.text.converters import to_bytes, to_native


def sha256(stream):
    found = hashlib.sha256()
    for block in iter(lambda: stream.read(1 << 20), b""):
        found.update(block)
    return found.hexdigest()


def member(name, size):
    """A member that is the same on every host and at every time."""
    found = tarfile.TarInfo(name)
    found.size = size
    found.mode = 0o755 if name.endswith((".sh", "/userspace", "/launcher")) else 0o644
    return found


def described(entries):
    """Size and SHA-256 of each entry, (name, path or None, bytes or None)."""
    found = {}
    for name, path, data in entries:
        if path is None:
            found[name] = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        else:
            with open(path, "rb") as stream:
                found[name] = {"size": os.path.getsize(path), "sha256": sha256(stream)}
    return found


def manifest_of(path):
    """The manifest of an archive; None where there is none that can be read."""
    try:
        with tarfile.open(path) as archive:
            first = archive.next()
            if first is None or first.name != "manifest.json":
                return None
            return json.loads(archive.extractfile(first).read().decode("utf-8"))
    except (IOError, OSError, ValueError, tarfile.TarError):
        return None


def whole(path, manifest):
    """Whether each member of the archive is as its manifest says."""
    try:
        with tarfile.open(path) as archive:
            found = dict((entry.name, entry) for entry in archive.getmembers() if entry.name != "manifest.json")
            if sorted(found) != sorted(manifest["files"]):
                return False
            return all(sha256(archive.extractfile(entry)) == manifest["files"][name]["sha256"] for name, entry in found.items())
    except (IOError, OSError, tarfile.TarError):
        return False


def write(path, manifest, entries):
    handle, part = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".bundle.")
    try:
        # The plain format, whose headers have no times of access in them.
        with os.fdopen(handle, "wb") as stream, tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as archive:
            text = to_bytes(json.dumps(manifest, indent=2, sort_keys=True) + "\n")
            archive.addfile(member("manifest.json", len(text)), io.BytesIO(text))
            for name, source, data in entries:
                if source is None:
                    archive.addfile(member(name, len(data)), io.BytesIO(data))
                else:
                    with open(source, "rb") as content:
                        archive.addfile(member(name, os.path.getsize(source)), content)
        os.chmod(part, 0o644)
        os.rename(part, path)
    except BaseException:
        os.unlink(part)
        raise


def main():
    module = AnsibleModule(
        argument_spec=dict(
            path=dict(type="path", required=True),
            files=dict(
                type="list",
                elements="dict",
                default=[],
                options=dict(name=dict(type="str", required=True), path=dict(type="path", required=True)),
            ),
            texts=dict(type="dict", default={}),
            about=dict(type="dict", default={}),
        ),
        supports_check_mode=True,
    )
    path = module.params["path"]
    entries = [(entry["name"], entry["path"], None) for entry in module.params["files"]]
    entries += [(name, None, to_bytes(text)) for name, text in module.params["texts"].items()]
    entries.sort(key=lambda entry: entry[0])
    names = [entry[0] for entry in entries]
    wrong = [name for name in names if name.startswith("/") or ".." in name.split("/") or name == "manifest.json"]
    if wrong or len(set(names)) != len(names):
        module.fail_json(msg="These are no distinct relative paths of members: %s." % ", ".join(wrong or names))
    lacking = [source for dummy, source, dummy2 in entries if source is not None and not os.path.isfile(source)]
    if lacking:
        module.fail_json(msg="These files do not exist on this host: %s. Build or fetch them first." % ", ".join(lacking))
    if not os.path.isdir(os.path.dirname(os.path.abspath(path))):
        module.fail_json(msg="The directory of %s does not exist. Create it, or name another path." % path)
    manifest = dict(module.params["about"], files=described(entries))
    before = manifest_of(path)
    changed = before != json.loads(json.dumps(manifest)) or not whole(path, manifest)
    if changed and not module.check_mode:
        try:
            write(path, manifest, entries)
        except (IOError, OSError) as error:
            module.fail_json(msg="Cannot write %s: %s." % (path, to_native(error)))
    module.exit_json(
        changed=changed,
        manifest=manifest,
        size=sum(entry["size"] for entry in manifest["files"].values()),
        diff=dict(
            before=json.dumps(before, indent=2, sort_keys=True) + "\n" if before else "",
            after=json.dumps(manifest, indent=2, sort_keys=True) + "\n",
        ),
    )


if __name__ == "__main__":
    main()

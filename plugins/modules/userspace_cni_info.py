#!/usr/bin/python
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: userspace_cni_info
short_description: Reads what Userspace CNI has on a node or on the build host
version_added: 1.0.0
description:
  - Reads files, directories and links, by their paths or by their names below directories, in one call with the state of a unit of systemd, the version
    of Go, and where the launcher has its records.
options:
  paths:
    description: Files, directories and links to read. A tilde is the home directory.
    type: list
    elements: str
    default: []
  trees:
    description: Directories below which files, directories and links are looked for. A tilde is the home directory.
    type: list
    elements: str
    default: []
  patterns:
    description: Shell patterns of the names to look for below O(trees).
    type: list
    elements: str
    default: []
  depth:
    description: How many levels below O(trees) are looked at. Hidden files and directories are not.
    type: int
    default: 3
  algorithm:
    description: Algorithm of the checksums.
    type: str
    choices: [sha1, sha256]
    default: sha1
  unit:
    description: Unit of systemd to read, where systemd runs.
    type: str
  go:
    description: Command of Go whose version to read.
    type: str
  launcher:
    description: Path of the launcher, which is asked whether attachments have their records in another directory than O(records_dir).
    type: path
  records_dir:
    description: Directory where a launcher will look for records. Without it the launcher is not asked.
    type: str
extends_documentation_fragment:
  - kube_ovn.dpdk._attributes
  - kube_ovn.dpdk._attributes.info_module
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
"""

EXAMPLES = r"""
- name: Read the installation of Userspace CNI
  kube_ovn.dpdk.userspace_cni_info:
    paths: [/opt/cni/bin/userspace, /opt/cni/userspace/launcher.json]
    unit: kube-ovn-dpdk-userspace-sweep.timer
  register: installation
"""

RETURN = r"""
paths:
  description:
    - What each of O(paths) is, by the name that was given. C(path) is the path without a tilde, C(kind) V(file), V(directory), V(link), V(other), or empty
      where there is nothing. With C(mode), C(uid) and C(gid), C(checksum) of a file that can be read, and C(target) of a link.
    - C(leads_to) has C(kind), C(mode), C(uid) and C(gid) of what a link leads to.
  returned: success
  type: dict
  sample: {/opt/cni/bin/userspace: {path: /opt/cni/bin/userspace, kind: file, mode: "0755", uid: 0, gid: 0, checksum: 2ef7bde608ce5404e97d5f042f95f89f1c232871}}
files:
  description: What is below O(trees) and matches O(patterns), each as one of RV(paths).
  returned: success
  type: list
  elements: dict
  sample: []
systemd:
  description: Whether systemd runs.
  returned: success
  type: bool
unit:
  description: The properties C(ActiveState) and C(UnitFileState) of O(unit); empty where they cannot be read.
  returned: success
  type: dict
  sample: {ActiveState: active, UnitFileState: enabled}
go_version:
  description: What O(go) says of its version; empty where there is none.
  returned: success
  type: str
  sample: go version go1.26.6 linux/amd64
misplaced_records:
  description:
    - What O(launcher) says where attachments have their records in another directory than O(records_dir). Empty where they have not, where there is no
      launcher, and where it is an older one that cannot be asked.
  returned: success
  type: str
  sample: ''
"""

import fnmatch
import os
import re
import stat

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.validation import check_type_path

# Status of a launcher that finds records elsewhere.
MISPLACED = 2
KINDS = ((stat.S_ISREG, "file"), (stat.S_ISDIR, "directory"), (stat.S_ISLNK, "link"))


def access(path, read=os.lstat):
    """Kind, mode and owner of a path; the kind alone, and empty, where there is nothing."""
    try:
        found = read(path)
    except OSError:
        return dict(kind="")
    kinds = [name for is_kind, name in KINDS if is_kind(found.st_mode)]
    return dict(kind=(kinds + ["other"])[0], mode="%04o" % stat.S_IMODE(found.st_mode), uid=found.st_uid, gid=found.st_gid)


def describe(module, path):
    found = dict(access(path), path=path)
    if found["kind"] == "link":
        found.update(target=os.readlink(path), leads_to=access(path, os.stat))
    if found["kind"] == "file" and os.access(path, os.R_OK):
        found["checksum"] = module.digest_from_file(path, module.params["algorithm"])
    return found


def below(tree, patterns, depth):
    """Paths of what is below a directory and has one of the names. Links are not followed."""
    # Two slashes at the beginning are kept by normpath.
    tree, found = os.path.normpath(re.sub("^/+", "/", tree)), []
    for folder, directories, files in os.walk(tree):
        level = folder[len(tree) :].count("/") + 1
        names = [name for name in sorted(directories + files) if not name.startswith(".")]
        found += [os.path.join(folder, name) for name in names if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)]
        directories[:] = [name for name in sorted(directories) if level < depth and not name.startswith(".")]
    return found


def run(module, *command):
    """(status, standard output, standard error) of a command; the status is None where it cannot be run."""
    try:
        return module.run_command(list(command), handle_exceptions=False)
    except (OSError, IOError):
        return None, "", ""


def output(module, *command):
    """What a command prints; empty where it fails or is missing."""
    code, out, _err = run(module, *command)
    return out.rstrip("\r\n") if code == 0 else ""


def misplaced_records(module, launcher, directory):
    code, out, err = run(module, launcher, "check-records", directory)
    return (err.strip() or out.strip() or "%s check-records ended with %d" % (launcher, code)) if code == MISPLACED else ""


def unit(module, name):
    lines = output(module, "systemctl", "show", "--property=ActiveState", "--property=UnitFileState", name).splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def main():
    module = AnsibleModule(
        argument_spec=dict(
            paths=dict(type="list", elements="str", default=[]),
            trees=dict(type="list", elements="str", default=[]),
            patterns=dict(type="list", elements="str", default=[]),
            depth=dict(type="int", default=3),
            algorithm=dict(type="str", choices=["sha1", "sha256"], default="sha1"),
            unit=dict(type="str"),
            go=dict(type="str"),
            launcher=dict(type="path"),
            records_dir=dict(type="str"),
        ),
        required_by=dict(records_dir="launcher"),
        supports_check_mode=True,
    )
    wanted = module.params
    systemd = os.path.exists("/run/systemd/system")
    module.exit_json(
        changed=False,
        paths=dict((path, describe(module, check_type_path(path))) for path in wanted["paths"]),
        files=[describe(module, path) for tree in wanted["trees"] for path in below(check_type_path(tree), wanted["patterns"], wanted["depth"])],
        systemd=systemd,
        unit=unit(module, wanted["unit"]) if systemd and wanted["unit"] else {},
        go_version=output(module, wanted["go"], "version") if wanted["go"] else "",
        misplaced_records=misplaced_records(module, wanted["launcher"], wanted["records_dir"]) if wanted["records_dir"] else "",
    )


if __name__ == "__main__":
    main()

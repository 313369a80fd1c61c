#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: ovs_wrapper
short_description: Installs a script under the names of Open vSwitch's tools
version_added: 1.0.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to role C(ovs_wrapper).
  - Installs one script under several names in a directory, owned by root and executable by everyone.
  - A script of another owner that runs the tool in a container is saved beside it, and restored when the script is removed, with its owner, group and mode.
    A link to such a script is restored as a link. What another owner put in its place since, such as a package, stays.
  - Any other file, such as Open vSwitch's own tool, is left alone, and the module fails before it changes anything.
options:
  directory:
    description: The directory of the tools.
    type: path
    required: true
  tools:
    description: Names of the tools.
    type: list
    elements: str
    required: true
  content:
    description: The script. Like all of its earlier versions it has C(kube_ovn.dpdk ovs_wrapper) in it, by which these are known.
    type: str
    required: true
  state:
    description: Whether the script is installed, or removed.
    type: str
    choices: [present, absent]
    default: present
  owner:
    description: Owner of the installed files.
    type: str
    default: root
  group:
    description: Group of the installed files.
    type: str
    default: root
extends_documentation_fragment:
  - kube_ovn.dpdk._attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
"""

EXAMPLES = r"""
- name: Install the tools
  kube_ovn.dpdk.ovs_wrapper:
    directory: /usr/local/bin
    tools: [ovs-vsctl, ovs-ofctl]
    content: "{{ lookup('ansible.builtin.template', 'ovs-tool.sh.j2') }}"
"""

RETURN = r"""
written:
  description: Paths that got the script.
  returned: success
  type: list
  elements: str
saved:
  description: Paths whose script of another owner was saved.
  returned: success
  type: list
  elements: str
restored:
  description: Paths that got a saved script back.
  returned: success
  type: list
  elements: str
removed:
  description: Paths that were removed.
  returned: success
  type: list
  elements: str
"""

import errno
import os
import shutil
import stat
import tempfile

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.text.converters import to_bytes, to_text
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._ovs_wrapper import is_own, is_wrapper

# The name under which another owner's script is kept.
BACKUP = ".before-ovs-wrapper"
MODE = 0o755


def read(path):
    """The content of a file, or None where there is none. What cannot be read as a file, such as a directory or a link to nowhere, is empty."""
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except (IOError, OSError) as error:
        if error.errno == errno.ENOENT and not os.path.islink(path):
            return None
        if error.errno in (errno.ENOENT, errno.EISDIR, errno.ELOOP):
            return b""
        raise


def present(paths, script):
    """(paths to write, paths to save before, errors)."""
    write, save, errors = [], [], []
    for path in paths:
        there = read(path)
        if there != script or os.path.islink(path):
            write.append(path)
        if there is None or is_own(there.decode("latin-1")):
            continue
        if is_wrapper(there.decode("latin-1")):
            save.append(path)
        else:
            errors.append("%s is not a wrapper: %s, or set ovs_wrapper_dir to another directory on the PATH of the container runtime." % (path, cause(path)))
    return write, save, errors


def cause(path):
    """What is in the place of a tool, and the cure."""
    if os.path.islink(path) and not os.path.exists(path):
        return "it is a link to %s, which leads nowhere. Remove the link" % os.readlink(path)
    if os.path.isdir(path):
        return "it is a directory. Remove it"
    return "it seems to be Open vSwitch's own. Remove it (and the package or build it came from)"


def absent(paths):
    """(paths to restore, paths to remove, paths of others in front of what was saved). What has got another owner since stays."""
    ours = [path for path in paths if not os.path.islink(path) and is_own((read(path) or b"").decode("latin-1"))]
    saved = [path for path in paths if os.path.lexists(path + BACKUP)]
    restore = [path for path in saved if path in ours or not os.path.lexists(path)]
    return restore, [path for path in ours if path not in restore], [path for path in saved if path not in restore]


def text(content):
    return "" if content is None else to_text(content, errors="surrogate_or_replace")


def write(module, path, script):
    handle, temporary = tempfile.mkstemp(dir=module.tmpdir)
    with os.fdopen(handle, "wb") as stream:
        stream.write(script)
    module.atomic_move(temporary, path)


def save(module, source, target):
    """A copy that takes the place of what is there, with owner, group and mode; that of a link is a link to the same place. The source stays meanwhile."""
    found = os.lstat(source)
    if stat.S_ISLNK(found.st_mode):
        folder = tempfile.mkdtemp(dir=os.path.dirname(target))
        temporary = os.path.join(folder, "link")
        os.symlink(os.readlink(source), temporary)
        os.lchown(temporary, found.st_uid, found.st_gid)
        os.rename(temporary, target)
        os.rmdir(folder)
        return
    handle, temporary = tempfile.mkstemp(dir=module.tmpdir)
    os.close(handle)
    shutil.copyfile(source, temporary)
    module.atomic_move(temporary, target)
    # Before the mode, of which a change of the owner takes bits away.
    os.chown(target, found.st_uid, found.st_gid)
    os.chmod(target, stat.S_IMODE(found.st_mode))


def main():
    module = AnsibleModule(
        argument_spec=dict(
            directory=dict(type="path", required=True),
            tools=dict(type="list", elements="str", required=True),
            content=dict(type="str", required=True),
            state=dict(type="str", choices=["present", "absent"], default="present"),
            owner=dict(type="str", default="root"),
            group=dict(type="str", default="root"),
        ),
        supports_check_mode=True,
    )
    parameters = module.params
    script = to_bytes(parameters["content"])
    paths = [os.path.join(parameters["directory"], name) for name in parameters["tools"]]
    if parameters["state"] == "present" and not os.path.isdir(parameters["directory"]):
        module.fail_json(
            msg="%s is not a directory: create it, or set ovs_wrapper_dir to another directory on the PATH of the container runtime." % parameters["directory"]
        )
    done = dict(written=[], saved=[], restored=[], removed=[])
    if parameters["state"] == "present":
        done["written"], done["saved"], errors = present(paths, script)
        if errors:
            module.fail_json(msg="\n".join(errors))
    else:
        done["restored"], done["removed"], others = absent(paths)
        for path in others:
            module.warn("%s was replaced by another owner and stays; the script that was there before is still in %s" % (path, path + BACKUP))
    diff = [dict(before_header=path, after_header=path, before=text(read(path)), after=text(script)) for path in done["written"]]
    diff += [dict(before_header=path, after_header=path, before=text(read(path)), after=text(read(path + BACKUP))) for path in done["restored"]]
    diff += [dict(before_header=path, after_header=path, before=text(read(path)), after="") for path in done["removed"]]
    if not module.check_mode:
        for path in done["saved"]:
            save(module, path, path + BACKUP)
        for path in done["written"]:
            write(module, path, script)
        for path in done["restored"]:
            os.rename(path + BACKUP, path)
        for path in done["removed"]:
            os.unlink(path)
    changed = any(done.values())
    for path in paths if parameters["state"] == "present" else []:
        changed = module.set_owner_if_different(path, parameters["owner"], changed)
        changed = module.set_group_if_different(path, parameters["group"], changed)
        changed = module.set_mode_if_different(path, MODE, changed)
    module.exit_json(changed=changed, diff=diff, **done)


if __name__ == "__main__":
    main()

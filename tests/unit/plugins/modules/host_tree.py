# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Made-up host trees for the modules that take a sysroot, and a way to run these modules on them."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import io
import json
import os

import pytest
from ansible.module_utils import basic
from ansible.module_utils.common.text.converters import to_bytes

try:
    from ansible.module_utils.testing import patch_module_args
except ImportError:  # before ansible-core 2.19
    patch_module_args = None


class Exit(Exception):
    pass


class Tree(object):
    def __init__(self, root):
        self.root = str(root)

    def path(self, name):
        return os.path.join(self.root, name.lstrip("/"))

    def write(self, name, text, mode=None):
        path = self.path(name)
        if not os.path.isdir(os.path.dirname(path)):
            os.makedirs(os.path.dirname(path))
        with io.open(path, "w", encoding="utf-8") as stream:
            stream.write(u"" + text)
        if mode:
            os.chmod(path, mode)

    def write_bytes(self, name, content):
        self.mkdir(os.path.dirname(name))
        with io.open(self.path(name), "wb") as stream:
            stream.write(content)

    def mkdir(self, name):
        if not os.path.isdir(self.path(name)):
            os.makedirs(self.path(name))

    def read(self, name):
        with io.open(self.path(name), encoding="utf-8") as stream:
            return stream.read()

    def link(self, name, target):
        path = self.path(name)
        if not os.path.isdir(os.path.dirname(path)):
            os.makedirs(os.path.dirname(path))
        os.symlink(target, path)

    def process(self, pid, *words, **more):
        """A process of root on the host, or of whom `more` says: uid, its namespaces mnt, pids and net by number, exe as the path of its program."""
        self.write("/proc/%d/cmdline" % pid, "".join(word + "\0" for word in words))
        self.write("/proc/%d/status" % pid, "Name:\tx\nUid:\t%s\n" % "\t".join(4 * [str(more.get("uid", 0))]))
        program = more.get("exe", "/usr/bin/program")
        if not os.path.exists(self.path(program)):
            self.write(program, "")
        links = dict(("ns/" + kind, "%s:[%d]" % (kind, more.get(key, 1))) for key, kind in (("mnt", "mnt"), ("pids", "pid"), ("net", "net")))
        for name, target in dict(links, exe=self.path(program)).items():
            path = self.path("/proc/%d/%s" % (pid, name))
            if os.path.lexists(path):
                os.unlink(path)
            self.link("/proc/%d/%s" % (pid, name), target)

    def kubelet(self, *arguments, **more):
        """The kubelet of the host, beside the process that was started first."""
        self.process(1, "/sbin/init")
        self.process(more.pop("number", 77), "/usr/bin/kubelet", *arguments, **more)

    def pod(self, pid, *words):
        """A process of a pod, which is root in there and calls itself as it likes."""
        self.process(pid, *words, mnt=2, pids=2, net=2)

    def listing(self, without=("runs", "proc")):
        """Every directory, link and file with its bytes and its mode, to see that an undo is exact."""
        found = {}
        for directory, names, files in os.walk(self.root):
            for name in names + files:
                path = os.path.join(directory, name)
                shown = os.path.relpath(path, self.root)
                if shown.partition(os.sep)[0] in without:
                    continue
                if os.path.islink(path):
                    found[shown] = os.readlink(path)
                elif os.path.isdir(path):
                    found[shown] = oct(os.stat(path).st_mode)
                else:
                    with io.open(path, "rb") as stream:
                        found[shown] = (oct(os.stat(path).st_mode), stream.read())
        return found

    def snapshot(self, without=()):
        """Every file with its text, to see that nothing was touched."""
        found = {}
        for directory, _names, files in os.walk(self.root):
            for name in files:
                path = os.path.join(directory, name)
                if os.path.islink(path) or name in without:
                    continue
                found[os.path.relpath(path, self.root)] = self.read(os.path.relpath(path, self.root))
        return found


def run_module(module, tree, check=False, **params):
    """What the module would print, as a dict. Without a tree it has no sysroot."""
    args = dict(params, _ansible_check_mode=check, _ansible_diff=True)
    if tree is not None:
        args.update(sysroot=tree.root, _ansible_remote_tmp=tree.root + "-tmp")
    said = []

    def say(_self, **result):
        said.append(dict({"failed": False, "changed": False}, **result))
        raise Exit()

    def fail(_self, msg, **result):
        say(_self, **dict(result, msg=msg, failed=True))

    patch = pytest.MonkeyPatch() if hasattr(pytest, "MonkeyPatch") else None
    if patch is None:
        from _pytest.monkeypatch import MonkeyPatch

        patch = MonkeyPatch()
    warnings = []
    patch.setattr(basic.AnsibleModule, "warn", lambda _self, text: warnings.append(text))
    patch.setattr(basic.AnsibleModule, "exit_json", say)
    patch.setattr(basic.AnsibleModule, "fail_json", fail)
    try:
        if patch_module_args is None:
            patch.setattr(basic, "_ANSIBLE_ARGS", to_bytes(json.dumps({"ANSIBLE_MODULE_ARGS": args})))
            with pytest.raises(Exit):
                module.main()
        else:
            with patch_module_args(args), pytest.raises(Exit):
                module.main()
    finally:
        patch.undo()
    # As Ansible would get it.
    return json.loads(json.dumps(dict(said[0], warnings=warnings)))

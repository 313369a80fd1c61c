# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: built_modules
type: aggregate
short_description: Keeps what Ansible packed and compiled for the next run of a test
description:
  - Ansible packs each module with the code that it imports, once in each run, and compiles all that in each call, which takes longer than most modules
    do. Runs of the tests share what was packed, with bytecode for the Python of the controller.
  - It is kept under the names, sizes and times of all files that it was packed from; where one of them changes, it is packed again. Code of the
    collection that the controller runs is kept under its text.
  - Modules that a test puts beside its playbook are never kept, nor those of a collection that is neither this checkout nor installed with Ansible.
requirements:
  - KUBE_OVN_DPDK_BUILT_MODULES, the directory in which they are kept. tests/run.py sets it.
"""

import base64
import contextlib
import dataclasses
import functools
import hashlib
import importlib.util
import io
import marshal
import os
import pickle
import sys
import zipfile
from pathlib import Path

import ansible
from ansible import constants
from ansible.executor import module_common
from ansible.plugins.callback import CallbackBase
from ansible.utils.collection_loader import _collection_finder

ROOT = Path(__file__).resolve().parents[2]
PLACE = os.environ.get("KUBE_OVN_DPDK_BUILT_MODULES")
# What a module is packed of. The rest is in an environment that has another name where a version changes.
SOURCES = [ROOT / "plugins" / kind for kind in ("modules", "module_utils")]


def key() -> str:
    files = [path for place in SOURCES for path in place.rglob("*.py")]
    read = sorted((str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files)
    return hashlib.sha256(repr((sys.version, str(Path(sys.prefix).resolve()), read)).encode()).hexdigest()[:16]


def compiled(loader, name: str):
    """The code of a module of a collection. Python keeps what it compiled of other modules, and Ansible nothing of these."""
    if loader._compiled_code is None and (source := loader.get_source(name)) is not None:
        filename = loader.get_filename(name) or "<string>"
        kept = Path(PLACE, "code") / hashlib.sha256(repr((sys.version, filename, source)).encode()).hexdigest()
        if kept.exists():
            loader._compiled_code = marshal.loads(kept.read_bytes())
        else:
            loader._compiled_code = compile(source, filename, "exec", flags=0, dont_inherit=True)
            write(kept, marshal.dumps(loader._compiled_code))
    return loader._compiled_code


def write(path: Path, content: bytes) -> None:
    """At once: who reads there finds a whole file or none."""
    part = path.with_name(f"{path.name}.{os.getpid()}-part")
    path.parent.mkdir(parents=True, exist_ok=True)
    part.write_bytes(content)
    part.replace(path)


@functools.cache
def is_usual(collection: str) -> bool:
    """Whether the collection is that of the checkout, or is installed with Ansible; a test may have another under its name."""
    with contextlib.suppress(ModuleNotFoundError, AttributeError):
        place = Path(importlib.util.find_spec(f"ansible_collections.{collection}").submodule_search_locations[0]).resolve()
        return place == ROOT or place.is_relative_to(Path(sys.prefix).resolve())
    return False


def may_be_kept(name: str) -> bool:
    """Whether a file of Ansible's directory of built modules is finished, and its module one that no playbook can have replaced."""
    if name.endswith(("-part", ".lock")):
        return False
    words = name.split("-")[0].split(".")
    if words[0] == "ansible_collections":
        return is_usual(".".join(words[1:3]))
    return words[:2] == ["ansible", "modules"] and (Path(ansible.__file__).parent / "modules" / f"{words[2]}.py").is_file()


def with_bytecode(archive: bytes) -> bytes:
    """The archive of a module with the bytecode of this Python beside each source; another Python passes over it.

    An importer of archives compiles a source whenever it is asked for it, in each call of a module.
    """
    packed = io.BytesIO(archive)
    with zipfile.ZipFile(packed, "a") as file:
        for name in [name for name in file.namelist() if name.endswith(".py")]:
            source = file.read(name)
            code = compile(source, name, "exec", dont_inherit=True)
            # The second word says that it is not to be compared with the source.
            header = importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + importlib.util.source_hash(source)
            file.writestr(f"{name}c", header + marshal.dumps(code), zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def keep(built: Path, kept: Path) -> None:
    """Keeps the finished modules of one run, with bytecode."""
    for entry in os.scandir(built):
        if not may_be_kept(entry.name) or (kept / entry.name).exists():
            continue
        content = Path(entry.path).read_bytes()
        # core 2.16: the archive in base64; later: an object that has it.
        if hasattr(module_common, "_CachedModule"):
            module = pickle.loads(content)
            content = pickle.dumps(dataclasses.replace(module, zip_data=base64.b64encode(with_bytecode(base64.b64decode(module.zip_data)))))
        else:
            content = base64.b64encode(with_bytecode(base64.b64decode(content)))
        write(kept / entry.name, content)


if PLACE:
    _collection_finder._AnsibleCollectionPkgLoaderBase.get_code = compiled


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "built_modules"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.kept: Path | None = None
        self.built = Path(constants.DEFAULT_LOCAL_TMP, "ansiballz_cache")

    def v2_playbook_on_start(self, playbook):
        if PLACE and not os.environ.get("ANSIBLE_LIBRARY") and not Path(playbook._basedir, "library").exists():
            self.kept = Path(PLACE, key())
            self.kept.mkdir(parents=True, exist_ok=True)
            self.built.mkdir(exist_ok=True)
            for entry in os.scandir(self.kept):
                # There already where one call runs several playbooks.
                if may_be_kept(entry.name) and not (self.built / entry.name).exists():
                    (self.built / entry.name).symlink_to(entry.path)

    def v2_playbook_on_stats(self, stats):
        if self.kept and self.built.is_dir():
            keep(self.built, self.kept)

# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Archives of images as `docker save` makes them. PRIVATE to this collection."""

from __future__ import annotations

import functools
import hashlib
import json
import lzma
import os
import posixpath
import re
import tarfile
import zlib
from pathlib import Path

from ansible_collections.kube_ovn.dpdk.plugins.module_utils._image_name import full_name
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.readers import names

# Configurations and manifests are a few KiB; nothing larger is read into memory.
LARGEST = 4 << 20
# Where an image that role ovs_dpdk_image has built names its versions, with the program's name or a word in front of each.
VERSIONS = "etc/ovs-dpdk-versions"


class ArchiveError(Exception):
    """The message names the archive and what is wrong with it."""


def read(path: str | Path) -> dict:
    """Path, SHA-256 and images of an archive. Each image is {name, id, layers}; an image with two names is listed twice."""
    path = Path(path).expanduser()
    try:
        state = os.stat(path)
    except OSError as error:
        raise ArchiveError(f"the archive {path} cannot be read: {error.strerror}") from error
    return _read(str(path), state.st_mtime_ns, state.st_size)


@functools.lru_cache(maxsize=32)
def _read(path: str, _modified: int, _size: int) -> dict:
    # Variables are evaluated again and again: an archive is read once as long as it is not replaced.
    try:
        with open(path, "rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else _digest(stream)
        with tarfile.open(path) as archive:
            manifest = json.loads(_member(archive, "manifest.json", path))
            images = [image for entry in manifest for image in _images(archive, entry, path)]
    except (OSError, tarfile.TarError, EOFError, ValueError, KeyError, TypeError) as error:
        raise ArchiveError(f"{path} is no archive of images as `docker save` makes them: {error}") from error
    if not images:
        raise ArchiveError(f"{path} holds no image with a name; save it by name: docker save NAME:TAG > FILE")
    return {"path": path, "sha256": digest, "images": images}


def names_in(path: str | Path) -> list[str]:
    """Names of the images of an archive, without reading all of it. What is wrong with it is for `judged` to say."""
    path = Path(path).expanduser()
    try:
        state = os.stat(path)
        return list(_names_in(str(path), state.st_mtime_ns, state.st_size))
    except (ArchiveError, OSError, tarfile.TarError, EOFError, ValueError, KeyError, TypeError, AttributeError):
        return []


@functools.lru_cache(maxsize=32)
def _names_in(path: str, _modified: int, _size: int) -> tuple[str, ...]:
    with tarfile.open(path) as archive:
        return tuple(str(name) for entry in json.loads(_member(archive, "manifest.json", path)) for name in entry.get("RepoTags") or [])


def versions_in(path: str | Path, name: str) -> dict[str, str]:
    """Program → version, as an image of an archive names them; empty where it does not, or cannot be read."""
    path = Path(path).expanduser()
    try:
        state = os.stat(path)
        return dict(_versions_in(str(path), full_name(name), state.st_mtime_ns, state.st_size))
    except (ArchiveError, OSError, tarfile.TarError, EOFError, ValueError, KeyError, TypeError, AttributeError, zlib.error, lzma.LZMAError):
        return {}


@functools.lru_cache(maxsize=32)
def _versions_in(path: str, name: str, _modified: int, _size: int) -> tuple[tuple[str, str], ...]:
    with tarfile.open(path) as archive:
        entries = [entry for entry in json.loads(_member(archive, "manifest.json", path)) if name in map(full_name, entry.get("RepoTags") or [])]
        # The last layer that has the file counts, or that has removed it.
        for layer in reversed(entries[0]["Layers"] if entries else []):
            stream = archive.extractfile(layer)
            with tarfile.open(fileobj=stream) as files:
                for member in files:
                    found = posixpath.normpath("/" + member.name).lstrip("/")
                    if found == VERSIONS and member.isfile() and member.size <= LARGEST:
                        text = files.extractfile(member).read().decode(errors="replace")
                        return tuple(re.findall(r"^(ovs-vswitchd|DPDK|ovn-controller|SB DB Schema)\b.*?([0-9]+(?:\.[0-9]+)+)", text, re.M))
                    if found == posixpath.join(posixpath.dirname(VERSIONS), ".wh." + posixpath.basename(VERSIONS)):
                        return ()
    return ()


def _digest(stream) -> str:
    found = hashlib.sha256()
    for block in iter(lambda: stream.read(1 << 20), b""):
        found.update(block)
    return found.hexdigest()


def _member(archive: tarfile.TarFile, name: str, path: str) -> bytes:
    member = archive.getmember(name)
    stream = archive.extractfile(member) if member.isfile() and member.size <= LARGEST else None
    if stream is None:
        raise ArchiveError(f"{path} is no archive of images: its {name} is no plain small file")
    return stream.read()


def _images(archive: tarfile.TarFile, entry: dict, path: str) -> list[dict]:
    configuration = _member(archive, entry["Config"], path)
    layers = json.loads(configuration)["rootfs"].get("diff_ids") or []
    identity = "sha256:" + hashlib.sha256(configuration).hexdigest()
    return [{"name": name, "id": identity, "layers": layers} for name in entry.get("RepoTags") or []]


def judged_archive(wanted: dict) -> tuple[list[str], list[dict]]:
    """Errors and images of one archive."""
    path = str(wanted.get("path") or "")
    if not path:
        return ["an archive of images has no path"], []
    try:
        found = read(path)
    except ArchiveError as error:
        return [str(error)], []
    errors = []
    checksum = str(wanted.get("checksum") or "").lower().removeprefix("sha256:")
    if checksum and checksum != found["sha256"]:
        errors.append(f"{path} has the SHA-256 {found['sha256']}, not {checksum}: it was damaged in transfer, or is another archive")
    images = found["images"]
    wanted_names = names(wanted.get("names"))
    if wanted_names:
        by_name = {full_name(image["name"]): image for image in images}
        lacking = [name for name in wanted_names if full_name(name) not in by_name]
        if lacking:
            there = ", ".join(image["name"] for image in images)
            errors.append(f"{path} does not hold {', '.join(lacking)}, but {there}; name the image with docker tag, then save it again")
        images = [dict(by_name[full_name(name)], name=name) for name in wanted_names if name not in lacking]
    return errors, images


def judged(archives: list[dict]) -> dict:
    """Errors and archives, each a dictionary of `path`, and if wanted `checksum` and `names`, the images that have to be in it."""
    if not isinstance(archives, (list, tuple)) or not all(isinstance(archive, dict) for archive in archives):
        return {"errors": ["the archives of images are %.200r: give a list of dictionaries, each with the path of an archive" % (archives,)], "archives": []}
    results = [(archive, *judged_archive(archive)) for archive in archives]
    return {
        "errors": [error for _archive, errors, _images in results for error in errors],
        "archives": [{"path": str(archive.get("path")), "images": images} for archive, _errors, images in results],
    }

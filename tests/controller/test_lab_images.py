# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's copy of one image out of an archive of two, as docker save writes it."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "lab" / "roles" / "lab_images" / "files" / "rename.py"
SHARED = b"a layer that both images have"


def archive(path: Path, link: str) -> Path:
    """Two images with one layer in common; `link` is how the second one refers to it (moby, image/tarexport/save.go: a symbolic link)."""
    manifest = [
        {"Config": f"{name}.json", "RepoTags": [f"{name}:build"], "Layers": [f"{name}-own/layer.tar", f"{name}-shared/layer.tar"]} for name in ("app", "ovs")
    ]
    files = {"app.json": b"{}", "ovs.json": b'{"of": "ovs"}', "app-own/layer.tar": b"app", "ovs-own/layer.tar": b"ovs", "app-shared/layer.tar": SHARED}
    with tarfile.open(path, "w") as tar:
        for name, data in [*files.items(), ("manifest.json", json.dumps(manifest).encode())]:
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
        entry = tarfile.TarInfo("ovs-shared/layer.tar")
        entry.type, entry.linkname = (tarfile.SYMTYPE, "../app-shared/layer.tar") if link == "symbolic" else (tarfile.LNKTYPE, "app-shared/layer.tar")
        tar.addfile(entry)
    return path


@pytest.mark.parametrize("link", ["symbolic", "hard"])
@pytest.mark.parametrize("image", ["app", "ovs"])
def test_copy_of_an_image_is_whole(tmp_path, image, link):
    target = tmp_path / "copy.tar"
    source = archive(tmp_path / "both.tar", link)
    subprocess.run([sys.executable, str(SCRIPT), str(source), str(target), f"{image}:build", "a:1", "b:2"], check=True, timeout=60)
    with tarfile.open(target) as tar:
        (entry,) = json.load(tar.extractfile("manifest.json"))
        assert entry["RepoTags"] == ["a:1", "b:2"]
        assert all(member.isfile() for member in tar)
        assert [tar.extractfile(name).read() for name in entry["Layers"]] == [image.encode(), SHARED]
        assert len(tar.getnames()) == 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["both.tar", "copy.tar"]

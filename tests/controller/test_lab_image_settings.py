# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Extra variables are for the site: the lab's own images are built with the lab's settings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLAY = """
- hosts: localhost
  gather_facts: false
  roles:
    - role: lab
  tasks:
    - ansible.builtin.include_role:
        name: lab_images
        tasks_from: image_ovs
      vars:
        __lab_images_context: {path: "{{ context }}"}
        __lab_images_recipe_files: {files: []}
        __lab_images_recipes: "{{ playbook_dir }}/recipes"
"""
# What a user may give for the site.
EXTRA = {"ovs_dpdk_image_source": "present", "ovs_dpdk_image_name": "own/image:1", "dpdk_app_image_source": "archive", "dpdk_app_image": "own/app:1"}


def test_an_extra_variable_does_not_reach_the_build_of_the_lab(tmp_path):
    programs = tmp_path / "bin"
    programs.mkdir()
    # Importing the base is all that asks this program.
    (programs / "docker").write_text("#!/bin/sh\n")
    (programs / "docker").chmod(0o755)
    context = tmp_path / "context"
    (context / "kube-ovn").mkdir(parents=True)
    for script in ("start-ovs-dpdk.sh", "ovs-dpdk-healthcheck.sh"):
        (context / "kube-ovn" / script).write_text("#!/bin/sh\n")
    (tmp_path / "recipes").symlink_to(ROOT / "lab/roles/lab_images/files")
    (tmp_path / "play.yml").write_text(PLAY)
    settings = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "lab_state_dir": str(tmp_path / "state"),
        "lab_cache_dir": str(tmp_path / "cache"),
        # Of role lab_sources: no release is built here.
        "lab_sources_kube_ovn_module": False,
        "context": str(context),
        **EXTRA,
    }
    # No engine is there, so that the build ends where the role asks it for the image: with any other source than build it would not ask.
    environment = dict(
        os.environ, PATH=f"{programs}:{os.environ['PATH']}", DOCKER_HOST="unix:///nonexistent", ANSIBLE_STDOUT_CALLBACK="ansible.builtin.default"
    )
    done = subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", str(tmp_path / "play.yml"), "-e", json.dumps(settings)],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "Read the recipe of the image kube-ovn-dpdk-lab/ovs:" in done.stdout, done.stdout + done.stderr
    given = json.loads((context / "settings.json").read_text())
    assert (given["ovs_dpdk_image_source"], given["dpdk_app_image_source"]) == ("build", "build")
    assert not set(EXTRA.values()) & {given[name] for name in EXTRA if not name.endswith("_source")}

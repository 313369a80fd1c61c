# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A lab is made again when a file that its settings name has another content under the same name."""

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
  tasks:
    - ansible.builtin.include_role: {name: lab_fingerprint}
    - ansible.builtin.set_fact: {at_first: "{{ lab_fingerprint_outdated }}"}
    - ansible.builtin.include_role: {name: lab_fingerprint, tasks_from: save}
    - ansible.builtin.include_role: {name: lab_fingerprint}
    - ansible.builtin.set_fact: {as_it_was: "{{ lab_fingerprint_outdated }}"}
    - ansible.builtin.copy: {content: another image, dest: "{{ lab_kube_ovn_images | first }}", mode: "0644"}
    - ansible.builtin.include_role: {name: lab_fingerprint}
    - ansible.builtin.copy:
        content: "{{ {'at_first': at_first, 'as_it_was': as_it_was, 'replaced': lab_fingerprint_outdated} | to_json }}"
        dest: "{{ lab_state_dir }}/found"
        mode: "0644"
"""


def test_an_archive_of_images_that_was_replaced_is_noticed(tmp_path):
    (tmp_path / "play.yml").write_text(PLAY)
    (tmp_path / "images.tar").write_text("an image")
    variables = {
        "ansible_python_interpreter": sys.executable,
        "lab_state_dir": str(tmp_path),
        "lab_preflight_running": True,
        "lab_kube_ovn_images": [str(tmp_path / "images.tar")],
    }
    program = str(Path(sys.executable).parent / "ansible-playbook")
    command = [program, "-i", "localhost,", "-c", "local", str(tmp_path / "play.yml"), "-e", json.dumps(variables)]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_ROLES_PATH": str(ROOT / "lab" / "roles")}
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads((tmp_path / "found").read_text()) == {"at_first": True, "as_it_was": False, "replaced": True}

#!/usr/bin/python
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: preflight_tools_info
short_description: Reads whether a host has what builds and downloads need
version_added: 1.0.0
description:
  - Looks for commands, Python packages, files and space, asks the Docker daemon whether it answers, and asks web servers and Git repositories whether they can
    be reached from this host.
  - It changes nothing. A look-up that fails is a value, never a failure of the module.
options:
  commands:
    description:
      - Names or paths of commands.
    type: list
    elements: str
    default: []
  python_packages:
    description:
      - Names of Python packages to import.
    type: list
    elements: str
    default: []
  files:
    description:
      - Paths. A tilde is the home directory.
    type: list
    elements: str
    default: []
  directories:
    description:
      - Directories, which need not exist, whose free space is read. A tilde is the home directory.
    type: list
    elements: str
    default: []
  urls:
    description:
      - Addresses of files or services by HTTP or HTTPS. What answers with anything but an error of the 4xx or 5xx classes is reached.
    type: list
    elements: str
    default: []
  repositories:
    description:
      - Git repositories, each with the C(repository) and the C(version) (a branch or tag, or a commit, which cannot be looked up without a clone).
    type: list
    elements: dict
    suboptions:
      repository:
        description:
          - A URL that Git understands, or a path.
        type: str
        required: true
      version:
        description:
          - A branch, tag or commit.
        type: str
        default: HEAD
    default: []
  python_project:
    description:
      - Name of a Python project that the index is asked for that pip is configured with on this host, else PyPI. Empty for none.
    type: str
    default: ''
  python_project_command:
    description:
      - Command that the project would be installed for. Where the host has it, the index is not asked.
    type: str
    default: ''
  python_project_installed:
    description:
      - Glob pattern of what the host has where the project is installed already. Where something matches, the index is not asked.
    type: str
    default: ''
  go_proxy:
    description:
      - Whether the proxy of Go modules is asked that Go is configured with on this host, else the public one.
    type: bool
    default: false
  docker:
    description:
      - Whether the Docker daemon is asked.
    type: bool
    default: false
  docker_socket:
    description:
      - Socket of the Docker daemon.
    type: path
    default: /var/run/docker.sock
  images:
    description:
      - Names of images that the Docker daemon is asked for.
    type: list
    elements: str
    default: []
  timeout:
    description:
      - Seconds to wait for one answer.
    type: int
    default: 15
attributes:
  check_mode:
    description: Can run in check mode and return the same as without.
    support: full
  diff_mode:
    description: Changes nothing, so there is nothing to show.
    support: none
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
"""

EXAMPLES = r"""
- name: Read whether the host can build the CNI plugin
  kube_ovn.dpdk.preflight_tools_info:
    commands: [git, go]
    directories: [~/.cache]
    repositories:
      - repository: https://github.com/intel/userspace-cni-network-plugin.git
        version: v24.02
  register: read
"""

RETURN = r"""
host:
  description: What was read.
  returned: success
  type: dict
  contains:
    python:
      description: Path of the Python interpreter that the module ran with.
      type: str
    commands:
      description: For each command its path; empty where it is missing.
      type: dict
    python_packages:
      description: For each package whether it can be imported.
      type: dict
    files:
      description: For each path V(file), V(directory), or an empty text where there is none.
      type: dict
    checksums:
      description: For each of the O(files) that is a file its SHA-256; empty where it cannot be read.
      type: dict
    free_mib:
      description: For each directory the free MiB of its file system, for an unprivileged user.
      type: dict
    urls:
      description: For each address an empty text, or why it could not be reached.
      type: dict
    python_index:
      description: Empty where the index has the project or was not asked, as where pip has other sources too (extra-index-url, find-links); else the reason.
      type: str
    go_proxy:
      description: Empty where the proxy answered or was not asked, else why it did not.
      type: str
    repositories:
      description: For each repository an empty text, or why the version could not be found.
      type: dict
    docker:
      description: Empty where the daemon answered or was not asked, else why it did not.
      type: str
    images:
      description: For each image whether the Docker daemon has it.
      type: dict
"""

import glob
import hashlib
import os
import re
import socket
import sys

try:
    from urllib.parse import quote
except ImportError:  # Python 2
    from urllib import quote

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.validation import check_type_path
from ansible.module_utils.urls import fetch_url


def importable(name):
    try:
        __import__(name)
    except Exception:  # a package may fail in any way while it is imported
        return False
    return True


def free_mib(path):
    """Free space at the nearest directory that exists."""
    path = os.path.abspath(check_type_path(path))
    while not os.path.isdir(path) and path != "/":
        path = os.path.dirname(path)
    try:
        found = os.statvfs(path)
    except OSError:
        return 0
    return found.f_bavail * found.f_frsize // 1048576


def kind(path):
    path = check_type_path(path)
    return "directory" if os.path.isdir(path) else "file" if os.path.exists(path) else ""


def sha256(path):
    found = hashlib.sha256()
    try:
        with open(check_type_path(path), "rb") as source:
            for block in iter(lambda: source.read(1 << 20), b""):
                found.update(block)
    except (IOError, OSError):
        return ""
    return found.hexdigest()


def docker_get(path, target, timeout):
    """(status, error) of a request to the Docker daemon."""
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.settimeout(timeout)
    try:
        client.connect(path)
        client.sendall(("GET %s HTTP/1.0\r\nHost: docker\r\n\r\n" % target).encode("ascii"))
        answer = client.recv(64).decode("latin-1")
    except (socket.error, OSError) as problem:
        return 0, "%s: %s" % (path, problem)
    finally:
        client.close()
    status = re.match(r"HTTP/1\.\d (\d+)", answer)
    return (int(status.group(1)), "") if status else (0, "%s: this is not the Docker daemon" % path)


def reach(module, url):
    info = fetch_url(module, url, method="HEAD", timeout=module.params["timeout"])[1]
    # Servers that know no HEAD say 405, and those that want a path or an account are there.
    if info["status"] in (401, 405) or 200 <= info["status"] < 400:
        return ""
    # An address may have a password.
    return "%d from %s" % (info["status"], re.sub(r"//[^/@]*@", "//", url)) if info["status"] > 0 else info["msg"]


def text_of(path):
    try:
        with open(check_type_path(path), "rb") as source:
            return source.read().decode("utf-8", "replace")
    except (IOError, OSError):
        return ""


def pip_setting(environment, name):
    """A setting of pip: its variable, else its configuration files, of which that of the user is before the host's."""
    found = [environment.get("PIP_" + name.upper().replace("-", "_"), "")]
    for path in (environment.get("PIP_CONFIG_FILE", ""), "~/.config/pip/pip.conf", "~/.pip/pip.conf", "/etc/pip.conf"):
        found += re.findall(r"^\s*%s\s*[=:]\s*(\S+)" % name.replace("-", "[-_]"), text_of(path) if path else "", re.M)
    return ([value for value in found if value] + [""])[0]


def project_address(environment, project):
    """Page of a project in the index of pip, with the name and the slash at the end that PEP 503 asks for: the root lists all projects, which takes long."""
    index = pip_setting(environment, "index-url") or "https://pypi.org/simple"
    return "%s/%s/" % (index.rstrip("/"), re.sub(r"[-_.]+", "-", project).lower())


def ask_index(module, environment):
    # Where pip has other sources, only pip can say whether one of them has the project.
    if any(pip_setting(environment, name) for name in ("extra-index-url", "find-links")):
        return ""
    if pip_setting(environment, "no-index").lower() in ("1", "true", "yes", "on", "y", "t"):
        return "pip is configured to use no index (no-index), and no other source"
    return reach(module, project_address(environment, module.params["python_project"]))


def go_proxy(environment):
    """The first proxy of Go modules, as its variable or the file that `go env -w` writes names it; empty where no proxy is configured on purpose."""
    stored = re.findall(r"^GOPROXY=(.*)$", text_of(environment.get("GOENV") or "~/.config/go/env"), re.M)
    value = environment.get("GOPROXY") or (stored + ["https://proxy.golang.org"])[0]
    first = re.split(r"[,|]", value)[0].strip()
    return first if first.startswith(("http://", "https://")) else ""


def find(module, git, repository, version):
    command = [git, "ls-remote", "--exit-code", repository]
    # A commit cannot be asked for, so that any answer has to do.
    command += ["HEAD"] if re.match(r"[0-9a-f]{7,40}$", version) else [version]
    limit = module.get_bin_path("timeout")
    environment = dict(GIT_TERMINAL_PROMPT="0", GIT_SSH_COMMAND="ssh -oBatchMode=yes", LC_ALL="C")
    rc, dummy, err = module.run_command(([limit, str(module.params["timeout"])] if limit else []) + command, environ_update=environment)
    if rc == 0:
        return ""
    if rc == 124:
        return "no answer within %d s" % module.params["timeout"]
    return "it has no branch or tag %s" % version if rc == 2 else " ".join(err.split()) or "git ls-remote ended with %d" % rc


def main():
    module = AnsibleModule(
        argument_spec=dict(
            commands=dict(type="list", elements="str", default=[]),
            python_packages=dict(type="list", elements="str", default=[]),
            files=dict(type="list", elements="str", default=[]),
            directories=dict(type="list", elements="str", default=[]),
            urls=dict(type="list", elements="str", default=[]),
            repositories=dict(
                type="list",
                elements="dict",
                default=[],
                options=dict(repository=dict(type="str", required=True), version=dict(type="str", default="HEAD")),
            ),
            python_project=dict(type="str", default=""),
            python_project_command=dict(type="str", default=""),
            python_project_installed=dict(type="str", default=""),
            go_proxy=dict(type="bool", default=False),
            docker=dict(type="bool", default=False),
            docker_socket=dict(type="path", default="/var/run/docker.sock"),
            images=dict(type="list", elements="str", default=[]),
            timeout=dict(type="int", default=15),
        ),
        supports_check_mode=True,
    )
    wanted = module.params
    commands = dict((name, module.get_bin_path(name) or "") for name in wanted["commands"])
    git = module.get_bin_path("git")
    proxy = go_proxy(os.environ) if wanted["go_proxy"] else ""
    replaced, there = wanted["python_project_command"], wanted["python_project_installed"]
    installs = wanted["python_project"] and not (replaced and module.get_bin_path(replaced)) and not (there and glob.glob(check_type_path(there)))
    docker, images = "", {}
    if wanted["docker"]:
        status, docker = docker_get(wanted["docker_socket"], "/_ping", wanted["timeout"])
        if not docker and status != 200:
            docker = "%s: it answered %d" % (wanted["docker_socket"], status)
        if not docker:
            for name in wanted["images"]:
                images[name] = docker_get(wanted["docker_socket"], "/images/%s/json" % quote(name, safe=":"), wanted["timeout"])[0] == 200
    module.exit_json(
        changed=False,
        host=dict(
            python=sys.executable,
            commands=commands,
            python_packages=dict((name, importable(name)) for name in wanted["python_packages"]),
            files=dict((name, kind(name)) for name in wanted["files"]),
            checksums=dict((name, sha256(name)) for name in wanted["files"] if kind(name) == "file"),
            free_mib=dict((name, free_mib(name)) for name in wanted["directories"]),
            urls=dict((url, reach(module, url)) for url in wanted["urls"]),
            repositories=dict(
                (item["repository"], find(module, git, item["repository"], item["version"]) if git else "") for item in wanted["repositories"]
            ),
            python_index=ask_index(module, os.environ) if installs else "",
            go_proxy=reach(module, proxy) if proxy else "",
            docker=docker,
            images=images,
        ),
    )


if __name__ == "__main__":
    main()

#!/usr/bin/python
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: registry_images_info
short_description: Asks registries for container images
version_added: 1.0.0
description:
  - PRIVATE to the collection.
  - Asks the registry of each image for the manifest of its tag, without pulling anything, and without a container runtime.
  - Registries that issue tokens, such as Docker Hub and GitHub's, are asked with such a token.
  - Where a registry wants credentials, those in the configuration file of Docker are used, as C(docker login) writes them. Credential helpers are not run.
  - A registry on V(localhost) or an address that begins with V(127.) is asked by HTTP, as container runtimes do, every other one by HTTPS.
options:
  images:
    description:
      - Names of the images, as a pod would have them.
    type: list
    elements: str
    required: true
  docker_config:
    description:
      - Configuration file of Docker on the host. By default C(config.json) in the directory that the environment variable E(DOCKER_CONFIG) names,
        else in C(~/.docker).
    type: path
  timeout:
    description:
      - Seconds to wait for one answer of a registry.
    type: int
    default: 10
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
- name: Ask whether the images are there
  kube_ovn.dpdk.registry_images_info:
    images:
      - docker.io/kubeovn/kube-ovn:v1.12.35
      - ghcr.io/k8snetworkplumbingwg/multus-cni:v4.2.4
  register: asked
"""

RETURN = r"""
images:
  description: For each name what its registry said.
  returned: success
  type: dict
  contains:
    state:
      description:
        - V(present), V(absent) (the registry has no such image), V(denied) (it wants credentials that it does not get, or has no such repository),
          or V(unknown) (it did not answer, or with something else).
      type: str
    detail:
      description: What the registry said, or why it could not be asked.
      type: str
  sample:
    docker.io/kubeovn/kube-ovn:v1.12.35:
      state: present
      detail: "200 from registry-1.docker.io"
"""

import base64
import json
import os
import re

try:
    from urllib.parse import urlencode
except ImportError:  # Python 2
    from urllib import urlencode

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.validation import check_type_path
from ansible.module_utils.urls import fetch_url
from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _image_name

MANIFESTS = ", ".join(
    [
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    ]
)


def split_name(name):
    """(registry, repository, tag or digest) of an image's name."""
    registry, repository, reference = _image_name.split_name(name)
    return "registry-1.docker.io" if registry == _image_name.HUB else registry, repository, reference


def token_url(challenge, repository):
    """Where a registry's Bearer challenge sends for a token; empty when it asks for something else."""
    if not challenge.lower().startswith("bearer "):
        return ""
    fields = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
    if not re.match(r"https?://", fields.get("realm", "")):
        return ""
    query = [("scope", fields.get("scope") or "repository:%s:pull" % repository)]
    if fields.get("service"):
        query.insert(0, ("service", fields["service"]))
    return "%s?%s" % (fields["realm"], urlencode(query))


def token_of(text):
    """The token in the answer of a token server; empty when it is something else."""
    try:
        answer = json.loads(text)
        return answer.get("token") or answer.get("access_token") or ""
    except (ValueError, AttributeError):
        return ""


# Docker Hub has an entry of its own name (docker/cli, cli/config/configfile and registry.IndexServer).
HUB_KEYS = ("https://index.docker.io/v1/", "index.docker.io", "docker.io", "registry-1.docker.io")


def credentials(path, registry):
    """The value of a Basic authorization for a registry in Docker's configuration file; empty where there is none."""
    try:
        with open(check_type_path(path), "rb") as source:
            entries = json.loads(source.read().decode("utf-8")).get("auths") or {}
        # Keys may be URLs, as older clients wrote them.
        known = dict((re.sub(r"^https?://|/.*$", "", key), value) for key, value in entries.items())
        known.update(entries)
        for key in HUB_KEYS if registry == "registry-1.docker.io" else (registry,):
            entry = known.get(key) or {}
            if entry.get("auth"):
                return entry["auth"]
            if entry.get("username"):
                text = "%s:%s" % (entry["username"], entry.get("password", ""))
                return base64.b64encode(text.encode("utf-8")).decode("ascii")
    except (IOError, OSError, ValueError, AttributeError, TypeError):
        pass
    return ""


def config_path(module):
    folder = os.environ.get("DOCKER_CONFIG") or "~/.docker"
    return module.params.get("docker_config") or os.path.join(folder, "config.json")


def ask(module, name):
    registry, repository, reference = split_name(name)
    scheme = "http" if re.match(r"(localhost|127\.[0-9.]+)(:\d+)?$", registry) else "https"
    url = "%s://%s/v2/%s/manifests/%s" % (scheme, registry, repository, reference)
    headers = {"Accept": MANIFESTS}
    timeout = module.params["timeout"]
    info = fetch_url(module, url, method="HEAD", headers=headers, timeout=timeout)[1]
    challenge = info.get("www-authenticate", "") if info["status"] == 401 else ""
    basic = credentials(config_path(module), registry) if challenge else ""
    own = {"Authorization": "Basic %s" % basic} if basic else {}
    where = token_url(challenge, repository)
    if challenge.lower().startswith("basic") and own:
        info = fetch_url(module, url, method="HEAD", headers=dict(headers, **own), timeout=timeout)[1]
    elif where:
        # A password goes to no token server that is asked in plain text, but for one on this host.
        safe = re.match(r"https://|http://(localhost|127\.[0-9.]+)(:\d+)?/", where)
        answer, info = fetch_url(module, where, headers=own if safe else {}, timeout=timeout)
        if info["status"] == 200:
            token = token_of(answer.read().decode("utf-8", "replace"))
            if not token:
                return dict(state="unknown", detail="the token server of %s did not issue a token" % registry)
            headers["Authorization"] = "Bearer %s" % token
            info = fetch_url(module, url, method="HEAD", headers=headers, timeout=timeout)[1]
    state = {200: "present", 404: "absent", 401: "denied", 403: "denied"}.get(info["status"], "unknown")
    if info["status"] > 0:
        detail = "%d from %s" % (info["status"], registry)
    else:
        detail = "%s: %s" % (registry, info["msg"])
    return dict(state=state, detail=detail)


def main():
    module = AnsibleModule(
        argument_spec=dict(
            images=dict(type="list", elements="str", required=True),
            docker_config=dict(type="path"),
            timeout=dict(type="int", default=10),
        ),
        supports_check_mode=True,
    )
    images = dict((name, ask(module, name)) for name in sorted(set(module.params["images"])))
    module.exit_json(changed=False, images=images)


if __name__ == "__main__":
    main()

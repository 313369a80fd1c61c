#!/usr/bin/python
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: registry_images
short_description: Ask registries whether container images are there
version_added: 0.1.0
description:
  - Asks the registry of each image for the manifest of its tag, without pulling anything, and without a container runtime.
  - Registries that hand out anonymous tokens, such as Docker Hub and GitHub's, are asked with such a token. No credentials are used.
  - A registry on V(localhost) or an address that begins with V(127.) is asked by HTTP, as container runtimes do, every other one by HTTPS.
options:
  images:
    description:
      - Names of the images, as a pod would have them.
    type: list
    elements: str
    required: true
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
  kube_ovn.dpdk.registry_images:
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
        - V(present), V(absent) (the registry has no such image), V(denied) (it wants credentials, or has no such repository),
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

import json
import re

try:
    from urllib.parse import urlencode
except ImportError:  # Python 2
    from urllib import urlencode

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.urls import fetch_url

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
    rest, at, digest = name.partition("@")
    first, slash, remainder = rest.partition("/")
    if slash and (re.search(r"[.:]", first) or first == "localhost"):
        registry, rest = first, remainder
    else:
        registry = "docker.io"
    repository, colon, tag = rest.partition(":")
    if registry == "docker.io":
        registry = "registry-1.docker.io"
        if "/" not in repository:
            repository = "library/" + repository
    return registry, repository, digest or tag or "latest"


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


def ask(module, name):
    registry, repository, reference = split_name(name)
    scheme = "http" if re.match(r"(localhost|127\.[0-9.]+)(:\d+)?$", registry) else "https"
    url = "%s://%s/v2/%s/manifests/%s" % (scheme, registry, repository, reference)
    headers = {"Accept": MANIFESTS}
    timeout = module.params["timeout"]
    info = fetch_url(module, url, method="HEAD", headers=headers, timeout=timeout)[1]
    where = token_url(info.get("www-authenticate", ""), repository) if info["status"] == 401 else ""
    if where:
        answer, info = fetch_url(module, where, timeout=timeout)
        if info["status"] == 200:
            token = token_of(answer.read().decode("utf-8", "replace"))
            if not token:
                return dict(state="unknown", detail="the token server of %s did not hand out a token" % registry)
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
            timeout=dict(type="int", default=10),
        ),
        supports_check_mode=True,
    )
    images = dict((name, ask(module, name)) for name in sorted(set(module.params["images"])))
    module.exit_json(changed=False, images=images)


if __name__ == "__main__":
    main()

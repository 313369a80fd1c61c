# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The client of kubernetes.core for modules that ask the API several questions in one call.

PRIVATE to the collection. The cluster is found by the environment variables of the modules of kubernetes.core.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import gc
import traceback

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

# The client has 700 modules, and looking for garbage among them takes a seventh of the time that they take to load.
gc.disable()
try:
    from ansible_collections.kubernetes.core.plugins.module_utils.k8s.client import get_api_client
    from ansible_collections.kubernetes.core.plugins.module_utils.k8s.core import AnsibleK8SModule

    MISSING = None
except ImportError:
    MISSING = traceback.format_exc()
finally:
    gc.enable()


def k8s_module(argument_spec, **more):
    """The module, with more of what AnsibleModule takes. It fails when the host lacks what kubernetes.core requires."""
    if MISSING:
        module = AnsibleModule(argument_spec=argument_spec, supports_check_mode=True, **more)
        module.fail_json(msg=missing_required_lib("kubernetes and the collection kubernetes.core"), exception=MISSING)
    return AnsibleK8SModule(module_class=AnsibleModule, argument_spec=argument_spec, supports_check_mode=True, **more)


def k8s_client(module):
    """The dynamic client. The module fails when the API cannot be used."""
    try:
        return get_api_client(module=module)
    except Exception as error:  # kubernetes.core raises its own and the library's errors here
        return module.fail_json(msg="The Kubernetes API cannot be used: %s" % error)


def reason(error):
    """The reason of an exception of the client in one line."""
    return " ".join(("%s" % (getattr(error, "body", None) or error)).split())[:1000]

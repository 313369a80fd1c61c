# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules of role multus."""

from __future__ import annotations

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.engine import CLUSTER, NODE, SETTINGS, error, rule
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.readers import QUANTITY, dotted, version

CURE = "use multus_version v4.3.0"


@rule("multus-version", SETTINGS, "the Multus release works beside Kube-OVN")
def multus_release(case):
    text = case.setting("multus_version")
    release = version(text)
    if text is None:
        return
    if release is None or str(text).lstrip("v").count(".") != 2:
        yield error("multus_version %s is no release" % (text,), "use a tag with three numbers, such as v4.3.0")
    elif (4, 0, 0) <= release < (4, 1, 0):
        yield error("thin Multus %s takes its own configuration for the default network when it restarts" % text, CURE)
    elif release < (3, 4, 0):
        yield error("Multus %s ignores failures of the API: pods run without their attachments" % text, CURE)
    elif release < (4, 0, 0):
        yield error("Multus %s has another entry point, which this collection does not deploy" % text, CURE)
    elif release < (4, 2, 3):
        yield error("Multus %s writes the API's address in brackets, which a plugin built with a newer Go refuses" % text, "use multus_version v4.2.3 or later")


@rule("multus-version", CLUSTER, "the Multus release works beside Kube-OVN")
def multus_kubernetes(case):
    release = version(case.setting("multus_version"))
    kubernetes = version(case.facts.get("kubernetes_version"))
    if release and kubernetes and kubernetes < (1, 16, 0):
        yield error(
            "Multus v%s needs apiextensions.k8s.io/v1, that is Kubernetes 1.16 or later" % dotted(release), "upgrade Kubernetes to 1.16 or later"
        )


@rule("other-multus", CLUSTER, "no other tool manages a Multus here")
def managed_multus(case):
    for name in case.facts.get("foreign_multus", []):
        yield error(
            "DaemonSet %s is a Multus that Helm, RKE2 or an operator manages" % name,
            "disable it there: in RKE2 leave multus out of cni, elsewhere uninstall its chart",
        )


@rule("cni-order", NODE, "Kube-OVN's CNI configuration is the first")
def default_network(case):
    name, files = case.setting("multus_master_cni_file"), case.facts.get("cni", {}).get("files")
    own = "%s-kube-ovn.conflist" % (case.setting("kube_ovn_installer_variables") or {}).get("CNI_CONFIG_PRIORITY", "01")
    if name is not None and files is not None and name != own and name not in files:
        yield error(
            "multus_master_cni_file is %s, which is not in the CNI directory, and Kube-OVN writes %s" % (name, own),
            "leave multus_master_cni_file out, or name a file that is there",
        )


@rule("kubernetes-amount", SETTINGS, "amounts of containers are valid for Kubernetes")
def resources(case):
    value = case.setting("multus_resources", {})
    for kind in sorted(value) if isinstance(value, dict) else []:
        amounts = value[kind]
        if kind not in ("requests", "limits", "claims"):
            yield error("multus_resources has %s" % kind, "use requests and limits")
        elif kind != "claims":
            for name, amount in sorted(amounts.items()) if isinstance(amounts, dict) else [("amount", amounts)]:
                if not QUANTITY.match(str(amount)):
                    yield error("multus_resources has the %s %r in %s" % (name, amount, kind), "give an amount as Kubernetes writes it, such as 64Mi or 100m")

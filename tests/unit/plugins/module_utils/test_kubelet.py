# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import pytest
from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _kubelet
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._host import HostError

# As kubeadm writes it.
KUBEADM = """apiVersion: kubelet.config.k8s.io/v1beta1
authentication:
  anonymous:
    enabled: false
cgroupDriver: systemd
kind: KubeletConfiguration
"""
FOREIGN = KUBEADM + """cpuManagerPolicy: none   # as ever
"reservedSystemCPUs": 0-1
# A comment stays.
cpuManagerPolicyOptions:
  full-pcpus-only: "true"
tlsCipherSuites:
- TLS_AES_128_GCM_SHA256
"""
APART = FOREIGN.replace("cpuManagerPolicy: none", "cpuManagerPolicy:\n\n# why\n  none")
WANTED = _kubelet.settings([0, 1, 2, 5], "best-effort")


@pytest.mark.parametrize("text", [
    APART, u"# \xd0\x85\n" + FOREIGN,
    KUBEADM, FOREIGN, KUBEADM.rstrip("\n"), FOREIGN.replace("\n", "\r\n"), "", "---\n" + FOREIGN, FOREIGN + "\n\n",
])
def test_undo_is_exact(text):
    there = _kubelet.apply(text, WANTED)
    assert there != text
    assert _kubelet.apply(there, WANTED) == there
    assert _kubelet.original(there) == text
    assert _kubelet.apply(there, {}) == text


def test_what_the_kubelet_reads():
    yaml = pytest.importorskip("yaml")
    for text in (KUBEADM, FOREIGN, FOREIGN.rstrip("\n"), APART, "--- # x\n" + FOREIGN):
        there = yaml.safe_load(_kubelet.apply(text, WANTED))
        # One key of a name: the kubelet decodes strictly.
        assert dict(yaml.safe_load(text), cpuManagerPolicy="static", reservedSystemCPUs="0-2,5", topologyManagerPolicy="best-effort") == there
        assert _kubelet.apply(text, WANTED).count("\nreservedSystemCPUs:") == 1


def test_what_others_change_meanwhile_is_kept():
    there = _kubelet.apply(FOREIGN, WANTED) + "maxPods: 50\n"
    assert _kubelet.original(there) == FOREIGN + "maxPods: 50\n"
    assert _kubelet.original(there.replace("systemd", "cgroupfs")) == FOREIGN.replace("systemd", "cgroupfs") + "maxPods: 50\n"
    assert _kubelet.original(_kubelet.apply(KUBEADM.rstrip("\n"), WANTED) + "maxPods: 50\n") == KUBEADM + "maxPods: 50\n"


@pytest.mark.parametrize("key, value", [
    ("cpuManagerPolicy", "none"), ("reservedSystemCPUs", "0-1"), ("cgroupDriver", "systemd"), ("maxPods", ""), ("enabled", ""),
    ("cpuManagerPolicyOptions", 'full-pcpus-only: "true'),
])
def test_value(key, value):
    assert _kubelet.value(FOREIGN, key) == value


@pytest.mark.parametrize("text, message", [
    ('{"kind": "KubeletConfiguration"}\n', "is JSON, or YAML in braces"),
    (KUBEADM + "---\nkind: Other\n", "more than one YAML document"),
    (KUBEADM + "--- # another\nkind: Other\n", "more than one YAML document"),
    (KUBEADM + "... # end\n", "more than one YAML document"),
    ('---\n{"kind": "KubeletConfiguration"}\n', "is JSON, or YAML in braces"),
    ('%YAML 1.1\n--- {"kind": "KubeletConfiguration"}\n', "is JSON, or YAML in braces"),
    ("---\n  kind: KubeletConfiguration\n", "is indented as a whole"),
    ("--- !!map\nkind: KubeletConfiguration\n", "has '!!map' on the line of ---"),
    (u"\xef\xbb\xbfcpuManagerPolicy: none\n" + KUBEADM, "byte order mark"),
    ("root ALL=(ALL:ALL) ALL\n", "has no kind KubeletConfiguration"),
])
def test_refused(text, message):
    with pytest.raises(HostError) as error:
        _kubelet.refuse(text, "/etc/kubelet.yaml")
    assert message in error.value.message
    _kubelet.refuse("# {\n---\n" + KUBEADM, "/etc/kubelet.yaml")


@pytest.mark.parametrize("text, flags, message", [
    (KUBEADM, {"cpu-manager-policy": "none"}, "--cpu-manager-policy=none, which overrides cpuManagerPolicy"),
    (KUBEADM, {"reserved-cpus": "0"}, "--reserved-cpus=0, which overrides reservedSystemCPUs"),
    (KUBEADM, {"cpu-manager-policy-options": "strict-cpu-reservation=true"}, "strict-cpu-reservation keeps pods"),
    (KUBEADM + "cpuManagerPolicyOptions:\n  strict-cpu-reservation: \"true\"\n", {}, "strict-cpu-reservation keeps pods"),
    (KUBEADM + "systemReservedCgroup: /system.slice\n", {}, "systemReservedCgroup is set, and a kubelet with it does not start with reservedSystemCPUs"),
    (KUBEADM, {"kube-reserved-cgroup": "/kube"}, "kubeReservedCgroup is set"),
])
def test_objections(text, flags, message):
    found = _kubelet.objections(text, flags, WANTED, "/etc/kubelet.yaml")
    assert len(found) == 1 and message in found[0]


def test_no_objection():
    flags = {"cpu-manager-policy": "static", "cpu-manager-policy-options": "full-pcpus-only=true"}
    assert _kubelet.objections(FOREIGN, flags, WANTED, "/etc/kubelet.yaml") == []


@pytest.mark.parametrize("text, expected", [
    ('{"policyName":"none","defaultCpuSet":"","checksum":1353318690}', {"policy": "none", "default": [], "exclusive": []}),
    ('{"policyName":"static","defaultCpuSet":"0-1","entries":{"uid":{"c":"2-3"}},"checksum":1}', {"policy": "static", "default": [0, 1], "exclusive": [2, 3]}),
    # Kubernetes before 1.18.
    ('{"policyName":"static","defaultCpuSet":"0","entries":{"id":"1"},"checksum":1}', {"policy": "static", "default": [0], "exclusive": [1]}),
    ("", {}), (None, {}), ("[]", {}), ("{", {}),
])
def test_state(text, expected):
    assert _kubelet.state(text) == expected

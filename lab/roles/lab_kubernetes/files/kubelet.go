//go:build !kubelet_context

// Copyright (c) 2026, kube_ovn.dpdk maintainers
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"github.com/spf13/cobra"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

// Up to Kubernetes 1.29 or so the kubelet makes its own context.
func kubeletCommand() *cobra.Command { return kubelet.NewKubeletCommand() }

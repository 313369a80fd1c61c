//go:build kubelet_context

// Copyright (c) 2026, kube_ovn.dpdk maintainers
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"

	"github.com/spf13/cobra"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

// Newer releases are given the context that the kubelet runs in.
func kubeletCommand() *cobra.Command { return kubelet.NewKubeletCommand(context.Background()) }

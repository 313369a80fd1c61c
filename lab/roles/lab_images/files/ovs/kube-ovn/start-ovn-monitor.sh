#!/usr/bin/env bash
exec /kube-ovn/kube-ovn-monitor "$@"

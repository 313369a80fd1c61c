#!/bin/bash
exec /kube-ovn/kube-ovn-controller "$@"

#!/bin/sh
exec python3 /kube-ovn/controller.py "$@"

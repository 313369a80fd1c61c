module kube-ovn-dpdk.invalid/lab

go 1.20

module kube-ovn-dpdk/userspace-cni-launcher

go 1.21

module kube-ovn-dpdk/userspace-cni-standin

go 1.21

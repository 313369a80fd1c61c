// Package cnivpp is the VPP engine. As in the original, the half of it that is generated from VPP's definitions is not in the sources.
package cnivpp

import "kube-ovn-dpdk/userspace-cni-standin/cnivpp/bin_api/interfaces"

// CniVpp is the engine.
type CniVpp struct {
	api interfaces.API
}

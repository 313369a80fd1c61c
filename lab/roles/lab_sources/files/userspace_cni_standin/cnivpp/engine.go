package cnivpp

// AddOnHost would create a memif interface.
func (vpp CniVpp) AddOnHost(container, ifName string) error { return vpp.api.Create(container, ifName) }

// DelFromHost would delete it.
func (vpp CniVpp) DelFromHost(container, ifName string) error {
	return vpp.api.Delete(container, ifName)
}

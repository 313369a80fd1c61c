// Package cnivpp takes the place of the plugin's VPP engine in a build without VPP.
// The methods take any arguments, so that they fit the signatures of every release of the plugin.
package cnivpp

import "errors"

var errNoVPP = errors.New("this build of the plugin has no VPP engine: set host.engine and container.engine to ovs-dpdk")

// CniVpp has the methods that the plugin calls.
type CniVpp struct{}

// AddOnHost refuses.
func (CniVpp) AddOnHost(...interface{}) error { return errNoVPP }

// AddOnContainer refuses.
func (CniVpp) AddOnContainer(...interface{}) (interface{}, error) { return nil, errNoVPP }

// DelFromHost refuses.
func (CniVpp) DelFromHost(...interface{}) error { return errNoVPP }

// DelFromContainer refuses.
func (CniVpp) DelFromContainer(...interface{}) error { return errNoVPP }

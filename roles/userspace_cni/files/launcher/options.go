package main

import (
	"encoding/json"
	"fmt"
	"net"
	"sort"
	"strconv"
	"strings"
)

// portOptions are what an attachment may ask of its port, under the key "port" of the network configuration. The plugin does not know this key.
// Rates are in kilobits a second and bursts in kilobits, as in Open vSwitch; "ingress" is what Open vSwitch takes from the pod, "egress" what it
// gives to it.
type portOptions struct {
	VLAN         *int   `json:"vlan,omitempty"`
	Trunks       []int  `json:"trunks,omitempty"`
	MTU          int    `json:"mtu,omitempty"`
	IngressRate  int    `json:"ingress_rate,omitempty"`
	IngressBurst int    `json:"ingress_burst,omitempty"`
	EgressRate   int    `json:"egress_rate,omitempty"`
	EgressBurst  int    `json:"egress_burst,omitempty"`
	MAC          string `json:"mac,omitempty"`
	// Queues is for the application and for whoever reads the attachment: the application asks for its queues, Open vSwitch follows.
	Queues int `json:"queues,omitempty"`
}

// parseOptions refuses what it does not know: an option that is left out in silence would be missed only in the traffic.
func parseOptions(text json.RawMessage) (portOptions, error) {
	var o portOptions
	if len(text) == 0 {
		return o, nil
	}
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&o); err != nil {
		return o, fmt.Errorf("the options of the port (key \"port\" of the attachment): %w", err)
	}
	return o.normalized(), o.check()
}

// normalized returns the options in the form in which they can be compared, as a record has them and Open vSwitch takes them.
func (o portOptions) normalized() portOptions {
	trunks := map[int]bool{}
	for _, id := range o.Trunks {
		trunks[id] = true
	}
	o.Trunks = nil
	for id := range trunks {
		o.Trunks = append(o.Trunks, id)
	}
	sort.Ints(o.Trunks)
	if mac, err := net.ParseMAC(o.MAC); err == nil {
		o.MAC = mac.String()
	}
	return o
}

func within(name string, value, low, high int) error {
	if value != 0 && (value < low || value > high) {
		return fmt.Errorf("the option %s of the port is %d; it has to be from %d to %d", name, value, low, high)
	}
	return nil
}

func (o portOptions) check() error {
	if o.VLAN != nil && (*o.VLAN < 0 || *o.VLAN > 4094) {
		return fmt.Errorf("the option vlan of the port is %d; it has to be from 0 to 4094", *o.VLAN)
	}
	for _, id := range o.Trunks {
		if id < 0 || id > 4094 {
			return fmt.Errorf("the option trunks of the port has %d; VLANs are from 0 to 4094", id)
		}
	}
	for _, err := range []error{
		within("mtu", o.MTU, 68, 9702),
		within("ingress_rate", o.IngressRate, 1, 4e8), within("ingress_burst", o.IngressBurst, 1, 4e8),
		within("egress_rate", o.EgressRate, 1, 4e8), within("egress_burst", o.EgressBurst, 1, 4e8),
		within("queues", o.Queues, 1, 1024),
	} {
		if err != nil {
			return err
		}
	}
	if o.IngressBurst != 0 && o.IngressRate == 0 || o.EgressBurst != 0 && o.EgressRate == 0 {
		return fmt.Errorf("a burst of the port needs the rate that belongs to it")
	}
	if o.MAC != "" {
		mac, err := net.ParseMAC(o.MAC)
		if err != nil || len(mac) != 6 || mac[0]&1 != 0 {
			return fmt.Errorf("the option mac of the port is %q; it has to be six bytes of a single station, such as 02:00:00:00:00:01", o.MAC)
		}
	}
	return nil
}

// policer returns what netdev-dpdk's egress-policer wants: bytes of packets a second, and bytes.
func (o portOptions) policer() (int, int) {
	rate := o.EgressRate * 1000 / 8
	burst := o.EgressBurst * 1000 / 8
	if burst == 0 {
		// A tenth of a second's worth, and room for a few of the longest packets.
		burst = max(rate/10, 4*max(o.MTU, 1500))
	}
	return rate, burst
}

func list(numbers []int) string {
	texts := make([]string, len(numbers))
	for i, number := range numbers {
		texts[i] = strconv.Itoa(number)
	}
	return "[" + strings.Join(texts, ",") + "]"
}

// apply returns the commands of one ovs-vsctl call that give a port these options, and take all others of this kind away.
func (o portOptions) apply(port string) []string {
	tag, mode := "[]", "[]"
	if o.VLAN != nil {
		tag = strconv.Itoa(*o.VLAN)
		mode = "access"
		if len(o.Trunks) > 0 {
			mode = "native-untagged"
		}
	} else if len(o.Trunks) > 0 {
		mode = "trunk"
	}
	args := []string{"--", "set", "Port", port, "tag=" + tag, "trunks=" + list(o.Trunks), "vlan_mode=" + mode}
	if o.EgressRate != 0 {
		rate, burst := o.policer()
		args = append(args, "qos=@qos", "--", "--id=@qos", "create", "QoS", "type=egress-policer",
			fmt.Sprintf("other_config:cir=%d", rate), fmt.Sprintf("other_config:cbs=%d", burst), "external_ids:"+ownerPort+"="+port)
	} else {
		args = append(args, "qos=[]")
	}
	mtu, mac := "[]", "[]"
	if o.MTU != 0 {
		mtu = strconv.Itoa(o.MTU)
	}
	args = append(args, "--", "set", "Interface", port)
	if o.MAC != "" {
		mac = strconv.Quote(o.MAC)
		args = append(args, "external_ids:attached-mac="+mac)
	}
	return append(args, "mtu_request="+mtu, "mac="+mac,
		fmt.Sprintf("ingress_policing_rate=%d", o.IngressRate), fmt.Sprintf("ingress_policing_burst=%d", o.IngressBurst))
}

package snmp

import (
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/gosnmp/gosnmp"

	"plumbline.dev/plumb/internal/connect"
	"plumbline.dev/plumb/internal/connect/lldp"
	"plumbline.dev/plumb/internal/inventory"
)

// Objects of SNMPv2-MIB, IF-MIB, IP-MIB, HOST-RESOURCES-MIB and LLDP-MIB.
const (
	sysDescr    = "1.3.6.1.2.1.1.1.0"
	sysObjectID = "1.3.6.1.2.1.1.2.0"
	sysUpTime   = "1.3.6.1.2.1.1.3.0"
	sysContact  = "1.3.6.1.2.1.1.4.0"
	sysName     = "1.3.6.1.2.1.1.5.0"
	sysLocation = "1.3.6.1.2.1.1.6.0"

	ifDescr       = "1.3.6.1.2.1.2.2.1.2"
	ifPhysAddress = "1.3.6.1.2.1.2.2.1.6"
	ifAdminStatus = "1.3.6.1.2.1.2.2.1.7"
	ifOperStatus  = "1.3.6.1.2.1.2.2.1.8"
	ifAlias       = "1.3.6.1.2.1.31.1.1.1.18"
	ipAdEntAddr   = "1.3.6.1.2.1.4.20.1.1"
	hrSWInstalled = "1.3.6.1.2.1.25.6.3.1.2"

	lldpLocKind   = "1.0.8802.1.1.2.1.3.1.0"
	lldpLocID     = "1.0.8802.1.1.2.1.3.2.0"
	lldpLocPort   = "1.0.8802.1.1.2.1.3.7.1.4"
	lldpRemKind   = "1.0.8802.1.1.2.1.4.1.1.4"
	lldpRemID     = "1.0.8802.1.1.2.1.4.1.1.5"
	lldpRemPortID = "1.0.8802.1.1.2.1.4.1.1.7"
	lldpRemPort   = "1.0.8802.1.1.2.1.4.1.1.8"
	lldpRemName   = "1.0.8802.1.1.2.1.4.1.1.9"
)

// said gives a value as text; what is not there is "".
func said(v gosnmp.SnmpPDU) string {
	switch x := v.Value.(type) {
	case []byte:
		return strings.TrimSpace(strings.ToValidUTF8(strings.TrimRight(string(x), "\x00"), "\uFFFD"))
	case string:
		return strings.TrimSpace(strings.ToValidUTF8(x, "\uFFFD"))
	case int, uint, int64, uint64, uint32:
		return gosnmp.ToBigInt(x).String()
	}
	return ""
}

// mac gives six bytes as an address of hardware; "" for none and for zeros.
func mac(v gosnmp.SnmpPDU) string {
	b, ok := v.Value.([]byte)
	if !ok || len(b) != 6 || slices.Equal(b, make([]byte, 6)) {
		return ""
	}
	return net.HardwareAddr(b).String()
}

// describe reads one device whole.
func describe(g *gosnmp.GoSNMP, target string) (inventory.Record, error) {
	res, err := g.Get([]string{sysDescr, sysObjectID, sysUpTime, sysContact, sysName, sysLocation})
	if err != nil {
		return inventory.Record{}, err
	}
	sys := map[string]string{}
	for _, v := range res.Variables {
		sys[strings.TrimPrefix(v.Name, ".")] = said(v)
	}
	a := connect.Attrs{}
	for path, oid := range map[string]string{"description": sysDescr, "object_id": sysObjectID, "contact": sysContact, "name": sysName, "location": sysLocation} {
		a.Text(path, sys[oid])
	}
	r := inventory.Record{Scope: target, Type: "snmp_device", Class: inventory.Device, Native: target, Name: target, Attrs: a,
		Volatile: map[string]inventory.Value{"uptime": inventory.Text(sys[sysUpTime])}, IDs: connect.HostNames(sys[sysName])}
	if n := sys[sysName]; n != "" && len(n) < 256 {
		r.Name = n
	}
	for _, os := range []string{"Linux ", "FreeBSD ", "OpenBSD ", "Darwin ", "Hardware: "} { // the last is Windows
		if strings.HasPrefix(sys[sysDescr], os) {
			r.Class = inventory.Host
		}
	}
	for _, step := range []func(*gosnmp.GoSNMP, *inventory.Record) error{interfaces, addresses, software, neighbours} {
		if err := step(g, &r); err != nil {
			return r, err
		}
	}
	return r, nil
}

// interfaces reads IF-MIB. Two of one name are told apart by their number.
func interfaces(g *gosnmp.GoSNMP, r *inventory.Record) error {
	path := map[string]string{}
	taken := map[string]bool{}
	err := walk(g, ifDescr, func(index string, v gosnmp.SnmpPDU) {
		p := "interface." + said(v)
		if taken[p] || said(v) == "" || len(p) > 200 {
			p = "interface.#" + index
		}
		taken[p] = true
		path[index] = p
		r.Attrs[p+".name"] = inventory.Text(said(v))
	})
	if err != nil {
		return err
	}
	for column, end := range map[string]string{ifPhysAddress: ".mac", ifAdminStatus: ".admin", ifOperStatus: ".oper", ifAlias: ".alias"} {
		err := walk(g, column, func(index string, v gosnmp.SnmpPDU) {
			p, text := path[index], said(v)
			switch {
			case column == ifPhysAddress:
				text = mac(v)
				if text != "" && len(r.IDs) < 150 {
					r.IDs = append(r.IDs, inventory.Identifier{Kind: "mac", Value: text})
				}
			case column != ifAlias:
				text = map[string]string{"1": "up", "2": "down", "3": "testing"}[text]
			}
			if p != "" && text != "" {
				r.Attrs[p+end] = inventory.Text(text)
			}
		})
		if err != nil {
			return err
		}
	}
	tidy(r)
	return nil
}

// tidy puts the identifiers in order, each once.
func tidy(r *inventory.Record) {
	slices.SortFunc(r.IDs, func(a, b inventory.Identifier) int { return strings.Compare(a.Kind+" "+a.Value, b.Kind+" "+b.Value) })
	r.IDs = slices.Compact(r.IDs)
}

func addresses(g *gosnmp.GoSNMP, r *inventory.Record) error {
	var all []string
	err := walk(g, ipAdEntAddr, func(_ string, v gosnmp.SnmpPDU) {
		ip, err := netip.ParseAddr(said(v))
		if err != nil || ip.IsLoopback() || ip.IsUnspecified() {
			return
		}
		all = append(all, ip.String())
		if len(r.IDs) < 190 {
			r.IDs = append(r.IDs, inventory.Identifier{Kind: "ip", Value: ip.String()})
		}
	})
	r.Attrs["addresses"] = inventory.Set(all...)
	tidy(r)
	return err
}

// software reads HOST-RESOURCES-MIB; Debian's daemon writes NAME_VERSION_ARCH, others write what they like.
func software(g *gosnmp.GoSNMP, r *inventory.Record) error {
	found := map[string][]string{}
	err := walk(g, hrSWInstalled, func(_ string, v gosnmp.SnmpPDU) {
		name, version, ok := strings.Cut(said(v), "_")
		if !ok {
			version = "installed"
		}
		if name != "" && len(name) < 250 {
			found["software."+name] = append(found["software."+name], version)
		}
	})
	for path, versions := range found {
		r.Attrs[path] = inventory.Set(versions...)
	}
	return err
}

// chassisKind names the subtype of a chassis id as lldpcli does.
func chassisKind(subtype string) string {
	return map[string]string{"1": "component", "2": "ifalias", "3": "port", "4": "mac", "5": "ip", "6": "ifname", "7": "local"}[subtype]
}

func chassis(kind string, v gosnmp.SnmpPDU) string {
	if chassisKind(kind) == "mac" {
		return mac(v)
	}
	return lldp.ChassisID(chassisKind(kind), said(v))
}

// neighbours reads LLDP-MIB where the device has it.
func neighbours(g *gosnmp.GoSNMP, r *inventory.Record) error {
	res, err := g.Get([]string{lldpLocKind, lldpLocID})
	if err != nil || len(res.Variables) != 2 {
		return err
	}
	if id := chassis(said(res.Variables[0]), res.Variables[1]); id != "" {
		r.IDs = append(r.IDs, inventory.Identifier{Kind: "chassis-id", Value: id})
		r.Attrs["chassis.id"] = inventory.Text(id)
	}
	columns := map[string]map[string]gosnmp.SnmpPDU{}
	for _, c := range []string{lldpLocPort, lldpRemKind, lldpRemID, lldpRemPortID, lldpRemPort, lldpRemName} {
		columns[c] = map[string]gosnmp.SnmpPDU{}
		if err := walk(g, c, func(index string, v gosnmp.SnmpPDU) { columns[c][index] = v }); err != nil {
			return err
		}
	}
	var list []lldp.Neighbour
	for index, id := range columns[lldpRemID] { // index: time mark, local port, number
		parts := strings.Split(index, ".")
		if len(parts) != 3 || len(list) > 4000 {
			continue
		}
		n := lldp.Neighbour{Local: said(columns[lldpLocPort][parts[1]]), Chassis: chassis(said(columns[lldpRemKind][index]), id),
			Port: said(columns[lldpRemPort][index]), Name: said(columns[lldpRemName][index])}
		if n.Local == "" {
			n.Local = "#" + parts[1]
		}
		if n.Port == "" {
			n.Port = said(columns[lldpRemPortID][index])
		}
		list = append(list, n)
	}
	lldp.Put(r, list)
	return nil
}

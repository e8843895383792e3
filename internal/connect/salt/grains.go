package salt

import (
	"maps"
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/connect"
	"plumbline.dev/plumb/internal/connect/document"
	"plumbline.dev/plumb/internal/inventory"
)

// isGrains reports whether an object is the grains of one minion: every minion has these.
func isGrains(o document.Object) bool { return o.Text("id") != "" && o.Text("kernel") != "" }

// host reads the grains of one minion. What changes by itself and what people put there is left out: only what is named here is taken.
func (m *results) host(o document.Object) ([]inventory.Record, error) {
	minion := m.mask.Plain(o.Text("id"))
	if err := m.once(hostType, minion); err != nil {
		return nil, err
	}
	r := m.record(hostType, inventory.Host, minion, minion, minion)
	for _, name := range []string{"os", "os_family", "osfullname", "osrelease", "oscodename", "osarch", "cpuarch", "kernel", "kernelrelease",
		"kernelversion", "host", "fqdn", "domain", "machine_id", "mem_total", "num_cpus", "cpu_model", "virtual", "virtual_subtype", "init",
		"manufacturer", "productname", "biosversion", "master", "saltversion"} {
		if v := o.Text(name); v != "" {
			r.Attrs[name] = m.mask.Value(name, v)
		}
	}
	for _, id := range []struct{ kind, name string }{{"machine-id", "machine_id"}, {"fqdn", "fqdn"}, {"hostname", "host"}, {"dmi-serial", "serialnumber"}, {"hardware-uuid", "uuid"}} {
		r.IDs = document.Identify(r.IDs, id.kind, o.Text(id.name))
	}
	m.interfaces(&r, o)
	tags := map[string]string{}
	for name := range o {
		if v := o.Text(name); v != "" && !m.mask.Holds(v) {
			tags[name] = v
		}
	}
	if roles := o.Texts("roles"); len(roles) == 1 && tags["role"] == "" { // of several, none is the role
		tags["role"] = roles[0]
	}
	r.Labels = connect.Labels(tags)
	return []inventory.Record{r}, nil
}

// interfaces reads the addresses of each interface; the loopback and what holds on one link only say nothing of which host it is.
func (m *results) interfaces(r *inventory.Record, o document.Object) {
	macs := o.Object("hwaddr_interfaces")
	for _, name := range slices.Sorted(maps.Keys(macs)) {
		if mac := macs.Text(name); name != "lo" && mac != "" {
			r.Attrs["interface."+m.mask.Plain(name)+".mac"] = inventory.Text(strings.ToLower(mac))
			r.IDs = document.Identify(r.IDs, "mac", mac)
		}
	}
	addresses := map[string][]string{}
	for _, grain := range []string{"ip4_interfaces", "ip6_interfaces", "ip_interfaces"} {
		of := o.Object(grain)
		for name := range of {
			if name != "lo" {
				addresses[name] = append(addresses[name], of.Texts(name)...)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(addresses)) {
		ips := slices.DeleteFunc(addresses[name], func(ip string) bool { return strings.HasPrefix(strings.ToLower(ip), "fe80:") })
		slices.Sort(ips)
		r.Attrs["interface."+m.mask.Plain(name)+".ip"] = inventory.Set(ips...)
		for _, ip := range ips {
			r.IDs = document.Identify(r.IDs, "ip", ip)
		}
	}
}

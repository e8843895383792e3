package chef

import (
	"maps"
	"slices"

	"plumbline.dev/plumb/internal/connect/document"
	"plumbline.dev/plumb/internal/inventory"
)

// facts reads what ohai found. What changes by itself (uptime, counters, free memory, ohai's own time) and what only repeats
// other facts is left out: only what is named here is taken.
func (m *message) facts(r *inventory.Record, o document.Object) error {
	for _, name := range []string{"os", "os_version", "platform", "platform_version", "platform_family", "hostname", "fqdn", "domain", "machine_id",
		"ipaddress", "ip6address", "macaddress", "init_package"} {
		if v := o.Text(name); v != "" {
			r.Attrs[name] = m.mask.Value(name, v)
		}
	}
	for _, part := range []struct {
		from  string
		names []string
	}{
		{"kernel", []string{"name", "release", "version", "machine"}},
		{"memory", []string{"total"}},
		{"cpu", []string{"total", "real", "cores", "model_name"}},
		{"virtualization", []string{"system", "role"}},
		{"lsb", []string{"id", "release", "codename"}},
	} {
		of := o.Object(part.from)
		for _, name := range part.names {
			if v := of.Text(name); v != "" {
				r.Attrs[part.from+"."+name] = m.mask.Value(name, v)
			}
		}
	}
	for _, name := range []string{"uptime_seconds", "ohai_time"} {
		if v := o.Text(name); v != "" {
			r.Volatile[name] = inventory.Text(v)
		}
	}
	for name, v := range o.Object("packages") {
		if version := document.AsObject(v).Text("version"); version != "" {
			r.Attrs["package."+name] = inventory.Text(version)
		}
	}
	for _, id := range []struct{ kind, name string }{{"machine-id", "machine_id"}, {"fqdn", "fqdn"}, {"hostname", "hostname"}, {"mac", "macaddress"}, {"ip", "ipaddress"}} {
		r.IDs = document.Identify(r.IDs, id.kind, o.Text(id.name))
	}
	system := o.Object("dmi").Object("system")
	r.IDs = document.Identify(r.IDs, "dmi-serial", system.Text("serial_number"))
	r.IDs = document.Identify(r.IDs, "hardware-uuid", system.Text("uuid"))
	m.interfaces(r, o.Object("network").Object("interfaces"))
	return nil
}

// interfaces reads the addresses of each interface; the loopback says nothing of which host it is.
func (m *message) interfaces(r *inventory.Record, all document.Object) {
	for _, name := range slices.Sorted(maps.Keys(all)) {
		one := all.Object(name)
		if one.Text("encapsulation") == "Loopback" {
			continue
		}
		var macs, ips []string
		for address, v := range one.Object("addresses") {
			switch of := document.AsObject(v); {
			case of.Text("family") == "lladdr":
				macs = append(macs, address)
			case of.Text("scope") != "Link":
				ips = append(ips, address)
			}
		}
		slices.Sort(macs)
		slices.Sort(ips)
		path := "interface." + m.mask.Plain(name)
		r.Attrs[path+".mac"], r.Attrs[path+".ip"] = inventory.Set(macs...), inventory.Set(ips...)
		for _, a := range macs {
			r.IDs = document.Identify(r.IDs, "mac", a)
		}
		for _, a := range ips {
			r.IDs = document.Identify(r.IDs, "ip", a)
		}
	}
}

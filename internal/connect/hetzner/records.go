package hetzner

import (
	"cmp"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/hetznercloud/hcloud-go/v2/hcloud"

	"plumbline.dev/plumb/internal/connect"
	"plumbline.dev/plumb/internal/inventory"
)

func link(verb, kind string, id int64) inventory.Link {
	return inventory.Link{Verb: verb, To: cloudID(kind, id)}
}

func server(v *hcloud.Server) inventory.Record {
	r, a := record(inventory.Host, "server", v.ID, v.Name, v.Labels, v.Created)
	a.Text("status", string(v.Status))
	if v.ServerType != nil {
		a.Text("server_type", v.ServerType.Name)
		a.Text("architecture", string(v.ServerType.Architecture))
	}
	if v.Location != nil {
		a.Text("location", v.Location.Name)
	}
	a.Number("primary_disk_gb", int64(v.PrimaryDiskSize))
	a.Text("backup_window", v.BackupWindow)
	a.Flag("backups", v.BackupWindow != "")
	a.Flag("rescue_enabled", v.RescueEnabled)
	a.Flag("locked", v.Locked)
	a.Flag("protection.delete", v.Protection.Delete)
	a.Flag("protection.rebuild", v.Protection.Rebuild)
	if v.ISO != nil {
		a.Text("iso", cmp.Or(v.ISO.Name, strconv.FormatInt(v.ISO.ID, 10)))
	}
	if v.Image != nil {
		a.Text("image", cmp.Or(v.Image.Name, v.Image.Description))
		a.Number("image_id", v.Image.ID)
		r.Edges = append(r.Edges, link("BUILT_FROM", "image", v.Image.ID))
	}
	if v.PlacementGroup != nil {
		a.Text("placement_group", v.PlacementGroup.Name)
	}
	for _, d := range v.Volumes {
		r.Edges = append(r.Edges, link("USES", "volume", d.ID))
	}
	r.IDs = append(r.IDs, inventory.Identifier{Kind: "hostname", Value: strings.ToLower(v.Name)},
		inventory.Identifier{Kind: "dmi-serial", Value: "hetzner:" + strconv.FormatInt(v.ID, 10)}) // as the server itself sees it, by its firmware
	serverNetworks(v, &r, a)
	r.Volatile = map[string]inventory.Value{"outgoing_traffic": inventory.Text(strconv.FormatUint(v.OutgoingTraffic, 10)),
		"ingoing_traffic": inventory.Text(strconv.FormatUint(v.IngoingTraffic, 10))}
	return r
}

func serverNetworks(v *hcloud.Server, r *inventory.Record, a connect.Attrs) {
	if ip := v.PublicNet.IPv4.IP; len(ip) > 0 && !v.PublicNet.IPv4.IsUnspecified() {
		a.Text("public_ipv4", ip.String())
		a.Text("dns_ptr", strings.ToLower(v.PublicNet.IPv4.DNSPtr))
		r.IDs = append(r.IDs, inventory.Identifier{Kind: "ip", Value: ip.String()})
	}
	if n := v.PublicNet.IPv6.Network; n != nil && !v.PublicNet.IPv6.IsUnspecified() {
		a.Text("public_ipv6", n.String())
	}
	var walls, private []string
	for _, f := range v.PublicNet.Firewalls {
		walls = append(walls, strconv.FormatInt(f.Firewall.ID, 10))
	}
	for _, n := range v.PrivateNet {
		if n.Network == nil {
			continue
		}
		private = append(private, n.IP.String())
		for _, alias := range n.Aliases {
			private = append(private, alias.String())
		}
		if n.MACAddress != "" {
			r.IDs = append(r.IDs, inventory.Identifier{Kind: "mac", Value: strings.ToLower(n.MACAddress)})
		}
		r.IDs = append(r.IDs, inventory.Identifier{Kind: "ip", Value: n.IP.String()})
		r.Edges = append(r.Edges, link("CONNECTS", "network", n.Network.ID))
	}
	a.Set("firewalls", walls)
	a.Set("private_ips", private)
}

func image(v *hcloud.Image) inventory.Record {
	class := inventory.Image
	if v.Type == hcloud.ImageTypeSnapshot || v.Type == hcloud.ImageTypeBackup {
		class = inventory.Snapshot
	}
	r, a := record(class, "image", v.ID, cmp.Or(v.Name, v.Description), v.Labels, v.Created)
	a.Text("image_type", string(v.Type))
	a.Text("status", string(v.Status))
	a.Text("description", v.Description)
	a.Text("os_flavor", v.OSFlavor)
	a.Text("os_version", v.OSVersion)
	a.Text("architecture", string(v.Architecture))
	a.Number("disk_gb", int64(v.DiskSize))
	a.Flag("protection.delete", v.Protection.Delete)
	a.Flag("deprecated", v.IsDeprecated())
	if v.CreatedFrom != nil {
		r.Edges = append(r.Edges, link("SNAPSHOT_OF", "server", v.CreatedFrom.ID))
	}
	return r
}

func volume(v *hcloud.Volume) inventory.Record {
	r, a := record(inventory.Disk, "volume", v.ID, v.Name, v.Labels, v.Created)
	a.Text("status", string(v.Status))
	a.Number("size_gb", int64(v.Size))
	if v.Location != nil {
		a.Text("location", v.Location.Name)
	}
	if v.Format != nil {
		a.Text("format", *v.Format)
	}
	a.Text("linux_device", v.LinuxDevice)
	a.Flag("protection.delete", v.Protection.Delete)
	if v.Server != nil {
		a.Number("server", v.Server.ID)
	}
	return r
}

func network(v *hcloud.Network) inventory.Record {
	r, a := record(inventory.Network, "network", v.ID, v.Name, v.Labels, v.Created)
	a.Text("ip_range", cidr(v.IPRange))
	a.Flag("protection.delete", v.Protection.Delete)
	a.Flag("expose_routes_to_vswitch", v.ExposeRoutesToVSwitch)
	var subnets, routes []string
	for _, s := range v.Subnets {
		subnets = append(subnets, strings.Join([]string{cidr(s.IPRange), string(s.Type), string(s.NetworkZone)}, " "))
	}
	for _, t := range v.Routes {
		routes = append(routes, cidr(t.Destination)+" via "+t.Gateway.String())
	}
	a.Set("subnets", subnets)
	a.Set("routes", routes)
	return r
}

func cidr(n *net.IPNet) string {
	if n == nil {
		return ""
	}
	return n.String()
}

func firewall(v *hcloud.Firewall) inventory.Record {
	r, a := record(inventory.Firewall, "firewall", v.ID, v.Name, v.Labels, v.Created)
	var rules, selectors []string
	for _, rule := range v.Rules {
		rules = append(rules, ruleText(rule))
	}
	for _, on := range v.AppliedTo {
		if on.Type == hcloud.FirewallResourceTypeLabelSelector && on.LabelSelector != nil {
			selectors = append(selectors, on.LabelSelector.Selector)
		}
		for _, one := range append([]hcloud.FirewallResource{on}, on.AppliedToResources...) {
			if one.Server != nil {
				r.Edges = append(r.Edges, link("PROTECTS", "server", one.Server.ID))
			}
		}
	}
	a.Set("rules", rules)
	a.Set("label_selectors", selectors)
	return r
}

// ruleText writes a rule down in one order, so that the same rule is always the same text.
func ruleText(v hcloud.FirewallRule) string {
	text := string(v.Direction) + " " + string(v.Protocol)
	if v.Port != nil {
		text += " " + *v.Port
	}
	from, nets := " from ", v.SourceIPs
	if v.Direction == hcloud.FirewallRuleDirectionOut {
		from, nets = " to ", v.DestinationIPs
	}
	var list []string
	for _, n := range nets {
		list = append(list, n.String())
	}
	slices.Sort(list)
	return text + from + strings.Join(list, ", ")
}

func loadBalancer(v *hcloud.LoadBalancer) inventory.Record {
	r, a := record(inventory.LoadBalancer, "load_balancer", v.ID, v.Name, v.Labels, v.Created)
	if v.LoadBalancerType != nil {
		a.Text("load_balancer_type", v.LoadBalancerType.Name)
	}
	if v.Location != nil {
		a.Text("location", v.Location.Name)
	}
	a.Text("algorithm", string(v.Algorithm.Type))
	a.Flag("public", v.PublicNet.Enabled)
	a.Flag("protection.delete", v.Protection.Delete)
	if ip := v.PublicNet.IPv4.IP; len(ip) > 0 {
		a.Text("public_ipv4", ip.String())
		r.IDs = append(r.IDs, inventory.Identifier{Kind: "ip", Value: ip.String()})
	}
	var services, targets []string
	for _, s := range v.Services {
		services = append(services, string(s.Protocol)+" "+strconv.Itoa(s.ListenPort)+" to "+strconv.Itoa(s.DestinationPort))
	}
	for _, t := range v.Targets {
		switch {
		case t.LabelSelector != nil:
			targets = append(targets, "label "+t.LabelSelector.Selector)
		case t.IP != nil:
			targets = append(targets, "ip "+t.IP.IP)
		case t.Server != nil && t.Server.Server != nil:
			targets = append(targets, "server "+strconv.FormatInt(t.Server.Server.ID, 10))
		}
		for _, one := range append([]hcloud.LoadBalancerTarget{t}, t.Targets...) {
			if one.Server != nil && one.Server.Server != nil {
				r.Edges = append(r.Edges, link("CONNECTS", "server", one.Server.Server.ID))
			}
		}
	}
	for _, n := range v.PrivateNet {
		if n.Network != nil {
			r.Edges = append(r.Edges, link("CONNECTS", "network", n.Network.ID))
		}
	}
	a.Set("services", services)
	a.Set("targets", targets)
	return r
}

func primaryIP(v *hcloud.PrimaryIP) inventory.Record {
	r, a := record(inventory.IPAddress, "primary_ip", v.ID, v.Name, v.Labels, v.Created)
	a.Text("ip", v.IP.String())
	a.Text("ip_type", string(v.Type))
	a.Flag("auto_delete", v.AutoDelete)
	a.Flag("blocked", v.Blocked)
	a.Flag("protection.delete", v.Protection.Delete)
	if v.AssigneeID != 0 {
		a.Number("assignee", v.AssigneeID)
		if v.AssigneeType == "server" {
			r.Edges = append(r.Edges, link("ASSIGNED", "server", v.AssigneeID))
		}
	}
	pointers(a, v.DNSPtr)
	return r
}

func pointers(a connect.Attrs, byIP map[string]string) {
	var list []string
	for ip, name := range byIP {
		list = append(list, ip+" "+strings.ToLower(name))
	}
	a.Set("dns_ptr", list)
}

func floatingIP(v *hcloud.FloatingIP) inventory.Record {
	r, a := record(inventory.IPAddress, "floating_ip", v.ID, v.Name, v.Labels, v.Created)
	a.Text("ip", v.IP.String())
	a.Text("ip_type", string(v.Type))
	a.Text("description", v.Description)
	a.Flag("blocked", v.Blocked)
	a.Flag("protection.delete", v.Protection.Delete)
	if v.HomeLocation != nil {
		a.Text("location", v.HomeLocation.Name)
	}
	if v.Server != nil {
		a.Number("assignee", v.Server.ID)
		r.Edges = append(r.Edges, link("ASSIGNED", "server", v.Server.ID))
	}
	pointers(a, v.DNSPtr)
	return r
}

func sshKey(v *hcloud.SSHKey) inventory.Record {
	r, a := record(inventory.Key, "ssh_key", v.ID, v.Name, v.Labels, v.Created)
	a.Text("fingerprint", v.Fingerprint)
	a.Text("public_key", v.PublicKey)
	return r
}

func zone(v *hcloud.Zone) inventory.Record {
	r, a := record(inventory.Zone, "zone", v.ID, v.Name, v.Labels, v.Created)
	a.Text("mode", string(v.Mode))
	a.Text("status", string(v.Status))
	a.Text("registrar", string(v.Registrar))
	a.Number("ttl", int64(v.TTL))
	a.Number("record_count", int64(v.RecordCount))
	a.Flag("protection.delete", v.Protection.Delete)
	a.Set("nameservers", v.AuthoritativeNameservers.Assigned)
	var primaries []string
	for _, p := range v.PrimaryNameservers {
		primaries = append(primaries, net.JoinHostPort(p.Address, strconv.Itoa(p.Port)))
	}
	a.Set("primary_nameservers", primaries)
	r.IDs = append(r.IDs, inventory.Identifier{Kind: "dns-name", Value: strings.ToLower(strings.TrimSuffix(v.Name, "."))})
	return r
}

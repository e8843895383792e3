package probe

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"path"
	"strconv"
	"strings"
)

// listeners reads the sockets that others can reach, each with the name of the program behind it.
func (t tree) listeners(ctx context.Context) ([]Fact, error) {
	f := &facts{name: "listener"}
	open := map[string]string{} // by inode: protocol and address
	low, high := t.ephemeral()
	for _, p := range []string{"tcp", "tcp6", "udp", "udp6"} {
		_ = t.lines("proc/net/"+p, func(s string) { // a kernel without IPv6 has two of them
			w := strings.Fields(s)
			if len(w) < 10 {
				return
			}
			at, err := socketAddr(w[1])
			stream := strings.HasPrefix(p, "tcp")
			switch {
			case err != nil, stream && w[3] != "0A", !stream && w[3] != "07":
			case !stream && at.Port() >= low && at.Port() <= high: // a question that waits for its answer
			default:
				open[w[9]] = strings.TrimSuffix(p, "6") + "." + at.String()
			}
		})
	}
	programs, err := t.programs(ctx, open)
	if err != nil {
		return nil, err
	}
	at := map[string][]string{}
	for inode, socket := range open {
		at[socket] = append(at[socket], programs[inode]...)
	}
	for socket, names := range at {
		if len(names) == 0 {
			names = []string{"unknown"}
		}
		f.set(socket, names)
	}
	return f.list, nil
}

// ephemeral gives the ports that the kernel gives away by itself.
func (t tree) ephemeral() (low, high uint16) {
	w := strings.Fields(t.line("proc/sys/net/ipv4/ip_local_port_range"))
	if len(w) != 2 {
		return 32768, 60999
	}
	a, err := strconv.ParseUint(w[0], 10, 16)
	b, other := strconv.ParseUint(w[1], 10, 16)
	if err != nil || other != nil {
		return 32768, 60999
	}
	return uint16(a), uint16(b)
}

// socketAddr reads an address of /proc/net: words of four bytes in the machine's order, then the port.
func socketAddr(s string) (netip.AddrPort, error) {
	ip, port, _ := strings.Cut(s, ":")
	b, err := hex.DecodeString(ip)
	if err != nil || len(b) != 4 && len(b) != 16 {
		return netip.AddrPort{}, fmt.Errorf("no address: %w", err)
	}
	for i := 0; i < len(b); i += 4 {
		binary.BigEndian.PutUint32(b[i:], binary.NativeEndian.Uint32(b[i:]))
	}
	n, err := strconv.ParseUint(port, 16, 16)
	a, _ := netip.AddrFromSlice(b)
	return netip.AddrPortFrom(a, uint16(n)), err
}

// programs finds which programs hold sockets, by the names of their files: no arguments are read.
func (t tree) programs(ctx context.Context, wanted map[string]string) (map[string][]string, error) {
	out := map[string][]string{}
	for _, pid := range t.names("proc") {
		if pid[0] < '0' || pid[0] > '9' {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		for _, fd := range t.names("proc/" + pid + "/fd") {
			inode, ok := strings.CutPrefix(t.link("proc/"+pid+"/fd/"+fd), "socket:[")
			inode = strings.TrimSuffix(inode, "]")
			if ok && wanted[inode] != "" {
				out[inode] = append(out[inode], t.program(pid))
			}
		}
	}
	return out, nil
}

// program is the name of a process's file, or of the process where the file cannot be seen.
func (t tree) program(pid string) string {
	exe := strings.TrimSuffix(t.link("proc/"+pid+"/exe"), " (deleted)")
	if exe != "" {
		return path.Base(exe)
	}
	return t.line("proc/" + pid + "/comm")
}

// passingLink reports whether an interface comes and goes with containers.
func passingLink(name string) bool { return prefixed(name, "veth", "cali", "tap", "vnet", "lxc") }

// network reads the interfaces as the kernel has them now.
func network(context.Context) ([]Fact, error) {
	f := &facts{name: "network"}
	list, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	for _, i := range list {
		if passingLink(i.Name) {
			continue
		}
		f.text(i.Name+".mac", i.HardwareAddr.String())
		f.number(i.Name+".mtu", int64(i.MTU))
		f.flag(i.Name+".up", i.Flags&net.FlagUp != 0)
		addrs, err := i.Addrs()
		if err != nil {
			return nil, err
		}
		var items []string
		for _, a := range addrs {
			items = append(items, a.String())
		}
		f.set(i.Name+".addresses", items)
	}
	return f.list, nil
}

// routes reads where packets leave the host.
func (t tree) routes(context.Context) ([]Fact, error) {
	f := &facts{name: "route"}
	ways := map[string][]string{}
	_ = t.lines("proc/net/route", func(s string) { // absent where there is no IPv4
		w := strings.Fields(s)
		if len(w) < 8 || w[0] == "Iface" || passingLink(w[0]) {
			return
		}
		to, err := socketAddr(w[1] + ":0")
		via, other := socketAddr(w[2] + ":0")
		mask, third := socketAddr(w[7] + ":0")
		if err != nil || other != nil || third != nil {
			return
		}
		m := mask.Addr().As4()
		ones, _ := net.IPMask(m[:]).Size()
		dest := netip.PrefixFrom(to.Addr(), ones).String()
		ways[dest] = append(ways[dest], via.Addr().String()+" "+w[0])
	})
	_ = t.lines("proc/net/ipv6_route", func(s string) {
		w := strings.Fields(s)
		if len(w) < 10 || w[9] == "lo" || passingLink(w[9]) || prefixed(w[0], "fe80", "ff") || w[8] != "" && strings.HasSuffix(w[8], "80200001") {
			return
		}
		to, err := hex.DecodeString(w[0])
		via, other := hex.DecodeString(w[4])
		ones, third := strconv.ParseInt(w[1], 16, 16)
		if err != nil || other != nil || third != nil || len(to) != 16 || len(via) != 16 {
			return
		}
		a, _ := netip.AddrFromSlice(to)
		b, _ := netip.AddrFromSlice(via)
		dest := netip.PrefixFrom(a, int(ones)).String()
		ways[dest] = append(ways[dest], b.String()+" "+w[9])
	})
	for dest, list := range ways {
		f.set(dest, list)
	}
	return f.list, nil
}

// dns reads whom the host asks for names.
func (t tree) dns(context.Context) ([]Fact, error) {
	f := &facts{name: "dns"}
	var servers, search []string
	_ = t.lines("etc/resolv.conf", func(s string) { // absent where nothing resolves names
		w := strings.Fields(s)
		switch {
		case len(w) < 2:
		case w[0] == "nameserver":
			servers = append(servers, w[1])
		case w[0] == "search", w[0] == "domain":
			search = w[1:]
		}
	})
	f.text("servers", strings.Join(servers, " ")) // their order counts
	f.text("search", strings.Join(search, " "))
	return f.list, nil
}

// clock reads from where the host takes its time, as it is set up to.
func (t tree) clock(context.Context) ([]Fact, error) {
	f := &facts{name: "time"}
	chrony := append([]string{"etc/chrony/chrony.conf", "etc/chrony.conf"}, t.files("etc/chrony/conf.d", ".conf")...)
	chrony = append(chrony, t.files("etc/chrony/sources.d", ".sources")...)
	f.set("chrony", t.sources(chrony))
	f.set("ntp", t.sources([]string{"etc/ntp.conf", "etc/ntpsec/ntp.conf"}))
	f.set("timesyncd", t.timesyncd())
	zone := t.line("etc/timezone")
	if _, name, ok := strings.Cut(t.link("etc/localtime"), "/zoneinfo/"); ok {
		zone = name
	}
	f.text("zone", zone)
	return f.list, nil
}

// sources lists the servers of chrony's and ntpd's files.
func (t tree) sources(files []string) []string {
	var out []string
	for _, name := range files {
		_ = t.lines(name, func(s string) { // which of the files there are depends on the distribution
			w := strings.Fields(s)
			if len(w) >= 2 && (w[0] == "server" || w[0] == "pool" || w[0] == "peer") {
				out = append(out, w[0]+" "+w[1])
			}
		})
	}
	return out
}

func (t tree) timesyncd() []string {
	var out []string
	for _, name := range append([]string{"etc/systemd/timesyncd.conf"}, t.files("etc/systemd/timesyncd.conf.d", ".conf")...) {
		_ = t.lines(name, func(s string) {
			k, v, _ := strings.Cut(strings.TrimSpace(s), "=")
			if k == "NTP" || k == "FallbackNTP" {
				for _, server := range strings.Fields(v) {
					out = append(out, k+" "+server)
				}
			}
		})
	}
	return out
}

package probe

import (
	"context"
	"os"
	"runtime"
	"strconv"
	"strings"
)

// system reads what runs on the host and what it is called.
func (t tree) system(context.Context) ([]Fact, error) {
	f := &facts{name: "system"}
	f.text("os.kind", runtime.GOOS)
	f.text("arch", runtime.GOARCH)
	release := map[string]string{}
	for _, name := range []string{"etc/os-release", "usr/lib/os-release"} {
		if !t.has(name) {
			continue
		}
		err := t.lines(name, func(s string) {
			if k, v, ok := strings.Cut(s, "="); ok {
				release[k] = strings.Trim(v, `"'`)
			}
		})
		if err != nil {
			return nil, err
		}
		break
	}
	f.text("os.id", release["ID"])
	f.text("os.version", release["VERSION_ID"])
	f.text("os.name", release["PRETTY_NAME"])
	f.text("kernel", t.line("proc/sys/kernel/osrelease"))
	f.text("hostname", t.line("proc/sys/kernel/hostname"))
	f.text("fqdn", t.fqdn())
	f.text("machine-id", t.line("etc/machine-id"))
	f.text("container", t.container())
	up, _, _ := strings.Cut(t.line("proc/uptime"), ".")
	if n, err := strconv.ParseInt(up, 10, 64); err == nil {
		f.passing("uptime", n)
	}
	load, _, _ := strings.Cut(t.line("proc/loadavg"), " ")
	if x, err := strconv.ParseFloat(load, 64); err == nil {
		f.passing("load-percent", int64(x*100))
	}
	return f.list, nil
}

// fqdn is the name that the host's own file gives it; nobody else is asked.
func (t tree) fqdn() (name string) {
	host := t.line("proc/sys/kernel/hostname")
	if strings.Contains(host, ".") {
		return strings.ToLower(host)
	}
	_ = t.lines("etc/hosts", func(s string) {
		s, _, _ = strings.Cut(s, "#")
		for _, w := range strings.Fields(s) {
			if name == "" && host != "" && strings.HasPrefix(strings.ToLower(w), strings.ToLower(host)+".") {
				name = strings.ToLower(w)
			}
		}
	})
	return name
}

// container says in what kind of container the host is; "" for none that is known.
func (t tree) container() string {
	switch {
	case t.has(".dockerenv"):
		return "docker"
	case t.has("run/.containerenv"):
		return "podman"
	case t.has("run/systemd/container"):
		return t.line("run/systemd/container")
	}
	return ""
}

// hardware reads what the firmware says of the board, the processors and the memory.
func (t tree) hardware(context.Context) ([]Fact, error) {
	f := &facts{name: "hardware"}
	for _, name := range []string{"sys_vendor", "product_name", "product_serial", "product_uuid", "board_serial", "chassis_serial",
		"bios_vendor", "bios_version", "bios_date"} {
		f.text("dmi."+strings.ReplaceAll(name, "_", "-"), t.line("sys/class/dmi/id/"+name))
	}
	count, model := int64(0), ""
	err := t.lines("proc/cpuinfo", func(s string) {
		k, v, _ := strings.Cut(s, ":")
		switch strings.TrimSpace(k) {
		case "processor":
			count++
		case "model name":
			model = v
		}
	})
	if err != nil {
		return nil, err
	}
	f.text("cpu.model", model)
	f.number("cpu.count", count)
	err = t.lines("proc/meminfo", func(s string) {
		k, v, _ := strings.Cut(s, ":")
		v, _, _ = strings.Cut(strings.TrimSpace(v), " ")
		n, err := strconv.ParseInt(v, 10, 64)
		switch {
		case err != nil:
		case k == "MemTotal":
			f.number("memory.kib", n)
		case k == "SwapTotal":
			f.number("swap.kib", n)
		case k == "MemAvailable":
			f.passing("memory.available-kib", n)
		}
	})
	return f.list, err
}

// disks reads the block devices that are hardware, not memory or a file.
func (t tree) disks(context.Context) ([]Fact, error) {
	f := &facts{name: "disk"}
	for _, name := range t.names("sys/block") {
		if prefixed(name, "loop", "ram", "zram", "sr", "fd", "nbd") {
			continue
		}
		dir := "sys/block/" + name + "/"
		if n, err := strconv.ParseInt(t.line(dir+"size"), 10, 64); err == nil && n > 0 {
			f.number(name+".bytes", n*512)
		}
		f.text(name+".model", t.line(dir+"device/model"))
		f.text(name+".serial", t.line(dir+"device/serial"))
		f.text(name+".uuid", t.line(dir+"dm/uuid")) // begins with CRYPT- where it is encrypted
		if s := t.line(dir + "queue/rotational"); s != "" {
			f.flag(name+".rotational", s == "1")
		}
	}
	return f.list, nil
}

// prefixed reports whether s begins with one of the words.
func prefixed(s string, words ...string) bool {
	for _, w := range words {
		if strings.HasPrefix(s, w) {
			return true
		}
	}
	return false
}

// passingFS are file systems that the kernel or a container engine makes and unmakes by itself.
const passingFS = " autofs bpf binfmt_misc cgroup cgroup2 configfs debugfs devpts devtmpfs efivarfs fusectl hugetlbfs mqueue nsfs" +
	" overlay proc pstore ramfs rpc_pipefs securityfs selinuxfs squashfs sysfs tracefs "

// mounts reads what is mounted where. A value among the options that could be a secret is left out.
func (t tree) mounts(context.Context) ([]Fact, error) {
	f := &facts{name: "mount"}
	// The first process sees the host; this one, as a service, only its own sandbox, in which all is read-only.
	table := "proc/1/mountinfo"
	if t.line(table) == "" {
		table = "proc/self/mountinfo"
	}
	err := t.lines(table, func(s string) {
		mine, rest, ok := strings.Cut(s, " - ")
		w, v := strings.Fields(mine), strings.Fields(rest)
		if !ok || len(w) < 6 || len(v) < 3 || strings.Contains(passingFS, " "+v[0]+" ") && w[4] != "/" ||
			prefixed(w[4], "/run/user/", "/var/lib/docker/", "/var/lib/containers/", "/proc/", "/sys/") {
			return
		}
		at := unescape(w[4])
		f.text(at+".type", v[0])
		f.text(at+".from", unescape(v[1]))
		f.set(at+".options", options(w[5]+","+v[2]))
	})
	return f.list, err
}

// unescape reads the octal escapes of mountinfo.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

func options(s string) []string {
	var out []string
	for _, o := range strings.Split(s, ",") {
		k, _, valued := strings.Cut(o, "=")
		if valued && secretive(k) {
			o = k + "=…"
		}
		out = append(out, o)
	}
	return out
}

// secretive reports whether a name says that what it names is nobody's business.
func secretive(name string) bool {
	name = strings.ToLower(name)
	for _, w := range []string{"pass", "secret", "key", "cred", "token"} {
		if strings.Contains(name, w) {
			return true
		}
	}
	return false
}

// hostname is the machine's name, as the kernel says it.
func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return ""
	}
	return name
}

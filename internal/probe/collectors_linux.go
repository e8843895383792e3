package probe

// Collectors lists what is read of this host, in the order of what matters most: what has no time left is left out.
func Collectors() []Collector {
	return append(tree("/").collectors(), Collector{"network", network})
}

// collectors lists what is read of files.
func (t tree) collectors() []Collector {
	return []Collector{
		{"system", t.system}, {"hardware", t.hardware}, {"user", t.users}, {"group", t.groups}, {"package", t.packages},
		{"service", t.services}, {"listener", t.listeners}, {"mount", t.mounts}, {"disk", t.disks}, {"route", t.routes},
		{"dns", t.dns}, {"time", t.clock},
	}
}

// BootID names this boot of the kernel; "" when it cannot be told.
func BootID() string { return tree("/").line("proc/sys/kernel/random/boot_id") }

// Hostname is the machine's name.
func Hostname() string { return hostname() }

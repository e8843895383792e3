//go:build !linux

package probe

import (
	"context"
	"runtime"
	"strconv"
	"strings"

	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/disk"
	"github.com/shirou/gopsutil/v4/host"
	"github.com/shirou/gopsutil/v4/mem"
)

// Collectors lists what is read of this host. On systems other than Linux it is what their interfaces give to everybody.
func Collectors() []Collector {
	return []Collector{{"system", system}, {"hardware", hardware}, {"mount", mounts}, {"network", network}}
}

func system(ctx context.Context) ([]Fact, error) {
	f := &facts{name: "system"}
	i, err := host.InfoWithContext(ctx)
	if err != nil {
		return nil, err
	}
	f.text("os.kind", runtime.GOOS)
	f.text("arch", runtime.GOARCH)
	f.text("os.id", i.Platform)
	f.text("os.version", i.PlatformVersion)
	f.text("kernel", i.KernelVersion)
	f.text("hostname", i.Hostname)
	if strings.Contains(i.Hostname, ".") {
		f.text("fqdn", strings.ToLower(i.Hostname))
	}
	f.text("machine-id", i.HostID)
	f.passing("uptime", int64(i.Uptime))
	return f.list, nil
}

func hardware(ctx context.Context) ([]Fact, error) {
	f := &facts{name: "hardware"}
	list, err := cpu.InfoWithContext(ctx)
	if err != nil {
		return nil, err
	}
	if len(list) > 0 {
		f.text("cpu.model", list[0].ModelName)
	}
	n, err := cpu.CountsWithContext(ctx, true)
	if err != nil {
		return nil, err
	}
	f.number("cpu.count", int64(n))
	m, err := mem.VirtualMemoryWithContext(ctx)
	if err != nil {
		return nil, err
	}
	f.number("memory.kib", int64(m.Total/1024))
	f.passing("memory.available-kib", int64(m.Available/1024))
	return f.list, nil
}

func mounts(ctx context.Context) ([]Fact, error) {
	f := &facts{name: "mount"}
	list, err := disk.PartitionsWithContext(ctx, false)
	if err != nil {
		return nil, err
	}
	for _, p := range list {
		f.text(p.Mountpoint+".type", p.Fstype)
		f.text(p.Mountpoint+".from", p.Device)
		f.set(p.Mountpoint+".options", p.Opts)
	}
	return f.list, nil
}

// BootID names this boot of the system by the second in which it began; "" when it cannot be told.
func BootID() string {
	at, err := host.BootTime()
	if err != nil {
		return ""
	}
	return strconv.FormatUint(at, 10)
}

// Hostname is the machine's name.
func Hostname() string { return hostname() }

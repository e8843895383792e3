package probe

import (
	"context"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// files writes a host's file system; a name that ends in @ is a symbolic link.
func files(t testing.TB, list map[string]string) tree {
	t.Helper()
	dir := t.TempDir()
	for name, text := range list {
		name, link := strings.CutSuffix(name, " ->")
		path := filepath.Join(dir, name)
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		if err == nil && link {
			err = os.Symlink(text, path)
		} else if err == nil {
			err = os.WriteFile(path, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return tree(dir)
}

func collected(t testing.TB, list []Collector) map[string]string {
	t.Helper()
	r := Collect(t.Context(), list, nil)
	if len(r.Failed) > 0 {
		t.Errorf("not read: %v", r.Failed)
	}
	out := map[string]string{}
	for _, f := range r.Facts {
		if _, twice := out[f.Path]; !f.Volatile && !twice {
			out[f.Path] = f.Value
		}
	}
	return out
}

func host(t testing.TB) tree {
	return files(t, map[string]string{
		"etc/os-release":                   "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian 12\"\n",
		"proc/sys/kernel/hostname":         "web-1\n",
		"proc/sys/kernel/osrelease":        "6.1.0-18-amd64\n",
		"proc/cmdline":                     "root=/dev/vda1 secret=CANARY-cmdline\n",
		"etc/hosts":                        "127.0.0.1 localhost\n10.0.0.5 web-1.example.com web-1\n",
		"etc/machine-id":                   "0123456789abcdef0123456789abcdef\n",
		"etc/passwd":                       "root:x:0:0:CANARY-comment:/root:/bin/bash\neve:$6$CANARY-hash:1001:1001::/home/eve:/bin/sh\nbroken\n",
		"etc/shadow":                       "root:$6$CANARY-shadow:19000:0:99999:7:::\n",
		"etc/group":                        "sudo:x:27:eve,bob\nroot:$6$CANARY-group:0:\n",
		"proc/cpuinfo":                     "processor\t: 0\nmodel name\t: A CPU\n\nprocessor\t: 1\nmodel name\t: A CPU\n",
		"proc/meminfo":                     "MemTotal:       2048 kB\nMemAvailable:   1000 kB\n",
		"sys/class/dmi/id/product_uuid":    "AAAA-BBBB\n",
		"var/lib/dpkg/status":              "Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.2-1\n\nPackage: gone\nStatus: deinstall ok config-files\nVersion: 1\nArchitecture: all\n\nPackage: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.36\n\nPackage: libc6\nStatus: hold ok installed\nArchitecture: i386\nVersion: 2.36\n",
		"usr/lib/systemd/system/a.service": "[Service]\nEnvironment=PASSWORD=CANARY-unit\n",
		"usr/lib/systemd/system/b.service": "",
		"etc/systemd/system/b.service ->":  "/dev/null",
		"etc/systemd/system/multi-user.target.wants/a.service ->": "/usr/lib/systemd/system/a.service",
		"sys/fs/cgroup/system.slice/a.service/cgroup.procs":       "77\n",
		"proc/77/environ":            "TOKEN=CANARY-environ",
		"proc/77/cmdline":            "/usr/sbin/sshd\x00--password=CANARY-args",
		"proc/77/exe ->":             "/usr/sbin/sshd",
		"proc/77/fd/3 ->":            "socket:[4242]",
		"proc/net/tcp":               "  sl  local_address rem_address   st\n   0: 0100007F:0016 00000000:0000 0A 0:0 0:0 0 0 0 4242 1\n   1: 0100007F:1F90 0200007F:1234 01 0:0 0:0 0 0 0 4243 1\n",
		"proc/net/udp":               "  sl\n   0: 00000000:0035 00000000:0000 07 0:0 0:0 0 0 0 9 1\n   1: 00000000:C000 00000000:0000 07 0:0 0:0 0 0 0 10 1\n",
		"proc/net/route":             "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\neth0\t00000000\t0100000A\t3\t0\t0\t0\t00000000\n",
		"proc/self/mountinfo":        "1 0 8:1 / / ro,nosuid - ext4 /dev/vda1 rw\n",
		"proc/1/mountinfo":           "1 0 8:1 / / rw,relatime - ext4 /dev/vda1 rw\n2 1 0:5 / /srv/my\\040files rw,nosuid - cifs //nas/x rw,username=eve,password=CANARY-mount\n3 1 0:6 / /proc rw - proc proc rw\n",
		"sys/block/vda/size":         "2048\n",
		"sys/block/loop0/size":       "8\n",
		"etc/resolv.conf":            "nameserver 10.0.0.53\nnameserver 10.0.0.54\nsearch example.com\n",
		"etc/chrony/chrony.conf":     "# comment\npool ntp.example.com iburst\nserver time.example.com key 1\nkeyfile /etc/chrony/CANARY-keys\n",
		"etc/systemd/timesyncd.conf": "[Time]\nNTP=a.example.com b.example.com\n#FallbackNTP=c\n",
		"etc/localtime ->":           "/usr/share/zoneinfo/Europe/Vienna",
	})
}

func TestAHostIsReadFromItsFiles(t *testing.T) {
	t.Parallel()
	got := collected(t, host(t).collectors())
	for path, want := range map[string]string{
		"system.os.id": `"debian"`, "system.os.version": `"12"`, "system.hostname": `"web-1"`, "system.fqdn": `"web-1.example.com"`,
		"system.kernel": `"6.1.0-18-amd64"`, "system.machine-id": `"0123456789abcdef0123456789abcdef"`,
		"hardware.cpu.count": "2", "hardware.cpu.model": `"A CPU"`, "hardware.memory.kib": "2048", "hardware.dmi.product-uuid": `"AAAA-BBBB"`,
		"user.eve.uid": `"1001"`, "user.eve.shell": `"/bin/sh"`, "group.sudo.members": `["bob","eve"]`,
		"package.bash": `"5.2-1 amd64"`, "package.libc6": `["2.36 amd64","2.36 i386"]`, "package.gone": "",
		"service.a.service": `"enabled"`, "service.b.service": `"masked"`, "service.running": `["a.service"]`,
		"listener.tcp.127.0.0.1:22": `["sshd"]`, "listener.tcp.127.0.0.1:8080": "", "listener.udp.0.0.0.0:53": `["unknown"]`, "listener.udp.0.0.0.0:49152": "",
		"route.0.0.0.0/0": `["10.0.0.1 eth0"]`, "mount./.type": `"ext4"`, "mount./.options": `["relatime","rw"]`, "mount./srv/my files.type": `"cifs"`, "mount./proc.type": "",
		"mount./srv/my files.options": `["nosuid","password=…","rw","username=eve"]`,
		"disk.vda.bytes":              "1048576", "disk.loop0.bytes": "",
		"dns.servers": `"10.0.0.53 10.0.0.54"`, "dns.search": `"example.com"`,
		"time.chrony": `["pool ntp.example.com","server time.example.com"]`, "time.timesyncd": `["NTP a.example.com","NTP b.example.com"]`,
		"time.zone": `"Europe/Vienna"`,
	} {
		if got[path] != want {
			t.Errorf("%s is %s, want %s", path, got[path], want)
		}
	}
}

func TestNoSecretOfAHostIsAmongItsFacts(t *testing.T) {
	t.Parallel()
	for path, v := range collected(t, host(t).collectors()) {
		if strings.Contains(path+v, "CANARY") {
			t.Errorf("%s is %s", path, v)
		}
	}
}

// The reader of dpkg's database is compared with dpkg itself.
func TestPackagesAreThoseThatDpkgLists(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("dpkg-query", "-W", "-f", "${db:Status-Status} ${Package} ${Version} ${Architecture}\n").Output()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		w := strings.Fields(line)
		if len(w) == 4 && w[0] == "installed" {
			want[w[1]] = append(want[w[1]], w[2]+" "+w[3])
		}
	}
	got := collected(t, []Collector{{"package", tree("/").packages}})
	if len(got) != len(want) || len(want) < 50 {
		t.Errorf("%d packages, dpkg lists %d", len(got), len(want))
	}
	for name, versions := range want {
		slices.Sort(versions)
		if v := got["package."+name]; len(versions) == 1 && v != quote(versions[0]) {
			t.Errorf("%s is %s, dpkg says %v", name, v, versions)
		}
	}
}

func TestOneCollectorThatFailsCostsOnlyItsOwnFacts(t *testing.T) {
	t.Parallel()
	good := Collector{"good", func(context.Context) ([]Fact, error) { return []Fact{{Path: "good.a", Value: "1"}}, nil }}
	bad := Collector{"bad", func(context.Context) ([]Fact, error) { return nil, errors.New("no") }}
	n := 0
	r := Collect(t.Context(), []Collector{bad, good, good, good}, func() error {
		if n++; n > 2 {
			return errors.New("no time")
		}
		return nil
	})
	if len(r.Facts) != 1 || !maps.Equal(r.Failed, map[string]string{"bad": "no", "good": "no time"}) {
		t.Errorf("%+v", r)
	}
}

func TestHostileNamesBecomeTextThatCanBeShown(t *testing.T) {
	t.Parallel()
	f := &facts{name: "x"}
	f.text("a\x00\x1b[31mb", "v\xff\n"+strings.Repeat("é", 1000))
	f.set("s", []string{"b", "a", "b", "", "\x07"})
	if got := f.list[0]; got.Path != "x.a[31mb" || len(got.Value) > maxText+10 || !utf8.ValidString(got.Value) || strings.ContainsAny(got.Value, "\x00\x1b\n") {
		t.Errorf("%+q", got.Path+" "+got.Value)
	}
	if got := f.list[1]; got.Value != `["a","b"]` {
		t.Errorf("%+q", got.Path+" "+got.Value)
	}
}

// A container gives no look at the mounts of its first process; those of the agent itself are read then.
func TestMountsAreTheAgentsOwnWhereTheHostsCannotBeRead(t *testing.T) {
	t.Parallel()
	got := collected(t, []Collector{{"mount", files(t, map[string]string{"proc/self/mountinfo": "1 0 8:1 / / rw - ext4 /dev/vda1 rw\n"}).mounts}})
	if got["mount./.type"] != `"ext4"` {
		t.Errorf("%v", got)
	}
}

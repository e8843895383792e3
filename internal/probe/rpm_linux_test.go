package probe

import (
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// rpmHost is a host whose packages a real rpm wrote down: one with an epoch, one in two versions.
func rpmHost(t testing.TB) (tree, string) {
	t.Helper()
	dir := t.TempDir()
	run := func(name string, args ...string) string {
		cmd := exec.Command(name, args...)
		cmd.Env = append(os.Environ(), "HOME="+dir)
		out, err := cmd.Output()
		if err != nil {
			var failed *exec.ExitError
			errors.As(err, &failed)
			t.Fatalf("%s %v: %v %s", name, args, err, failed.Stderr)
		}
		return string(out)
	}
	root := filepath.Join(dir, "host")
	for _, spec := range []string{"Name: alpha\nVersion: 1.2\n", "Name: beta\nEpoch: 4\nVersion: 2.0~rc1\n", "Name: kernel\nVersion: 5\n", "Name: kernel\nVersion: 6\n"} {
		at := filepath.Join(dir, "x.spec")
		text := spec + "Release: 3.el9\nSummary: s\nLicense: none\nBuildArch: noarch\n%description\nd\n%files\n"
		if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		top := t.TempDir()
		run("rpmbuild", "--define", "_topdir "+top, "--dbpath", filepath.Join(dir, "none"), "-bb", at)
		built, err := filepath.Glob(filepath.Join(top, "RPMS/noarch/*.rpm"))
		if err != nil || len(built) != 1 {
			t.Fatalf("%v %v", built, err)
		}
		run("rpm", "--root", root, "--dbpath", "/var/lib/rpm", "-i", "--justdb", "--nodeps", "--noscripts", "--oldpackage", built[0])
	}
	return tree(root), run("rpm", "--dbpath", filepath.Join(root, "var/lib/rpm"), "-qa", "--qf", "%{NAME} %|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE} %{ARCH}\n")
}

// The reader of rpm's database is compared with rpm itself.
func TestPackagesAreThoseThatRpmLists(t *testing.T) {
	t.Parallel()
	host, list := rpmHost(t)
	want := map[string][]string{}
	for line := range strings.Lines(list) {
		name, version, _ := strings.Cut(strings.TrimSpace(line), " ")
		want[name] = append(want[name], version)
	}
	held := map[string][]string{}
	if err := host.rpm(t.Context(), held); err != nil {
		t.Fatal(err)
	}
	for name := range want {
		slices.Sort(want[name])
		slices.Sort(held[name])
	}
	if fmt.Sprint(held) != fmt.Sprint(want) || len(want["kernel"]) != 2 || want["beta"][0] != "4:2.0~rc1-3.el9 noarch" {
		t.Errorf("read %v, rpm lists %v", held, want)
	}
	got := collected(t, []Collector{{"package", host.packages}})
	if got["package.beta"] != `"4:2.0~rc1-3.el9 noarch"` || got["package.kernel"] != `["5-3.el9 noarch","6-3.el9 noarch"]` {
		t.Errorf("the facts are %v", got)
	}
}

// A reader leaves no file beside the database: the agent's unit could not make one, and nobody wants one there.
func TestReadingRpmsDatabaseLeavesItAsItWas(t *testing.T) {
	t.Parallel()
	host, _ := rpmHost(t)
	look := func() string {
		var out strings.Builder
		for _, n := range host.names("var/lib/rpm") {
			s, err := os.Stat(host.at("var/lib/rpm/" + n))
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintln(&out, n, s.Size(), s.ModTime())
		}
		return out.String()
	}
	for _, n := range []string{"rpmdb.sqlite-wal", "rpmdb.sqlite-shm"} {
		if err := os.Remove(host.at("var/lib/rpm/" + n)); err != nil {
			t.Fatal(err)
		}
	}
	before := look()
	collected(t, []Collector{{"package", host.packages}})
	if after := look(); after != before {
		t.Errorf("it was\n%s and is\n%s", before, after)
	}
}

// A writer at work leaves what it committed in the log beside the database. It is read from there.
func TestWhatIsOnlyInTheLogOfRpmsDatabaseIsRead(t *testing.T) {
	t.Parallel()
	host, _ := rpmHost(t)
	pool, err := sql.Open("sqlite", "file:"+host.at("var/lib/rpm/rpmdb.sqlite"))
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if _, err := pool.Exec("INSERT INTO Packages (blob) VALUES (?)", header("gamma", "7", "1", "x86_64")); err != nil {
		t.Fatal(err)
	}
	if s, err := os.Stat(host.at("var/lib/rpm/rpmdb.sqlite-wal")); err != nil || s.Size() == 0 {
		t.Fatalf("nothing is in the log: %v %v", s, err)
	}
	if got := collected(t, []Collector{{"package", host.packages}}); got["package.gamma"] != `"7-1 x86_64"` {
		t.Errorf("%v", got)
	}
}

// No package at all would be a lie about a host whose database is not understood.
func TestARpmDatabaseThatIsNotReadIsNamed(t *testing.T) {
	t.Parallel()
	for name, list := range map[string]map[string]string{
		"Berkeley DB": {"var/lib/rpm/Packages": "\x00"}, "ndb": {"usr/lib/sysimage/rpm/Packages.db": "RpmP"}, "no SQLite": {"var/lib/rpm/rpmdb.sqlite": "x"},
	} {
		r := Collect(t.Context(), []Collector{{"package", files(t, list).packages}}, nil)
		if r.Failed["package"] == "" {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// header makes one as rpm writes it.
func header(texts ...string) []byte {
	var index, data []byte
	for i, s := range texts {
		for _, n := range []uint32{[]uint32{tagName, tagVersion, tagRelease, tagArch}[i], typeString, uint32(len(data)), 1} {
			index = binary.BigEndian.AppendUint32(index, n)
		}
		data = append(append(data, s...), 0)
	}
	b := binary.BigEndian.AppendUint32(nil, uint32(len(texts)))
	return append(append(binary.BigEndian.AppendUint32(b, uint32(len(data))), index...), data...)
}

func FuzzReadHeader(f *testing.F) {
	f.Add(header("alpha", "1", "2", "noarch"))
	f.Add(header("", "1"))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := readHeader(b)
		if err == nil && (p.name == "" || len(p.wording()) > len(b)+12) {
			t.Errorf("%+v out of %d bytes", p, len(b))
		}
	})
}

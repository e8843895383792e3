package probe

import (
	"context"
	"path"
	"slices"
	"strings"
)

// packages reads the databases of the package managers: dpkg's and apk's, which are texts, and rpm's.
func (t tree) packages(ctx context.Context) ([]Fact, error) {
	f := &facts{name: "package"}
	held := map[string][]string{} // versions by name
	for _, read := range []func() error{
		func() error { return t.dpkg(held) }, func() error { return t.rpm(ctx, held) }, func() error { return t.apk(held) },
	} {
		if err := read(); err != nil {
			return nil, err
		}
	}
	for name, versions := range held {
		if len(versions) == 1 {
			f.text(name, versions[0])
		} else {
			f.set(name, versions)
		}
	}
	return f.list, nil
}

// dpkg notes every package that is installed, with its architecture.
func (t tree) dpkg(held map[string][]string) error {
	const database = "var/lib/dpkg/status"
	if !t.has(database) {
		return nil
	}
	var name, version, arch, status string
	done := func() {
		if name != "" && strings.HasSuffix(status, " installed") {
			held[name] = append(held[name], version+" "+arch)
		}
		name, version, arch, status = "", "", "", ""
	}
	err := t.lines(database, func(s string) {
		if s == "" {
			done()
			return
		}
		k, v, _ := strings.Cut(s, ": ")
		switch k {
		case "Package":
			name = v
		case "Version":
			version = v
		case "Architecture":
			arch = v
		case "Status":
			status = v
		}
	})
	done()
	return err
}

func (t tree) apk(held map[string][]string) error {
	const database = "lib/apk/db/installed"
	if !t.has(database) {
		return nil
	}
	name := ""
	return t.lines(database, func(s string) {
		k, v, _ := strings.Cut(s, ":")
		switch k {
		case "P":
			name = v
		case "V":
			held[name] = append(held[name], v)
		}
	})
}

// unitDirs are where systemd looks for units, the strongest word first.
var unitDirs = []string{"etc/systemd/system", "run/systemd/system", "usr/lib/systemd/system", "lib/systemd/system"}

// services reads systemd's units from its own folders: whether a service starts by itself, is masked, and runs.
func (t tree) services(context.Context) ([]Fact, error) {
	f := &facts{name: "service"}
	state := map[string]string{}
	for _, dir := range slices.Backward(unitDirs) {
		for _, n := range t.names(dir) {
			switch {
			case path.Ext(n) != ".service" && path.Ext(n) != ".timer" && path.Ext(n) != ".socket" || strings.Contains(n, "@"):
			case t.link(dir+"/"+n) == "/dev/null":
				state[n] = "masked"
			case state[n] == "":
				state[n] = "present"
			}
		}
	}
	for _, dir := range unitDirs[:1] {
		for _, n := range t.names(dir) {
			if !strings.HasSuffix(n, ".wants") && !strings.HasSuffix(n, ".requires") {
				continue
			}
			for _, unit := range t.names(dir + "/" + n) {
				if state[unit] != "masked" && path.Ext(unit) != ".target" {
					state[unit] = "enabled"
				}
			}
		}
	}
	for unit, s := range state {
		if s != "present" { // what is only there starts when somebody asks for it
			f.text(unit, s)
		}
	}
	f.set("running", t.running())
	return f.list, nil
}

// running lists the services that have a process now, by their control groups.
func (t tree) running() []string {
	var out []string
	for _, slice := range []string{"sys/fs/cgroup/system.slice", "sys/fs/cgroup/systemd/system.slice"} {
		for _, n := range t.names(slice) {
			if strings.HasSuffix(n, ".service") && t.line(slice+"/"+n+"/cgroup.procs") != "" {
				out = append(out, n)
			}
		}
	}
	return out
}

// users reads who can be on the host. Of a password it is not even said whether there is one.
func (t tree) users(context.Context) ([]Fact, error) {
	f := &facts{name: "user"}
	err := t.lines("etc/passwd", func(s string) {
		w := strings.Split(s, ":")
		if len(w) != 7 {
			return
		}
		f.text(w[0]+".uid", w[2])
		f.text(w[0]+".gid", w[3])
		f.text(w[0]+".home", w[5])
		f.text(w[0]+".shell", w[6])
	})
	return f.list, err
}

func (t tree) groups(context.Context) ([]Fact, error) {
	f := &facts{name: "group"}
	err := t.lines("etc/group", func(s string) {
		w := strings.Split(s, ":")
		if len(w) != 4 {
			return
		}
		f.text(w[0]+".gid", w[2])
		f.set(w[0]+".members", strings.Split(w[3], ","))
	})
	return f.list, err
}

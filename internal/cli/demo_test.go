package cli

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// demoFolder is a folder as a kept demo leaves it.
func demoFolder(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "demo")
	d := &demo{dir: dir}
	if err := d.write(sampleMark, dir+"\n", 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.write("project/main.tf", "# sample\n", 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func removing(dir string) (code int, out string) {
	var errs bytes.Buffer
	code = Main([]string{"demo", "--remove", dir}, strings.NewReader(""), &bytes.Buffer{}, &errs)
	return code, errs.String()
}

func TestADemoIsRemovedWithAllThatItMade(t *testing.T) {
	t.Parallel()
	dir := demoFolder(t)
	if code, out := removing(dir); code != 0 {
		t.Fatalf("exit %d: %s", code, out)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the folder is still there: %v", err)
	}
}

func TestNothingButADemoThatStoppedIsRemoved(t *testing.T) {
	t.Parallel()
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "plumb.db"), []byte("real"), 0o600); err != nil {
		t.Fatal(err)
	}
	moved := filepath.Join(t.TempDir(), "moved") // a copy of a demo's data under another name may be somebody's work
	if err := os.Rename(demoFolder(t), moved); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{other, moved, filepath.Join(other, "none")} {
		if code, out := removing(dir); code == 0 || !strings.Contains(out, "does not hold a demo") {
			t.Errorf("%s: exit %d: %s", dir, code, out)
		}
	}
	for _, file := range []string{filepath.Join(other, "plumb.db"), filepath.Join(moved, "project", "main.tf")} {
		if _, err := os.Stat(file); err != nil {
			t.Error(err)
		}
	}
	running := demoFolder(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := os.WriteFile(filepath.Join(running, "ready.json"), []byte(`{"url":"http://`+l.Addr().String()+`","pid":1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out := removing(running); code == 0 || !strings.Contains(out, "still runs") {
		t.Errorf("a running demo: exit %d: %s", code, out)
	}
	if _, err := os.Stat(running); err != nil {
		t.Error(err)
	}
}

// A part of the sample company that cannot be set up is named with the reason, and the others are set up all the same.
func TestTheDemoNamesWhatCouldNotBeSetUp(t *testing.T) {
	t.Parallel()
	d := &demo{dir: t.TempDir(), app: &app{}, self: "/bin/sh"} // each command is a script of that name
	script := "case \"$0 $*\" in\n*'cache size'*) echo 'unavailable: no room [disk_low]' >&2; echo '  id    req_1' >&2; exit 9;;\n" +
		"'source add'*) exit 3;;\n*) echo '{\"id\":\"CHG-000001\"}';;\nesac\n"
	for _, name := range []string{"asset", "campaign", "change", "evidence", "freeze", "gate", "reconcile", "source"} {
		if err := d.write("project/"+name, script, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	failed := d.furnish(t.Context())
	if len(failed) != 2 {
		t.Fatalf("failed: %v", failed)
	}
	for i, want := range []string{`the change "New cache size": .*unavailable: no room \[disk_low\]`, `the hosts, .*source add racks csv as olga ended with 3`} {
		if !regexp.MustCompile(want).MatchString(failed[i].Error()) {
			t.Errorf("%q, want %s", failed[i], want)
		}
	}
}

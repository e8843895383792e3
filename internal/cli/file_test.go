package cli

import (
	"os"
	"path/filepath"
	"testing"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/wire"
)

func TestTheVaultTakesRegularFilesOnly(t *testing.T) {
	t.Parallel()
	v, err := newVault()
	if err != nil {
		t.Fatal(err)
	}
	defer v.close()
	if info, err := os.Stat(v.dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the vault is %v, %v", info.Mode(), err)
	}
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	full := write("full", "text")
	for name, path := range map[string]string{"empty": write("empty", ""), "folder": dir, "absent": filepath.Join(dir, "no")} {
		if _, _, err := v.copy(path, 100); fault.Of(err).Kind != fault.Invalid {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, _, err := v.copy(full, 3); fault.Of(err).Kind != fault.TooLarge {
		t.Errorf("too large: got %v", err)
	}
	copied, digest, err := v.copy(full, 4)
	if err != nil || digest != "sha256:982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1" {
		t.Fatalf("got %s, %v", digest, err)
	}
	write("full", "other")
	if b, err := os.ReadFile(copied); err != nil || string(b) != "text" {
		t.Errorf("the copy follows the original: %q, %v", b, err)
	}
	if err := v.intact(); err != nil {
		t.Error(err)
	}
	if err := os.Chmod(copied, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(copied, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := v.intact(); err == nil {
		t.Error("a changed copy passes for intact")
	}
}

func TestTheFirstArgumentThatIsTheFileIsTheFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := func(name, text string) string {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	good, bad, renamed := path("good/a.conf", "text"), path("bad/a.conf", "evil"), path("x/b.conf", "text")
	const digest = "sha256:982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1"
	for name, c := range map[string]struct {
		argv []string
		kept []int // arguments that stay as they are
		want bool  // the approved bytes are presented
	}{
		"installed":                  {[]string{"cp", good, "/etc/a.conf"}, []int{2}, true},
		"over an older one":          {[]string{"cp", good, bad}, []int{2}, true},
		"another file of that name":  {[]string{"cp", bad, good}, []int{2}, false},
		"renamed, the same bytes":    {[]string{"cp", renamed, bad}, []int{2}, true},
		"as the value of an option":  {[]string{"cp", "--from=" + good, "x"}, []int{2}, true},
		"named by nothing":           {[]string{"cp", "x", "y"}, []int{1, 2}, false},
		"the command's name is none": {[]string{"a.conf"}, nil, false},
	} {
		v, err := newVault()
		if err != nil {
			t.Fatal(err)
		}
		j := &job{argv: append([]string{}, c.argv...)}
		err = (&app{}).fileJob(j, []wire.Binding{{Kind: "config-file", Name: "a.conf", Digest: digest}}, v)
		presented := len(j.observed) == 1 && j.observed[0] == wire.Observed{Kind: "config-file", Name: j.observed[0].Name, Digest: digest}
		if presented != c.want || err != nil && c.kept != nil {
			t.Errorf("%s: presents %v, %v", name, j.observed, err)
		}
		for _, i := range c.kept {
			if j.argv[i] != c.argv[i] {
				t.Errorf("%s: argument %d became %s", name, i, j.argv[i])
			}
		}
		if err := v.close(); err != nil {
			t.Error(err)
		}
	}
}

// FuzzRequestFile: any text is a request or a refusal with exit 2, never something else.
func FuzzRequestFile(f *testing.F) {
	for _, s := range []string{"type: normal\ncategory: deploy\nsummary: s\n", `{"type":"normal"}`, "a: &x [1]\nb: *x", "type: [", "window: {from: 2026-01-02T00:00:00Z}", "\xff", "type: normal\ntype: normal", "rollback: {binding: {kind: x}}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var m wire.Material
		if err := decodeFile("f", raw, &m); err != nil && codeOf(err, false) != wire.ExitUsage {
			t.Fatalf("%q: %v", raw, err)
		}
	})
}

package document_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/connect/document"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
)

const canary = "AKIAIOSFODNN7EXAMPLE"

func mask(secret string) inventory.Value {
	return inventory.Text(fmt.Sprintf("hmac:%d", len(secret)))
}

// endless never ends, as a sender could.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	return len(p), nil
}

// Half a document must not be taken for a whole one: past the bound is an error, not an end.
func TestAnEndlessDocumentIsRefusedAndNotCutOff(t *testing.T) {
	t.Parallel()
	n, err := io.Copy(io.Discard, document.Bound(endless{}))
	if !fault.Is(err, "document_too_large") || n > document.Most {
		t.Errorf("%d bytes were passed on, %v", n, err)
	}
	whole := strings.Repeat("a", 1000)
	if b, err := io.ReadAll(document.Bound(strings.NewReader(whole))); err != nil || string(b) != whole {
		t.Errorf("a short one: %d bytes, %v", len(b), err)
	}
}

func TestWhatIsNoTextOrNoObjectIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "[]", `"x"`, "null", "{", `{"a":1,"a":2}`, "{\"a\":\"\xff\"}", `{"a":1}{"b":2}`} {
		if o, err := document.Read(strings.NewReader(text)); err == nil {
			t.Errorf("%q was read as %v", text, o)
		}
	}
	if o, err := document.Read(strings.NewReader("\uFEFF{\"a\":[\"x\",2,true,null]}")); err != nil || len(o.List("a")) != 4 || len(o.Texts("a")) == 0 {
		t.Errorf("an object behind a byte order mark: %v, %v", o, err)
	}
	if _, err := document.Read(nil); err == nil {
		t.Error("nothing was read as something")
	}
}

// What stands under a secret's name, and what looks like a secret wherever it stands, becomes its keyed digest.
func TestNoSecretBecomesAProperty(t *testing.T) {
	t.Parallel()
	o, err := document.ParseObject([]byte(`{"db":{"password":"` + canary + `","host":"db-1","tokens":{"ci":"` + canary + `"}},
		"note":"the key is ` + canary + ` for now","list":["a","` + canary + `"],"ports":[22,80]}`))
	if err != nil {
		t.Fatal(err)
	}
	into := map[string]inventory.Value{}
	for name, v := range o {
		if err := document.Masker(mask).Flatten(into, name, v); err != nil {
			t.Fatal(err)
		}
	}
	for path, v := range into {
		if strings.Contains(string(v), canary) || strings.Contains(path, canary) {
			t.Errorf("%s = %s", path, v)
		}
	}
	if into["db.host"] != inventory.Text("db-1") || into["db.password"] != mask(canary) {
		t.Errorf("flattened to %v", into)
	}
	if got := document.Masker(nil).Value("password", "x"); strings.Contains(string(got), `"x"`) {
		t.Errorf("without a key it is %s", got)
	}
	if document.Masker(mask).Value("password", "one") == inventory.Text("one") {
		t.Error("a named secret was kept")
	}
}

// githubToken has the form of a token: it is none.
const githubToken = "ghp_" + "0A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r"

// A version is no secret, whatever its package is called; what stands among packages and is no version still is one.
func TestTheVersionOfAPackageIsNoSecret(t *testing.T) {
	t.Parallel()
	m := document.Masker(mask)
	into := map[string]inventory.Value{}
	for path, text := range map[string]string{
		"package.passwd": `"1:4.13+dfsg1-1+deb12u1"`, "package.base-passwd": `"3.6.1"`, "version": `"v0.0.0-20190308221718-c2843e01d9a2"`,
		"packages":  `{"xauth":"1:1.1.2-1","python3-jwt":{"version":"2.6.0-1","arch":"all"},"tokens":4}`,
		"installed": `{"packages":["passwd=1:4.13+dfsg1-1","secret-tool=0.20.5"]}`,
		"pkgs":      `{"passwd":"` + canary + `","jwt":"hunter2.hunter2"}`, "passwd": `"1:4.13"`,
		"api.version": `"1.` + githubToken + `"`, "software.db.password": `"4f9a81c02e"`, "dependencies.token": `"7gQz.8dk2LmXpW0e"`, "software.passwd": `"2024b"`,
	} {
		if err := m.Flatten(into, path, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]inventory.Value{
		"package.passwd": inventory.Text("1:4.13+dfsg1-1+deb12u1"), "package.base-passwd": inventory.Text("3.6.1"),
		"version": inventory.Text("v0.0.0-20190308221718-c2843e01d9a2"), "packages.xauth": inventory.Text("1:1.1.2-1"),
		"packages.python3-jwt.version": inventory.Text("2.6.0-1"), "packages.python3-jwt.arch": inventory.Text("all"), "packages.tokens": "4",
		"installed.packages": inventory.Set("passwd=1:4.13+dfsg1-1", "secret-tool=0.20.5"),
		"pkgs.passwd":        mask(canary), "pkgs.jwt": mask("hunter2.hunter2"), "passwd": mask("1:4.13"),
		"api.version": mask("1." + githubToken), "software.db.password": mask("4f9a81c02e"), "dependencies.token": mask("7gQz.8dk2LmXpW0e"),
		"software.passwd": inventory.Text("2024b"),
	} {
		if into[path] != want {
			t.Errorf("%s is %s, want %s", path, into[path], want)
		}
	}
}

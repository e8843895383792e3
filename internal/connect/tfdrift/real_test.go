package tfdrift

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hetznercloud/hcloud-go/v2/hcloud/schema"

	"plumbline.dev/plumb/internal/connect/hetzner"
	"plumbline.dev/plumb/internal/connect/hetzner/hetznertest"
	"plumbline.dev/plumb/internal/connect/tfstate"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/seal"
)

// provider is the provider of these tests, built once.
var provider = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "provider")
	if err != nil {
		return "", err
	}
	out, err := exec.Command("go", "build", "-o", filepath.Join(dir, "terraform-provider-hcloud"), "plumbline.dev/plumb/internal/connect/hetzner/terraform-provider-hcloud").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build provider: %w\n%s", err, out)
	}
	return dir, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := provider(); err == nil {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

// bench is a folder with a configuration, a real tool and a cloud on loopback.
type bench struct {
	t     *testing.T
	tool  string
	dir   string
	env   []string
	cloud *hetznertest.Cloud
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, dir: t.TempDir(), cloud: hetznertest.Start(t)}
	for _, name := range []string{"terraform", "tofu"} {
		if path, err := exec.LookPath(name); err == nil && b.tool == "" {
			b.tool = path
		}
	}
	if b.tool == "" {
		t.Fatal("neither terraform nor tofu is on PATH; run scripts/with-terraform go test ./internal/connect/tfdrift")
	}
	at, err := provider()
	if err != nil {
		t.Fatal(err)
	}
	b.write("cli.tfrc", fmt.Sprintf("provider_installation {\n  dev_overrides {\n    \"plumbline.dev/test/hcloud\" = %q\n  }\n}\n", at))
	b.env = append(os.Environ(), "TF_CLI_CONFIG_FILE="+filepath.Join(b.dir, "cli.tfrc"), "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1",
		"HCLOUD_ENDPOINT="+b.cloud.URL, "HCLOUD_TOKEN="+b.cloud.Token)
	return b
}

func (b *bench) write(name, text string) {
	b.t.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, name), []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// configure writes the configuration.
func (b *bench) configure(resources string) {
	b.t.Helper()
	b.write("main.tf", "terraform {\n  required_providers {\n    hcloud = {\n      source = \"plumbline.dev/test/hcloud\"\n    }\n  }\n}\n"+resources)
}

// server is one resource of the configuration.
func server(address, image, labels string) string {
	return fmt.Sprintf("resource \"hcloud_server\" %q {\n  name          = %q\n  server_type   = \"cx22\"\n  image         = %q\n  root_password = \"canary-root-password\"\n  labels        = { %s }\n}\n",
		address, address, image, labels)
}

func (b *bench) run(args ...string) []byte {
	b.t.Helper()
	cmd := exec.CommandContext(b.t.Context(), b.tool, args...)
	cmd.Dir, cmd.Env = b.dir, b.env
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		b.t.Fatalf("%s %s: %v\n%s%s", filepath.Base(b.tool), strings.Join(args, " "), err, out, errs.String())
	}
	return out
}

func (b *bench) apply() { b.t.Helper(); b.run("apply", "-auto-approve", "-input=false", "-no-color") }

// plan makes a plan and gives it as JSON.
func (b *bench) plan(args ...string) []byte {
	b.t.Helper()
	b.run(append([]string{"plan", "-input=false", "-no-color", "-out=saved"}, args...)...)
	return b.run("show", "-json", "saved")
}

// things is records by native id.
type things map[string]inventory.Record

func (b *bench) read(k inventory.Kind, document []byte, settings map[string]string) things {
	b.t.Helper()
	in := inventory.Input{Settings: settings, Mask: func(s string) inventory.Value {
		return inventory.Text("hmac:" + seal.Keyed([]byte("key of the test"), s))
	}}
	if document != nil {
		in.Document = bytes.NewReader(document)
	}
	s, err := k.Open(in)
	if err != nil {
		b.t.Fatal(err)
	}
	out := things{}
	if err := s.Collect(b.t.Context(), func(r inventory.Record) error {
		if _, twice := out[r.Native]; twice {
			return fmt.Errorf("%s came twice", r.Native)
		}
		out[r.Native] = r
		return nil
	}); err != nil {
		b.t.Fatal(err)
	}
	if strings.Contains(fmt.Sprintf("%+v", out), "canary") {
		b.t.Error("a secret is in a record")
	}
	return out
}

func (b *bench) state() things {
	b.t.Helper()
	raw, err := os.ReadFile(filepath.Join(b.dir, "terraform.tfstate"))
	if err != nil {
		b.t.Fatal(err)
	}
	if !bytes.Contains(raw, []byte("canary-root-password")) {
		b.t.Fatal("the state holds no secret, so this shows nothing")
	}
	return b.read(tfstate.Kind(), raw, map[string]string{"workspace": "default"})
}

func (b *bench) drift(document []byte) things {
	b.t.Helper()
	return b.read(Kind(), document, map[string]string{"workspace": "default", "lineage": "shop"})
}

func (b *bench) real() things {
	b.t.Helper()
	return b.read(hetzner.Kind(), nil, map[string]string{"project": "shop", "token": b.cloud.Token, "endpoint": b.cloud.URL})
}

func managed(r inventory.Record) string {
	for _, e := range r.Edges {
		if e.Verb == "MANAGES" {
			return e.To.Value
		}
	}
	return ""
}

// Create, update and replace by a real tool: the address stays, and leads to the thing that the cloud's own source knows.
func TestARealStateLeadsToTheRealThings(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.configure(server("web", "debian-12", `environment = "prod"`) + server("db", "debian-12", `environment = "prod"`))
	b.apply()
	first := b.state()
	if len(first) != 2 {
		t.Fatalf("%d records", len(first))
	}
	cloud := b.real()
	for _, r := range first {
		id := strings.TrimPrefix(managed(r), "hcloud:server:")
		if is, ok := cloud[id]; !ok || !slices.Contains(is.IDs, inventory.Identifier{Kind: "cloud-id", Value: managed(r)}) || "hcloud_server."+is.Name != r.Native {
			t.Errorf("%s manages %s, which is not in the cloud: %+v", r.Native, managed(r), is)
		}
		if len(r.IDs) != 0 || r.Labels["environment"] != "prod" || !strings.Contains(string(r.Attrs["root_password"]), "hmac:") {
			t.Errorf("%+v", r)
		}
	}
	shown := b.read(tfstate.Kind(), b.run("show", "-json"), map[string]string{"workspace": "default", "lineage": strings.TrimSuffix(first["hcloud_server.web"].Scope, "/default")})
	if diff := cmp.Diff(first, shown); diff != "" {
		t.Errorf("the state file and show -json differ: %s", diff)
	}

	b.configure(server("web", "debian-12", `environment = "test"`) + server("db", "debian-13", `environment = "prod"`))
	b.apply()
	then := b.state()
	if managed(then["hcloud_server.web"]) != managed(first["hcloud_server.web"]) || then["hcloud_server.web"].Labels["environment"] != "test" {
		t.Error("an update in place is another thing")
	}
	if managed(then["hcloud_server.db"]) == managed(first["hcloud_server.db"]) || len(b.real()) != len(cloud) {
		t.Error("a replacement is the same thing")
	}
}

// What was edited or taken away behind the tool's back is observed at its address.
func TestRealDriftIsWhatIsThere(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.configure(server("web", "debian-12", `environment = "prod"`) + server("db", "debian-12", "") + server("calm", "debian-12", ""))
	b.apply()
	quiet := b.drift(b.plan("-refresh-only"))
	for _, r := range quiet {
		if r.Attrs["terraform.drift"] != "false" || r.Attrs["terraform.exists"] != "true" || r.Attrs["terraform.managed"] != "true" || r.Scope != "shop/default" {
			t.Errorf("nothing changed, but: %+v", r)
		}
	}
	if len(quiet) != 3 {
		t.Fatalf("%d records", len(quiet))
	}
	b.cloud.Edit(func(have *hetznertest.Things) {
		for i := range have.Servers {
			if have.Servers[i].Name == "web" {
				have.Servers[i].Labels = map[string]string{"environment": "dev"}
			}
		}
		have.Servers = slices.DeleteFunc(have.Servers, func(s schema.Server) bool { return s.Name == "db" })
	})
	got := b.drift(b.plan("-refresh-only"))
	web, db, calm := got["hcloud_server.web"], got["hcloud_server.db"], got["hcloud_server.calm"]
	if web.Attrs["labels.environment"] != `"dev"` || web.Attrs["terraform.drift"] != "true" || web.Attrs["terraform.exists"] != "true" {
		t.Errorf("the edit is not seen: %+v", web)
	}
	if db.Attrs["terraform.exists"] != "false" || db.Attrs["name"] != `"db"` || managed(db) != managed(quiet["hcloud_server.db"]) {
		t.Errorf("the loss is not seen: %+v", db)
	}
	if diff := cmp.Diff(quiet["hcloud_server.calm"], calm); diff != "" {
		t.Errorf("what did not change differs: %s", diff)
	}
	if state := b.state(); state["hcloud_server.web"].Attrs["labels.environment"] != `"prod"` || len(state) != 3 {
		t.Error("the state itself knows nothing of it yet")
	}
}

// An address that moves is followed, one that the tool lets go of is no loss of the thing, and an import is a known thing at a new address.
func TestMovesImportsAndForgettingAreIdentity(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.configure(server("web", "debian-12", "") + server("db", "debian-12", ""))
	b.apply()
	before := b.state()
	found := strings.Replace(server("old", "debian-12", ""), `"canary-root-password"`, "null", 1)
	b.cloud.Edit(func(have *hetznertest.Things) {
		name := "debian-12"
		have.Servers = append(have.Servers, schema.Server{ID: 77, Name: "old", ServerType: schema.ServerType{Name: "cx22"}, Image: &schema.Image{ID: 7, Name: &name, Type: "system"},
			PublicNet: schema.ServerPublicNet{IPv4: schema.ServerPublicNetIPv4{IP: "192.0.2.9"}}})
	})
	b.configure(strings.ReplaceAll(server("front", "debian-12", ""), `= "front"`, `= "web"`) + "moved {\n  from = hcloud_server.web\n  to   = hcloud_server.front\n}\n" +
		"removed {\n  from = hcloud_server.db\n  lifecycle {\n    destroy = false\n  }\n}\n" + found + "import {\n  to = hcloud_server.old\n  id = \"77\"\n}\n")
	got := b.drift(b.plan())
	front := got["hcloud_server.front"]
	if !slices.Contains(front.Edges, inventory.Link{Verb: "SAME_AS", To: inventory.ByRecord("hcloud_server", "hcloud_server.web")}) || managed(front) != managed(before["hcloud_server.web"]) {
		t.Errorf("the move is not followed: %+v", front)
	}
	db := got["hcloud_server.db"]
	if db.Attrs["terraform.managed"] != "false" || db.Attrs["terraform.exists"] != "true" {
		t.Errorf("what the tool lets go of: %+v", db)
	}
	b.apply()
	after, cloud := b.state(), b.real()
	if _, still := after["hcloud_server.db"]; still || len(after) != 2 || managed(after["hcloud_server.old"]) != "hcloud:server:77" {
		t.Errorf("%+v", after)
	}
	if _, lives := cloud[strings.TrimPrefix(managed(before["hcloud_server.db"]), "hcloud:server:")]; !lives || len(before) != 2 {
		t.Error("the server that was let go of is gone")
	}
}

package chef

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"plumbline.dev/plumb/internal/connect/document"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
)

const canary = "s3cr3t-CANARY-value-9Xq"

func collect(t *testing.T, doc []byte) ([]inventory.Record, error) {
	t.Helper()
	src, err := Kind().Open(inventory.Input{Document: bytes.NewReader(doc),
		Mask: func(s string) inventory.Value { return inventory.Text(fmt.Sprintf("hmac:%d", len(s))) }})
	if err != nil {
		t.Fatal(err)
	}
	var out []inventory.Record
	err = src.Collect(t.Context(), func(r inventory.Record) error { out = append(out, r); return nil })
	return out, err
}

func ohai(t *testing.T) []byte {
	t.Helper()
	b, err := exec.CommandContext(t.Context(), "ohai").Output()
	if err != nil {
		t.Fatalf("run ohai (scripts/setup installs it): %v", err)
	}
	return b
}

// Debian's ohai says of this machine the same twice: what moves by itself is not compared.
func TestTheSameHostReadTwiceIsTheSame(t *testing.T) {
	t.Parallel()
	doc := ohai(t)
	first, err := collect(t, doc)
	if err != nil {
		t.Fatal(err)
	}
	second, err := collect(t, ohai(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(first) != 1 || len(second) != 1 {
		t.Fatalf("%d and %d records", len(first), len(second))
	}
	if d := cmp.Diff(first[0].Attrs, second[0].Attrs); d != "" {
		t.Error(d)
	}
	raw, err := document.ParseObject(doc)
	if err != nil {
		t.Fatal(err)
	}
	r := first[0]
	for _, name := range []string{"machine_id", "platform", "platform_version"} {
		if want := inventory.Text(raw.Text(name)); raw.Text(name) == "" || r.Attrs[name] != want {
			t.Errorf("%s is %s, want %s", name, r.Attrs[name], want)
		}
	}
	if len(r.IDs) < 2 || r.IDs[0] != (inventory.Identifier{Kind: "machine-id", Value: raw.Text("machine_id")}) {
		t.Errorf("ids %v", r.IDs)
	}
	packages := 0
	for path := range r.Attrs {
		if strings.HasPrefix(path, "package.") {
			packages++
		}
	}
	if want := len(raw.Object("packages")); packages != want || want < 100 {
		t.Errorf("%d packages, want %d", packages, want)
	}
}

// converge is the message that ends a run, in the documented form of message_version 1.1.0. It was never compared with what
// a running chef-client sends.
const converge = `{"chef_server_fqdn":"chef.example","entity_uuid":"5b1e","id":"run-2","message_version":"1.1.0","message_type":"run_converge",
"node_name":"web-1","organization_name":"acme","run_id":"run-2","run_list":["recipe[web]"],"policy_name":"web","policy_group":"production",
"start_time":"2026-03-01T10:00:00Z","end_time":"2026-03-01T10:01:00Z","source":"chef_client","status":"success",
"total_resource_count":3,"updated_resource_count":2,"deprecations":[],"cookbooks":{"web":{"version":"1.4.2"},"base":{"version":"0.9.0"}},
"node":{"name":"web-1","chef_environment":"_default","automatic":{"machine_id":"3d1219c7c4c5404aaa1f6d2a48adfda4","fqdn":"web-1.example","hostname":"web-1","os":"linux"},
 "default":{"web":{"port":80,"api_token":"CANARY"},"role":"web"},"normal":{"tags":["a"]},"override":{"web":{"port":443}}},
"resources":[
 {"type":"template","name":"/etc/web.conf","id":"/etc/web.conf","before":{"mode":"0600"},"after":{"mode":"0644","password":"CANARY"},"duration":"12",
  "delta":"--- a\\n+++ b\\n-db_password=old\\n+db_password=CANARY","result":"create","status":"updated","cookbook_name":"web","cookbook_version":"1.4.2","recipe_name":"default"},
 {"type":"service","name":"web","id":"web","before":{},"after":{"running":true},"duration":"3","delta":"","result":"restart","status":"updated"},
 {"type":"package","name":"nginx","id":"nginx","before":{},"after":{},"duration":"1","delta":"","result":"install","status":"up-to-date"}]}`

func sample() []byte { return []byte(strings.ReplaceAll(converge, "CANARY", canary)) }

func TestAConvergeSaysWhatManagesTheHostAndWhatItChanged(t *testing.T) {
	t.Parallel()
	out, err := collect(t, sample())
	if err != nil {
		t.Fatal(err)
	}
	if len(out) != 3 {
		t.Fatalf("%d records, want the node and two changed resources", len(out))
	}
	host, file := out[0], out[1]
	for path, want := range map[string]string{"managed.by": "chef", "managed.status": "success", "managed.policy": "web", "managed.cookbook.web": "1.4.2"} {
		if host.Attrs[path].Plain() != want {
			t.Errorf("%s is %s, want %s", path, host.Attrs[path], want)
		}
	}
	if host.Volatile["managed.at"].Plain() != "2026-03-01T10:01:00Z" || host.Volatile["managed.run"].Plain() != "run-2" {
		t.Errorf("volatile %v", host.Volatile)
	}
	if host.Labels["environment"] != "prod" || host.Labels["role"] != "web" || host.Attrs["attribute.web.port"] != inventory.Number(443) {
		t.Errorf("labels %v, port %s", host.Labels, host.Attrs["attribute.web.port"])
	}
	if file.Native != "web-1/template[/etc/web.conf]" || file.Attrs["after.mode"].Plain() != "0644" || file.Volatile["before.mode"].Plain() != "0600" ||
		file.Attrs["cookbook"].Plain() != "web::default@1.4.2" || host.Edges[0].To != inventory.ByRecord(resourceType, file.Native) {
		t.Errorf("resource %+v, edges %v", file, host.Edges)
	}
	if all := fmt.Sprint(out); strings.Contains(all, canary) || file.Attrs["after.password"].Plain() != fmt.Sprintf("hmac:%d", len(canary)) {
		t.Error("a secret of the run entered a record")
	}
}

// The revision follows the cookbooks' versions, and stays the same from run to run.
func TestTheRevisionIsOfTheCookbooks(t *testing.T) {
	t.Parallel()
	revision := func(doc string) inventory.Value {
		out, err := collect(t, []byte(doc))
		if err != nil {
			t.Fatal(err)
		}
		return out[0].Attrs["managed.revision"]
	}
	same := strings.NewReplacer("run-2", "run-3", "10:01", "11:01").Replace(converge)
	if a, b := revision(converge), revision(same); a != b || a == "" {
		t.Errorf("another run of the same cookbooks is revision %s, not %s", b, a)
	}
	if a, b := revision(converge), revision(strings.Replace(converge, "0.9.0", "0.9.1", 1)); a == b {
		t.Error("another cookbook is the same revision")
	}
}

func TestABegunRunShowsNothing(t *testing.T) {
	t.Parallel()
	out, err := collect(t, []byte(`{"message_type":"run_start","message_version":"1.0.0","node_name":"web-1","run_id":"run-2","start_time":"2026-03-01T10:00:00Z"}`))
	if err != nil || len(out) != 0 {
		t.Errorf("%d records, error %v", len(out), err)
	}
}

func TestWhatIsNoMessageIsRefused(t *testing.T) {
	t.Parallel()
	for name, doc := range map[string]string{
		"nothing":         "",
		"half":            converge[:len(converge)/2],
		"another message": `{"message_type":"action","node_name":"a"}`,
		"no node":         `{"message_type":"run_converge"}`,
		"a later version": `{"message_type":"run_converge","message_version":"2.0.0","node_name":"a"}`,
		"other JSON":      `{"a":1}`,
		"a member twice":  `{"message_type":"run_start","message_type":"run_converge","node_name":"a"}`,
	} {
		out, err := collect(t, []byte(doc))
		if err == nil || len(out) > 0 || fault.Of(err).Kind == fault.Internal {
			t.Errorf("%s: %d records, error %v", name, len(out), err)
		}
	}
}

func FuzzCollect(f *testing.F) {
	f.Add(sample())
	f.Add([]byte(`{"os":"linux","hostname":"a","network":{"interfaces":{"eth0":{"addresses":{"02:00:00:00:00:01":{"family":"lladdr"}}}}},"packages":{"a":{"version":"1"}}}`))
	f.Add([]byte(`{"message_type":"run_start"}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		out, err := collect(t, doc)
		if err != nil && (len(out) > 0 || fault.Of(err).Kind == fault.Internal) {
			t.Errorf("%d records with %v", len(out), err)
		}
		if _, err := json.Marshal(out); err != nil {
			t.Error(err)
		}
	})
}

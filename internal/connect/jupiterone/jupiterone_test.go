package jupiterone

import (
	"fmt"
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/connect/connecttest"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
)

const canary = "s3cr3t-CANARY-value-9Xq"

func collect(t *testing.T, text string) (map[string]inventory.Record, error) {
	t.Helper()
	src, err := Kind().Open(inventory.Input{Document: strings.NewReader(text),
		Mask: func(s string) inventory.Value { return inventory.Text(fmt.Sprintf("hmac:%d", len(s))) }})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]inventory.Record{}
	err = src.Collect(t.Context(), func(r inventory.Record) error { out[r.Native] = r; return nil })
	return out, err
}

// The document is built from the form that public documentation describes; it was never compared with the running software.
const sample = `{"entities":[
 {"_key":"aws:instance:i-0abc","_type":"aws_instance","_class":["Host"],"_version":7,"_id":"x","name":"web-1","displayName":"web one",
  "classification":"confidential","criticality":8,"tag.Environment":"production","tags":["role:web"],"macAddress":["02:FC:00:00:00:01"],
  "arn":"arn:aws:ec2:eu-central-1:123456789012:instance/i-0abc","encrypted":true,"createdOn":1700000000000,
  "adminPassword":"` + canary + `","config":{"apiToken":"` + canary + `","size":"cx22"},
  "command":["serve","--password","` + canary + `"],"snmpCommunity":"` + canary + `","ports":[443,80]},
 {"_key":"aws:security_group:sg-1","_type":"aws_security_group","_class":"Firewall","name":"edge"}],
"relationships":[{"_key":"k:relation:1","_type":"aws_security_group_protects_instance","_class":"PROTECTS",
  "_fromEntityKey":"aws:security_group:sg-1","_toEntityKey":"aws:instance:i-0abc"}]}`

func TestEntitiesAndRelationshipsBecomeRecords(t *testing.T) {
	t.Parallel()
	out, err := collect(t, sample)
	if err != nil {
		t.Fatal(err)
	}
	h := out["aws:instance:i-0abc"]
	if h.Class != inventory.Host || h.Type != "aws_instance" || h.Name != "web-1" {
		t.Errorf("got %+v", h)
	}
	for k, want := range map[string]string{"environment": "prod", "classification": "confidential", "criticality": "8", "role": "web"} {
		if h.Labels[k] != want {
			t.Errorf("label %s is %q, want %q", k, h.Labels[k], want)
		}
	}
	if len(h.IDs) != 2 || h.Attrs["ports"] != inventory.Set("443", "80") || h.Attrs["config.size"] != inventory.Text("cx22") {
		t.Errorf("ids %v, attrs %v", h.IDs, h.Attrs)
	}
	if h.Volatile["createdOn"] != inventory.Number(1700000000000) {
		t.Errorf("volatile %v", h.Volatile)
	}
	want := inventory.Link{Verb: "PROTECTS", To: inventory.ByRecord("aws_instance", "aws:instance:i-0abc")}
	if e := out["aws:security_group:sg-1"].Edges; len(e) != 1 || e[0] != want {
		t.Errorf("edges %v, want %v", e, want)
	}
	if all := fmt.Sprint(out); strings.Contains(all, canary) || !strings.Contains(all, "hmac:") {
		t.Error("a secret of the document entered a record")
	}
}

func TestWhatIsNotWholeIsRefused(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"nothing":         "",
		"no entities":     `{"entities":[]}`,
		"no key":          `{"entities":[{"_type":"a","_class":"Host"}]}`,
		"unknown class":   `{"entities":[{"_key":"a","_type":"a","_class":"Thing"}]}`,
		"a key twice":     `{"entities":[{"_key":"a","_type":"a","_class":"Host"},{"_key":"a","_type":"b","_class":"Host"}]}`,
		"no name":         `{"entities":[{"_key":"a","_type":"a","_class":"Host","":"b"}]}`,
		"a member twice":  `{"entities":[{"_key":"a","_key":"b","_type":"a","_class":"Host"}]}`,
		"an open end":     `{"entities":[{"_key":"a","_type":"a","_class":"Host"}],"relationships":[{"_class":"HAS","_fromEntityKey":"a","_toEntityKey":"b"}]}`,
		"an unknown verb": `{"entities":[{"_key":"a","_type":"a","_class":"Host"}],"relationships":[{"_class":"EATS","_fromEntityKey":"a","_toEntityKey":"a"}]}`,
		"half":            sample[:len(sample)/2],
		"deep":            `{"entities":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`,
	} {
		out, err := collect(t, text)
		if err == nil || len(out) != 0 {
			t.Errorf("%s: %d records, error %v", name, len(out), err)
		} else if fault.Of(err).Kind == fault.Internal {
			t.Errorf("%s: %v is no refusal", name, err)
		}
	}
}

// What is given out is taken again, with the same names, labels, properties and edges.
func TestAnExportIsReadBack(t *testing.T) {
	t.Parallel()
	assets := []inventory.Asset{
		{ID: "AST-000002", Class: inventory.Firewall, Type: "hcloud_firewall", Name: "edge \u202e\"<", State: inventory.Missing},
		{ID: "AST-000001", Class: inventory.Host, Type: "hcloud_server", Name: "web-1", State: inventory.Present, First: 5_000_000, Changed: 6_000_000,
			Labels: map[string]inventory.Label{"environment": {Value: "prod", Confidence: inventory.Asserted}, "criticality": {Value: "9", Confidence: inventory.Defaulted}},
			Attrs:  map[string]inventory.Worded{"size": {Value: inventory.Text("cx22"), Kind: inventory.Config}, "ports": {Value: inventory.Set("80", "443")}}},
	}
	edges := []inventory.Relation{{From: "AST-000002", To: "AST-000001", Verb: "PROTECTS"}, {From: "AST-000002", To: "AST-000001", Verb: "PROTECTS"}, {From: "AST-000002", To: "AST-000009", Verb: "PROTECTS"}}
	b, err := Export(assets, edges)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Export([]inventory.Asset{assets[1], assets[0]}, edges)
	if err != nil || string(again) != string(b) {
		t.Errorf("the order of the assets shows in the document: %v", err)
	}
	out, err := collect(t, string(b))
	if err != nil {
		t.Fatal(err)
	}
	h, f := out["plumbline:AST-000001"], out["plumbline:AST-000002"]
	if len(out) != 2 || h.Name != "web-1" || h.Type != "hcloud_server" || f.Name != assets[0].Name || f.Class != inventory.Firewall {
		t.Errorf("got %v", out)
	}
	if h.Labels["environment"] != "prod" || h.Labels["criticality"] != "9" || h.Attrs["size"] != inventory.Text("cx22") ||
		h.Attrs["ports"] != inventory.Set("80", "443") || f.Attrs["active"] != inventory.Flag(false) {
		t.Errorf("labels %v, attrs %v, other's %v", h.Labels, h.Attrs, f.Attrs)
	}
	if len(f.Edges) != 1 || f.Edges[0].To != inventory.ByRecord("hcloud_server", "plumbline:AST-000001") {
		t.Errorf("edges %v", f.Edges)
	}
}

func FuzzCollect(f *testing.F) {
	f.Add(sample)
	f.Add(`{"entities":[{"_key":"a","_type":"a","_class":"Host","a":{"b":[{"c":1e9}]}}],"relationships":[]}`)
	f.Add(`{"entities":[null,1,[]]}`)
	f.Fuzz(func(t *testing.T, text string) {
		out, err := collect(t, text)
		if err != nil && (len(out) != 0 || fault.Of(err).Kind == fault.Internal) {
			t.Errorf("%d records with %v", len(out), err)
		}
	})
}

// An instant is a number. A switch whose name ends like one is compared as every other.
func TestASwitchIsNoInstant(t *testing.T) {
	t.Parallel()
	out, err := collect(t, `{"entities":[{"_key":"a","_type":"a","_class":"Host","firewallOn":true,"protectionOn":"yes","createdOn":1700000000000,"lastSeenOn":null}]}`)
	if err != nil {
		t.Fatal(err)
	}
	a := out["a"]
	if a.Attrs["firewallOn"] != inventory.Flag(true) || a.Attrs["protectionOn"] != inventory.Text("yes") {
		t.Errorf("compared is %v", a.Attrs)
	}
	if len(a.Volatile) != 1 || a.Volatile["createdOn"] != inventory.Number(1700000000000) {
		t.Errorf("not compared is %v", a.Volatile)
	}
}

// Ten times the relationships of one entity is not a hundred times the work, and one that stands there twice is one edge.
func TestManyRelationshipsOfOneEntityCostNoMoreThanTheyAre(t *testing.T) {
	t.Parallel()
	connecttest.Linear(t, 4_000, func(n int) {
		var entities, relations []string
		for i := range n {
			entities = append(entities, fmt.Sprintf(`{"_key":"k%d","_type":"t","_class":"Host"}`, i))
			relations = append(relations, fmt.Sprintf(`{"_class":"HAS","_fromEntityKey":"k0","_toEntityKey":"k%d"}`, i))
		}
		relations = append(relations, relations[0])
		out, err := collect(t, `{"entities":[`+strings.Join(entities, ",")+`],"relationships":[`+strings.Join(relations, ",")+`]}`)
		if e := out["k0"].Edges; err != nil || len(e) != n {
			t.Errorf("%d edges of %d, %v", len(e), n, err)
		}
	})
}

// A refusal says which entry of a long document it is about.
func TestARefusalNamesTheEntry(t *testing.T) {
	t.Parallel()
	const host = `{"_key":"host-1-of-many","_type":"h","_class":"Host"}`
	for doc, want := range map[string]string{
		`{"entities":[` + host + `,{"_type":"h","_class":"Host"}]}`:                               "entities[1]",
		`{"entities":[` + host + `,` + host + `]}`:                                                "entities[1]",
		`{"entities":[` + host + `],"relationships":[{"_fromEntityKey":"x","_toEntityKey":"y"}]}`: "relationships[0]",
	} {
		_, err := connecttest.Try(t, Kind(), nil, strings.NewReader(doc))
		if f := fault.Of(err); f.Code != "bad_document" || len(f.Fields) != 1 || f.Fields[0].Path != want {
			t.Errorf("%s: %v %v", want, err, f.Fields)
		}
	}
}

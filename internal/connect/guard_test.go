package connect_test

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/connect/connecttest"
	"plumbline.dev/plumb/internal/connect/csv"
	"plumbline.dev/plumb/internal/connect/cyclonedx"
	"plumbline.dev/plumb/internal/connect/jupiterone"
	"plumbline.dev/plumb/internal/inventory"
)

const repeated = "Tr0ub4dor-horse"

// What was masked once is a secret wherever it stands: alone in a label, in another property, in a name, in the id of something else.
func TestWhatWasMaskedIsMaskedWhereItIsRepeated(t *testing.T) {
	t.Parallel()
	entity := func(rest string) string {
		return `{"entities":[{"_key":"db-1-of-example","_type":"db","_class":"Database","name":"db 1",` + rest + `},
			{"_key":"web-1-of-example","_type":"web","_class":"Host","name":"runs with ` + repeated + `","note":"` + repeated + `"}],
			"relationships":[{"_fromEntityKey":"web-1-of-example","_toEntityKey":"db-1-of-example","_class":"USES"}]}`
	}
	for name, doc := range map[string]string{
		"in a URL":           entity(`"url":"postgres://app:` + repeated + `@db.example/app","owner":"` + repeated + `","hint":"it is ` + repeated + `."`),
		"under its name":     entity(`"dbPassword":"` + repeated + `","list":["a","` + repeated + `"],"` + repeated + `":"x"`),
		"in an object":       entity(`"credentials":{"user":"app","password":"` + repeated + `"},"description":"` + repeated + `"`),
		"escaped in a URL":   entity(`"url":"postgres://app:` + strings.Replace(repeated, "-", "%2D", 1) + `@db.example/app"`),
		"after an option":    entity(`"start":["serve","--password","` + repeated + `"],"serial":"` + repeated + `"`),
		"in a name":          strings.Replace(entity(`"x":1`), "db 1", "postgres://app:"+repeated+"@db.example/app", 1),
		"in the id of a key": strings.ReplaceAll(entity(`"dbPassword":"`+repeated+`"`), "db-1-of-example", "db-"+repeated),
	} {
		records := connecttest.Collect(t, jupiterone.Kind(), nil, strings.NewReader(doc))
		if all := fmt.Sprintf("%+v", records); strings.Contains(all, repeated) || len(records) != 2 {
			t.Errorf("%s: %s", name, all)
		}
		if db, web := records[0], records[1]; web.Edges[0].To != inventory.ByRecord("db", db.Native) {
			t.Errorf("%s: the edge %v does not lead to %s", name, web.Edges, db.Native)
		}
	}
	table := "name,url,db password,note\nweb-1,https://a:" + repeated + "@x.example/,other-pass-1,it is " + repeated + " or other-pass-1\n"
	if all := fmt.Sprintf("%+v", connecttest.Collect(t, csv.Kind(), nil, strings.NewReader(table))); strings.Contains(all, repeated) || strings.Contains(all, "other-pass-1") {
		t.Errorf("a table: %s", all)
	}
	bill := `{"bomFormat":"CycloneDX","specVersion":"1.5","serialNumber":"urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79","version":1,"components":[
		{"type":"library","name":"a","version":"1","publisher":"` + repeated + `","properties":[{"name":"password","value":"` + repeated + `"}]}]}`
	if all := fmt.Sprintf("%+v", connecttest.Collect(t, cyclonedx.Kind(), nil, strings.NewReader(bill))); strings.Contains(all, repeated) {
		t.Errorf("a bill: %s", all)
	}
}

// cloud is a source of one thing, with what people wrote beside it.
type cloud struct{ attrs map[string]inventory.Value }

func (c cloud) Collect(_ context.Context, emit func(inventory.Record) error) error {
	return emit(inventory.Record{Scope: "project", Type: "server", Class: inventory.Host, Native: "1", Name: "web-1", Attrs: c.attrs})
}

// People write passwords into the tags of a cloud, and into the labels of a container: they are masked there, and all else is shown.
func TestASecretInATagIsMasked(t *testing.T) {
	t.Parallel()
	shown := map[string]inventory.Value{"labels.com.example.team": inventory.Text("web"), "tags.Name": inventory.Text("web-1"), "size": inventory.Text("cx22"),
		"labels.build": inventory.Text("sha256:" + strings.Repeat("ab", 32))}
	attrs := maps.Clone(shown)
	attrs["labels.com.example.db"] = inventory.Text("postgres://app:" + repeated + "@db.example/app")
	attrs["tags.DB_PASSWORD"] = inventory.Text("zu-kurz-1")
	attrs["note"] = inventory.Text("the same " + repeated)
	k := inventory.Kind{Name: "cloud", Open: func(inventory.Input) (inventory.Source, error) { return cloud{attrs}, nil }}
	r := connecttest.Collect(t, k, nil, nil)[0]
	if all := fmt.Sprintf("%+v", r); strings.Contains(all, repeated) || strings.Contains(all, "zu-kurz-1") {
		t.Errorf("kept: %s", all)
	}
	for path, v := range shown {
		if r.Attrs[path] != v {
			t.Errorf("%s is %s, want %s", path, r.Attrs[path], v)
		}
	}
}

// A common word, a number or a date that somebody took for a password is not masked everywhere, or half an inventory would be.
func TestAShortOrCommonPasswordMasksNothingElse(t *testing.T) {
	t.Parallel()
	for _, word := range []string{"secret1", "postgres", "production", "20260301", "192.168.100.1"} {
		doc := `{"entities":[{"_key":"db-1-of-example","_type":"db","_class":"Database","name":"` + word + `","password":"` + word + `","note":"` + word + `"}]}`
		r := connecttest.Collect(t, jupiterone.Kind(), nil, strings.NewReader(doc))[0]
		if r.Name != word || r.Attrs["note"] != inventory.Text(word) || r.Attrs["password"] == inventory.Text(word) {
			t.Errorf("%s: %+v", word, r)
		}
	}
}

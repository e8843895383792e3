// Package jupiterone reads and writes entities and relationships in the form of JupiterOne's data model: documents that
// another inventory gives out, or takes. It speaks to nobody.
package jupiterone

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"plumbline.dev/plumb/internal/connect"
	"plumbline.dev/plumb/internal/connect/document"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
)

// most is how many entities and relationships one document may have.
const most = 200_000

// Kind describes the source.
func Kind() inventory.Kind {
	return inventory.Kind{
		Name: "jupiterone", Title: "JupiterOne entities", Mapper: 2, Absence: true, Push: true,
		Rules: []inventory.AttrRule{
			{Type: "*", Path: "encrypted", Kind: inventory.Security},
			{Type: "*", Path: "public", Kind: inventory.Security},
			{Type: "*", Path: "active", Kind: inventory.State},
			{Type: "*", Path: "displayName", Kind: inventory.Identity},
		},
		Open: func(in inventory.Input) (inventory.Source, error) { return &reading{in: in, mask: in.Mask}, nil },
	}
}

type reading struct {
	in   inventory.Input
	mask document.Masker
}

// Scopes implements inventory.Scoper: a document is read whole or not at all.
func (r *reading) Scopes() []string { return []string{"entities"} }

// Collect implements inventory.Source.
func (r *reading) Collect(ctx context.Context, emit func(inventory.Record) error) error {
	b, err := document.All(r.in.Document)
	if err != nil {
		return err
	}
	doc, err := document.ParseObject(b)
	if err != nil {
		return err
	}
	entities, relations := doc.List("entities"), doc.List("relationships")
	if len(entities) == 0 || len(entities)+len(relations) > most {
		return connect.BadDocument("it has no member entities with at least one and at most 200000 entries")
	}
	things, linked := make(map[string]*inventory.Record, len(entities)), map[edge]bool{}
	for i, v := range entities {
		if err := ctx.Err(); err != nil {
			return err
		}
		rec, err := r.entity(document.AsObject(v))
		if err != nil {
			return placed(err, "entities", i)
		}
		if things[rec.Native] != nil {
			return placed(connect.BadDocument("two entities have one _key"), "entities", i)
		}
		things[rec.Native] = rec
	}
	for i, v := range relations {
		if err := r.relate(things, linked, document.AsObject(v)); err != nil {
			return placed(err, "relationships", i)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(things)) {
		if err := emit(*things[key]); err != nil {
			return err
		}
	}
	return nil
}

// placed says in which entry of the document a refusal is.
func placed(err error, list string, i int) error {
	f := fault.Of(err)
	return f.At(fmt.Sprintf("%s[%d]", list, i), "is where it is, counted from 0")
}

// entity makes a record of one entity. Its first class that the inventory has counts.
func (r *reading) entity(o document.Object) (*inventory.Record, error) {
	key, typ := o.Text("_key"), o.Text("_type")
	if key == "" || typ == "" {
		return nil, connect.BadDocument("an entity has no _key or no _type")
	}
	rec := &inventory.Record{Scope: "entities", Type: typ, Native: r.mask.Plain(key), Attrs: map[string]inventory.Value{},
		Volatile: map[string]inventory.Value{}, Labels: connect.Labels(tagsOf(o))}
	for _, c := range o.Texts("_class") {
		if slices.Contains(inventory.Classes(), inventory.Class(c)) {
			rec.Class = inventory.Class(c)
			break
		}
	}
	if rec.Class == "" {
		return nil, connect.BadDocument("an entity has no _class that the inventory knows")
	}
	rec.Name = r.mask.Plain(o.Text("name"))
	for _, other := range []string{r.mask.Plain(o.Text("displayName")), rec.Native} {
		if rec.Name == "" {
			rec.Name = other
		}
	}
	for _, name := range slices.Sorted(maps.Keys(o)) {
		if err := r.property(rec, name, o[name]); err != nil {
			return nil, err
		}
	}
	return rec, nil
}

// tagsOf gathers what may hold a label: the tags, as a map, as tag.NAME properties and as key:value words, and over them the
// governed properties themselves.
func tagsOf(o document.Object) map[string]string {
	tags := map[string]string{}
	for _, word := range o.Texts("tags") {
		if k, v, ok := strings.Cut(word, ":"); ok {
			tags[strings.ToLower(k)] = v
		}
	}
	for k, v := range o.Object("tags") {
		tags[strings.ToLower(k)] = document.AsText(v)
	}
	for k := range o {
		if name, ok := strings.CutPrefix(k, "tag."); ok {
			tags[strings.ToLower(name)] = o.Text(k)
		}
	}
	for _, k := range inventory.Labels() {
		if v := o.Text(k); v != "" {
			tags[k] = v
		}
	}
	return tags
}

// identifierOf says by which kind of identifier a property makes the thing known to others; "" for none.
func identifierOf(name string) string {
	switch name {
	case "macAddress":
		return "mac"
	case "fqdn", "hostname":
		return name
	case "ipAddress", "privateIpAddress", "publicIpAddress":
		return "ip"
	case "serial":
		return "dmi-serial"
	case "arn":
		return "cloud-id"
	case "machineId":
		return "machine-id"
	case "purl":
		return "package-url"
	}
	return ""
}

func (r *reading) property(rec *inventory.Record, name string, v jsontext.Value) error {
	switch {
	case name == "":
		return connect.BadDocument("an entity has a property without a name")
	case strings.HasPrefix(name, "_"), name == "name":
		return nil // JupiterOne's own bookkeeping: versions, times and ids of its graph
	case strings.HasSuffix(name, "On") && v.Kind() == '0': // createdOn, updatedOn, lastSeenOn: instants; firewallOn is a switch
		return r.mask.Flatten(rec.Volatile, name, v)
	}
	if kind := identifierOf(name); kind != "" {
		for _, value := range (document.Object{name: v}).Texts(name) {
			if !r.mask.Holds(value) {
				rec.IDs = document.Identify(rec.IDs, kind, value)
			}
		}
	}
	return r.mask.Flatten(rec.Attrs, name, v)
}

// edge is one edge of a document: it may stand there many times.
type edge struct {
	from *inventory.Record
	verb string
	to   *inventory.Record
}

// relate puts an edge on the entity that it comes from.
func (r *reading) relate(things map[string]*inventory.Record, linked map[edge]bool, o document.Object) error {
	from, to := r.mask.Plain(o.Text("_fromEntityKey")), r.mask.Plain(o.Text("_toEntityKey"))
	verb := strings.ToUpper(o.Text("_class"))
	if from == "" || to == "" || !slices.Contains(inventory.Verbs(), verb) {
		return connect.BadDocument("a relationship has no _fromEntityKey, no _toEntityKey or no _class that the inventory knows")
	}
	a, b := things[from], things[to]
	if a == nil || b == nil {
		return connect.BadDocument("a relationship names an entity that is not in the document")
	}
	if e := (edge{a, verb, b}); !linked[e] {
		linked[e] = true
		a.Edges = append(a.Edges, inventory.Link{Verb: verb, To: inventory.ByRecord(b.Type, b.Native)})
	}
	return nil
}

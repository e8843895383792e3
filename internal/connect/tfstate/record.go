package tfstate

import (
	"context"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"plumbline.dev/plumb/internal/connect"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/plan"
)

// Mapper turns the objects of one state into records.
type Mapper struct {
	state State
	scope string
	red   *plan.Redactor
	named map[string]named // by address without key
}

// named is the objects of one resource, as others depend on it.
type named struct {
	address string // of the only one
	kind    string
	several bool
}

// NewMapper makes the mapper of one reading.
func NewMapper(in inventory.Input, s State) *Mapper {
	scope := s.Lineage + "/" + in.Settings["workspace"]
	return &Mapper{state: s, scope: scope, named: map[string]named{}, red: plan.NewRedactor(func(secret string) string {
		return in.Mask(secret).Plain()
	})}
}

// Learn remembers what is secret in an object beside those of the state.
func (m *Mapper) Learn(o Object) { m.red.Learn(o.Values, o.Marks.OfType(o.Type)) }

// Place gives an address as it may be shown.
func (m *Mapper) Place(address string) string { return m.red.Place(address) }

// Emit goes over the state twice: to learn what is secret anywhere in it, then to emit each object's record.
func (m *Mapper) Emit(ctx context.Context, emit func(Object, inventory.Record) error) error {
	if err := m.state.Each(func(o Object) error {
		m.red.Learn(o.Values, o.Marks.OfType(o.Type))
		if o.Deposed == "" {
			_, several := m.named[o.Resource]
			m.named[o.Resource] = named{o.Address, o.Type, several}
		}
		return ctx.Err()
	}); err != nil {
		return err
	}
	return m.state.Each(func(o Object) error {
		r, err := m.Record(o)
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		return emit(o, r)
	})
}

// Record is one object as a record. Its address is its native id, and no identifier of its own: what it manages is an edge.
func (m *Mapper) Record(o Object) (inventory.Record, error) {
	redacted, ok := m.red.Redact(o.Address, o.Values, o.Marks.OfType(o.Type))
	if !ok {
		return inventory.Record{}, connect.BadDocument("a value nests deeper than is read")
	}
	a := connect.Attrs{}
	plain := map[string]string{}
	for _, leaf := range plan.Leaves(redacted) {
		a[leaf.Path] = valueOf(leaf.Value)
		if !plan.Masked(leaf.Value) && !strings.ContainsAny(leaf.Path, ".[") {
			plain[leaf.Path] = a[leaf.Path].Plain()
		}
	}
	a.Text("terraform.provider", o.Provider)
	a.Flag("terraform.tainted", o.Tainted)
	place := o.native(m.red.Place(o.Address))
	r := inventory.Record{Scope: m.scope, Type: o.Type, Class: inventory.IaCResource, Native: place, Name: place, Attrs: a, Labels: labels(a)}
	if id := ManagedBy(o.Type, plain); id.Value != "" {
		r.Edges = append(r.Edges, inventory.Link{Verb: "MANAGES", To: id})
	}
	for _, d := range o.Depends {
		if on, known := m.named[d]; known && !on.several && on.address != o.Address {
			r.Edges = append(r.Edges, inventory.Link{Verb: "DEPENDS_ON", To: inventory.ByRecord(on.kind, m.red.Place(on.address))})
		}
	}
	return r, nil
}

// labels are read off the tags and labels that a resource gives to what it manages.
func labels(a connect.Attrs) map[string]string {
	tags := map[string]string{}
	for _, under := range []string{"labels.", "tags.", "tags_all."} {
		for path, v := range a {
			if key, ok := strings.CutPrefix(path, under); ok && !plan.Masked(jsontext.Value(v)) {
				if _, taken := tags[key]; !taken {
					tags[key] = v.Plain()
				}
			}
		}
	}
	return connect.Labels(tags)
}

// valueOf gives a leaf in the inventory's form: texts, integers and booleans as they are, lists of them as sets, other numbers as texts.
func valueOf(v jsontext.Value) inventory.Value {
	switch v.Kind() {
	case '"':
		var s string
		_ = json.Unmarshal(v, &s)
		return inventory.Text(s)
	case '[':
		var list []jsontext.Value
		_ = json.Unmarshal(v, &list)
		items := make([]string, 0, len(list))
		for _, item := range list {
			if item.Kind() != 'n' {
				items = append(items, valueOf(item).Plain())
			}
		}
		return inventory.Set(items...)
	case '{':
		return inventory.Text(string(v))
	case '0':
		if strings.ContainsAny(string(v), ".eE") {
			return inventory.Text(string(v))
		}
	}
	return inventory.Value(v)
}

// managedTypes are the types of the Hetzner provider whose id is the number of the thing, with the word of the thing's own
// identifier.
var managedTypes = []struct{ resource, kind string }{
	{"hcloud_server", "server"}, {"hcloud_volume", "volume"}, {"hcloud_network", "network"}, {"hcloud_firewall", "firewall"},
	{"hcloud_load_balancer", "load_balancer"}, {"hcloud_primary_ip", "primary_ip"}, {"hcloud_floating_ip", "floating_ip"},
	{"hcloud_ssh_key", "ssh_key"}, {"hcloud_snapshot", "image"}, {"hcloud_zone", "zone"},
}

// ManagedBy is the identifier of the real thing that an object manages, where its provider is known: what the thing's own source
// says of it too. "" where nothing is known.
func ManagedBy(resourceType string, plain map[string]string) inventory.Identifier {
	none := inventory.Identifier{}
	id := plain["id"]
	if i := slices.IndexFunc(managedTypes, func(t struct{ resource, kind string }) bool { return t.resource == resourceType }); i >= 0 {
		if id == "" || strings.Trim(id, "0123456789") != "" {
			return none
		}
		return inventory.Identifier{Kind: "cloud-id", Value: "hcloud:" + managedTypes[i].kind + ":" + id}
	}
	switch {
	case strings.HasPrefix(resourceType, "aws_") && strings.HasPrefix(plain["arn"], "arn:"):
		return inventory.Identifier{Kind: "cloud-id", Value: plain["arn"]}
	case resourceType == "docker_image" && strings.HasPrefix(plain["image_id"], "sha256:"):
		return inventory.Identifier{Kind: "image-digest", Value: plain["image_id"]}
	}
	return none
}

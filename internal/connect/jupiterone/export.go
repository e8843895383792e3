package jupiterone

import (
	"cmp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"plumbline.dev/plumb/internal/inventory"
)

// Export writes assets and the edges between them as entities and relationships, sorted, so that one state of the
// inventory is one document. An edge to an asset that is not among them is left out: the other side would refuse it.
func Export(assets []inventory.Asset, edges []inventory.Relation) ([]byte, error) {
	assets = slices.SortedFunc(slices.Values(assets), func(a, b inventory.Asset) int { return cmp.Compare(a.ID, b.ID) })
	known := make(map[inventory.AssetID]inventory.Asset, len(assets))
	entities := make([]map[string]jsontext.Value, 0, len(assets))
	for _, a := range assets {
		if _, twice := known[a.ID]; twice {
			continue
		}
		known[a.ID] = a
		entities = append(entities, entity(a))
	}
	edges = slices.SortedFunc(slices.Values(edges), func(a, b inventory.Relation) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.Verb, b.Verb), cmp.Compare(a.To, b.To))
	})
	relations := []map[string]jsontext.Value{}
	for _, e := range slices.Compact(edges) {
		from, okFrom := known[e.From]
		to, okTo := known[e.To]
		if okFrom && okTo {
			relations = append(relations, relation(e, from, to))
		}
	}
	b, err := json.Marshal(struct {
		Entities      []map[string]jsontext.Value `json:"entities"`
		Relationships []map[string]jsontext.Value `json:"relationships"`
	}{entities, relations}, json.Deterministic(true), jsontext.Multiline(true))
	if err != nil {
		return nil, err
	}
	return append(b, '\n'), nil
}

// key makes the _key of an asset: JupiterOne wants ten characters at least.
func key(id inventory.AssetID) string { return "plumbline:" + string(id) }

func entity(a inventory.Asset) map[string]jsontext.Value {
	o := map[string]jsontext.Value{}
	for path, w := range a.Attrs {
		if w.Value != "" && !strings.HasPrefix(path, "_") {
			o[path] = jsontext.Value(w.Value)
		}
	}
	for k, l := range a.Labels {
		o[k], o["tag."+k] = text(l.Value), text(l.Value)
		o["labelConfidence."+k] = text(string(l.Confidence))
		if k == inventory.LabelCriticality && slices.Contains(inventory.LabelValues(k), l.Value) {
			o[k] = jsontext.Value(l.Value) // a number there
		}
	}
	o["_key"], o["_type"], o["_class"] = text(key(a.ID)), text(a.Type), jsontext.Value(inventory.Set(string(a.Class)))
	o["name"], o["displayName"], o["id"] = text(a.Name), text(a.Name), text(string(a.ID))
	o["active"] = jsontext.Value(inventory.Flag(a.State == inventory.Present))
	o["discoveredOn"], o["updatedOn"] = millis(a.First), millis(a.Changed)
	if a.Origin != "" {
		o["originChange"] = text(a.Origin)
	}
	return o
}

func relation(e inventory.Relation, from, to inventory.Asset) map[string]jsontext.Value {
	return map[string]jsontext.Value{
		"_key":           text(key(e.From) + "|" + e.Verb + "|" + key(e.To)),
		"_type":          text(from.Type + "_" + strings.ToLower(e.Verb) + "_" + to.Type),
		"_class":         text(e.Verb),
		"_fromEntityKey": text(key(e.From)),
		"_toEntityKey":   text(key(e.To)),
	}
}

func text(s string) jsontext.Value { return jsontext.Value(inventory.Text(s)) }

// millis gives an instant as JupiterOne counts: in milliseconds.
func millis(micros int64) jsontext.Value { return jsontext.Value(inventory.Number(micros / 1000)) }

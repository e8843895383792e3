package inventory

import (
	"fmt"
	"maps"
	"slices"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/fault"
)

// paths gives the paths of a record's attributes in their order: a digest and a stored text both need it.
func (r *Record) paths() []string {
	out := make([]string, 0, len(r.Attrs))
	for p := range r.Attrs {
		out = append(out, p)
	}
	slices.Sort(out)
	return out
}

// digest gives the digest of what of a record is compared. Every part stands with its length, so that no two records share
// their bytes; the order of maps is that of their keys. paths are those of its attributes, in their order.
func (r *Record) digest(paths []string) [32]byte {
	h := newHash()
	h.text(string(r.Class), r.Name, r.Actor)
	h.count(len(r.Attrs))
	for _, path := range paths {
		h.text(path, string(r.Attrs[path]))
	}
	h.count(len(r.Labels))
	for _, k := range slices.Sorted(maps.Keys(r.Labels)) {
		h.text(k, r.Labels[k])
	}
	h.count(len(r.IDs))
	for _, id := range r.IDs {
		h.text(id.Kind, id.Value)
	}
	h.count(len(r.Edges))
	for _, e := range r.Edges {
		h.text(e.Verb, e.To.Kind, e.To.Value)
	}
	return h.sum()
}

// encode gives the record as it is stored: JSON, the keys of maps in their order.
func (r *Record) encode() (string, error) {
	b, err := json.Marshal(r, json.Deterministic(true))
	switch {
	case err != nil:
		return "", fmt.Errorf("encode record: %w", err)
	case len(b) > maxRecord:
		return "", fault.New(fault.TooLarge, "record_too_large", "One thing is described by more than 4 MiB.").
			FixedBy("whoever looks after the source").Then("plumb source show")
	}
	return string(b), nil
}

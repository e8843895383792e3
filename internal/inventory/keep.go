package inventory

import (
	"maps"
	"slices"
	"unicode/utf8"

	"plumbline.dev/plumb/internal/fault"
)

// Kept is a record as the inventory holds it.
type Kept struct {
	Record
	ID     string  `json:"id"`
	Source string  `json:"source"`
	Asset  AssetID `json:"asset"`
	Digest string  `json:"digest"` // of what is compared: all but Volatile
	Raw    string  `json:"raw,omitempty"`
	Mapper int64   `json:"mapper"`
	First  int64   `json:"first"` // first seen, microseconds
	Seen   int64   `json:"seen"`  // this wording was first seen
	Missed int64   `json:"missed"`
	Gone   int64   `json:"gone"` // since when it is gone; 0 while it lives

	canonical string // the record as stored
}

// Limits of one record; what is larger is a fault of its source.
const (
	maxName   = 1024
	maxValue  = 64 << 10
	maxIDs    = 200
	maxEdges  = 5_000
	maxRecord = 4 << 20
)

// MaxAttrs bounds the properties of one record, those that change by themselves among them. A record with more fails its reading.
const MaxAttrs = 20_000

// clean refuses a record that the inventory could not show or compare. The source is at fault, so the reading stops.
func (r Record) clean() error {
	bad := func(what string) error {
		return fault.New(fault.Invalid, "bad_record", "The source gave a record that cannot be taken: %s.", what).
			FixedBy("whoever looks after the source").Then("plumb source show")
	}
	for _, s := range []string{r.Scope, r.Type, r.Native, r.Name, r.Actor} {
		if len(s) > maxName || !utf8.ValidString(s) {
			return bad("a name longer than 1024 bytes, or no UTF-8")
		}
	}
	switch {
	case r.Type == "" || r.Native == "":
		return bad("it has no type or no id of its own")
	case !slices.Contains(Classes(), r.Class):
		return bad("its class is not one of the inventory's")
	case len(r.Attrs)+len(r.Volatile) > MaxAttrs || len(r.IDs) > maxIDs || len(r.Edges) > maxEdges:
		return bad("more properties, identifiers or edges than one thing has")
	}
	for _, list := range []map[string]Value{r.Attrs, r.Volatile} {
		for path, v := range list {
			if path == "" || len(path) > maxName || len(v) > maxValue || !utf8.ValidString(path) || !utf8.ValidString(string(v)) {
				return bad("a property longer than 64 KiB, without a name, or no UTF-8")
			}
		}
	}
	return r.cleanEnds(bad)
}

func (r Record) cleanEnds(bad func(string) error) error {
	for _, id := range r.IDs {
		if !slices.Contains(IdentifierKinds(), id.Kind) || id.Value == "" || len(id.Value) > maxName || !utf8.ValidString(id.Value) {
			return bad("an identifier of no known kind, empty, or longer than 1024 bytes")
		}
	}
	verbs := Verbs()
	for _, e := range r.Edges {
		if !slices.Contains(verbs, e.Verb) || e.To.Value == "" || len(e.To.Value) > 2*maxName || !utf8.ValidString(e.To.Value) {
			return bad("an edge with no known verb or without an end")
		}
	}
	for k, v := range r.Labels {
		if len(k)+len(v) > maxName || !utf8.ValidString(k+v) {
			return bad("a label longer than 1024 bytes")
		}
	}
	return nil
}

// tidy puts what has no order into one, so that two readings of one thing are the same bytes.
func (r *Record) tidy() {
	byText := func(a, b Identifier) int { return cmpTexts(a.Kind, b.Kind, a.Value, b.Value) }
	slices.SortFunc(r.IDs, byText)
	r.IDs = slices.Compact(r.IDs)
	slices.SortFunc(r.Edges, func(a, b Link) int { return cmpTexts(a.Verb, b.Verb, a.To.Kind, b.To.Kind, a.To.Value, b.To.Value) })
	r.Edges = slices.Compact(r.Edges)
	maps.DeleteFunc(r.Attrs, func(_ string, v Value) bool { return v == "" })
	maps.DeleteFunc(r.Labels, func(_, v string) bool { return v == "" })
}

// cmpTexts compares pairs, one after the other.
func cmpTexts(pairs ...string) int {
	for i := 0; i+1 < len(pairs); i += 2 {
		switch {
		case pairs[i] < pairs[i+1]:
			return -1
		case pairs[i] > pairs[i+1]:
			return 1
		}
	}
	return 0
}

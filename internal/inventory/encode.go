package inventory

import (
	"fmt"
	"maps"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

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

// encode gives the record as it is stored: the JSON of its members, the keys of maps in their order, which encoding/json would
// have to sort once more. paths are those of its attributes, in their order.
func (r *Record) encode(paths []string) (string, error) {
	w := jsonWriter{b: make([]byte, 0, 512+64*len(paths))}
	w.member(`{"scope":`, r.Scope)
	w.member(`,"type":`, r.Type)
	w.member(`,"class":`, string(r.Class))
	w.member(`,"native":`, r.Native)
	w.member(`,"name":`, r.Name)
	texts(&w, `,"attrs":{`, paths, r.Attrs)
	texts(&w, `,"volatile":{`, slices.Sorted(maps.Keys(r.Volatile)), r.Volatile)
	texts(&w, `,"labels":{`, slices.Sorted(maps.Keys(r.Labels)), r.Labels)
	w.list(`,"ids":[`, len(r.IDs), func(i int) { w.identifier(r.IDs[i]) })
	w.list(`,"edges":[`, len(r.Edges), func(i int) {
		w.member(`{"verb":`, r.Edges[i].Verb)
		w.raw(`,"to":`)
		w.identifier(r.Edges[i].To)
		w.raw("}")
	})
	if r.Actor != "" {
		w.member(`,"actor":`, r.Actor)
	}
	w.raw("}")
	switch {
	case w.err != nil:
		return "", fmt.Errorf("encode record: %w", w.err)
	case len(w.b) > maxRecord:
		return "", fault.New(fault.TooLarge, "record_too_large", "One thing is described by more than 4 MiB.").
			FixedBy("whoever looks after the source").Then("plumb source show")
	}
	return string(w.b), nil
}

// jsonWriter puts JSON together. The first text that is no UTF-8 is its error.
type jsonWriter struct {
	b   []byte
	err error
}

func (w *jsonWriter) raw(s string) { w.b = append(w.b, s...) }

func (w *jsonWriter) text(s string) {
	b, err := jsontext.AppendQuote(w.b, s)
	if w.b = b; w.err == nil {
		w.err = err
	}
}

func (w *jsonWriter) member(name, value string) {
	w.raw(name)
	w.text(value)
}

func (w *jsonWriter) identifier(id Identifier) {
	w.member(`{"kind":`, id.Kind)
	w.member(`,"value":`, id.Value)
	w.raw("}")
}

func (w *jsonWriter) list(name string, n int, put func(i int)) {
	for i := range n {
		if i == 0 {
			w.raw(name)
		} else {
			w.raw(",")
		}
		put(i)
	}
	if n > 0 {
		w.raw("]")
	}
}

// texts writes an object of texts, nothing where there are none.
func texts[V ~string](w *jsonWriter, name string, keys []string, m map[string]V) {
	for i, k := range keys {
		if i == 0 {
			w.raw(name)
		} else {
			w.raw(",")
		}
		w.text(k)
		w.raw(":")
		w.text(string(m[k]))
	}
	if len(keys) > 0 {
		w.raw("}")
	}
}

package inventory

import (
	"maps"
	"slices"
)

// compare lists what two wordings of one record disagree in, by path; attrs are the attributes that do. Whose word counts is not its
// question.
func (k Kind) compare(was, is Record, attrs []altered) []Difference {
	var out []Difference
	add := func(path string, kind AttrKind, before, after Value) {
		if before != after {
			out = append(out, Difference{Type: is.Type, Native: is.Native, Op: Updated, Path: path, Kind: kind, Before: before, After: after, Actor: is.Actor})
		}
	}
	for _, x := range attrs {
		add(x.path, k.kindOf(is.Type, x.path), x.before, x.after)
	}
	add("name", Identity, some(was.Name), some(is.Name))
	add("class", Security, some(string(was.Class)), some(string(is.Class))) // it says which rules hold for it
	add("identifiers", Identity, identifiers(was.IDs), identifiers(is.IDs))
	for _, verb := range verbsOf(was.Edges, is.Edges) {
		add("edges."+verb, k.kindOf(is.Type, "edges."+verb), ends(was.Edges, verb), ends(is.Edges, verb))
	}
	return out
}

func some(s string) Value {
	if s == "" {
		return ""
	}
	return Text(s)
}

func identifiers(ids []Identifier) Value {
	var list []string
	for _, id := range ids {
		list = append(list, id.Kind+" "+id.Value)
	}
	return Set(list...)
}

func verbsOf(lists ...[]Link) []string {
	seen := map[string]bool{}
	for _, list := range lists {
		for _, l := range list {
			seen[l.Verb] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// ends gives the other ends of the edges with a verb; no edge is no value.
func ends(links []Link, verb string) Value {
	var list []string
	for _, l := range links {
		if l.Verb == verb {
			list = append(list, l.To.Kind+" "+l.To.Value)
		}
	}
	if list == nil {
		return ""
	}
	return Set(list...)
}

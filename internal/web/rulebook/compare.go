package rulebook

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/seal"
)

// itemDiff is one rule, role or other item of a pack that another version has otherwise.
type itemDiff struct {
	Kind    string // rule, role, …
	ID      string
	What    string // added, removed, changed
	Members []memberDiff
}

// memberDiff is one member of an item.
type memberDiff struct{ Path, Before, After string }

// item is anything in a pack that has an id.
type item struct {
	kind, id string
	value    any
}

func items(p *policy.Pack) []item {
	out := []item{{"head", p.Name, struct {
		Version, Title string
		Expire         policy.Expiry
		Exclude        []string
	}{p.Version, p.Title, p.Expire, p.Exclude}}, {"emergency", "path", p.Emergency}}
	for _, x := range p.Rules {
		out = append(out, item{"rule", x.ID, x})
	}
	for _, x := range p.Roles {
		out = append(out, item{"role", x.Name, x})
	}
	for _, x := range p.Categories {
		out = append(out, item{"category", x.Name, x})
	}
	for _, x := range p.Models {
		out = append(out, item{"standard model", x.ID, x})
	}
	for _, x := range p.Components {
		out = append(out, item{"component", x.Key, x})
	}
	for _, x := range p.Targets {
		out = append(out, item{"target", x.Name, x})
	}
	for _, x := range p.Windows {
		out = append(out, item{"window", x.ID, x})
	}
	for _, x := range p.Freezes {
		out = append(out, item{"freeze", x.ID, x})
	}
	for _, x := range p.Clauses {
		out = append(out, item{"clause", x.ID, x})
	}
	return out
}

// compare lists what two packs have otherwise, item by item.
func compare(from, to *policy.Pack) ([]itemDiff, error) {
	out := []itemDiff{}
	before, err := flatItems(from)
	if err != nil {
		return nil, err
	}
	after, err := flatItems(to)
	if err != nil {
		return nil, err
	}
	for _, x := range items(to) {
		name := x.kind + " " + x.id
		old, had := before[name]
		d := itemDiff{Kind: x.kind, ID: x.id, What: "changed", Members: members(old, after[name])}
		if !had {
			d.What = "added"
		}
		if len(d.Members) > 0 {
			out = append(out, d)
		}
	}
	for _, x := range items(from) {
		if name := x.kind + " " + x.id; after[name] == nil {
			out = append(out, itemDiff{Kind: x.kind, ID: x.id, What: "removed", Members: members(before[name], nil)})
		}
	}
	return out, nil
}

func flatItems(p *policy.Pack) (map[string]map[string]string, error) {
	out := map[string]map[string]string{}
	for _, x := range items(p) {
		text, err := seal.Canonical(x.value)
		if err != nil {
			return nil, fmt.Errorf("encode %s %s: %w", x.kind, x.id, err)
		}
		var v any
		if err := json.Unmarshal(text, &v); err != nil {
			return nil, fmt.Errorf("read %s %s: %w", x.kind, x.id, err)
		}
		flat := map[string]string{}
		flatten(flat, "", v)
		out[x.kind+" "+x.id] = flat
	}
	return out, nil
}

func flatten(out map[string]string, path string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			flatten(out, strings.TrimPrefix(path+"."+k, "."), x)
		}
	case []any:
		for i, x := range v {
			flatten(out, fmt.Sprintf("%s[%d]", path, i+1), x)
		}
	case nil:
	case string:
		if v != "" {
			out[path] = v
		}
	default:
		out[path] = fmt.Sprint(v)
	}
}

func members(before, after map[string]string) []memberDiff {
	out := []memberDiff{}
	for path, v := range before {
		if after[path] != v {
			out = append(out, memberDiff{path, v, after[path]})
		}
	}
	for path, v := range after {
		if _, had := before[path]; !had {
			out = append(out, memberDiff{Path: path, After: v})
		}
	}
	slices.SortFunc(out, func(a, b memberDiff) int { return strings.Compare(a.Path, b.Path) })
	return out
}

// trialRow is one change of which a pack would have demanded something else.
type trialRow struct {
	ID      string
	Now     string // what the pack in force demands
	Tried   string // what the other would
	Refused bool   // the other would not have let it in
}

// differing keeps the changes of which another pack demands something else.
func differing(now, tried []policy.Row) (out []trialRow, same int) {
	for i, n := range now {
		r := trialRow{ID: n.ID, Now: inWords(n), Tried: inWords(tried[i]), Refused: tried[i].Refused != ""}
		if r.Now == r.Tried {
			same++
			continue
		}
		out = append(out, r)
	}
	return out, same
}

func inWords(r policy.Row) string {
	if r.Refused != "" {
		return "refused: " + r.Message
	}
	d := r.Demand
	parts := []string{"risk " + string(d.Risk)}
	for _, s := range d.Slots {
		parts = append(parts, fmt.Sprintf("%d × %s", s.Min, s.ID))
	}
	for _, c := range d.Checks {
		parts = append(parts, "evidence "+c.Kind)
	}
	for _, c := range d.After {
		parts = append(parts, "afterwards "+c.Kind)
	}
	for _, s := range d.Verify {
		parts = append(parts, "verified by "+s.Role)
	}
	slices.Sort(parts[1:])
	return strings.Join(parts, ", ")
}

// sorted gives the names of a map in their order.
func sorted(m map[string]string) []string {
	out := []string{}
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// byChange tells a pack that a change put in force from that of the first start, which no change decided.
func byChange(id string) bool { return id != "" && id != "setup" }

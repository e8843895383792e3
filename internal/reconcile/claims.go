package reconcile

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/plan"
)

// Claims gives what an authorized revision may change: out of the documents of its bound plans, which its digest covers, and
// out of the effects that its authors typed. plans holds the parsed documents by their digest; a plan whose document is not
// there claims nothing, so that what it does is nobody's.
func Claims(rev change.Revision, plans map[string]*plan.Plan) []Claim {
	b := claimer{rev: rev}
	for _, x := range rev.Material.Bindings {
		b.plan(x, plans[x.Document], false)
	}
	if x := rev.Material.Rollback.Binding; x != nil {
		b.plan(*x, plans[x.Document], true)
	}
	for _, e := range rev.Material.Effects {
		path := fold(e.Path)
		if path == "*" && (e.Op == "create" || e.Op == "delete") {
			path = "" // the whole thing comes or goes
		}
		c := Claim{Address: string(inventory.FullID(e.Target)), Path: path, Verb: verbOf(e.Op), Open: e.After == ""}
		if e.After != "" {
			c.After = typed(e.After)
		}
		b.add(c)
	}
	return b.list
}

type claimer struct {
	rev  change.Revision
	list []Claim
}

// add takes a claim, and the way back from it.
func (b *claimer) add(c Claim) {
	b.put(c)
	if c.Rollback {
		return
	}
	back := c
	back.Rollback, back.Includes = true, false
	back.Before, back.After, back.Thing = c.After, c.Before, ""
	switch c.Verb {
	case verbImport:
		back.Verb = plan.ClassForget // the thing was there before
	case plan.ClassForget:
		back.Verb, back.Open = verbImport, true
	case plan.ClassCreate:
		back.Verb = plan.ClassDelete
	case plan.ClassDelete:
		back.Verb, back.Open = plan.ClassCreate, c.Planned || c.Path == ""
	default:
		if !c.Planned { // a typed effect names no value before: formerly freezes it
			back.Open = false
			break
		}
		back.Open = c.Open || len(c.Before) == 0 // what the way there works out, the way back works out anew
	}
	b.put(back)
}

func (b *claimer) put(c Claim) {
	c.Change, c.Rev = string(b.rev.Change), b.rev.Digest
	c.ID = fmt.Sprintf("%s#%d", b.rev.ID, len(b.list)+1)
	b.list = append(b.list, c)
}

// plan takes what a bound plan does, resource by resource.
func (b *claimer) plan(x change.Binding, p *plan.Plan, rollback bool) {
	if x.Kind != "tf-plan" || p == nil {
		return
	}
	lineage := plan.Lineage(x.Base)
	for _, r := range p.Summary().Resources {
		c := Claim{Address: r.Address, Lineage: lineage, Planned: true, Rollback: rollback, Verb: r.Class}
		if r.Previous != "" {
			b.add(Claim{Address: r.Previous, Lineage: lineage, Planned: true, Rollback: rollback, Verb: plan.ClassForget})
			b.add(Claim{Address: r.Address, Lineage: lineage, Planned: true, Rollback: rollback, Verb: verbImport})
		}
		if r.ImportID != "" {
			b.add(Claim{Address: r.Address, Lineage: lineage, Planned: true, Rollback: rollback, Verb: verbImport})
		}
		if r.Class == plan.ClassNoOp || r.Class == plan.ClassRead {
			continue
		}
		if r.Class == plan.ClassDelete || r.Class == plan.ClassReplace {
			c.Thing = idBefore(r.Diffs)
		}
		b.add(c)
		c.Thing = ""
		if r.Class != plan.ClassDelete && r.Class != plan.ClassForget {
			b.attributes(c, r.Diffs)
		}
	}
}

// idBefore gives the id of the thing that a resource had before, where the plan shows it.
func idBefore(list []plan.Diff) string {
	for _, d := range list {
		if d.Path == "id" && !d.Sensitive {
			return strings.Join(plain(d.Before), "")
		}
		var whole struct {
			ID jsontext.Value `json:"id"`
		}
		if d.Path == "" && json.Unmarshal(d.Before, &whole) == nil && !plan.Masked(whole.ID) { // a deletion shows the whole at once
			return strings.Join(plain(whole.ID), "")
		}
	}
	return ""
}

// attributes claims each attribute that a plan changes, and each list of which it changes items.
func (b *claimer) attributes(c Claim, list []plan.Diff) {
	parts := map[string][]plan.Diff{}
	var order []string
	for _, d := range list {
		one := c
		one.Path, one.Open = fold(d.Path), d.Unknown || d.Sensitive
		one.Before, one.After = written(d.Before), written(d.After)
		b.add(one)
		if whole, item, ok := cutLast(one.Path); ok && number(item) {
			if parts[whole] == nil {
				order = append(order, whole)
			}
			parts[whole] = append(parts[whole], d)
		}
	}
	for _, whole := range order {
		one := c
		one.Path = whole
		var items, before []string
		for _, d := range parts[whole] {
			one.Open = one.Open || d.Unknown || d.Sensitive
			one.Includes = one.Includes || len(d.Before) > 0
			items, before = append(items, plain(d.After)...), append(before, plain(d.Before)...)
		}
		one.After = []inventory.Value{inventory.Set(items...)}
		if len(before) > 0 {
			one.Before = []inventory.Value{inventory.Set(before...)}
		}
		b.add(one)
	}
}

func cutLast(path string) (head, last string, ok bool) {
	i := strings.LastIndexByte(path, '.')
	if i < 0 {
		return "", path, false
	}
	return path[:i], path[i+1:], true
}

func number(s string) bool {
	_, err := strconv.ParseUint(s, 10, 32)
	return err == nil
}

// plain gives a scalar's text; nothing for what is absent.
func plain(v jsontext.Value) []string {
	if len(v) == 0 {
		return nil
	}
	return []string{inventory.Value(v).Plain()}
}

// written gives the ways in which a source may write a planned value: sources of one thing disagree whether 8080 is a number.
func written(v jsontext.Value) []inventory.Value {
	switch {
	case len(v) == 0 || string(v) == "null":
		return []inventory.Value{""}
	case v[0] == '"':
		return typed(inventory.Value(v).Plain())
	case v[0] == '[':
		var items []jsontext.Value
		if json.Unmarshal(v, &items) != nil {
			return []inventory.Value{inventory.Text(string(v))}
		}
		var list []string
		for _, x := range items {
			list = append(list, plain(x)...)
		}
		out := []inventory.Value{inventory.Set(list...), inventory.Text(string(v))}
		if len(list) == 0 {
			out = append(out, "")
		}
		return out
	case v[0] == '{':
		out := []inventory.Value{inventory.Text(string(v)), inventory.Value(v)}
		if string(v) == "{}" {
			out = append(out, "")
		}
		return out
	}
	return []inventory.Value{inventory.Value(v), inventory.Text(string(v))}
}

// typed gives the ways to write a text that may stand for a number or a boolean.
func typed(s string) []inventory.Value {
	out := []inventory.Value{inventory.Text(s)}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && strconv.FormatInt(n, 10) == s {
		out = append(out, inventory.Number(n))
	}
	if s == "true" || s == "false" {
		out = append(out, inventory.Value(s))
	}
	if s == "" {
		out = append(out, "")
	}
	return out
}

// verbOf reads the operation of a typed effect; every other word is a change of what is there.
func verbOf(op string) string {
	switch strings.ToLower(op) {
	case "create", "add", "new":
		return plan.ClassCreate
	case "delete", "remove", "destroy":
		return plan.ClassDelete
	case "replace":
		return plan.ClassReplace
	}
	return plan.ClassUpdate
}

// holds reports whether a value is the approved one.
func (c *Claim) holds(v inventory.Value) bool {
	if c.Open {
		return true
	}
	if !c.Includes {
		return slices.Contains(c.After, v) || strings.HasPrefix(string(v), "[") && slices.ContainsFunc(c.After, func(a inventory.Value) bool { return sameSet(a, v) })
	}
	have := v.Items()
	for _, a := range c.After {
		for _, item := range a.Items() {
			if !slices.Contains(have, item) {
				return false
			}
		}
	}
	return len(c.After) > 0
}

// alone reports whether between two values of a list no other items came or went than those of the plan.
func (c *Claim) alone(before, after inventory.Value) bool {
	had, has := before.Items(), after.Items()
	return approvedItems(has, had, c.After) && approvedItems(had, has, c.Before)
}

// approvedItems reports whether what is in a list and not in the other one is approved, item by item.
func approvedItems(list, other []string, approved []inventory.Value) bool {
	return !slices.ContainsFunc(list, func(item string) bool {
		return !slices.Contains(other, item) && !slices.ContainsFunc(approved, func(a inventory.Value) bool { return slices.Contains(a.Items(), item) })
	})
}

// sameSet compares without order: a list whose order a source keeps is approved in the plan's.
func sameSet(a, b inventory.Value) bool {
	return strings.HasPrefix(string(a), "[") && inventory.Set(a.Items()...) == inventory.Set(b.Items()...)
}

func integer(v inventory.Value) (int64, bool) {
	n, err := strconv.ParseInt(v.Plain(), 10, 64)
	return n, err == nil
}

package plan

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"plumbline.dev/plumb/internal/seal"
)

// Counts says how many resources a plan changes in which way. A resource that is moved or imported
// counts there and also under its class.
type Counts struct {
	Create  int `json:"create"`
	Update  int `json:"update"`
	Delete  int `json:"delete"`
	Replace int `json:"replace"`
	Forget  int `json:"forget"` // leaves the state and lives on, unmanaged
	Read    int `json:"read"`   // data sources read, and ephemeral resources opened, during the apply
	Import  int `json:"import"`
	Move    int `json:"move"`
	NoOp    int `json:"noop"`
	Outputs int `json:"outputs"` // output values that change
	Drift   int `json:"drift"`   // resources found other than the state had them
}

// Changes is the number of resources that the apply creates, updates, deletes, replaces, forgets,
// imports or moves. Zero is no success to report: there is nothing to approve.
func (c Counts) Changes() int {
	return c.Create + c.Update + c.Delete + c.Replace + c.Forget + c.Import + c.Move
}

// Summary is a plan for people and for rules. All values in it are redacted.
type Summary struct {
	ToolVersion   string     `json:"tool_version"`   // of terraform or tofu
	FormatVersion string     `json:"format_version"` // of the plan JSON, 1.x
	Counts        Counts     `json:"counts"`
	Types         []string   `json:"types"` // types of the resources that change, sorted
	Complete      bool       `json:"complete"`
	Incomplete    string     `json:"incomplete,omitzero"` // why Complete does not hold
	Applyable     bool       `json:"applyable"`
	Errored       bool       `json:"errored"`
	MaskedPlaces  int        `json:"masked_places"` // resources whose address holds a masked part
	Resources     []Resource `json:"resources"`     // in the order of their addresses
	Outputs       []Output   `json:"outputs"`       // in the order of their names
	Checks        []Check    `json:"checks"`        // of the configuration
}

// Resource is what a plan does to one resource.
type Resource struct {
	Address  string   `json:"address"`
	Previous string   `json:"previous_address,omitzero"` // where it was before a move
	Deposed  string   `json:"deposed,omitzero"`
	Type     string   `json:"type"`
	Provider string   `json:"provider"`
	Class    string   `json:"class"` // one of the Class constants
	Actions  []string `json:"actions"`
	Reason   string   `json:"reason,omitzero"`    // the tool's own word for why
	Because  []string `json:"because,omitzero"`   // attributes that force a replacement
	ImportID string   `json:"import_id,omitzero"` // id of the thing that is imported, redacted
	Diffs    []Diff   `json:"diffs"`
}

// Diff is one attribute that differs. Before and After are redacted JSON; empty means absent.
type Diff struct {
	Path      string         `json:"path"` // such as tags.Name or rule[0].port; "" for the whole
	Before    jsontext.Value `json:"before,omitzero"`
	After     jsontext.Value `json:"after,omitzero"`
	Unknown   bool           `json:"unknown,omitzero"`   // After is known only after the apply
	Sensitive bool           `json:"sensitive,omitzero"` // part of it is masked
}

// Output is one output value that changes.
type Output struct {
	Name    string   `json:"name"`
	Actions []string `json:"actions"`
	Diffs   []Diff   `json:"diffs"`
}

// Check is one check of the configuration and its result: pass, fail, error or unknown.
type Check struct {
	Address string `json:"address"`
	Kind    string `json:"kind"`
	Status  string `json:"status"`
}

// Counts counts.
func (p *Plan) Counts() Counts {
	c := Counts{NoOp: p.doc.NoOp, Outputs: len(p.doc.OutputChanges), Drift: len(p.doc.ResourceDrift)}
	for i := range p.doc.ResourceChanges {
		w := &p.doc.ResourceChanges[i]
		switch class(w.Actions) {
		case ClassNoOp:
			c.NoOp++
		case ClassCreate:
			c.Create++
		case ClassRead:
			c.Read++
		case ClassUpdate:
			c.Update++
		case ClassDelete:
			c.Delete++
		case ClassReplace:
			c.Replace++
		case ClassForget:
			c.Forget++
		}
		if w.PreviousAddress != "" {
			c.Move++
		}
		if len(w.Importing) > 0 {
			c.Import++
		}
	}
	return c
}

// Types gives the types of all resources that change, sorted; reading a data source changes nothing.
func (p *Plan) Types() []string {
	out := []string{}
	for i := range p.doc.ResourceChanges {
		if w := &p.doc.ResourceChanges[i]; class(w.Actions) != ClassRead {
			out = append(out, w.Type)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Complete reports whether the plan covers the whole configuration, as far as the tool says so.
func (p *Plan) Complete() bool { return p.doc.Complete }

// Incomplete says why the plan is not complete, or "".
func (p *Plan) Incomplete() string {
	switch d := &p.doc; {
	case d.Complete:
		return ""
	case d.Errored:
		return "Planning ended with an error."
	case len(d.Ignored) > 0:
		return "The plan holds a section that is not known here: " + d.Ignored[0].Name + "."
	case !d.Stated:
		return "The tool does not say whether the plan covers the whole configuration."
	}
	return "The plan covers only a part of the configuration."
}

// Applyable reports whether the tool would apply the plan.
func (p *Plan) Applyable() bool { return p.doc.Applyable }

// Errored reports whether planning ended with an error.
func (p *Plan) Errored() bool { return p.doc.Errored }

// ToolVersion gives the version of the tool that made the plan, "" where it does not say.
func (p *Plan) ToolVersion() string { return p.doc.ToolVersion }

// Summary sums the plan up, attribute by attribute.
func (p *Plan) Summary() Summary {
	d := &p.doc
	s := Summary{ToolVersion: d.ToolVersion, FormatVersion: d.FormatVersion, Counts: p.Counts(), Types: p.Types(),
		Complete: d.Complete, Incomplete: p.Incomplete(), Applyable: d.Applyable, Errored: d.Errored,
		Resources: []Resource{}, Outputs: []Output{}, Checks: []Check{}}
	for i := range d.ResourceChanges {
		w := &d.ResourceChanges[i]
		if strings.Contains(w.Address, anyMarker) || strings.Contains(w.PreviousAddress, anyMarker) {
			s.MaskedPlaces++
		}
		s.Resources = append(s.Resources, w.sum())
	}
	for _, o := range d.OutputChanges {
		s.Outputs = append(s.Outputs, Output{Name: o.Name, Actions: o.Actions, Diffs: diffs(o.Before, o.After, o.AfterUnknown)})
	}
	for _, k := range d.Checks {
		s.Checks = append(s.Checks, Check{Address: k.Address, Kind: k.Kind, Status: k.Status})
	}
	return s
}

func (w *row) sum() Resource {
	r := Resource{Address: w.Address, Previous: w.PreviousAddress, Deposed: w.Deposed, Type: w.Type, Provider: w.Provider,
		Class: class(w.Actions), Actions: w.Actions, Reason: w.ActionReason, Diffs: diffs(w.Before, w.After, w.AfterUnknown)}
	items(w.ReplacePaths, func(path []byte) {
		at := ""
		items(path, func(step []byte) { at = join(at, step) })
		r.Because = append(r.Because, at)
	})
	members(w.Importing, func(name string, v []byte) {
		if name == "id" {
			r.ImportID = textOf(v)
		}
	})
	return r
}

// join adds one step, raw, to an attribute path.
func join(at string, step []byte) string {
	if len(step) == 0 || step[0] != '"' {
		return at + "[" + string(step) + "]"
	}
	name := string(unquote(step))
	switch {
	case name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != "":
		return at + "[" + string(step) + "]"
	case at == "":
		return name
	}
	return at + "." + name
}

// diffs gives the attributes in which two redacted values differ, or will.
func diffs(before, after, unknown []byte) []Diff {
	out := []Diff{}
	if isNull(before) && len(after) > 0 && (after[0] == '{' || isNull(after)) && len(unknown) > 0 && unknown[0] == '{' {
		before = []byte("{}")
	}
	compare(&out, "", absent(before), absent(after), unknown)
	return out
}

func isNull(v []byte) bool { return len(v) == 0 || v[0] == 'n' }

// absent takes null for no value, as Terraform does.
func absent(v []byte) []byte {
	if isNull(v) {
		return nil
	}
	return v
}

func compare(out *[]Diff, at string, before, after, unknown []byte) {
	waits := len(unknown) > 0 && unknown[0] == 't'
	switch {
	case !waits && bytes.Equal(before, after) && !bytes.Contains(unknown, []byte("true")):
		return
	case waits, !structured(before, after, unknown):
		*out = append(*out, Diff{Path: at, Before: before, After: after, Unknown: waits,
			Sensitive: bytes.Contains(before, []byte(anyMarker)) || bytes.Contains(after, []byte(anyMarker))})
		return
	}
	b, a, u := fields(before), fields(after), fields(unknown)
	for _, step := range steps(b, a, u) {
		compare(out, join(at, []byte(step)), absent(b[step]), absent(a[step]), u[step])
	}
}

// structured reports whether values can be compared member by member: objects, where a missing one
// counts as empty, or arrays of one length.
func structured(before, after, unknown []byte) bool {
	kind := byte(0)
	for _, v := range [][]byte{after, before, unknown} {
		if len(v) == 0 || v[0] == 'f' && kind != 0 {
			continue
		}
		if kind == 0 {
			kind = v[0]
		}
		if v[0] != kind {
			return false
		}
	}
	switch {
	case kind == '{':
		return len(after) > 2 || len(before) > 2 && len(after) > 0 || len(unknown) > 2
	case kind == '[' && len(after) > 0:
		n := len(fields(after))
		return n > 0 && (len(before) == 0 || len(fields(before)) == n)
	}
	return false
}

// fields gives the members or items of a value under their raw names or indexes.
func fields(v []byte) map[string][]byte {
	out := map[string][]byte{}
	c := cursor{b: v}
	switch c.kind() {
	case '{':
		for c.enter(); c.more(); {
			name := string(c.text())
			out[name] = c.skip()
		}
	case '[':
		for c.enter(); c.more(); {
			n := strconv.Itoa(len(out))
			out[n] = c.skip()
		}
	}
	return out
}

// steps gives the names or indexes of up to three values, in order.
func steps(values ...map[string][]byte) []string {
	var out []string
	for _, v := range values {
		for name := range v {
			out = append(out, name)
		}
	}
	slices.SortFunc(out, func(a, b string) int {
		if a[0] != '"' && len(a) != len(b) {
			return len(a) - len(b) // indexes, as numbers
		}
		return strings.Compare(a, b)
	})
	return slices.Compact(out)
}

// Effect is one difference that the apply should make in production.
type Effect struct {
	Target  string `json:"target"`  // address of the resource
	Path    string `json:"path"`    // attribute; "" for the resource as a whole
	Op      string `json:"op"`      // create, update, delete, replace, forget, import, move
	After   string `json:"after"`   // digest of the redacted value after; "" where there is none or it is unknown
	Unknown bool   `json:"unknown"` // the value after is known only after the apply
}

// MaxEffects bounds the effects of one plan.
const MaxEffects = 10000

// valueDomain is the domain of the digest of one value.
const valueDomain = "plumb.plan.value.v1"

// Effects gives the expected differences, in the order of addresses and paths: one for each attribute
// of a resource that is created, updated or replaced, one for a resource that is deleted, forgotten,
// moved or imported. More than limit (MaxEffects where it is 0 or higher) are cut off, and truncated
// says so; a list cut off must not be taken for the whole.
func (p *Plan) Effects(limit int) (list []Effect, truncated bool) {
	if limit <= 0 || limit > MaxEffects {
		limit = MaxEffects
	}
	list = []Effect{}
	for i := range p.doc.ResourceChanges {
		for _, e := range p.doc.ResourceChanges[i].effects() {
			if len(list) == limit {
				return list, true
			}
			list = append(list, e)
		}
	}
	return list, false
}

func (w *row) effects() []Effect {
	var out []Effect
	if w.PreviousAddress != "" {
		out = append(out, Effect{Target: w.Address, Op: "move"})
	}
	if len(w.Importing) > 0 {
		out = append(out, Effect{Target: w.Address, Op: "import"})
	}
	op := class(w.Actions)
	switch op {
	case ClassNoOp, ClassRead:
		return out
	case ClassDelete, ClassForget:
		return append(out, Effect{Target: w.Address, Op: op})
	}
	list := diffs(w.Before, w.After, w.AfterUnknown)
	for _, d := range list {
		e := Effect{Target: w.Address, Path: d.Path, Op: op, Unknown: d.Unknown}
		if len(d.After) > 0 && !d.Unknown {
			e.After = seal.Digest(valueDomain, d.After)
		}
		out = append(out, e)
	}
	if len(list) == 0 {
		out = append(out, Effect{Target: w.Address, Op: op})
	}
	return out
}

package plan

import (
	"bytes"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"plumbline.dev/plumb/internal/fault"
)

// row is one resource change as it is stored. The fields stand in the order of their JSON names, which
// makes the document canonical.
type row struct {
	ActionReason    string         `json:"action_reason,omitzero"`
	Actions         []string       `json:"actions"`
	Address         string         `json:"address"`
	After           jsontext.Value `json:"after"`
	AfterUnknown    jsontext.Value `json:"after_unknown"`
	Before          jsontext.Value `json:"before"`
	Deposed         string         `json:"deposed,omitzero"`
	Importing       jsontext.Value `json:"importing,omitzero"`
	Mode            string         `json:"mode"`
	ModuleAddress   string         `json:"module_address,omitzero"`
	Name            string         `json:"name"`
	PreviousAddress string         `json:"previous_address,omitzero"`
	Provider        string         `json:"provider"`
	ReplacePaths    jsontext.Value `json:"replace_paths,omitzero"`
	Type            string         `json:"type"`
}

// output is one output change as it is stored.
type output struct {
	Actions      []string       `json:"actions"`
	After        jsontext.Value `json:"after"`
	AfterUnknown jsontext.Value `json:"after_unknown"`
	Before       jsontext.Value `json:"before"`
	Name         string         `json:"name"`
}

// change is the "change" member of a row, raw: slices of the plan.
type change struct {
	actions         []string
	before          []byte
	after           []byte
	unknown         []byte
	beforeSensitive []byte
	afterSensitive  []byte
	replacePaths    []byte
	importing       []byte
}

// rawRow is a row of the plan before redaction.
type rawRow struct {
	row
	change
}

func readRow(raw []byte) (rawRow, error) {
	var w rawRow
	members(raw, func(name string, v []byte) {
		switch name {
		case "address":
			w.Address = textOf(v)
		case "previous_address":
			w.PreviousAddress = textOf(v)
		case "module_address":
			w.ModuleAddress = textOf(v)
		case "mode":
			w.Mode = textOf(v)
		case "type":
			w.Type = textOf(v)
		case "name":
			w.Name = textOf(v)
		case "deposed":
			w.Deposed = textOf(v)
		case "provider_name":
			w.Provider = textOf(v)
		case "action_reason":
			w.ActionReason = textOf(v)
		case "change":
			w.change = readChange(v)
		}
	})
	w.Actions = w.actions
	if err := w.check(); err != nil {
		return w, err
	}
	if _, ok := parts(w.Address); !ok || !w.fits() {
		return w, bad("a resource change whose address is not made of its module, type and name")
	}
	return w, nil
}

func readChange(raw []byte) (g change) {
	members(raw, func(name string, v []byte) {
		switch name {
		case "actions":
			items(v, func(a []byte) { g.actions = append(g.actions, textOf(a)) })
		case "before":
			g.before = v
		case "after":
			g.after = v
		case "after_unknown":
			g.unknown = v
		case "before_sensitive":
			g.beforeSensitive = v
		case "after_sensitive":
			g.afterSensitive = v
		case "replace_paths":
			g.replacePaths = v
		case "importing":
			g.importing = v
		}
	})
	return g
}

// textOf gives a JSON string decoded, and "" for any other value.
func textOf(v []byte) string {
	if len(v) == 0 || v[0] != '"' {
		return ""
	}
	return string(unquote(v))
}

// check refuses what cannot be classified: a plan of which one part is not understood is not
// summarised at all.
func (w *row) check() error {
	switch {
	case w.Address == "" || len(w.Address) > maxAddress || len(w.PreviousAddress) > maxAddress:
		return bad("a resource change without a usable address")
	case w.Mode != "managed" && w.Mode != "data" && w.Mode != "ephemeral":
		return bad("a resource change of an unknown mode")
	case !typeName(w.Type) || !providerName(w.Provider):
		return bad("a resource change without a usable type or provider")
	case w.Name == "" || !identifiers(w.Name):
		return bad("a resource change without a usable name")
	case !shortWord(w.ActionReason) || !shortWord(w.Deposed):
		return bad("a resource change with an unusable reason or deposed key")
	}
	if class(w.Actions) == "" {
		return fault.New(fault.Invalid, "unknown_action", "The plan holds an action that is not known here.").
			FixedBy("whoever runs this version of plumb").Then("use a version of the program that knows this version of the tool")
	}
	return nil
}

// shortWord allows what Terraform writes as reasons and deposed keys; no value can hide in it.
func shortWord(s string) bool {
	return len(s) <= 64 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz_0123456789") == ""
}

// Classes of change, as a person counts them.
const (
	ClassNoOp    = "no-op"
	ClassCreate  = "create"
	ClassRead    = "read"
	ClassUpdate  = "update"
	ClassDelete  = "delete"
	ClassReplace = "replace"
	ClassForget  = "forget"
)

// class joins the actions of a row to one of the classes; "" for a list that is not known.
func class(actions []string) string {
	switch strings.Join(actions, ",") {
	case ClassNoOp, ClassCreate, ClassRead, ClassUpdate, ClassDelete, ClassForget:
		return actions[0]
	case "open": // an ephemeral resource, which OpenTofu 1.11 lists; opening it changes nothing
		return ClassRead
	case "delete,create", "create,delete", "create,forget", "forget,create":
		return ClassReplace
	}
	return ""
}

// idle reports whether a row changes nothing at all, neither the resource nor its place in the state.
func (w *row) idle() bool {
	return class(w.Actions) == ClassNoOp && w.PreviousAddress == "" && len(w.Importing) == 0
}

// stored makes the redacted row.
func (r *redactor) stored(raw *rawRow) row {
	w := raw.row
	at := raw.Address
	w.Address, w.Name = r.where(raw.Address), r.identifier(raw.Name)
	if raw.ModuleAddress != "" {
		w.ModuleAddress = r.where(raw.ModuleAddress)
	}
	if raw.PreviousAddress != "" {
		w.PreviousAddress = r.where(raw.PreviousAddress)
	}
	w.Before = orNull(r.redact(at, "", raw.before, readMask(raw.beforeSensitive), state{}))
	w.After = orNull(r.redact(at, "", raw.after, readMask(raw.afterSensitive), state{}))
	w.AfterUnknown = r.unknown(at, raw.change.unknown)
	w.ReplacePaths = r.replacePaths(at, raw.replacePaths)
	if imports(raw.change.importing) {
		w.Importing = r.redact(at, "importing", raw.change.importing, nil, state{digest: true})
	}
	return w
}

func imports(v []byte) bool { return len(v) > 0 && v[0] == '{' }

func orNull(v []byte) jsontext.Value {
	if len(v) == 0 {
		return jsontext.Value("null")
	}
	return v
}

// storedOutput makes the redacted output change. The name of an output is a name like any other: an
// output called db_password is masked whatever its declaration says.
func (r *redactor) storedOutput(name string, g change) output {
	at := "output." + name
	st := r.about([]byte(name))
	return output{Actions: g.actions, Name: r.identifier(name),
		Before:       orNull(r.redact(at, "", g.before, readMask(g.beforeSensitive), st)),
		After:        orNull(r.redact(at, "", g.after, readMask(g.afterSensitive), st)),
		AfterUnknown: r.unknown(at, g.unknown)}
}

// unknown gives the structure of what is known only after the apply: names and truth values, and
// nothing else. Anything else in it counts as unknown.
func (r *redactor) unknown(address string, raw []byte) jsontext.Value {
	if len(raw) == 0 {
		return jsontext.Value("false")
	}
	r.mode, r.address, r.path, r.out = writing, address, r.path[:0], r.out[:0]
	v := truths(raw)
	c := cursor{b: v}
	r.value(&c, nil, state{})
	return bytes.Clone(r.out)
}

// truths copies the structure of a value with its truth values; every other leaf becomes true.
func truths(raw []byte) []byte {
	c := cursor{b: raw}
	var out []byte
	for c.i < len(raw) {
		switch k := c.kind(); k {
		case 0:
			return out
		case '{', '}', '[', ']':
			c.i++
			if k == '{' || k == '[' {
				out = append(comma(out), k)
			} else {
				out = append(out, k)
			}
		case '"':
			text := c.text()
			if isName(raw, c.i) {
				out = append(append(comma(out), text...), ':')
			} else {
				out = append(comma(out), "true"...)
			}
		case 'f':
			c.skip()
			out = append(comma(out), "false"...)
		default:
			c.skip()
			out = append(comma(out), "true"...)
		}
	}
	return out
}

// comma parts a value from the one before it.
func comma(out []byte) []byte {
	if n := len(out); n > 0 && out[n-1] != '{' && out[n-1] != '[' && out[n-1] != ':' {
		return append(out, ',')
	}
	return out
}

// isName reports whether the string that ended before i is the name of a member.
func isName(raw []byte, i int) bool {
	for ; i < len(raw); i++ {
		switch raw[i] {
		case ' ', '\t', '\n', '\r':
		default:
			return raw[i] == ':'
		}
	}
	return false
}

// replacePaths gives the attribute paths because of which a resource is replaced: arrays of names and
// indexes. Names are masked as they are in the values.
func (r *redactor) replacePaths(address string, raw []byte) jsontext.Value {
	if len(raw) == 0 || raw[0] != '[' {
		return nil
	}
	r.mode, r.address, r.out = writing, address, append(r.out[:0], '[')
	items(raw, func(path []byte) {
		r.out = append(comma(r.out), '[')
		r.path = r.path[:0]
		items(path, func(step []byte) {
			r.out = comma(r.out)
			if step[0] == '"' {
				name := unquote(step)
				r.name(nil, step, name, r.verdict(name), 0)
				r.step(name)
				return
			}
			if len(step) > 16 || len(strings.Trim(string(step), "0123456789")) > 0 {
				step = []byte("0")
			}
			r.out = append(r.out, step...)
			r.path = append(append(r.path, '/'), step...)
		})
		r.out = append(r.out, ']')
	})
	return bytes.Clone(append(r.out, ']'))
}

func byAddress(a, b row) int {
	if c := strings.Compare(a.Address, b.Address); c != 0 {
		return c
	}
	return strings.Compare(a.Deposed, b.Deposed)
}

// twice reports whether sorted rows name one object two times.
func twice(rows []row) bool {
	for i := 1; i < len(rows); i++ {
		if byAddress(rows[i-1], rows[i]) == 0 {
			return true
		}
	}
	return false
}

func sortRows(rows []row) { slices.SortStableFunc(rows, byAddress) }

// bad is the refusal of a plan that is JSON but not a plan as Terraform writes it. what is a constant
// of this package: nothing of the plan may stand in a message.
func bad(what string) *fault.Error {
	return fault.New(fault.Invalid, "bad_plan", "The plan holds %s.", what).
		FixedBy("whoever made the plan").Then("terraform show -json tfplan")
}

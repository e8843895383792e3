package plan

import (
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// line writes one object of the document, member by member in the order of their names. A JSON
// encoder would parse every value again, which are canonical already.
type line []byte

func (l line) open() line { return append(l, '{') }

func (l line) close() line { return append(l, '}') }

func (l line) name(name string) line {
	if n := len(l); n > 0 && l[n-1] != '{' {
		l = append(l, ',')
	}
	l = append(append(append(l, '"'), name...), '"')
	return append(l, ':')
}

func (l line) text(name, v string) line { return quote(l.name(name), v) }

// some writes a text that is left out where it is empty.
func (l line) some(name, v string) line {
	if v == "" {
		return l
	}
	return l.text(name, v)
}

func (l line) flag(name string, v bool) line { return strconv.AppendBool(l.name(name), v) }

func (l line) number(name string, v int) line { return strconv.AppendInt(l.name(name), int64(v), 10) }

func (l line) value(name string, v jsontext.Value) line { return append(l.name(name), v...) }

// optional writes a value that is left out where there is none.
func (l line) optional(name string, v jsontext.Value) line {
	if len(v) == 0 {
		return l
	}
	return l.value(name, v)
}

func (l line) texts(name string, list []string) line {
	return each(l.name(name), list, func(s string, l line) line { return quote(l, s) })
}

func each[T any](l line, list []T, one func(T, line) line) line {
	l = append(l, '[')
	for i, v := range list {
		if i > 0 {
			l = append(l, ',')
		}
		l = one(v, l)
	}
	return append(l, ']')
}

func (d *document) append(b []byte) []byte {
	l := line(b).open().flag("applyable", d.Applyable)
	l = each(l.name("checks"), d.Checks, check.append)
	l = l.flag("complete", d.Complete).flag("errored", d.Errored).text("format", d.Format).text("format_version", d.FormatVersion)
	l = each(l.name("ignored"), d.Ignored, ignored.append)
	l = l.flag("keyed", d.Keyed).number("noop", d.NoOp).number("noop_outputs", d.NoOpOutputs)
	l = each(l.name("output_changes"), d.OutputChanges, output.append)
	l = each(l.name("resource_changes"), d.ResourceChanges, row.append)
	l = each(l.name("resource_drift"), d.ResourceDrift, row.append)
	return l.flag("stated", d.Stated).text("tool_version", d.ToolVersion).close()
}

func (k check) append(l line) line {
	return l.open().text("address", k.Address).number("instances", k.Instances).text("kind", k.Kind).text("status", k.Status).close()
}

func (s ignored) append(l line) line {
	return l.open().text("mark", s.Mark).text("name", s.Name).close()
}

func (o output) append(l line) line {
	return l.open().texts("actions", o.Actions).value("after", o.After).value("after_unknown", o.AfterUnknown).
		value("before", o.Before).text("name", o.Name).close()
}

func (w row) append(l line) line {
	return l.open().some("action_reason", w.ActionReason).texts("actions", w.Actions).text("address", w.Address).
		value("after", w.After).value("after_unknown", w.AfterUnknown).value("before", w.Before).some("deposed", w.Deposed).
		optional("importing", w.Importing).text("mode", w.Mode).some("module_address", w.ModuleAddress).text("name", w.Name).
		some("previous_address", w.PreviousAddress).text("provider", w.Provider).optional("replace_paths", w.ReplacePaths).
		text("type", w.Type).close()
}

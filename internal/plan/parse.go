package plan

import (
	"bytes"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"plumbline.dev/plumb/internal/fault"
)

// parser goes once over the plan. It keeps the raw resource changes, output changes and variables
// until the whole plan is seen, for a value that is secret in the last line must be masked in the
// first; the states and the configuration it only searches for secrets as they pass.
type parser struct {
	dec       *jsontext.Decoder
	red       *redactor
	doc       document
	seen      bool // a section that only a plan has
	complete  string
	applyable string
	changes   [][]byte
	drift     [][]byte
	outputs   []byte
	checks    []byte
	variables []byte
	sensitive map[string]bool // root variables declared sensitive
	changing  map[string]bool // addresses of the resource changes so far, no-ops too
}

func (p *parser) read() error {
	if err := object(p.dec, p.section); err != nil {
		return err
	}
	if _, err := p.dec.ReadToken(); err != io.EOF {
		if err == nil {
			err = bad("something after its end")
		}
		return err
	}
	if !p.seen || p.doc.FormatVersion == "" {
		return fault.New(fault.Invalid, "not_a_plan", "This is JSON, but not a plan.").
			FixedBy("whoever made the file").Then("terraform show -json tfplan")
	}
	return nil
}

// object calls f for each member; f reads the value.
func object(dec *jsontext.Decoder, f func(name string) error) error {
	if dec.PeekKind() != '{' {
		return wrongKind(dec)
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	for dec.PeekKind() == '"' {
		t, err := dec.ReadToken()
		if err != nil {
			return err
		}
		if err := f(t.String()); err != nil {
			return err
		}
	}
	_, err := dec.ReadToken()
	return err
}

// array calls f for each item; f reads it. null is an empty array.
func array(dec *jsontext.Decoder, f func() error) error {
	switch dec.PeekKind() {
	case 'n':
		return dec.SkipValue()
	case '[':
	default:
		return wrongKind(dec)
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	for k := dec.PeekKind(); k != ']' && k != 0; k = dec.PeekKind() {
		if err := f(); err != nil {
			return err
		}
	}
	_, err := dec.ReadToken()
	return err
}

// wrongKind is the decoder's own error where the JSON is broken, and a refusal where only the kind of
// a value is another than Terraform writes.
func wrongKind(dec *jsontext.Decoder) error {
	if err := dec.SkipValue(); err != nil {
		return err
	}
	return bad("a section of another kind than Terraform writes")
}

func (p *parser) section(name string) error {
	switch name {
	case "format_version", "terraform_version":
		return p.version(name)
	case "applyable", "complete", "errored":
		return p.claim(name)
	case "resource_changes":
		p.seen = true
		return p.rows(&p.changes)
	case "resource_drift":
		return p.rows(&p.drift)
	case "output_changes":
		p.seen = true
		return p.keep(&p.outputs)
	case "checks":
		return p.keep(&p.checks)
	case "variables":
		return p.keep(&p.variables)
	case "planned_values":
		p.seen = true
		return p.values(0, true)
	case "prior_state":
		return p.state()
	case "configuration":
		p.seen = true
		return p.configuration()
	case "relevant_attributes", "timestamp":
		return p.dec.SkipValue()
	}
	return p.ignore(name)
}

func (p *parser) keep(into *[]byte) error {
	v, err := p.dec.ReadValue()
	*into = bytes.Clone(v)
	return err
}

func (p *parser) rows(into *[][]byte) error {
	return array(p.dec, func() error {
		v, err := p.dec.ReadValue()
		if err != nil {
			return err
		}
		if len(*into) == maxRows {
			return fault.New(fault.TooLarge, "plan_too_large", "The plan holds more than %d resource changes.", maxRows).
				FixedBy("whoever made the plan").Then("split the configuration, or plan fewer resources at once")
		}
		*into = append(*into, bytes.Clone(v))
		c := cursor{b: v}
		if c.enter(); c.more() && string(c.member()) == "address" {
			p.changing[textOf(c.skip())] = true
		}
		return nil
	})
}

func (p *parser) version(name string) error {
	v, err := p.dec.ReadValue()
	if err != nil {
		return err
	}
	s := textOf(v)
	if name == "terraform_version" {
		if !versionText(s) {
			return bad("an unreadable version of its tool")
		}
		p.doc.ToolVersion = s
		return nil
	}
	if major, minor, ok := strings.Cut(s, "."); !ok || major != "1" || !versionText(minor) {
		return fault.New(fault.Invalid, "unknown_format", "The plan's format is not one of version 1, the one known here.").
			FixedBy("whoever made the plan").Then("make the plan with a Terraform 1.x or OpenTofu 1.x")
	}
	p.doc.FormatVersion = s
	return nil
}

func versionText(s string) bool {
	return s != "" && len(s) <= 64 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-+") == ""
}

func (p *parser) claim(name string) error {
	v, err := p.dec.ReadValue()
	if err != nil {
		return err
	}
	s := string(v)
	if s != "true" && s != "false" {
		return bad("a claim about itself that is neither true nor false")
	}
	switch name {
	case "applyable":
		p.applyable = s
	case "complete":
		p.complete = s
	default:
		p.doc.Errored = s == "true"
	}
	return nil
}

// ignore passes over a section that is not known here. The format grows, so that is no error; but a
// section may hold effects that nobody here can show, so its name is kept, with a keyed mark of its
// content, and the plan is not complete.
func (p *parser) ignore(name string) error {
	v, err := p.dec.ReadValue()
	if err != nil {
		return err
	}
	switch string(v) {
	case "null", "false", `""`, "{}", "[]":
		return nil
	}
	if !shortWord(name) {
		name = "unnamed"
	}
	p.doc.Ignored = append(p.doc.Ignored, ignored{Mark: p.red.known.marker("", "section/"+name, sorted(v)), Name: name})
	return nil
}

// state searches prior_state, whose values have the form of planned_values.
func (p *parser) state() error {
	if p.dec.PeekKind() != '{' {
		return p.dec.SkipValue()
	}
	return object(p.dec, func(name string) error {
		if name == "values" {
			return p.values(0, false)
		}
		return p.dec.SkipValue()
	})
}

// values searches a state. The planned one holds nothing but the outcome of the resource changes, where
// texts and names are searched too; of it only the masks are read.
func (p *parser) values(depth int, planned bool) error {
	if p.dec.PeekKind() != '{' || depth > maxDepth {
		return p.dec.SkipValue()
	}
	return object(p.dec, func(name string) error {
		switch name {
		case "root_module":
			return p.values(depth+1, planned)
		case "child_modules":
			return array(p.dec, func() error { return p.values(depth+1, planned) })
		case "resources":
			return array(p.dec, func() error { return p.resource(planned) })
		case "outputs":
			v, err := p.dec.ReadValue()
			members(v, p.stateOutput)
			return err
		}
		return p.dec.SkipValue()
	})
}

// resource searches one resource of a state for values that its own mask or their names tell.
func (p *parser) resource(planned bool) error {
	v, err := p.dec.ReadValue()
	if err != nil {
		return err
	}
	var values, masks []byte
	far := farName
	members(v, func(name string, v []byte) {
		switch name {
		case "address":
			if planned || p.changing[textOf(v)] {
				far = farMask // its values stand among the changes too, and are searched there
			}
		case "values":
			values = v
		case "sensitive_values":
			masks = v
		}
	})
	if len(masks) > 0 {
		p.red.collect(values, readMask(masks), state{}, far)
	}
	return nil
}

func (p *parser) stateOutput(name string, v []byte) {
	st := p.red.about([]byte(name))
	var value []byte
	members(v, func(name string, v []byte) {
		switch name {
		case "sensitive":
			st.secret = st.secret || string(v) != "false"
		case "value":
			value = v
		}
	})
	if st.secret {
		p.red.collect(value, coversAll, st, farMask)
	}
}

package tfstate

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"plumbline.dev/plumb/internal/connect"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/plan"
)

// Limits of a state.
const (
	maxObjects = 200_000
	maxDepth   = 64 // modules in modules
)

// Object is one object of a state: a resource instance at an address. Its values are not redacted yet.
type Object struct {
	Address  string // as the tool writes it, with the instance's key
	Resource string // its address without the key
	Type     string
	Provider string
	Deposed  string // key of an object that waits to be destroyed
	Tainted  bool
	Values   jsontext.Value
	Marks    plan.Marks
	Depends  []string // addresses of resources, without keys of instances
}

// native is the id of the object in its state, at an address as it may be shown.
func (o Object) native(place string) string {
	if o.Deposed != "" {
		return place + " (deposed " + o.Deposed + ")"
	}
	return place
}

// State is a document whose form is known.
type State struct {
	Lineage string
	Serial  int64
	Tool    string // version of the tool that wrote it
	each    func(func(Object) error) error
}

// Each calls f for every managed object, in the order of the document. It may be called again.
func (s State) Each(f func(Object) error) error {
	n := 0
	return s.each(func(o Object) error {
		if n++; n > maxObjects {
			return fault.New(fault.TooLarge, "document_too_large", "The state holds more than %d objects.", maxObjects).
				FixedBy("whoever looks after the configuration").Then("split the configuration into several states")
		}
		if o.Address == "" || o.Type == "" || len(o.Values) > 0 && o.Values[0] != '{' && o.Values[0] != 'n' {
			return connect.BadDocument("an object has no address or no values")
		}
		return f(o)
	})
}

// head is the members by which a document is recognised.
type head struct {
	version, format, serial, encrypted jsontext.Value
	lineage, tool                      string
	values, resources, prior           bool
}

// Read recognises a document: a state file of version 4, or the output of `show -json` for a state, which holds no lineage, so
// it is given.
func Read(raw []byte, lineage string) (State, error) {
	h, err := readHead(raw)
	if err != nil {
		return State{}, err
	}
	s := State{Lineage: h.lineage, Tool: h.tool}
	switch {
	case len(h.encrypted) > 0:
		return s, connect.BadDocument("it is encrypted; send the output of tofu show -json")
	case string(h.version) == "4" && h.lineage != "":
		_ = json.Unmarshal(h.serial, &s.Serial)
		s.each = func(f func(Object) error) error { return eachOfFile(raw, f) }
	case len(h.format) > 0 && h.prior:
		return s, connect.BadDocument("it is a plan, not a state; a source of kind terraform-drift takes it")
	case strings.HasPrefix(string(h.format), `"1.`):
		s.each = func(f func(Object) error) error { return eachShown(raw, "", f) }
	default:
		return s, connect.BadDocument("it is neither a state file of version 4 nor the output of show -json in a format 1.x")
	}
	if s.Lineage == "" {
		s.Lineage = lineage
	}
	if s.Lineage == "" {
		return s, connect.BadSetting("lineage", "is needed for a document that holds none")
	}
	return s, nil
}

// Within makes a state of one section of a document that is itself in the form of show -json: the prior_state of a plan.
func Within(raw []byte, section, lineage string) State {
	return State{Lineage: lineage, each: func(f func(Object) error) error { return eachShown(raw, section, f) }}
}

func readHead(raw []byte) (head, error) {
	var h head
	dec := jsontext.NewDecoder(bytes.NewBuffer(raw))
	err := object(dec, func(name string) error {
		switch name {
		case "version", "format_version", "serial", "encrypted_data", "lineage", "terraform_version":
			v, err := dec.ReadValue()
			if err != nil {
				return err
			}
			h.note(name, v.Clone())
			return nil
		case "prior_state", "resource_changes", "planned_values":
			h.prior = true
		}
		return dec.SkipValue()
	})
	if err == nil {
		_, err = dec.ReadToken()
		if err == nil {
			err = connect.BadDocument("something stands after its end")
		} else if errors.Is(err, io.EOF) {
			err = nil
		}
	}
	return h, broken(err)
}

func (h *head) note(name string, v jsontext.Value) {
	switch name {
	case "version":
		h.version = v
	case "format_version":
		h.format = v
	case "serial":
		h.serial = v
	case "encrypted_data":
		h.encrypted = v
	case "lineage":
		_ = json.Unmarshal(v, &h.lineage)
	default:
		_ = json.Unmarshal(v, &h.tool)
	}
}

// broken turns the decoder's error into a refusal: its own words may quote the state.
func broken(err error) error {
	if own := (*fault.Error)(nil); err == nil || errors.As(err, &own) {
		return err
	}
	if jerr := (*jsontext.SyntacticError)(nil); errors.As(err, &jerr) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return connect.BadDocument("it is no JSON, or is cut off")
	}
	if jerr := (*json.SemanticError)(nil); errors.As(err, &jerr) {
		return connect.BadDocument("a part of it is of another kind than Terraform writes")
	}
	return err
}

// Sections calls f for each member of a document; f reads the value. Errors of the decoder become refusals.
func Sections(dec *jsontext.Decoder, f func(name string) error) error { return broken(object(dec, f)) }

// Items calls f for each item of a list.
func Items[T any](dec *jsontext.Decoder, f func(T) error) error {
	return list(dec, func() error {
		var v T
		if err := json.UnmarshalDecode(dec, &v); err != nil {
			return err
		}
		return f(v)
	})
}

// object calls f for each member; f reads the value.
func object(dec *jsontext.Decoder, f func(name string) error) error {
	return within(dec, '{', func() error {
		t, err := dec.ReadToken()
		if err != nil {
			return err
		}
		return f(t.String())
	})
}

// list calls f for each item; f reads it. null is an empty list.
func list(dec *jsontext.Decoder, f func() error) error {
	if dec.PeekKind() == 'n' {
		return dec.SkipValue()
	}
	return within(dec, '[', f)
}

func within(dec *jsontext.Decoder, open jsontext.Kind, f func() error) error {
	if dec.PeekKind() != open {
		if err := dec.SkipValue(); err != nil {
			return err
		}
		return connect.BadDocument("a section is of another kind than Terraform writes")
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	for k := dec.PeekKind(); k != '}' && k != ']' && k != 0; k = dec.PeekKind() {
		if err := f(); err != nil {
			return err
		}
	}
	_, err := dec.ReadToken()
	return err
}

// stored is a resource in a state file.
type stored struct {
	Module    string     `json:"module"`
	Mode      string     `json:"mode"`
	Type      string     `json:"type"`
	Name      string     `json:"name"`
	Provider  string     `json:"provider"`
	Instances []instance `json:"instances"`
}

type instance struct {
	Key     jsontext.Value `json:"index_key"`
	Status  string         `json:"status"`
	Deposed string         `json:"deposed"`
	Values  jsontext.Value `json:"attributes"`
	Marks   jsontext.Value `json:"sensitive_attributes"`
	Depends []string       `json:"dependencies"`
}

func eachOfFile(raw []byte, f func(Object) error) error {
	dec := jsontext.NewDecoder(bytes.NewBuffer(raw))
	return broken(object(dec, func(name string) error {
		if name != "resources" {
			return dec.SkipValue()
		}
		return Items(dec, func(r stored) error { return r.objects(f) })
	}))
}

func (r stored) objects(f func(Object) error) (err error) {
	if r.Mode != "managed" || r.Type == "" || r.Name == "" {
		return nil // data sources are read, not managed
	}
	base := r.Type + "." + r.Name
	if r.Module != "" {
		base = r.Module + "." + base
	}
	for _, i := range r.Instances {
		if i.Values, err = untyped(i.Values); err != nil {
			return err
		}
		o := Object{Address: base, Resource: base, Type: r.Type, Provider: plan.ProviderOf(r.Provider), Deposed: i.Deposed, Tainted: i.Status == "tainted",
			Values: i.Values, Marks: plan.PathMarks(i.Marks), Depends: i.Depends}
		if len(i.Key) > 0 && i.Key[0] != 'n' {
			o.Address += "[" + keyText(i.Key) + "]"
		}
		if err := f(o); err != nil {
			return err
		}
	}
	return nil
}

// untyped takes the types off attributes whose type is found out at run time: a state file holds them as {"value": …, "type": …}, and the
// paths of its sensitive marks, plans and show -json as the value alone.
func untyped(values jsontext.Value) (jsontext.Value, error) {
	if !bytes.Contains(values, []byte(`"type"`)) {
		return values, nil
	}
	var all map[string]jsontext.Value
	if err := json.Unmarshal(values, &all); err != nil {
		return nil, err
	}
	for name, v := range all {
		if len(v) == 0 || v[0] != '{' {
			continue
		}
		var of map[string]jsontext.Value
		if err := json.Unmarshal(v, &of); err != nil {
			return nil, err
		}
		if t := of["type"]; len(of) == 2 && of["value"] != nil && len(t) > 0 && (t[0] == '[' || typeName(string(t))) {
			all[name] = of["value"]
		}
	}
	return json.Marshal(all, json.Deterministic(true))
}

// typeName reports whether a JSON text is the name of a simple type of Terraform's.
func typeName(text string) bool {
	return text == `"string"` || text == `"number"` || text == `"bool"` || text == `"dynamic"`
}

// keyText writes an instance's key as an address does: what would begin a template is doubled.
func keyText(key jsontext.Value) string {
	text := string(key)
	if strings.Contains(text, "{") {
		text = strings.NewReplacer("${", "$${", "%{", "%%{").Replace(text)
	}
	return text
}

// shown is a resource in the output of show -json.
type shown struct {
	Address  string         `json:"address"`
	Key      jsontext.Value `json:"index"`
	Mode     string         `json:"mode"`
	Type     string         `json:"type"`
	Provider string         `json:"provider_name"`
	Values   jsontext.Value `json:"values"`
	Marks    jsontext.Value `json:"sensitive_values"`
	Depends  []string       `json:"depends_on"`
	Tainted  bool           `json:"tainted"`
	Deposed  string         `json:"deposed_key"`
}

// eachShown reads values of a state; section is where in the document the state stands, "" for the document itself.
func eachShown(raw []byte, section string, f func(Object) error) error {
	dec := jsontext.NewDecoder(bytes.NewBuffer(raw))
	state := func(name string) error {
		if name != "values" {
			return dec.SkipValue()
		}
		return module(dec, 0, f)
	}
	return broken(object(dec, func(name string) error {
		switch {
		case section == "":
			return state(name)
		case name == section:
			return object(dec, state)
		}
		return dec.SkipValue()
	}))
}

func module(dec *jsontext.Decoder, depth int, f func(Object) error) error {
	if depth > maxDepth {
		return connect.BadDocument("its modules nest deeper than is read")
	}
	return object(dec, func(name string) error {
		switch name {
		case "root_module":
			return module(dec, depth+1, f)
		case "child_modules":
			return list(dec, func() error { return module(dec, depth+1, f) })
		case "resources":
			return Items(dec, func(r shown) error {
				if r.Mode != "managed" {
					return nil
				}
				return f(Object{Address: r.Address, Resource: strings.TrimSuffix(r.Address, "["+keyText(r.Key)+"]"), Type: r.Type, Provider: plan.ProviderOf(r.Provider), Deposed: r.Deposed, Tainted: r.Tainted,
					Values: r.Values, Marks: plan.NestedMarks(r.Marks), Depends: r.Depends})
			})
		}
		return dec.SkipValue()
	})
}

package document

import (
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"plumbline.dev/plumb/internal/connect"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/seal"
)

// Object is a JSON object of which only the members that somebody asks for are read. A member of another kind than
// asked counts as absent: the forms belong to others and grow.
type Object map[string]jsontext.Value

// ParseObject reads bytes that must be one JSON object.
func ParseObject(b []byte) (Object, error) {
	var o Object
	if err := seal.Decode(b, &o); err != nil {
		return nil, Refused(err)
	}
	if o == nil {
		return nil, connect.BadDocument("it is no JSON object")
	}
	return o, nil
}

// Read reads a whole document that must be one JSON object.
func Read(r io.Reader) (Object, error) {
	b, err := All(r)
	if err != nil {
		return nil, err
	}
	return ParseObject(b)
}

// AsObject reads a value that was part of a parsed document; nil when it is no object.
func AsObject(v jsontext.Value) Object {
	var o Object
	if v.Kind() != '{' || json.Unmarshal(v, &o) != nil {
		return nil
	}
	return o
}

// AsList reads a value that was part of a parsed document; nil when it is no array.
func AsList(v jsontext.Value) []jsontext.Value {
	var l []jsontext.Value
	if v.Kind() != '[' || json.Unmarshal(v, &l) != nil {
		return nil
	}
	return l
}

// AsText gives a string without its quotes, a number or boolean as it is written, "" for anything else.
func AsText(v jsontext.Value) string {
	switch v.Kind() {
	case '"':
		var s string
		if json.Unmarshal(v, &s) == nil {
			return s
		}
	case '0', 't', 'f':
		return string(v)
	}
	return ""
}

// Text gives a member as AsText.
func (o Object) Text(name string) string { return AsText(o[name]) }

// Object gives a member as AsObject.
func (o Object) Object(name string) Object { return AsObject(o[name]) }

// List gives a member as AsList.
func (o Object) List(name string) []jsontext.Value { return AsList(o[name]) }

// Texts gives the texts of a member that is a list, or of one that is a single text.
func (o Object) Texts(name string) []string {
	var out []string
	for _, v := range o.List(name) {
		if s := AsText(v); s != "" {
			out = append(out, s)
		}
	}
	if s := o.Text(name); s != "" {
		out = append(out, s)
	}
	return out
}

// mostIDs is more identifiers than the inventory takes of one thing.
const mostIDs = 1_000

// Identify appends an identifier, folded as its kind is compared. Values that a whole class of things has are left
// out: they would join strangers.
func Identify(ids []inventory.Identifier, kind, value string) []inventory.Identifier {
	value = strings.TrimSpace(value)
	switch kind {
	case "mac", "machine-id", "fqdn", "hostname", "hardware-uuid":
		value = strings.ToLower(strings.TrimSuffix(value, "."))
	}
	switch {
	case value == "", value == "00:00:00:00:00:00", value == "localhost", kind == "fqdn" && !strings.Contains(value, "."),
		kind == "ip" && (strings.HasPrefix(value, "127.") || value == "::1"), kind == "machine-id" && strings.Trim(value, "0") == "":
		return ids
	}
	id := inventory.Identifier{Kind: kind, Value: value}
	if len(ids) > mostIDs || slices.Contains(ids, id) { // with more the record is refused, whatever else it has
		return ids
	}
	return append(ids, id)
}

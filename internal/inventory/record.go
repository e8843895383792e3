// Package inventory is what production is observed to be: sources are read, their records joined into assets,
// every difference between two observations is kept for good, and any moment of the past can be asked for. It
// judges nothing: whether a difference was approved is reconcile's question.
//
// Read in this order: record.go (what a source gives), source.go (what a source is), asset.go (what it becomes),
// join.go (who is who), merge.go (whose word counts), run.go (one reading of one source), sql.go.
package inventory

import (
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/seal"
)

// Value is one property's value as canonical JSON text: a string, an integer, a boolean or a sorted set of strings.
// Two values are the same exactly when their texts are. "" is no value.
type Value string

// Text makes a Value of a string.
func Text(s string) Value {
	b, err := seal.AppendText(nil, s)
	if err != nil {
		b, _ = seal.AppendText(nil, strings.ToValidUTF8(s, "\uFFFD"))
	}
	return Value(b)
}

// Number makes a Value of an integer.
func Number(n int64) Value { return Value(strconv.FormatInt(n, 10)) }

// Flag makes a Value of a boolean.
func Flag(b bool) Value { return Value(strconv.FormatBool(b)) }

// Set makes a Value of strings whose order means nothing: sorted, each once.
func Set(items ...string) Value {
	items = slices.Clone(items)
	slices.Sort(items)
	items = slices.Compact(items)
	b := []byte{'['}
	for i, s := range items {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, Text(s)...)
	}
	return Value(append(b, ']'))
}

// Plain gives the value as a person reads it: a string without quotes, a set joined by commas.
func (v Value) Plain() string {
	switch {
	case strings.HasPrefix(string(v), `"`):
		var s string
		if json.Unmarshal([]byte(v), &s) == nil {
			return s
		}
	case strings.HasPrefix(string(v), "["):
		return strings.Join(v.Items(), ", ")
	}
	return string(v)
}

// Items gives the members of a set; a single value is a set of one, no value an empty one.
func (v Value) Items() []string {
	if v == "" {
		return nil
	}
	var list []string
	if strings.HasPrefix(string(v), "[") && json.Unmarshal([]byte(v), &list) == nil {
		return list
	}
	return []string{v.Plain()}
}

// Record is one thing as one source shows it: what the source said, in the inventory's words and without secrets.
// It is never merged with another source's and never edited.
type Record struct {
	Scope  string `json:"scope"`  // what within the source is read completely or not at all: a project, account/region, engine, zone
	Type   string `json:"type"`   // vendor_resource in snake case, such as hcloud_server
	Class  Class  `json:"class"`  // what it is
	Native string `json:"native"` // the source's own id for it, unique by (scope, type)
	Name   string `json:"name"`   // as people call it
	// Attrs are properties by dotted path. What changes without anybody's doing (uptime, counters) goes into
	// Volatile: it is shown and never compared.
	Attrs    map[string]Value `json:"attrs,omitempty"`
	Volatile map[string]Value `json:"volatile,omitempty"`
	// Labels are governed properties that the source claims, by label key: from a tag, a fact, a code file.
	Labels map[string]string `json:"labels,omitempty"`
	IDs    []Identifier      `json:"ids,omitempty"`   // by which it is the same thing as another source's record
	Edges  []Link            `json:"edges,omitempty"` // to other things
	// Actor is who made the newest change, where the source says so (modifiersName of a directory).
	Actor string `json:"actor,omitempty"`
	// Raw is the SHA-256 of the bytes that the record was read from, where its source asks Input.Known; else zero.
	Raw [32]byte `json:"-"`
}

// Identifier is one name that a thing answers to beyond its source.
type Identifier struct {
	Kind  string `json:"kind"` // of IdentifierKinds
	Value string `json:"value"`
}

// Link is an edge from the record's thing to another, which may not be known yet.
type Link struct {
	Verb string     `json:"verb"` // of Verbs
	To   Identifier `json:"to"`   // an identifier of the other; kind "record" is "type/native" within the same source
}

// ByRecord names the other end of a Link by its record in the same source.
func ByRecord(recordType, native string) Identifier {
	return Identifier{Kind: "record", Value: recordType + "/" + native}
}

// Strength says what two records with one identifier in common are.
type Strength int

// The strengths. Suggests is the zero value: an unknown kind joins nothing.
const (
	Suggests Strength = iota // may be one thing; people decide (host name, IP address)
	Supports                 // joins with another weak one that agrees (MAC address)
	Hardware                 // joins where one living record of a source has it, and it is no value that many have
	Decisive                 // joins alone
)

// identifierKinds are the kinds of identifier, the strongest first, each with its strength.
var identifierKinds = []struct {
	kind     string
	strength Strength
}{
	{"cloud-id", Decisive},      // hcloud:server:42, an ARN
	{"engine-id", Decisive},     // a container by its engine's id and its own
	{"k8s-uid", Decisive},       // cluster and object uid
	{"object-guid", Decisive},   // Active Directory
	{"object-sid", Decisive},    // Active Directory
	{"entry-uuid", Decisive},    // LDAP, RFC 4530
	{"agent-key", Decisive},     // the key of an enrolled agent
	{"machine-id", Hardware},    // /etc/machine-id; clones share it
	{"dmi-serial", Hardware},    // of the board or chassis; vendors leave "To be filled by O.E.M."
	{"hardware-uuid", Hardware}, // of the board; containers share their host's
	{"chassis-id", Hardware},    // LLDP
	{"image-digest", Decisive},  // sha256 of an image
	{"package-url", Decisive},   // purl of a component
	{"dns-name", Suggests},      // a record's owner name
	{"mac", Supports},
	{"fqdn", Supports},
	{"hostname", Suggests},
	{"ip", Suggests},
}

// IdentifierKinds lists the kinds of identifier, the strongest first.
func IdentifierKinds() []string {
	out := make([]string, len(identifierKinds))
	for i, k := range identifierKinds {
		out[i] = k.kind
	}
	return out
}

// Strength gives what an identifier of this kind proves; an unknown kind proves nothing.
func (id Identifier) Strength() Strength {
	for _, k := range identifierKinds {
		if k.kind == id.Kind {
			return k.strength
		}
	}
	return Suggests
}

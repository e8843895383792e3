package inventory

import (
	"maps"
	"slices"
)

// AssetID names one asset for good: AST-000001.
type AssetID string

// Asset is one real thing: the records that are it, joined, with the word that counts for each property. It is
// retired, never deleted.
type Asset struct {
	ID      AssetID           `json:"id"`
	N       int64             `json:"n"`
	Version int64             `json:"version"`
	Class   Class             `json:"class"`
	Type    string            `json:"type"` // of its leading record
	Name    string            `json:"name"`
	State   Presence          `json:"state"`
	Labels  map[string]Label  `json:"labels,omitempty"`  // governed properties, each with where it comes from
	First   int64             `json:"first"`             // first observed, microseconds
	Changed int64             `json:"changed"`           // last time anything about it changed
	Merged  AssetID           `json:"merged,omitempty"`  // the asset that took its records over
	Origin  string            `json:"origin,omitempty"`  // the change that created it; empty is unprovenanced
	Unheard []Unheard         `json:"unheard,omitempty"` // words of sources that count for nothing against a label that stands
	Floor   Floor             `json:"floor,omitzero"`    // that counts instead of its classification: the data in it
	Attrs   map[string]Worded `json:"-"`                 // computed out of its records when it is read
}

// looks reports whether an asset's row shows the same of another state of it, but for its version and when it changed.
func (a Asset) looks(o Asset) bool {
	return a.ID == o.ID && a.Class == o.Class && a.Type == o.Type && a.Name == o.Name && a.State == o.State && a.Merged == o.Merged && a.Origin == o.Origin &&
		a.Floor == o.Floor && maps.Equal(a.Labels, o.Labels) && slices.Equal(a.Unheard, o.Unheard)
}

// Presence says whether an asset is there.
type Presence string

// The presences. Only complete readings of a source that may declare absence make an asset missing; an agent that
// reports no more leaves it silent.
const (
	Present Presence = "present"
	Silent  Presence = "silent"
	Missing Presence = "missing"
	Gone    Presence = "retired"
	Folded  Presence = "merged"
)

// Worded is one property with whose word it is.
type Worded struct {
	Value  Value  `json:"value"`
	Source string `json:"source"` // id of the source
	Kind   AttrKind
	At     int64 `json:"at"` // when the source first said so
}

// Confidence says how a label came to its value. A default never satisfies an audit.
type Confidence string

// The confidences.
const (
	Asserted  Confidence = "asserted" // by a person or an approved change
	Derived   Confidence = "derived"  // from a source or a rule
	Defaulted Confidence = "default"  // nobody said: the strictest is taken
)

// Label is one governed property with its provenance.
type Label struct {
	Value      string     `json:"value"`
	Confidence Confidence `json:"confidence"`
	Source     string     `json:"source,omitempty"` // source id of a derived one
	By         string     `json:"by,omitempty"`     // person of an asserted one
	Change     string     `json:"change,omitempty"` // the change that asserted it
	Reason     string     `json:"reason,omitempty"`
	At         int64      `json:"at,omitempty"`
}

// Op says what a Difference did.
type Op string

// The operations.
const (
	Created Op = "create" // the asset was seen for the first time, or came back
	Updated Op = "update" // one attribute
	Deleted Op = "delete" // the asset is missing
	Adopted Op = "adopt"  // its records were joined with another asset's, or split off: identity, not production
)

// Difference is what two observations of one asset disagree in, kept for good. The time in which production changed is an
// interval: after Earliest, when the old value was last confirmed, up to Latest, when the new one was first seen. Both are
// the server's time.
type Difference struct {
	ID       string   `json:"id"`
	N        int64    `json:"n"` // order; also a cursor
	Asset    AssetID  `json:"asset"`
	Record   string   `json:"record"` // id of the record that showed it
	Source   string   `json:"source"`
	Run      string   `json:"run"`
	Type     string   `json:"type"`   // record type
	Native   string   `json:"native"` // record's native id: for Terraform the address
	Op       Op       `json:"op"`
	Path     string   `json:"path,omitempty"` // attribute of an update
	Kind     AttrKind `json:"kind"`
	Before   Value    `json:"before,omitempty"`
	After    Value    `json:"after,omitempty"`
	Earliest int64    `json:"earliest"` // microseconds; 0 when the asset was not known before
	Latest   int64    `json:"latest"`
	Actor    string   `json:"actor,omitempty"` // as the source names who did it
	First    bool     `json:"first,omitempty"` // of the first reading of its source: what was there before anybody looked
	// Settled differences raise nothing: a mapper's new version, a change of whose word counts.
	Settled string `json:"settled,omitempty"`
}

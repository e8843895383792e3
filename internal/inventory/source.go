package inventory

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"time"
)

// Kind is one kind of outside system, one folder of internal/connect. It is the whole of what the rest of the
// program knows of it.
type Kind struct {
	Name  string // in configuration, such as docker
	Title string // for people
	// Mapper is the version of how documents become records. When it grows, differences between the two readings
	// of one document are the mapper's, not production's, and raise nothing.
	Mapper int
	// Absence says that a thing missing from a complete reading does not exist. Where it is false (an agent, a
	// host's own report), a missing thing is only silent.
	Absence bool
	// AbsentAfter is how many complete readings in a row must miss a thing before it is gone; 0 means two.
	AbsentAfter int64
	// Push says that documents are sent in (over the API, by a chef-client, from a file) instead of fetched.
	Push bool
	// Inner says that its documents come by a way of their own (the agent's), never by hand.
	Inner    bool
	Every    time.Duration // default interval of readings; zero for what is only pushed
	Settings []Setting
	Rules    []AttrRule // kinds of attribute; an attribute that no rule names is Config
	// Views are record types that show one and the same thing, each from its side. Records of two of them are one thing where their
	// identifiers say so; of one of them, the same identifier in two records is a clone.
	Views []string
	// Open makes a reading ready. It checks the settings and does no I/O.
	Open func(Input) (Source, error)
}

// Setting is one line of a source's configuration.
type Setting struct {
	Key      string
	Help     string
	Required bool
	// Secret settings hold a name; the secret itself is the file of that name in the data folder's secrets folder,
	// and enters neither database nor log nor answer.
	Secret  bool
	Default string
}

// Input is what one reading is given.
type Input struct {
	Settings map[string]string // by key, with the defaults; a secret one holds the secret itself
	Document io.Reader         // what was pushed; nil when the source is to be fetched
	Name     string            // of the pushed document, such as a file name
	Log      *slog.Logger
	// Mask turns a secret value into its keyed digest (hmac:…), so that a change of it is seen and it is not.
	Mask func(secret string) Value
	// Digest is Mask for what may hold a secret and need not: nobody looks for that text elsewhere.
	Digest func(text string) Value
	// Known reports that records came from exactly these bytes in the last reading, by the same mapper. They then count as
	// seen again, and the bytes need not be parsed. Whoever uses it gives the same bytes' digest with each record: Raw.
	Known func(raw []byte) bool
	// Newer is asked before the first record by whoever reads documents that say their order in a scope, such as the serial of a state. It
	// refuses what is older than the newest that was read completely.
	Newer func(scope string, edition int64) error
}

// Source is one reading of one outside system.
type Source interface {
	// Collect emits every record of its scopes once, in any order, and stops at the first error, its own or emit's. It
	// returns nil only when every scope that it named was read to its end: then what was not emitted is taken for
	// absent. It is called once, from one goroutine, and ends when ctx does. No secret enters a record.
	Collect(ctx context.Context, emit func(Record) error) error
}

// Scoper is a Source that knows its scopes beforehand, so that a scope with nothing in it is known to be empty. Without
// it only the scopes of emitted records count as read.
type Scoper interface{ Scopes() []string }

// Looker is a Source that can be asked for one thing, before that is taken for gone because lists did not show it.
type Looker interface {
	// Look asks for the thing of a record that this source gave once. It is called after Collect returned nil, from the same goroutine, and
	// ends when ctx does. An error, as Unsure, says nothing, and the thing stays.
	Look(ctx context.Context, r Record) (Sight, error)
}

// Sight is what a source answers when it is asked for one thing.
type Sight int

// The answers. Unsure is the zero value: nothing follows from it.
const (
	Unsure   Sight = iota
	There          // it exists, whatever the list said
	NotThere       // the source knows no such thing
	Unasked        // things of this type cannot be asked for; what the lists said counts
)

// AttrKind says what a difference in an attribute means.
type AttrKind string

// The kinds of attribute. Only configuration and security raise a question; a state raises none, identity is
// followed, a secret is compared by its keyed digest.
const (
	Config   AttrKind = "config"
	Security AttrKind = "security"
	State    AttrKind = "state"
	Identity AttrKind = "identity"
	Computed AttrKind = "computed" // the system derives it from others: a side effect of a change of those
)

// AttrRule gives a kind to the attributes that a pattern matches. A star stands for any characters; the first rule that
// matches counts.
type AttrRule struct {
	Type string   `json:"type"` // record type; * for all
	Path string   `json:"path"`
	Kind AttrKind `json:"kind"`
}

// absentAfter is how many complete readings in a row must miss a thing of this kind before it is taken for gone.
func (k Kind) absentAfter() int64 {
	if k.AbsentAfter > 0 {
		return k.AbsentAfter
	}
	return 2
}

// kindOf gives the kind of an attribute: by the first rule that matches, else configuration.
func (k Kind) kindOf(recordType, path string) AttrKind {
	for _, r := range k.Rules {
		if matches(r.Type, recordType) && matches(r.Path, path) {
			return r.Kind
		}
	}
	return Config
}

// matches reports whether s fits a pattern in which a star stands for any characters.
func matches(pattern, s string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == s
	}
	if !strings.HasPrefix(s, parts[0]) {
		return false
	}
	s = s[len(parts[0]):]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(s, part)
		if i < 0 {
			return false
		}
		s = s[i+len(part):]
	}
	return strings.HasSuffix(s, parts[len(parts)-1])
}

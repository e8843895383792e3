package reconcile

import (
	"strings"
	"time"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
)

// MuteKind says what a mute is.
type MuteKind string

// The kinds of mute.
const (
	Automation MuteKind = "standing"    // an automation may do this within bounds
	SideEffect MuteKind = "side_effect" // follows from changes that are explained elsewhere
	Ignore     MuteKind = "ignore"      // says nothing about production
)

// The states of a mute. Only an active one explains anything.
const (
	Proposed = "proposed"
	Active   = "active"
	Disabled = "disabled" // by a person, or because it began to match too much
	Lapsed   = "expired"
)

// Mute is one reviewed, expiring exception, narrow in place and attribute.
type Mute struct {
	ID       string   `json:"id"`
	N        int64    `json:"n"`
	Version  int64    `json:"version"`
	Kind     MuteKind `json:"kind"`
	State    string   `json:"state"`
	Reason   string   `json:"reason"`
	Asset    string   `json:"asset,omitempty"` // exact id
	Class    string   `json:"class,omitempty"`
	Type     string   `json:"type,omitempty"`
	Name     string   `json:"name,omitempty"` // a star stands for any characters
	Env      string   `json:"env,omitempty"`
	Path     string   `json:"path"`             // attribute; a star stands for any characters
	Op       string   `json:"op,omitempty"`     // create, update, delete; "" is update
	Values   []string `json:"values,omitempty"` // only to one of these
	Min      int64    `json:"min,omitempty"`    // only to a number in these bounds, where one of them is not 0
	Max      int64    `json:"max,omitempty"`
	Actor    string   `json:"actor,omitempty"`    // only by whom the source names so
	Security bool     `json:"security,omitempty"` // said aloud: it may explain security attributes
	Share    int64    `json:"share"`              // percent of all judged differences at which it disables itself
	Expires  int64    `json:"expires"`
	Proposer string   `json:"proposer"`
	At       int64    `json:"at"`
	Reviewer string   `json:"reviewer,omitempty"`
	Reviewed int64    `json:"reviewed,omitempty"`
	Seen     int64    `json:"seen"` // differences judged while it was active
	Hits     int64    `json:"hits"` // those that it matched
	Ended    string   `json:"ended,omitempty"`
	Back     BackTest `json:"back_test"`

	known map[inventory.AssetID]bool // where it is by name: the assets that it may match, and whether the database says so yet; loaded with an index
}

// BackTest says what a mute would have matched in the last 30 days, as its reviewer saw it, and what it was computed over.
type BackTest struct {
	Days         int64    `json:"days"`
	Differences  int64    `json:"differences"` // judged in that time
	Matched      int64    `json:"matched"`
	Unauthorized int64    `json:"unauthorized"` // of the matched, those that were found to be nobody's
	Assets       []string `json:"assets"`
	At           int64    `json:"at,omitempty"`    // when it was computed, microseconds; 0 in those from before this was kept
	Since        int64    `json:"since,omitempty"` // over differences seen since this instant
	To           int64    `json:"to,omitempty"`    // up to this number of a difference
	Cut          bool     `json:"cut,omitempty"`   // there were more than it looks at; the newest count
	Named        int64    `json:"named,omitempty"` // assets that are called so, where the mute is by name: no others match, whatever they are called later
}

// Limits of mutes.
const (
	longestMute  = 366 * 24 * time.Hour
	usualShare   = 20 // percent
	enoughToTell = 50 // judged differences before a share says anything
	backTestDays = 30
)

// matches reports whether a mute explains a difference at an instant.
func (m *Mute) matches(d inventory.Difference, p *Place, now int64) bool {
	return m.State == Active && now < m.Expires && m.covers(d, p) && m.knows(d, p)
}

// covers reports whether a difference is within a mute's bounds, whatever its state.
func (m *Mute) covers(d inventory.Difference, p *Place) bool {
	op := m.Op
	if op == "" {
		op = string(inventory.Updated)
	}
	switch {
	case string(d.Op) != op,
		d.Kind == inventory.Security && !m.Security,
		strings.HasPrefix(d.Path, "label."),
		m.Asset != "" && m.Asset != string(m.seenAs(p)),
		m.Class != "" && m.Class != string(p.Class),
		m.Type != "" && m.Type != p.Type,
		m.Name != "" && !glob(m.Name, p.Name),
		m.Env != "" && m.Env != p.Labels[inventory.LabelEnvironment],
		m.Path != d.Path && !glob(m.Path, fold(d.Path)),
		m.Actor != "" && !strings.EqualFold(m.Actor, d.Actor):
		return false
	}
	return m.bounds(d.After)
}

func (m *Mute) bounds(v inventory.Value) bool {
	if len(m.Values) > 0 {
		for _, x := range m.Values {
			if x == v.Plain() {
				return true
			}
		}
		return false
	}
	if m.Max != 0 || m.Min != 0 {
		n, ok := integer(v)
		return ok && n >= m.Min && n <= m.Max
	}
	return true
}

// tooWide reports whether a mute began to match more than its share of what is judged.
func (m *Mute) tooWide() bool {
	return m.Seen >= enoughToTell && m.Hits*100 > m.Share*m.Seen
}

// clean refuses a mute that is not narrow, has no end, or no reason.
func (m *Mute) clean(now int64) error {
	e := fault.New(fault.Invalid, "bad_mute", "The exception cannot be taken.").FixedBy("you").Then("plumb reconcile mute --help")
	if m.Share == 0 {
		m.Share = usualShare
	}
	if m.Kind != Automation && m.Kind != SideEffect && m.Kind != Ignore {
		e.At("kind", "is standing, side_effect or ignore")
	}
	if len(strings.TrimSpace(m.Reason)) < 10 || len(m.Reason) > 2000 {
		e.At("reason", "says in 10 to 2000 characters why")
	}
	if m.Asset == "" && m.Type == "" && strings.Trim(m.Name, "*") == "" {
		e.At("asset", "an asset, a type or a name must narrow it")
	}
	if strings.Trim(m.Path, "*.") == "" && m.Op != string(inventory.Created) && m.Op != string(inventory.Deleted) {
		e.At("path", "names attributes; a star alone is everything")
	}
	switch m.Op {
	case "", string(inventory.Created), string(inventory.Updated), string(inventory.Deleted):
	default:
		e.At("op", "is create, update or delete")
	}
	if m.Expires <= now || m.Expires > now+longestMute.Microseconds() {
		e.At("expires", "is in the future and within a year")
	}
	if m.Share < 1 || m.Share > 50 {
		e.At("share", "is 1 to 50 percent")
	}
	for path, s := range map[string]string{"asset": m.Asset, "class": m.Class, "type": m.Type, "name": m.Name, "env": m.Env, "path": m.Path, "actor": m.Actor} {
		if len(s) > 300 || strings.Count(s, "*") > 8 {
			e.At(path, "is at most 300 bytes with at most eight stars")
		}
	}
	if m.Min > m.Max {
		e.At("max", "is not below min")
	}
	if len(m.Values) > 100 {
		e.At("values", "are at most 100")
	}
	if len(e.Fields) > 0 {
		return e
	}
	return nil
}

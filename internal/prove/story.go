package prove

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/mod/sumdb/tlog"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/seal"
)

// story is one change as the pack tells it: its events, and the rows that they answer for.
type story struct {
	id     string
	number int64
	events []event
	rows   []rowLine
	bytes  int
	wrote  map[rowKey][]int // row → events that answer for it, by place in events
}

// rowKey names a row.
type rowKey struct{ table, id string }

// event is one event of a story with the words that are shown of it.
type event struct {
	seq    int64
	leaf   ledger.Leaf
	detail map[string]jsontext.Value
}

// says reads one detail; ok is false when it is withheld, erased or not there.
func (e event) says(name string, into any) bool {
	value, ok := e.detail[name]
	return ok && json.Unmarshal(value, into) == nil
}

// Limits of one change: its bytes in memory, and its rows, because some rules look at all for each.
const (
	maxStory = 256 << 20
	maxRows  = 20_000
)

// told is how many things the stories said, for the report.
type told struct {
	story      *story // the one that is being read
	rows       int64
	hidden     int64 // rows that are withheld
	details    int64 // events whose words are checked against their commitments
	opened     int64 // events of which some words are shown
	unsaid     int64 // events whose words are withheld or erased
	outside    int64 // events outside the run, each with its own proof
	revisions  int64
	decisions  int64
	approved   int64 // changes authorized by people, replayed
	automatic  int64 // changes authorized by a standard model
	fewest     int   // different people behind an authorization
	permits    int64
	runs       int64
	outcomes   map[string]int64
	closed     int64
	checks     int64
	roleShown  int64
	roleSaid   int64
	lastEvents int64 // newest event of the one change
}

// eachLine reads the lines of a member; each must be canonical and say exactly one thing.
func (v *verifier) eachLine(name string, b []byte, each func(line) bool) {
	for n := 1; len(b) > 0; n++ {
		end := bytes.IndexByte(b, '\n')
		if end < 0 {
			v.fault("member", name, "The last line has no end.")
			return
		}
		var x line
		text := b[:end]
		if err := seal.Decode(text, &x); err != nil {
			v.fault("member", name, "Line %d cannot be read: %v", n, err)
			return
		}
		one := 0
		for _, set := range []bool{x.Change != nil, x.Event != nil, x.Row != nil} {
			if set {
				one++
			}
		}
		again, err := seal.Canonical(x)
		if one != 1 || err != nil || !bytes.Equal(again, text) {
			v.fault("member", name, "Line %d is not written in its canonical form.", n)
			return
		}
		if !each(x) {
			return
		}
		b = b[end+1:]
	}
}

// changes takes one chunk of changes. The run must have come before it.
func (v *verifier) changes(name string, b []byte) {
	v.eachLine(name, b, func(x line) bool {
		s := v.told.story
		switch {
		case x.Change != nil:
			v.endStory()
			n, ok := changeNumber(x.Change.ID)
			if !ok || n <= v.newest {
				v.fault("change", x.Change.ID, "The change is not in the order of numbers, or is there twice.")
				return false
			}
			v.newest = n
			v.told.story = &story{id: x.Change.ID, number: n}
			return true
		case s == nil:
			v.fault("member", name, "There are lines before the first change.")
			return false
		case x.Event != nil:
			s.bytes += len(x.Event.Leaf) + len(x.Event.Detail)
			v.addEvent(s, *x.Event)
		default:
			for _, c := range x.Row.Cells {
				s.bytes += len(c)
			}
			s.rows = append(s.rows, *x.Row)
		}
		if s.bytes > maxStory {
			v.fault("too_large", s.id, "The change is larger than %d bytes.", maxStory)
		}
		return s.bytes <= maxStory
	})
}

// proven reads an event line and checks that its place in the tree is shown.
func (v *verifier) proven(x eventLine) (e event, hash tlog.Hash, ok bool) {
	where := fmt.Sprint(x.Seq)
	if err := seal.Decode(x.Leaf, &e.leaf); err != nil {
		v.fault("event", where, "The event cannot be read.")
		return e, hash, false
	}
	e.seq, hash = x.Seq, tlog.RecordHash(x.Leaf)
	if x.Proof != nil && !v.included(x.Seq, x.Proof, hash) {
		v.fault("event", where, "The event is not in the signed tree at its place.")
		return e, hash, false
	}
	return e, hash, true
}

func (v *verifier) addEvent(s *story, x eventLine) {
	e, hash, ok := v.proven(x)
	if !ok {
		return
	}
	where := fmt.Sprintf("%s event %d", s.id, x.Seq)
	switch {
	case e.leaf.Object.ID != s.id:
		v.fault("event", where, "The event is not about this change.")
	case len(s.events) > 0 && s.events[len(s.events)-1].seq >= x.Seq:
		v.fault("event", where, "The events are not in their order.")
	case v.m.Run.holds(x.Seq) != (x.Proof == nil):
		v.fault("event", where, "The event has to be proved by the run where it is inside it, by itself where not.")
	}
	if x.Proof == nil {
		v.unlink(s, x.Seq, hash)
	} else {
		v.told.outside++
	}
	v.words(where, &e, x)
	s.events = append(s.events, e)
}

// unlink follows the chain that the run left behind for this change, from its other end.
func (v *verifier) unlink(s *story, seq int64, hash tlog.Hash) {
	t := v.tallies[s.id]
	if t == nil {
		v.fault("event", fmt.Sprintf("%s event %d", s.id, seq), "The run has no event about this change.")
		return
	}
	t.again.link(seq, hash)
}

// words checks what is shown of an event's details against the commitments in its leaf.
func (v *verifier) words(where string, e *event, x eventLine) {
	switch {
	case x.Salt != "" && x.Detail != nil && x.Opened == nil:
		salt, ok := parseHex(x.Salt, 16)
		if !ok || ledger.CheckDetail(e.leaf, salt, x.Detail) != nil || json.Unmarshal(x.Detail, &e.detail) != nil {
			v.fault("detail", where, "The words of the event are not those that it committed to.")
			return
		}
		v.told.details++
	case x.Salt == "" && x.Detail == nil && x.Opened != nil:
		e.detail = map[string]jsontext.Value{}
		for _, name := range sortedKeys(x.Opened) {
			d := x.Opened[name]
			salt, err := hex.DecodeString(d.Salt)
			if err != nil || len(salt) != 32 || ledger.Commitment(salt, name, d.Value) != e.leaf.Commit[name] {
				v.fault("detail", where, "The detail %q of the event is not the one that it committed to.", name)
				return
			}
			e.detail[name] = d.Value
		}
		v.told.opened++
	case x.Salt != "" || x.Detail != nil: // details opened beside them, or one without the other
		v.fault("detail", where, "The words of the event cannot be read.")
	case len(e.leaf.Commit) > 0:
		v.told.unsaid++
	}
}

// endStory checks the change that was read: all its events of the run, every row by the last event that
// wrote it, then the rules.
func (v *verifier) endStory() {
	s := v.told.story
	if s == nil {
		return
	}
	v.told.story = nil
	v.stories++
	v.report.Counts.Changes++
	v.report.Counts.Rows += int64(len(s.rows))
	if v.m.Kind == oneChange && s.id != v.m.Change {
		v.fault("change", s.id, "The pack is about %s.", v.m.Change)
		return
	}
	if t := v.tallies[s.id]; v.m.Kind == period {
		if t == nil || !t.within {
			v.fault("population", s.id, "Nothing happened to this change in the period.")
			return
		}
		t.told = true
		if t.chain != t.again {
			v.fault("event", s.id, "The run has %d events about this change, the pack tells %d, or other ones.", t.chain.events, t.again.events)
			return
		}
	}
	if len(s.events) == 0 {
		v.fault("event", s.id, "The change has no events.")
		return
	}
	v.told.lastEvents = s.events[len(s.events)-1].seq
	before := len(v.report.Faults)
	if v.checkRows(s); len(v.report.Faults) == before {
		v.replay(s)
	}
}

// checkRows holds every row against the digest in the last event that wrote it, and asks that none of
// those rows is missing.
func (v *verifier) checkRows(s *story) {
	last := map[rowKey]string{}
	s.wrote = map[rowKey][]int{}
	for i, e := range s.events {
		for _, r := range e.leaf.Rows {
			if slices.Contains(change.Tables, r[0]) {
				k := rowKey{r[0], r[1]}
				last[k], s.wrote[k] = r[2], append(s.wrote[k], i)
			}
		}
	}
	if len(s.rows) > maxRows {
		v.fault("too_large", s.id, "The change has %d rows; at most %d are taken.", len(s.rows), maxRows)
		return
	}
	for _, r := range s.rows {
		k, where := rowKey{r.Table, r.ID}, s.id+" "+r.Table+" "+r.ID
		want, known := last[k]
		delete(last, k)
		got := r.Digest
		if r.Cells != nil {
			got = r.digest()
			v.told.rows++
		} else {
			v.told.hidden++
		}
		switch {
		case !known || want == "":
			v.fault("row_inserted", where, "No event of the change answers for the row.")
		case got != want:
			v.fault("row_edited", where, "The row is not the one that its last event answers for.")
		case r.Cells != nil && (!r.bare() || r.text("id") != r.ID || !r.belongs(s.id)):
			v.fault("row", where, "The row is not one of this change, or is told in two ways.")
		case r.Cells == nil && !hides(r.Table, v.m.Withheld):
			v.fault("row", where, "The row is withheld, though the manifest does not say so.")
		}
	}
	for k, digest := range last {
		if digest != "" {
			v.fault("row_deleted", s.id+" "+k.table+" "+k.id, "An event answers for the row, the pack does not hold it.")
		}
	}
}

func (r rowLine) belongs(id string) bool {
	if r.Table == "change_change" {
		return r.ID == id
	}
	return r.text("change_id") == id
}

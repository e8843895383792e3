package prove

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/seal"
)

// runSeen is what the pass over the run has found so far.
type runSeen struct {
	span      *ledger.Span
	ended     bool
	earlier   *ledger.Checkpoint // to be met on the way
	met       bool               // the earlier checkpoint is continued
	filed     int64              // changes filed in the period
	last      int64              // number of the newest change filed in the run
	low, high string             // the first and the last change filed in the period
	after     bool               // the newest event seen is at the end of the period or later
}

// tally is what the run says about one change: its events, chained, so that the change's own record
// must hold exactly these.
type tally struct {
	chain        // as the run has it
	again  chain // as the change's record tells it
	within bool  // some event of it is in the period
	told   bool  // the pack holds the change
}

// chain is a list of events, of which only the digest and the length are kept.
type chain struct {
	sum    [32]byte
	events int64
}

// link adds one event.
func (t *chain) link(seq int64, hash tlog.Hash) {
	var b [32 + 8 + 32]byte
	copy(b[:], t.sum[:])
	binary.BigEndian.PutUint64(b[32:], uint64(seq))
	copy(b[40:], hash[:])
	t.sum = sha256.Sum256(b[:])
	t.events++
}

// beginEarlier verifies the checkpoint that the verifier kept from earlier, where that needs no events.
func (v *verifier) beginEarlier() bool {
	if v.opt.Earlier == nil {
		return true
	}
	old, err := ledger.ReadCheckpoint(v.opt.Earlier, v.report.Ledger)
	if err != nil {
		v.fault("earlier_checkpoint", "", "The earlier checkpoint is not signed by this ledger's key: %v.", err)
		return false
	}
	switch {
	case old.Size == v.at.Size && old.Root != v.at.Root:
		v.fault("fork", "", "The ledger shows two histories: at %d events the pack's root is not the one you hold.", old.Size)
	case old.Size == v.at.Size || old.Size == 0:
		v.run0.met = true
	case old.Size > v.at.Size:
		// a pack made before the checkpoint; nothing in it can show what came later
	case v.m.Since != nil && v.m.Since.Size == old.Size:
		v.run0.met = v.consistent(old)
	}
	v.run0.earlier = &old
	return v.report.Whole()
}

func (v *verifier) consistent(old ledger.Checkpoint) bool {
	proof, err := parseHashes(v.m.Since.Proof)
	if err != nil || tlog.CheckTree(proof, v.at.Size, v.at.Root, old.Size, old.Root) != nil {
		v.fault("fork", "", "The proof that the ledger continues the checkpoint you hold does not hold.")
		return false
	}
	return true
}

func (v *verifier) beginRun() bool {
	if v.m.Run == nil {
		return true
	}
	left, err := parseHashes(v.m.Run.Left)
	if err == nil {
		v.run0.span, err = ledger.NewSpan(v.m.Run.First, left)
	}
	if err != nil {
		v.fault("run", manifested, "The hashes beside the events fit no tree.")
		return false
	}
	v.meetEarlier()
	return v.report.Whole()
}

// meetEarlier holds the tree as it has grown up to here against the earlier checkpoint.
func (v *verifier) meetEarlier() {
	old := v.run0.earlier
	if old == nil || v.run0.met || old.Size != v.run0.span.Size() {
		return
	}
	if v.run0.span.Root() != old.Root {
		v.fault("fork", "", "The ledger shows two histories: at %d events its root is not the one you hold.", old.Size)
		return
	}
	v.run0.met = true
}

// events takes one chunk of the run.
func (v *verifier) events(name string, b []byte) {
	s := v.run0.span
	if s == nil || name != fmt.Sprintf("%s%012d.jsonl", eventsDir, s.Size()) {
		v.fault("run", name, "The events do not stand in one run without a gap.")
		return
	}
	for len(b) > 0 {
		end := bytes.IndexByte(b, '\n')
		if end < 0 || s.Size() > v.m.Run.Last {
			v.fault("run", name, "There are events beyond the end of the run, or half of one.")
			return
		}
		seq, leaf := s.Size(), b[:end]
		hash := s.Add(leaf)
		g, err := scanLeaf(leaf)
		if err != nil {
			v.fault("event", fmt.Sprint(seq), "The event cannot be read.")
			return
		}
		if g.changeRows && g.kind != "change" && answers(leaf, change.Tables...) {
			v.fault("event", fmt.Sprint(seq), "The event answers for rows of a change, but is not about one.")
		}
		if g.lends && v.m.Lendings && !v.lent.shows(seq) && answers(leaf, lentTable) {
			v.fault("lending", fmt.Sprint(seq), "The event lends an account, or ends that, and the pack does not show which.")
		}
		v.seen(seq, g, hash)
		v.meetEarlier()
		b = b[end+1:]
	}
}

// seen takes note of one event of the run.
func (v *verifier) seen(seq int64, g glance, hash tlog.Hash) {
	v.report.Counts.Events++
	v.run0.after = g.ts >= v.m.To
	if seq == v.m.Run.First && seq > 0 && g.ts >= v.m.From {
		v.fault("run", fmt.Sprint(seq), "The run does not show where the period begins: its first event is inside it.")
	}
	within := v.m.From <= g.ts && g.ts < v.m.To
	n, about := changeNumber(g.object)
	if !about {
		return
	}
	t := v.tallies[g.object]
	if t == nil {
		t = &tally{}
		v.tallies[g.object] = t
	}
	t.link(seq, hash)
	if g.kind != "change" {
		return // a refusal or an export: something about the change, but nothing happened to it
	}
	t.within = t.within || within
	if g.verb == "change.filed" {
		v.filed(seq, g.object, n, within)
	}
}

// answers reports whether an event answers for rows of these tables.
func answers(leaf []byte, tables ...string) bool {
	var l ledger.Leaf
	if err := seal.Decode(leaf, &l); err != nil {
		return true
	}
	return slices.ContainsFunc(l.Rows, func(r [3]string) bool { return slices.Contains(tables, r[0]) })
}

// filed: changes are numbered without a gap, so a number that is passed over is a change withheld.
func (v *verifier) filed(seq int64, id string, n int64, within bool) {
	if v.run0.last != 0 && n != v.run0.last+1 {
		v.fault("number_gap", fmt.Sprint(seq), "After change number %d comes %d; numbers have no gap.", v.run0.last, n)
	}
	v.run0.last = n
	if within {
		v.run0.filed++
		if v.run0.low == "" {
			v.run0.low = id
		}
		v.run0.high = id
	}
}

// endRun closes the run: with what is right of it, the root must be the one that was signed.
func (v *verifier) endRun() {
	s := v.run0.span
	if s == nil || v.run0.ended {
		return
	}
	v.run0.ended = true
	right, err := parseHashes(v.m.Run.Right)
	switch {
	case s.Size() != v.m.Run.Last+1:
		v.fault("run", "", "The run ends at event %d; the manifest says %d.", s.Size()-1, v.m.Run.Last)
	case err != nil || s.End(v.at.Size, right) != nil || s.Root() != v.at.Root:
		v.fault("run", "", "The events do not give the root that was signed: one was changed, removed, added or moved.")
	case v.m.Run.Last < v.at.Size-1 && !v.run0.after:
		v.fault("run", "", "The run does not show where the period ends: its last event is inside it.")
	}
	v.meetEarlier()
}

// complete checks that the changes in the pack are all those that it says.
func (v *verifier) complete() {
	v.endStory()
	v.endRun()
	v.checkRoles()
	if v.m.Kind == oneChange {
		if v.stories != 1 {
			v.fault("change_missing", v.m.Change, "The pack is about this change, and does not hold it.")
		}
		return
	}
	within := int64(0)
	for id, t := range v.tallies {
		if !t.within {
			continue
		}
		if within++; !t.told {
			v.fault("change_missing", id, "The run has events of this change in the period, the pack does not hold it.")
		}
	}
	if within != v.stories {
		v.fault("population", "", "Events of the period are about %d changes, the pack holds %d.", within, v.stories)
	}
}

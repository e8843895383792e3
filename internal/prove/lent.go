package prove

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/policy"
)

// This file shows whose an account could have been when it decided: whoever issued a one-time code for it
// could have signed in with it, until another officer vouched (docs/adr/0011; policy statement e).

const lentTable = "directory_lending"

// Which deeds lend an account, and which end that without a voucher.
var (
	lends = []string{"person.added", "account.added", "account.reset"}
	takes = []string{"account.reset", "account.ended"}
)

// beginLent reads the lendings that a pack needs, with the events that answer for them. For a period
// that is all; for one change, those of its people, and of whoever could act as them.
func (p *packer) beginLent() error {
	var rows []rowLine
	err := directory.LendingRows(p.tx, func(row db.Row) error {
		rows = append(rows, rowOf(lentTable, row))
		return nil
	})
	if err != nil || len(rows) == 0 {
		return err
	}
	if p.m.Kind == oneChange {
		about, err := p.involved()
		if err != nil {
			return err
		}
		rows = lentTo(rows, about)
	}
	by := map[int64]ledger.Entry{}
	for _, r := range rows {
		if err := p.lentBy(r, by); err != nil {
			return err
		}
	}
	for _, seq := range slices.Sorted(maps.Keys(by)) {
		x, err := p.event(by[seq], true)
		if err != nil {
			return err
		}
		if err := p.lent.add(line{Event: &x}); err != nil {
			return err
		}
	}
	for _, r := range rows {
		if err := p.lent.add(line{Row: &r}); err != nil {
			return err
		}
	}
	return nil
}

func (p *packer) writeLent() error { return p.addLines(lentFile, p.lent) }

// involved gives everybody who did something to the one change, or is to execute it.
func (p *packer) involved() (map[string]bool, error) {
	out := map[string]bool{}
	err := p.eachOf(p.m.Change, func(e ledger.Entry) error {
		out[e.Leaf.Actor.Person] = true
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, change.RowsOf(p.tx, p.sel.Change, func(table string, row db.Row) error {
		if table != "change_revision" {
			return nil
		}
		m, err := materialOf(rowOf(table, row))
		for _, x := range m.Implementers {
			out[x.Person] = true
		}
		return err
	})
}

// lentTo keeps the lendings of these people, and of those who issued them.
func lentTo(rows []rowLine, people map[string]bool) []rowLine {
	for grown := true; grown; {
		grown = false
		for _, r := range rows {
			if by := r.text("issuer"); people[r.text("person")] && !people[by] {
				people[by], grown = true, true
			}
		}
	}
	return slices.DeleteFunc(rows, func(r rowLine) bool { return !people[r.text("person")] })
}

// lentBy finds the events that answer for a lending: the one that began it, and the one that ended it.
func (p *packer) lentBy(r rowLine, by map[int64]ledger.Entry) error {
	for _, q := range []ledger.Question{{Object: r.text("person"), Verb: "person.added"}, {Object: r.text("person"), Verb: "account."}, {Object: r.text("account"), Verb: "account.ended"}} {
		for q.Limit = 500; ; {
			f, err := ledger.Find(p.tx, q)
			if err != nil {
				return err
			}
			for _, e := range f.Entries {
				switch {
				case !mentions(e.Leaf, r.Table, r.ID):
				case e.Seq >= p.at.Size:
					return errAhead
				default:
					by[e.Seq] = e
				}
			}
			if q.Before = f.Next; q.Before == 0 {
				break
			}
		}
	}
	return nil
}

// lent is what a pack shows of lent accounts.
type lent struct {
	list    []lending
	seqs    []int64 // of the events that lend, or end that, in their order
	rosters map[int]*directory.Roster
}

// lending is one of them, with its events.
type lending struct {
	directory.Lending
	begun, ended int64 // numbers of events; ended is 0 while it lasts
}

// lendings reads lendings.jsonl: events in their order, then the rows that they answer for, all of them.
func (v *verifier) lendings(b []byte) {
	var by []event
	shown := map[string]bool{}
	v.eachLine(lentFile, b, func(x line) bool {
		var err error
		switch {
		case x.Event != nil:
			e, _, ok := v.proven(*x.Event)
			if !ok {
				return false
			}
			if !x.Event.bare() || len(shown) > 0 || len(by) > 0 && by[len(by)-1].seq >= e.seq {
				err = errors.New("an event is not proved, or not in its order")
			}
			by, v.lent.seqs = append(by, e), append(v.lent.seqs, e.seq)
		case x.Row == nil || !x.Row.bare() || shown[x.Row.ID]:
			err = errors.New("it holds something else")
		default:
			var l lending
			l, err = readLending(*x.Row, by)
			v.lent.list, shown[x.Row.ID] = append(v.lent.list, l), true
		}
		if err != nil {
			v.fault("lending", lentFile, "What the pack says of lent accounts does not hold: %v.", err)
		}
		return err == nil
	})
	if !v.m.Lendings {
		v.fault("member", lentFile, "The manifest does not say that lent accounts are shown.")
	}
	for _, e := range by {
		for _, r := range e.leaf.Rows {
			if r[0] == lentTable && !shown[r[1]] {
				v.fault("lending", r[1], "An event answers for the lending, the pack does not hold it.")
			}
		}
	}
}

// readLending holds one lending against the events that answer for it.
func readLending(row rowLine, events []event) (lending, error) {
	l := lending{Lending: directory.Lending{ID: row.ID, Account: directory.AccountID(row.text("account")), Person: directory.PersonID(row.text("person")),
		By: directory.PersonID(row.text("issuer")), At: row.number("since"), Until: row.number("until"), Voucher: directory.PersonID(row.text("voucher"))}}
	var by []event
	for _, e := range events {
		if mentions(e.leaf, lentTable, row.ID) {
			by = append(by, e)
		}
	}
	if len(by) == 0 || row.text("id") != row.ID || by[len(by)-1].answered(lentTable, row.ID) != row.digest() {
		return l, fmt.Errorf("the row %s is not the one that its last event answers for", row.ID)
	}
	begin := by[0].leaf
	if begin.TS != l.At || begin.Actor.Person != string(l.By) || begin.Object.ID != string(l.Person) || !slices.Contains(lends, begin.Verb) {
		return l, fmt.Errorf("the lending %s is another's than its first event says", row.ID)
	}
	l.begun = by[0].seq
	if l.Until == 0 && len(by) == 1 {
		return l, nil
	}
	end := by[len(by)-1].leaf
	l.ended = by[len(by)-1].seq
	vouched := end.Verb == "account.vouched" && end.Actor.Person == string(l.Voucher) && l.Voucher != l.By && l.Voucher != l.Person
	if len(by) != 2 || end.TS != l.Until || !vouched && (l.Voucher != "" || !slices.Contains(takes, end.Verb)) {
		return l, fmt.Errorf("the lending %s ended otherwise than its last event says", row.ID)
	}
	return l, nil
}

// answered is the digest that an event gives a row.
func (e event) answered(table, id string) string {
	i := slices.IndexFunc(e.leaf.Rows, func(r [3]string) bool { return r[0] == table && r[1] == id })
	return e.leaf.Rows[i][2]
}

// maxRosters is how many of them are kept at once.
const maxRosters = 16

// lentAt says who could act as whom as far as it was on record before an event.
func (v *verifier) lentAt(seq int64) *directory.Roster {
	epoch, _ := slices.BinarySearch(v.lent.seqs, seq)
	if r := v.lent.rosters[epoch]; r != nil {
		return r
	}
	var list []directory.Lending
	for _, l := range v.lent.list {
		if l.begun >= seq {
			continue
		}
		if l.ended >= seq {
			l.Until, l.Voucher = 0, ""
		}
		list = append(list, l.Lending)
	}
	if v.lent.rosters == nil || len(v.lent.rosters) >= maxRosters {
		v.lent.rosters = map[int]*directory.Roster{}
	}
	v.lent.rosters[epoch] = directory.RosterOf(nil, nil, nil, 0, list...)
	return v.lent.rosters[epoch]
}

// shows reports whether an event is among those that are shown.
func (l lent) shows(seq int64) bool {
	_, found := slices.BinarySearch(l.seqs, seq)
	return found
}

// selves gives a person and everybody who could have acted as them at an instant.
func selves(lent *directory.Roster, person string, at int64) []string {
	out := []string{person}
	for _, p := range lent.Lenders(directory.PersonID(person), at) {
		out = append(out, string(p))
	}
	return out
}

// maxTwins bounds how many votes of one change that may be the same human's are tried in every way.
const maxTwins = 12

// fill matches the approvals at an event with the slots, so that no human counts twice. Of several that may
// be the same human's the engine counts the first, and passes over those whose roles were lost since;
// a pack does not hold who lost which, so any one of them will do.
func (v *verifier) fill(r *record, slots []policy.Slot, seq int64, executors ...string) policy.Matching {
	votes := r.votes(v.lentAt(seq), seq, executors...)
	twins := 0
	for i, a := range votes {
		if slices.ContainsFunc(votes[:i], a.meets) || slices.ContainsFunc(votes[i+1:], a.meets) {
			twins++
		}
	}
	var best policy.Matching
	var pick func(rest, chosen []vote) bool
	pick = func(rest, chosen []vote) bool {
		if len(rest) == 0 {
			var people []policy.Person
			for _, x := range chosen {
				people = append(people, x.Person)
			}
			best = policy.Match(slots, people)
			return best.Done
		}
		x, rest := rest[0], rest[1:]
		if !slices.ContainsFunc(chosen, x.meets) && pick(rest, append(slices.Clip(chosen), x)) {
			return true
		}
		twin := slices.ContainsFunc(votes, func(y vote) bool { return y.ID != x.ID && x.meets(y) })
		return twin && (twins <= maxTwins || slices.ContainsFunc(chosen, x.meets)) && pick(rest, chosen)
	}
	pick(votes, nil)
	return best
}

// meets reports whether two votes may be the same human's.
func (x vote) meets(y vote) bool {
	return slices.ContainsFunc(x.selves, func(p string) bool { return slices.Contains(y.selves, p) })
}

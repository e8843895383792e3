package change

import (
	"fmt"
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/seal"
)

// This file is what the evidence pack needs of a change: its rows as they are, and the rules that can be
// computed again from them, years later and without a database.

// Tables lists the tables that hold the rows of one change, in the order in which RowsOf gives them.
var Tables = []string{"change_change", "change_revision", "change_demand", "change_decision", "change_check", "change_permit", "change_comment"}

var rowsOf = map[string]string{
	"change_change":   "SELECT * FROM change_change WHERE id = $1",
	"change_revision": "SELECT * FROM change_revision WHERE change_id = $1 ORDER BY n",
	"change_demand":   "SELECT * FROM change_demand WHERE change_id = $1 ORDER BY n",
	"change_decision": "SELECT * FROM change_decision WHERE change_id = $1 ORDER BY n",
	"change_check":    "SELECT * FROM change_check WHERE change_id = $1 ORDER BY n",
	"change_permit":   "SELECT * FROM change_permit WHERE change_id = $1 ORDER BY fence",
	"change_comment":  "SELECT * FROM change_comment WHERE change_id = $1 ORDER BY at, id",
}

// RowsOf gives every row of one change, table by table. There are none for a change that is not there.
func RowsOf(tx *db.Tx, id ID, each func(table string, row db.Row) error) error {
	for _, table := range Tables {
		rows, err := tx.Query(rowsOf[table], string(id))
		if err != nil {
			return fmt.Errorf("read rows of %s in %s: %w", id, table, err)
		}
		if err := db.EachRow(rows, func(row db.Row) error { return each(table, row) }); err != nil {
			return fmt.Errorf("read rows of %s in %s: %w", id, table, err)
		}
	}
	return nil
}

// PackRows gives the rows of change_pack, oldest first: every policy pack that was ever in force, whole.
func PackRows(tx *db.Tx, each func(row db.Row) error) error {
	rows, err := tx.Query("SELECT * FROM change_pack ORDER BY n")
	if err != nil {
		return fmt.Errorf("read policy packs: %w", err)
	}
	if err := db.EachRow(rows, each); err != nil {
		return fmt.Errorf("read policy packs: %w", err)
	}
	return nil
}

// Demanded computes what a pack asks of a wording at its submission, with the evidence that was there
// then and the history that was counted then. It is the demand that Submit freezes, without the question
// whether people can satisfy it.
func Demanded(p *policy.Pack, m Material, checks []CheckResult, h policy.History) (policy.Demand, error) {
	s := &Snapshot{Revision: Revision{Material: m}, Checks: checks, Pack: p}
	s.Change.Body.History = h
	return s.demanded()
}

// Case gives what a pack may read of a change, to try another one on it; p knows its components and targets.
func Case(id string, m Material, p *policy.Pack) policy.Case {
	return policy.Case{ID: id, Facts: m.facts(p)}
}

// Tightened holds a frozen demand to packs that came into force after it, as the gate does.
func Tightened(frozen policy.Demand, later []*policy.Pack, m Material, checks []CheckResult, h policy.History) policy.Demand {
	s := &Snapshot{Revision: Revision{Material: m}, Checks: checks}
	s.Frozen, s.Change.Body.History = frozen, h
	s.holdTo(later)
	return s.Demand
}

// MissingChecks lists the kinds of evidence that a demand asks for before approval and that these
// checks do not show at an instant, in microseconds, for what the wording would run.
func MissingChecks(d policy.Demand, m Material, checks []CheckResult, at int64) []string {
	s := &Snapshot{Revision: Revision{Material: m}, Checks: checks, Demand: d}
	out := []string{}
	for _, c := range s.missingChecks(at) {
		out = append(out, c.Kind)
	}
	return out
}

// Unverified lists what a demand wants to see after the change and what the record does not show at an
// instant.
func Unverified(d policy.Demand, m Material, checks []CheckResult, said []Verification, at int64) []string {
	s := &Snapshot{Revision: Revision{Material: m}, Checks: checks, Demand: d}
	s.Change.Body.Verified = said
	return s.openVerifications(at)
}

// HonestClosures lists the closure codes that the newest outcomes of apply and rollback allow; "" is an
// execution that did not take place. overtaken says that the apply was reported after the rollback ended.
func HonestClosures(applied, rolledBack string, overtaken bool) []Closure {
	s := &Snapshot{}
	s.Change.Body.Applied, s.Change.Body.RolledBack, s.Change.Body.Overtaken = applied, rolledBack, overtaken
	s.Change.Body.Proposed = s.proposed()
	return s.honest()
}

// SameRun reports whether two wordings would run the very same, so that decisions on one count for the
// other.
func SameRun(a, b Material) (bool, error) {
	x, err := a.sameRun()
	if err != nil {
		return false, err
	}
	y, err := b.sameRun()
	return x == y, err
}

// ApprovalsDigest names a set of decisions by their ids: what a permit carries as approvals_digest.
func ApprovalsDigest(decisions []string) string {
	ids := slices.Sorted(slices.Values(decisions))
	return seal.Digest("plumb.approvals.v1", []byte(strings.Join(ids, "\n")))
}

// TargetsDigest names the targets of a wording: what a permit carries as targets_digest.
func TargetsDigest(m Material) (string, error) {
	b, err := seal.Canonical(m.Targets)
	return seal.Digest("plumb.targets.v1", b), err
}

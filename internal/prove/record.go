package prove

import (
	"errors"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/seal"
)

// record is a story put together: the values of the change engine, each with the event that brought it.
type record struct {
	*story
	shell     change.Change
	frozen    policy.Demand // what the policy demanded at the newest submission
	revisions []revision    // by number
	decisions []decision    // in the order of events
	checks    []check
	permits   []permit
	current   change.Material
	equal     []string // digests of wordings that would run what the current one does
}

type revision struct {
	change.Revision
	seq int64
}

// decision is one signed decision. Its row may be withheld; what counts is the statement.
type decision struct {
	change.ApprovalPredicate
	event
}

type check struct {
	change.CheckResult
	seq int64
}

type permit struct {
	change.PermitPredicate
	event
	outcome string // as the newest event about it says
}

// record reads the rows of a story. Every error is a fault of the pack.
func (v *verifier) record(s *story) (*record, error) {
	r := &record{story: s}
	readers := []struct {
		table string
		read  func(rowLine) error
	}{
		{"change_change", r.readShell}, {"change_revision", r.readRevision}, {"change_demand", r.readDemand}, {"change_check", r.readCheck},
		{"change_permit", func(row rowLine) error { return v.readPermit(r, row) }},
		{"change_decision", func(row rowLine) error { return v.readDecision(r, row) }},
	}
	for _, x := range readers {
		for _, row := range s.rows {
			if row.Table != x.table {
				continue
			}
			if err := x.read(row); err != nil {
				return nil, fmt.Errorf("%s %s: %w", row.Table, row.ID, err)
			}
		}
	}
	if r.shell.Body.Round > 0 && r.frozen.Policy == "" {
		return nil, errors.New("what the policy demanded at the submission is missing")
	}
	slices.SortFunc(r.decisions, func(a, b decision) int { return int(a.seq - b.seq) })
	slices.SortFunc(r.permits, func(a, b permit) int { return int(a.seq - b.seq) })
	return r, v.readCurrent(r)
}

// carrier gives the events that answered for a row, oldest first.
func (s *story) carrier(table, id string) []event {
	var out []event
	for _, i := range s.wrote[rowKey{table, id}] {
		out = append(out, s.events[i])
	}
	return out
}

func (r *record) readShell(row rowLine) error {
	c := change.Change{ID: change.ID(row.ID), Number: row.number("number"), Version: row.number("version"), State: change.State(row.text("state")),
		Type: row.text("type"), Category: row.text("category"), Summary: row.text("summary"), Requester: row.text("requester"),
		Rev: row.number("rev"), RevDigest: row.text("rev_digest"), Created: row.number("created"), Updated: row.number("updated"), Due: row.number("due")}
	if err := json.Unmarshal([]byte(row.text("body")), &c.Body); err != nil {
		return err
	}
	r.shell = c
	if c.Body.Round == 0 { // a pack from before demands had rows of their own has them in the shell
		var old struct {
			Demand policy.Demand `json:"demand"`
		}
		if err := json.Unmarshal([]byte(row.text("body")), &old); err != nil {
			return err
		}
		r.frozen = old.Demand
	}
	filed := r.events[0]
	switch {
	case c.Number != r.number:
		return errors.New("the number is not that of its id")
	case filed.leaf.Verb != "change.filed" || filed.leaf.Actor.Person != c.Requester || filed.leaf.TS != c.Created:
		return errors.New("the requester is not who the first event says")
	}
	return nil
}

// readRevision computes the digest of a wording again and holds its author against the event.
func (r *record) readRevision(row rowLine) error {
	x := revision{Revision: change.Revision{ID: row.ID, Change: change.ID(r.id), N: row.number("n"), Digest: row.text("digest"),
		Canonical: row.text("canonical"), Author: row.text("author"), Account: row.text("account"), At: row.number("at")}}
	if err := seal.Decode([]byte(x.Canonical), &x.Material); err != nil {
		return err
	}
	canonical, digest, err := x.Material.Digest()
	if err != nil || digest != x.Digest || string(canonical) != x.Canonical {
		return errors.New("the digest is not that of the wording")
	}
	by := r.carrier(row.Table, row.ID)
	verb := "change.edited"
	if x.N == 1 {
		verb = "change.filed"
	}
	switch {
	case len(by) != 1 || by[0].leaf.Verb != verb || by[0].leaf.Object.Rev != digest:
		return errors.New("not exactly one event brought this wording")
	case by[0].leaf.Actor.Person != x.Author || by[0].leaf.Actor.Account != x.Account || by[0].leaf.TS != x.At:
		return errors.New("the author is not who the event says")
	case x.N != int64(len(r.revisions)+1):
		return errors.New("a revision before it is missing")
	}
	x.seq = by[0].seq
	r.revisions = append(r.revisions, x)
	return nil
}

// readDemand holds what was demanded at a submission against the event that brought it, and for the newest
// one against the shell. The shell is read before.
func (r *record) readDemand(row rowLine) error {
	by := r.carrier(row.Table, row.ID)
	if len(by) != 1 || by[0].leaf.Verb != "change.submitted" {
		return errors.New("not exactly one submission brought the demand")
	}
	body := row.text("body")
	if change.DemandDigest(body) != row.text("digest") {
		return errors.New("the digest is not that of the demand")
	}
	if row.number("n") != r.shell.Body.Round {
		return nil
	}
	if row.text("digest") != r.shell.Body.Frozen || by[0].leaf.TS != r.shell.Body.Since {
		return errors.New("the demand is not the one that the change names")
	}
	return json.Unmarshal([]byte(body), &r.frozen)
}

func (r *record) readCheck(row rowLine) error {
	by := r.carrier(row.Table, row.ID)
	_, told := row.Cells["person"] // since when who answered for the account is kept
	if len(by) != 1 || by[0].leaf.Verb != "evidence.added" || by[0].leaf.Actor.Account != row.text("producer") || by[0].leaf.TS != row.number("at") ||
		told && by[0].leaf.Actor.Person != row.text("person") {
		return errors.New("the producer is not who the event says")
	}
	r.checks = append(r.checks, check{seq: by[0].seq, CheckResult: change.CheckResult{ID: row.ID, Change: change.ID(r.id), Kind: row.text("kind"),
		Format: row.text("format"), Subject: row.text("subject"), Status: row.text("status"), Why: row.text("why"), Tool: row.text("tool"),
		Blob: row.text("blob"), Producer: row.text("producer"), Person: row.text("person"), Service: row.number("service") == 1, At: row.number("at"), Result: row.text("result")}})
	return nil
}

// readCurrent settles which wording counts now, and that those whose decisions were carried over would
// run the very same.
func (v *verifier) readCurrent(r *record) error {
	n := len(r.revisions)
	if n == 0 || r.shell.ID == "" || r.shell.Rev != int64(n) || r.shell.RevDigest != r.revisions[n-1].Digest {
		return errors.New("the change's current wording is not the newest revision")
	}
	last := r.revisions[n-1]
	r.current, r.equal = last.Material, []string{last.Digest}
	for _, digest := range r.shell.Body.Carried {
		old, ok := r.wording(digest)
		same, err := change.SameRun(old, r.current)
		if !ok || err != nil || !same {
			return fmt.Errorf("decisions on %s were carried over to a wording that would run something else", digest)
		}
		r.equal = append(r.equal, digest)
	}
	for _, x := range r.revisions {
		for _, d := range documentsOf(x.Material) {
			v.refer(d)
		}
	}
	for _, c := range r.checks {
		v.refer(c.Blob)
	}
	v.told.revisions += int64(n)
	v.told.checks += int64(len(r.checks))
	return nil
}

func (v *verifier) refer(digest string) {
	if sum, ok := parseHex(digest[min(len(digest), len("sha256:")):], 32); ok && change.IsDigest(digest) {
		if _, known := v.refs[[32]byte(sum)]; !known {
			v.refs[[32]byte(sum)] = false
		}
	}
}

// wording finds a revision by digest; the newest of equal ones.
func (r *record) wording(digest string) (change.Material, bool) {
	for _, x := range slices.Backward(r.revisions) {
		if x.Digest == digest {
			return x.Material, true
		}
	}
	return change.Material{}, false
}

// checksBefore gives the evidence that was there before an event.
func (r *record) checksBefore(seq int64) []change.CheckResult {
	var out []change.CheckResult
	for _, c := range r.checks {
		if c.seq < seq {
			out = append(out, c.CheckResult)
		}
	}
	return out
}

// barred gives who could not decide before an event: who asked, who wrote a revision, who was named to
// execute the wording, who opened a permit.
func (r *record) barred(seq int64, m change.Material) map[string]bool {
	out := map[string]bool{r.shell.Requester: true}
	for _, x := range r.revisions {
		if x.seq < seq {
			out[x.Author] = true
		}
	}
	for _, x := range m.Implementers {
		out[x.Person] = true
	}
	for _, p := range r.permits {
		if p.seq < seq {
			out[p.leaf.Actor.Person] = true
		}
	}
	return out
}

// standing gives each person's newest word in this round before an event, withdrawn ones left out; ""
// is the decision of a standard model.
func (r *record) standing(seq int64) map[string]decision {
	out := map[string]decision{}
	for i, d := range r.decisions {
		if d.seq > seq || int64(i) < r.shell.Body.Before || !slices.Contains(r.equal, d.Rev) {
			continue
		}
		if change.Verb(d.Decision) == change.Withdrawal {
			delete(out, d.Person)
			continue
		}
		out[d.Person] = d
	}
	return out
}

// vote is one approval, in the roles that were recorded with it, and everybody who could have made it.
type vote struct {
	policy.Person
	selves []string
	seq    int64
}

// votes gives the approvals that can count at an event, in their order: none that may be of somebody who
// asked for the change, wrote it, or executes it.
func (r *record) votes(lent *directory.Roster, seq int64, executors ...string) []vote {
	barred := r.barred(seq, r.current)
	for _, e := range executors {
		barred[e] = true
	}
	for _, p := range sortedKeys(barred) {
		for _, by := range lent.LendersSince(directory.PersonID(p), r.shell.Created) {
			barred[string(by)] = true
		}
	}
	var out []vote
	for person, d := range r.standing(seq) {
		if change.Verb(d.Decision) != change.Approval {
			continue
		}
		x := vote{Person: policy.Person{ID: person, Roles: d.Roles}, selves: selves(lent, person, d.At), seq: d.seq}
		if !slices.ContainsFunc(x.selves, func(p string) bool { return barred[p] }) {
			out = append(out, x)
		}
	}
	slices.SortFunc(out, func(a, b vote) int { return int(a.seq - b.seq) })
	return out
}

package change

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/wire"
)

// Figure is one number with what it means, so that nobody has to guess what was counted.
type Figure struct {
	Name    string `json:"name"`
	Meaning string `json:"meaning"`
	Count   int64  `json:"count"`                 // numerator, or the number of samples
	Of      int64  `json:"of,omitempty"`          // denominator
	Percent int64  `json:"percent"`               // Count per Of, rounded; 0 without a denominator
	Each    int64  `json:"per_hundred,omitempty"` // Count per hundred of Of, rounded, where that is no share
	P50     int64  `json:"p50_s,omitempty"`       // seconds, for durations
	P90     int64  `json:"p90_s,omitempty"`
}

// Metrics are the figures of a period.
type Metrics struct {
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	Query   string    `json:"query"` // digest of the queries and their bounds: the same digest, the same rows and definitions
	Changes int64     `json:"changes"`
	Figures []Figure  `json:"figures"`
}

// What the figures are counted from: the changes of a period by pages of 1,000, and of each page the runs and
// the decisions.
const (
	metricsQuery = changeColumns + " WHERE created >= $1 AND created < $2 AND number > $3 ORDER BY number LIMIT 1000"
	runsQuery    = "SELECT p.change_id, p.kind, p.outcome, p.issued, p.ended FROM change_permit p JOIN change_change c ON c.id = p.change_id" +
		" WHERE c.number >= $1 AND c.number <= $2 AND p.kind <> 'plan' ORDER BY p.fence"
	decidedQuery = "SELECT d.change_id, d.rev_digest, d.person, d.verb, d.roles, d.at FROM change_decision d JOIN change_change c ON c.id = d.change_id" +
		" WHERE c.number >= $1 AND c.number <= $2 ORDER BY d.change_id, d.n"
)

// Measure computes the figures over the changes filed in [from, to). It reads page by page and keeps
// only counters and durations.
func (d *Desk) Measure(ctx context.Context, from, to time.Time) (Metrics, error) {
	if !to.After(from) || to.Sub(from) > 10*366*24*time.Hour {
		return Metrics{}, fault.New(fault.Invalid, "bad_period", "The period must end after it begins, and span ten years at most.").
			Then("plumb metrics --from TIME --to TIME")
	}
	m := Metrics{From: from.UTC(), To: to.UTC(), Query: seal.Digest("plumb.metrics.v1",
		[]byte(fmt.Sprintf("%s\n%s\n%s\n%d\n%d", metricsQuery, runsQuery, decidedQuery, from.UnixMicro(), to.UnixMicro())))}
	t := tally{latency: map[string][]int64{}}
	var after int64
	for {
		var page []measured
		err := d.db.View(ctx, func(tx *db.Tx) (err error) {
			page, err = d.measuredIn(tx, from.UnixMicro(), to.UnixMicro(), after)
			return err
		})
		if err != nil {
			return m, fmt.Errorf("read changes: %w", err)
		}
		for _, c := range page {
			t.add(c)
			after = c.Number
		}
		if len(page) < 1000 {
			break
		}
	}
	m.Changes, m.Figures = t.all, t.figures()
	return m, nil
}

// measured is one change with what its figures need of its runs and decisions.
type measured struct {
	Change
	done     int64 // end of the first successful run; 0 for none
	restored int64 // seconds from the end of the run to the end of the rollback that succeeded; with back
	back     bool
	approved int64            // approvals given, withdrawn ones too
	voided   bool             // a new wording took an approval
	slots    map[string]int64 // role of a filled slot → seconds from the submission to the approval in it
}

func (d *Desk) measuredIn(tx *db.Tx, from, to, after int64) ([]measured, error) {
	list, err := db.Collect(tx, scanChange, metricsQuery, from, to, after)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	out, at := make([]measured, len(list)), map[ID]*measured{}
	for i, c := range list {
		out[i] = measured{Change: c, slots: map[string]int64{}}
		at[c.ID] = &out[i]
	}
	first, last := list[0].Number, list[len(list)-1].Number
	runs, err := db.Collect(tx, func(row db.Scanner) (p Permit, err error) {
		return p, row.Scan(&p.Change, &p.Kind, &p.Outcome, &p.Issued, &p.Ended)
	}, runsQuery, first, last)
	if err != nil {
		return nil, err
	}
	ends := map[ID]int64{} // of the run before
	for _, p := range runs {
		if m := at[p.Change]; m != nil {
			m.run(p, ends[p.Change])
		}
		if p.Kind == wire.KindApply {
			ends[p.Change] = p.Ended
		}
	}
	words, err := db.Collect(tx, func(row db.Scanner) (x Decision, err error) {
		var roles string
		if err = row.Scan(&x.Change, &x.RevDigest, &x.Person, &x.Verb, &roles, &x.At); err != nil {
			return x, err
		}
		return x, json.Unmarshal([]byte(roles), &x.Roles)
	}, decidedQuery, first, last)
	if err != nil {
		return nil, err
	}
	of := map[ID][]Decision{}
	for _, w := range words {
		of[w.Change] = append(of[w.Change], w)
	}
	for i := range out {
		demand, err := d.loadFrozen(tx, out[i].Change)
		if err != nil {
			return nil, err
		}
		out[i].decided(of[out[i].ID], demand)
	}
	return out, nil
}

// run takes one run into account; before is when the apply before it ended, 0 for none.
func (m *measured) run(p Permit, before int64) {
	switch {
	case p.Outcome != Success:
	case p.Kind == wire.KindApply && m.done == 0:
		m.done = p.Ended
	case p.Kind == wire.KindRollback && !m.back && before > 0:
		m.back, m.restored = true, max(0, p.Ended-before)/1_000_000
	}
}

// decided takes a change's decisions into account, in their order: who filled which slot of the newest
// submission, and how long that took.
func (m *measured) decided(list []Decision, demand policy.Demand) {
	s := Snapshot{Change: m.Change, Decisions: list}
	for _, d := range list {
		if d.Verb != Approval || d.Person == "" {
			continue
		}
		m.approved++
		m.voided = m.voided || d.RevDigest != m.RevDigest && !slices.Contains(m.Body.Carried, d.RevDigest)
	}
	if m.Body.Decided == 0 || len(demand.Slots) == 0 {
		return
	}
	var votes []policy.Person
	standing := s.standing()
	for _, d := range s.approvals() {
		votes = append(votes, policy.Person{ID: d.Person, Roles: d.Roles})
	}
	for _, f := range policy.Match(demand.Slots, votes).Filled {
		for _, p := range f.People {
			m.slots[f.Role] = max(m.slots[f.Role], max(1, (standing[p].At-m.Body.Since)/1_000_000))
		}
	}
}

// tally counts what became of changes.
type tally struct {
	all, submitted, decided, executed, failed, emergency, expired, auto, autoFailed, edited, voided, rejected, approvals int64
	lead, approval, restore                                                                                              []int64
	latency                                                                                                              map[string][]int64 // by role
}

func (t *tally) add(c measured) {
	b := c.Body
	t.all++
	count := func(n *int64, yes bool) {
		if yes {
			*n++
		}
	}
	bad := b.Applied == Failure || b.Applied == Unknown || b.RolledBack != ""
	auto := b.Auto != nil && b.Auto.Passed
	count(&t.submitted, b.Submitted > 0)
	count(&t.decided, b.Decided > 0)
	count(&t.executed, b.FirstRun > 0)
	count(&t.failed, b.FirstRun > 0 && bad)
	count(&t.emergency, c.Type == "emergency")
	count(&t.expired, c.State == Expired)
	count(&t.rejected, c.State == Rejected)
	count(&t.edited, b.Edits > 0)
	count(&t.voided, c.voided)
	count(&t.auto, auto && b.Decided > 0)
	count(&t.autoFailed, auto && bad)
	if b.Decided > 0 {
		t.approvals += c.approved
	}
	if c.done > 0 && b.Submitted > 0 {
		t.lead = append(t.lead, (c.done-b.Submitted)/1_000_000)
	}
	if b.Decided > 0 && b.Since > 0 {
		t.approval = append(t.approval, (b.Decided-b.Since)/1_000_000)
	}
	if c.back {
		t.restore = append(t.restore, c.restored)
	}
	for role, secs := range c.slots {
		t.latency[role] = append(t.latency[role], secs)
	}
}

func share(name, meaning string, n, of int64) Figure {
	f := Figure{Name: name, Meaning: meaning, Count: n, Of: of}
	if of > 0 {
		f.Percent = (n*100 + of/2) / of
	}
	return f
}

func each(name, meaning string, n, of int64) Figure {
	f := share(name, meaning, n, of)
	f.Each, f.Percent = f.Percent, 0
	return f
}

func span(name, meaning string, list []int64) Figure {
	f := Figure{Name: name, Meaning: meaning, Count: int64(len(list))}
	if len(list) > 0 {
		slices.Sort(list)
		f.P50, f.P90 = list[len(list)/2], list[len(list)*9/10]
	}
	return f
}

func (t *tally) figures() []Figure {
	out := []Figure{
		span("lead_time", "from the first submission to the end of the first successful execution", t.lead),
		span("approval_latency", "from the submission to the last approval that was needed", t.approval),
	}
	roles := make([]string, 0, len(t.latency))
	for role := range t.latency {
		roles = append(roles, role)
	}
	slices.Sort(roles)
	for _, role := range roles {
		out = append(out, span("approval_latency:"+role, "from the submission to the approval as "+role, t.latency[role]))
	}
	return append(out,
		each("approvals_per_change", "approvals that people gave, for each change that was authorized", t.approvals, t.decided),
		share("change_failure_rate", "failed, unknown or rolled back, of all executed", t.failed, t.executed),
		share("emergency_share", "emergency changes, of all filed", t.emergency, t.all),
		share("expired_share", "expired, of all submitted", t.expired, t.submitted),
		share("rejected_share", "rejected now, of all submitted", t.rejected, t.submitted),
		share("edited_after_submission", "reworded after the first submission, of all submitted", t.edited, t.submitted),
		share("edited_after_approval", "reworded so that an approval was void, of all submitted", t.voided, t.submitted),
		share("auto_approved_share", "authorized by a standard model, of all authorized", t.auto, t.decided),
		share("auto_approved_failure_rate", "failed or rolled back, of those authorized by a model", t.autoFailed, t.auto),
		span("time_to_restore", "from the end of a run to the end of the rollback that undid it", t.restore),
	)
}

package change

import (
	"fmt"
	"slices"
	"time"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/plan"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/wire"
)

// Model is the standing of one standard model: which version is active, by which change, and how its
// uses went.
type Model struct {
	ID        string `json:"id"`
	Digest    string `json:"digest"` // version of the model that was activated
	State     string `json:"state"`  // active, suspended
	Change    string `json:"change"` // the change that activated it
	Since     int64  `json:"since"`
	Uses      int64  `json:"uses"`
	Successes int64  `json:"successes"` // consecutive successful closures
	Reason    string `json:"reason"`    // why it is suspended
}

// Model states.
const (
	ModelActive    = "active"
	ModelSuspended = "suspended"
)

// autoApprove evaluates a standard change's model on this revision. Each criterion is recorded with its
// inputs whether it passed or not; anything short of all of them sends the change to people (policy
// statement e; requirement A7).
func (d *Desk) autoApprove(tx *db.Tx, s *Snapshot) (bool, error) {
	c := &s.Change
	record, err := s.criteria(tx)
	if err != nil {
		return false, err
	}
	c.Body.Auto = record
	if !record.Passed {
		return false, nil
	}
	now := tx.Now().UnixMicro()
	c.Body.Expires = now + s.Demand.ExpireSecs*1_000_000
	dec := Decision{ID: seal.NewID("dec"), Change: c.ID, RevDigest: c.RevDigest, Policy: s.Demand.Policy, Verb: Approval,
		Roles: []string{}, Comment: "All criteria of the standard model " + record.Model + " hold.", At: now, N: int64(len(s.Decisions)) + 1}
	if dec.Statement, err = d.approvalStatement(dec, s, fault.SystemActor("standard"), Viewed{}); err != nil {
		return false, err
	}
	if err := insertDecision(tx, dec); err != nil {
		return false, fmt.Errorf("save automatic approval: %w", err)
	}
	s.Decisions = append(s.Decisions, dec)
	if _, err := tx.Exec("UPDATE change_model SET uses = uses + 1 WHERE id = $1", record.Model); err != nil {
		return false, fmt.Errorf("count model use: %w", err)
	}
	return true, d.authorize(tx, s)
}

func (s *Snapshot) criteria(tx *db.Tx) (*AutoApproval, error) {
	m := s.Revision.Material
	out := &AutoApproval{Model: m.Model, At: tx.Now().UnixMicro(), Criteria: []policy.Criterion{}}
	def, known := s.Pack.Model(m.Model)
	if !known {
		out.Why = "The change names no standard model of the policy in force."
		return out, nil
	}
	digest, err := s.Pack.ModelDigest(m.Model)
	if err != nil {
		return nil, err
	}
	out.Digest = digest
	row, found, err := loadModel(tx, m.Model)
	if err != nil {
		return nil, err
	}
	s.Model = row
	switch {
	case !found || row.Digest != digest:
		out.Why = "This version of the model is not activated."
		return out, nil
	case row.State != ModelActive:
		out.Why = "The model is suspended: " + row.Reason
		return out, nil
	}
	if err := def.Standing(tx.Now(), instant(row.Since), time.Time{}, int(row.Uses)); err != nil {
		out.Why = fault.Of(err).Message
		return out, nil
	}
	f := s.facts(out.At)
	f.Checks = checkFacts(m, s.independent(), out.At, s.own())
	if f.History, err = past(tx, m); err != nil {
		return nil, err
	}
	f.History.Successes = int(row.Successes)
	if f.History.SameDay, err = sameDay(tx, s.Change); err != nil {
		return nil, err
	}
	if out.Criteria, err = s.Pack.Criteria(m.Model, f); err != nil {
		out.Criteria, out.Why = []policy.Criterion{}, fault.Of(err).Message
		return out, nil
	}
	for _, ask := range []func() (policy.Criterion, error){m.wayBack, m.keepsTo, m.statesKnown} {
		c, err := ask()
		if err != nil {
			return nil, err
		}
		out.Criteria = append(out.Criteria, c)
	}
	out.Passed = policy.Passed(out.Criteria)
	if !out.Passed {
		out.Why = "Not every criterion of the model holds."
	}
	return out, nil
}

// wayBack is the criterion that every model has for the bound rollback, whose permit opens without a
// further look: it goes back over what the criteria looked at and touches nothing else. That is the same
// flag, or a plan of the same repository which the server has read, with no other types of resource and
// no more of them. Of other kinds nothing is known but a digest, so people look at them.
func (m Material) wayBack() (policy.Criterion, error) {
	b := m.Rollback.Binding
	passed := b == nil || slices.ContainsFunc(m.Bindings, func(what Binding) bool { return undoes(*b, what) })
	return bound("way-back", "The way back touches only what the criteria looked at.", passed, map[string]any{"bindings": m.Bindings, "rollback.binding": b})
}

// bound makes a criterion that every model has, with what it was decided by.
func bound(id, text string, passed bool, by map[string]any) (policy.Criterion, error) {
	out := policy.Criterion{ID: "bound/" + id, Clause: "statement/e-auto", Text: text, Passed: passed, Inputs: map[string]string{}}
	for name, v := range by {
		b, err := seal.Canonical(v)
		if err != nil {
			return out, err
		}
		out.Inputs[name] = string(b)
	}
	return out, nil
}

// statesKnown is the criterion for bound plans, the way back too: one that changes, removes, takes over or lets go what is there says of which
// state it was made. What it does in another state, where the same addresses mean other things, nobody looked at.
func (m Material) statesKnown() (policy.Criterion, error) {
	list := m.Bindings
	if b := m.Rollback.Binding; b != nil {
		list = append(list[:len(list):len(list)], *b)
	}
	known := func(b Binding) bool {
		changes := b.Plan.Update+b.Plan.Delete+b.Plan.Replace > 0 || b.Plan.Whole ||
			slices.ContainsFunc(b.Plan.Touches, func(t Touch) bool { return t.Op != plan.ClassCreate })
		return b.Kind != "tf-plan" || !changes || plan.Lineage(b.Base) != ""
	}
	passed := !slices.ContainsFunc(list, func(b Binding) bool { return !known(b) })
	return bound("plan-state", "A bound Terraform plan names the state that it was made of, unless all that it does is create.", passed,
		map[string]any{"bindings": m.Bindings, "rollback.binding": m.Rollback.Binding})
}

func undoes(b, what Binding) bool {
	if b.Kind != what.Kind || b.Repo != what.Repo {
		return false
	}
	switch b.Kind {
	case "feature-flag":
		return b.Name == what.Name
	case "tf-plan":
		other := func(kind string) bool { return !slices.Contains(what.Plan.Types, kind) }
		return b.Complete && what.Complete && sizeOf(b.Plan) <= sizeOf(what.Plan) && !slices.ContainsFunc(b.Plan.Types, other)
	}
	return false
}

func sizeOf(p PlanSum) int { return p.Create + p.Update + p.Delete + p.Replace }

// sameDay counts the requester's standard changes of the last 24 hours, so that one risky change is
// not split into many small ones.
func sameDay(tx *db.Tx, c Change) (n int, err error) {
	err = tx.QueryRow("SELECT COUNT(*) FROM change_change WHERE requester = $1 AND type = 'standard' AND created > $2 AND id <> $3",
		c.Requester, tx.Now().Add(-24*time.Hour).UnixMicro(), string(c.ID)).Scan(&n)
	return n, err
}

const modelColumns = "SELECT id, digest, state, change_id, since, uses, successes, reason FROM change_model"

func scanModel(row db.Scanner) (m Model, err error) {
	return m, row.Scan(&m.ID, &m.Digest, &m.State, &m.Change, &m.Since, &m.Uses, &m.Successes, &m.Reason)
}

func loadModel(tx *db.Tx, id string) (Model, bool, error) {
	return db.One(tx, scanModel, modelColumns+" WHERE id = $1", id)
}

// past counts the changes to the same components that failed or were backed out in the last 90 days.
func past(tx *db.Tx, m Material) (h policy.History, err error) {
	seen := map[string]bool{}
	since := tx.Now().AddDate(0, 0, -90).UnixMicro()
	for _, c := range m.Components {
		ids, err := db.Collect(tx, scanString, "SELECT change_id FROM change_failure WHERE component = $1 AND at > $2 ORDER BY at DESC LIMIT 100", c, since)
		if err != nil {
			return h, fmt.Errorf("count failures: %w", err)
		}
		for _, id := range ids {
			seen[id] = true
		}
	}
	h.Failures = len(seen)
	return h, nil
}

// noteFailure remembers a run that went wrong, for each component that it touched.
func noteFailure(tx *db.Tx, s *Snapshot, p Permit) error {
	if p.Outcome == Success && p.Kind != wire.KindRollback {
		return nil
	}
	for _, c := range s.Revision.Material.Components {
		if _, err := tx.Exec("INSERT INTO change_failure (id, component, change_id, at) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO UPDATE SET at = excluded.at",
			string(s.Change.ID)+"|"+c, c, string(s.Change.ID), tx.Now().UnixMicro()); err != nil {
			return fmt.Errorf("note failure: %w", err)
		}
	}
	return nil
}

// modelUsed suspends the model of a standard change that did not go well: it is people's turn until
// the model is activated again.
func (d *Desk) modelUsed(tx *db.Tx, s *Snapshot) error {
	b := s.Change.Body
	bad := b.Applied == Failure || b.Applied == Unknown || b.RolledBack != ""
	if s.Change.Type != "standard" || b.Auto == nil || !b.Auto.Passed || !bad {
		return nil
	}
	return suspend(tx, b.Auto.Model, "a use did not succeed: "+string(s.Change.ID))
}

// modelClosed counts a good end.
func (d *Desk) modelClosed(tx *db.Tx, s *Snapshot) error {
	b := s.Change.Body
	if s.Change.Type != "standard" || b.Auto == nil || !b.Auto.Passed {
		return nil
	}
	if b.Closure == Successful {
		_, err := tx.Exec("UPDATE change_model SET successes = successes + 1 WHERE id = $1", b.Auto.Model)
		return err
	}
	return suspend(tx, b.Auto.Model, "a use ended "+string(b.Closure)+": "+string(s.Change.ID))
}

// Unexplained takes the word of the standard model back that authorized this change, because at its run, or near what it may touch,
// something was observed that nobody approved: criteria that let this through are people's to look at again. It gives the model that is
// suspended by this call, "" where the change had people's approval or its model is suspended already.
func (d *Desk) Unexplained(tx *db.Tx, change, finding string) (model string, err error) {
	c, err := loadChange(tx, ID(change))
	if err != nil {
		return "", err
	}
	if c.Type != "standard" || c.Body.Auto == nil || !c.Body.Auto.Passed {
		return "", nil
	}
	m, found, err := loadModel(tx, c.Body.Auto.Model)
	if err != nil || !found || m.State == ModelSuspended {
		return "", err
	}
	return m.ID, suspend(tx, m.ID, "something was observed that nobody approved: "+finding+", near "+string(c.ID))
}

func suspend(tx *db.Tx, model, why string) error {
	if _, err := tx.Exec("UPDATE change_model SET state = $1, successes = 0, reason = $2 WHERE id = $3", ModelSuspended, why, model); err != nil {
		return fmt.Errorf("suspend standard model: %w", err)
	}
	return nil
}

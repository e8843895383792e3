package change

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/plan"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/wire"
)

// verdict is the gate's rule, a pure function of committed state, the caller, what the caller observed
// and the instant. It lists everything that stands in the way; any doubt is in the way.
func (s *Snapshot) verdict(actor fault.Actor, q wire.GateRequest, now int64) wire.GateVerdict {
	c := s.Change
	v := wire.GateVerdict{Schema: wire.GateVerdictSchema, Verdict: wire.Deny, Change: string(c.ID), State: string(c.State),
		Rev: c.Rev, RevDigest: c.RevDigest, Kind: q.Kind, Env: s.environment(), Advisory: q.Advisory}
	s.judgeState(&v, q, now)
	s.judgeExecutor(&v, actor)
	s.judgeAttempt(&v, q)
	s.judgeApproval(&v, actor, q, now)
	s.judgeBindings(&v, q)
	s.judgeWindow(&v, actor, q, now)
	settleCode(&v)
	return v
}

func deny(v *wire.GateVerdict, code, rule, clause, who, format string, args ...any) {
	v.Denials = append(v.Denials, wire.Denial{Code: code, Text: fmt.Sprintf(format, args...), Rule: rule, Clause: clause, Who: who})
}

// runnable are the states from which each kind of permit can open.
var runnable = map[string][]State{
	wire.KindApply:    {Authorized, Scheduled, Implementing},
	wire.KindRollback: {Implementing, Verifying},
	wire.KindPlan:     {Draft, Submitted, Assessing, AwaitingApproval, Authorized, Scheduled},
}

func (s *Snapshot) judgeState(v *wire.GateVerdict, q wire.GateRequest, now int64) {
	c := s.Change
	states, known := runnable[q.Kind]
	switch {
	case !s.SetUp:
		deny(v, "not_set_up", "setup", "", "whoever holds the setup code", "No policy pack is active, so everything is denied.")
	case s.PackNo != nil:
		deny(v, s.PackNo.Code, s.PackNo.Rule, s.PackNo.Clause, "the requester", "The policy in force refuses this change: %s", s.PackNo.Message)
	case !known:
		deny(v, "unknown_kind", "gate", "", "the pipeline's author", "A permit is of kind apply, rollback or plan.")
	case slices.Contains([]State{Rejected, Cancelled, Closed}, c.State):
		deny(v, string(c.State), "gate", "policy statement (a)", "the requester", "The change is %s.", c.State)
	case !slices.Contains(states, c.State):
		s.pending(v, q)
	}
	if c.Body.Expires > 0 && now >= c.Body.Expires && q.Kind == wire.KindApply && len(s.runs()) == 0 {
		v.Missing = append(v.Missing, wire.Missing{Slot: "approval", Kind: "approval", Why: "The approvals have expired; submit the change again.", Rule: "expiry"})
	}
	if h := c.Body.Hold; h != nil {
		deny(v, "on_hold", "hold", "", "whoever put it on hold", "The change is on hold: %s", h.Reason)
	}
}

func (s *Snapshot) pending(v *wire.GateVerdict, q wire.GateRequest) {
	if q.Kind == wire.KindRollback {
		deny(v, "not_running", "rollback", "policy statement (d)", "the implementer", "A rollback opens while the change is implementing or verifying; it is %s.", s.Change.State)
		return
	}
	if s.Change.State == Verifying || s.Change.State == InReview {
		deny(v, "attempt_used", "single-use", "policy statement (a)", "the requester", "The change was executed already.")
		return
	}
	if s.Change.State == Draft || s.Change.State == Expired {
		v.Missing = append(v.Missing, wire.Missing{Slot: "submission", Kind: "approval", Rule: "gate",
			Why: "The change is " + string(s.Change.State) + "; it is not submitted for approval."})
	}
}

// judgeExecutor admits only who the change names: a person, or a service account whose token is bound
// to the named repository and pipeline (policy: only authorized personnel implement; requirement A12).
func (s *Snapshot) judgeExecutor(v *wire.GateVerdict, actor fault.Actor) {
	if actor.Kind != fault.Human && actor.Kind != fault.Service {
		deny(v, "unknown_executor", "executor", "authorized personnel", "the requester", "The caller is not a person or service account.")
		return
	}
	if !s.named(actor) {
		deny(v, "executor_not_named", "executor", "authorized personnel", "the requester", "The change does not name this executor.")
	}
	if _, yes := s.standing()[actor.Person]; yes && !s.auto() {
		deny(v, "executor_approved", "exclude", "policy statement (e)", "another executor", "Who approved a change cannot execute it.")
	}
	if demanded := s.executorRoles(); len(demanded) > 0 && actor.Kind == fault.Human {
		roles := s.Roster.Roles(directory.PersonID(actor.Person))
		if !slices.ContainsFunc(demanded, func(r string) bool { return slices.Contains(roles, r) }) {
			deny(v, "executor_role", "executor", "authorized personnel", "a security officer",
				"Only holders of %s execute this.", strings.Join(demanded, ", "))
		}
	}
}

func (s *Snapshot) named(actor fault.Actor) bool {
	return slices.ContainsFunc(s.Revision.Material.Implementers, func(x Executor) bool {
		if x.Person != "" {
			return actor.Kind == fault.Human && x.Person == actor.Person
		}
		return actor.Kind == fault.Service && x.Account == actor.Account && x.Account != "" &&
			(x.Repo == "" || x.Repo == actor.Repo) && (x.Pipe == "" || x.Pipe == actor.Pipe)
	})
}

// maxAttempts is how often one kind of permit can be opened for one change: once, whatever stage the caller
// names, because a change has no stages that anybody approved. What failed is rolled back or goes on as
// another change.
const maxAttempts = 1

func (s *Snapshot) judgeAttempt(v *wire.GateVerdict, q wire.GateRequest) {
	if q.Kind == wire.KindPlan {
		return
	}
	if attempt(q) > maxAttempts {
		deny(v, "attempt_not_allowed", "single-use", "policy statement (a)", "the requester", "This change can be executed once.")
	}
	for _, p := range s.Permits {
		if p.Kind == q.Kind && p.Attempt == attempt(q) {
			deny(v, "attempt_used", "single-use", "policy statement (a)", "the requester", "The permit for this attempt was used already.")
		}
		if p.Outcome == Running && p.Kind != wire.KindPlan && q.Kind == wire.KindApply && p.Kind != q.Kind {
			deny(v, "already_running", "single-use", "", "the executor", "An execution of this change is running.")
		}
	}
	if q.Kind == wire.KindRollback && s.Revision.Material.Rollback.Binding == nil {
		deny(v, "no_rollback_binding", "rollback", "policy statement (d)", "the requester", "The change has no runnable rollback procedure.")
	}
}

func attempt(q wire.GateRequest) int64 { return max(1, q.Attempt) }

// judgeApproval re-checks the decisions now: roles held now, executor known now, checks fresh now.
func (s *Snapshot) judgeApproval(v *wire.GateVerdict, actor fault.Actor, q wire.GateRequest, now int64) {
	if q.Kind == wire.KindPlan {
		return
	}
	if d, no := s.rejected(); no {
		deny(v, "rejected", "rejection", "policy statement (e)", "the requester", "It is rejected: %s", d.Comment)
		return
	}
	lapsed := s.lapsed(now)
	if !s.auto() || lapsed != "" {
		m := s.match(append(s.claimed(q.CI), actor.Person)...)
		for _, x := range m.Missing {
			v.Missing = append(v.Missing, missingSlot(x))
		}
		if why := s.unmodelled() + lapsed; why != "" && !m.Done {
			v.Missing = append(v.Missing, wire.Missing{Slot: "model", Kind: "approval", Why: why + " People decide now.",
				Rule: "model:" + s.Change.Body.Auto.Model, Clause: "policy statement (e)"})
		}
	}
	if q.Kind == wire.KindRollback {
		return // pre-authorized with the change; a check that turned red must not block the way back
	}
	for _, m := range s.missingChecks(now) {
		x := wire.Missing{Slot: m.Kind, Kind: "check", Why: cmp.Or(s.unanswered(m.Kind), "Evidence of this kind is missing, failing, too old, or about something else.")}
		if len(m.Reasons) > 0 {
			x.Rule, x.Clause = m.Reasons[0].Rule, m.Reasons[0].Clause
		}
		v.Missing = append(v.Missing, x)
	}
}

// claimed finds the person who the pipeline says triggered the build. The claim proves nothing, but it
// can only exclude.
func (s *Snapshot) claimed(ci wire.CI) []string {
	var out []string
	if p, ok := s.Roster.Named(ci.Actor); ok {
		out = append(out, string(p))
	}
	for _, p := range byEmail(s.Roster, ci.Actor) {
		out = append(out, string(p))
	}
	return out
}

func missingSlot(m policy.Missing) wire.Missing {
	x := wire.Missing{Slot: m.Slot, Kind: "approval", Candidates: len(m.Could), Why: fmt.Sprintf("Still needed: %d as %s.", m.Need, m.Role)}
	if m.Humans {
		x.Slot, x.Why = "people", "Too few different people have approved."
	}
	if len(m.Reasons) > 0 {
		x.Rule, x.Clause = m.Reasons[0].Rule, m.Reasons[0].Clause
		x.Why += " " + m.Reasons[0].Text
	}
	return x
}

// judgeBindings: observed digests are the approved ones, one for one; zero of them is a refusal, and
// so is one that was not approved (Atlantis issue 6529: nothing to apply counted as success).
func (s *Snapshot) judgeBindings(v *wire.GateVerdict, q wire.GateRequest) {
	if q.Kind == wire.KindPlan {
		return
	}
	m := s.Revision.Material
	want := m.Bindings
	if q.Kind == wire.KindRollback {
		want = nil
		if m.Rollback.Binding != nil {
			want = []Binding{*m.Rollback.Binding}
		}
	}
	used := make([]bool, len(q.Observed))
	for _, b := range want {
		if i := find(b, q.Observed, used); i >= 0 {
			used[i] = true
			v.Mismatches = append(v.Mismatches, mismatches(b, q.Observed[i])...)
			continue
		}
		v.Mismatches = append(v.Mismatches, wire.Mismatch{Field: b.Kind + " " + b.Name, Approved: b.Digest, Observed: "none"})
	}
	for i, o := range q.Observed {
		if !used[i] {
			v.Mismatches = append(v.Mismatches, wire.Mismatch{Field: o.Kind + " " + o.Name, Approved: "none", Observed: o.Digest})
		}
	}
	v.Mismatches = append(v.Mismatches, s.Moved...)
	if q.Environment != "" && q.Environment != v.Env {
		v.Mismatches = append(v.Mismatches, wire.Mismatch{Field: "environment", Approved: v.Env, Observed: q.Environment})
	}
	for _, t := range q.Targets {
		if !slices.Contains(m.Targets, t) {
			v.Mismatches = append(v.Mismatches, wire.Mismatch{Field: "target", Approved: strings.Join(m.Targets, ", "), Observed: t})
		}
	}
	if q.CI.Commit != "" {
		for _, b := range want {
			if b.Commit != "" && b.Commit != q.CI.Commit {
				v.Mismatches = append(v.Mismatches, wire.Mismatch{Field: "commit", Approved: b.Commit, Observed: q.CI.Commit})
			}
		}
	}
}

// find picks the observation that stands for the binding: the one with its digest, else one of its
// kind and name.
func find(b Binding, list []wire.Observed, used []bool) int {
	for i, o := range list {
		if !used[i] && o.Kind == b.Kind && o.Digest == b.Digest {
			return i
		}
	}
	for i, o := range list {
		if !used[i] && o.Kind == b.Kind && (o.Name == b.Name || o.Name == "" || len(list) == 1) {
			return i
		}
	}
	return -1
}

// mismatches compares one artifact with what was approved. A plan's exact bytes may differ when its
// normalized digest is the approved one; and where a normalized digest was approved it must be shown
// and equal even if the bytes are the same, because approvers read the document behind it, not the
// bytes. Where there is none, the bytes must be the same and show what the document shows.
func mismatches(b Binding, o wire.Observed) []wire.Mismatch {
	if b.Normalized != "" {
		if o.Normalized == b.Normalized {
			return ofTwin(b, o)
		}
		seen := o.Normalized
		if seen == "" {
			seen = "none"
		}
		out := []wire.Mismatch{{Field: b.Kind + " normalized", Approved: b.Normalized, Observed: seen}}
		if o.Digest != b.Digest {
			out = append(out, wire.Mismatch{Field: b.Kind + " " + b.Name, Approved: b.Digest, Observed: o.Digest})
		}
		return out
	}
	var out []wire.Mismatch
	if o.Digest != b.Digest {
		out = append(out, wire.Mismatch{Field: b.Kind + " " + b.Name, Approved: b.Digest, Observed: o.Digest})
	}
	if b.Shown != "" && o.Shown != b.Shown {
		seen := o.Shown
		if seen == "" {
			seen = "none"
		}
		out = append(out, wire.Mismatch{Field: b.Kind + " shown", Approved: b.Shown, Observed: seen})
	}
	if b.Base != "" && o.Base != "" && o.Base != b.Base {
		out = append(out, wire.Mismatch{Field: b.Kind + " base", Approved: b.Base, Observed: o.Base})
	}
	return out
}

// ofTwin refuses a plan that does the same to another state: what was approved for one is not for its twin. The serial moves on
// with every apply, and the normalized digest already says that the same is left to do. Who shows no state shows another one.
func ofTwin(b Binding, o wire.Observed) []wire.Mismatch {
	approved, seen := plan.Lineage(b.Base), plan.Lineage(o.Base)
	if approved == "" || approved == seen {
		return nil
	}
	return []wire.Mismatch{{Field: b.Kind + " base", Approved: b.Base, Observed: cmp.Or(o.Base, "none")}}
}

func (s *Snapshot) judgeWindow(v *wire.GateVerdict, actor fault.Actor, q wire.GateRequest, now int64) {
	if q.Kind != wire.KindApply {
		return // neither a way back nor a read-only plan waits for a window
	}
	from, until, open, why := s.start(now)
	if from > 0 || until > 0 || !open {
		v.Window = &wire.Window{From: instant(from), Until: instant(until), Open: open, Text: why}
	}
	v.Conflicts = s.conflicts(human(actor), now)
}

// settleCode picks the exit code: of all that holds, the first of denied, mismatch, pending, window.
func settleCode(v *wire.GateVerdict) {
	switch {
	case len(v.Denials) > 0:
		v.Code = wire.ExitDenied
	case len(v.Mismatches) > 0:
		v.Code = wire.ExitMismatch
	case len(v.Missing) > 0:
		v.Code = wire.ExitPending
	case v.Window != nil && !v.Window.Open || len(blocking(v.Conflicts)) > 0:
		v.Code = wire.ExitWindow
	default:
		v.Code, v.Verdict = wire.ExitAllowed, wire.Allow
		return
	}
	v.Next = nextSteps(*v)
}

func nextSteps(v wire.GateVerdict) []string {
	switch v.Code {
	case wire.ExitDenied:
		return []string{"plumb change show " + v.Change}
	case wire.ExitMismatch:
		return []string{"plan or build again, then: plumb change edit " + v.Change, "or run exactly what was approved"}
	case wire.ExitPending:
		return []string{"plumb change show " + v.Change, "plumb gate check " + v.Change + " --wait 20m"}
	default:
		return []string{"plumb gate check " + v.Change + " --wait 20m"}
	}
}

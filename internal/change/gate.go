package change

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/wire"
)

// PermitLife is how long a permit stays valid for the start that it allows.
const PermitLife = 30 * time.Minute

// LeaseLife is how long a run may go on between renewals; LeaseGrace is how long after that its
// outcome becomes unknown.
const (
	LeaseLife  = 30 * time.Minute
	LeaseGrace = 5 * time.Minute
)

// PermitType is the predicate type of a permit.
const PermitType = wire.PermitType

// gateCache keeps snapshots for read-only verdicts. An entry is good only while the ledger has not
// grown since it was read, for every covered write has an event, and while no role in it ends, which
// time does alone.
type gateCache struct {
	mu      sync.RWMutex
	entries map[ID]*cached // guarded by mu
}

type cached struct {
	head int64
	snap *Snapshot
}

// maxCached bounds the snapshots kept.
const maxCached = 10_000

// Check answers what the gate would say now; it opens nothing. An advisory check is recorded as such.
func (d *Desk) Check(ctx context.Context, actor fault.Actor, q wire.GateRequest) (v wire.GateVerdict, err error) {
	if err := cleanRequest(q); err != nil {
		return v, err
	}
	if q.Advisory {
		return d.recordAdvisory(ctx, actor, q)
	}
	id, err := d.sought(ctx, actor, q)
	if err != nil {
		return v, err
	}
	s, err := d.snapshot(ctx, id)
	if err != nil {
		return v, err
	}
	return d.linked(s.verdict(actor, q, d.db.Now().UnixMicro())), nil
}

func (d *Desk) recordAdvisory(ctx context.Context, actor fault.Actor, q wire.GateRequest) (v wire.GateVerdict, err error) {
	id, err := d.sought(ctx, actor, q)
	if err != nil {
		return v, err
	}
	err = d.db.Update(ctx, actor, func(tx *db.Tx) error {
		s, err := d.loadWithRivals(tx, id)
		if err != nil {
			return err
		}
		v = d.linked(s.verdict(actor, q, tx.Now().UnixMicro()))
		return d.recordVerdict(tx, s, v, q, "gate.advised")
	})
	return v, d.written(actor, id, err)
}

// snapshot gives the committed state of a change, from memory where nothing was written since.
func (d *Desk) snapshot(ctx context.Context, id ID) (s *Snapshot, err error) {
	head, err := d.log.Head(ctx)
	if err != nil {
		return nil, err
	}
	d.gate.mu.RLock()
	e := d.gate.entries[id]
	d.gate.mu.RUnlock()
	if e != nil && e.head == head && e.snap.Roster.Stands(d.db.Now()) {
		return e.snap, nil
	}
	err = d.db.View(ctx, func(tx *db.Tx) error {
		s, err = d.loadWithRivals(tx, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	d.gate.mu.Lock()
	defer d.gate.mu.Unlock()
	if len(d.gate.entries) >= maxCached {
		clear(d.gate.entries)
	}
	s.memo = &memo{}
	d.gate.entries[id] = &cached{head: head, snap: s}
	return s, nil
}

func cleanRequest(q wire.GateRequest) error {
	e := fault.New(fault.Invalid, "bad_gate_request", "The gate request cannot be taken.")
	if q.Schema != wire.GateRequestSchema {
		e.At("schema", "is not "+wire.GateRequestSchema)
	}
	if q.Attempt < 0 || q.Attempt > 1000 {
		e.At("attempt", "is out of range")
	}
	if len(q.Observed) > maxItems || len(q.Targets) > maxItems {
		e.At("observed", "has too many items")
	}
	for i, o := range q.Observed {
		digest(e, fmt.Sprintf("observed[%d].digest", i), o.Digest)
		for _, s := range []string{o.Kind, o.Name, o.Normalized, o.Shown, o.Base} {
			line(e, fmt.Sprintf("observed[%d]", i), s)
		}
	}
	c := q.CI
	for _, s := range append([]string{q.Kind, q.Environment, q.Stage, q.Key, c.Provider, c.Repo, c.Pipeline, c.Job, c.BuildID,
		c.Commit, c.Branch, c.PR, c.Actor, c.URL}, q.Targets...) {
		line(e, "request", s)
	}
	if len(e.Fields) > 0 {
		return e
	}
	return nil
}

// Open decides and, if the answer is yes, redeems: permit, execution and event are written in the same
// transaction as the decision. A no is recorded too. The same idempotency key gets the same permit;
// any other request for a used attempt is refused.
func (d *Desk) Open(ctx context.Context, actor fault.Actor, q wire.GateRequest) (v wire.GateVerdict, err error) {
	if err := cleanRequest(q); err != nil {
		return v, err
	}
	id, err := d.sought(ctx, actor, q)
	if err != nil {
		return v, err
	}
	err = d.db.Update(ctx, actor, func(tx *db.Tx) error {
		s, err := d.loadWithRivals(tx, id)
		if err != nil {
			return err
		}
		if p, ok := s.again(actor, q); ok {
			return d.retried(tx, s, p, q, &v)
		}
		v = d.linked(s.verdict(actor, q, tx.Now().UnixMicro()))
		if v.Code != wire.ExitAllowed || q.Advisory {
			return d.recordVerdict(tx, s, v, q, "gate.denied")
		}
		return d.redeem(tx, s, q, &v)
	})
	return v, d.written(actor, id, err)
}

// written takes note that what a use-case recorded was not committed, where that is so.
func (d *Desk) written(actor fault.Actor, id ID, err error) error {
	if err != nil {
		d.repeats.undo(actor.Account, string(id))
	}
	return err
}

// again finds the permit that this very request opened before: same key, same caller.
func (s *Snapshot) again(actor fault.Actor, q wire.GateRequest) (Permit, bool) {
	i := slices.IndexFunc(s.Permits, func(p Permit) bool {
		return q.Key != "" && p.Key == q.Key && p.Kind == q.Kind && p.Account == actor.Account && p.Attempt == attempt(q)
	})
	if i < 0 {
		return Permit{}, false
	}
	return s.Permits[i], true
}

// retried answers a key that opened the gate before. What is presented now must still be what the permit
// is for, and nothing may have come up that would stop the run: the key alone releases nothing.
func (d *Desk) retried(tx *db.Tx, s *Snapshot, p Permit, q wire.GateRequest, v *wire.GateVerdict) (err error) {
	if *v, err = d.same(s, p, tx.Now().UnixMicro()); err != nil {
		return err
	}
	if no := s.renew(p, tx.Actor(), p.Fence, tx.Now().UnixMicro()); v.Verdict == wire.Allow && no != nil {
		f := fault.Of(no)
		deny(v, f.Code, f.Rule, f.Clause, f.Who, "%s", f.Message)
	}
	if v.Verdict == wire.Allow && p.Kind == wire.KindApply && s.stopped(human(tx.Actor()), false, tx.Now().UnixMicro()) {
		deny(v, "frozen", "freeze", "", "who set the freeze, or a security officer", "A hard freeze came into force before the run was started.")
	}
	if s.judgeBindings(v, q); len(v.Mismatches)+len(v.Denials) > 0 {
		v.Verdict, v.Permit = wire.Deny, nil
		settleCode(v)
	}
	if v.Verdict == wire.Allow {
		return nil
	}
	return d.recordVerdict(tx, s, *v, q, "gate.denied")
}

// same answers a retry with the permit it got. It is not a second permit: once the execution has ended
// there is nothing left to start.
func (d *Desk) same(s *Snapshot, p Permit, now int64) (wire.GateVerdict, error) {
	v := wire.GateVerdict{Schema: wire.GateVerdictSchema, Verdict: wire.Allow, Change: string(s.Change.ID), State: string(s.Change.State),
		Rev: s.Change.Rev, RevDigest: p.Rev, Env: s.environment(), Kind: p.Kind, PermitID: p.ID, Expires: instant(p.Expires)}
	if p.Outcome != Running || now >= p.Expires {
		v.Verdict = wire.Deny
		deny(&v, "attempt_used", "single-use", "policy statement (a)", "the requester", "The permit for this attempt was used already.")
		settleCode(&v)
		return d.linked(v), nil
	}
	var env seal.Envelope
	if err := json.Unmarshal([]byte(p.Envelope), &env); err != nil {
		return v, fmt.Errorf("read permit: %w", err)
	}
	v.Permit = &env
	return d.linked(v), nil
}

// redeem writes the permit and moves the change on.
func (d *Desk) redeem(tx *db.Tx, s *Snapshot, q wire.GateRequest, v *wire.GateVerdict) error {
	fence, err := nextFence(tx)
	if err != nil {
		return fmt.Errorf("number permit: %w", err)
	}
	now, a := tx.Now(), tx.Actor()
	p := Permit{ID: seal.NewID("prm"), Change: s.Change.ID, Kind: q.Kind, Stage: q.Stage, Attempt: attempt(q), Fence: fence,
		Person: a.Person, Account: a.Account, Rev: s.Change.RevDigest, Key: q.Key, Issued: now.UnixMicro(),
		Expires: now.Add(PermitLife).UnixMicro(), Lease: now.Add(LeaseLife).UnixMicro(), Outcome: Running}
	if q.Kind == wire.KindPlan {
		p.Attempt = fence // a plan changes nothing and can be made again
	}
	claimed, err := seal.Canonical(q.CI)
	if err != nil {
		return err
	}
	p.Claimed = string(claimed)
	env, err := d.signPermit(s, p)
	if err != nil {
		return err
	}
	text, err := json.Marshal(env)
	if err != nil {
		return err
	}
	p.Envelope = string(text)
	if err := insertPermit(tx, p); err != nil {
		return fmt.Errorf("save permit: %w", err)
	}
	v.Permit, v.PermitID, v.Expires = env, p.ID, instant(p.Expires)
	return d.started(tx, s, p, q)
}

func (d *Desk) started(tx *db.Tx, s *Snapshot, p Permit, q wire.GateRequest) error {
	s.started(p)
	if p.Kind != wire.KindPlan {
		if err := reserve(tx, s.Change.ID, s.keys(), true); err != nil {
			return err
		}
	}
	return d.save(tx, s, ledger.Event{Verb: "gate.opened", Detail: map[string]any{"permit": p.ID, "kind": p.Kind,
		"attempt": p.Attempt, "fence": p.Fence, "claimed": q.CI, "observed": q.Observed}})
}

// started moves the change on when a permit was redeemed.
func (s *Snapshot) started(p Permit) {
	s.Permits = append(slices.Clone(s.Permits), p)
	c := &s.Change
	c.Due = p.Lease + LeaseGrace.Microseconds()
	if p.Kind == wire.KindPlan {
		return
	}
	c.State = Implementing
	if c.Body.FirstRun == 0 {
		c.Body.FirstRun = p.Issued
	}
}

func (d *Desk) signPermit(s *Snapshot, p Permit) (*seal.Envelope, error) {
	m, subjects := s.Revision.Material, s.subjects()
	bindings := m.Bindings
	switch {
	case p.Kind == wire.KindPlan: // nobody approved anything yet: whoever holds it can show it for no artifact
		bindings, subjects = []Binding{}, subjects[:1]
	case p.Kind == wire.KindRollback && m.Rollback.Binding != nil:
		bindings = []Binding{*m.Rollback.Binding}
	}
	targets, err := seal.Canonical(m.Targets)
	if err != nil {
		return nil, err
	}
	env, err := seal.Sign(d.key, seal.Statement[PermitPredicate]{PredicateType: PermitType, Subject: subjects,
		Predicate: PermitPredicate{V: 1, Install: d.install, ID: p.ID, Change: string(p.Change), Rev: p.Rev,
			Approvals: s.Change.Body.Approvals, Policy: s.Demand.Policy, Bindings: bindings,
			Targets: seal.Digest("plumb.targets.v1", targets), Env: s.environment(), Executor: p.Account,
			Kind: p.Kind, Stage: p.Stage, Attempt: p.Attempt, Fence: p.Fence, NotBefore: p.Issued, Expires: p.Expires,
			Nonce: seal.NewID("n")}})
	if err != nil {
		return nil, fmt.Errorf("sign permit: %w", err)
	}
	return env, nil
}

// recordVerdict makes a verdict without a permit an event, or counts it where it is the same as one within
// the last minute; it changes nothing else.
func (d *Desk) recordVerdict(tx *db.Tx, s *Snapshot, v wire.GateVerdict, q wire.GateRequest, verb string) error {
	codes := []string{}
	for _, x := range v.Denials {
		codes = append(codes, x.Code)
	}
	for _, x := range v.Missing {
		codes = append(codes, "missing:"+x.Slot)
	}
	for _, x := range v.Mismatches {
		codes = append(codes, "mismatch:"+x.Field)
	}
	outcome := "denied"
	if v.Code == wire.ExitAllowed {
		outcome = "ok"
	}
	why := strings.Join(codes[:min(len(codes), 20)], ", ")
	e := ledger.Event{Verb: verb, Type: "change", Object: string(s.Change.ID), Rev: s.Change.RevDigest, Outcome: outcome,
		Policy: s.Demand.Policy, Detail: map[string]any{"code": v.Code, "why": why, "kind": q.Kind, "claimed": q.CI}}
	k := alike{tx.Actor().Account, verb, e.Object, e.Rev, q.Kind, fmt.Sprintf("%d %s", v.Code, why)}
	if !d.repeats.first(k, tx.Actor(), e, tx.Now().UnixMicro()) {
		return nil
	}
	_, err := ledger.Append(tx, e)
	return err
}

func (d *Desk) linked(v wire.GateVerdict) wire.GateVerdict {
	if d.url != "" {
		v.URL = d.url + "/changes/" + v.Change
	}
	return v
}

func instant(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}

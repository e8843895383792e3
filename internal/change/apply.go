package change

import (
	"context"
	"fmt"
	"slices"
	"time"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/wire"
)

// Kinds of binding that Plumbline itself executes: who holds a role, which policy is in force, which
// standard model is active.
const (
	AccessGrant   = "access-grant"
	PolicyPack    = "policy-pack"
	StandardModel = "standard-model"
)

// Apply executes a change to Plumbline itself. It passes the same gate as any execution, opens and
// ends its permit, and does the work, all in one transaction: there is no other way to grant an
// approving role or to put a policy in force.
func (d *Desk) Apply(ctx context.Context, actor fault.Actor, id ID, key string) (v wire.GateVerdict, err error) {
	err = d.db.Update(ctx, actor, func(tx *db.Tx) error {
		s, err := d.loadWithRivals(tx, id)
		if err != nil {
			return err
		}
		q := wire.GateRequest{Schema: wire.GateRequestSchema, Change: string(id), Kind: wire.KindApply, Key: key}
		if p, ok := s.again(actor, q); ok {
			v, err = d.applied(s, p)
			return err
		}
		if q.Observed, err = d.ownBindings(ctx, s); err != nil {
			return err
		}
		v = d.linked(s.verdict(actor, q, tx.Now().UnixMicro()))
		if v.Code != wire.ExitAllowed {
			return d.recordVerdict(tx, s, v, q, "gate.denied")
		}
		if err := d.redeem(tx, s, q, &v); err != nil {
			return err
		}
		did := map[string]any{}
		for _, b := range s.Revision.Material.Bindings {
			if err := d.execute(ctx, tx, s, b, did); err != nil {
				return err
			}
		}
		p := s.Permits[len(s.Permits)-1]
		p.Outcome, p.Ended, p.Report = Success, tx.Now().UnixMicro(), "{}"
		if err := endPermit(tx, p, Running); err != nil {
			return err
		}
		if err := d.ended(tx, s, p); err != nil {
			return err
		}
		did["permit"] = p.ID
		v.State = string(s.Change.State)
		return d.save(tx, s, ledger.Event{Verb: "gate.closed", Detail: did})
	})
	return v, d.written(actor, id, err)
}

// applied answers a retry of Apply, which was done under this very key: with its permit, though it is
// over, because nobody will start anything with it.
func (d *Desk) applied(s *Snapshot, p Permit) (wire.GateVerdict, error) {
	p.Outcome = Running
	return d.same(s, p, 0)
}

// ownBindings computes the digests of what would be executed from what is here, not from the request.
func (d *Desk) ownBindings(ctx context.Context, s *Snapshot) ([]wire.Observed, error) {
	var out []wire.Observed
	for _, b := range s.Revision.Material.Bindings {
		o := wire.Observed{Kind: b.Kind, Name: b.Name}
		var err error
		switch {
		case b.Kind == AccessGrant && b.Grant != nil:
			o.Digest, err = b.Grant.Digest()
		case b.Kind == PolicyPack:
			var p *policy.Pack
			if p, err = d.boundPack(ctx, b); err == nil {
				o.Digest = p.Digest()
			}
		case b.Kind == StandardModel:
			o.Digest, err = s.Pack.ModelDigest(b.Name)
		default:
			err = fault.New(fault.Invalid, "not_ours", "Plumbline does not execute a %s itself.", b.Kind).
				Then("plumb gate run %s -- COMMAND", s.Change.ID)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	return out, nil
}

func (d *Desk) boundPack(ctx context.Context, b Binding) (*policy.Pack, error) {
	raw, err := d.document(ctx, b.Document)
	if err != nil {
		return nil, err
	}
	return policy.LoadArchive(raw)
}

func (d *Desk) execute(ctx context.Context, tx *db.Tx, s *Snapshot, b Binding, did map[string]any) error {
	switch b.Kind {
	case AccessGrant:
		g := directory.Grant{Op: directory.GrantOp(b.Grant.Op), Role: directory.RoleName(b.Grant.Role), Person: directory.PersonID(b.Grant.Person),
			Group: directory.GroupID(b.Grant.Group), Into: directory.GroupID(b.Grant.Into), Until: b.Grant.Until}
		did["grant"] = *b.Grant
		return d.people.Apply(tx, g, string(s.Change.ID))
	case PolicyPack:
		p, err := d.boundPack(ctx, b)
		if err != nil {
			return err
		}
		findings := p.Lint(policy.LintOptions{People: s.Roster.People(), Now: tx.Now()})
		if err := policy.Ready(findings); err != nil { // the same rule as at the first start, whoever filed it by whatever way
			return err
		}
		did["policy"] = p.Digest()
		return d.activate(tx, p, string(s.Change.ID))
	case StandardModel:
		did["model"] = b.Name
		_, err := tx.Exec("INSERT INTO change_model (id, digest, state, change_id, since, uses, successes, reason)"+
			" VALUES ($1, $2, $3, $4, $5, 0, 0, '') ON CONFLICT (id) DO UPDATE SET digest = excluded.digest, state = excluded.state,"+
			" change_id = excluded.change_id, since = excluded.since, uses = 0, successes = 0, reason = ''",
			b.Name, b.Digest, ModelActive, string(s.Change.ID), tx.Now().UnixMicro())
		return err
	}
	return fault.New(fault.Invalid, "not_ours", "Plumbline does not execute a %s itself.", b.Kind).
		Then("plumb gate run %s -- COMMAND", s.Change.ID)
}

// activate puts a pack in force. The rows stay: every pack that ever decided can be read again.
func (d *Desk) activate(tx *db.Tx, p *policy.Pack, change string) error {
	archive, err := p.Archive()
	if err != nil {
		return fmt.Errorf("archive pack: %w", err)
	}
	n, err := d.newestPack(tx)
	if err != nil {
		return err
	}
	_, err = tx.Exec("INSERT INTO change_pack (id, digest, name, version, change_id, since, archive, n) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
		seal.NewID("pck"), p.Digest(), p.Name, p.Version, change, tx.Now().UnixMicro(), string(archive), n+1)
	return err
}

// Ready refuses a pack that has errors, or whose rules these people cannot satisfy. The roles that the
// program itself knows need not be the pack's.
func Ready(p *policy.Pack, people []policy.Person, now time.Time) error {
	known := make([]policy.Person, len(people))
	for i, x := range people {
		x.Roles = slices.DeleteFunc(slices.Clone(x.Roles), func(role string) bool {
			_, inPack := p.Role(role)
			return !inPack && (role == string(directory.Admin) || role == string(directory.Auditor))
		})
		known[i] = x
	}
	return policy.Ready(p.Lint(policy.LintOptions{People: known, Now: now}))
}

// SetUp is the engine's part of the first-start ceremony, in its transaction: the first pack comes
// into force, and only when the people at hand can satisfy each of its rules.
func (d *Desk) SetUp(tx *db.Tx, p *policy.Pack) error {
	if old, err := d.packIn(tx); err != nil || old != nil {
		if err != nil {
			return err
		}
		return fault.New(fault.Conflict, "set_up_already", "A policy pack is in force already; another comes by an approved change.").
			FixedBy("an engineering lead, by a change").Then("plumb policy activate PACK")
	}
	roster, err := d.people.RosterIn(tx)
	if err != nil {
		return err
	}
	if err := Ready(p, roster.People(), tx.Now()); err != nil {
		return err
	}
	if err := d.activate(tx, p, "setup"); err != nil {
		return err
	}
	_, err = ledger.Append(tx, ledger.Event{Verb: "policy.activated", Type: "policy", Object: p.Digest(), Policy: p.Digest(),
		Detail: map[string]any{"name": p.Name, "version": p.Version}})
	return err
}

// PackVersion is one entry of the policy's history.
type PackVersion struct {
	Digest  string `json:"digest"`
	Name    string `json:"name"`
	Version string `json:"version"`
	Change  string `json:"change"`
	Since   int64  `json:"since"`
}

// Packs lists the packs that were ever in force, newest first.
func (d *Desk) Packs(ctx context.Context) (out []PackVersion, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		out, err = db.Collect(tx, func(row db.Scanner) (p PackVersion, err error) {
			return p, row.Scan(&p.Digest, &p.Name, &p.Version, &p.Change, &p.Since)
		}, "SELECT digest, name, version, change_id, since FROM change_pack ORDER BY n DESC LIMIT 1000")
		return err
	})
	return out, err
}

// Models lists the standing of every standard model that was ever activated.
func (d *Desk) Models(ctx context.Context) (out []Model, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		out, err = db.Collect(tx, scanModel, modelColumns+" ORDER BY id")
		return err
	})
	return out, err
}

// own reports whether Plumbline itself executes the change.
func (m Material) own() bool {
	return len(m.Bindings) > 0 && !slices.ContainsFunc(m.Bindings, func(b Binding) bool {
		return b.Kind != AccessGrant && b.Kind != PolicyPack && b.Kind != StandardModel
	})
}

// Disabled ends what a disabled person's word still holds open: changes that no longer have enough
// approvals go back to the people. It runs in the transaction that disables them.
func (d *Desk) Disabled(tx *db.Tx, person directory.PersonID) error {
	ids, err := db.Collect(tx, scanString, "SELECT DISTINCT c.id FROM change_decision x JOIN change_change c ON c.id = x.change_id"+
		" WHERE x.person = $1 AND c.state IN ('authorized', 'scheduled') ORDER BY c.id", string(person))
	if err != nil {
		return fmt.Errorf("load open decisions: %w", err)
	}
	for _, id := range ids {
		s, err := d.load(tx, ID(id))
		if err != nil {
			return err
		}
		if err := d.reopen(tx, s); err != nil {
			return err
		}
		if s.Change.State != AwaitingApproval {
			continue
		}
		if err := d.save(tx, s, ledger.Event{Verb: "change.approval_void", Detail: map[string]any{"person": string(person), "why": "the person is disabled"}}); err != nil {
			return err
		}
	}
	return nil
}

// Roles gives the roles of the pack in force, for the directory.
func (d *Desk) Roles(tx *db.Tx) ([]policy.Role, error) {
	p, err := d.packIn(tx)
	if err != nil || p == nil {
		return nil, err
	}
	return p.Roles, nil
}

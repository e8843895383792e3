package change

import (
	"context"
	"fmt"
	"io"
	"slices"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/wire"
)

// Act names one thing that a person can do to a change.
type Act string

// The acts that depend on who asks and on where the change stands.
const (
	ActSubmit   Act = "submit"
	ActEdit     Act = "edit"
	ActApprove  Act = "approve"
	ActReject   Act = "reject"
	ActWithdraw Act = "withdraw"
	ActHold     Act = "hold"
	ActRelease  Act = "release"
	ActSchedule Act = "schedule"
	ActCancel   Act = "cancel"
	ActClose    Act = "close"
	ActApply    Act = "apply"
)

// Reading is one change for one reader: what is shown of it, and what they could do to it at that
// instant. It promises nothing; whoever acts is asked again.
type Reading struct {
	View
	Environment string                 // the strictest of its targets
	Places      []policy.Target        // its targets, as the policy knows them
	Excluding   []Excluded             // who cannot decide, with the words for it
	Refused     map[Act]error          // why each act is refused to the reader; an act that is absent would be taken
	Accept      []string               // conflicts that the reader could accept
	Verifies    []string               // open verifications that the reader could give
	Closures    []Closure              // closure codes with which the reader could close it
	Named       func(id string) string // name of a person or service account
}

// May reports whether the engine would take an act from the reader, given the words that it needs.
func (r Reading) May(a Act) bool { return r.Refused[a] == nil }

// Read gives one change as one reader meets it. The answers come from the same rules that guard the acts.
func (d *Desk) Read(ctx context.Context, actor fault.Actor, id ID) (r Reading, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		s, err := d.loadWithRivals(tx, id)
		if err != nil {
			return err
		}
		now := tx.Now().UnixMicro()
		r.View = s.view(now)
		if r.Comments, err = listComments(tx, id); err != nil {
			return fmt.Errorf("load comments: %w", err)
		}
		if r.Placed, err = s.placed(tx); err != nil {
			return err
		}
		r.Excluding, r.Named = s.excludedNamed(), s.nameOf
		r.Environment = s.environment()
		for _, name := range s.Revision.Material.Targets {
			r.Places = append(r.Places, s.Revision.Material.target(s.Pack, name))
		}
		s.acts(actor, now, &r)
		if err := d.mayApply(ctx, s, actor, now); err != nil {
			r.Refused[ActApply] = err
		}
		return nil
	})
	return r, err
}

// nameOf gives the name of a person, or of a service account with who answers for it.
func (s *Snapshot) nameOf(id string) string {
	if owner, ok := s.Roster.ServiceOwner(directory.AccountID(id)); ok {
		a, _ := s.Roster.Account(directory.AccountID(id)) // there, since it has an owner
		return a.Username + " (service account of " + s.Roster.Name(owner) + ")"
	}
	if p, ok := s.Roster.PersonOf(directory.AccountID(id)); ok {
		return s.Roster.Name(p)
	}
	return s.Roster.Name(directory.PersonID(id))
}

// acts asks each rule with words that it would take, so that what remains is who and when.
func (s *Snapshot) acts(actor fault.Actor, now int64, r *Reading) {
	const words = "-"
	seen := s.Change.RevDigest
	r.Refused = map[Act]error{}
	for act, err := range map[Act]error{
		ActSubmit: s.trySubmit(actor, now), ActEdit: s.mayEdit(actor, seen),
		ActApprove: s.approve(actor, seen, "", now), ActReject: s.reject(actor, seen, words), ActWithdraw: s.withdraw(actor, ""),
		ActHold: s.mayHold(actor), ActRelease: s.mayRelease(actor), ActSchedule: s.maySchedule(actor), ActCancel: s.mayCancel(actor),
	} {
		if err != nil {
			r.Refused[act] = err
		}
	}
	for _, c := range r.Conflicts {
		if s.mayAcknowledge(actor, c.With, now) == nil {
			r.Accept = append(r.Accept, c.With)
		}
	}
	for _, slot := range r.Verify {
		if s.verify(actor, Verification{Slot: slot, At: now}) == nil {
			r.Verifies = append(r.Verifies, slot)
		}
	}
	for _, code := range s.honest() {
		err := s.close(actor, code, &Review{Outcome: words, Causes: words}, now)
		if err == nil {
			r.Closures = append(r.Closures, code)
		} else {
			r.Refused[ActClose] = err
		}
	}
	switch {
	case len(r.Closures) > 0:
		delete(r.Refused, ActClose)
	case r.Refused[ActClose] == nil:
		r.Refused[ActClose] = s.close(actor, "", nil, now)
	}
}

// trySubmit asks the rule of Submit without moving the change.
func (s *Snapshot) trySubmit(actor fault.Actor, now int64) error {
	t := *s
	return t.submit(actor, s.Change.RevDigest, now)
}

// mayApply asks the gate about a change to Plumbline itself, from what would be executed; what is not ours
// is refused there.
func (d *Desk) mayApply(ctx context.Context, s *Snapshot, actor fault.Actor, now int64) error {
	if !slices.Contains([]State{Authorized, Scheduled}, s.Change.State) {
		return fault.New(fault.Invalid, "not_ours", "Plumbline does not execute this itself, or not now.").About(string(s.Change.ID)).
			FixedBy("its executor").Then("plumb gate check %s", s.Change.ID)
	}
	q := wire.GateRequest{Schema: wire.GateRequestSchema, Change: string(s.Change.ID), Kind: wire.KindApply}
	var err error
	if q.Observed, err = d.ownBindings(ctx, s); err != nil {
		return err
	}
	v := s.verdict(actor, q, now)
	if v.Code == wire.ExitAllowed {
		return nil
	}
	e := fault.New(fault.Denied, "not_allowed", "The gate does not let it start now.").About(string(s.Change.ID)).
		FixedBy("who the change names").Then("plumb gate check %s", s.Change.ID)
	if len(v.Denials) > 0 {
		e.Message, e.Rule, e.Clause, e.Who = v.Denials[0].Text, v.Denials[0].Rule, v.Denials[0].Clause, v.Denials[0].Who
	}
	return e
}

// LastWord finds the newest decision of a person on another wording than the present one, if there is
// none on the present one: what changed since then is what they must look at again.
func (v View) LastWord(person string) (Decision, bool) {
	var last Decision
	for _, d := range v.Decisions {
		if d.Person != person || person == "" {
			continue
		}
		last = d
	}
	return last, last.ID != "" && last.RevDigest != v.Change.RevDigest
}

// Holds reports whether a change names a document by its digest: as an attachment, as the document behind
// a binding, or as evidence. Nothing else is given out by way of this change.
func (v View) Holds(digest string) bool {
	m := v.Material
	return IsDigest(digest) && (slices.ContainsFunc(m.Attachments, func(a Attachment) bool { return a.Digest == digest }) ||
		slices.ContainsFunc(m.everyBinding(), func(b Binding) bool { return b.Document == digest }) ||
		slices.ContainsFunc(v.Checks, func(c CheckResult) bool { return c.Blob == digest }))
}

// Binds reports whether evidence about a subject is about what the wording would run.
func (m Material) Binds(subject string) bool { return m.bound()[subject] }

func (m Material) everyBinding() []Binding {
	list := slices.Clone(m.Bindings)
	if b := m.Rollback.Binding; b != nil {
		list = append(list, *b)
	}
	return list
}

// Why gives the reasons behind one slot of a demand, the verify slots among them.
func (v View) Why(slot string) []policy.Reason {
	for _, list := range [][]policy.Slot{v.Demand.Slots, v.Demand.Verify} {
		for _, s := range list {
			if s.ID == slot {
				return s.Reasons
			}
		}
	}
	return nil
}

// OpenDocument opens a stored document for reading; its bytes are held to the digest while they are read.
func (d *Desk) OpenDocument(ctx context.Context, digest string) (io.ReadCloser, error) {
	if !IsDigest(digest) {
		return nil, noDocument()
	}
	has, err := d.blobs.Has(ctx, digest)
	switch {
	case err != nil:
		return nil, fmt.Errorf("look for document: %w", err)
	case !has:
		return nil, noDocument()
	}
	return d.blobs.Open(ctx, digest)
}

func noDocument() error {
	return fault.New(fault.NotFound, "no_document", "There is no such document.").Then("plumb document add FILE")
}

package reconcile

import (
	"context"
	"fmt"
	"slices"
	"time"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
)

// Propose asks for a mute. It explains nothing until somebody else reviewed it.
func (d *Desk) Propose(ctx context.Context, actor fault.Actor, m Mute) (Mute, error) {
	err := d.db.Update(ctx, actor, func(tx *db.Tx) error {
		if err := d.people.ConfirmIn(tx, actor); err != nil {
			return err
		}
		n, err := next(tx, "reconcile_mute")
		if err != nil {
			return err
		}
		now := tx.Now().UnixMicro()
		m.ID, m.N, m.Version, m.State = fmt.Sprintf("MUT-%06d", n), n, 0, Proposed
		m.Proposer, m.At, m.Reviewer, m.Reviewed, m.Seen, m.Hits, m.Ended = actor.Person, now, "", 0, 0, 0, ""
		if err := m.clean(now); err != nil {
			return err
		}
		if m.Back, err = d.backTest(tx, &m); err != nil {
			return err
		}
		if err := saveMute(tx, &m); err != nil {
			return err
		}
		return record(tx, "mute.proposed", "mute", m.ID, map[string]any{"kind": string(m.Kind), "path": m.Path, "reason": m.Reason,
			"matched": m.Back.Matched, "unauthorized": m.Back.Unauthorized})
	})
	return m, err
}

// Review decides on a proposed mute: a Security Officer who did not propose it, after the back-test over the last 30 days, which is taken anew.
func (d *Desk) Review(ctx context.Context, actor fault.Actor, id string, accept bool, reason string) (m Mute, err error) {
	return d.decideMute(ctx, actor, id, func(tx *db.Tx, m *Mute, roster *directory.Roster) (string, error) {
		switch {
		case m.State != Proposed:
			return "", fault.New(fault.Conflict, "mute_decided", "The exception is %s.", m.State).About(m.ID).FixedBy("you").Then("plumb reconcile mutes")
		case m.Proposer == actor.Person:
			return "", fault.New(fault.Denied, "own_mute", "Who proposes an exception does not review it.").About(m.ID).Because("separate", "policy statement (e)").
				FixedBy("another Security Officer").Then("plumb reconcile review %s --accept", m.ID)
		case !roster.Holds(directory.PersonID(actor.Person), directory.Officer):
			return "", notOfficer(m.ID)
		}
		if m.Back, err = d.backTest(tx, m); err != nil {
			return "", err
		}
		m.Reviewer, m.Reviewed = actor.Person, tx.Now().UnixMicro()
		if !accept {
			m.State, m.Ended = Disabled, reason
			return "mute.refused", nil
		}
		m.State = Active
		return "mute.activated", nil
	})
}

// Unmute ends a mute at once. Ending one loosens nothing, so its proposer may, too.
func (d *Desk) Unmute(ctx context.Context, actor fault.Actor, id, reason string) (Mute, error) {
	return d.decideMute(ctx, actor, id, func(_ *db.Tx, m *Mute, roster *directory.Roster) (string, error) {
		if m.Proposer != actor.Person && !roster.Holds(directory.PersonID(actor.Person), directory.Officer) {
			return "", notOfficer(m.ID)
		}
		if m.State == Disabled || m.State == Lapsed {
			return "", fault.New(fault.Conflict, "mute_decided", "The exception is %s.", m.State).About(m.ID).FixedBy("nobody").Then("plumb reconcile mutes")
		}
		m.State, m.Ended = Disabled, reason
		return "mute.disabled", nil
	})
}

func notOfficer(id string) error {
	return fault.New(fault.Denied, "not_officer", "An exception is decided by a Security Officer.").About(id).FixedBy("a Security Officer").
		Then("plumb reconcile review %s --accept", id)
}

func (d *Desk) decideMute(ctx context.Context, actor fault.Actor, id string, decide func(*db.Tx, *Mute, *directory.Roster) (string, error)) (m Mute, err error) {
	err = d.db.Update(ctx, actor, func(tx *db.Tx) error {
		if err := d.people.ConfirmIn(tx, actor); err != nil {
			return err
		}
		if !actor.IsPerson() {
			return fault.New(fault.Denied, "not_a_person", "Only a person in their own session decides on an exception.").About(id).
				FixedBy("a Security Officer, in their own session").Then("plumb login")
		}
		if m, err = loadMute(tx, id); err != nil {
			return err
		}
		roster, err := d.people.RosterIn(tx)
		if err != nil {
			return err
		}
		verb, err := decide(tx, &m, roster)
		if err != nil {
			return err
		}
		if err := saveMute(tx, &m); err != nil {
			return err
		}
		return record(tx, verb, "mute", m.ID, map[string]any{"reason": m.Ended, "matched": m.Back.Matched, "unauthorized": m.Back.Unauthorized})
	})
	return m, err
}

// most judged differences that a back-test looks at; the newest count.
const backTestAtMost = 20_000

// backTest says what a mute would have matched in the last 30 days.
func (d *Desk) backTest(tx *db.Tx, m *Mute) (BackTest, error) {
	b := BackTest{Days: backTestDays, Assets: []string{}}
	since := tx.Now().Add(-backTestDays * 24 * time.Hour).UnixMicro()
	list, err := db.Collect(tx, scanMatch, matchColumns+" WHERE latest >= $1 ORDER BY latest DESC LIMIT $2", since, backTestAtMost)
	if err != nil {
		return b, err
	}
	b.Differences = int64(len(list))
	for _, x := range list {
		if x.Path != m.Path && !glob(m.Path, fold(x.Path)) {
			continue
		}
		diff, found, err := inventory.DifferenceOf(tx, x.Difference)
		if err != nil {
			return b, err
		}
		if !found {
			continue
		}
		p, err := placeOf(tx, diff)
		if err != nil {
			return b, err
		}
		if !m.covers(diff, &p) {
			continue
		}
		b.Matched++
		if x.Finding != "" {
			b.Unauthorized++
		}
		if !slices.Contains(b.Assets, p.Name) && len(b.Assets) < 50 {
			b.Assets = append(b.Assets, p.Name)
		}
	}
	return b, nil
}

// Mutes lists the mutes, the newest first.
func (d *Desk) Mutes(ctx context.Context) (list []Mute, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		list, err = db.Collect(tx, scanMute, muteColumns+" ORDER BY n DESC LIMIT 500")
		return err
	})
	return list, err
}

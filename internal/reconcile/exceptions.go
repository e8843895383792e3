package reconcile

import (
	"context"
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
)

// MuteStates lists the states of a mute, in the order of its life.
func MuteStates() []string { return []string{Proposed, Active, Disabled, Lapsed} }

// MutesOf lists mutes in a state, or in all of them for "", the newest first: a page before number n, where 0 begins with the newest.
func (d *Desk) MutesOf(ctx context.Context, state string, before int64, limit int) (list []Mute, err error) {
	if state != "" && !slices.Contains(MuteStates(), state) {
		return nil, fault.New(fault.Invalid, "bad_filter", "The exceptions cannot be filtered like that.").At("state", "is "+strings.Join(MuteStates(), ", ")).
			FixedBy("you").Then("plumb reconcile mutes")
	}
	if before <= 0 {
		before = openEnd
	}
	err = d.db.View(ctx, func(tx *db.Tx) error {
		list, err = db.Collect(tx, scanMute, muteColumns+" WHERE n < $1 AND ($2 = '' OR state = $2) ORDER BY n DESC LIMIT $3", before, state, min(max(limit, 1), 500))
		return err
	})
	return list, err
}

// MuteReading is one mute, and why its reader may not decide on it.
type MuteReading struct {
	Mute
	Review error // nil where the reader may accept or refuse it
	End    error // nil where the reader may end it
}

// ReadMute gives one mute to somebody who may have to decide on it.
func (d *Desk) ReadMute(ctx context.Context, actor fault.Actor, id string) (r MuteReading, err error) {
	if r.Mute, err = d.MuteOf(ctx, id); err != nil {
		return r, err
	}
	roster, err := d.people.Roster(ctx)
	if err != nil {
		return r, err
	}
	r.Review, r.End = r.mayReview(actor, roster), r.mayEnd(actor, roster)
	return r, nil
}

// mayEnd is who may end a mute: its proposer, because ending one loosens nothing, or a Security Officer.
func (m *Mute) mayEnd(actor fault.Actor, roster *directory.Roster) error {
	if m.Proposer != actor.Person && !roster.Holds(directory.PersonID(actor.Person), directory.Officer) {
		return notOfficer(m.ID)
	}
	if m.State == Disabled || m.State == Lapsed {
		return fault.New(fault.Conflict, "mute_decided", "The exception is %s.", m.State).About(m.ID).FixedBy("nobody").Then("plumb reconcile mutes")
	}
	return nil
}

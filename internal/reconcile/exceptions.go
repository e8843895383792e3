package reconcile

import (
	"context"
	"slices"
	"strings"
	"time"

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
	Review    error                // nil where the reader may accept or refuse it
	End       error                // nil where the reader may end it
	Reviewers []directory.PersonID // who may accept or refuse it now; none of one that is decided
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
	r.Review, r.End, r.Reviewers = r.mayReview(actor, roster), r.mayEnd(actor, roster), r.reviewers(roster)
	return r, nil
}

// reviewers gives those who may decide on a mute now, by the rule of the review itself.
func (m *Mute) reviewers(roster *directory.Roster) []directory.PersonID {
	return slices.DeleteFunc(roster.Holders(directory.Officer), func(p directory.PersonID) bool {
		who := fault.Actor{Kind: fault.Human, Authn: fault.Session, Person: string(p)}
		return m.mayReview(who, roster) != nil || directory.Allowed(who, roster.Roles(p), directory.ChangeDecide) != nil
	})
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

// endsSoon is how long before its end an active mute is named to those who would miss it: what it explained becomes findings then.
const endsSoon = 7 * 24 * time.Hour

// MutesWaiting gives the mutes that wait for somebody, the oldest first: those proposed that they may review, and the active ones that end
// within a week and that they may end, which their proposer and every Security Officer may, unless another one was proposed in its place.
// It is asked for a person, also by their token: what they may decide in their own session waits for them.
func (d *Desk) MutesWaiting(ctx context.Context, actor fault.Actor) (out []Mute, err error) {
	actor.Kind, actor.Authn = fault.Human, fault.Session
	err = d.db.View(ctx, func(tx *db.Tx) error {
		out = nil
		roster, err := d.people.RosterIn(tx)
		if err != nil {
			return err
		}
		if directory.Allowed(actor, roster.Roles(directory.PersonID(actor.Person)), directory.ChangeDecide) != nil {
			return nil
		}
		list, err := db.Collect(tx, scanMute, muteColumns+" WHERE state IN ('proposed', 'active') ORDER BY n")
		if err != nil {
			return err
		}
		now := tx.Now().UnixMicro()
		for i := range list {
			m := &list[i]
			switch {
			case m.Expires <= now:
			case m.State == Proposed && m.mayReview(actor, roster) == nil,
				m.ends(now, list[i+1:]) && m.mayEnd(actor, roster) == nil:
				out = append(out, *m)
			}
		}
		return nil
	})
	return out, err
}

// ends reports whether an active mute ends soon and none of those proposed since is about the same for longer.
func (m *Mute) ends(now int64, since []Mute) bool {
	return m.State == Active && m.Expires-now <= endsSoon.Microseconds() &&
		!slices.ContainsFunc(since, func(x Mute) bool { return x.Expires > m.Expires && x.alike(m) })
}

// alike reports whether two mutes are about the same: their reasons, ends and shares may differ.
func (m *Mute) alike(x *Mute) bool {
	return m.Kind == x.Kind && m.Asset == x.Asset && m.Class == x.Class && m.Type == x.Type && m.Name == x.Name && m.Env == x.Env && m.Path == x.Path &&
		m.Op == x.Op && slices.Equal(m.Values, x.Values) && m.Min == x.Min && m.Max == x.Max && m.Actor == x.Actor && m.Security == x.Security
}

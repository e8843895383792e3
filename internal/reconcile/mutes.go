package reconcile

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
)

// Propose asks for a mute. It explains nothing until somebody else reviewed it.
func (d *Desk) Propose(ctx context.Context, actor fault.Actor, m Mute) (Mute, error) {
	if err := m.clean(d.db.Now().UnixMicro()); err != nil {
		return m, err
	}
	err := d.tested(ctx, actor, func(*db.Tx) (*Mute, error) { return &m, nil }, func(b BackTest) error {
		return d.db.Update(ctx, actor, func(tx *db.Tx) error {
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
			if m.Back, err = refresh(tx, &m, b); err != nil {
				return err
			}
			if err := saveMute(tx, &m); err != nil {
				return err
			}
			return record(tx, "mute.proposed", "mute", m.ID, map[string]any{"kind": string(m.Kind), "path": m.Path, "reason": m.Reason,
				"matched": m.Back.Matched, "unauthorized": m.Back.Unauthorized, "over": m.Back.To})
		})
	})
	return m, err
}

// Review decides on a proposed mute: a Security Officer who did not propose it, after the back-test over the last 30 days, which is taken anew.
func (d *Desk) Review(ctx context.Context, actor fault.Actor, id string, accept bool, reason string) (m Mute, err error) {
	var bear []inventory.AssetID            // the name, where it is by name
	may := func(tx *db.Tx) (*Mute, error) { // nobody has the last 30 days read who may not decide
		m, err := loadMute(tx, id)
		if err != nil {
			return nil, err
		}
		roster, err := d.people.RosterIn(tx)
		if err != nil {
			return nil, err
		}
		if err := m.mayReview(actor, roster); err != nil {
			return nil, err
		}
		if m.Name != "" {
			bear, err = named(tx, m.Name)
		}
		return &m, err
	}
	err = d.tested(ctx, actor, may, func(b BackTest) error {
		m, err = d.decideMute(ctx, actor, id, func(tx *db.Tx, m *Mute, roster *directory.Roster) (string, error) {
			if err := m.mayReview(actor, roster); err != nil {
				return "", err
			}
			var err error
			if m.Back, err = refresh(tx, m, b); err != nil {
				return "", err
			}
			m.Reviewer, m.Reviewed = actor.Person, tx.Now().UnixMicro()
			if !accept {
				m.State, m.Ended = Disabled, reason
				return "mute.refused", nil
			}
			m.State, m.Back.Named = Active, int64(len(bear))
			return "mute.activated", saveNamed(tx, m, bear)
		})
		return err
	})
	return m, err
}

// mayReview is who may decide on a proposed mute (policy statement e: nobody clears their own work).
func (m *Mute) mayReview(actor fault.Actor, roster *directory.Roster) error {
	switch {
	case m.State != Proposed:
		return fault.New(fault.Conflict, "mute_decided", "The exception is %s.", m.State).About(m.ID).FixedBy("you").Then("plumb reconcile show %s", m.ID)
	case m.Proposer == actor.Person:
		return fault.New(fault.Denied, "own_mute", "Who proposes an exception does not review it.").About(m.ID).Because("separate", "policy statement (e)").
			FixedBy("another Security Officer").Then("plumb reconcile review %s --accept", m.ID)
	case !roster.Holds(directory.PersonID(actor.Person), directory.Officer):
		return notOfficer(m.ID)
	case roster.Same(directory.PersonID(actor.Person), directory.PersonID(m.Proposer), m.At):
		lent := m.Proposer
		if len(roster.Lenders(directory.PersonID(actor.Person), math.MaxInt64)) > 0 {
			lent = actor.Person
		}
		return fault.New(fault.Denied, "lent_account", "You count as one person with %s, who proposed it, because of a one-time code that nobody vouched for.",
			roster.Name(directory.PersonID(m.Proposer))).About(m.ID).Because("separate", "policy statement (e)").
			FixedBy("a security officer who did not issue the code").Then("plumb people vouch %s", lent)
	}
	return nil
}

// Unmute ends a mute at once. Ending one loosens nothing, so its proposer may, too.
func (d *Desk) Unmute(ctx context.Context, actor fault.Actor, id, reason string) (Mute, error) {
	return d.decideMute(ctx, actor, id, func(_ *db.Tx, m *Mute, roster *directory.Roster) (string, error) {
		if err := m.mayEnd(actor, roster); err != nil {
			return "", err
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

// Sizes of a back-test.
const (
	backTestAtMost = 20_000 // judged differences that it looks at; the newest count
	freshWithin    = 300    // judged since: so many are added while the decision is written, more make it stale
	testedAtMost   = 3      // times that it is taken before the one who asks is told
)

// errStale says that too much was judged between a back-test and the decision that rests on it.
func errStale() error {
	return fault.New(fault.Conflict, "back_test_stale", "So much is being judged at this moment that the back-test does not hold.").FixedBy("you").
		Then("try again in a moment")
}

// tested takes the back-test of a mute outside the writer's transaction, for others write meanwhile, and has the decision written that
// rests on it; where it is stale by then, it is taken anew.
func (d *Desk) tested(ctx context.Context, actor fault.Actor, load func(*db.Tx) (*Mute, error), write func(BackTest) error) (err error) {
	for range testedAtMost {
		var b BackTest
		err = d.db.View(ctx, func(tx *db.Tx) error {
			if err := d.people.ConfirmIn(tx, actor); err != nil {
				return err
			}
			m, err := load(tx)
			if err != nil {
				return err
			}
			b, err = backTest(tx, m)
			return err
		})
		if err != nil {
			return err
		}
		if err = write(b); !fault.Is(err, "back_test_stale") {
			return err
		}
	}
	return err
}

// backTest says what a mute would have matched in the last 30 days.
func backTest(tx *db.Tx, m *Mute) (BackTest, error) {
	now := tx.Now()
	b := BackTest{Days: backTestDays, Assets: []string{}, At: now.UnixMicro(), Since: now.Add(-backTestDays * 24 * time.Hour).UnixMicro()}
	list, err := db.Collect(tx, scanMatch, matchColumns+" WHERE latest >= $1 ORDER BY latest DESC LIMIT $2", b.Since, backTestAtMost+1)
	if err != nil {
		return b, err
	}
	if b.Cut = len(list) > backTestAtMost; b.Cut {
		list = list[:backTestAtMost]
	}
	if b.To, err = newestMatch(tx); err != nil {
		return b, err
	}
	if m.Name != "" {
		bear, err := named(tx, m.Name)
		if err != nil {
			return b, err
		}
		b.Named = int64(len(bear))
	}
	return b, b.take(tx, m, list)
}

// refresh adds to a back-test what was judged since it was taken, and refuses where that is too much to be read here.
func refresh(tx *db.Tx, m *Mute, b BackTest) (BackTest, error) {
	list, err := db.Collect(tx, scanMatch, matchColumns+" WHERE n > $1 ORDER BY n LIMIT $2", b.To, freshWithin+1)
	switch {
	case err != nil:
		return b, err
	case len(list) > freshWithin:
		return b, errStale()
	case len(list) > 0:
		b.To = list[len(list)-1].N
	}
	b.At, b.Assets = tx.Now().UnixMicro(), slices.Clone(b.Assets)
	return b, b.take(tx, m, list)
}

func newestMatch(tx *db.Tx) (int64, error) {
	n, _, err := db.One(tx, scanInt, "SELECT COALESCE(MAX(n), 0) FROM reconcile_match")
	return n, err
}

// take counts judged differences in.
func (b *BackTest) take(tx *db.Tx, m *Mute, list []Match) error {
	b.Differences += int64(len(list))
	for _, x := range list {
		if x.Path != m.Path && !glob(m.Path, fold(x.Path)) {
			continue
		}
		diff, found, err := inventory.DifferenceOf(tx, x.Difference)
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		p, err := placeOf(tx, diff)
		if err != nil {
			return err
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
	return nil
}

// MuteOf gives one mute. While it waits for its review its back-test is that of this moment: it is taken anew when something was judged
// since, or after five minutes, for what is around a judged difference moves too. It says when it was taken.
func (d *Desk) MuteOf(ctx context.Context, id string) (m Mute, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		if m, err = loadMute(tx, id); err != nil || m.State != Proposed {
			return err
		}
		newest, err := newestMatch(tx)
		if err != nil {
			return err
		}
		d.mu.Lock()
		b, ok := d.tests[m.ID]
		d.mu.Unlock()
		if ok && b.To == newest && tx.Now().UnixMicro()-b.At < testHolds.Microseconds() {
			m.Back = b
			return nil
		}
		if m.Back, err = backTest(tx, &m); err != nil {
			return err
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		if len(d.tests) >= maxTests {
			clear(d.tests)
		}
		d.tests[m.ID] = m.Back
		return nil
	})
	return m, err
}

// How long a back-test that was only looked at is shown again, and how many are kept. A decision never rests on one of these.
const (
	testHolds = 5 * time.Minute
	maxTests  = 200
)

// Mutes lists the mutes, the newest first.
func (d *Desk) Mutes(ctx context.Context) (list []Mute, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		list, err = db.Collect(tx, scanMute, muteColumns+" ORDER BY n DESC LIMIT 500")
		return err
	})
	return list, err
}

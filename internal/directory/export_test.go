package directory

import (
	"context"
	"errors"
	"fmt"
	"time"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/ledger"
)

// HashDearer is another cost, for the test that hashes are renewed at login.
func (d *Desk) HashDearer() { d.hashing = newHashing(2, cost{time: 2, memory: 128, threads: 1}) }

// Shared makes the desk behave as one of several replicas on PostgreSQL.
func (d *Desk) Shared() { d.shared = true }

// ParsePHC and the limits are for the tests of the pure rules.
func ParsePHC(s string) bool { _, _, _, ok := parsePHC(s); return ok }

func AccountDelay(failures int64) time.Duration { return accountLimit.delay(failures) }
func SourceDelay(failures int64) time.Duration  { return sourceLimit.delay(failures) }

var (
	SourceKey  = sourceKey
	NameKey    = nameKey
	FoldEmail  = foldEmail
	ReadBearer = readBearer
)

const (
	SessionsOver   = sessionsOverText
	SessionsBefore = sessionsBeforeText

	SessionPrefix = sessionPrefix
	TokenPrefix   = tokenPrefix
	FreeAttempts  = 10
)

// NewBearer makes a secret of the right form.
var NewBearer = newBearer

// RosterWith is RosterOf with groups.
func RosterWith(persons []Person, groups []Group, grants []RoleGrant, now int64) *Roster {
	byID := map[GroupID]Group{}
	for _, g := range groups {
		byID[g.ID] = g
	}
	return newRoster(stored{persons: persons, groups: byID, grants: grants}, now)
}

// FillHashing takes every place for hashing until release is called.
func (d *Desk) FillHashing() (release func()) {
	for range cap(d.hashing.slots) {
		d.hashing.slots <- struct{}{}
	}
	return func() {
		for range cap(d.hashing.slots) {
			<-d.hashing.slots
		}
	}
}

// Hash hashes something.
func (d *Desk) Hash(ctx context.Context) error { _, err := d.hashing.hash(ctx, "x"); return err }

// HashingQueue is how many wait.
func (d *Desk) HashingQueue() int64 { return d.hashing.waiting.Load() }

// Forget drops the kept roster.
func (d *Desk) Forget() { d.live.keep(nil) }

// Crowd adds n people with an account and a role each.
func (d *Desk) Crowd(tx *db.Tx, n int) error {
	for i := range n {
		p := Person{ID: PersonID(fmt.Sprint("per_crowd", i)), Name: "x", Email: fmt.Sprintf("crowd%d@example.com", i)}
		a, err := newAccount(p.ID, Local, fmt.Sprint("crowd", i), "", 0)
		g := RoleGrant{Role: "implementer", Holder: string(p.ID), Change: "setup"}
		if err := errors.Join(err, insertPerson(tx, p), insertAccount(tx, a), saveGrant(tx, g)); err != nil {
			return err
		}
		if err := d.recordPeople(tx, ledger.Event{Verb: "person.added", Type: "person", Object: string(p.ID)}); err != nil {
			return err
		}
	}
	return nil
}

// Lasting lists who holds a role without end.
func (r *Roster) Lasting(role RoleName) []PersonID { return r.lasting(role) }

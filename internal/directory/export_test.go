package directory

import "time"

// Tests hash at a fraction of the cost; one test uses the real one.
func (d *Desk) HashCheaply() { d.hashing = newHashing(2, cost{time: 1, memory: 64, threads: 1}) }

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
	FoldEmail  = foldEmail
	ReadBearer = readBearer
)

const (
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

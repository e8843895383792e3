// Package directory knows the people: who they are, by which accounts they come, which roles they hold
// and how they prove it. A person is not an account and an account is not a role: every rule about
// separation of duties is on the person. It is not the policy, which says what a role may decide, and
// not a transport: surfaces hand it a bearer secret and get an Actor.
//
// Read in this order: directory.go (ids and the Desk), roster.go (who holds what, now), person.go,
// group.go and grant.go (how that changes), login.go, session.go, token.go and recognise.go (how
// somebody is recognised), setup.go (how the first people come in).
package directory

import (
	"runtime"
	"sync/atomic"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/policy"
)

// The ids of this room are types of their own, so that one cannot stand where another belongs.
type (
	PersonID  string // PersonID names one human: per_…
	AccountID string // AccountID names one way of a person to come in, or a service account: acc_…
	GroupID   string // GroupID names a group: grp_…
	SessionID string // SessionID names a session; it is not its secret: ses_…
	TokenID   string // TokenID names an API token; it is not its secret: tok_…
	RoleName  string // RoleName is a role as the policy pack names it
)

// The roles that this program itself knows. All others are the policy pack's.
const (
	// Officer manages people. It counts as an approving role whatever the pack says.
	Officer RoleName = "security-officer"
	// Admin manages webhooks and ends tokens; it approves nothing and manages no people.
	Admin RoleName = "admin"
	// Auditor reads everything and writes nothing, whatever other roles the person holds.
	Auditor RoleName = "auditor"
)

// Hooks are what this room is told by the rooms above it.
type Hooks struct {
	// Roles gives the roles of the pack in force, inside the given transaction; none before the first
	// pack is active. It says which roles approve.
	Roles func(*db.Tx) ([]policy.Role, error)
	// OnDisabled ends what else a person has open (decisions, slots), in the transaction that disables
	// them. What it writes it must answer for with an event of its own.
	OnDisabled func(*db.Tx, PersonID) error
	// Staffed refuses to take somebody's place away where nobody would be left to fill it again. It runs in the
	// transaction that takes it, with who held which roles before and after; nil refuses nothing.
	Staffed func(tx *db.Tx, before, after []policy.Person) error
}

// Desk holds the use-cases of the directory. It is safe for concurrent use.
type Desk struct {
	db     *db.DB
	root   []byte // seals repository keys at rest; empty: there are none
	hooks  Hooks
	shared bool // other replicas may write the same database

	epochs   db.Memory[epoch] // of the writer
	hashing  hashing
	live     live
	refusals atomic.Int64
}

// New makes the desk; it does no I/O. root is the 32-byte key under which repository keys are sealed;
// without it RepoKey answers Unavailable.
func New(d *db.DB, root []byte) *Desk {
	return &Desk{db: d, root: root, shared: d.Engine() != "sqlite",
		hashing: newHashing(runtime.GOMAXPROCS(0), standardCost), live: newLive()}
}

// Wire sets the hooks; call it once, before the first use. Until then no role but the built-in ones is
// known, and unknown roles are refused.
func (d *Desk) Wire(h Hooks) { d.hooks = h }

// FailedLogins counts the refused logins since the start, for metrics and the summary event of
// anonymous refusals.
func (d *Desk) FailedLogins() int64 { return d.refusals.Load() }

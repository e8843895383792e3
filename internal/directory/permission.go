package directory

import (
	"context"
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/fault"
)

// Scope is what a token may be used for. No scope decides: whoever approves is a person in a session.
type Scope string

// The scopes.
const (
	ScopeRead     Scope = "read"       // read changes, policy and evidence
	ScopeFile     Scope = "file"       // file and edit changes
	ScopeEvidence Scope = "evidence"   // add evidence
	ScopeGate     Scope = "gate"       // check, open and close the gate
	ScopeAdmin    Scope = "admin-read" // read people, the ledger and exports, where the owner may
	ScopeObserve  Scope = "observe"    // send what a source of the inventory reads
)

// Scopes lists every scope there is.
func Scopes() []Scope {
	return []Scope{ScopeRead, ScopeFile, ScopeEvidence, ScopeGate, ScopeAdmin, ScopeObserve}
}

// Permission is one thing that a route can ask for.
type Permission string

// The permissions. The zero value is none and is always refused.
const (
	ChangeRead     Permission = "change.read"
	ChangeFile     Permission = "change.file"
	ChangeDecide   Permission = "change.decide" // which slots they fill is the policy's question
	GateUse        Permission = "gate.use"
	EvidenceAdd    Permission = "evidence.add"
	PolicyRead     Permission = "policy.read"
	PeopleRead     Permission = "people.read"
	PeopleManage   Permission = "people.manage"
	TokensOwn      Permission = "tokens.own" // own sessions, tokens and password
	TokensManage   Permission = "tokens.manage"
	LedgerRead     Permission = "ledger.read"
	WebhooksManage Permission = "webhooks.manage"
	Export         Permission = "export"
	RepoKeyUse     Permission = "repo.key"
	OfficeRead     Permission = "office.read"    // everybody's sessions and tokens, webhooks, the server's jobs
	InstallManage  Permission = "install.manage" // company name, prefix of changes, time zone

	InventoryRead   Permission = "inventory.read"
	InventoryPush   Permission = "inventory.push"   // send a source its documents
	InventoryManage Permission = "inventory.manage" // sources, labels, who is who
)

// grantee says who has a permission.
type grantee struct {
	everyone bool       // all who are signed in
	roles    []RoleName // else holders of one of these
	scope    Scope      // what a token needs; "" means that no token will do
	writes   bool       // refused to auditors
	service  bool       // tokens only
}

// permissions is the whole table. Nothing else gives anybody anything.
var permissions = map[Permission]grantee{
	ChangeRead:     {everyone: true, scope: ScopeRead},
	PolicyRead:     {everyone: true, scope: ScopeRead},
	ChangeFile:     {everyone: true, scope: ScopeFile, writes: true},
	EvidenceAdd:    {everyone: true, scope: ScopeEvidence, writes: true},
	GateUse:        {everyone: true, scope: ScopeGate, writes: true},
	RepoKeyUse:     {everyone: true, scope: ScopeGate, writes: true, service: true},
	ChangeDecide:   {everyone: true, writes: true},
	TokensOwn:      {everyone: true},
	PeopleRead:     {everyone: true, scope: ScopeAdmin},
	LedgerRead:     {everyone: true, scope: ScopeAdmin},
	Export:         {roles: []RoleName{Officer, Admin, Auditor}, scope: ScopeAdmin},
	PeopleManage:   {roles: []RoleName{Officer}, writes: true},
	OfficeRead:     {roles: []RoleName{Officer, Admin, Auditor}},
	InstallManage:  {roles: []RoleName{Officer}, writes: true},
	TokensManage:   {roles: []RoleName{Officer, Admin}, writes: true},
	WebhooksManage: {roles: []RoleName{Officer, Admin}, writes: true},

	InventoryRead:   {everyone: true, scope: ScopeRead},
	InventoryPush:   {roles: []RoleName{Officer, Admin}, scope: ScopeObserve, writes: true},
	InventoryManage: {roles: []RoleName{Officer, Admin}, writes: true},
}

// May says in a sentence what a role is let do by this program, whatever the pack says of it; "" for a role that only the pack knows.
func May(role RoleName) string {
	switch role {
	case Officer:
		return "Reviews exceptions, answers any finding, names successors of owners, manages people, groups, sources and webhooks, exports."
	case Admin:
		return "Manages sources, owners of assets, tokens of others and webhooks, exports. Decides nothing by that."
	case Auditor:
		return "Reads and exports everything, writes nothing."
	}
	return ""
}

// Permissions lists every permission there is, sorted.
func Permissions() []Permission {
	out := make([]Permission, 0, len(permissions))
	for p := range permissions {
		out = append(out, p)
	}
	slices.Sort(out)
	return out
}

// Allowed refuses an actor what their roles, their kind of sign-in or their token's scopes do not give.
// It is pure; an unknown permission or actor is refused. What more a rule of the policy asks is decided
// where the object is.
func Allowed(actor fault.Actor, roles []string, p Permission) error {
	g := permissions[p] // an unknown permission is the zero grantee: nobody has it
	switch {
	case actor.Person == "" || actor.Kind != fault.Human && actor.Kind != fault.Service:
		return notSignedIn()
	case actor.Authn == fault.Token && g.scope == "":
		return notAllowed(p, "No token may do that; it needs a person's own session.").FixedBy("a person, in their own session").Then("plumb login")
	case actor.Authn == fault.Token && !actor.HasScope(string(g.scope)):
		return notAllowed(p, "The token has no scope for that.").FixedBy("whoever owns the token").Then("plumb token create --scope %s", g.scope)
	case actor.Authn == fault.Session && (g.service || !actor.IsPerson()):
		return notAllowed(p, "That is for tokens of pipelines only.").FixedBy("the owner of a service account").Then("plumb token create --account NAME")
	case actor.Authn != fault.Token && actor.Authn != fault.Session:
		return notSignedIn()
	case g.writes && slices.Contains(roles, string(Auditor)):
		return notAllowed(p, "Auditors read everything and write nothing.").FixedBy("somebody who does not audit").Then("plumb roles list")
	case !g.everyone && !slices.ContainsFunc(g.roles, func(r RoleName) bool { return slices.Contains(roles, string(r)) }):
		return notAllowed(p, "Your roles do not allow that.").FixedBy("a holder of " + names(g.roles)).Then("plumb roles list")
	}
	return nil
}

// May reports whether a person could do that now, in a session of their own.
func (r *Roster) May(p PersonID, need Permission) bool {
	return r.Active(p) && Allowed(fault.Actor{Person: string(p), Kind: fault.Human, Authn: fault.Session}, r.Roles(p), need) == nil
}

func notSignedIn() *fault.Error {
	return fault.New(fault.Unauthenticated, "not_signed_in", "This needs somebody who is signed in.").Then("plumb login").
		FixedBy("you")
}

func notAllowed(p Permission, sentence string) *fault.Error {
	return fault.New(fault.Denied, "not_allowed", "%s", sentence).Because(string(p), "")
}

func names(roles []RoleName) string {
	out := make([]string, len(roles))
	for i, r := range roles {
		out[i] = string(r)
	}
	return strings.Join(out, " or ")
}

// Allow is Allowed with the roles that the actor's person holds now.
func (d *Desk) Allow(ctx context.Context, actor fault.Actor, p Permission) error {
	r, err := d.Roster(ctx)
	if err != nil {
		return err
	}
	if !r.Active(PersonID(actor.Person)) {
		return notSignedIn()
	}
	return Allowed(actor, r.Roles(PersonID(actor.Person)), p)
}

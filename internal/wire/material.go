package wire

import (
	"time"

	"plumbline.dev/plumb/internal/seal"
)

// Material is everything about a change that an approver approves and a rule may read: it all enters
// the revision digest. There is no float and no clock in it.
type Material struct {
	Type           string       `json:"type"` // normal, standard, emergency
	Category       string       `json:"category"`
	Model          string       `json:"model,omitempty"`
	Summary        string       `json:"summary"`
	Justification  string       `json:"justification,omitempty"`
	Components     []string     `json:"components,omitempty"` // keys of the catalogue
	Targets        []string     `json:"targets,omitempty"`    // assets by id or name, or names of the catalogue
	Resolved       []Resolved   `json:"resolved,omitempty"`   // what the inventory knows of the targets and of what effects name; the server's
	Bindings       []Binding    `json:"bindings,omitempty"`
	Effects        []Effect     `json:"effects,omitempty"`
	Rollback       Rollback     `json:"rollback,omitzero"`
	Checks         []string     `json:"checks,omitempty"` // evidence kinds demanded beyond the policy's
	Window         Envelope     `json:"window,omitzero"`
	Implementers   []Executor   `json:"implementers,omitempty"`
	DataFlags      []string     `json:"data_flags,omitempty"`
	Deploy         Deploy       `json:"deploy,omitzero"`
	RiskFloor      string       `json:"risk_floor,omitempty"` // a requester can only raise the risk
	Attachments    []Attachment `json:"attachments,omitempty"`
	CriticalRole   string       `json:"critical_role,omitempty"` // provisioning: the critical infrastructure role, policy C6
	EmergencyNotes string       `json:"emergency,omitempty"`
}

// Binding is one thing that will be run, by exact digest.
type Binding struct {
	Kind       string   `json:"kind"`
	Name       string   `json:"name,omitempty"`       // file name, image name, flag key, …
	Digest     string   `json:"digest"`               // sha256 of the exact bytes
	Normalized string   `json:"normalized,omitempty"` // tf-plan: what a re-plan keeps
	Shown      string   `json:"shown,omitempty"`      // tf-plan without it: what its document shows
	Tree       string   `json:"tree,omitempty"`       // git-commit: tree digest, as claimed; for reading
	Commit     string   `json:"commit,omitempty"`     // git-commit: full commit id
	Base       string   `json:"base,omitempty"`       // state or branch that it starts from
	Repo       string   `json:"repo,omitempty"`
	Document   string   `json:"document,omitempty"` // digest of the stored, redacted document
	Complete   bool     `json:"complete,omitempty"` // tf-plan: the plan covers everything
	Plan       PlanSum  `json:"plan,omitzero"`      // tf-plan: counts, computed by the server from the document
	Authors    []string `json:"authors,omitempty"`  // git authors, co-authors, pushers, triggerers: never approvers
	Grant      *Grant   `json:"grant,omitempty"`    // access-grant
}

// PlanSum sums a plan's changes up.
type PlanSum struct {
	Create  int      `json:"create"`
	Update  int      `json:"update"`
	Delete  int      `json:"delete"`
	Replace int      `json:"replace"`
	Types   []string `json:"types,omitempty"`
	Touches []Touch  `json:"touches,omitempty"` // the resources that it changes, in the order of addresses
	Whole   bool     `json:"whole,omitzero"`    // there are more than Touches holds
}

// Touch is one resource that a bound plan changes, as the server read it in the document.
type Touch struct {
	Address string `json:"address"`
	Op      string `json:"op"` // create, update, delete, replace, forget, import, move
}

// Grant is one change of who holds a role.
type Grant struct {
	Op     string `json:"op"`               // grant, revoke, or the directory's other operations on groups
	Role   string `json:"role,omitempty"`   // a role of the pack
	Person string `json:"person,omitempty"` // who gets it
	Group  string `json:"group,omitempty"`  // or which group
	Into   string `json:"into,omitempty"`   // a group that the person or group joins or leaves
	Until  int64  `json:"until,omitempty"`  // end of a granted role, microseconds; 0 is without end
}

// Digest names the grant by content: what an access change binds, and what Plumbline computes again before it grants.
func (g Grant) Digest() (string, error) {
	b, err := seal.Canonical(g)
	return seal.Digest("plumb.grant.v1", b), err
}

// Effect is one expected production difference.
type Effect struct {
	Target string `json:"target"`
	Path   string `json:"path"`
	Op     string `json:"op"`
	After  string `json:"after,omitempty"` // value or digest
}

// Rollback is the way back.
type Rollback struct {
	Text          string   `json:"text,omitempty"`
	Binding       *Binding `json:"binding,omitempty"` // a runnable procedure, pre-authorized with the change
	Trigger       string   `json:"trigger,omitempty"`
	MaxMinutes    int64    `json:"max_minutes,omitempty"`
	Rehearsed     string   `json:"rehearsed,omitempty"` // date of the last rehearsal
	NoReturn      string   `json:"point_of_no_return,omitempty"`
	NotReversible string   `json:"not_reversible,omitempty"` // why there is no way back
}

// Envelope is the earliest start and the latest end.
type Envelope struct {
	From  time.Time `json:"from,omitzero"`
	Until time.Time `json:"until,omitzero"`
}

// Executor is who may redeem the permit: a person, or a service account with the repository and the
// pipeline that its token is bound to.
type Executor struct {
	Person  string `json:"person,omitempty"`
	Account string `json:"account,omitempty"` // service account id
	Repo    string `json:"repo,omitempty"`
	Pipe    string `json:"pipeline,omitempty"`
}

// Resolved is one target, or what a typed effect names, as the inventory knew it when the revision was written. The server fills it in, whatever a request
// says, and it is under the revision digest: facts that a rule reads come from here, never from the form.
type Resolved struct {
	Name           string `json:"name"`  // as the request names it
	Asset          string `json:"asset"` // AST-000001
	Environment    string `json:"environment"`
	Classification string `json:"classification"`
	Kind           string `json:"kind"` // class of the asset
	Owner          string `json:"owner,omitempty"`
	Role           string `json:"role,omitempty"`
}

// Deploy holds the typed fields of a code deploy, policy A11.
type Deploy struct {
	JobName     string   `json:"job_name,omitempty"`
	BuildID     string   `json:"build_id,omitempty"`
	Action      string   `json:"action,omitempty"`
	Branch      string   `json:"branch,omitempty"`
	Environment string   `json:"environment,omitempty"`
	Links       []string `json:"links,omitempty"`
	Scans       []string `json:"scans,omitempty"` // which scans are required
}

// Attachment is a document by digest. It is approved with the rest: what is only to be read goes into a comment or into
// evidence.
type Attachment struct {
	Name   string `json:"name"`
	Digest string `json:"digest"`
	Size   int64  `json:"size"`
}

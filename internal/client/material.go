package client

import (
	"time"

	"plumbline.dev/plumb/internal/seal"
)

// Material is everything about a change that an approver approves: what a request file holds and what
// the revision digest covers. Its members are the server's, one for one.
type Material struct {
	Type           string       `json:"type"`
	Category       string       `json:"category"`
	Model          string       `json:"model,omitempty"`
	Summary        string       `json:"summary"`
	Justification  string       `json:"justification,omitempty"`
	Components     []string     `json:"components,omitempty"`
	Targets        []string     `json:"targets,omitempty"`
	Resolved       []Resolved   `json:"resolved,omitempty"` // what the inventory knows of the targets; the server's
	Bindings       []Binding    `json:"bindings,omitempty"`
	Effects        []Effect     `json:"effects,omitempty"`
	Rollback       Rollback     `json:"rollback,omitzero"`
	Checks         []string     `json:"checks,omitempty"`
	Window         Envelope     `json:"window,omitzero"`
	Implementers   []Executor   `json:"implementers,omitempty"`
	DataFlags      []string     `json:"data_flags,omitempty"`
	Deploy         Deploy       `json:"deploy,omitzero"`
	RiskFloor      string       `json:"risk_floor,omitempty"`
	Attachments    []Attachment `json:"attachments,omitempty"`
	CriticalRole   string       `json:"critical_role,omitempty"`
	EmergencyNotes string       `json:"emergency,omitempty"`
}

// Binding is one thing that will be run, by exact digest.
type Binding struct {
	Kind       string   `json:"kind"`
	Name       string   `json:"name,omitempty"`
	Digest     string   `json:"digest"`
	Normalized string   `json:"normalized,omitempty"`
	Tree       string   `json:"tree,omitempty"`
	Commit     string   `json:"commit,omitempty"`
	Base       string   `json:"base,omitempty"`
	Repo       string   `json:"repo,omitempty"`
	Document   string   `json:"document,omitempty"`
	Complete   bool     `json:"complete,omitempty"`
	Plan       PlanSum  `json:"plan,omitzero"`
	Authors    []string `json:"authors,omitempty"`
	Grant      *Grant   `json:"grant,omitempty"`
}

// PlanSum counts a plan's changes.
type PlanSum struct {
	Create  int      `json:"create"`
	Update  int      `json:"update"`
	Delete  int      `json:"delete"`
	Replace int      `json:"replace"`
	Types   []string `json:"types,omitempty"`
	Touches []Touch  `json:"touches,omitempty"`
	Whole   bool     `json:"whole,omitzero"`
}

// Touch is one resource that a plan changes.
type Touch struct {
	Address string `json:"address"`
	Op      string `json:"op"`
}

// Grant is one change of who holds a role or a place in a group. Until is in microseconds, 0 for without
// end.
type Grant struct {
	Op     string `json:"op"`
	Role   string `json:"role,omitempty"`
	Person string `json:"person,omitempty"`
	Group  string `json:"group,omitempty"`
	Into   string `json:"into,omitempty"`
	Until  int64  `json:"until,omitempty"`
}

// Digest names the grant by content, as the server does.
func (g Grant) Digest() (string, error) {
	b, err := seal.Canonical(g)
	return seal.Digest("plumb.grant.v1", b), err
}

// Effect is one expected production difference.
type Effect struct {
	Target string `json:"target"`
	Path   string `json:"path"`
	Op     string `json:"op"`
	After  string `json:"after,omitempty"`
}

// Rollback is the way back.
type Rollback struct {
	Text          string   `json:"text,omitempty"`
	Binding       *Binding `json:"binding,omitempty"`
	Trigger       string   `json:"trigger,omitempty"`
	MaxMinutes    int64    `json:"max_minutes,omitempty"`
	Rehearsed     string   `json:"rehearsed,omitempty"`
	NoReturn      string   `json:"point_of_no_return,omitempty"`
	NotReversible string   `json:"not_reversible,omitempty"`
}

// Envelope is the earliest start and the latest end.
type Envelope struct {
	From  time.Time `json:"from,omitzero"`
	Until time.Time `json:"until,omitzero"`
}

// Executor is who may redeem the permit: a person, or a service account with its repository and
// pipeline.
type Executor struct {
	Person  string `json:"person,omitempty"`
	Account string `json:"account,omitempty"`
	Repo    string `json:"repo,omitempty"`
	Pipe    string `json:"pipeline,omitempty"`
}

// Deploy holds the typed fields of a code deploy.
type Deploy struct {
	JobName     string   `json:"job_name,omitempty"`
	BuildID     string   `json:"build_id,omitempty"`
	Action      string   `json:"action,omitempty"`
	Branch      string   `json:"branch,omitempty"`
	Environment string   `json:"environment,omitempty"`
	Links       []string `json:"links,omitempty"`
	Scans       []string `json:"scans,omitempty"`
}

// Attachment is a document by digest.
type Attachment struct {
	Name   string `json:"name"`
	Digest string `json:"digest"`
	Size   int64  `json:"size"`
}

// Resolved is one target as the inventory knew it when the revision was written.
type Resolved struct {
	Name           string `json:"name"`
	Asset          string `json:"asset"`
	Environment    string `json:"environment"`
	Classification string `json:"classification"`
	Kind           string `json:"kind"`
	Owner          string `json:"owner,omitempty"`
	Role           string `json:"role,omitempty"`
}

// Package wire holds the JSON that leaves the machine between a gate and the server: what a pipeline
// presents and the verdict it gets. Values only; it decides nothing.
package wire

import (
	"time"

	"plumbline.dev/plumb/internal/seal"
)

// Schemas of the gate's two documents. A reader refuses any other.
const (
	GateRequestSchema = "plumb.gate-request/v1"
	GateVerdictSchema = "plumb.gate-verdict/v1"
)

// Kinds of permit. A plan is already an execution, so it has a kind of its own.
const (
	KindApply    = "apply"
	KindRollback = "rollback"
	KindPlan     = "plan"
)

// GateRequest is what a gate presents: observed facts, never wishes. The CI part is claimed by the
// environment and recorded as claimed; no decision rests on it alone.
type GateRequest struct {
	Schema      string     `json:"schema"`
	Change      string     `json:"change,omitempty"` // CHG-000123; empty: find the change by an observed digest
	Kind        string     `json:"kind"`             // apply, rollback, plan
	Environment string     `json:"environment,omitempty"`
	Observed    []Observed `json:"observed,omitempty"`
	Targets     []string   `json:"targets,omitempty"`
	Stage       string     `json:"stage,omitempty"`
	Attempt     int64      `json:"attempt,omitempty"` // 0 means the first
	Key         string     `json:"key,omitempty"`     // idempotency key of an open
	Advisory    bool       `json:"advisory,omitempty"`
	CI          CI         `json:"ci,omitzero"`
}

// Observed is one artifact as the gate sees it on its own disk.
type Observed struct {
	Kind       string `json:"kind"` // a binding kind, such as tf-plan
	Name       string `json:"name,omitempty"`
	Digest     string `json:"digest"`               // sha256 of the bytes
	Normalized string `json:"normalized,omitempty"` // digest that a re-plan keeps
	Shown      string `json:"shown,omitempty"`      // digest of what people read of a plan without a normalized one
	Base       string `json:"base,omitempty"`       // lineage/serial of the state that it starts from
}

// CI is what the pipeline's environment claims.
type CI struct {
	Provider string `json:"provider,omitempty"` // bitbucket, github, gitlab, jenkins, none
	Repo     string `json:"repo,omitempty"`
	Pipeline string `json:"pipeline,omitempty"`
	Job      string `json:"job,omitempty"`
	BuildID  string `json:"build_id,omitempty"`
	Commit   string `json:"commit,omitempty"`
	Branch   string `json:"branch,omitempty"`
	PR       string `json:"pr,omitempty"`
	Actor    string `json:"actor,omitempty"`
	URL      string `json:"url,omitempty"`
}

// Verdict words.
const (
	Allow = "allow"
	Deny  = "deny"
)

// Exit codes of the gate: a stable contract, never reused.
const (
	ExitAllowed     = 0
	ExitInternal    = 1
	ExitUsage       = 2
	ExitDenied      = 3
	ExitPending     = 4
	ExitMismatch    = 5
	ExitWindow      = 6
	ExitNoChange    = 7
	ExitIdentity    = 8
	ExitUnreachable = 9
	ExitCommand     = 10
)

// GateVerdict is the server's one answer: the verdict, the exit code, everything that is missing or
// differs, and what to do next.
type GateVerdict struct {
	Schema     string         `json:"schema"`
	Verdict    string         `json:"verdict"` // allow or deny
	Code       int            `json:"code"`    // exit code
	Change     string         `json:"change,omitempty"`
	State      string         `json:"state,omitempty"`
	Rev        int64          `json:"rev,omitempty"`
	RevDigest  string         `json:"rev_digest,omitempty"`
	Env        string         `json:"env,omitempty"`
	Kind       string         `json:"kind,omitempty"`
	Denials    []Denial       `json:"denials,omitempty"`
	Missing    []Missing      `json:"missing,omitempty"`
	Mismatches []Mismatch     `json:"mismatches,omitempty"`
	Window     *Window        `json:"window,omitempty"`
	Conflicts  []Conflict     `json:"conflicts,omitempty"`
	Next       []string       `json:"next,omitempty"`
	URL        string         `json:"url,omitempty"`
	Advisory   bool           `json:"advisory,omitempty"`
	Permit     *seal.Envelope `json:"permit,omitempty"`
	PermitID   string         `json:"permit_id,omitempty"`
	Expires    time.Time      `json:"expires,omitzero"`
	Exit       *int           `json:"exit,omitempty"` // gate run: status of the wrapped command
}

// Denial is a rule's no that waiting does not mend.
type Denial struct {
	Code   string `json:"code"`
	Text   string `json:"text"`
	Rule   string `json:"rule,omitempty"`
	Clause string `json:"clause,omitempty"`
	Who    string `json:"who,omitempty"` // who can mend it
}

// Missing is a decision or check that is still outstanding.
type Missing struct {
	Slot       string `json:"slot"` // role or check kind
	Kind       string `json:"kind"` // approval or check
	Why        string `json:"why"`
	Rule       string `json:"rule,omitempty"`
	Clause     string `json:"clause,omitempty"`
	Candidates int    `json:"candidates_count"`
}

// Mismatch is an observed fact that differs from what was approved.
type Mismatch struct {
	Field    string `json:"field"`
	Approved string `json:"approved"`
	Observed string `json:"observed"`
}

// Window says when the change may start.
type Window struct {
	From  time.Time `json:"from,omitzero"`
	Until time.Time `json:"until,omitzero"`
	Open  bool      `json:"open"`
	Text  string    `json:"text,omitempty"`
}

// Conflict is another change or a freeze in the way.
type Conflict struct {
	With     string `json:"with"`     // a change or freeze id
	Severity string `json:"severity"` // block, ack, info
	Text     string `json:"text"`
}

// GateClose reports how an execution ended.
type GateClose struct {
	Permit   string     `json:"permit"`  // permit id
	Outcome  string     `json:"outcome"` // success, failure
	Exit     int64      `json:"exit"`
	Fence    int64      `json:"fence"` // the permit's fencing number; an older holder is refused
	After    []Observed `json:"after,omitempty"`
	Receipts []Receipt  `json:"receipts,omitempty"`
	Log      string     `json:"log,omitempty"`  // digest of the redacted log
	Note     string     `json:"note,omitempty"` // one redacted line
}

// Receipt is what an execution did to one resource.
type Receipt struct {
	Address string `json:"address"`
	Action  string `json:"action"`
	Outcome string `json:"outcome"` // done, failed, started
	ID      string `json:"id,omitempty"`
	Seconds int64  `json:"seconds,omitempty"`
}

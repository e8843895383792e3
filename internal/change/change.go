// Package change is the engine of change control: requests and their revisions, decisions, permits and
// executions, with their states, rules and SQL. It decides by a policy pack and knows people only
// through the directory; it knows no transport and no page.
//
// Read in this order: change.go (the values), material.go (what is asked), then one use-case, say
// approve.go: Desk.Approve opens, loads, decides, saves and records; the rule itself is the pure
// function below it.
package change

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/policy"
)

// ID names a change: the prefix that the install had when it was filed, a dash, and its gap-free number
// with at least six digits, such as CHG-000007. The number alone tells changes apart.
type ID string

var idForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([A-Za-z]{2,8})-0*([1-9][0-9]{0,14})$`) })

// FormatID writes a number as an ID of an install with that prefix.
func FormatID(prefix string, number int64) ID { return ID(fmt.Sprintf("%s-%06d", prefix, number)) }

// ParseID reads an ID with or without the zeros and in any case; deny what is not one. Whether an install
// has changes of that prefix is seen when the change is looked for.
func ParseID(s string) (ID, error) {
	m := idForm().FindStringSubmatch(strings.TrimSpace(s))
	if m == nil {
		return "", fault.New(fault.Invalid, "bad_change_id", "A change is named like CHG-7 or CHG-000007.").
			Then("plumb change list")
	}
	n, err := strconv.ParseInt(m[2], 10, 64)
	if err != nil {
		return "", fault.New(fault.Invalid, "bad_change_id", "That change number is too large.").
			Then("plumb change list")
	}
	return FormatID(strings.ToUpper(m[1]), n), nil
}

// State is where a change stands. Overlays such as on hold are not states.
type State string

// The states, in ITIL change-enablement words. The zero value is no state; nothing is allowed in it.
const (
	Draft            State = "draft"
	Submitted        State = "submitted"
	Assessing        State = "assessing"
	AwaitingApproval State = "awaiting_approval"
	Authorized       State = "authorized"
	Scheduled        State = "scheduled"
	Implementing     State = "implementing"
	Verifying        State = "verifying"
	InReview         State = "in_review"
	Closed           State = "closed"
	Rejected         State = "rejected"
	Cancelled        State = "cancelled"
	Expired          State = "expired"
)

// Closure says how a closed change ended.
type Closure string

// The closure codes. backed_out needs a successful rollback, successful a successful execution
// without one: an outcome cannot be talked up.
const (
	Successful           Closure = "successful"
	SuccessfulWithIssues Closure = "successful_with_issues"
	BackedOut            Closure = "backed_out"
	Failed               Closure = "failed"
	PartiallyImplemented Closure = "partially_implemented"
	NotImplemented       Closure = "not_implemented"
	Unauthorized         Closure = "unauthorized"
)

// Change is the mutable shell of a request: where it stands, and what was frozen with its current
// revision. What is asked stands in the Revision, never here.
type Change struct {
	ID        ID     `json:"id"`
	Number    int64  `json:"number"`
	Version   int64  `json:"version"` // grows with every write; the ETag
	State     State  `json:"state"`
	Type      string `json:"type"`
	Category  string `json:"category"`
	Summary   string `json:"summary"`
	Requester string `json:"requester"` // person id
	Rev       int64  `json:"rev"`
	RevDigest string `json:"rev_digest"`
	Created   int64  `json:"created"` // microseconds, as all instants here
	Updated   int64  `json:"updated"`
	Due       int64  `json:"due"` // when the timer must look next; 0 for never
	Body      Body   `json:"body"`
}

// Body is the part of the shell that no query filters by.
type Body struct {
	Authors    []string          `json:"authors"`             // persons who wrote any revision
	Carried    []string          `json:"carried,omitempty"`   // digests of equal earlier revisions whose decisions still count
	Frozen     string            `json:"frozen,omitempty"`    // digest of what the policy demanded at the newest submission, see Frozen
	Risk       string            `json:"risk,omitempty"`      // as judged at the newest submission
	Round      int64             `json:"round,omitempty"`     // submissions so far
	History    policy.History    `json:"history,omitzero"`    // of changes like this one, as of the submission
	Submitted  int64             `json:"submitted,omitempty"` // first submission
	Since      int64             `json:"since,omitempty"`     // begin of this round
	Before     int64             `json:"before,omitempty"`    // decisions from before this round, which no longer count: instants can be equal
	PackN      int64             `json:"pack_n,omitempty"`    // number of the pack in force at that submission
	Decided    int64             `json:"decided,omitempty"`   // when it became authorized
	Expires    int64             `json:"expires,omitempty"`   // approvals live until then
	Start      int64             `json:"start,omitempty"`     // the slot inside the approved envelope
	End        int64             `json:"end,omitempty"`
	Hold       *Hold             `json:"hold,omitempty"`
	Auto       *AutoApproval     `json:"auto,omitempty"`
	Acks       []Ack             `json:"acks,omitempty"` // conflicts that a slot holder has seen and accepted
	FirstRun   int64             `json:"first_run,omitempty"`
	Applied    string            `json:"applied,omitempty"`     // outcome of the newest apply: success, failure, unknown
	RolledBack string            `json:"rolled_back,omitempty"` // outcome of the newest rollback
	Overtaken  bool              `json:"overtaken,omitzero"`    // an apply was reported after the rollback had ended
	Verified   []Verification    `json:"verified,omitempty"`
	Proposed   Closure           `json:"proposed,omitempty"`
	Closure    Closure           `json:"closure,omitempty"`
	ClosedAt   int64             `json:"closed_at,omitempty"`
	Review     *Review           `json:"review,omitempty"`
	Edits      int64             `json:"edits,omitempty"` // revisions after the first submission
	RiskFacts  map[string]string `json:"risk_facts,omitempty"`
	Approvals  string            `json:"approvals,omitempty"` // digest of the approval set that authorized it
}

// Hold keeps permits from opening.
type Hold struct {
	Reason string `json:"reason"`
	By     string `json:"by"`
	At     int64  `json:"at"`
}

// AutoApproval records a standard model's use: the model's digest and each criterion with its inputs,
// as the policy's "documented and validated for each request" asks.
type AutoApproval struct {
	Model    string             `json:"model"`
	Digest   string             `json:"digest"`
	At       int64              `json:"at"`
	Passed   bool               `json:"passed"`
	Criteria []policy.Criterion `json:"criteria"`
	Why      string             `json:"why,omitempty"` // why it went to people instead
}

// Ack is a slot holder's acceptance of one conflict.
type Ack struct {
	With string `json:"with"`
	By   string `json:"by"`
	At   int64  `json:"at"`
	Why  string `json:"why"`
}

// Verification is a word of the target's owner, or the disposition of a check, after the change.
type Verification struct {
	Slot    string `json:"slot"` // a verify slot's role, or check:KIND
	By      string `json:"by"`
	At      int64  `json:"at"`
	Passed  bool   `json:"passed"`
	Comment string `json:"comment"`
}

// Review is the post-implementation review.
type Review struct {
	By        string   `json:"by"`
	At        int64    `json:"at"`
	Outcome   string   `json:"outcome"`
	Causes    string   `json:"causes,omitempty"`
	Attendees []string `json:"attendees,omitempty"`
	Actions   []Action `json:"actions,omitempty"`
}

// Action is one improvement with somebody who answers for it and a date.
type Action struct {
	Text  string    `json:"text"`
	Owner string    `json:"owner"`
	Due   time.Time `json:"due"`
}

// Verb says what a decision does.
type Verb string

// The verbs of a decision.
const (
	Approval   Verb = "approve"
	Rejection  Verb = "reject"
	Withdrawal Verb = "withdraw"
)

// Decision is one person's word on one revision under one policy. Decisions are only ever added.
type Decision struct {
	ID        string   `json:"id"`
	Change    ID       `json:"change"`
	RevDigest string   `json:"rev_digest"`
	Policy    string   `json:"policy"`
	Person    string   `json:"person"` // "" for the system's own by a standard model
	Verb      Verb     `json:"verb"`
	Roles     []string `json:"roles"` // roles held at that instant; checked again at the gate
	Comment   string   `json:"comment"`
	At        int64    `json:"at"`
	Statement string   `json:"statement"` // DSSE envelope, JSON
	N         int64    `json:"n"`         // order within the change; instants can be equal
}

// CheckResult is one piece of evidence, parsed and bound to what it is about.
type CheckResult struct {
	ID       string `json:"id"`
	Change   ID     `json:"change"`
	Kind     string `json:"kind"`
	Format   string `json:"format"`
	Subject  string `json:"subject"` // digest of the artifact that was tested
	Status   string `json:"status"`  // pass, fail
	Why      string `json:"why"`
	Tool     string `json:"tool"`
	Blob     string `json:"blob"`             // digest of the document
	Producer string `json:"producer"`         // account id
	Person   string `json:"person,omitempty"` // who answered for that account then; "" in what is older than this member
	Service  bool   `json:"service"`          // by a service account; only those count for auto-approval
	At       int64  `json:"at"`
	Result   string `json:"result"` // the parsed result, canonical JSON
	N        int64  `json:"n"`      // order within the change
}

// Permit is the gate's signed, single-use release of one revision to one executor.
type Permit struct {
	ID       string `json:"id"`
	Change   ID     `json:"change"`
	Kind     string `json:"kind"`
	Stage    string `json:"stage"`
	Attempt  int64  `json:"attempt"`
	Fence    int64  `json:"fence"`
	Person   string `json:"person"`  // who answers for the executor
	Account  string `json:"account"` // who redeemed it
	Rev      string `json:"rev_digest"`
	Key      string `json:"key"` // idempotency key
	Issued   int64  `json:"issued"`
	Expires  int64  `json:"expires"`
	Lease    int64  `json:"lease"`   // the run is presumed lost after this
	Outcome  string `json:"outcome"` // running, success, failure, unknown
	Ended    int64  `json:"ended"`
	Exit     int64  `json:"exit"`
	Claimed  string `json:"claimed"`  // what the pipeline's environment claimed, JSON
	Report   string `json:"report"`   // what the executor reported at the end, JSON
	Envelope string `json:"envelope"` // DSSE, JSON
}

// Outcomes of an execution.
const (
	Running = "running"
	Success = "success"
	Failure = "failure"
	Unknown = "unknown"
)

// Comment is a remark; it changes nothing.
type Comment struct {
	ID     string `json:"id"`
	Change ID     `json:"change"`
	By     string `json:"by"`
	At     int64  `json:"at"`
	Text   string `json:"text"`
}

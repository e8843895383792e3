package client

import (
	"context"
	"net/http"
	"strconv"

	"plumbline.dev/plumb/internal/wire"
)

// Change is where a request stands. Instants are microseconds since 1970, UTC, here and below; 0 is
// never.
type Change struct {
	ID        string `json:"id"`
	State     string `json:"state"`
	Type      string `json:"type"`
	Category  string `json:"category"`
	Summary   string `json:"summary"`
	Requester string `json:"requester"`
	Rev       int64  `json:"rev"`
	RevDigest string `json:"rev_digest"`
	Created   int64  `json:"created"`
	Updated   int64  `json:"updated"`
	Body      Body   `json:"body"`
}

// Body is the rest of a change's shell, as far as people read it.
type Body struct {
	Authors    []string       `json:"authors"`
	Demand     Demand         `json:"demand"`
	Submitted  int64          `json:"submitted"`
	Decided    int64          `json:"decided"`
	Expires    int64          `json:"expires"`
	Start      int64          `json:"start"`
	End        int64          `json:"end"`
	Hold       *Hold          `json:"hold"`
	Auto       *Auto          `json:"auto"`
	Applied    string         `json:"applied"`
	RolledBack string         `json:"rolled_back"`
	Verified   []Verification `json:"verified"`
	Proposed   string         `json:"proposed"`
	Closure    string         `json:"closure"`
	ClosedAt   int64          `json:"closed_at"`
}

// Hold keeps permits from opening.
type Hold struct {
	Reason string `json:"reason"`
	By     string `json:"by"`
	At     int64  `json:"at"`
}

// Auto records what a standard model said.
type Auto struct {
	Model    string      `json:"model"`
	Passed   bool        `json:"passed"`
	Why      string      `json:"why"`
	Criteria []Criterion `json:"criteria"`
}

// Criterion is one condition of a standard model with its outcome.
type Criterion struct {
	ID     string `json:"id"`
	Text   string `json:"text"`
	Passed bool   `json:"passed"`
	Error  string `json:"error"`
}

// Verification is a word of the target's owner after the change.
type Verification struct {
	Slot    string `json:"slot"`
	By      string `json:"by"`
	At      int64  `json:"at"`
	Passed  bool   `json:"passed"`
	Comment string `json:"comment"`
}

// Demand is what the policy asks of one revision.
type Demand struct {
	Policy     string   `json:"policy"`
	Risk       string   `json:"risk"`
	Why        []Reason `json:"why"`
	Slots      []Slot   `json:"slots"`
	Checks     []Check  `json:"checks"`
	After      []Check  `json:"after"`
	Verify     []Slot   `json:"verify"`
	ExpireSecs int64    `json:"expire_secs"`
	Executor   []string `json:"executor"`
}

// Reason names the rule behind a demand and the clause behind the rule.
type Reason struct {
	Rule   string `json:"rule"`
	Clause string `json:"clause"`
	Text   string `json:"text"`
}

// Slot is one decision that the policy demands.
type Slot struct {
	ID      string   `json:"id"`
	Role    string   `json:"role"`
	Min     int      `json:"min"`
	Reasons []Reason `json:"reasons"`
}

// Check is one evidence kind that must be shown.
type Check struct {
	Kind       string   `json:"kind"`
	MaxAgeSecs int64    `json:"max_age_secs"`
	Reasons    []Reason `json:"reasons"`
}

// Assignment says which people fill one slot.
type Assignment struct {
	Slot   string   `json:"slot"`
	Role   string   `json:"role"`
	People []string `json:"people"`
}

// MissingSlot is a slot that is not filled yet.
type MissingSlot struct {
	Slot    string      `json:"slot"`
	Role    string      `json:"role"`
	Need    int         `json:"need"`
	Waits   []string    `json:"waits"`
	Could   []Candidate `json:"could"`
	Reasons []Reason    `json:"reasons"`
	Humans  bool        `json:"humans"`
}

// Candidate is a person who could fill a slot.
type Candidate struct {
	Person string `json:"person"`
	Role   string `json:"role"`
}

// CheckResult is one piece of evidence.
type CheckResult struct {
	ID       string `json:"id"`
	Kind     string `json:"kind"`
	Format   string `json:"format"`
	Subject  string `json:"subject"`
	Status   string `json:"status"`
	Why      string `json:"why"`
	Tool     string `json:"tool"`
	Blob     string `json:"blob"`
	Producer string `json:"producer"`
	At       int64  `json:"at"`
}

// Decision is one person's word on one revision.
type Decision struct {
	ID        string   `json:"id"`
	RevDigest string   `json:"rev_digest"`
	Person    string   `json:"person"`
	Verb      string   `json:"verb"`
	Roles     []string `json:"roles"`
	Comment   string   `json:"comment"`
	At        int64    `json:"at"`
}

// Permit is a permit and the execution that it opened.
type Permit struct {
	ID      string `json:"id"`
	Kind    string `json:"kind"`
	Attempt int64  `json:"attempt"`
	Fence   int64  `json:"fence"`
	Person  string `json:"person"`
	Rev     string `json:"rev_digest"`
	Issued  int64  `json:"issued"`
	Expires int64  `json:"expires"`
	Outcome string `json:"outcome"`
	Ended   int64  `json:"ended"`
	Exit    int64  `json:"exit"`
}

// Comment is a remark.
type Comment struct {
	ID   string `json:"id"`
	By   string `json:"by"`
	At   int64  `json:"at"`
	Text string `json:"text"`
}

// View is one change as it is shown.
type View struct {
	Change    Change            `json:"change"`
	Material  wire.Material     `json:"material"`
	Revision  int64             `json:"revision"`
	Demand    Demand            `json:"demand"`
	Slots     []Assignment      `json:"slots"`
	Missing   []MissingSlot     `json:"missing"`
	Checks    []CheckResult     `json:"checks"`
	NeedCheck []string          `json:"missing_checks"`
	Failed    map[string]string `json:"unanswered_failures,omitempty"` // of what is missing, kind → why what passed since does not count
	Verify    []string          `json:"open_verifications"`
	Decisions []Decision        `json:"decisions"`
	Permits   []Permit          `json:"permits"`
	Conflicts []wire.Conflict   `json:"conflicts"`
	Window    *wire.Window      `json:"window"`
	Excluded  map[string]string `json:"excluded"`
	Names     map[string]string `json:"names"`
	Comments  []Comment         `json:"comments"`
	Own       bool              `json:"own"`
	Placed    []Placed          `json:"placed"`
	Advice    []string          `json:"advice"`
}

// Placed is what stands, as far as runs tell, where a change is going to put a file.
type Placed struct {
	Kind     string   `json:"kind"`
	Name     string   `json:"name"`
	Targets  []string `json:"targets"`
	Change   string   `json:"change"`
	Digest   string   `json:"digest"`
	Document string   `json:"document"`
	At       int64    `json:"at"`
	Doubt    string   `json:"doubt"` // a later run there that failed or was lost
}

// Difference is one member in which two revisions differ; the values are canonical JSON.
type Difference struct {
	Path   string `json:"path"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// Filter narrows a list of changes; empty members do not narrow.
type Filter struct {
	State, Category, Type, Requester string
	Limit                            int // of one page
}

// Changes lists one page of changes, newest first.
func (c *Client) Changes(ctx context.Context, f Filter, cursor string) (Reply[Page[Change]], error) {
	return get[Page[Change]](ctx, c, path("changes"), values("state", f.State, "category", f.Category, "type", f.Type,
		"requester", f.Requester, "limit", number(int64(f.Limit)), "cursor", cursor))
}

// Waiting lists the changes that wait for the caller's decision, oldest first.
func (c *Client) Waiting(ctx context.Context) (Reply[Page[Change]], error) {
	return get[Page[Change]](ctx, c, path("changes", "waiting"), nil)
}

// NewChange files a draft.
func (c *Client) NewChange(ctx context.Context, m wire.Material, key string) (Reply[Change], error) {
	return call[Change](ctx, c, request{method: http.MethodPost, path: path("changes"), body: m, key: key})
}

// Change shows one change.
func (c *Client) Change(ctx context.Context, id string) (Reply[View], error) {
	return get[View](ctx, c, path("changes", id), nil)
}

// EditChange makes a new revision of the one with the digest seen.
func (c *Client) EditChange(ctx context.Context, id, seen string, m wire.Material) (Reply[Change], error) {
	return call[Change](ctx, c, request{method: http.MethodPut, path: path("changes", id), body: m, match: seen})
}

type comment struct {
	Comment string `json:"comment"`
}

// Decide submits, approves or rejects the revision with the digest seen; verb is the route's word.
func (c *Client) Decide(ctx context.Context, id, verb, seen, text string) (Reply[Change], error) {
	return call[Change](ctx, c, request{method: http.MethodPost, path: path("changes", id, verb), body: comment{text}, match: seen})
}

// Move withdraws, cancels, holds or releases; verb is the route's word.
func (c *Client) Move(ctx context.Context, id, verb, text string) (Reply[Change], error) {
	return post[Change](ctx, c, path("changes", id, verb), comment{text})
}

// Schedule sets the slot inside the approved envelope, RFC 3339.
func (c *Client) Schedule(ctx context.Context, id, start, end string) (Reply[Change], error) {
	return post[Change](ctx, c, path("changes", id, "schedule"), struct {
		Start string `json:"start,omitempty"`
		End   string `json:"end,omitempty"`
	}{start, end})
}

// Acknowledge accepts a conflict with another change or a soft freeze.
func (c *Client) Acknowledge(ctx context.Context, id, with, text string) (Reply[Change], error) {
	return post[Change](ctx, c, path("changes", id, "acknowledge"), struct {
		With    string `json:"with"`
		Comment string `json:"comment"`
	}{with, text})
}

// Verify gives a word on the result.
func (c *Client) Verify(ctx context.Context, id, slot string, passed bool, text string) (Reply[Change], error) {
	return post[Change](ctx, c, path("changes", id, "verify"), struct {
		Slot    string `json:"slot"`
		Passed  bool   `json:"passed"`
		Comment string `json:"comment"`
	}{slot, passed, text})
}

// Review is a post-implementation review as it is handed in.
type Review struct {
	Outcome   string   `json:"outcome"`
	Causes    string   `json:"causes,omitempty"`
	Attendees []string `json:"attendees,omitempty"`
	Actions   []Action `json:"actions,omitempty"`
}

// Action is one improvement with an owner and a date.
type Action struct {
	Text  string `json:"text"`
	Owner string `json:"owner"`
	Due   string `json:"due"` // RFC 3339
}

// CloseChange closes a change.
func (c *Client) CloseChange(ctx context.Context, id, closure string, r *Review) (Reply[Change], error) {
	return post[Change](ctx, c, path("changes", id, "close"), struct {
		Closure string  `json:"closure"`
		Review  *Review `json:"review,omitempty"`
	}{closure, r})
}

// Apply executes a change to Plumbline itself; key makes it happen once.
func (c *Client) Apply(ctx context.Context, id, key string) (Reply[wire.GateVerdict], error) {
	return call[wire.GateVerdict](ctx, c, request{method: http.MethodPost, path: path("changes", id, "apply"), body: none{},
		key: key, also: http.StatusForbidden})
}

// Remark adds a comment.
func (c *Client) Remark(ctx context.Context, id, text string) (Reply[Comment], error) {
	return post[Comment](ctx, c, path("changes", id, "comments"), struct {
		Text string `json:"text"`
	}{text})
}

// Diff compares two revisions; 0 leaves the choice to the server: the current one and the one before.
func (c *Client) Diff(ctx context.Context, id string, from, to int64) (Reply[Page[Difference]], error) {
	return get[Page[Difference]](ctx, c, path("changes", id, "diff"), values("from", number(from), "to", number(to)))
}

// Timeline is one page of a change's story out of the ledger.
func (c *Client) Timeline(ctx context.Context, id, cursor string) (Reply[Page[Entry]], error) {
	return get[Page[Entry]](ctx, c, path("changes", id, "timeline"), values("cursor", cursor))
}

// Permits lists a change's permits.
func (c *Client) Permits(ctx context.Context, id string) (Reply[Page[Permit]], error) {
	return get[Page[Permit]](ctx, c, path("changes", id, "permits"), nil)
}

func number(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

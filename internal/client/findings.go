package client

import (
	"context"
	"net/url"
	"strings"
	"time"
)

// Hit is one way in which something touches a difference.
type Hit struct {
	Disposition string `json:"disposition"`
	Change      string `json:"change"`
	Claim       string `json:"claim"`
	Permit      string `json:"permit"`
	Rule        string `json:"rule"`
	Reason      string `json:"reason"`
}

// Finding is a difference that no approved change explains. Values are canonical JSON text.
type Finding struct {
	ID          string            `json:"id"`
	State       string            `json:"state"`
	Severity    string            `json:"severity"`
	Asset       string            `json:"asset"`
	Name        string            `json:"name"`
	Owner       string            `json:"owner"`
	Change      string            `json:"change"`
	Opened      int64             `json:"opened"`
	Due         int64             `json:"due"`
	Disposition string            `json:"disposition"`
	Environment string            `json:"environment"`
	Op          string            `json:"op"`
	Path        string            `json:"path"`
	Before      string            `json:"before"`
	After       string            `json:"after"`
	Actor       string            `json:"actor"`
	Count       int64             `json:"count"`
	Collects    bool              `json:"collects"` // many places of one asset; it is answered as FND-7@COUNT
	Away        int64             `json:"away"`     // of those, places that are not as they were before
	Flapping    bool              `json:"flapping"`
	Restored    string            `json:"restored"`
	Note        string            `json:"note"`
	Reason      string            `json:"reason"`
	Decider     string            `json:"decider"` // who answered last
	Decided     int64             `json:"decided"`
	Closed      int64             `json:"closed"`
	Adopts      string            `json:"adopts"`
	Next        string            `json:"next"` // what it waits for, where that is not an answer
	Overdue     bool              `json:"overdue"`
	Hits        []Hit             `json:"hits"`
	Differences []AssetDifference `json:"differences"` // the newest first
	Answers     []string          `json:"answers"`     // how the caller may answer for it now; none where Refused says why
	Refused     *Refusal          `json:"refused"`
	Called      map[string]string `json:"called"` // names by the ids of sources
}

// Refusal says why the caller may not do what others may, and who can.
type Refusal struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Who     string `json:"who"`
}

// Reconciliation is what became of a change's approved effects.
type Reconciliation struct {
	Change string `json:"change"`
	Ends   []struct {
		Claim struct {
			Address string `json:"address"`
			Path    string `json:"path"`
			Verb    string `json:"verb"`
		} `json:"claim"`
		End  string `json:"end"`
		Seen string `json:"seen"`
	} `json:"ends"`
	Counts   map[string]int `json:"counts"`
	Matches  []Match        `json:"matches"`
	Findings []Finding      `json:"findings"`
	Adopted  []Finding      `json:"adopted"` // that it asks for after the fact
	Closable bool           `json:"closable"`
}

// Match is one judged difference.
type Match struct {
	Difference  string `json:"difference"`
	Asset       string `json:"asset"`
	Path        string `json:"path"`
	After       string `json:"after"`
	Latest      int64  `json:"latest"`
	Disposition string `json:"disposition"`
	Change      string `json:"change"`
	Finding     string `json:"finding"`
	Hits        []Hit  `json:"hits"`
}

// Figures are the numbers of reconciliation.
type Figures struct {
	Judged       int64            `json:"judged"`
	By           map[string]int64 `json:"by"`
	Unauthorized int64            `json:"unauthorized"`
	Share        int64            `json:"share"`
	Waiting      int64            `json:"waiting"`
	Overdue      int64            `json:"overdue"`
	Unseparated  int64            `json:"unseparated"`
	Unseen       int64            `json:"unseen"`
	Behind       int64            `json:"behind"`
}

// Mute is a reviewed, expiring exception. Times are microseconds.
type Mute struct {
	ID       string   `json:"id"`
	Kind     string   `json:"kind"`
	State    string   `json:"state"`
	Reason   string   `json:"reason"`
	Asset    string   `json:"asset"`
	Class    string   `json:"class"`
	Type     string   `json:"type"`
	Name     string   `json:"name"`
	Env      string   `json:"env"`
	Path     string   `json:"path"`
	Op       string   `json:"op"`
	Values   []string `json:"values"`
	Min      int64    `json:"min"`
	Max      int64    `json:"max"`
	Actor    string   `json:"actor"`
	Security bool     `json:"security"`
	Share    int64    `json:"share"`
	Expires  int64    `json:"expires"`
	Proposer string   `json:"proposer"`
	At       int64    `json:"at"`
	Reviewer string   `json:"reviewer"`
	Reviewed int64    `json:"reviewed"`
	Hits     int64    `json:"hits"`
	Seen     int64    `json:"seen"`
	Ended    string   `json:"ended"`
	// Reviewers may accept or refuse it now, by id; only where it is shown alone, and proposed.
	Reviewers []string `json:"reviewers"`
	BackTest  struct {
		Days         int64    `json:"days"`
		Differences  int64    `json:"differences"`
		Matched      int64    `json:"matched"`
		Unauthorized int64    `json:"unauthorized"`
		Assets       []string `json:"assets"`
		At           int64    `json:"at"`
		To           int64    `json:"to"`
		Cut          bool     `json:"cut"`
		Named        int64    `json:"named"` // assets that are called so; no others match, whatever they are called later
	} `json:"back_test"`
}

// Scope says in one line what an exception is about: where, what happens to which attribute, to which values, by whom.
func (m Mute) Scope() string {
	var words []string
	for _, w := range []struct{ name, text string }{{"asset", m.Asset}, {"class", m.Class}, {"type", m.Type}, {"name", m.Name}, {"env", m.Env}} {
		if w.text != "" {
			words = append(words, w.name+" "+w.text)
		}
	}
	where := strings.Join(words, ", ")
	op := m.Op
	if op == "" {
		op = "update"
	}
	what := op + " " + m.Path
	switch {
	case len(m.Values) > 0:
		what += " to " + strings.Join(m.Values, " or ")
	case m.Min != 0 || m.Max > 0:
		what += " to " + number(m.Min) + " up to " + number(m.Max)
	}
	if m.Actor != "" {
		what += " by " + m.Actor
	}
	if m.Security {
		what += ", security attributes too"
	}
	return where + ": " + what
}

// NewMute is an exception to be proposed.
type NewMute struct {
	Kind     string    `json:"kind"`
	Reason   string    `json:"reason"`
	Asset    string    `json:"asset,omitempty"`
	Class    string    `json:"class,omitempty"`
	Type     string    `json:"type,omitempty"`
	Name     string    `json:"name,omitempty"`
	Env      string    `json:"env,omitempty"`
	Path     string    `json:"path"`
	Op       string    `json:"op,omitempty"`
	Values   []string  `json:"values,omitempty"`
	Min      int64     `json:"min,omitempty"`
	Max      int64     `json:"max,omitempty"`
	Actor    string    `json:"actor,omitempty"`
	Security bool      `json:"security,omitempty"`
	Share    int64     `json:"share,omitempty"`
	Expires  time.Time `json:"expires"`
}

// FindingAnswer is what somebody decides about a finding.
type FindingAnswer struct {
	Reason string    `json:"reason"`
	Until  time.Time `json:"until,omitzero"`
	Change string    `json:"change,omitempty"`
}

// Findings lists findings; the query's keys are those of the API.
func (c *Client) Findings(ctx context.Context, q url.Values) (Reply[Page[Finding]], error) {
	return get[Page[Finding]](ctx, c, path("findings"), q)
}

// FindingsWaiting lists the findings that the caller may answer, the oldest first.
func (c *Client) FindingsWaiting(ctx context.Context) (Reply[Page[Finding]], error) {
	return get[Page[Finding]](ctx, c, path("findings", "waiting"), nil)
}

// Finding shows one.
func (c *Client) Finding(ctx context.Context, id string) (Reply[Finding], error) {
	return get[Finding](ctx, c, path("findings", id), nil)
}

// AnswerFinding decides about a finding: how is waive, revert or adopt.
func (c *Client) AnswerFinding(ctx context.Context, id, how string, a FindingAnswer) (Reply[Finding], error) {
	return post[Finding](ctx, c, path("findings", id, how), a)
}

// Reconciliation shows what became of a change's approved effects.
func (c *Client) Reconciliation(ctx context.Context, change string) (Reply[Reconciliation], error) {
	return get[Reconciliation](ctx, c, path("changes", change, "reconciliation"), nil)
}

// Figures gives the numbers of the last days.
func (c *Client) Figures(ctx context.Context, days int64) (Reply[Figures], error) {
	return get[Figures](ctx, c, path("reconciliation"), values("days", number(days)))
}

// Mutes lists the exceptions.
func (c *Client) Mutes(ctx context.Context) (Reply[Page[Mute]], error) {
	return get[Page[Mute]](ctx, c, path("mutes"), nil)
}

// MutesWaiting lists the exceptions that the caller may review, and those that end within a week and that the caller may end.
func (c *Client) MutesWaiting(ctx context.Context) (Reply[Page[Mute]], error) {
	return get[Page[Mute]](ctx, c, path("mutes", "waiting"), nil)
}

// MuteOf shows one exception; while it waits for its review, with the back-test of this moment.
func (c *Client) MuteOf(ctx context.Context, id string) (Reply[Mute], error) {
	return get[Mute](ctx, c, path("mutes", id), nil)
}

// ProposeMute proposes an exception.
func (c *Client) ProposeMute(ctx context.Context, m NewMute) (Reply[Mute], error) {
	return post[Mute](ctx, c, path("mutes"), m)
}

type muteReview struct {
	Accept bool   `json:"accept,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// ReviewMute accepts or refuses a proposed exception.
func (c *Client) ReviewMute(ctx context.Context, id string, accept bool, reason string) (Reply[Mute], error) {
	return post[Mute](ctx, c, path("mutes", id, "review"), muteReview{accept, reason})
}

// EndMute ends an exception at once.
func (c *Client) EndMute(ctx context.Context, id, reason string) (Reply[Mute], error) {
	return post[Mute](ctx, c, path("mutes", id, "end"), muteReview{Reason: reason})
}

// What says in one line what a finding is about.
func (f Finding) What() string {
	what := f.Op + " " + f.Name
	if f.Collects {
		what = number(f.Count) + " more differences of " + f.Name
	}
	if f.Disposition == "unseen" {
		return number(f.Count) + " of its " + f.Path + " not seen on " + f.Name + ": " + f.Note
	}
	if f.Path != "" {
		what += " " + f.Path + ": " + f.Before + " → " + f.After
	}
	if f.Note != "" {
		what += ", " + f.Note
	}
	if f.Flapping {
		what += ", to and fro"
	}
	return what
}

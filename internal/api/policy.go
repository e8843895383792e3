package api

import (
	"context"
	"time"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/policy"
)

// PolicyView is the policy in force, to be read.
type PolicyView struct {
	Digest     string             `json:"digest"`
	Name       string             `json:"name"`
	Version    string             `json:"version"`
	Title      string             `json:"title"`
	Expire     policy.Expiry      `json:"expire"`
	Exclude    []string           `json:"exclude"`
	Roles      []policy.Role      `json:"roles"`
	Components []policy.Component `json:"components"`
	Targets    []policy.Target    `json:"targets"`
	Categories []policy.Category  `json:"categories"`
	Rules      []policy.Rule      `json:"rules"`
	Models     []policy.Model     `json:"models"`
	Windows    []policy.Window    `json:"windows"`
	Freezes    []policy.Freeze    `json:"freezes"`
	Emergency  policy.Emergency   `json:"emergency"`
	Clauses    []policy.Clause    `json:"clauses"`
}

func (a *API) showPolicy(ctx context.Context, _ *none) (*body[PolicyView], error) {
	p, err := a.Changes.Pack(ctx)
	if err != nil {
		return nil, err
	}
	return give(PolicyView{Digest: p.Digest(), Name: p.Name, Version: p.Version, Title: p.Title, Expire: p.Expire, Exclude: p.Exclude,
		Roles: p.Roles, Components: p.Components, Targets: p.Targets, Categories: p.Categories, Rules: p.Rules, Models: p.Models,
		Windows: p.Windows, Freezes: p.Freezes, Emergency: p.Emergency, Clauses: p.Clauses}, nil)
}

// archiveOut is a policy pack as one document; its bytes can be checked against the digest.
type archiveOut struct {
	ContentType string `header:"Content-Type"`
	ETag        string `header:"ETag"`
	Body        []byte
}

func (a *API) policyArchive(ctx context.Context, _ *none) (*archiveOut, error) {
	p, err := a.Changes.Pack(ctx)
	if err != nil {
		return nil, err
	}
	b, err := p.Archive()
	if err != nil {
		return nil, err
	}
	return &archiveOut{ContentType: "application/json", ETag: `"` + p.Digest() + `"`, Body: b}, nil
}

func (a *API) policyHistory(ctx context.Context, in *pagingIn) (*body[Page[change.PackVersion]], error) {
	all, err := a.Changes.Packs(ctx)
	return listed(in.Paging, all, err)
}

// Question asks the policy about a wording or about a change; one of the two.
type Question struct {
	Material *change.Material `json:"material,omitempty"`
	Change   string           `json:"change,omitempty"`
}

type questionIn struct {
	In JSON[Question]
}

func (a *API) explainPolicy(ctx context.Context, in *questionIn) (*body[change.Explained], error) {
	q := in.In.value
	if (q.Material == nil) == (q.Change == "") {
		return nil, fault.New(fault.Invalid, "bad_question", "Ask about a wording or about a change.").At("material", "one of material and change is needed")
	}
	if q.Material != nil {
		return give(a.Changes.Explain(ctx, *q.Material))
	}
	id, err := change.ParseID(q.Change)
	if err != nil {
		return nil, err
	}
	return give(a.Changes.ExplainChange(ctx, id))
}

// Trial tries a policy pack on the changes of a period.
type Trial struct {
	Archive Raw       `json:"archive,omitempty" doc:"the pack to try; the one in force when left out"`
	From    time.Time `json:"from,omitzero" doc:"90 days ago when left out"`
	To      time.Time `json:"to,omitzero" doc:"now when left out"`
}

// Simulation is what a pack would have demanded, beside what the pack in force does.
type Simulation struct {
	Policy string       `json:"policy"`
	Now    string       `json:"now" doc:"digest of the policy in force"`
	Rows   []policy.Row `json:"rows"`
	Before []policy.Row `json:"before" doc:"the same changes under the policy in force"`
}

type trialIn struct {
	In JSON[Trial]
}

const usualTrial = 90 * 24 * time.Hour

func (a *API) simulatePolicy(ctx context.Context, in *trialIn) (*body[Simulation], error) {
	q := in.In.value
	now, err := a.Changes.Pack(ctx)
	if err != nil {
		return nil, err
	}
	tried := now
	if len(q.Archive) > 0 {
		if tried, err = policy.LoadArchive([]byte(q.Archive)); err != nil {
			return nil, err
		}
		// What must not be activated is not tried either: a condition without a bound on its cost is an error.
		if err := policy.Ready(tried.Lint(policy.LintOptions{Now: a.DB.Now()})); err != nil {
			return nil, err
		}
	}
	if q.To.IsZero() {
		q.To = a.DB.Now()
	}
	if q.From.IsZero() {
		q.From = q.To.Add(-usualTrial)
	}
	cases, err := a.Changes.Cases(ctx, q.From, q.To)
	if err != nil {
		return nil, err
	}
	return give(Simulation{Policy: tried.Digest(), Now: now.Digest(), Rows: tried.Simulate(cases), Before: now.Simulate(cases)}, nil)
}

// Models are the standard models of the policy in force and how those that were activated stand.
type Models struct {
	Models   []policy.Model `json:"models"`
	Standing []change.Model `json:"standing"`
}

func (a *API) listModels(ctx context.Context, _ *none) (*body[Models], error) {
	p, err := a.Changes.Pack(ctx)
	if err != nil {
		return nil, err
	}
	standing, err := a.Changes.Models(ctx)
	return give(Models{Models: p.Models, Standing: standing}, err)
}

func (a *API) listWindows(ctx context.Context, in *pagingIn) (*body[Page[change.Window]], error) {
	all, err := a.Changes.Windows(ctx)
	return listed(in.Paging, all, err)
}

// NewWindow declares a one-off window or freeze.
type NewWindow struct {
	Kind   string       `json:"kind" enum:"window,freeze"`
	Scope  change.Scope `json:"scope,omitzero"`
	Starts time.Time    `json:"starts"`
	Ends   time.Time    `json:"ends"`
	Hard   bool         `json:"hard,omitempty"`
	Reason string       `json:"reason"`
}

type newWindowIn struct {
	In JSON[NewWindow]
}

func (a *API) setWindow(ctx context.Context, in *newWindowIn) (*body[change.Window], error) {
	return give(a.Changes.SetWindow(ctx, actorOf(ctx), in.In.value.window()))
}

func (w NewWindow) window() change.Window {
	return change.Window{Kind: w.Kind, Scope: w.Scope, Starts: micros(w.Starts), Ends: micros(w.Ends), Hard: w.Hard, Reason: w.Reason}
}

// Reached is one change that a window or freeze would reach.
type Reached struct {
	Change  change.ID    `json:"change"`
	Summary string       `json:"summary"`
	State   change.State `json:"state"`
	Starts  int64        `json:"starts,omitempty" doc:"earliest start, microseconds; absent for any time"`
	Ends    int64        `json:"ends,omitempty" doc:"latest end"`
}

// Preview is what a window or freeze would reach, as far as it is listed.
type Preview struct {
	Items []Reached `json:"items"`
	More  bool      `json:"more,omitempty" doc:"there may be others: the oldest 5,000 in flight are looked at, and 500 listed"`
}

// previewWindow sets nothing: who is about to freeze something sees first what it would hold back.
func (a *API) previewWindow(ctx context.Context, in *newWindowIn) (*body[Preview], error) {
	list, more, err := a.Changes.Affected(ctx, in.In.value.window())
	out := Preview{Items: []Reached{}, More: more}
	for _, p := range list {
		out.Items = append(out.Items, Reached{Change: p.Change.ID, Summary: p.Change.Summary, State: p.Change.State, Starts: p.Starts, Ends: p.Ends})
	}
	return give(out, err)
}

func (a *API) liftWindow(ctx context.Context, in *remarkIn) (*none, error) {
	return nil, a.Changes.LiftWindow(ctx, actorOf(ctx), in.ID, in.In.value.Comment)
}

type periodIn struct {
	From time.Time `query:"from" doc:"30 days ago when left out"`
	To   time.Time `query:"to" doc:"now when left out"`
}

const usualPeriod = 30 * 24 * time.Hour

func (a *API) measure(ctx context.Context, in *periodIn) (*body[change.Metrics], error) {
	from, to := in.From, in.To
	if to.IsZero() {
		to = a.DB.Now()
	}
	if from.IsZero() {
		from = to.Add(-usualPeriod)
	}
	return give(a.Changes.Measure(ctx, from, to))
}

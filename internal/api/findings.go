package api

import (
	"context"
	"time"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/reconcile"
)

// findingRoutes are about what production became and who answers for it.
func findingRoutes() []Route {
	const tag = "Reconciliation"
	const read, decide = directory.InventoryRead, directory.ChangeDecide
	return []Route{
		{Method: get, Path: "/findings", Need: read, Tag: tag, Summary: "List findings: differences that no approved change explains", bind: answers((*API).listFindings)},
		{Method: get, Path: "/findings/waiting", Need: read, Tag: tag, Summary: "List the findings that I may answer, the oldest first", bind: answers((*API).findingsWaiting)},
		{Method: get, Path: "/findings/{id}", Need: read, Tag: tag, Summary: "Show a finding with its differences", bind: answers((*API).showFinding)},
		{Method: post, Path: "/findings/{id}/waive", Need: decide, Repeats: byAnswer, Tag: tag, Summary: "Take a finding as it is for some time", bind: answers((*API).waiveFinding)},
		{Method: post, Path: "/findings/{id}/revert", Need: decide, Repeats: byAnswer, Tag: tag, Summary: "Undertake to take it back; the observed reverse closes it", bind: answers((*API).revertFinding)},
		{Method: post, Path: "/findings/{id}/adopt", Need: decide, Repeats: byAnswer, Tag: tag, Summary: "Name the change that asks for it after the fact", bind: answers((*API).adoptFinding)},
		{Method: get, Path: "/changes/{id}/reconciliation", Need: read, Tag: tag, Summary: "Show what became of each approved effect of a change", bind: answers((*API).reconciliation)},
		{Method: get, Path: "/differences/{id}/match", Need: read, Tag: tag, Summary: "Say what a difference was found to be, with everything that touched it", bind: answers((*API).showMatch)},
		{Method: get, Path: "/reconciliation", Need: read, Tag: tag, Summary: "Give the figures of reconciliation", bind: answers((*API).figures)},
		{Method: get, Path: "/mutes", Need: read, Tag: tag, Summary: "List standing authorizations, side effects and ignores", bind: answers((*API).listMutes)},
		{Method: get, Path: "/mutes/waiting", Need: read, Tag: tag, Summary: "List the proposed ones that I may review, and those that end within a week and that I may end", bind: answers((*API).mutesWaiting)},
		{Method: get, Path: "/mutes/{id}", Need: read, Tag: tag, Summary: "Show one; while it waits for its review, with the back-test of this moment", bind: answers((*API).showMute)},
		{Method: post, Path: "/mutes", Need: decide, Repeats: byAnswer, Tag: tag, Status: 201, Summary: "Propose one; it works after review", bind: answers((*API).proposeMute)},
		{Method: post, Path: "/mutes/{id}/review", Need: decide, Repeats: byAnswer, Tag: tag, Summary: "Accept or refuse a proposed one", bind: answers((*API).reviewMute)},
		{Method: post, Path: "/mutes/{id}/end", Need: decide, Repeats: byAnswer, Tag: tag, Summary: "End one at once", bind: answers((*API).endMute)},
	}
}

type findingsIn struct {
	Paging
	State       string `query:"state" maxLength:"20" doc:"waiting, open, adopting, reverting, adopted, reverted, waived or closed; all when left out"`
	Severity    string `query:"severity" maxLength:"20" doc:"critical, high, medium or low"`
	Environment string `query:"environment" maxLength:"20" doc:"as it counted when the finding was raised"`
	Asset       string `query:"asset" maxLength:"300"`
	Owner       string `query:"owner" maxLength:"300"`
}

func (a *API) listFindings(ctx context.Context, in *findingsIn) (*body[Page[reconcile.Finding]], error) {
	after, err := in.from(0)
	if err != nil {
		return nil, err
	}
	if in.Asset != "" { // an id in any form, or an exact name; an empty list of what is called otherwise would say that all is well
		w, err := a.Things.Show(ctx, in.Asset)
		if err != nil {
			return nil, err
		}
		in.Asset = string(w.ID)
	}
	list, err := a.Match.Findings(ctx, reconcile.Filter{State: in.State, Severity: reconcile.Severity(in.Severity),
		Environment: in.Environment, Asset: in.Asset, Owner: in.Owner, After: after, Limit: int(in.Limit)})
	out := Page[reconcile.Finding]{Items: list}
	if n := len(list); n > 0 && int64(n) == in.Limit {
		out.Next = cursor(list[n-1].N)
	}
	if out.Items == nil {
		out.Items = []reconcile.Finding{}
	}
	return give(out, err)
}

// mostAnswerable bounds the findings that wait for one person; GET /findings has all.
const mostAnswerable = 1_000

func (a *API) findingsWaiting(ctx context.Context, in *pagingIn) (*body[Page[reconcile.Finding]], error) {
	list, _, err := a.Match.Asks(ctx, actorOf(ctx), mostAnswerable)
	return listed(in.Paging, list, err)
}

// FindingView is a finding with the differences that it holds, the newest first, and what who asks may do about it.
type FindingView struct {
	reconcile.Finding
	Differences []AssetDifference `json:"differences"`
	Overdue     bool              `json:"overdue"`
	Answers     []string          `json:"answers" doc:"how who asks may answer for it now: waive, revert, adopt; empty where they may not"`
	Refused     *Refusal          `json:"refused,omitempty" doc:"why who asks may not answer for it"`
	Called      map[string]string `json:"called" doc:"names by the ids of the sources that showed its differences"`
}

// Refusal says why somebody may not do what others may.
type Refusal struct {
	Code    string `json:"code" doc:"a stable snake_case noun"`
	Message string `json:"message" doc:"one sentence"`
	Who     string `json:"who,omitempty" doc:"who can"`
}

func (a *API) showFinding(ctx context.Context, in *idIn) (*body[FindingView], error) {
	r, err := a.Match.Read(ctx, actorOf(ctx), in.ID)
	if err != nil {
		return nil, err
	}
	sources, err := a.Things.Sources(ctx)
	v := FindingView{Finding: r.Finding, Overdue: r.Overdue, Answers: r.Answers(), Called: map[string]string{}, Differences: make([]AssetDifference, len(r.Differences))}
	if no := fault.Of(r.Refused); r.Refused != nil {
		v.Refused = &Refusal{Code: no.Code, Message: no.Message, Who: no.Who}
	}
	for i, d := range r.Differences {
		v.Differences[i] = AssetDifference(d)
		for _, s := range sources {
			if s.ID == d.Source {
				v.Called[s.ID] = s.Name
			}
		}
	}
	return give(v, err)
}

// FindingAnswer is what somebody decides about a finding.
type FindingAnswer struct {
	Reason string    `json:"reason"`
	Until  time.Time `json:"until,omitzero" doc:"end of a waiver"`
	Change string    `json:"change,omitempty" doc:"the change that adopts it; its wording names the finding"`
}

type findingAnswerIn struct {
	ID string `path:"id" maxLength:"60"`
	In JSON[FindingAnswer]
}

func (a *API) waiveFinding(ctx context.Context, in *findingAnswerIn) (*body[reconcile.Finding], error) {
	return give(a.Match.Waive(ctx, actorOf(ctx), in.ID, in.In.value.Until, in.In.value.Reason))
}

func (a *API) revertFinding(ctx context.Context, in *findingAnswerIn) (*body[reconcile.Finding], error) {
	return give(a.Match.Revert(ctx, actorOf(ctx), in.ID, in.In.value.Reason))
}

func (a *API) adoptFinding(ctx context.Context, in *findingAnswerIn) (*body[reconcile.Finding], error) {
	id, err := change.ParseID(in.In.value.Change)
	if err != nil {
		return nil, err
	}
	return give(a.Match.Adopt(ctx, actorOf(ctx), in.ID, id, in.In.value.Reason))
}

func (a *API) reconciliation(ctx context.Context, in *changeIn) (*body[reconcile.Reconciliation], error) {
	id, err := change.ParseID(in.ID)
	if err != nil {
		return nil, err
	}
	return give(a.Match.Of(ctx, id))
}

func (a *API) showMatch(ctx context.Context, in *idIn) (*body[reconcile.Match], error) {
	return give(a.Match.MatchOf(ctx, in.ID))
}

type figuresIn struct {
	Days int64 `query:"days" minimum:"1" maximum:"3660" default:"30"`
}

func (a *API) figures(ctx context.Context, in *figuresIn) (*body[reconcile.Figures], error) {
	return give(a.Match.Figures(ctx, a.DB.Now().Add(-time.Duration(in.Days)*24*time.Hour).UnixMicro()))
}

func (a *API) listMutes(ctx context.Context, in *pagingIn) (*body[Page[reconcile.Mute]], error) {
	list, err := a.Match.Mutes(ctx)
	return listed(in.Paging, list, err)
}

func (a *API) mutesWaiting(ctx context.Context, in *pagingIn) (*body[Page[reconcile.Mute]], error) {
	list, err := a.Match.MutesWaiting(ctx, actorOf(ctx))
	return listed(in.Paging, list, err)
}

// MuteView is an exception with those who may decide on it.
type MuteView struct {
	reconcile.Mute
	Reviewers []directory.PersonID `json:"reviewers,omitempty" doc:"who may accept or refuse it now, while it is proposed"`
}

func (a *API) showMute(ctx context.Context, in *idIn) (*body[MuteView], error) {
	r, err := a.Match.ReadMute(ctx, actorOf(ctx), in.ID)
	return give(MuteView{Mute: r.Mute, Reviewers: r.Reviewers}, err)
}

// NewMute is an exception to be proposed.
type NewMute struct {
	Kind     string    `json:"kind" doc:"standing, side_effect or ignore"`
	Reason   string    `json:"reason"`
	Asset    string    `json:"asset,omitempty"`
	Class    string    `json:"class,omitempty"`
	Type     string    `json:"type,omitempty"`
	Name     string    `json:"name,omitempty" doc:"a star stands for any characters"`
	Env      string    `json:"env,omitempty"`
	Path     string    `json:"path" doc:"attribute; a star stands for any characters"`
	Op       string    `json:"op,omitempty" doc:"create, update or delete; update when left out"`
	Values   []string  `json:"values,omitempty"`
	Min      int64     `json:"min,omitempty"`
	Max      int64     `json:"max,omitempty"`
	Actor    string    `json:"actor,omitempty"`
	Security bool      `json:"security,omitempty" doc:"it may explain security attributes"`
	Share    int64     `json:"share,omitempty" doc:"percent of all differences at which it ends itself"`
	Expires  time.Time `json:"expires"`
}

type newMuteIn struct{ In JSON[NewMute] }

func (a *API) proposeMute(ctx context.Context, in *newMuteIn) (*body[reconcile.Mute], error) {
	n := in.In.value
	return give(a.Match.Propose(ctx, actorOf(ctx), reconcile.Mute{Kind: reconcile.MuteKind(n.Kind), Reason: n.Reason, Asset: n.Asset, Class: n.Class,
		Type: n.Type, Name: n.Name, Env: n.Env, Path: n.Path, Op: n.Op, Values: n.Values, Min: n.Min, Max: n.Max, Actor: n.Actor, Security: n.Security,
		Share: n.Share, Expires: n.Expires.UnixMicro()}))
}

// MuteReview decides on a proposed exception.
type MuteReview struct {
	Accept bool   `json:"accept,omitempty"`
	Reason string `json:"reason,omitempty"`
}

type muteReviewIn struct {
	ID string `path:"id" maxLength:"60"`
	In JSON[MuteReview]
}

func (a *API) reviewMute(ctx context.Context, in *muteReviewIn) (*body[reconcile.Mute], error) {
	return give(a.Match.Review(ctx, actorOf(ctx), in.ID, in.In.value.Accept, in.In.value.Reason))
}

func (a *API) endMute(ctx context.Context, in *muteReviewIn) (*body[reconcile.Mute], error) {
	return give(a.Match.Unmute(ctx, actorOf(ctx), in.ID, in.In.value.Reason))
}

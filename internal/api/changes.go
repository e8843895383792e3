package api

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
)

// Page is one page of a list.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next" doc:"cursor of the next page; empty on the last"`
}

// Paging is asked for with every list.
type Paging struct {
	Limit  int64  `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"items per page"`
	Cursor string `query:"cursor" maxLength:"200" doc:"next of the page before"`
}

// from reads a cursor; the first page begins at start. A cursor is opaque: it holds one number.
func (p Paging) from(start int64) (int64, error) {
	if p.Cursor == "" {
		return start, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(p.Cursor)
	if text, ok := strings.CutPrefix(string(b), "n"); err == nil && ok {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && n >= 0 {
			return n, nil
		}
	}
	return 0, fault.New(fault.Invalid, "bad_cursor", "The cursor is not one that this server gave.").At("query.cursor", "cannot be read")
}

func cursor(n int64) string { return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "n%d", n)) }

// cut pages a list that is read whole, by position.
func cut[T any](p Paging, all []T) (Page[T], error) {
	at, err := p.from(0)
	if err != nil {
		return Page[T]{}, err
	}
	begin := min(int(at), len(all))
	end := min(begin+int(p.Limit), len(all))
	out := Page[T]{Items: slices.Clone(all[begin:end])}
	if end < len(all) {
		out.Next = cursor(int64(end))
	}
	return out, nil
}

// body is an answer without headers of its own.
type body[T any] struct {
	Body T
}

func give[T any](v T, err error) (*body[T], error) {
	if err != nil {
		return nil, err
	}
	return &body[T]{v}, nil
}

// listed is one page of a list that is read whole.
func listed[T any](p Paging, all []T, err error) (*body[Page[T]], error) {
	if err != nil {
		return nil, err
	}
	return give(cut(p, all))
}

// changed is a change with its entity tag: the digest of the wording that decisions are about.
type changed struct {
	ETag string `header:"ETag"`
	Body change.Change
}

func etag(c change.Change) string { return `"` + c.RevDigest + `"` }

func asChanged(c change.Change, err error) (*changed, error) {
	if err != nil {
		return nil, err
	}
	return &changed{ETag: etag(c), Body: c}, nil
}

// seen reads If-Match: the digest of the revision that the asker looked at.
func seen(header string) (string, error) {
	if header == "" {
		return "", fault.New(fault.Invalid, "if_match_required", "Say which revision you saw: If-Match with the ETag of the change.").
			Then("read the change, then send its ETag in If-Match")
	}
	digest := strings.Trim(strings.TrimPrefix(header, "W/"), `"`)
	if !change.IsDigest(digest) {
		return "", fault.New(fault.Stale, "stale", "If-Match is not the digest of a revision.").Then("read the change, then send its ETag in If-Match").
			FixedBy("you")
	}
	return digest, nil
}

type listChangesIn struct {
	Paging
	State     string `query:"state" maxLength:"300" doc:"one or more states, with commas between"`
	Category  string `query:"category" maxLength:"100"`
	Type      string `query:"type" maxLength:"100"`
	Requester string `query:"requester" maxLength:"100" doc:"person id"`
}

func (a *API) listChanges(ctx context.Context, in *listChangesIn) (*body[Page[change.Change]], error) {
	before, err := in.from(0)
	if err != nil {
		return nil, err
	}
	f := change.Filter{Category: in.Category, Type: in.Type, Requester: in.Requester, Before: before, Limit: int(in.Limit)}
	if in.State != "" {
		f.States = strings.Split(in.State, ",")
	}
	list, err := a.Changes.List(ctx, f)
	if err != nil {
		return nil, err
	}
	out := Page[change.Change]{Items: list}
	if len(list) == f.Limit {
		out.Next = cursor(list[len(list)-1].Number)
	}
	return give(out, nil)
}

type fileIn struct {
	In JSON[change.Material]
}

func (a *API) fileChange(ctx context.Context, in *fileIn) (*changed, error) {
	return asChanged(a.Changes.File(ctx, actorOf(ctx), in.In.value))
}

type pagingIn struct{ Paging }

func (a *API) waiting(ctx context.Context, in *pagingIn) (*body[Page[change.Change]], error) {
	after, err := in.from(0)
	if err != nil {
		return nil, err
	}
	list, next, err := a.Changes.WaitingFrom(ctx, actorOf(ctx).Person, after, int(in.Limit))
	out := Page[change.Change]{Items: list}
	if next > 0 {
		out.Next = cursor(next)
	}
	return give(out, err)
}

type changeIn struct {
	ID string `path:"id" maxLength:"40" doc:"change id, such as CHG-7"`
}

type shownChange struct {
	ETag string `header:"ETag"`
	Body change.View
}

func (a *API) showChange(ctx context.Context, in *changeIn) (*shownChange, error) {
	id, err := change.ParseID(in.ID)
	if err != nil {
		return nil, err
	}
	v, err := a.Changes.Show(ctx, id)
	if err != nil {
		return nil, err
	}
	return &shownChange{ETag: etag(v.Change), Body: v}, nil
}

type editIn struct {
	ID   string `path:"id" maxLength:"40"`
	Seen string `header:"If-Match" maxLength:"200" doc:"ETag of the revision that was edited"`
	In   JSON[change.Material]
}

func (a *API) editChange(ctx context.Context, in *editIn) (*changed, error) {
	id, digest, err := idAndSeen(in.ID, in.Seen)
	if err != nil {
		return nil, err
	}
	return asChanged(a.Changes.Edit(ctx, actorOf(ctx), id, digest, in.In.value))
}

func idAndSeen(id, header string) (change.ID, string, error) {
	parsed, err := change.ParseID(id)
	if err != nil {
		return "", "", err
	}
	digest, err := seen(header)
	return parsed, digest, err
}

// Remark is a comment to what is done.
type Remark struct {
	Comment string `json:"comment,omitempty" doc:"why, in words"`
}

type decideIn struct {
	ID   string `path:"id" maxLength:"40"`
	Seen string `header:"If-Match" maxLength:"200" doc:"ETag of the revision that was decided on"`
	In   JSON[Remark]
}

func (a *API) submitChange(ctx context.Context, in *decideIn) (*changed, error) {
	id, digest, err := idAndSeen(in.ID, in.Seen)
	if err != nil {
		return nil, err
	}
	return asChanged(a.Changes.Submit(ctx, actorOf(ctx), id, digest))
}

func (a *API) approveChange(ctx context.Context, in *decideIn) (*changed, error) {
	id, digest, err := idAndSeen(in.ID, in.Seen)
	if err != nil {
		return nil, err
	}
	return asChanged(a.Changes.Approve(ctx, actorOf(ctx), id, digest, in.In.value.Comment))
}

func (a *API) rejectChange(ctx context.Context, in *decideIn) (*changed, error) {
	id, digest, err := idAndSeen(in.ID, in.Seen)
	if err != nil {
		return nil, err
	}
	return asChanged(a.Changes.Reject(ctx, actorOf(ctx), id, digest, in.In.value.Comment))
}

type remarkIn struct {
	ID string `path:"id" maxLength:"40"`
	In JSON[Remark]
}

// act is the frame of the actions that need no If-Match: they are about the change, not about a wording.
func act(ctx context.Context, in *remarkIn, do func(context.Context, fault.Actor, change.ID, string) (change.Change, error)) (*changed, error) {
	id, err := change.ParseID(in.ID)
	if err != nil {
		return nil, err
	}
	return asChanged(do(ctx, actorOf(ctx), id, in.In.value.Comment))
}

func (a *API) withdrawApproval(ctx context.Context, in *remarkIn) (*changed, error) {
	return act(ctx, in, a.Changes.Withdraw)
}

func (a *API) cancelChange(ctx context.Context, in *remarkIn) (*changed, error) {
	return act(ctx, in, a.Changes.Cancel)
}

func (a *API) holdChange(ctx context.Context, in *remarkIn) (*changed, error) {
	return act(ctx, in, a.Changes.Hold)
}

func (a *API) releaseChange(ctx context.Context, in *remarkIn) (*changed, error) {
	return act(ctx, in, a.Changes.Release)
}

// Slot is a time inside the approved window.
type Slot struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
}

type scheduleIn struct {
	ID string `path:"id" maxLength:"40"`
	In JSON[Slot]
}

func (a *API) scheduleChange(ctx context.Context, in *scheduleIn) (*changed, error) {
	id, err := change.ParseID(in.ID)
	if err != nil {
		return nil, err
	}
	s := in.In.value
	return asChanged(a.Changes.Schedule(ctx, actorOf(ctx), id, micros(s.Start), micros(s.End)))
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// Acknowledgement accepts one conflict.
type Acknowledgement struct {
	With    string `json:"with" doc:"id of the other change or freeze"`
	Comment string `json:"comment" doc:"why it is accepted"`
}

type acknowledgeIn struct {
	ID string `path:"id" maxLength:"40"`
	In JSON[Acknowledgement]
}

func (a *API) acknowledgeConflict(ctx context.Context, in *acknowledgeIn) (*changed, error) {
	id, err := change.ParseID(in.ID)
	if err != nil {
		return nil, err
	}
	return asChanged(a.Changes.Acknowledge(ctx, actorOf(ctx), id, in.In.value.With, in.In.value.Comment))
}

// Verified is somebody's word on the result.
type Verified struct {
	Slot    string `json:"slot" doc:"what is verified: a verify slot, or check:KIND"`
	Passed  bool   `json:"passed"`
	Comment string `json:"comment,omitempty"`
}

type verifyIn struct {
	ID string `path:"id" maxLength:"40"`
	In JSON[Verified]
}

func (a *API) verifyChange(ctx context.Context, in *verifyIn) (*changed, error) {
	id, err := change.ParseID(in.ID)
	if err != nil {
		return nil, err
	}
	v := in.In.value
	return asChanged(a.Changes.Verify(ctx, actorOf(ctx), id, change.Verification{Slot: v.Slot, Passed: v.Passed, Comment: v.Comment}))
}

// Review is what a closing says about how it went.
type Review struct {
	Outcome   string          `json:"outcome"`
	Causes    string          `json:"causes,omitempty"`
	Attendees []string        `json:"attendees,omitempty"`
	Actions   []change.Action `json:"actions,omitempty"`
}

// Closing ends a change.
type Closing struct {
	Closure change.Closure `json:"closure" doc:"closure code; the recorded outcomes decide which are allowed"`
	Review  *Review        `json:"review,omitempty"`
}

type closeIn struct {
	ID string `path:"id" maxLength:"40"`
	In JSON[Closing]
}

func (a *API) closeChange(ctx context.Context, in *closeIn) (*changed, error) {
	id, err := change.ParseID(in.ID)
	if err != nil {
		return nil, err
	}
	var review *change.Review
	if r := in.In.value.Review; r != nil {
		review = &change.Review{Outcome: r.Outcome, Causes: r.Causes, Attendees: r.Attendees, Actions: r.Actions}
	}
	return asChanged(a.Changes.Close(ctx, actorOf(ctx), id, in.In.value.Closure, review))
}

// Text is a comment.
type Text struct {
	Text string `json:"text"`
}

type commentIn struct {
	ID string `path:"id" maxLength:"40"`
	In JSON[Text]
}

func (a *API) addComment(ctx context.Context, in *commentIn) (*body[change.Comment], error) {
	id, err := change.ParseID(in.ID)
	if err != nil {
		return nil, err
	}
	return give(a.Changes.Remark(ctx, actorOf(ctx), id, in.In.value.Text))
}

type changePageIn struct {
	ID string `path:"id" maxLength:"40"`
	Paging
}

func (a *API) revisions(ctx context.Context, in *changePageIn) (*body[Page[change.Revision]], error) {
	id, err := change.ParseID(in.ID)
	if err != nil {
		return nil, err
	}
	all, err := a.Changes.Revisions(ctx, id)
	return listed(in.Paging, all, err)
}

type diffIn struct {
	ID   string `path:"id" maxLength:"40"`
	From int64  `query:"from" minimum:"0" doc:"revision number; 0 for the one before"`
	To   int64  `query:"to" minimum:"0" doc:"revision number; 0 for the current one"`
}

func (a *API) diff(ctx context.Context, in *diffIn) (*body[Page[change.Difference]], error) {
	id, err := change.ParseID(in.ID)
	if err != nil {
		return nil, err
	}
	all, err := a.Changes.Diff(ctx, id, in.From, in.To)
	if err != nil {
		return nil, err
	}
	return give(Page[change.Difference]{Items: all}, nil)
}

func (a *API) timeline(ctx context.Context, in *changePageIn) (*body[Page[Event]], error) {
	id, err := change.ParseID(in.ID)
	if err != nil {
		return nil, err
	}
	from, err := in.from(0)
	if err != nil {
		return nil, err
	}
	list, err := a.Changes.Timeline(ctx, id, from, int(in.Limit))
	if err != nil {
		return nil, err
	}
	return give(a.events(list, int(in.Limit)), nil)
}

// events shows ledger entries, with the cursor behind the last.
func (a *API) events(list []ledger.Entry, limit int) Page[Event] {
	out := Page[Event]{Items: make([]Event, len(list))}
	for i, e := range list {
		out.Items[i] = Event{Seq: e.Seq, Leaf: e.Leaf, Text: e.Text, Salt: e.Salt, Detail: Raw(e.Detail)}
	}
	if len(list) == limit && limit > 0 {
		out.Next = cursor(list[len(list)-1].Seq + 1)
	}
	return out
}

func (a *API) permits(ctx context.Context, in *changePageIn) (*body[Page[change.Permit]], error) {
	id, err := change.ParseID(in.ID)
	if err != nil {
		return nil, err
	}
	all, err := a.Changes.Permits(ctx, id)
	return listed(in.Paging, all, err)
}

func (a *API) reachable(path string) string {
	u, err := url.JoinPath(a.URL, path)
	if err != nil {
		return path
	}
	return u
}

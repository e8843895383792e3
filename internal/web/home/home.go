// Package home is the first page: what waits for the reader, what runs now, what is overdue, what became
// of the last changes, what production shows that nobody approved, and the figures that matter.
package home

import (
	"time"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/reconcile"
	"plumbline.dev/plumb/internal/web/frame"
	"plumbline.dev/plumb/internal/web/office"
	"plumbline.dev/plumb/internal/web/personal"
	"plumbline.dev/plumb/internal/web/ui"
)

// Pages serves it.
type Pages struct {
	Changes *change.Desk
	People  *directory.Desk
	Own     *personal.Desk
	Match   *reconcile.Desk
	Things  *inventory.Desk
}

// Routes is the table of these pages.
func (p Pages) Routes() []frame.Route {
	return []frame.Route{{Method: "GET", Path: "/{$}", Need: directory.ChangeRead, Handle: p.show}}
}

// Lengths of the lists; each says where the rest is.
const (
	shown  = 10
	weeks  = 12
	expiry = 24 * time.Hour // approvals that end within it are about to expire
)

// board is what the page shows.
type board struct {
	Frame   ui.Frame
	Waiting []change.Change
	Running []change.Change
	Late    []late
	Mine    []change.Change
	Recent  []change.Change
	Drafts  []personal.Draft
	Named   []change.Mention // where others mention the reader
	Names   map[string]string
	Weeks   []change.Week
	Whole   bool // every change is counted in Weeks
	Steps   office.Steps

	Production production
	Files      bool
}

// late is a change that needs somebody, and why.
type late struct {
	Change change.Change
	Why    string
}

func (p Pages) show(v *frame.Visit) error {
	me := string(v.Person.ID)
	b := board{Frame: v.Frame("Home", "/"), Names: map[string]string{}, Files: v.Can(directory.ChangeFile)}
	var err error
	if b.Waiting, err = p.Changes.Waiting(v.Ctx(), me); err != nil {
		return err
	}
	var open []change.Change
	for _, x := range []struct {
		to  *[]change.Change
		ask change.Browse
	}{
		{&b.Running, change.Browse{States: states(change.Implementing), Order: change.Oldest, Limit: shown}},
		{&b.Recent, change.Browse{States: states(change.Closed, change.Rejected, change.Expired), Order: change.Touched, Limit: shown}},
		{&b.Mine, change.Browse{Requester: me, States: states(change.Draft, change.Submitted, change.AwaitingApproval, change.Authorized, change.Scheduled, change.Verifying, change.InReview), Order: change.Touched, Limit: shown}},
		{&open, change.Browse{States: states(change.AwaitingApproval, change.Authorized, change.Scheduled, change.Implementing, change.Verifying, change.InReview), Order: change.Oldest, Limit: 200}},
	} {
		if *x.to, _, err = p.Changes.Page(v.Ctx(), x.ask); err != nil {
			return err
		}
	}
	b.Late = overdue(open, v.Now)
	if b.Drafts, err = p.Own.Drafts(v.Ctx(), me); err != nil {
		return err
	}
	if b.Named, err = p.Changes.Mentions(v.Ctx(), me, shown); err != nil {
		return err
	}
	b.Weeks, b.Whole = p.Changes.Weeks(weeks)
	if b.Production, err = p.production(v); err != nil {
		return err
	}
	if b.Steps, err = office.LoadSteps(v.Ctx(), p.People, p.Changes); err != nil {
		return err
	}
	r, err := p.People.Roster(v.Ctx())
	if err != nil {
		return err
	}
	for _, m := range b.Named {
		b.Names[m.By] = r.Name(directory.PersonID(m.By))
	}
	for _, list := range [][]change.Change{b.Waiting, b.Running, b.Mine, b.Recent, open} {
		for _, c := range list {
			b.Names[c.Requester] = r.Name(directory.PersonID(c.Requester))
		}
	}
	return v.Show(b.Frame, page(b))
}

func states(list ...change.State) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = string(s)
	}
	return out
}

// Spans after which a change that does not move needs somebody.
const (
	longVerify = 3 * 24 * time.Hour
	longReview = 7 * 24 * time.Hour
)

// overdue picks the changes that need somebody now.
func overdue(open []change.Change, now time.Time) []late {
	out := []late{}
	for _, c := range open {
		if why := needs(c, now); why != "" && len(out) < 2*shown {
			out = append(out, late{c, why})
		}
	}
	return out
}

func needs(c change.Change, now time.Time) string {
	b, still := c.Body, now.Sub(time.UnixMicro(c.Updated))
	switch {
	case b.Applied == change.Unknown:
		return "nobody reported how it ended"
	case b.Hold != nil:
		return "on hold: " + b.Hold.Reason
	case b.Expires > 0 && c.State != change.Implementing && c.State != change.Verifying && c.State != change.InReview && time.UnixMicro(b.Expires).Sub(now) < expiry:
		return "its approvals expire " + ui.Ago(time.UnixMicro(b.Expires), now)
	case c.State == change.Verifying && still > longVerify:
		return "waits for verification since " + ui.Span(still)
	case c.State == change.InReview && still > longReview:
		return "waits for its review since " + ui.Span(still)
	}
	return ""
}

// bars turns weeks into columns.
func bars(list []change.Week, pick func(change.Week) ui.Bar) []ui.Bar {
	out := make([]ui.Bar, len(list))
	for i, w := range list {
		out[i] = pick(w)
		out[i].Label = w.Begin.Format("2 Jan")
	}
	return out
}

func filed(w change.Week) ui.Bar { return ui.Bar{Value: w.Filed, Bad: w.Emergency} }
func ran(w change.Week) ui.Bar   { return ui.Bar{Value: w.Executed, Bad: w.Failed} }
func lead(w change.Week) ui.Bar {
	text := "none"
	if w.Lead > 0 {
		text = ui.Span(time.Duration(w.Lead) * time.Second)
	}
	return ui.Bar{Value: w.Lead, Text: text}
}

// sum adds one figure of all weeks up, and gives its share of another in percent.
func sum(list []change.Week, pick, of func(change.Week) int64) (n, percent int64) {
	var all int64
	for _, w := range list {
		n, all = n+pick(w), all+of(w)
	}
	if all > 0 {
		percent = (n*100 + all/2) / all
	}
	return n, percent
}

// lastLead is the newest week's lead time that there is.
func lastLead(list []change.Week) string {
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].Lead > 0 {
			return ui.Span(time.Duration(list[i].Lead) * time.Second)
		}
	}
	return "–"
}

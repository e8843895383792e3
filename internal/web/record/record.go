// Package record holds the page of one change: what it changes and why, what the policy demands, who can
// still decide, and the forms by which people decide.
//
// Read in this order: record.go (the routes), view.go (what a page shows, pure), matter.go (the part that
// is decided upon, and its digest), decide.go (approve and reject), acts.go (the other forms), observed.go
// (what became of it in production), then the templates page.templ, matter.templ and side.templ.
package record

import (
	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/reconcile"
	"plumbline.dev/plumb/internal/web/frame"
	"plumbline.dev/plumb/internal/web/personal"
)

// Pages serves them.
type Pages struct {
	Changes *change.Desk
	People  *directory.Desk
	Own     *personal.Desk // which pages of a plan somebody has read
	Match   *reconcile.Desk

	plans *planCache
}

// New makes the pages.
func New(changes *change.Desk, people *directory.Desk, own *personal.Desk, match *reconcile.Desk) Pages {
	return Pages{Changes: changes, People: people, Own: own, Match: match, plans: newPlanCache()}
}

// Routes is the table of these pages.
func (p Pages) Routes() []frame.Route {
	const at = "/changes/{id}"
	read, file, decide := directory.ChangeRead, directory.ChangeFile, directory.ChangeDecide
	post := func(name string, need directory.Permission, do deed) frame.Route {
		return frame.Route{Method: "POST", Path: at + "/" + name, Need: need, Handle: p.form(name, do)}
	}
	return []frame.Route{
		{Method: "GET", Path: at, Need: read, Handle: p.show},
		{Method: "GET", Path: at + "/print", Need: read, Handle: p.print},
		{Method: "GET", Path: at + "/plan", Need: read, Handle: p.planPage},
		{Method: "POST", Path: at + "/plan", Need: decide, Handle: p.acknowledgePage},
		{Method: "GET", Path: at + "/diff", Need: read, Handle: p.diff},
		{Method: "GET", Path: at + "/files/{digest}", Need: read, Handle: p.download},
		{Method: "GET", Path: at + "/part/{part}", Need: read, Handle: p.part},
		{Method: "GET", Path: at + "/observed", Need: read, Handle: p.observed},
		post("approve", decide, p.approve),
		post("reject", decide, p.reject),
		post("submit", file, p.submit),
		post("withdraw", decide, p.withdraw),
		post("comment", file, p.comment),
		post("hold", decide, p.hold),
		post("release", decide, p.release),
		post("schedule", file, p.schedule),
		post("acknowledge", decide, p.acknowledge),
		post("verify", decide, p.verify),
		post("cancel", file, p.cancel),
		post("close", decide, p.close),
		post("apply", decide, p.apply),
	}
}

func idOf(v *frame.Visit) (change.ID, error) { return change.ParseID(v.R.PathValue("id")) }

func (p Pages) show(v *frame.Visit) error {
	x, err := p.view(v)
	if err != nil {
		return err
	}
	return v.Show(x.F, page(x))
}

// part answers one piece of the page that refreshes itself.
func (p Pages) part(v *frame.Visit) error {
	x, err := p.view(v)
	if err != nil {
		return err
	}
	switch v.R.PathValue("part") {
	case "status":
		return v.Part(status(x))
	case "deciders":
		return v.Part(deciders(x))
	case "runs":
		return v.Part(runs(x))
	case "story":
		return v.Part(story(x))
	case "talk":
		return v.Part(talk(x))
	case "fresh":
		gone := x.moved(v)
		x.Shown.Pieces = v.R.Form["piece"] // what this page showed, for the next time it asks
		return v.Part(fresh(x, v.Value("render"), gone))
	}
	return fault.New(fault.NotFound, "no_page", "There is no such part of the page.").Then("open the change again")
}

func (p Pages) print(v *frame.Visit) error {
	x, err := p.view(v)
	if err != nil {
		return err
	}
	x.Print = true
	x.Rows = x.All
	if x.Events, err = p.everything(v, x.ID()); err != nil {
		return err
	}
	x.F.Width = "reading"
	return v.Show(x.F, printed(x))
}

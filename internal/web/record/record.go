// Package record holds the page of one change: what it changes and why, what the policy demands, who can
// still decide, and the forms by which people decide.
package record

import (
	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/web/frame"
)

// Pages serves them.
type Pages struct {
	Changes *change.Desk
	People  *directory.Desk
}

// Routes is the table of these pages.
func (p Pages) Routes() []frame.Route {
	return []frame.Route{
		{Method: "GET", Path: "/changes/{id}", Need: directory.ChangeRead, Handle: p.show},
		{Method: "POST", Path: "/changes/{id}/approve", Need: directory.ChangeDecide, Handle: p.approve},
	}
}

func (p Pages) show(v *frame.Visit) error {
	id, err := change.ParseID(v.R.PathValue("id"))
	if err != nil {
		return err
	}
	c, err := p.Changes.Show(v.Ctx(), id)
	if err != nil {
		return err
	}
	f := v.Frame(string(id)+" "+c.Material.Summary, "/changes")
	return v.Show(f, page(f, c))
}

func (p Pages) approve(v *frame.Visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	id, err := change.ParseID(v.R.PathValue("id"))
	if err != nil {
		return err
	}
	c, err := p.Changes.Approve(v.Ctx(), v.Actor, id, v.Value("seen"), v.Value("comment"))
	if err != nil {
		return err
	}
	return v.Go("/changes/"+string(id), "Your approval is recorded. The change is "+string(c.State)+".")
}

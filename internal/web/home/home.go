// Package home is the first page: what waits for the reader, what runs now, what is overdue, and the
// figures that matter.
package home

import (
	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/web/frame"
)

// Pages serves it.
type Pages struct {
	Changes *change.Desk
}

// Routes is the table of these pages.
func (p Pages) Routes() []frame.Route {
	return []frame.Route{{Method: "GET", Path: "/{$}", Need: directory.ChangeRead, Handle: p.show}}
}

func (p Pages) show(v *frame.Visit) error {
	waiting, err := p.Changes.Waiting(v.Ctx(), string(v.Person.ID))
	if err != nil {
		return err
	}
	f := v.Frame("Home", "/")
	return v.Show(f, page(f, waiting))
}

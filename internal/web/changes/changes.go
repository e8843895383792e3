// Package changes holds the pages over many changes: the list with its filters, saved views and exports,
// and the calendar of windows and freezes.
package changes

import (
	"strconv"

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
	return []frame.Route{{Method: "GET", Path: "/changes", Need: directory.ChangeRead, Handle: p.list}}
}

// pageSize is how many rows a page of a list has.
const pageSize = 50

func (p Pages) list(v *frame.Visit) error {
	before, _ := strconv.ParseInt(v.Value("before"), 10, 64) // what is no number begins at the newest
	list, err := p.Changes.List(v.Ctx(), change.Filter{Before: before, Limit: pageSize})
	if err != nil {
		return err
	}
	r, err := p.People.Roster(v.Ctx())
	if err != nil {
		return err
	}
	f := v.Frame("Changes", "/changes")
	return v.Show(f, table(f, list, r))
}

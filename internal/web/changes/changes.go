// Package changes holds the pages over many changes: the list with its filters, saved views and exports,
// and the calendar of windows and freezes.
//
// Read in this order: filter.go (what an address asks for), changes.go (the list), export.go,
// calendar.go.
package changes

import (
	"cmp"
	"net/url"
	"slices"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/web/frame"
	"plumbline.dev/plumb/internal/web/personal"
	"plumbline.dev/plumb/internal/web/ui"
)

// Pages serves them.
type Pages struct {
	Changes *change.Desk
	People  *directory.Desk
	Own     *personal.Desk
	Exports frame.Places
}

// Routes is the table of these pages.
func (p Pages) Routes() []frame.Route {
	return []frame.Route{
		{Method: "GET", Path: "/changes", Need: directory.ChangeRead, Handle: p.list},
		{Method: "GET", Path: "/export/changes/{format}", Need: directory.ChangeRead, Handle: p.export},
		{Method: "POST", Path: "/changes/views", Need: directory.TokensOwn, Handle: p.saveView},
		{Method: "POST", Path: "/changes/views/{id}/drop", Need: directory.TokensOwn, Handle: p.dropView},
		{Method: "GET", Path: "/changes/calendar", Need: directory.ChangeRead, Handle: p.calendar},
		{Method: "POST", Path: "/changes/calendar", Need: directory.ChangeDecide, Handle: p.setWindow},
		{Method: "POST", Path: "/changes/calendar/{id}/lift", Need: directory.ChangeDecide, Handle: p.lift},
	}
}

const (
	pageSize = 50 // rows of a list
	viewsOf  = "changes"
)

// list is what the list's page shows.
type list struct {
	Frame   ui.Frame
	Filter  Filter
	Changes []change.Change
	Next    string // address of the next page
	First   string // address of the first page; "" on it
	Names   map[string]string
	Pack    *policy.Pack
	People  []string // names to choose from
	Views   []personal.View
	Current string // the saved view whose filter this is
	Files   bool   // the reader may file changes
}

func (p Pages) list(v *frame.Visit) error {
	r, err := p.People.Roster(v.Ctx())
	if err != nil {
		return err
	}
	f := filterOf(v.R.URL.Query())
	browse, err := f.browse(r, string(v.Person.ID), v.Zone)
	if err != nil {
		return err
	}
	browse.Limit = pageSize
	l := list{Frame: v.Frame("Changes", "/changes"), Filter: f, Names: map[string]string{}, Files: v.Can(directory.ChangeFile)}
	next := ""
	if l.Changes, next, err = p.Changes.Page(v.Ctx(), browse); err != nil {
		return err
	}
	if next != "" {
		l.Next = "/changes?" + f.with("key", next)
	}
	if f.Key != "" {
		l.First = "/changes?" + f.query()
	}
	for _, c := range l.Changes {
		l.Names[c.Requester] = r.Name(directory.PersonID(c.Requester))
	}
	if l.Pack, err = p.Changes.Pack(v.Ctx()); err != nil {
		return err
	}
	if l.Views, err = p.Own.Views(v.Ctx(), string(v.Person.ID), viewsOf); err != nil {
		return err
	}
	if i := slices.IndexFunc(l.Views, func(x personal.View) bool { return x.Query == f.query() }); i >= 0 {
		l.Current = l.Views[i].ID
	}
	l.People = names(r)
	return v.Show(l.Frame, table(l))
}

// names lists the people of the company, by name.
func names(r *directory.Roster) []string {
	out := []string{}
	for _, p := range r.People() {
		out = append(out, r.Name(directory.PersonID(p.ID)))
	}
	slices.SortFunc(out, cmp.Compare)
	return slices.Compact(out)
}

func (p Pages) saveView(v *frame.Visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	query, err := url.ParseQuery(v.Value("query"))
	if err != nil {
		query = url.Values{} // an address that cannot be read filters nothing
	}
	f := filterOf(query)
	if err := p.Own.SaveView(v.Ctx(), v.Actor, viewsOf, v.Value("name"), f.query()); err != nil {
		return err
	}
	return v.Go("/changes?"+f.query(), "The view is saved.")
}

func (p Pages) dropView(v *frame.Visit) error {
	if err := p.Own.DropView(v.Ctx(), v.Actor, v.R.PathValue("id")); err != nil {
		return err
	}
	return v.Go("/changes", "The view is deleted.")
}

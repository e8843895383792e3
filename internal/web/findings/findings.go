// Package findings holds the pages of reconciliation: what production shows that no approved change explains, one
// such finding with all that its answer needs, and the forms by which people answer. It decides nothing: the desk of
// reconciliation does.
//
// Read in this order: findings.go (the routes), filter.go (what an address asks for), list.go, finding.go, answer.go,
// exceptions.go.
package findings

import (
	"slices"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/reconcile"
	"plumbline.dev/plumb/internal/web/frame"
	"plumbline.dev/plumb/internal/web/ui"
)

// Pages serves them.
type Pages struct {
	Match   *reconcile.Desk
	Things  *inventory.Desk
	Changes *change.Desk
	People  *directory.Desk
	Exports frame.Places
}

// Routes is the table of these pages.
func (p Pages) Routes() []frame.Route {
	const read, decide = directory.InventoryRead, directory.ChangeDecide
	return append(p.exceptionRoutes(), []frame.Route{
		{Method: "GET", Path: here, Need: read, Handle: p.list},
		{Method: "GET", Path: here + "/{id}", Need: read, Handle: p.show},
		{Method: "POST", Path: here + "/{id}/adopt", Need: decide, Handle: p.answering("adopt", p.adopt)},
		{Method: "POST", Path: here + "/{id}/revert", Need: decide, Handle: p.answering("revert", p.revert)},
		{Method: "POST", Path: here + "/{id}/waive", Need: decide, Handle: p.answering("waive", p.waive)},
		{Method: "GET", Path: "/export/findings/{format}", Need: read, Handle: p.export},
	}...)
}

// here is the entry of the navigation that these pages belong to.
const here = "/findings"

const pageSize = 50 // rows of a list

// desk is what all these pages show around them.
type desk struct {
	ui.Frame
	Tab string // path of the tab that is shown

	roster *directory.Roster
}

func (p Pages) desk(v *frame.Visit, title, tab string) (desk, error) {
	r, err := p.People.Roster(v.Ctx())
	return desk{Frame: v.Frame(title, here), Tab: tab, roster: r}, err
}

// name gives what an owner or an actor is called: a person's or group's name, or the word that a source used.
func (d desk) name(id string) string {
	if i := slices.IndexFunc(d.roster.Groups(), func(g directory.Group) bool { return string(g.ID) == id }); i >= 0 {
		return d.roster.Groups()[i].Name
	}
	return d.roster.Name(directory.PersonID(id))
}

func findingPath(id string) string { return here + "/" + id }

func assetPath(id inventory.AssetID) string { return "/inventory/" + string(id) }

func changePath(id string) string { return "/changes/" + id }

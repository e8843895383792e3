// Package things holds the pages of the inventory: the list of assets with its filters and exports, one asset with
// where each word about it comes from, what a person has to answer, and the sources with their health. It decides
// nothing: the inventory's desk does.
//
// Read in this order: things.go (the routes), filter.go (what an address asks for), list.go, asset.go, identity.go, sources.go,
// diagrams.go.
package things

import (
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/reconcile"
	"plumbline.dev/plumb/internal/web/frame"
	"plumbline.dev/plumb/internal/web/ui"
)

// Pages serves them.
type Pages struct {
	Things  *inventory.Desk
	Match   *reconcile.Desk
	People  *directory.Desk
	Exports frame.Places
}

// Routes is the table of these pages.
func (p Pages) Routes() []frame.Route {
	const read, manage = directory.InventoryRead, directory.InventoryManage
	return []frame.Route{
		{Method: "GET", Path: "/inventory", Need: read, Handle: p.list},
		{Method: "GET", Path: "/inventory/{id}", Need: read, Handle: p.show},
		{Method: "POST", Path: "/inventory/{id}/labels", Need: manage, Handle: p.label},
		{Method: "POST", Path: "/inventory/{id}/merge", Need: manage, Handle: p.merge},
		{Method: "POST", Path: "/inventory/{id}/split", Need: manage, Handle: p.split},
		{Method: "POST", Path: "/identity/{id}/undo", Need: manage, Handle: p.undo},
		{Method: "GET", Path: "/export/inventory/{format}", Need: read, Handle: p.export},
		{Method: "GET", Path: "/diagrams", Need: read, Handle: p.diagrams},
		{Method: "GET", Path: "/diagrams/{file}", Need: read, Handle: p.draw},
		{Method: "POST", Path: "/diagrams/propose", Need: manage, Handle: p.proposeDiagram},
		{Method: "GET", Path: "/diagrams/of-record/{file}", Need: read, Handle: p.diagramOfRecord},
		{Method: "POST", Path: "/diagrams/of-record/{id}/approve", Need: manage, Handle: p.approveDiagram},
		{Method: "POST", Path: "/diagrams/of-record/{id}/refuse", Need: manage, Handle: p.refuseDiagram},
		{Method: "GET", Path: "/questions", Need: read, Handle: p.questions},
		{Method: "POST", Path: "/questions/{id}/answer", Need: manage, Handle: p.answer},
		{Method: "POST", Path: "/questions/{id}/decide", Need: manage, Handle: p.decide},
		{Method: "GET", Path: "/sources", Need: read, Handle: p.listSources},
		{Method: "GET", Path: "/sources/{name}", Need: read, Handle: p.showSource},
		{Method: "POST", Path: "/sources/{name}/edit", Need: manage, Handle: p.editSource},
		{Method: "POST", Path: "/sources/{name}/pause", Need: manage, Handle: p.pauseSource},
		{Method: "POST", Path: "/sources/{name}/resume", Need: manage, Handle: p.resumeSource},
		{Method: "POST", Path: "/sources/{name}/read", Need: manage, Handle: p.readSource},
		{Method: "POST", Path: "/sources/{name}/remove", Need: manage, Handle: p.removeSource},
		{Method: "GET", Path: "/source-kinds/{kind}", Need: manage, Handle: p.askSource},
		{Method: "POST", Path: "/source-kinds/{kind}", Need: manage, Handle: p.addSource},
	}
}

const pageSize = 50 // rows of a list

// here is the entry of the navigation that these pages belong to.
const here = "/inventory"

// desk is what all pages of the inventory show around them.
type desk struct {
	ui.Frame
	Tab   string // path of the tab that is shown
	May   bool   // may set labels and look after sources
	Names map[string]string

	roster *directory.Roster
}

func (p Pages) desk(v *frame.Visit, title, tab string) (desk, error) {
	r, err := p.People.Roster(v.Ctx())
	if err != nil {
		return desk{}, err
	}
	return desk{Frame: v.Frame(title, here), Tab: tab, May: v.Can(directory.InventoryManage), Names: names(r), roster: r}, nil
}

// names gives what people and groups are called, by id.
func names(r *directory.Roster) map[string]string {
	out := map[string]string{}
	for _, p := range r.People() {
		out[p.ID] = r.Name(directory.PersonID(p.ID))
	}
	for _, g := range r.Groups() {
		out[string(g.ID)] = g.Name
	}
	return out
}

// name gives what an owner or an actor is called: a person's or group's name, or the word that a source used.
func (d desk) name(id string) string {
	if n := d.Names[id]; n != "" {
		return n
	}
	return id
}

// Campaigns is where the pages of campaigns begin.
const Campaigns = "/campaigns"

// Tabs are the parts of the inventory.
func Tabs() []ui.Link {
	return []ui.Link{{Text: "Assets", Path: here}, {Text: "Sources", Path: "/sources"}, {Text: "Questions", Path: "/questions"}, {Text: "Diagrams", Path: "/diagrams"},
		{Text: "Campaigns", Path: Campaigns}}
}

func assetPath(id inventory.AssetID) string { return here + "/" + string(id) }

func sourcePath(name string) string { return "/sources/" + name }

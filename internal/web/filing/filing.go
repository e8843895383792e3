// Package filing holds the pages on which people ask for a change: the choice of what kind it is, one form
// that asks only what that kind needs, what the policy would ask before anybody is asked, drafts, and the
// form for evidence. It decides nothing: the desks do, again, when the form is sent.
//
// Read in this order: filing.go (the routes), typed.go and wording.go (the form as text, and as a wording),
// intake.go (uploads and pastes), recognise.go, new.go and edit.go (the handlers), sheet.go (what the
// templates show).
package filing

import (
	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/web/frame"
	"plumbline.dev/plumb/internal/web/personal"
)

// Pages serves them.
type Pages struct {
	changes *change.Desk
	people  *directory.Desk
	own     *personal.Desk
	large   chan struct{} // one place for each large upload that is being taken
}

// New makes the pages.
func New(changes *change.Desk, people *directory.Desk, own *personal.Desk) Pages {
	return Pages{changes, people, own, make(chan struct{}, maxLarge)}
}

// Limits of what is sent with a form.
const (
	maxBody  = 256 << 20 // of one request
	maxText  = 8 << 20   // of all typed fields together, a pasted plan among them
	maxLarge = 8         // uploads above largeBody at once
	maxFiles = 50        // of one request
	maxNames = 200       // suggestions of one list
	maxTyped = 64 << 10  // of one field that is kept with a draft

	largeBody = 4 << 20
)

// Routes is the table of these pages.
func (p Pages) Routes() []frame.Route {
	return []frame.Route{
		{Method: "GET", Path: "/changes/new", Need: directory.ChangeFile, Handle: p.begin},
		{Method: "POST", Path: "/changes/new", Need: directory.ChangeFile, Body: maxBody, Handle: p.sendNew},
		{Method: "POST", Path: "/changes/new/preview", Need: directory.ChangeFile, Handle: p.preview},
		{Method: "POST", Path: "/changes/new/draft", Need: directory.ChangeFile, Handle: p.autosave},
		{Method: "POST", Path: "/changes/new/drop", Need: directory.ChangeFile, Handle: p.dropDraft},
		{Method: "GET", Path: "/changes/{id}/edit", Need: directory.ChangeFile, Handle: p.edit},
		{Method: "POST", Path: "/changes/{id}/edit", Need: directory.ChangeFile, Body: maxBody, Handle: p.sendEdit},
		{Method: "GET", Path: "/changes/{id}/evidence", Need: directory.EvidenceAdd, Handle: p.askEvidence},
		{Method: "POST", Path: "/changes/{id}/evidence", Need: directory.EvidenceAdd, Body: maxBody, Handle: p.takeEvidence},
		{Method: "GET", Path: "/people/names", Need: directory.PeopleRead, Handle: p.names},
	}
}

// Package office holds the pages by which a company looks after its server: people, groups, roles, service
// accounts, tokens, keys, sessions, webhooks, the server's jobs and settings; each person's own profile;
// the help, and the page that shows all components. It decides nothing: the desks do.
//
// Read in this order: office.go (the routes), people.go, person.go,
// groups.go, roles.go, services.go, access.go (tokens and sessions), machine.go (keys, webhooks, jobs,
// settings), profile.go, help.go, steps.go (the first steps on an empty server).
package office

import (
	"context"
	"time"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/web/frame"
	"plumbline.dev/plumb/internal/web/personal"
	"plumbline.dev/plumb/internal/web/ui"
)

// Pages serves them.
type Pages struct {
	People  *directory.Desk
	Changes *change.Desk
	Log     *ledger.Log
	Own     *personal.Desk
	Hooks   Hooks
	State   func(context.Context) ([]Job, error)                          // what the server's jobs last did
	Install string                                                        // id of this install
	Permits *seal.Key                                                     // the public half is shown
	URL     string                                                        // where people reach this server
	Source  func(ctx context.Context, name string) (id string, err error) // finds a source that a token may send documents to
	Sample  string                                                        // folder of the demo that this server belongs to; "" for a real one
}

// Hooks keeps the webhooks of this install. It may be called concurrently; what it takes is durable on
// return. Make, End and Replay refuse who may not manage webhooks.
type Hooks interface {
	List(ctx context.Context) ([]Hook, error)
	Make(ctx context.Context, who fault.Actor, url string, verbs []string) (secret string, err error)
	End(ctx context.Context, who fault.Actor, id string) error
	Replay(ctx context.Context, who fault.Actor, id string, from int64) error
	Deliveries(ctx context.Context, id string, before int64, limit int) ([]Delivery, error)
}

// Hook is one webhook that works. Instants are microseconds, here and below.
type Hook struct {
	ID, URL string
	Verbs   []string // which events; empty for all
	Person  string   // who made it
	Created int64
}

// Delivery is what became of one event at one webhook.
type Delivery struct {
	Seq     int64  // of the event
	State   string // delivered, waiting or given_up
	Tries   int64
	Next    int64 // instant of the next try; 0 for none
	Status  int64 // HTTP status of the newest answer; 0 for none
	Problem string
	At      int64
}

// Job is what one of the server's loops last did.
type Job struct {
	Name, What, State string
	Every             time.Duration // 0 for when something happens
	At                int64         // end of the last round; 0 before the first
	Took              time.Duration
	Backlog           int64
	Failed            int64 // the last round that failed; 0 for none since the start
	Problem           string
}

// once lets the use-case that takes this form run once, however often a browser sends it.
func once(v *frame.Visit) (context.Context, *personal.Sent) {
	return personal.Once(v.Ctx(), v.Actor, v.Value(ui.OnceField), v.Wording())
}

// lost is what a page says about a secret that was shown with the first answer to a form.
const lost = personal.Twice + " What it made was shown with the first answer, and is kept nowhere"

// pageSize is how many rows a page of a list has.
const pageSize = 50

// Routes is the table of these pages.
func (p Pages) Routes() []frame.Route {
	var all []frame.Route
	for _, part := range [][]frame.Route{p.peopleRoutes(), p.groupRoutes(), p.accessRoutes(), p.machineRoutes(), p.ownRoutes()} {
		all = append(all, part...)
	}
	return all
}

func (p Pages) peopleRoutes() []frame.Route {
	const read, manage = directory.PeopleRead, directory.PeopleManage
	return []frame.Route{
		{Method: "GET", Path: "/admin", Need: read, Handle: func(v *frame.Visit) error { return v.Go("/admin/people", "") }},
		{Method: "GET", Path: "/admin/people", Need: read, Handle: p.listPeople},
		{Method: "GET", Path: "/admin/people/new", Need: manage, Handle: p.askPerson},
		{Method: "POST", Path: "/admin/people/new", Need: manage, Handle: p.addPerson},
		{Method: "GET", Path: "/admin/people/{id}", Need: read, Handle: p.showPerson},
		{Method: "GET", Path: "/admin/people/{id}/edit", Need: manage, Handle: p.askEdit},
		{Method: "POST", Path: "/admin/people/{id}/edit", Need: manage, Handle: p.editPerson},
		{Method: "POST", Path: "/admin/people/{id}/disable", Need: manage, Handle: p.disablePerson},
		{Method: "POST", Path: "/admin/people/{id}/enable", Need: manage, Handle: p.enablePerson},
		{Method: "POST", Path: "/admin/people/{id}/account", Need: manage, Handle: p.addAccount},
		{Method: "POST", Path: "/admin/people/{id}/sessions/end", Need: directory.TokensManage, Handle: p.endSessions},
		{Method: "POST", Path: "/admin/people/{id}/account/{account}/reset", Need: manage, Handle: p.resetPassword},
		{Method: "POST", Path: "/admin/people/{id}/account/{account}/vouch", Need: manage, Handle: p.vouch},
		{Method: "POST", Path: "/admin/people/{id}/account/{account}/end", Need: manage, Handle: p.endAccount},
		{Method: "GET", Path: "/admin/roles", Need: read, Handle: p.showRoles},
		{Method: "POST", Path: "/admin/roles/grant", Need: manage, Handle: p.grantRole},
		{Method: "POST", Path: "/admin/roles/revoke", Need: manage, Handle: p.revokeRole},
	}
}

func (p Pages) groupRoutes() []frame.Route {
	const read, manage = directory.PeopleRead, directory.PeopleManage
	return []frame.Route{
		{Method: "GET", Path: "/admin/groups", Need: read, Handle: p.listGroups},
		{Method: "POST", Path: "/admin/groups", Need: manage, Handle: p.addGroup},
		{Method: "GET", Path: "/admin/groups/{id}", Need: read, Handle: p.showGroup},
		{Method: "POST", Path: "/admin/groups/{id}/join", Need: manage, Handle: p.joinGroup},
		{Method: "POST", Path: "/admin/groups/{id}/leave", Need: manage, Handle: p.leaveGroup},
		{Method: "POST", Path: "/admin/groups/{id}/drop", Need: manage, Handle: p.dropGroup},
		{Method: "GET", Path: "/admin/services", Need: read, Handle: p.listServices},
		{Method: "POST", Path: "/admin/services", Need: manage, Handle: p.addService},
		{Method: "GET", Path: "/admin/services/{id}", Need: read, Handle: p.showService},
		{Method: "POST", Path: "/admin/services/{id}/edit", Need: manage, Handle: p.editService},
		{Method: "POST", Path: "/admin/services/{id}/owner", Need: manage, Handle: p.moveService},
		{Method: "POST", Path: "/admin/services/{id}/end", Need: manage, Handle: p.endService},
	}
}

func (p Pages) accessRoutes() []frame.Route {
	return []frame.Route{
		{Method: "GET", Path: "/admin/tokens", Need: directory.OfficeRead, Handle: p.listTokens},
		{Method: "POST", Path: "/admin/tokens/{id}/revoke", Need: directory.TokensManage, Handle: p.revokeToken},
		{Method: "GET", Path: "/admin/sessions", Need: directory.OfficeRead, Handle: p.listSessions},
		{Method: "POST", Path: "/admin/sessions/{id}/end", Need: directory.TokensManage, Handle: p.endSession},
	}
}

func (p Pages) machineRoutes() []frame.Route {
	const hooks = directory.WebhooksManage
	return []frame.Route{
		{Method: "GET", Path: "/admin/keys", Need: directory.LedgerRead, Handle: p.showKeys},
		{Method: "GET", Path: "/admin/webhooks", Need: directory.OfficeRead, Handle: p.listHooks},
		{Method: "POST", Path: "/admin/webhooks", Need: hooks, Handle: p.addHook},
		{Method: "GET", Path: "/admin/webhooks/{id}", Need: directory.OfficeRead, Handle: p.showHook},
		{Method: "POST", Path: "/admin/webhooks/{id}/end", Need: hooks, Handle: p.endHook},
		{Method: "POST", Path: "/admin/webhooks/{id}/replay", Need: hooks, Handle: p.replayHook},
		{Method: "GET", Path: "/admin/jobs", Need: directory.OfficeRead, Handle: p.showJobs},
		{Method: "GET", Path: "/admin/settings", Need: directory.PeopleRead, Handle: p.askSettings},
		{Method: "POST", Path: "/admin/settings", Need: directory.InstallManage, Handle: p.saveSettings},
	}
}

func (p Pages) ownRoutes() []frame.Route {
	const own = directory.TokensOwn
	return []frame.Route{
		{Method: "GET", Path: "/profile", Need: own, Handle: p.profile},
		{Method: "POST", Path: "/profile/preferences", Need: own, Handle: p.savePreferences},
		{Method: "POST", Path: "/profile/away", Need: own, Handle: p.saveAway},
		{Method: "POST", Path: "/profile/back", Need: own, Handle: p.dropAway},
		{Method: "POST", Path: "/profile/password", Need: own, Handle: p.changePassword},
		{Method: "POST", Path: "/profile/tokens", Need: own, Handle: p.makeToken},
		{Method: "POST", Path: "/profile/tokens/{id}/revoke", Need: own, Handle: p.revokeOwnToken},
		{Method: "POST", Path: "/profile/sessions/end", Need: own, Handle: p.endOtherSessions},
		{Method: "POST", Path: "/profile/sessions/{id}/end", Need: own, Handle: p.endOwnSession},
		{Method: "GET", Path: "/help", Need: directory.ChangeRead, Handle: p.help},
		{Method: "GET", Path: "/design", Need: directory.ChangeRead, Handle: p.design},
	}
}

// tabs are the parts of the administration that the reader may see.
func tabs(v *frame.Visit) []ui.Link {
	out := []ui.Link{}
	for _, t := range []struct {
		text, path string
		need       directory.Permission
	}{
		{"People", "/admin/people", directory.PeopleRead}, {"Roles", "/admin/roles", directory.PeopleRead}, {"Groups", "/admin/groups", directory.PeopleRead},
		{"Service accounts", "/admin/services", directory.PeopleRead}, {"Tokens", "/admin/tokens", directory.OfficeRead},
		{"Sessions", "/admin/sessions", directory.OfficeRead}, {"Webhooks", "/admin/webhooks", directory.OfficeRead},
		{"Jobs", "/admin/jobs", directory.OfficeRead}, {"Keys", "/admin/keys", directory.LedgerRead}, {"Settings", "/admin/settings", directory.PeopleRead},
	} {
		if v.Can(t.need) {
			out = append(out, ui.Link{Text: t.text, Path: t.path})
		}
	}
	return out
}

// desk is what all pages of the administration show around them.
type desk struct {
	ui.Frame
	Tab         string // path of the tab that is shown
	Tabs        []ui.Link
	MayPeople   bool // may manage people
	MayTokens   bool // may end others' sessions and tokens
	MayHooks    bool // may manage webhooks
	MaySettings bool // may change the settings
	MayFile     bool // may file the change that an act needs
	Auditor     bool // reads all of it and changes nothing
	Me          directory.PersonID
}

func (p Pages) desk(v *frame.Visit, title, tab string) desk {
	d := desk{Frame: v.Frame(title, "/admin"), Tab: tab, Tabs: tabs(v), MayPeople: v.Can(directory.PeopleManage), MayTokens: v.Can(directory.TokensManage),
		MayHooks: v.Can(directory.WebhooksManage), MaySettings: v.Can(directory.InstallManage), MayFile: v.Can(directory.ChangeFile), Me: v.Person.ID}
	d.Auditor = v.Can(directory.OfficeRead) && !d.MayTokens
	return d
}

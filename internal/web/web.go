// Package web is Plumbline's pages: server-rendered, on the same desks as the API, usable without
// scripts. This package only puts them together.
//
// Read in this order: web.go (which pages there are), frame (what stands before each), ui (how they
// look), then any of the folders beside them: entrance, home, changes, record, things,
// findings.
package web

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"sync/atomic"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/prove"
	"plumbline.dev/plumb/internal/reconcile"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/web/campaigns"
	"plumbline.dev/plumb/internal/web/changes"
	"plumbline.dev/plumb/internal/web/entrance"
	"plumbline.dev/plumb/internal/web/filing"
	"plumbline.dev/plumb/internal/web/findings"
	"plumbline.dev/plumb/internal/web/frame"
	"plumbline.dev/plumb/internal/web/home"
	"plumbline.dev/plumb/internal/web/log"
	"plumbline.dev/plumb/internal/web/office"
	"plumbline.dev/plumb/internal/web/personal"
	"plumbline.dev/plumb/internal/web/record"
	"plumbline.dev/plumb/internal/web/rulebook"
	"plumbline.dev/plumb/internal/web/search"
	"plumbline.dev/plumb/internal/web/things"
	"plumbline.dev/plumb/internal/web/ui"
)

// Config wires the pages.
type Config struct {
	DB      *db.DB
	Log     *ledger.Log
	People  *directory.Desk
	Changes *change.Desk
	Things  *inventory.Desk
	Match   *reconcile.Desk
	Keeper  frame.Keeper
	Address func(*http.Request) netip.Addr
	URL     string
	Live    *frame.Live
	Reports *atomic.Int64 // counts what browsers report that the content policy had to stop
	Install string        // id of this install
	Permits *seal.Key
	Hooks   office.Hooks
	State   func(context.Context) ([]office.Job, error)
	Sample  string       // folder of the demo that this server belongs to; "" for a real one
	Source  prove.Source // evidence packs are written from it
	Temp    string       // folder for them while they are written; "" for the system's
	Version string
	Logger  *slog.Logger
}

// nav is the main navigation.
var nav = []ui.Link{
	{Text: "Home", Path: "/", Key: "g h"},
	{Text: "Changes", Path: "/changes", Key: "g c"},
	{Text: "Inventory", Path: "/inventory", Key: "g i"},
	{Text: "Findings", Path: "/findings", Key: "g f"},
	{Text: "Policy", Path: "/policy", Key: "g p"},
	{Text: "Ledger", Path: "/ledger", Key: "g l"},
	{Text: "Administration", Path: "/admin", Key: "g a"},
}

// menu is what stands under a person's name.
var menu = []ui.Link{
	{Text: "Your profile", Path: "/profile"},
	{Text: "Keys and help", Path: "/help"},
}

// New builds the handler of all pages. It fails when a page declares no permission.
func New(c Config) (http.Handler, error) {
	own := personal.New(c.DB)
	prefs := func(ctx context.Context, person string) (frame.Prefs, error) {
		p, err := own.Preference(ctx, person)
		return frame.Prefs(p), err
	}
	f, err := frame.New(frame.Config{Prefs: prefs, People: c.People, Keeper: c.Keeper, Address: c.Address, Now: c.DB.Now, URL: c.URL, Live: c.Live, Reports: c.Reports,
		Nav: nav, Menu: menu, Version: c.Version, Logger: c.Logger},
		tables(c, own)...)
	if err != nil {
		return nil, fmt.Errorf("make pages: %w", err)
	}
	return f.Handler()
}

// tables are the pages of each folder.
func tables(c Config, own *personal.Desk) [][]frame.Route {
	exports := make(frame.Places, frame.Exports)
	return [][]frame.Route{
		entrance.Pages{People: c.People, Changes: c.Changes, URL: c.URL}.Routes(),
		home.Pages{Changes: c.Changes, People: c.People, Own: own, Match: c.Match, Things: c.Things}.Routes(),
		changes.Pages{Changes: c.Changes, People: c.People, Own: own, Exports: exports}.Routes(),
		search.Pages{Changes: c.Changes, People: c.People, Things: c.Things, Match: c.Match}.Routes(),
		filing.New(c.Changes, c.People, own).Routes(),
		record.New(c.Changes, c.People, own, c.Match).Routes(),
		things.Pages{Things: c.Things, Match: c.Match, People: c.People, Exports: exports}.Routes(),
		findings.Pages{Match: c.Match, Things: c.Things, Changes: c.Changes, People: c.People, Exports: exports}.Routes(),
		campaigns.Pages{Things: c.Things, People: c.People, Exports: exports}.Routes(),
		rulebook.Pages{Changes: c.Changes}.Routes(),
		log.Pages{DB: c.DB, Log: c.Log, People: c.People, Source: c.Source, Temp: c.Temp, Exports: exports}.Routes(),
		office.Pages{People: c.People, Changes: c.Changes, Log: c.Log, Own: own, Hooks: c.Hooks, State: c.State, Source: c.sourceID, Install: c.Install,
			Permits: c.Permits, URL: c.URL, Sample: c.Sample}.Routes(),
	}
}

// Routes lists every page that there is, with what each needs. Without desks behind them none can be asked.
func Routes() []frame.Route { return slices.Concat(tables(Config{}, nil)...) }

// sourceID finds a source by its name or id.
func (c Config) sourceID(ctx context.Context, name string) (string, error) {
	s, err := c.Things.SourceOf(ctx, name)
	return s.ID, err
}

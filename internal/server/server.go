// Package server wires Plumbline together, top to bottom: the data folder, the keys, the desks, the API,
// and the loops that make what time makes due. It holds no rule.
//
// Read in this order: config.go (the one table of settings), server.go (the wiring), run.go (what runs
// and how it ends), keys.go, setupcode.go, disk.go.
package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"

	"plumbline.dev/plumb/internal/api"
	"plumbline.dev/plumb/internal/blob"
	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/connect/jupiterone"
	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/fleet"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/prove"
	"plumbline.dev/plumb/internal/reconcile"
	"plumbline.dev/plumb/internal/web"
	"plumbline.dev/plumb/internal/web/frame"
)

// Server is one wired server. Open makes it, Run runs it until its context ends; it is used once.
type Server struct {
	cfg      Config
	log      *slog.Logger
	url      string
	keys     keys
	listener net.Listener
	db       *db.DB
	ledger   *ledger.Log
	people   *directory.Desk
	blobs    *blob.Folder
	changes  *change.Desk
	fleet    *fleet.Desk
	things   *inventory.Desk
	match    *reconcile.Desk
	refused  *ledger.Counter
	api      *api.API
	live     *frame.Live
	pages    http.Handler
	disk     *disk
	http     *http.Server
	opened   []io.Closer  // in the order of opening; closed backwards
	asked    atomic.Int64 // requests of the API so far
	reports  atomic.Int64 // of browsers that a page broke its content policy
	rounds   rounds       // of the jobs
}

// ledgerOrigin is what stands before the install id in the first line of every checkpoint.
const ledgerOrigin = "plumbline.dev/"

// Open checks the settings and opens everything: after it the port is bound, and nothing runs yet. A
// failed Open leaves nothing open.
func Open(ctx context.Context, cfg Config) (*Server, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, log: cfg.logger()}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *Server) open(ctx context.Context) (err error) {
	c := s.cfg
	if err = os.MkdirAll(c.Data, 0o700); err != nil {
		return fmt.Errorf("make data folder: %w", err)
	}
	if s.keys, err = openKeys(c.Data); err != nil {
		return err
	}
	s.disk = &disk{dir: c.Data, bytes: int64(c.Ballast) << 20, log: s.log}
	if s.db, err = db.Open(ctx, db.Config{Dir: c.Data, URL: c.Database, Schema: c.Schema, Clock: c.Clock, Log: s.log}); err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	s.opened = append(s.opened, s.db)
	if s.ledger, err = ledger.Open(ctx, s.db, s.keys.ledger, ledgerOrigin+s.keys.install, s.log); err != nil {
		return fmt.Errorf("open ledger: %w", err)
	}
	if s.blobs, err = blob.Open(filepath.Join(c.Data, "documents")); err != nil {
		return fmt.Errorf("open documents: %w", err)
	}
	s.opened = append(s.opened, s.blobs)
	if s.listener, s.url, err = c.bind(); err != nil {
		return err
	}
	s.opened = append(s.opened, s.listener)
	return s.wire(ctx)
}

// wire puts the desks and the API together.
func (s *Server) wire(ctx context.Context) (err error) {
	s.people = directory.New(s.db, s.keys.root)
	if s.cfg.HashCheaply {
		s.people.HashCheaply()
	}
	s.fleet = fleet.New(s.db, s.people)
	s.things = s.inventory()
	s.changes = change.New(change.Config{DB: s.db, Log: s.ledger, People: s.people, Blobs: s.blobs, Key: s.keys.permit,
		Install: s.keys.install, URL: s.url, OnSetUp: s.forgetCode, Things: targets{},
		Seen: func(tx *db.Tx, id change.ID) error { return s.match.Seen(tx, id) }})
	s.people.Wire(directory.Hooks{Roles: s.changes.Roles, OnDisabled: s.changes.Disabled, Staffed: s.changes.Staffed})
	s.things.Wire(approvals{s.changes})
	s.match = reconcile.New(reconcile.Deps{DB: s.db, People: s.people, Changes: s.changes, Blobs: s.blobs, Log: s.log})
	s.refused = ledger.NewCounter(s.db)
	source := prove.Source{DB: s.db, Log: s.ledger, People: s.people, Blobs: s.blobs, Key: s.keys.permit, Install: s.keys.install}
	temp := filepath.Join(s.cfg.Data, "documents", "tmp")
	figures := api.NewMetrics()
	s.api, err = api.New(api.Config{DB: s.db, Log: s.ledger, People: s.people, Changes: s.changes, Things: s.things, Fleet: s.fleet, Match: s.match, Refused: s.refused,
		Install: s.keys.install, Permits: s.keys.permit, Root: s.keys.root, URL: s.url, Proxied: s.cfg.BehindProxy,
		Limits: api.Limits{Principal: s.cfg.AccountRate, Stranger: s.cfg.StrangerRate}, Egress: s.cfg.WebhookAllow,
		Entities: jupiterone.Export, Source: source, Temp: temp, Writable: s.disk.writable, Metrics: figures, Logger: s.log})
	if err != nil {
		return err
	}
	s.live = frame.NewLive(s.db)
	s.pages, err = web.New(web.Config{DB: s.db, Log: s.ledger, People: s.people, Changes: s.changes, Things: s.things, Match: s.match,
		Keeper: s.api.Surface(), Address: s.api.Address, URL: s.url, Live: s.live, Reports: &s.reports, Install: s.keys.install, Permits: s.keys.permit,
		Hooks: hooks{s.api.Webhooks()}, State: s.state, Sample: s.sample(), Source: source, Temp: temp, Version: s.cfg.Build, Logger: s.log})
	if err != nil {
		return err
	}
	if err := s.same(ctx); err != nil {
		return err
	}
	s.http = s.cfg.server(s.handler(figures), s.log)
	return s.offerCode(ctx)
}

// same refuses a data folder and a database that do not belong together: signing on would make two
// histories out of one.
func (s *Server) same(ctx context.Context) error {
	wrong := fault.New(fault.Invalid, "wrong_keys", "The keys in the data folder are not those that this database was written with.").
		FixedBy("the operator of the server").Then("restore %s from the backup of this database", filepath.Join(s.cfg.Data, "keys"))
	if _, err := s.ledger.Newest(ctx); err != nil && !fault.Is(err, "no_checkpoint") {
		return wrong.From(err)
	}
	i, err := s.people.Install(ctx)
	switch {
	case fault.Is(err, "not_set_up"):
		return nil
	case err != nil:
		return err
	case i.ID != s.keys.install:
		return wrong
	}
	return nil
}

// URL is where the server answers.
func (s *Server) URL() string { return s.url }

// close closes what was opened, backwards.
func (s *Server) close() error {
	var errs []error
	for i := len(s.opened) - 1; i >= 0; i-- {
		if err := s.opened[i].Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	s.opened = nil
	return errors.Join(errs...)
}

func (c Config) logger() *slog.Logger {
	if c.Logger != nil {
		return c.Logger
	}
	if c.Terminal == nil {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(c.Terminal, &slog.HandlerOptions{Level: c.LogLevel}))
}

// Package api is Plumbline over HTTP: JSON with an OpenAPI description, problems for refusals, and
// webhooks out. It recognises who asks, refuses what no route declares, and calls the desks below; it
// decides nothing about changes or people itself.
//
// Read in this order: routes.go (the one table of routes), route.go (how a route is bound), guard.go
// (what stands before every handler), repeat.go (idempotency keys), then any handler.
package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/fleet"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/prove"
	"plumbline.dev/plumb/internal/reconcile"
	"plumbline.dev/plumb/internal/seal"
)

// Config wires an API.
type Config struct {
	DB       *db.DB
	Log      *ledger.Log
	People   *directory.Desk
	Changes  *change.Desk
	Things   *inventory.Desk
	Fleet    *fleet.Desk
	Match    *reconcile.Desk
	Refused  *ledger.Counter                                               // counts what strangers sent
	Entities func([]inventory.Asset, []inventory.Relation) ([]byte, error) // writes assets as another inventory's document
	Source   prove.Source                                                  // evidence packs are written from it
	Temp     string                                                        // folder for them while they are written; "" for the system's
	Install  string                                                        // install id
	Permits  *seal.Key                                                     // the public half is shown
	Root     []byte                                                        // 32 bytes; seals webhook secrets and kept answers at rest
	URL      string                                                        // where people reach this server
	Proxied  bool                                                          // a proxy of ours stands before this server; its last word on the client's address counts
	Limits   Limits
	Egress   []netip.Prefix // private networks that webhooks may reach
	Ready    func(context.Context) error
	Writable func() error // refuses writes while the disk has no room; nil never does
	Metrics  *Metrics
	Logger   *slog.Logger // nil means silent
}

// API answers HTTP. It is safe for concurrent use.
type API struct {
	Config
	huma     huma.API
	registry huma.Registry
	routes   *router
	handler  http.Handler
	hooks    *Webhooks
	limits   *limiter
	denials  *denials
	moved    *bell
	turns    turns
	uploads  uploads
	files    chan struct{} // one for each file of many rows that is being written
	unfilled []string      // routes with parameters that nobody would fill in
	stop     chan struct{} // closed when the server stops: who waits is answered at once

	describeOnce sync.Once
	description  []byte
	page         []byte
	describeErr  error
}

// Base is the path below which the API lives.
const Base = "/api/v1"

// New builds the API with every route of the table. It fails when a handler has no declared permission.
func New(c Config) (*API, error) { return build(c, routes()) }

func build(c Config, table []Route) (*API, error) {
	useProblems()
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Metrics == nil {
		c.Metrics = NewMetrics()
	}
	a := &API{Config: c, limits: newLimiter(c.Limits), denials: newDenials(), moved: newBell(), files: make(chan struct{}, maxFiles),
		turns: turns{busy: map[string]chan struct{}{}}, stop: make(chan struct{})}
	a.routes = &router{api: a, mux: http.NewServeMux(), table: map[string]*Route{}, bound: map[string]bool{}}
	a.registry = huma.NewMapRegistry("#/components/schemas/", schemaName)
	format := huma.Format{Marshal: marshal, Unmarshal: unmarshal}
	a.huma = huma.NewAPI(huma.Config{
		OpenAPI: &huma.OpenAPI{OpenAPI: "3.1.0", Info: &huma.Info{Title: "Plumbline", Version: "v1", Description: intro},
			Components: &huma.Components{Schemas: a.registry, SecuritySchemes: map[string]*huma.SecurityScheme{
				"bearer": {Type: "http", Scheme: "bearer", Description: "a session of plumb login, or an API token"}}}},
		Formats:                      map[string]huma.Format{"application/json": format, "json": format}, // "json": what ends in +json
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
	}, humago.NewAdapter(a.routes, ""))
	a.hooks = newWebhooks(a)
	if err := a.register(table); err != nil {
		return nil, err
	}
	if len(a.unfilled) > 0 {
		return nil, fmt.Errorf("routes with parameters that are never filled in, in a part without a capital: %v", a.unfilled)
	}
	a.openDocs()
	a.handler = a.front()
	c.DB.OnCommit(a.moved.ring)
	c.DB.OnDenied(a.recordDenial)
	return a, nil
}

// ServeHTTP answers one request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.handler.ServeHTTP(w, r) }

// Stop answers everybody who waits on purpose; call it once, when the server begins to stop.
func (a *API) Stop() { close(a.stop) }

// Sweep forgets idempotency keys, deliveries and sessions that are too old to be asked for again. The server
// calls it every hour.
func (a *API) Sweep(ctx context.Context) error {
	err := a.DB.Update(ctx, fault.SystemActor("sweep"), func(tx *db.Tx) error {
		return errors.Join(forgetKept(tx, tx.Now().Add(-keptFor)), forgetDeliveries(tx, tx.Now().Add(-keepsFor)))
	})
	return errors.Join(err, a.People.ForgetSessions(ctx))
}

// Webhooks gives the desk whose loop the server runs.
func (a *API) Webhooks() *Webhooks { return a.hooks }

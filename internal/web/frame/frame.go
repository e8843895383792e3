// Package frame stands before and around every page: it recognises the session in the cookie, refuses
// what no route declares, turns refusals into pages that say who can mend them, and carries what all
// pages share. It decides nothing about changes or people.
//
// Read in this order: frame.go (the routes and what stands before them), visit.go (one request and its
// answers), cookie.go, refusal.templ, live.go.
package frame

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/klauspost/compress/gzhttp"

	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/web/ui"
)

// Route is one row of a table of pages. A route without a Need that is not Open is a mistake, and the
// server does not start with it.
type Route struct {
	Method string
	Path   string               // pattern of the standard mux, with {names}
	Need   directory.Permission // what the reader must be allowed
	Open   bool                 // anybody may ask, without a name
	Body   int64                // largest body in bytes; 0 for 1 MiB
	Handle func(*Visit) error
}

// Keeper holds the limits and records the denials of all surfaces in one place.
type Keeper interface {
	Stranger(from netip.Addr) error
	Known(from netip.Addr) error
	Failed(from netip.Addr)
	Enter(ctx context.Context, actor fault.Actor, writes bool) (context.Context, error)
	Refuse(ctx context.Context, err error) error
}

// Config wires the frame.
type Config struct {
	People  *directory.Desk
	Keeper  Keeper
	Address func(*http.Request) netip.Addr // of the client, as the server trusts it
	Now     func() time.Time
	URL     string // where people reach this server; https there makes cookies secure
	Live    *Live
	Nav     []ui.Link
	Menu    []ui.Link
	Version string
	Reports *atomic.Int64                                           // counts what browsers report that the content policy had to stop
	Prefs   func(ctx context.Context, person string) (Prefs, error) // how a person likes pages
	Logger  *slog.Logger
}

// Prefs are what a person set for the pages they see.
type Prefs struct {
	Zone  string // IANA name; "" for the company's
	Theme string // light, dark or ""
}

// Frame answers pages.
type Frame struct {
	Config
	mux *http.ServeMux
}

// maxForm is the largest body of a page's form, unless its route says more.
const maxForm = 1 << 20

// New builds a handler out of tables of routes. It fails when one declares no permission, declares it
// twice or has no handler (trust model 44: deny by default).
func New(c Config, tables ...[]Route) (*Frame, error) {
	f := &Frame{Config: c, mux: http.NewServeMux()}
	known := map[directory.Permission]bool{}
	for _, p := range directory.Permissions() {
		known[p] = true
	}
	seen := map[string]bool{}
	for _, table := range tables {
		for _, r := range table {
			pattern := r.Method + " " + r.Path
			switch {
			case r.Handle == nil:
				return nil, fmt.Errorf("web: the page %s has no handler", pattern)
			case r.Open == (r.Need != ""):
				return nil, fmt.Errorf("web: the page %s declares no permission; the server does not start", pattern)
			case !r.Open && !known[r.Need]:
				return nil, fmt.Errorf("web: the page %s needs %q, which is no permission", pattern, r.Need)
			case seen[pattern]:
				return nil, fmt.Errorf("web: the page %s is declared twice", pattern)
			}
			seen[pattern] = true
			f.mux.Handle(pattern, f.serve(r))
		}
	}
	if c.Live != nil {
		f.mux.Handle("GET /live", f.serve(Route{Method: "GET", Path: "/live", Need: directory.ChangeRead, Handle: c.Live.Serve}))
	}
	f.mux.Handle("POST /csp", f.serve(Route{Method: "POST", Path: "/csp", Open: true, Body: maxReport, Handle: f.broken}))
	f.mux.HandleFunc("GET /assets/", ui.Assets)
	f.mux.HandleFunc("/", f.astray)
	return f, nil
}

// Handler is the frame with what stands before all pages: safe headers, compression, and the refusal of
// what a foreign page made a browser send.
func (f *Frame) Handler() (http.Handler, error) {
	squeeze, err := gzhttp.NewWrapper(gzhttp.MinSize(1024), gzhttp.ExceptContentTypes([]string{"text/event-stream", "application/zip", "application/octet-stream"}))
	if err != nil {
		return nil, fmt.Errorf("web: make compression: %w", err)
	}
	sameOrigin := http.NewCrossOriginProtection()
	return squeeze(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.headers(w)
		v := f.visit(w, r)
		defer f.caught(v)
		if err := sameOrigin.Check(r); err != nil {
			v.Fail(fault.New(fault.Invalid, "cross_origin", "A page of another site cannot ask this of a browser.").FixedBy("you").Then("open the page here and try again"))
			return
		}
		f.mux.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), visitKey{}, v)))
	})), nil
}

// Policy is the content security policy of every page: no inline script or style, no other host.
const Policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; report-uri /csp"

// maxReport is the largest report of a browser that is read.
const maxReport = 16 << 10

// broken takes a browser's report that a page tried what the policy forbids. Anybody can send one, so it
// is a line of the log, one more in a figure, and nothing else.
func (f *Frame) broken(v *Visit) error {
	text, err := io.ReadAll(v.R.Body)
	if err != nil {
		return fault.New(fault.TooLarge, "report_too_large", "The report is larger than 16 KiB.").FixedBy("you").Then("leave it")
	}
	f.Reports.Add(1)
	f.Logger.WarnContext(v.Ctx(), "a browser reports that a page broke the content policy", "request", v.Actor.Request, "report", strings.ToValidUTF8(string(text), "?"))
	v.W.WriteHeader(http.StatusNoContent)
	return nil
}

func (f *Frame) headers(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Security-Policy", Policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	h.Set("Cache-Control", "no-store")
	if f.secure() {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

func (f *Frame) secure() bool { return strings.HasPrefix(f.URL, "https://") }

// caught turns a panic into a page without detail; the operator's log has the rest.
func (f *Frame) caught(v *Visit) {
	p := recover()
	if p == nil {
		return
	}
	if err, ok := p.(error); ok && err == http.ErrAbortHandler || v.R.Context().Err() != nil {
		panic(http.ErrAbortHandler)
	}
	f.Logger.ErrorContext(v.R.Context(), "a page panicked", "path", v.R.Pattern, "request", v.Actor.Request, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	v.Fail(fmt.Errorf("web: a page panicked"))
}

// serve stands before one handler. Its order is the order of what costs least to refuse.
func (f *Frame) serve(route Route) http.Handler {
	limit := route.Body
	if limit == 0 {
		limit = maxForm
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, ok := r.Context().Value(visitKey{}).(*Visit)
		if !ok {
			http.Error(w, "not available", http.StatusInternalServerError)
			return
		}
		v.R = r
		if err := f.admit(v, route); err != nil {
			v.Fail(err)
			return
		}
		v.R.Body = http.MaxBytesReader(w, v.R.Body, limit)
		switch err := route.Handle(v); err {
		case nil:
		case errCut:
			panic(http.ErrAbortHandler)
		default:
			v.Fail(err)
		}
	})
}

func (f *Frame) admit(v *Visit, route Route) error {
	query, err := url.QueryUnescape(v.R.URL.RawQuery)
	if err != nil || !text(query) || !text(v.R.URL.Path) {
		return fault.New(fault.Invalid, "bad_text", "The address of the request holds bytes that are no text.").FixedBy("you").Then("send UTF-8, percent-encoded")
	}
	if err := v.recognise(); err != nil && !route.Open {
		return err
	}
	if route.Open && v.Person.ID == "" {
		return f.Keeper.Stranger(v.address)
	}
	ctx, err := f.Keeper.Enter(v.R.Context(), v.Actor, v.R.Method != http.MethodGet)
	if err != nil {
		return err
	}
	v.R = v.R.WithContext(ctx)
	if route.Open {
		return nil
	}
	return f.People.Allow(ctx, v.Actor, route.Need)
}

func text(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// astray answers what no route matches.
func (f *Frame) astray(w http.ResponseWriter, r *http.Request) {
	v, ok := r.Context().Value(visitKey{}).(*Visit)
	if !ok {
		http.NotFound(w, r)
		return
	}
	v.R = r
	if err := v.recognise(); err != nil {
		if err := f.Keeper.Stranger(v.address); err != nil {
			v.Fail(err)
			return
		}
	}
	v.Fail(fault.New(fault.NotFound, "no_page", "There is no page at this address.").FixedBy("you").Then("go to the home page, or search"))
}

// visit begins one request.
func (f *Frame) visit(w http.ResponseWriter, r *http.Request) *Visit {
	v := &Visit{W: w, R: r, frame: f, address: f.Address(r), Now: f.Now(), Zone: time.UTC}
	v.Actor.Source, v.Actor.Request = "page", seal.NewID("req")
	w.Header().Set("X-Request-Id", v.Actor.Request)
	return v
}

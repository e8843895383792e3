package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"runtime/debug"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/seal"
)

// requestID is what a caller may name a request by; anything else gets an id of ours.
var requestID = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{7,63}$`) })

// front stands before everything: a panic becomes a problem, every answer gets its safe headers, and a
// request that a foreign page made a browser send goes no further.
func (a *API) front() http.Handler {
	sameOrigin := http.NewCrossOriginProtection()
	a.routes.mux.Handle("/", http.HandlerFunc(a.astray))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &call{address: a.Address(r), w: w, r: r}
		c.actor.Source = "api"
		if c.actor.Request = r.Header.Get("X-Request-Id"); !requestID().MatchString(c.actor.Request) {
			c.actor.Request = seal.NewID("req")
		}
		r = r.WithContext(context.WithValue(r.Context(), callKey{}, c))
		a.headers(w, c, r)
		defer a.caught(w, r)
		if err := sameOrigin.Check(r); err != nil {
			a.answer(w, r, fault.New(fault.Invalid, "cross_origin", "A page of another site cannot ask this of a browser.").
				Then("ask the server itself"))
			return
		}
		a.routes.ServeHTTP(w, r)
	})
}

// The headers of every answer, made once: they are set on each.
var (
	nosniff  = []string{"nosniff"}
	noStore  = []string{"no-store"}
	onlyTLS  = []string{"max-age=31536000"}
	noScript = []string{"default-src 'none'; sandbox; frame-ancestors 'none'"}
)

// headers sets what every answer carries; what is not JSON is kept from running as well.
func (a *API) headers(w http.ResponseWriter, c *call, r *http.Request) {
	h := w.Header()
	h["X-Request-Id"] = []string{c.actor.Request}
	h["X-Content-Type-Options"] = nosniff
	h["Cache-Control"] = noStore
	if r.TLS != nil || strings.HasPrefix(a.URL, "https://") {
		h["Strict-Transport-Security"] = onlyTLS
	}
}

// caught turns a panic into a problem without detail; the operator's log has the rest.
func (a *API) caught(w http.ResponseWriter, r *http.Request) {
	p := recover()
	if p == nil {
		return
	}
	if err, ok := p.(error); ok && (errors.Is(err, http.ErrAbortHandler) || r.Context().Err() != nil) {
		panic(http.ErrAbortHandler) // nobody listens any more
	}
	a.Logger.ErrorContext(r.Context(), "a request panicked", "route", r.Pattern, "request", actorOf(r.Context()).Request,
		"panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	a.answer(w, r, errors.New("api: a request panicked"))
}

// cut breaks an answer off that cannot be ended: the client then sees that it is not whole.
func (a *API) cut(ctx context.Context, err error) {
	a.Logger.WarnContext(ctx, "an answer was broken off", "request", actorOf(ctx).Request, "err", err)
	panic(http.ErrAbortHandler)
}

// Address is the client's. Behind a proxy of ours it is the last one that the proxy added; what comes
// before that is the client's own claim.
func (a *API) Address(r *http.Request) netip.Addr {
	if a.Proxied {
		list := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
		if ip, err := netip.ParseAddr(strings.TrimSpace(list[len(list)-1])); err == nil {
			return ip.Unmap()
		}
	}
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap()
}

// astray answers what no route matches.
func (a *API) astray(w http.ResponseWriter, r *http.Request) {
	a.Refused.Count("astray")
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		other := &http.Request{Method: method, URL: r.URL, Host: r.Host, RequestURI: r.RequestURI}
		if _, pattern := a.routes.mux.Handler(other); pattern != "/" && pattern != "" {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) > 0 {
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		a.answer(w, r, fault.New(fault.Invalid, "method_not_allowed", "This resource does not take that method.").
			Then("the header Allow lists what it takes"))
		return
	}
	a.answer(w, r, fault.New(fault.NotFound, "no_route", "There is nothing here.").Then("see /docs"))
}

// guard stands before one handler. Its order is the order of what costs least to refuse.
func (a *API) guard(route *Route, next http.Handler) http.Handler {
	seen := a.Metrics.route(route)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := callOf(r.Context())
		c.route = route
		if route.Gives != "" {
			w.Header()["Content-Security-Policy"] = noScript
		}
		start, out := time.Now(), &counted{ResponseWriter: w}
		defer func() { seen.observe(out.status, time.Since(start)) }()
		ctx, err := a.admit(r, c)
		if err != nil {
			a.answer(out, r, err)
			return
		}
		r = r.WithContext(ctx)
		if route.limit() > maxJSON {
			leave, err := a.uploads.begin(c.actor.Account, r.ContentLength)
			if err != nil {
				a.answer(out, r, err)
				return
			}
			defer leave()
		}
		if route.Slow || route.limit() > maxJSON {
			a.patient(w, r)
		}
		r.Body = http.MaxBytesReader(w, r.Body, route.limit())
		if c.again != nil {
			a.repeatable(out, r, c, next)
			return
		}
		next.ServeHTTP(out, r)
	})
}

// slowTime is how long a large body or a long answer may take.
const slowTime = 15 * time.Minute

// patient gives a connection more time than small requests have.
func (a *API) patient(w http.ResponseWriter, r *http.Request) {
	c, until := http.NewResponseController(w), time.Now().Add(slowTime)
	if err := errors.Join(c.SetReadDeadline(until), c.SetWriteDeadline(until)); err != nil {
		a.Logger.DebugContext(r.Context(), "a connection keeps its usual deadlines", "err", err)
	}
}

// admit recognises who asks and refuses what they may not ask. It gives the context for the handler.
func (a *API) admit(r *http.Request, c *call) (context.Context, error) {
	ctx, route := r.Context(), c.route
	if err := acceptable(r, route.gives()); err != nil {
		return nil, err
	}
	if err := readable(r); err != nil {
		return nil, err
	}
	if route.writes() && a.Writable != nil {
		if err := a.Writable(); err != nil {
			return nil, err
		}
	}
	if route.Open {
		return ctx, a.limits.stranger(c.address)
	}
	if err := a.recognise(r, c); err != nil {
		return nil, err
	}
	if err := a.limits.principal(c.actor.Account); err != nil {
		return nil, err
	}
	if err := a.People.Allow(ctx, c.actor, route.Need); err != nil {
		return nil, a.refuse(ctx, err)
	}
	if !route.writes() {
		return ctx, nil
	}
	if err := a.keyed(r, c); err != nil {
		return nil, err
	}
	return db.Around(ctx, a.around(c)), nil
}

// readable refuses a path or a query that no database column can hold as text; bodies are held to the
// same by their decoder.
func readable(r *http.Request) error {
	query, err := url.QueryUnescape(r.URL.RawQuery)
	if err == nil && isText(r.URL.Path) && isText(query) {
		return nil
	}
	return fault.New(fault.Invalid, "bad_text", "The address of the request holds bytes that are no text.").
		Then("send UTF-8 without U+0000, percent-encoded")
}

func isText(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// credential finds the one secret that a request shows: a bearer or, on a route for programs that know none, a token in the
// route's own header. Two of them are none, for it could not be told who asks.
func credential(h http.Header, route *Route) (secret string, ok bool) {
	shown := h.Values("Authorization")
	if route.Token != "" {
		if own := h.Values(route.Token); len(own) > 0 {
			return own[0], len(own) == 1 && len(shown) == 0
		}
	}
	if len(shown) != 1 {
		return "", false
	}
	return strings.CutPrefix(shown[0], "Bearer ")
}

// recognise finds out who asks, once, by what the request's headers show and nothing else.
func (a *API) recognise(r *http.Request, c *call) error {
	if err := a.limits.known(c.address); err != nil {
		return err
	}
	bearer, ok := credential(r.Header, c.route)
	if !ok {
		a.limits.failed(c.address)
		return fault.New(fault.Unauthenticated, "not_signed_in", "This needs a session or a token.").Then("plumb login").
			FixedBy("you")
	}
	actor, err := a.People.Recognise(r.Context(), bearer)
	if err != nil {
		a.limits.failed(c.address)
		return err
	}
	actor.Source, actor.Request = c.actor.Source, c.actor.Request
	c.actor, c.bearer = actor, bearer
	return nil
}

// around is put around every use-case of a request, so that an idempotency key becomes durable with it.
func (a *API) around(c *call) func(*db.Tx, func(*db.Tx) error) error {
	return func(tx *db.Tx, run func(*db.Tx) error) error {
		if who := tx.Actor(); who.Account != c.actor.Account || who.Via != c.actor.Via {
			return run(tx)
		}
		if c.again != nil && !c.again.done {
			if err := c.again.find(tx); err != nil {
				return err
			}
		}
		err := run(tx)
		if f := fault.Of(err); err != nil && f.Kind == fault.Denied {
			c.recorded = true // by the transaction's own rule
		}
		if err == nil && c.again != nil && !c.again.done {
			err = c.again.keep(tx)
		}
		return err
	}
}

// refuse prepares an error for the asker: a rule's no to somebody known becomes an event, unless the
// transaction recorded it already or it repeats itself.
func (a *API) refuse(ctx context.Context, err error) error {
	c, f := callOf(ctx), fault.Of(err)
	if c == nil || f.Kind != fault.Denied || c.recorded || c.actor.Kind == fault.Nobody {
		return err
	}
	c.recorded = true
	if !a.denials.room(c.actor, f, a.DB.Now()) {
		a.Refused.Count("repeated." + f.Code)
		return err
	}
	// The writer records the refusal itself; only when it cannot, something else comes back.
	if not := a.DB.Update(ctx, c.actor, func(*db.Tx) error { return f }); not != nil && fault.Of(not).Code != f.Code {
		return not
	}
	return err
}

// recordDenial is what the database calls for a refused use-case.
func (a *API) recordDenial(tx *db.Tx, f *fault.Error) error {
	if !a.denials.take(tx.Actor(), f, tx.Now()) {
		a.Refused.Count("repeated." + f.Code)
		return nil
	}
	return ledger.RecordDenial(tx, f)
}

// answer writes a refusal.
func (a *API) answer(w http.ResponseWriter, r *http.Request, err error) {
	p := problem(r.Context(), err)
	a.noted(r.Context(), p, err)
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	switch p.Status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="plumbline"`)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		h.Set("Retry-After", "1")
	}
	w.WriteHeader(p.Status)
	if err := marshal(w, p); err != nil {
		a.Logger.DebugContext(r.Context(), "an answer was not taken", "err", err)
	}
}

// noted counts what strangers and broken requests cost, and logs what is the server's own fault.
func (a *API) noted(ctx context.Context, p *Problem, err error) {
	switch {
	case p.Status >= http.StatusInternalServerError && p.Code != "shutting_down" && p.Code != "not_set_up":
		a.Logger.ErrorContext(ctx, "a request failed", "code", p.Code, "request", p.Request, "err", errors.Join(err, errors.Unwrap(fault.Of(err))))
	case p.Status != http.StatusForbidden && p.Status < http.StatusInternalServerError && p.Status != http.StatusConflict &&
		p.Status != http.StatusPreconditionFailed && p.Status != http.StatusNotFound:
		a.Refused.Count(p.Code)
	}
}

// counted remembers the status of an answer.
type counted struct {
	http.ResponseWriter
	status int
}

// WriteHeader notes the status.
func (w *counted) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write is WriteHeader(200) if nothing came before.
func (w *counted) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap gives the writer below, for http.ResponseController.
func (w *counted) Unwrap() http.ResponseWriter { return w.ResponseWriter }

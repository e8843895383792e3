package frame

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/a-h/templ"

	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/web/ui"
)

type visitKey struct{}

// Visit is one request for a page: who asks, and the ways to answer.
type Visit struct {
	W      http.ResponseWriter
	R      *http.Request
	Actor  fault.Actor
	Person directory.Person // the zero person while nobody is signed in
	Roles  []string
	Zone   *time.Location // of the reader
	Theme  string
	Now    time.Time

	frame   *Frame
	address netip.Addr
	asked   bool
	wrong   error
}

// Ctx is the context in which the visit's use-cases run.
func (v *Visit) Ctx() context.Context { return v.R.Context() }

// Address is where the request comes from.
func (v *Visit) Address() netip.Addr { return v.address }

// Can reports whether the reader has a permission; pages use it to leave out what would be refused.
func (v *Visit) Can(p directory.Permission) bool {
	return v.Person.ID != "" && directory.Allowed(v.Actor, v.Roles, p) == nil
}

// ByItself is the header of what an open page asks without anybody doing something: it keeps no session
// from running out.
const ByItself = "X-Plumb-By-Itself"

// recognise finds out who asks by the cookie, once.
func (v *Visit) recognise() error {
	if v.asked {
		return v.wrong
	}
	v.asked = true
	v.wrong = v.who()
	return v.wrong
}

func (v *Visit) who() error {
	f := v.frame
	bearer := f.bearer(v.R)
	if bearer == "" {
		return fault.New(fault.Unauthenticated, "not_signed_in", "Sign in to see this page.").FixedBy("you").Then("sign in")
	}
	if err := f.Keeper.Known(v.address); err != nil {
		return err
	}
	ask := f.People.Recognise
	if v.R.Header.Get(ByItself) != "" || v.R.URL.Path == "/live" {
		ask = f.People.Glance
	}
	actor, err := ask(v.Ctx(), bearer)
	if err != nil {
		f.Keeper.Failed(v.address)
		return err
	}
	if actor.Authn != fault.Session {
		return fault.New(fault.Unauthenticated, "not_a_session", "Pages are for people in a session; a token works on the API only.").FixedBy("you").Then("sign in")
	}
	r, err := f.People.Roster(v.Ctx())
	if err != nil {
		return err
	}
	actor.Source, actor.Request = v.Actor.Source, v.Actor.Request
	v.Actor = actor
	v.Person, _ = r.Person(directory.PersonID(actor.Person))
	v.Roles = r.Roles(v.Person.ID)
	return v.settle()
}

// settle applies how the person likes pages.
func (v *Visit) settle() error {
	i, err := v.frame.People.Install(v.Ctx())
	if err != nil {
		return err
	}
	v.Zone = zone(i.Zone)
	if v.frame.Prefs == nil {
		return nil
	}
	p, err := v.frame.Prefs(v.Ctx(), string(v.Person.ID))
	if err != nil {
		return err
	}
	v.Theme = p.Theme
	if p.Zone != "" {
		v.Zone = zone(p.Zone)
	}
	return nil
}

func zone(name string) *time.Location {
	z, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC
	}
	return z
}

// Frame describes what the layout shows around a page of this visit. here is the path of the entry of
// the navigation that the page belongs to.
func (v *Visit) Frame(title, here string) ui.Frame {
	f := ui.Frame{Title: title, Here: here, Zone: v.Zone, Now: v.Now, Theme: v.Theme, Version: v.frame.Version, Flash: v.flash()}
	if i, err := v.frame.People.Install(v.Ctx()); err == nil {
		f.Company = i.Company
	}
	if v.Person.ID != "" {
		f.Name, f.Nav, f.Menu = v.Person.Name, v.frame.Nav, v.frame.Menu
		if v.frame.Live != nil {
			f.Live = "/live"
		}
	}
	return f
}

// Show answers a whole page.
func (v *Visit) Show(f ui.Frame, body templ.Component) error {
	return v.ShowAs(http.StatusOK, f, body)
}

// ShowAs answers a whole page with a status other than 200.
func (v *Visit) ShowAs(status int, f ui.Frame, body templ.Component) error {
	v.W.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.W.WriteHeader(status)
	return ui.Layout(f).Render(templ.WithChildren(v.Ctx(), body), v.W)
}

// Part answers a piece of a page, for live updates.
func (v *Visit) Part(body templ.Component) error {
	v.W.Header().Set("Content-Type", "text/html; charset=utf-8")
	return body.Render(v.Ctx(), v.W)
}

// Go sends the browser on to a page of ours, with a sentence of what was done.
func (v *Visit) Go(path, done string) error {
	if done != "" {
		v.setFlash(done)
	}
	http.Redirect(v.W, v.R, Local(path), http.StatusSeeOther)
	return nil
}

// Local is a path on this server, or the home page if it leads anywhere else.
func Local(path string) string {
	u, err := url.Parse(path)
	if err != nil || u.Scheme != "" || u.Host != "" || u.Opaque != "" || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.Contains(path, `\`) {
		return "/"
	}
	return path
}

// Form reads the request's form. A body that is too large or no form is refused.
func (v *Visit) Form() error {
	if err := v.R.ParseForm(); err != nil {
		return fault.New(fault.Invalid, "bad_form", "The form could not be read.").From(err).FixedBy("you").Then("go back and send it again")
	}
	for name, list := range v.R.PostForm {
		for _, s := range list {
			if !text(s) || !text(name) {
				return fault.New(fault.Invalid, "bad_text", "The form holds bytes that are no text.").FixedBy("you").Then("remove them and send it again")
			}
		}
	}
	return nil
}

// Wording is what the form says, but for the name by which it is known when it comes again.
func (v *Visit) Wording() string {
	says := maps.Clone(v.R.PostForm)
	delete(says, ui.OnceField)
	return seal.Raw([]byte(says.Encode()))
}

// Value is one field of the form or the query, without white space around it.
func (v *Visit) Value(name string) string { return strings.TrimSpace(v.R.FormValue(name)) }

// Cut breaks an answer off that cannot be ended: the browser then says that the file is not whole.
func (v *Visit) Cut(err error) error {
	v.frame.Logger.WarnContext(v.Ctx(), "an answer was broken off", "path", v.R.URL.Path, "request", v.Actor.Request, "err", err)
	return errCut
}

// errCut makes the frame break the connection off.
var errCut = errors.New("web: the answer was broken off")

// Fail answers a refusal as a page. Who is not signed in is sent to sign in and comes back afterwards.
func (v *Visit) Fail(err error) {
	err = v.frame.Keeper.Refuse(v.Ctx(), err)
	f := fault.Of(err)
	if f.Kind == fault.Unauthenticated && v.R.Method == http.MethodGet && v.R.Header.Get("HX-Request") == "" && !strings.HasPrefix(v.R.URL.Path, "/login") {
		http.Redirect(v.W, v.R, "/login?next="+url.QueryEscape(v.R.URL.RequestURI()), http.StatusSeeOther)
		return
	}
	if f.Code == "not_set_up" && v.R.Method == http.MethodGet {
		http.Redirect(v.W, v.R, "/setup", http.StatusSeeOther)
		return
	}
	if f.Kind == fault.Internal {
		v.frame.Logger.ErrorContext(v.Ctx(), "a page failed", "path", v.R.URL.Path, "request", v.Actor.Request, "err", err)
	}
	kind := Kind(f.Kind)
	frame := v.Frame(kind.Title, "")
	frame.Width = "reading"
	if err := v.ShowAs(kind.Status, frame, refusal(kind.Title, f, v.Actor.Request)); err != nil {
		v.frame.Logger.DebugContext(v.Ctx(), "a page was not taken", "err", err)
	}
}

// Refusal records a refusal and gives it with its status, for a page that shows it and keeps more than what was typed; for all
// others there is Again. It is nil for what is no refusal but a defect; the handler returns that.
func (v *Visit) Refusal(err error) (*fault.Error, int) {
	f := fault.Of(v.frame.Keeper.Refuse(v.Ctx(), err))
	if f.Kind == fault.Internal {
		return nil, 0
	}
	return f, Kind(f.Kind).Status
}

// Again shows a form once more with what was typed and why it was not taken, where whoever sent it can mend it by typing. The
// refusal is recorded. What else goes wrong is an error as before. It is the one rule for all forms but those that keep more than
// was typed.
func (v *Visit) Again(err error, show func(status int, e *Entry) error) error {
	if !mendable(fault.Of(err)) {
		return err
	}
	e, status := Typed(v), 0
	e.Refused, status = v.Refusal(err)
	if e.Refused == nil { // the refusal itself could not be recorded
		return err
	}
	return show(status, e)
}

// mendable reports whether whoever sent a form can mend by typing what was refused.
func mendable(f *fault.Error) bool {
	switch f.Kind {
	case fault.Invalid, fault.Conflict, fault.Denied, fault.TooLarge, fault.Stale, fault.NotFound:
		return true
	case fault.Unauthenticated:
		return f.Code == "wrong_credentials" // a password among what was typed, not the session
	}
	return false
}

// Kinds of refusals as pages show them.
type kind struct {
	Status int
	Title  string
}

// Kind is the one table from a refusal's kind to the status and the title of its page.
func Kind(k fault.Kind) kind {
	switch k {
	case fault.Invalid:
		return kind{http.StatusBadRequest, "That cannot be taken"}
	case fault.Unauthenticated:
		return kind{http.StatusUnauthorized, "Not signed in"}
	case fault.Denied:
		return kind{http.StatusForbidden, "A rule does not allow that"}
	case fault.NotFound:
		return kind{http.StatusNotFound, "Not found"}
	case fault.Conflict:
		return kind{http.StatusConflict, "Not in its present state"}
	case fault.Stale:
		return kind{http.StatusPreconditionFailed, "It changed meanwhile"}
	case fault.TooLarge:
		return kind{http.StatusRequestEntityTooLarge, "Too large"}
	case fault.Limited:
		return kind{http.StatusTooManyRequests, "Too many requests"}
	case fault.Unavailable:
		return kind{http.StatusServiceUnavailable, "Not available now"}
	}
	return kind{http.StatusInternalServerError, "Something went wrong"}
}

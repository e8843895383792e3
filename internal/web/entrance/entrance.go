// Package entrance holds the pages before a session: sign-in, the choice of a password with a one-time
// code, sign-out, and the first-start ceremony.
package entrance

import (
	"net/http"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/web/frame"
)

// Pages serves them.
type Pages struct {
	People  *directory.Desk
	Changes *change.Desk
	URL     string // where people reach this server; invitations name it
}

// Routes is the table of these pages.
func (p Pages) Routes() []frame.Route {
	return []frame.Route{
		{Method: "GET", Path: "/login", Open: true, Handle: p.ask},
		{Method: "POST", Path: "/login", Open: true, Handle: p.enter},
		{Method: "GET", Path: "/setup", Open: true, Handle: p.askSetup},
		{Method: "POST", Path: "/setup", Open: true, Handle: p.takeSetup},
		{Method: "POST", Path: "/logout", Need: directory.TokensOwn, Handle: p.leave},
	}
}

// attempt is what the sign-in form holds; a password is never shown again.
type attempt struct {
	Username string
	Next     string
	Choose   bool // with a one-time code, a new password is chosen
	Refused  *fault.Error
}

func (p Pages) ask(v *frame.Visit) error {
	if v.Person.ID != "" {
		return v.Go(v.Value("next"), "")
	}
	done, err := p.People.SetupDone(v.Ctx())
	if err != nil {
		return err
	}
	if !done {
		return v.Go("/setup", "")
	}
	return p.form(v, http.StatusOK, attempt{Username: v.Value("user"), Next: v.Value("next"), Choose: v.Value("code") != ""})
}

func (p Pages) form(v *frame.Visit, status int, a attempt) error {
	f := v.Frame("Sign in", "")
	f.Width = "narrow"
	return v.ShowAs(status, f, login(a))
}

func (p Pages) enter(v *frame.Visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	a := attempt{Username: v.Value("username"), Next: v.Value("next"), Choose: v.Value("choose") != ""}
	c := directory.Credentials{Username: a.Username, Password: seal.Secret(v.R.PostFormValue("password")), Address: v.Address(),
		Label: v.R.UserAgent(), Source: "page", Request: v.Actor.Request, Replaces: v.Bearer()}
	enter := p.People.Login
	if a.Choose {
		if v.R.PostFormValue("new") != v.R.PostFormValue("again") {
			a.Refused = fault.New(fault.Invalid, "passwords_differ", "The two new passwords are not the same.").FixedBy("you").Then("type the same password twice")
			return p.form(v, http.StatusBadRequest, a)
		}
		c.Code, c.Password, enter = c.Password, seal.Secret(v.R.PostFormValue("new")), p.People.Redeem
	}
	o, err := enter(v.Ctx(), c)
	if err != nil {
		f, status := v.Refusal(err)
		if f == nil {
			return err
		}
		a.Refused = f
		a.Choose = a.Choose || f.Code == "password_needed"
		return p.form(v, status, a)
	}
	v.SignIn(o.Bearer, o.Session.Expires)
	return v.Go(a.Next, "")
}

func (p Pages) leave(v *frame.Visit) error {
	if err := p.People.EndSession(v.Ctx(), v.Actor, directory.SessionID(v.Actor.Via)); err != nil {
		return err
	}
	v.SignOut()
	return v.Go("/login", "You are signed out.")
}

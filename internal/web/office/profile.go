package office

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/web/frame"
	"plumbline.dev/plumb/internal/web/personal"
	"plumbline.dev/plumb/internal/web/ui"
)

// profileView is what one person sees and sets of their own.
type profileView struct {
	ui.Frame
	Person    directory.Person
	Username  string
	Roles     []string
	Company   string // its time zone
	Away      personal.Away
	Sessions  []sessionRow
	Tokens    []tokenRow
	Over      int                 // tokens that do not work any more, and are not listed
	Accounts  []directory.Account // that a token can be for
	Repos     []string
	Prefs     *frame.Entry
	Absence   *frame.Entry
	Password  *frame.Entry
	NewToken  *frame.Entry
	Secret    string // of a token that was just made, shown this once
	MayManage bool
}

// profileForms are the forms of the page: the one that was refused holds what was typed.
type profileForms struct {
	prefs, absence, password, token *frame.Entry
	secret                          string
}

func (p Pages) profile(v *frame.Visit) error { return p.own(v, http.StatusOK, profileForms{}) }

func (p Pages) own(v *frame.Visit, status int, forms profileForms) error {
	o := profileView{Frame: v.Frame("Your profile", "/profile"), Person: v.Person, Roles: v.Roles, Secret: forms.secret,
		Prefs: forms.prefs, Absence: forms.absence, Password: forms.password, NewToken: forms.token, MayManage: v.Can(directory.PeopleManage)}
	if err := p.ownAccess(v, &o); err != nil {
		return err
	}
	i, err := p.People.Install(v.Ctx())
	if err != nil {
		return err
	}
	o.Company = i.Zone
	if o.Prefs == nil {
		like, err := p.Own.Preference(v.Ctx(), string(v.Person.ID))
		if err != nil {
			return err
		}
		o.Prefs = frame.Filled("zone", like.Zone, "theme", like.Theme)
	}
	away, err := p.Own.Absences(v.Ctx())
	if err != nil {
		return err
	}
	o.Away = away[string(v.Person.ID)]
	if o.Absence == nil {
		o.Absence = frame.Filled()
		if o.Away.Until != 0 {
			o.Absence = frame.Filled("from", dayOf(o.Away.From, v.Zone), "until", dayOf(o.Away.Until-1, v.Zone), "note", o.Away.Note)
		}
	}
	if o.NewToken == nil {
		o.NewToken = frame.Filled("days", "90", "scopes", string(directory.ScopeRead))
	}
	return v.ShowAs(status, o.Frame, profile_(o))
}

// ownAccess reads the person's sessions, tokens and accounts.
func (p Pages) ownAccess(v *frame.Visit, o *profileView) error {
	r, err := p.People.Roster(v.Ctx())
	if err != nil {
		return err
	}
	sessions, err := p.People.Sessions(v.Ctx(), v.Actor, v.Person.ID)
	if err != nil {
		return err
	}
	for _, s := range sessions {
		o.Sessions = append(o.Sessions, sessionRow{s, "", string(s.ID) == v.Actor.Via})
	}
	tokens, err := p.People.Tokens(v.Ctx(), v.Actor, v.Person.ID)
	if err != nil {
		return err
	}
	for _, t := range tokens {
		if row := tokenOf(r, t, v.Now.UnixMicro()); row.Live {
			o.Tokens = append(o.Tokens, row)
		} else {
			o.Over++
		}
	}
	for _, a := range r.Accounts(v.Person.ID) {
		switch {
		case string(a.ID) == v.Actor.Account:
			o.Username = a.Username
		case a.Kind == directory.Service && a.Ended == 0:
			o.Accounts = append(o.Accounts, a)
			o.Repos = append(o.Repos, a.Repos...)
		}
	}
	slices.Sort(o.Repos)
	o.Repos = slices.Compact(o.Repos)
	return nil
}

// refused shows the profile again with the form that was refused, or gives the error on.
func (p Pages) refused(v *frame.Visit, err error, at func(*profileForms, *frame.Entry)) error {
	return v.Again(err, func(status int, e *frame.Entry) error {
		var forms profileForms
		at(&forms, e)
		return p.own(v, status, forms)
	})
}

func (p Pages) savePreferences(v *frame.Visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	err := p.Own.SetPreference(v.Ctx(), v.Actor, personal.Preference{Zone: v.Value("zone"), Theme: v.Value("theme")})
	if err != nil {
		return p.refused(v, err, func(f *profileForms, e *frame.Entry) { f.prefs = e })
	}
	return v.Go("/profile", "Saved. Pages look like this from now on.")
}

func (p Pages) saveAway(v *frame.Visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	from, fine := day(v.Value("from"), v.Zone)
	until, also := day(v.Value("until"), v.Zone)
	a := personal.Away{Note: v.Value("note")}
	if fine {
		a.From = from.UnixMicro()
	}
	if also {
		a.Until = until.AddDate(0, 0, 1).UnixMicro() // the last day is whole
	}
	if !fine && !also && a.Note == "" {
		a.From = -1 // nothing typed is no absence, and forgets none
	}
	if err := p.Own.SetAway(v.Ctx(), v.Actor, a); err != nil {
		return p.refused(v, err, func(f *profileForms, e *frame.Entry) { f.absence = e })
	}
	return v.Go("/profile", "Saved. Others see it where they look for an approver; your roles stay as they are.")
}

func (p Pages) dropAway(v *frame.Visit) error {
	if err := p.Own.SetAway(v.Ctx(), v.Actor, personal.Away{}); err != nil {
		return err
	}
	return v.Go("/profile", "Welcome back.")
}

func (p Pages) changePassword(v *frame.Visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	at := func(f *profileForms, e *frame.Entry) { f.password = e }
	if v.R.PostFormValue("new") != v.R.PostFormValue("again") {
		return p.refused(v, fault.New(fault.Invalid, "passwords_differ", "The two new passwords are not the same.").FixedBy("you").Then("type the same password twice"), at)
	}
	err := p.People.ChangePassword(v.Ctx(), v.Actor, seal.Secret(v.R.PostFormValue("old")), seal.Secret(v.R.PostFormValue("new")), v.Address())
	if err != nil {
		return p.refused(v, err, at)
	}
	return v.Go("/profile", "Your password is changed; your other sessions ended.")
}

// mostDays is how long a token can live; directory.MakeToken has the last word.
const mostDays = 366

func (p Pages) makeToken(v *frame.Visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	at := func(f *profileForms, e *frame.Entry) { f.token = e }
	days, err := strconv.Atoi(v.Value("days"))
	if err != nil || days < 1 || days > mostDays {
		return p.refused(v, fault.New(fault.Invalid, "bad_token", "The token cannot be made like that.").At("days", "is a number from 1 to 366").
			FixedBy("you").Then("choose how many days it lives"), at)
	}
	n := directory.NewToken{Account: directory.AccountID(v.Value("account")), Name: v.Value("name"), Repo: v.Value("repo"), Pipe: v.Value("pipeline"),
		Life: time.Duration(days) * 24 * time.Hour}
	for _, s := range v.R.PostForm["scopes"] {
		n.Scopes = append(n.Scopes, directory.Scope(s))
	}
	for name := range strings.FieldsSeq(v.Value("sources")) {
		id, err := p.Source(v.Ctx(), name)
		if err != nil {
			return p.refused(v, err, at)
		}
		n.Sources = append(n.Sources, id)
	}
	ctx, sent := once(v)
	_, secret, err := p.People.MakeToken(ctx, v.Actor, n)
	made, err := sent.Of(err)
	if made != "" {
		return v.Go("/profile", lost+": if the secret did not arrive, revoke the token and make another.")
	}
	if err != nil {
		return p.refused(v, err, at)
	}
	return p.own(v, http.StatusOK, profileForms{secret: secret.Reveal()})
}

func (p Pages) revokeOwnToken(v *frame.Visit) error {
	if err := p.People.RevokeToken(v.Ctx(), v.Actor, directory.TokenID(v.R.PathValue("id"))); err != nil {
		return err
	}
	return v.Go("/profile", "The token is revoked; it works no more.")
}

func (p Pages) endOwnSession(v *frame.Visit) error {
	if err := p.People.EndSession(v.Ctx(), v.Actor, directory.SessionID(v.R.PathValue("id"))); err != nil {
		return err
	}
	return v.Go("/profile", "The session has ended.")
}

func (p Pages) endOtherSessions(v *frame.Visit) error {
	if err := p.People.EndSessions(v.Ctx(), v.Actor, v.Person.ID); err != nil {
		return err
	}
	return v.Go("/profile", "Your other sessions ended; this one stays.")
}

// dayOf writes the day of an instant as date fields want it.
func dayOf(micros int64, zone *time.Location) string {
	return time.UnixMicro(micros).In(zone).Format(time.DateOnly)
}

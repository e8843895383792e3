package office

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/web/frame"
	"plumbline.dev/plumb/internal/web/personal"
)

// one is the page of one person.
type one struct {
	desk
	Person   directory.Person
	Accounts []account
	Ways     []way
	Groups   []directory.Group // that the person is directly in
	Grants   []policy.Role     // roles that they could get
	Private  bool              // sessions and tokens are shown
	Sessions []directory.Session
	Tokens   []directory.Token
	Away     personal.Away
	Handed   *handed
	Entry    *frame.Entry
	names    map[directory.GroupID]string
}

// account is one way to come in, with who may still be behind it.
type account struct {
	directory.Account
	LentBy string // who issued the code that nobody vouched away; "" for nobody
	Vouch  bool   // the reader may try to vouch
}

// way is one way by which the person holds a role.
type way struct {
	directory.Way
	Title    string
	Approves bool
}

func (p Pages) showPerson(v *frame.Visit) error {
	return p.person(v, http.StatusOK, directory.PersonID(v.R.PathValue("id")), nil, nil)
}

// person shows one person; e is a refused act, h a code to hand out.
func (p Pages) person(v *frame.Visit, status int, id directory.PersonID, e *frame.Entry, h *handed) error {
	r, err := p.People.Roster(v.Ctx())
	if err != nil {
		return err
	}
	x, ok := r.Person(id)
	if !ok {
		return fault.New(fault.NotFound, "no_person", "There is no such person.").FixedBy("you").Then("look for them under Administration, People")
	}
	pack, err := p.Changes.Pack(v.Ctx())
	if err != nil {
		return err
	}
	o := one{desk: p.desk(v, x.Name, "/admin/people"), Person: x, Handed: h, Entry: e, names: map[directory.GroupID]string{}}
	for _, g := range r.Groups() {
		o.names[g.ID] = g.Name
		if slices.ContainsFunc(g.Members, func(m directory.Member) bool { return m.Person == id }) {
			o.Groups = append(o.Groups, g)
		}
	}
	for _, a := range r.Accounts(id) {
		row := account{Account: a}
		if l, lent := r.LendingOf(a); lent && a.Ended == 0 {
			row.LentBy = r.Name(l.By)
			row.Vouch = o.MayPeople && l.By != o.Me && a.Person != o.Me && a.OnceUntil == 0
		}
		o.Accounts = append(o.Accounts, row)
	}
	roles := knownRoles(pack)
	for _, w := range r.Ways(id) {
		role := roleOf(roles, string(w.Role))
		o.Ways = append(o.Ways, way{w, role.Title, role.Approves})
	}
	o.Grants = slices.DeleteFunc(roles, func(role policy.Role) bool {
		return slices.ContainsFunc(o.Ways, func(w way) bool { return string(w.Role) == role.Name && len(w.Through) == 0 })
	})
	if err := p.private(v, &o); err != nil {
		return err
	}
	away, err := p.Own.Absences(v.Ctx())
	if err != nil {
		return err
	}
	o.Away = away[string(id)]
	return v.ShowAs(status, o.Frame, person_(o))
}

// private adds what only the person and those who look after the server see.
func (p Pages) private(v *frame.Visit, o *one) (err error) {
	if o.Private = v.Can(directory.OfficeRead) || o.Me == o.Person.ID; !o.Private {
		return nil
	}
	if o.Sessions, err = p.People.Sessions(v.Ctx(), v.Actor, o.Person.ID); err != nil {
		return err
	}
	o.Tokens, err = p.People.Tokens(v.Ctx(), v.Actor, o.Person.ID)
	return err
}

// knownRoles are the roles of the pack and those that the program itself knows.
func knownRoles(pack *policy.Pack) []policy.Role {
	roles := slices.Clone(pack.Roles)
	for _, r := range []policy.Role{
		{Name: string(directory.Admin), Title: "Administrator", Note: "Looks after tokens, sessions and webhooks. Approves nothing and manages no people."},
		{Name: string(directory.Auditor), Title: "Auditor", Note: "Reads everything and changes nothing."},
	} {
		if _, inPack := pack.Role(r.Name); !inPack {
			roles = append(roles, r)
		}
	}
	return roles
}

func roleOf(roles []policy.Role, name string) policy.Role {
	for _, r := range roles {
		if r.Name == name {
			return r
		}
	}
	return policy.Role{Name: name, Title: name, Approves: true} // unknown counts as approving
}

// reason is why somebody acts. Several forms of a page ask for one, each under a name of its own that
// begins so.
func reason(v *frame.Visit) string {
	for name := range v.R.PostForm {
		if name == "reason" || strings.HasPrefix(name, "reason.") {
			return v.Value(name)
		}
	}
	return ""
}

// act runs what a form on a person's page asks for, and shows the page again where it is refused.
func (p Pages) act(v *frame.Visit, done string, do func(id directory.PersonID) error) error {
	if err := v.Form(); err != nil {
		return err
	}
	id := directory.PersonID(v.R.PathValue("id"))
	if err := do(id); err != nil {
		return v.Again(err, func(status int, e *frame.Entry) error { return p.person(v, status, id, e, nil) })
	}
	return v.Go(personPath(id), done)
}

func (p Pages) disablePerson(v *frame.Visit) error {
	return p.act(v, "The person is shut out: sessions and tokens ended, and open decisions with them.", func(id directory.PersonID) error {
		return p.People.Disable(v.Ctx(), v.Actor, id, reason(v))
	})
}

func (p Pages) enablePerson(v *frame.Visit) error {
	return p.act(v, "The person may come in again. Roles that approve need an access change anew.", func(id directory.PersonID) error {
		return p.People.Enable(v.Ctx(), v.Actor, id, reason(v))
	})
}

func (p Pages) vouch(v *frame.Visit) error {
	return p.act(v, "You vouched for the account; its sessions and tokens ended.", func(directory.PersonID) error {
		return p.People.Vouch(v.Ctx(), v.Actor, directory.AccountID(v.R.PathValue("account")), reason(v))
	})
}

func (p Pages) endAccount(v *frame.Visit) error {
	return p.act(v, "The account has ended for good.", func(directory.PersonID) error {
		return p.People.EndAccount(v.Ctx(), v.Actor, directory.AccountID(v.R.PathValue("account")), reason(v))
	})
}

func (p Pages) endSessions(v *frame.Visit) error {
	return p.act(v, "All sessions of the person ended.", func(id directory.PersonID) error {
		return p.People.EndSessions(v.Ctx(), v.Actor, id)
	})
}

// hand runs what makes a one-time code, and shows it this once.
func (p Pages) hand(v *frame.Visit, do func(ctx context.Context, x directory.Person) (username string, code seal.Secret, again bool, err error)) error {
	if err := v.Form(); err != nil {
		return err
	}
	x, err := p.known(v)
	if err != nil {
		return err
	}
	ctx, sent := once(v)
	name, code, again, err := do(ctx, x)
	made, err := sent.Of(err)
	if made != "" {
		return v.Go(personPath(x.ID), lost+": if the code did not arrive, make another.")
	}
	if err != nil {
		return v.Again(err, func(status int, e *frame.Entry) error { return p.person(v, status, x.ID, e, nil) })
	}
	h := p.handed(x.Name, name, code)
	h.Again = again
	return p.person(v, http.StatusOK, x.ID, nil, h)
}

func (p Pages) resetPassword(v *frame.Visit) error {
	return p.hand(v, func(ctx context.Context, _ directory.Person) (string, seal.Secret, bool, error) {
		id := directory.AccountID(v.R.PathValue("account"))
		code, err := p.People.Reset(ctx, v.Actor, id)
		if err != nil {
			return "", "", true, err
		}
		r, err := p.People.Roster(v.Ctx())
		if err != nil {
			return "", "", true, err
		}
		a, _ := r.Account(id)
		return a.Username, code, true, nil
	})
}

func (p Pages) addAccount(v *frame.Visit) error {
	return p.hand(v, func(ctx context.Context, x directory.Person) (string, seal.Secret, bool, error) {
		a, code, err := p.People.AddAccount(ctx, v.Actor, x.ID, v.Value("username"))
		return a.Username, code, false, err
	})
}

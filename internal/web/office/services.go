package office

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/web/frame"
	"plumbline.dev/plumb/internal/web/personal"
)

// service is one service account with who answers for it.
type service struct {
	directory.Account
	Owner string
	Live  bool // it is not ended, and its owner is active
}

type servicesView struct {
	desk
	Rows   []service
	Owners []candidate
	Entry  *frame.Entry
}

type serviceView struct {
	desk
	Of     service
	Tokens []directory.Token
	Shown  bool // tokens are shown
	Owners []candidate
	Entry  *frame.Entry
}

func (p Pages) listServices(v *frame.Visit) error {
	return p.services(v, http.StatusOK, frame.Filled())
}

func (p Pages) services(v *frame.Visit, status int, e *frame.Entry) error {
	r, err := p.People.Roster(v.Ctx())
	if err != nil {
		return err
	}
	all, err := p.People.Accounts(v.Ctx(), "")
	if err != nil {
		return err
	}
	s := servicesView{desk: p.desk(v, "Service accounts", "/admin/services"), Owners: owners(r), Entry: e}
	for _, a := range all {
		if a.Kind == directory.Service {
			s.Rows = append(s.Rows, serviceOf(r, a))
		}
	}
	slices.SortFunc(s.Rows, func(a, b service) int {
		if a.Live != b.Live {
			return map[bool]int{true: -1, false: 1}[a.Live]
		}
		return cmp.Compare(a.Username, b.Username)
	})
	return v.ShowAs(status, s.Frame, services_(s))
}

func serviceOf(r *directory.Roster, a directory.Account) service {
	_, live := r.ServiceOwner(a.ID)
	return service{a, r.Name(a.Person), live}
}

// owners are the people who can answer for a service account.
func owners(r *directory.Roster) []candidate {
	var out []candidate
	for _, x := range r.People() {
		id := directory.PersonID(x.ID)
		out = append(out, candidate{x.ID, r.Name(id) + " (" + username(r, id) + ")"})
	}
	slices.SortFunc(out, func(a, b candidate) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

func (p Pages) addService(v *frame.Visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	ctx, sent := once(v)
	a, err := p.People.AddService(ctx, v.Actor, directory.NewService{Username: v.Value("username"), Owner: directory.PersonID(v.Value("owner")),
		Note: v.Value("note"), Repos: words(v.Value("repos"))})
	made, err := sent.Of(err)
	if made != "" {
		return v.Go("/admin/services/"+made, personal.Twice)
	}
	if err != nil {
		return v.Again(err, func(status int, e *frame.Entry) error { return p.services(v, status, e) })
	}
	return v.Go("/admin/services/"+string(a.ID), "The service account is made. Its owner makes its tokens, on their profile.")
}

func (p Pages) showService(v *frame.Visit) error { return p.service(v, http.StatusOK, nil) }

func (p Pages) service(v *frame.Visit, status int, e *frame.Entry) error {
	r, err := p.People.Roster(v.Ctx())
	if err != nil {
		return err
	}
	a, ok := r.Account(directory.AccountID(v.R.PathValue("id")))
	if !ok || a.Kind != directory.Service {
		return fault.New(fault.NotFound, "no_account", "There is no such service account.").FixedBy("you").Then("look for it under Administration, Service accounts")
	}
	s := serviceView{desk: p.desk(v, a.Username, "/admin/services"), Of: serviceOf(r, a), Owners: owners(r), Entry: e}
	if e == nil {
		s.Entry = frame.Filled("note", a.Note, "repos", strings.Join(a.Repos, " "), "owner", string(a.Person))
	}
	if s.Shown = v.Can(directory.OfficeRead) || s.Me == a.Person; s.Shown {
		list, err := p.People.Tokens(v.Ctx(), v.Actor, a.Person)
		if err != nil {
			return err
		}
		s.Tokens = slices.DeleteFunc(list, func(t directory.Token) bool { return t.Account != a.ID })
	}
	return v.ShowAs(status, s.Frame, service_(s))
}

// changeService runs what a form on a service account's page asks for.
func (p Pages) changeService(v *frame.Visit, done string, do func(directory.AccountID) error) error {
	if err := v.Form(); err != nil {
		return err
	}
	id := directory.AccountID(v.R.PathValue("id"))
	if err := do(id); err != nil {
		return v.Again(err, func(status int, e *frame.Entry) error { return p.service(v, status, e) })
	}
	return v.Go("/admin/services/"+string(id), done)
}

func (p Pages) editService(v *frame.Visit) error {
	return p.changeService(v, "The service account is changed.", func(id directory.AccountID) error {
		return p.People.EditService(v.Ctx(), v.Actor, id, v.Value("note"), words(v.Value("repos")))
	})
}

func (p Pages) moveService(v *frame.Visit) error {
	return p.changeService(v, "The account has another owner; its tokens ended.", func(id directory.AccountID) error {
		return p.People.MoveService(v.Ctx(), v.Actor, id, directory.PersonID(v.Value("owner")))
	})
}

func (p Pages) endService(v *frame.Visit) error {
	return p.changeService(v, "The service account has ended for good.", func(id directory.AccountID) error {
		return p.People.EndAccount(v.Ctx(), v.Actor, id, v.Value("reason"))
	})
}

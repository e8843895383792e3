package office

import (
	"net/http"
	"net/url"
	"strings"

	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/web/frame"
	"plumbline.dev/plumb/internal/web/personal"
)

// human is one row of the list of people.
type human struct {
	directory.Person
	Username string // of the first account that works
	Roles    []string
	Away     personal.Away
}

func (h human) out(v personal.Away) human { h.Away = v; return h }

// listed is a page of the list of people.
type listed struct {
	desk
	Query string
	All   bool // disabled people too
	Rows  []human
	Total int
	Older string // address of the next page; "" at the end
}

func (p Pages) listPeople(v *frame.Visit) error {
	r, err := p.People.Roster(v.Ctx())
	if err != nil {
		return err
	}
	people, err := p.People.People(v.Ctx())
	if err != nil {
		return err
	}
	away, err := p.Own.Absences(v.Ctx())
	if err != nil {
		return err
	}
	l := listed{desk: p.desk(v, "People", "/admin/people"), Query: v.Value("q"), All: v.Value("all") != ""}
	after := v.Value("after")
	for _, x := range people {
		h := human{Person: x, Username: username(r, x.ID), Roles: r.Roles(x.ID)}
		if x.Disabled != 0 && !l.All || !h.matches(l.Query) {
			continue
		}
		l.Total++
		if key := x.Name + "\n" + string(x.ID); after != "" && key <= after {
			continue
		}
		if len(l.Rows) == pageSize {
			last := l.Rows[pageSize-1]
			q := url.Values{"q": {l.Query}, "all": v.R.URL.Query()["all"], "after": {last.Name + "\n" + string(last.ID)}}
			l.Older = "/admin/people?" + q.Encode()
			after = "\uffff" // only counted from here on
			continue
		}
		l.Rows = append(l.Rows, h.out(away[string(x.ID)]))
	}
	return v.Show(l.Frame, people_(l))
}

// matches looks for a text in what people are called and hold.
func (h human) matches(query string) bool {
	for _, word := range strings.Fields(strings.ToLower(query)) {
		if !strings.Contains(strings.ToLower(h.Name+" "+h.Email+" "+h.Username+" "+strings.Join(h.Roles, " ")), word) {
			return false
		}
	}
	return true
}

// username is the name of a person's first account that works; "" without one.
func username(r *directory.Roster, id directory.PersonID) string {
	for _, a := range r.Accounts(id) {
		if a.Kind == directory.Local && a.Ended == 0 {
			return a.Username
		}
	}
	return ""
}

// handed is a one-time code with the link on which it becomes a password. It is made for one answer, and
// kept nowhere.
type handed struct {
	Name     string // whose
	Username string
	Code     string
	Link     string
	Again    bool // it takes the place of a password
	Person   directory.PersonID
}

func (p Pages) handed(name, username string, code seal.Secret) *handed {
	return &handed{Name: name, Username: username, Code: code.Reveal(), Link: Invitation(p.URL, username)}
}

// Invitation is the address on which somebody chooses a password with a one-time code.
func Invitation(base, username string) string {
	return strings.TrimSuffix(base, "/") + "/login?code=yes&user=" + url.QueryEscape(username)
}

func (p Pages) askPerson(v *frame.Visit) error { return p.personForm(v, http.StatusOK, frame.Filled()) }

func (p Pages) personForm(v *frame.Visit, status int, e *frame.Entry) error {
	d := p.desk(v, "Add a person", "/admin/people")
	return v.ShowAs(status, d.Frame, newPerson(d, e))
}

func (p Pages) addPerson(v *frame.Visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	n := directory.NewPerson{Name: v.Value("name"), Email: v.Value("email"), Username: v.Value("username"), Note: v.Value("note")}
	ctx, sent := once(v)
	x, code, err := p.People.AddPerson(ctx, v.Actor, n)
	made, err := sent.Of(err)
	if made != "" {
		return v.Go(personPath(directory.PersonID(made)), lost+": if the code did not arrive, make another under Forgotten password.")
	}
	if err != nil {
		return v.Again(err, func(status int, e *frame.Entry) error { return p.personForm(v, status, e) })
	}
	return p.person(v, http.StatusOK, x.ID, nil, p.handed(x.Name, n.Username, code))
}

func (p Pages) askEdit(v *frame.Visit) error {
	x, err := p.known(v)
	if err != nil {
		return err
	}
	return p.editForm(v, http.StatusOK, x, frame.Filled("name", x.Name, "email", x.Email, "note", x.Note))
}

func (p Pages) editForm(v *frame.Visit, status int, x directory.Person, e *frame.Entry) error {
	d := p.desk(v, "Edit "+x.Name, "/admin/people")
	return v.ShowAs(status, d.Frame, editedPerson(d, x, e))
}

func (p Pages) editPerson(v *frame.Visit) error {
	x, err := p.known(v)
	if err != nil {
		return err
	}
	if err := v.Form(); err != nil {
		return err
	}
	if _, err := p.People.EditPerson(v.Ctx(), v.Actor, x.ID, v.Value("name"), v.Value("email"), v.Value("note")); err != nil {
		return v.Again(err, func(status int, e *frame.Entry) error { return p.editForm(v, status, x, e) })
	}
	return v.Go(personPath(x.ID), "The person is changed.")
}

func personPath(id directory.PersonID) string { return "/admin/people/" + string(id) }

// known is the person that the address names.
func (p Pages) known(v *frame.Visit) (directory.Person, error) {
	r, err := p.People.Roster(v.Ctx())
	if err != nil {
		return directory.Person{}, err
	}
	x, ok := r.Person(directory.PersonID(v.R.PathValue("id")))
	if !ok {
		return x, fault.New(fault.NotFound, "no_person", "There is no such person.").FixedBy("you").Then("look for them under Administration, People")
	}
	return x, nil
}

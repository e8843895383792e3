package entrance

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/web/frame"
	"plumbline.dev/plumb/internal/web/ui"
	"plumbline.dev/plumb/policies"
)

// The rows of people: how many an empty form has, and the most that it takes.
const (
	firstRows = 5
	mostRows  = 60
)

// founding is the set-up form: what was typed, who fills what with it, and why it was not taken. Secrets
// are never shown again.
type founding struct {
	Company, Prefix, Zone string
	Pack                  string
	Packs                 []string
	Title                 string // of the pack
	Roles                 []policy.Role
	Rows                  []row
	Staff                 policy.Staffing
	Checked               bool // what was typed was looked at, not only drawn again
	Added                 int  // number of the row that was just added; 0 for none
	Refused               *fault.Error
}

// row is one person of the form.
type row struct {
	N                     int // in the names of its fields
	Name, Email, Username string
	Officer               bool
	Roles                 []string
	Wrong                 map[string]string // field → what is wrong with it
	password              seal.Secret
}

func (r row) empty() bool {
	return r.Name == "" && r.Email == "" && r.Username == "" && !r.Officer && len(r.Roles) == 0
}

// named reports whether a row says who it is.
func (r row) named() bool { return r.Name != "" && r.Email != "" && r.Username != "" }

// unfolded says of a row that it is shown with its fields: what is wrong, what was just added, and the first that is to be filled in. The
// form is a long one, and a phone is small.
func (f founding) unfolded(r row) bool {
	next := slices.IndexFunc(f.Rows, func(x row) bool { return !x.named() })
	return len(r.Wrong) > 0 || f.Added > 0 && r.N == f.Added || next >= 0 && f.Rows[next].N == r.N
}

// holds are the titles of a row's roles, for the line that a folded row is.
func (f founding) holds(r row) string {
	out := []string{}
	if r.Officer {
		out = append(out, "Security Officer")
	}
	for _, x := range f.offered() {
		if slices.Contains(r.Roles, x.Name) {
			out = append(out, x.Title)
		}
	}
	if len(out) == 0 {
		return "no role yet"
	}
	return strings.Join(out, ", ")
}

func (r row) field(name string) string { return fmt.Sprintf("p%d-%s", r.N, name) }

func (r row) in(name, label, value string) ui.In {
	return ui.In{Name: r.field(name), Label: label, Value: value, Wrong: r.Wrong[name], Complete: "off"}
}

func (p Pages) askSetup(v *frame.Visit) error {
	done, err := p.People.SetupDone(v.Ctx())
	if err != nil {
		return err
	}
	if done {
		return v.Go("/login", "")
	}
	f := founding{Prefix: "CHG", Zone: "UTC", Pack: policies.Default}
	for i := range firstRows {
		f.Rows = append(f.Rows, row{N: i, Officer: i < 2})
	}
	return p.setupForm(v, http.StatusOK, f)
}

func (p Pages) setupForm(v *frame.Visit, status int, f founding) error {
	pack, err := change.Shipped(f.Pack)
	if err != nil {
		return err
	}
	f.Packs, f.Roles, f.Title = []string{policies.Default}, pack.Roles, pack.Title
	f.Staff = pack.Staff(f.people())
	frame := v.Frame("Set up Plumbline", "")
	return v.ShowAs(status, frame, setup(f))
}

// people are the typed people as the policy sees them, named as they are named on the form.
func (f founding) people() []policy.Person {
	out := []policy.Person{}
	for _, r := range f.Rows {
		if r.empty() {
			continue
		}
		x := policy.Person{ID: r.called(), Roles: slices.DeleteFunc(slices.Clone(r.Roles), func(role string) bool {
			return role == string(directory.Admin) || role == string(directory.Auditor)
		})}
		if r.Officer {
			x.Roles = append(x.Roles, string(directory.Officer))
		}
		out = append(out, x)
	}
	return out
}

func (r row) called() string {
	for _, s := range []string{r.Name, r.Username, r.Email} {
		if s != "" {
			return s
		}
	}
	return fmt.Sprintf("person %d", r.N+1)
}

// readSetup reads the form. Rows come in the order in which they were shown.
func readSetup(form url.Values) founding {
	f := founding{Company: strings.TrimSpace(form.Get("company")), Prefix: strings.TrimSpace(form.Get("prefix")),
		Zone: strings.TrimSpace(form.Get("zone")), Pack: form.Get("pack")}
	for _, s := range form["row"] {
		n, err := strconv.Atoi(s)
		if err != nil || n < 0 || len(f.Rows) == mostRows {
			continue
		}
		r := row{N: n}
		r.Name, r.Email = strings.TrimSpace(form.Get(r.field("name"))), strings.TrimSpace(form.Get(r.field("email")))
		r.Username, r.Officer = strings.TrimSpace(form.Get(r.field("username"))), form.Get(r.field("officer")) != ""
		r.Roles, r.password = form[r.field("roles")], seal.Secret(form.Get(r.field("password")))
		f.Rows = append(f.Rows, r)
	}
	return f
}

// takeSetup draws the form anew, with a row more or less, or holds the ceremony.
func (p Pages) takeSetup(v *frame.Visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	f := readSetup(v.R.PostForm)
	do, number, _ := strings.Cut(v.Value("do"), " ")
	switch do {
	case "add":
		if len(f.Rows) < mostRows {
			f.Added = f.next()
			f.Rows = append(f.Rows, row{N: f.Added})
		}
		return p.setupForm(v, http.StatusOK, f)
	case "remove":
		f.Rows = slices.DeleteFunc(f.Rows, func(r row) bool { return strconv.Itoa(r.N) == number })
		return p.setupForm(v, http.StatusOK, f)
	case "begin":
		return p.found(v, f)
	}
	f.Checked = true
	return p.setupForm(v, http.StatusOK, f)
}

func (f founding) next() int {
	n := 0
	for _, r := range f.Rows {
		n = max(n, r.N+1)
	}
	return n
}

// found holds the ceremony and shows the one-time codes, this once.
func (p Pages) found(v *frame.Visit, f founding) error {
	pack, err := change.Shipped(f.Pack)
	if err != nil {
		return err
	}
	f.Rows = slices.DeleteFunc(f.Rows, row.empty)
	s := directory.Setup{Company: f.Company, Prefix: f.Prefix, Zone: f.Zone}
	for _, r := range f.Rows {
		x := directory.SetupPerson{Name: r.Name, Email: r.Email, Username: r.Username, Password: r.password}
		for _, role := range r.Roles {
			x.Roles = append(x.Roles, directory.RoleName(role))
		}
		s.People = append(s.People, x)
		if r.Officer {
			s.Officers = append(s.Officers, r.Username)
		}
	}
	done, err := p.Changes.Ceremony(v.Ctx(), seal.Secret(v.Value("code")), s, pack, "page", v.Actor.Request)
	if err != nil {
		if fault.Of(err).Code == "set_up_already" {
			return err
		}
		e, status := v.Refusal(err)
		if e == nil {
			return err
		}
		f.Checked = true
		f.refuse(e)
		return p.setupForm(v, status, f)
	}
	page := v.Frame("Set up", "")
	page.Width = "reading"
	return v.Show(page, settled(page, p.handOut(s, done)))
}

// refuse puts what is wrong with a person's member to its field; the rest stands above the form.
func (f *founding) refuse(e *fault.Error) {
	kept := *e
	kept.Fields = nil
	for _, x := range e.Fields {
		inner, isPerson := strings.CutPrefix(x.Path, "people[")
		number, member, _ := strings.Cut(inner, "].")
		i, err := strconv.Atoi(number)
		if !isPerson || err != nil || i >= len(f.Rows) {
			kept.Fields = append(kept.Fields, x)
			continue
		}
		if f.Rows[i].Wrong == nil {
			f.Rows[i].Wrong = map[string]string{}
		}
		f.Rows[i].Wrong[member] = sentence(x.Problem)
	}
	f.Refused = &kept
}

func sentence(problem string) string {
	problem = strings.TrimSuffix(problem, ".")
	if problem == "" {
		return ""
	}
	return strings.ToUpper(problem[:1]) + problem[1:] + "."
}

// wrong is what stands at a field of the form itself.
func (f founding) wrong(field string) string {
	if f.Refused == nil {
		return ""
	}
	for _, x := range f.Refused.Fields {
		if x.Path == field {
			return sentence(x.Problem)
		}
	}
	return ""
}

// above is the refusal without what stands at its field.
func (f founding) above() *fault.Error {
	if f.Refused == nil {
		return nil
	}
	e := *f.Refused
	e.Fields = slices.DeleteFunc(slices.Clone(e.Fields), func(x fault.Field) bool { return slices.Contains([]string{"company", "prefix", "zone"}, x.Path) })
	return &e
}

// code is one one-time code to hand out.
type code struct{ Name, Username, Code, Link string }

type founded struct {
	Company string
	Codes   []code
	People  int
}

func (p Pages) handOut(s directory.Setup, done directory.Settled) founded {
	out := founded{Company: s.Company, People: len(s.People)}
	for _, x := range s.People {
		if secret := done.Codes[x.Username]; secret != "" {
			out.Codes = append(out.Codes, code{x.Name, x.Username, secret.Reveal(), strings.TrimSuffix(p.URL, "/") + "/login?code=yes&user=" + url.QueryEscape(x.Username)})
		}
	}
	return out
}

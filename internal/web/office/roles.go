package office

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/web/frame"
	"plumbline.dev/plumb/internal/web/personal"
)

// offices is who holds which role today, and what the rules can still get done with them.
type offices struct {
	desk
	Roles  []officeOf
	Rules  []question
	Open   []string // what the rules lack with everybody there
	Tight  []string // works, with nobody to spare
	Grants []officer
	Entry  *frame.Entry
}

// officeOf is one role with its holders.
type officeOf struct {
	policy.Staffed
	Holders []holder
	Grants  []grantRow // who was given it, people and groups
	Here    int        // holders who are not out of office
}

// holder is one active person with a role.
type holder struct {
	ID   directory.PersonID
	Name string
	Away personal.Away
	Out  bool // out of office now
}

// grantRow is one grant of a role.
type grantRow struct {
	directory.RoleGrant
	Name string
	Path string
	Who  string // as filing names it
}

// question is one rule that asks for approvals.
type question struct {
	Rule  policy.Rule
	Gap   string // what these people lack for it; "" for nothing
	Today string // what those who are in office lack for it; "" for nothing
}

// officer is somebody who could get a role.
type officer struct{ ID, Name string }

// mostOffered is how many people and groups a list to choose from holds on the page of roles, which has one
// for each role; in a larger company the role is given on the person's page.
const mostOffered = 100

func (p Pages) showRoles(v *frame.Visit) error { return p.roles(v, http.StatusOK, frame.Filled()) }

func (p Pages) roles(v *frame.Visit, status int, e *frame.Entry) error {
	r, err := p.People.Roster(v.Ctx())
	if err != nil {
		return err
	}
	pack, err := p.Changes.Pack(v.Ctx())
	if err != nil {
		return err
	}
	away, err := p.Own.Absences(v.Ctx())
	if err != nil {
		return err
	}
	o := offices{desk: p.desk(v, "Who can approve", "/admin/roles"), Entry: e}
	o.staff(pack, r, away, v.Now)
	for _, x := range r.People() {
		id := directory.PersonID(x.ID)
		o.Grants = append(o.Grants, officer{x.ID, r.Name(id) + " (" + username(r, id) + ")"})
	}
	for _, g := range r.Groups() {
		o.Grants = append(o.Grants, officer{string(g.ID), "the group " + g.Name})
	}
	return v.ShowAs(status, o.Frame, roles_(o))
}

// staff works out who fills what, of all and of those who are in office now.
func (o *offices) staff(pack *policy.Pack, r *directory.Roster, away map[string]personal.Away, now time.Time) {
	people := packPeople(pack, r.People())
	here := slices.DeleteFunc(slices.Clone(people), func(x policy.Person) bool { return away[x.ID].At(now) })
	all, today := pack.Staff(people), pack.Staff(here)
	for i, q := range all.Rules {
		row := question{Rule: q.Rule, Gap: lacks(q.Gap)}
		if row.Gap == "" {
			row.Today = lacks(today.Rules[i].Gap)
		}
		o.Rules = append(o.Rules, row)
	}
	for _, s := range append(all.Roles, builtIn(pack, r)...) {
		x := officeOf{Staffed: s}
		for _, id := range s.Held {
			h := holder{directory.PersonID(id), r.Name(directory.PersonID(id)), away[id], away[id].At(now)}
			if !h.Out {
				x.Here++
			}
			x.Holders = append(x.Holders, h)
		}
		slices.SortFunc(x.Holders, func(a, b holder) int { return cmp.Compare(a.Name, b.Name) })
		for _, g := range r.Grants() {
			if string(g.Role) == s.Name {
				x.Grants = append(x.Grants, rowOf(r, g))
			}
		}
		o.Roles = append(o.Roles, x)
	}
	o.Open, o.Tight = sentences(all.Open, r), sentences(all.Tight, r)
}

// packPeople are the holders of roles of the pack, with these roles only.
func packPeople(pack *policy.Pack, people []policy.Person) []policy.Person {
	out := []policy.Person{}
	for _, x := range people {
		x.Roles = slices.DeleteFunc(slices.Clone(x.Roles), func(role string) bool { _, inPack := pack.Role(role); return !inPack })
		if len(x.Roles) > 0 {
			out = append(out, x)
		}
	}
	return out
}

// builtIn are the roles that the program itself knows.
func builtIn(pack *policy.Pack, r *directory.Roster) []policy.Staffed {
	var out []policy.Staffed
	for _, role := range knownRoles(pack)[len(pack.Roles):] {
		s := policy.Staffed{Role: role}
		for _, id := range r.Holders(directory.RoleName(role.Name)) {
			s.Held = append(s.Held, string(id))
		}
		out = append(out, s)
	}
	return out
}

func rowOf(r *directory.Roster, g directory.RoleGrant) grantRow {
	if x, isPerson := r.Person(directory.PersonID(g.Holder)); isPerson {
		return grantRow{g, x.Name, personPath(x.ID), username(r, x.ID)}
	}
	group, _ := r.Group(directory.GroupID(g.Holder))
	return grantRow{g, "the group " + group.Name, "/admin/groups/" + g.Holder, group.Name}
}

// lacks says in words what keeps a rule from being satisfied.
func lacks(g *policy.Gap) string {
	switch {
	case g == nil:
		return ""
	case g.Role == "":
		return "two different people are needed"
	case g.Need == 1:
		return "one more " + g.Role + " is needed"
	}
	return "more holders of " + g.Role + " are needed"
}

// sentences are findings in words, with names where the policy has ids.
func sentences(list []policy.Finding, r *directory.Roster) []string {
	pairs := []string{}
	for _, x := range r.People() {
		pairs = append(pairs, x.ID, r.Name(directory.PersonID(x.ID)))
	}
	names := strings.NewReplacer(pairs...)
	var out []string
	for _, f := range list {
		text := names.Replace(f.Text)
		out = append(out, strings.ToUpper(text[:1])+text[1:]+".")
	}
	return out
}

func (p Pages) grantRole(v *frame.Visit) error {
	return p.changeRoles(v, "The role is given.", directory.GrantRole)
}

func (p Pages) revokeRole(v *frame.Visit) error {
	return p.changeRoles(v, "The role is taken.", directory.RevokeRole)
}

// changeRoles gives or takes a role that cannot approve; one that can leads to the change that may.
func (p Pages) changeRoles(v *frame.Visit, done string, op directory.GrantOp) error {
	if err := v.Form(); err != nil {
		return err
	}
	g := directory.Grant{Op: op, Role: directory.RoleName(v.Value("role"))}
	if until := v.Value("until"); until != "" && op == directory.GrantRole {
		t, ok := day(until, v.Zone)
		if !ok {
			e := frame.Typed(v)
			e.Refused = fault.New(fault.Invalid, "bad_day", "That is no day.").At("until", "is a day such as 2026-03-31").FixedBy("you").Then("choose a day")
			return p.roles(v, http.StatusBadRequest, e)
		}
		g.Until = t.AddDate(0, 0, 1).UnixMicro() // to the end of that day
	}
	err := p.assign(v, g, v.Value("holder"))
	if err == nil {
		to := "/admin/roles"
		if back := v.Value("back"); back != "" {
			to = back
		}
		return v.Go(to, done)
	}
	return v.Again(err, func(status int, e *frame.Entry) error { return p.roles(v, status, e) })
}

// AccessChange is the address of the form for an access change, filled in: op is grant, revoke, join or
// leave, who a username or the name of a group, into the group for join and leave.
func AccessChange(op, role, who, into string) string {
	verb := map[string]string{"grant": "Grant " + role + " to " + who, "revoke": "Revoke " + role + " from " + who,
		"join": "Add " + who + " to the group " + into, "leave": "Take " + who + " out of the group " + into}[op]
	q := url.Values{"category": {"access"}, "g.0.op": {op}, "g.0.who": {who}}
	for name, value := range map[string]string{"g.0.role": role, "g.0.into": into} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if who != "" {
		q.Set("summary", verb)
	}
	return "/changes/new?" + q.Encode()
}

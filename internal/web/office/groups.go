package office

import (
	"cmp"
	"net/http"
	"slices"

	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/web/frame"
	"plumbline.dev/plumb/internal/web/personal"
)

// circle is one group with what it gives.
type circle struct {
	directory.Group
	People   int // through other groups, too
	Confers  []directory.RoleName
	Approves bool // one of these roles approves, so its members change by access changes only
}

type groupsView struct {
	desk
	Groups []circle
	Entry  *frame.Entry
}

type groupView struct {
	desk
	Of      circle
	Members []place
	Into    []directory.Group // groups that this one is in
	Add     []candidate
	Entry   *frame.Entry
}

// place is one member of a group.
type place struct {
	directory.Member
	Name     string
	Path     string
	Who      string // as filing names it: a username, or a group's name
	Disabled bool
}

// candidate is somebody who could come into a group.
type candidate struct{ ID, Name string }

func circleOf(r *directory.Roster, pack *policy.Pack, g directory.Group) circle {
	c := circle{Group: g, People: len(r.PeopleIn(g.ID)), Confers: r.Confers(g.ID)}
	roles := knownRoles(pack)
	c.Approves = slices.ContainsFunc(c.Confers, func(name directory.RoleName) bool { return roleOf(roles, string(name)).Approves })
	return c
}

func (p Pages) listGroups(v *frame.Visit) error { return p.groups(v, http.StatusOK, frame.Filled()) }

func (p Pages) groups(v *frame.Visit, status int, e *frame.Entry) error {
	r, err := p.People.Roster(v.Ctx())
	if err != nil {
		return err
	}
	pack, err := p.Changes.Pack(v.Ctx())
	if err != nil {
		return err
	}
	g := groupsView{desk: p.desk(v, "Groups", "/admin/groups"), Entry: e}
	for _, x := range r.Groups() {
		g.Groups = append(g.Groups, circleOf(r, pack, x))
	}
	return v.ShowAs(status, g.Frame, groups_(g))
}

func (p Pages) addGroup(v *frame.Visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	ctx, sent := once(v)
	g, err := p.People.AddGroup(ctx, v.Actor, v.Value("name"), v.Value("note"))
	made, err := sent.Of(err)
	if made != "" {
		return v.Go("/admin/groups/"+made, personal.Twice)
	}
	if err != nil {
		return v.Again(err, func(status int, e *frame.Entry) error { return p.groups(v, status, e) })
	}
	return v.Go("/admin/groups/"+string(g.ID), "The group is made. It is empty and gives nothing yet.")
}

func (p Pages) showGroup(v *frame.Visit) error { return p.group(v, http.StatusOK, frame.Filled()) }

func (p Pages) group(v *frame.Visit, status int, e *frame.Entry) error {
	r, err := p.People.Roster(v.Ctx())
	if err != nil {
		return err
	}
	pack, err := p.Changes.Pack(v.Ctx())
	if err != nil {
		return err
	}
	x, ok := r.Group(directory.GroupID(v.R.PathValue("id")))
	if !ok {
		return fault.New(fault.NotFound, "no_group", "There is no such group.").FixedBy("you").Then("look for it under Administration, Groups")
	}
	g := groupView{desk: p.desk(v, x.Name, "/admin/groups"), Of: circleOf(r, pack, x), Entry: e}
	inside := map[string]bool{string(x.ID): true}
	for _, m := range x.Members {
		g.Members = append(g.Members, placeOf(r, m))
		inside[string(m.Person)+string(m.Group)] = true
	}
	for _, person := range r.People() {
		if id := directory.PersonID(person.ID); !inside[person.ID] {
			g.Add = append(g.Add, candidate{person.ID, r.Name(id) + " (" + username(r, id) + ")"})
		}
	}
	slices.SortFunc(g.Add, func(a, b candidate) int { return cmp.Compare(a.Name, b.Name) })
	for _, other := range r.Groups() {
		if slices.ContainsFunc(other.Members, func(m directory.Member) bool { return m.Group == x.ID }) {
			g.Into = append(g.Into, other)
		}
		if !inside[string(other.ID)] {
			g.Add = append(g.Add, candidate{string(other.ID), "the group " + other.Name})
		}
	}
	return v.ShowAs(status, g.Frame, group_(g))
}

func placeOf(r *directory.Roster, m directory.Member) place {
	if m.Group != "" {
		g, _ := r.Group(m.Group)
		return place{m, g.Name, "/admin/groups/" + string(m.Group), g.Name, false}
	}
	x, _ := r.Person(m.Person)
	return place{m, x.Name, personPath(m.Person), username(r, m.Person), x.Disabled != 0}
}

// changeGroup runs what a form on a group's page asks for, and shows the page again where it is refused.
func (p Pages) changeGroup(v *frame.Visit, to, done string, do func(directory.GroupID) error) error {
	if err := v.Form(); err != nil {
		return err
	}
	id := directory.GroupID(v.R.PathValue("id"))
	if err := do(id); err != nil {
		return v.Again(err, func(status int, e *frame.Entry) error { return p.group(v, status, e) })
	}
	if to == "" {
		to = "/admin/groups/" + string(id)
	}
	return v.Go(to, done)
}

func (p Pages) joinGroup(v *frame.Visit) error {
	return p.changeGroup(v, "", "The member is in.", func(id directory.GroupID) error {
		return p.assign(v, directory.Grant{Op: directory.JoinGroup, Into: id}, v.Value("member"))
	})
}

func (p Pages) leaveGroup(v *frame.Visit) error {
	return p.changeGroup(v, "", "The member is out.", func(id directory.GroupID) error {
		return p.assign(v, directory.Grant{Op: directory.LeaveGroup, Into: id}, v.Value("member"))
	})
}

func (p Pages) dropGroup(v *frame.Visit) error {
	return p.changeGroup(v, "/admin/groups", "The group is gone.", func(id directory.GroupID) error {
		return p.People.DropGroup(v.Ctx(), v.Actor, id)
	})
}

// assign carries a grant out for a person or a group.
func (p Pages) assign(v *frame.Visit, g directory.Grant, holder string) error {
	r, err := p.People.Roster(v.Ctx())
	if err != nil {
		return err
	}
	if _, isPerson := r.Person(directory.PersonID(holder)); isPerson {
		g.Person = directory.PersonID(holder)
	} else {
		g.Group = directory.GroupID(holder)
	}
	return p.People.Assign(v.Ctx(), v.Actor, g)
}

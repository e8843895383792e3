package directory_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/policy"
)

func (h *house) group(name string, members ...directory.Grant) directory.GroupID {
	h.t.Helper()
	g, err := h.AddGroup(h.t.Context(), h.as("olga"), name, "")
	h.must(err)
	for _, m := range members {
		m.Op, m.Into = directory.JoinGroup, g.ID
		h.must(h.apply(m))
	}
	return g.ID
}

func TestRolesReachPeopleThroughGroups(t *testing.T) {
	t.Parallel()
	h := open(t)
	inner := h.group("inner", directory.Grant{Person: h.people["dev"]})
	outer := h.group("outer", directory.Grant{Group: inner}, directory.Grant{Person: h.people["erin"]})
	granted := h.clock.Now()
	h.must(h.apply(directory.Grant{Op: directory.GrantRole, Group: outer, Role: "security-lead"}))
	r := h.roster()
	for _, who := range []string{"dev", "erin", "sam"} {
		if !r.Holds(h.people[who], "security-lead") {
			t.Errorf("%s holds %v", who, r.Roles(h.people[who]))
		}
	}
	if !slices.Equal(r.Roles(h.people["erin"]), []string{"engineering-lead", "security-lead"}) {
		t.Errorf("erin holds %v", r.Roles(h.people["erin"]))
	}
	// who comes later holds the role since then, which a policy may make them wait after
	h.clock.Add(time.Hour)
	h.must(h.apply(directory.Grant{Op: directory.JoinGroup, Person: h.people["olga"], Into: inner}))
	r = h.roster()
	if since, ok := r.Since(h.people["olga"], "security-lead"); !ok || !since.Equal(h.clock.Now()) {
		t.Errorf("olga since %v, %v", since, ok)
	}
	if since, ok := r.Since(h.people["dev"], "security-lead"); !ok || !since.Equal(granted) {
		t.Errorf("dev since %v, %v; want %v", since, ok, granted)
	}
	if _, ok := r.Since(h.people["audra"], "security-lead"); ok {
		t.Error("audra holds security-lead")
	}
	h.must(h.apply(directory.Grant{Op: directory.LeaveGroup, Group: inner, Into: outer}))
	if got := h.roster().Holders("security-lead"); len(got) != 2 {
		t.Errorf("holders = %v, want sam and erin", got)
	}
	h.whole()
}

func TestARoleEndsAtItsInstant(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.must(h.apply(directory.Grant{Op: directory.GrantRole, Person: h.people["dev"], Role: "security-lead", Until: until(h.clock, time.Hour)}))
	h.clock.Add(time.Hour - time.Microsecond)
	if !h.roster().Holds(h.people["dev"], "security-lead") {
		t.Error("dev lost the role early")
	}
	h.clock.Add(time.Microsecond)
	if h.roster().Holds(h.people["dev"], "security-lead") {
		t.Error("dev holds the role after its end")
	}
	r, err := h.Roster(t.Context())
	h.must(err)
	if r.Holds(h.people["dev"], "security-lead") {
		t.Error("dev holds the role after its end, outside a transaction")
	}
	h.must(h.apply(directory.Grant{Op: directory.GrantRole, Person: h.people["dev"], Role: "security-lead"}))
	if since, ok := h.roster().Since(h.people["dev"], "security-lead"); !ok || !since.Equal(h.clock.Now()) {
		t.Errorf("granted anew since %v, %v", since, ok)
	}
	h.whole()
}

// A group of which nothing sure can be said has nobody in it: rows that no use-case would write.
func TestACycleOrTooDeepANestHasNobodyInIt(t *testing.T) {
	t.Parallel()
	persons := []directory.Person{{ID: "per_a", Name: "a"}, {ID: "per_b", Name: "b"}}
	group := func(id string, members ...directory.Member) directory.Group {
		return directory.Group{ID: directory.GroupID(id), Members: members}
	}
	chain := func(n int) (list []directory.Group) {
		for i := 1; i < n; i++ {
			list = append(list, group(fmt.Sprint("grp_", i), directory.Member{Group: directory.GroupID(fmt.Sprint("grp_", i+1))}))
		}
		return append(list, group(fmt.Sprint("grp_", n), directory.Member{Person: "per_a"}))
	}
	cycle := []directory.Group{group("grp_1", directory.Member{Person: "per_b"}, directory.Member{Group: "grp_2"}),
		group("grp_2", directory.Member{Person: "per_a"}, directory.Member{Group: "grp_1"})}
	for what, try := range map[string]struct {
		groups []directory.Group
		want   int
	}{
		"eight deep":      {chain(8), 1},
		"nine deep":       {chain(9), 0},
		"a cycle":         {cycle, 0},
		"itself":          {[]directory.Group{group("grp_1", directory.Member{Person: "per_a"}, directory.Member{Group: "grp_1"})}, 0},
		"a lost group":    {[]directory.Group{group("grp_1", directory.Member{Group: "grp_9"})}, 0},
		"a lost person":   {[]directory.Group{group("grp_1", directory.Member{Person: "per_9"})}, 0},
		"beside a cycle":  {append(cycle, group("grp_0", directory.Member{Person: "per_a"})), 0},
		"around a cycle":  {append([]directory.Group{group("grp_1", directory.Member{Group: "grp_3"})}, group("grp_3", directory.Member{Person: "per_a"}, directory.Member{Group: "grp_3"})), 0},
		"twice the same":  {[]directory.Group{group("grp_1", directory.Member{Person: "per_a"}, directory.Member{Group: "grp_2"}), group("grp_2", directory.Member{Person: "per_a"})}, 1},
		"an empty group":  {[]directory.Group{group("grp_1")}, 0},
		"no group at all": {nil, 0},
	} {
		r := directory.RosterWith(persons, try.groups, []directory.RoleGrant{{Role: "lead", Holder: "grp_1", Since: 1}}, 10)
		if got := r.Holders("lead"); len(got) != try.want {
			t.Errorf("%s: %v hold the role, want %d", what, got, try.want)
		}
	}
}

// Groups that nest too deep confer nothing, so they are no way by which a role is held either.
func TestAWayLeadsThroughNoMoreGroupsThanMayNest(t *testing.T) {
	t.Parallel()
	for deep, want := range map[int]int{directory.MaxNesting: 2, directory.MaxNesting + 1: 1} {
		groups := []directory.Group{{ID: "grp_1", Members: []directory.Member{{Person: "per_a"}}}}
		for i := 2; i <= deep; i++ {
			inner := directory.Member{Group: groups[i-2].ID}
			groups = append(groups, directory.Group{ID: directory.GroupID(fmt.Sprint("grp_", i)), Members: []directory.Member{inner}})
		}
		r := directory.RosterWith([]directory.Person{{ID: "per_a", Name: "a"}}, groups, []directory.RoleGrant{
			{Role: "lead", Holder: "per_a", Since: 1}, {Role: "lead", Holder: string(groups[deep-1].ID), Since: 1}}, 10)
		if ways := r.Ways("per_a"); len(ways) != want {
			t.Errorf("%d groups deep: the ways are %+v, want %d", deep, ways, want)
		}
	}
}

// Whatever the rows say, only active people hold roles, and only such as somebody granted.
func TestNobodyHoldsWhatWasNotGranted(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var persons []directory.Person
		for i := range 5 {
			persons = append(persons, directory.Person{ID: directory.PersonID(fmt.Sprint("per_", i)), Disabled: int64(rapid.IntRange(0, 1).Draw(t, "disabled"))})
		}
		any := rapid.SampledFrom([]string{"per_0", "per_1", "per_2", "per_3", "per_4", "per_x", "grp_0", "grp_1", "grp_2", "grp_3", "grp_x"})
		var groups []directory.Group
		for i := range 4 {
			g := directory.Group{ID: directory.GroupID(fmt.Sprint("grp_", i))}
			for _, m := range rapid.SliceOfN(any, 0, 4).Draw(t, "members") {
				if m[0] == 'p' {
					g.Members = append(g.Members, directory.Member{Person: directory.PersonID(m)})
				} else {
					g.Members = append(g.Members, directory.Member{Group: directory.GroupID(m)})
				}
			}
			groups = append(groups, g)
		}
		granted := map[string]bool{}
		var grants []directory.RoleGrant
		for i, holder := range rapid.SliceOfN(any, 0, 4).Draw(t, "holders") {
			g := directory.RoleGrant{Role: directory.RoleName(fmt.Sprint("role", i)), Holder: holder, Until: int64(rapid.SampledFrom([]int{0, 5, 10, 15}).Draw(t, "until"))}
			granted[string(g.Role)] = g.Until == 0 || g.Until > 10
			grants = append(grants, g)
		}
		r := directory.RosterWith(persons, groups, grants, 10)
		for _, p := range r.People() {
			if !r.Active(directory.PersonID(p.ID)) {
				t.Fatalf("%s counts and is disabled", p.ID)
			}
			for _, role := range p.Roles {
				if !granted[role] {
					t.Fatalf("%s holds %s", p.ID, role)
				}
			}
		}
		for _, p := range persons {
			if p.Disabled != 0 && len(r.Roles(p.ID)) > 0 {
				t.Fatalf("%s is disabled and holds %v", p.ID, r.Roles(p.ID))
			}
		}
	})
}

func TestARolledBackGrantIsNeverSeenAgain(t *testing.T) {
	t.Parallel()
	h := open(t)
	lost := fault.New(fault.Conflict, "lost", "Lost.")
	for range 3 {
		err := h.db.Update(t.Context(), fault.SystemActor("test"), func(tx *db.Tx) error {
			if err := h.Apply(tx, directory.Grant{Op: directory.GrantRole, Person: h.people["dev"], Role: "security-lead"}, "CHG-000001"); err != nil {
				return err
			}
			r, err := h.RosterIn(tx)
			if err != nil || !r.Holds(h.people["dev"], "security-lead") {
				t.Errorf("the transaction does not see its own grant: %v", err)
			}
			return lost
		})
		h.refused(err, "lost")
		if h.roster().Holds(h.people["dev"], "security-lead") {
			t.Fatal("a grant that was rolled back counts")
		}
		// a different change right after it
		h.must(h.apply(directory.Grant{Op: directory.GrantRole, Person: h.people["audra"], Role: "implementer"}))
		h.must(h.apply(directory.Grant{Op: directory.RevokeRole, Person: h.people["audra"], Role: "implementer"}))
		if h.roster().Holds(h.people["dev"], "security-lead") {
			t.Fatal("a grant that was rolled back counts after another")
		}
	}
	h.whole()
}

func TestAnotherReplicaSeesAGrantInItsNextTransaction(t *testing.T) {
	t.Parallel()
	h := open(t)
	other := h.desk()
	other.Shared()
	read := func() (r *directory.Roster) {
		h.must(h.db.View(t.Context(), func(tx *db.Tx) (err error) {
			r, err = other.RosterIn(tx)
			return err
		}))
		return r
	}
	if read().Holds(h.people["dev"], "security-lead") {
		t.Fatal("dev is a lead already")
	}
	h.must(h.apply(directory.Grant{Op: directory.GrantRole, Person: h.people["dev"], Role: "security-lead"}))
	if !read().Holds(h.people["dev"], "security-lead") {
		t.Error("the other replica decides by an old roster")
	}
	h.clock.Add(1001 * time.Millisecond)
	r, err := other.Roster(t.Context())
	h.must(err)
	if !r.Holds(h.people["dev"], "security-lead") {
		t.Error("after a second the other replica shows an old roster")
	}
}

func TestUnknownPeopleAndAccountsAreNobody(t *testing.T) {
	t.Parallel()
	h := open(t)
	r := h.roster()
	if r.Active("") || r.Active("per_x") || len(r.Roles("")) > 0 || r.Holds("per_x", directory.Officer) || r.Name("per_x") != "per_x" {
		t.Error("an unknown person counts")
	}
	for _, f := range []func() bool{
		func() bool { _, ok := r.PersonOf(""); return ok }, func() bool { _, ok := r.Named(""); return ok },
		func() bool { _, ok := r.ServiceOwner(""); return ok }, func() bool { _, ok := r.ServiceNamed("sam"); return ok },
		func() bool { _, ok := r.Named("nobody"); return ok }, func() bool { _, ok := r.Person(""); return ok },
		func() bool { _, ok := r.GroupNamed(""); return ok }, func() bool { return len(r.WithEmail("")) > 0 },
		func() bool { _, ok := r.ServiceOwner(directory.AccountID(h.as("sam").Account)); return ok },
	} {
		if f() {
			t.Error("something is found for nobody")
		}
	}
	if p, ok := r.PersonOf(directory.AccountID(h.as("sam").Account)); !ok || p != h.people["sam"] {
		t.Errorf("PersonOf = %v, %v", p, ok)
	}
	var _ []policy.Person = r.People()
}

func TestARoleHeldByTwoWaysIsHeldSinceTheOlderAndUntilTheLater(t *testing.T) {
	t.Parallel()
	persons := []directory.Person{{ID: "per_a"}, {ID: "per_b"}}
	group := []directory.Group{{ID: "grp_1", Members: []directory.Member{{Person: "per_a", Since: 4}, {Person: "per_b", Since: 2}}}}
	for _, way := range []struct {
		direct, byGroup [2]int64 // since, until
		since           int64
		lasting         bool
	}{
		{[2]int64{1, 0}, [2]int64{3, 20}, 1, true},
		{[2]int64{5, 20}, [2]int64{3, 0}, 4, true},
		{[2]int64{5, 20}, [2]int64{3, 30}, 4, false},
		{[2]int64{1, 9}, [2]int64{3, 30}, 4, false}, // the direct one is over
	} {
		r := directory.RosterWith(persons, group, []directory.RoleGrant{
			{Role: directory.Officer, Holder: "grp_1", Since: way.byGroup[0], Until: way.byGroup[1]},
			{Role: directory.Officer, Holder: "per_a", Since: way.direct[0], Until: way.direct[1]}}, 10)
		since, ok := r.Since("per_a", directory.Officer)
		if lasting := slices.Contains(r.Lasting(directory.Officer), "per_a"); !ok || since.UnixMicro() != way.since || lasting != way.lasting {
			t.Errorf("%+v: since %d, lasting %v", way, since.UnixMicro(), lasting)
		}
	}
}

package directory_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/policy"
)

// Requirement A16: who may approve is changed by an approved access change, and by nothing else.
func TestWhoMayApproveIsChangedOnlyByAnAccessChange(t *testing.T) {
	t.Parallel()
	h := open(t)
	olga := h.as("olga")
	leads, plain := h.group("leads"), h.group("plain", directory.Grant{Person: h.people["dev"]})
	around := h.group("around", directory.Grant{Group: leads})
	h.must(h.apply(directory.Grant{Op: directory.GrantRole, Group: around, Role: "engineering-lead"}))
	h.must(h.apply(directory.Grant{Op: directory.JoinGroup, Person: h.people["erin"], Into: leads}))
	for what, g := range map[string]directory.Grant{
		"an approving role":                    {Op: directory.GrantRole, Person: h.people["dev"], Role: "security-lead"},
		"an approving role for a while":        {Op: directory.GrantRole, Person: h.people["dev"], Role: "security-lead", Until: until(h.clock, time.Minute)},
		"to oneself":                           {Op: directory.GrantRole, Person: h.people["olga"], Role: "security-lead"},
		"an approving role to a group":         {Op: directory.GrantRole, Group: plain, Role: "security-lead"},
		"the officers' role":                   {Op: directory.GrantRole, Person: h.people["dev"], Role: directory.Officer},
		"revoking an approving role":           {Op: directory.RevokeRole, Person: h.people["sam"], Role: "security-lead"},
		"revoking a group's":                   {Op: directory.RevokeRole, Group: around, Role: "engineering-lead"},
		"a place in a group that gives one":    {Op: directory.JoinGroup, Person: h.people["dev"], Into: around},
		"a place in a group inside such a one": {Op: directory.JoinGroup, Person: h.people["dev"], Into: leads},
		"a group into such a one":              {Op: directory.JoinGroup, Group: plain, Into: leads},
		"leaving such a one":                   {Op: directory.LeaveGroup, Person: h.people["erin"], Into: leads},
		"taking the inner group out":           {Op: directory.LeaveGroup, Group: leads, Into: around},
	} {
		if err := h.Assign(t.Context(), olga, g); !fault.Is(err, "grant_needs_change") {
			t.Errorf("%s: %s", what, describe(err))
		}
		h.refused(h.Assign(t.Context(), h.as("sam"), g), "not_allowed")
		err := h.db.Update(t.Context(), fault.SystemActor("test"), func(tx *db.Tx) error { return h.Apply(tx, g, "") })
		h.refused(err, "grant_needs_change")
	}
	h.must(h.Assign(t.Context(), olga, directory.Grant{Op: directory.GrantRole, Person: h.people["erin"], Role: "implementer"}))
	h.must(h.Assign(t.Context(), olga, directory.Grant{Op: directory.GrantRole, Group: plain, Role: directory.Admin}))
	h.must(h.Assign(t.Context(), olga, directory.Grant{Op: directory.JoinGroup, Person: h.people["sam"], Into: plain}))
	h.must(h.Assign(t.Context(), olga, directory.Grant{Op: directory.LeaveGroup, Person: h.people["sam"], Into: plain}))
	h.must(h.Assign(t.Context(), olga, directory.Grant{Op: directory.RevokeRole, Person: h.people["erin"], Role: "implementer"}))
	h.must(h.apply(directory.Grant{Op: directory.GrantRole, Person: h.people["dev"], Role: "security-lead"}))
	if r := h.roster(); !r.Holds(h.people["dev"], "security-lead") || !r.Holds(h.people["dev"], directory.Admin) {
		t.Errorf("dev holds %v", r.Roles(h.people["dev"]))
	}
	for _, g := range h.roster().Grants() {
		if g.Role == "security-lead" && g.Holder == string(h.people["dev"]) && g.Change != "CHG-000001" {
			t.Errorf("the grant names the change %q", g.Change)
		}
	}
	h.whole()
}

func TestWithoutAPolicyNoRoleIsKnown(t *testing.T) {
	t.Parallel()
	h := open(t)
	olga := h.as("olga")
	h.Wire(directory.Hooks{})
	for _, g := range []directory.Grant{
		{Op: directory.GrantRole, Person: h.people["dev"], Role: "implementer"},
		{Op: directory.GrantRole, Person: h.people["dev"], Role: "security-lead"},
	} {
		h.refused(h.Assign(t.Context(), olga, g), "bad_grant")
		h.refused(h.apply(g), "bad_grant")
	}
	// a role that the policy no longer knows counts as one that approves
	h.refused(h.Assign(t.Context(), olga, directory.Grant{Op: directory.RevokeRole, Person: h.people["dev"], Role: "implementer"}), "grant_needs_change")
	h.Wire(directory.Hooks{Roles: func(*db.Tx) ([]policy.Role, error) { return nil, fault.New(fault.Unavailable, "no_pack", "No.") }})
	h.refused(h.Assign(t.Context(), olga, directory.Grant{Op: directory.GrantRole, Person: h.people["dev"], Role: directory.Admin}), "no_pack")
	// a pack cannot make the officers' role one that officers hand out
	h.Wire(directory.Hooks{Roles: func(*db.Tx) ([]policy.Role, error) {
		return []policy.Role{{Name: "security-officer", Approves: false}, {Name: "admin", Approves: true}}, nil
	}})
	h.refused(h.Assign(t.Context(), olga, directory.Grant{Op: directory.GrantRole, Person: h.people["dev"], Role: directory.Officer}), "grant_needs_change")
	h.refused(h.Assign(t.Context(), olga, directory.Grant{Op: directory.GrantRole, Person: h.people["dev"], Role: directory.Admin}), "grant_needs_change")
}

func TestGrantsThatMakeNoSenseAreRefused(t *testing.T) {
	t.Parallel()
	h := open(t)
	g1 := h.group("one")
	g2 := h.group("two", directory.Grant{Group: g1})
	dev := h.people["dev"]
	h.must(h.Disable(t.Context(), h.as("olga"), h.people["erin"], "left"))
	for what, try := range map[string]struct {
		g    directory.Grant
		code string
	}{
		"nothing":                   {directory.Grant{}, "bad_grant"},
		"no operation":              {directory.Grant{Person: dev, Role: "security-lead"}, "bad_grant"},
		"an unknown operation":      {directory.Grant{Op: "give", Person: dev, Role: "security-lead"}, "bad_grant"},
		"an unknown one in a group": {directory.Grant{Op: "give", Group: g1, Into: g2}, "bad_grant"},
		"no role":                   {directory.Grant{Op: directory.GrantRole, Person: dev}, "bad_grant"},
		"an unknown role":           {directory.Grant{Op: directory.GrantRole, Person: dev, Role: "king"}, "bad_grant"},
		"nobody":                    {directory.Grant{Op: directory.GrantRole, Role: "security-lead"}, "bad_grant"},
		"two at once":               {directory.Grant{Op: directory.GrantRole, Person: dev, Group: g1, Role: "security-lead"}, "bad_grant"},
		"an unknown person":         {directory.Grant{Op: directory.GrantRole, Person: "per_x", Role: "security-lead"}, "bad_grant"},
		"a disabled person":         {directory.Grant{Op: directory.GrantRole, Person: h.people["erin"], Role: "security-lead"}, "bad_grant"},
		"an unknown group":          {directory.Grant{Op: directory.GrantRole, Group: "grp_x", Role: "security-lead"}, "bad_grant"},
		"an end that is past":       {directory.Grant{Op: directory.GrantRole, Person: dev, Role: "security-lead", Until: until(h.clock, 0)}, "bad_grant"},
		"an end for a revocation":   {directory.Grant{Op: directory.RevokeRole, Person: dev, Role: "implementer", Until: until(h.clock, time.Hour)}, "bad_grant"},
		"into no group":             {directory.Grant{Op: directory.JoinGroup, Person: dev}, "bad_grant"},
		"into an unknown group":     {directory.Grant{Op: directory.JoinGroup, Person: dev, Into: "grp_x"}, "bad_grant"},
		"a role not held":           {directory.Grant{Op: directory.RevokeRole, Person: dev, Role: "security-lead"}, "role_not_held"},
		"a place not held":          {directory.Grant{Op: directory.LeaveGroup, Person: dev, Into: g1}, "not_member"},
		"into itself":               {directory.Grant{Op: directory.JoinGroup, Group: g1, Into: g1}, "group_nesting"},
		"a cycle":                   {directory.Grant{Op: directory.JoinGroup, Group: g2, Into: g1}, "group_nesting"},
		"a place twice":             {directory.Grant{Op: directory.JoinGroup, Group: g1, Into: g2}, "member_already"},
	} {
		if err := h.apply(try.g); !fault.Is(err, try.code) {
			t.Errorf("%s: %s, want %s", what, describe(err), try.code)
		}
	}
	h.must(h.apply(directory.Grant{Op: directory.RevokeRole, Person: h.people["erin"], Role: "engineering-lead"})) // taking away goes
	h.whole()
}

func TestGroupsNestEightDeepAtMost(t *testing.T) {
	t.Parallel()
	h := open(t)
	inner := h.group("g1")
	for i := 2; i <= 8; i++ {
		inner = h.group("g"+string(rune('0'+i)), directory.Grant{Group: inner})
	}
	ninth := h.group("g9")
	h.refused(h.apply(directory.Grant{Op: directory.JoinGroup, Group: inner, Into: ninth}), "group_nesting")
	h.refused(h.DropGroup(t.Context(), h.as("olga"), inner), "group_in_use")
	h.must(h.DropGroup(t.Context(), h.as("olga"), ninth))
	h.refused(h.DropGroup(t.Context(), h.as("olga"), ninth), "no_group")
	_, err := h.AddGroup(t.Context(), h.as("olga"), "G1", "")
	h.refused(err, "group_taken")
	_, err = h.AddGroup(t.Context(), h.as("olga"), "g10", "note\x00")
	h.refused(err, "bad_group")
	_, err = h.AddGroup(t.Context(), h.as("olga"), "", "")
	h.refused(err, "bad_name")
	h.whole()
}

func TestAnOfficerByAGroupIsOneTooAndTheLastOneStays(t *testing.T) {
	t.Parallel()
	h := open(t)
	officers := h.group("officers", directory.Grant{Person: h.people["sam"]}, directory.Grant{Person: h.people["erin"]})
	h.must(h.apply(directory.Grant{Op: directory.GrantRole, Group: officers, Role: directory.Officer}))
	for _, who := range []string{"olga", "otto"} {
		h.must(h.apply(directory.Grant{Op: directory.RevokeRole, Person: h.people[who], Role: directory.Officer}))
	}
	h.refused(h.apply(directory.Grant{Op: directory.RevokeRole, Group: officers, Role: directory.Officer}), "last_officer")
	h.must(h.apply(directory.Grant{Op: directory.LeaveGroup, Person: h.people["sam"], Into: officers}))
	h.refused(h.apply(directory.Grant{Op: directory.LeaveGroup, Person: h.people["erin"], Into: officers}), "last_officer")
	h.refused(h.Disable(t.Context(), h.as("erin"), h.people["erin"], "leaves"), "last_officer")
	h.whole()
}

func TestAGrantIsRecordedWithItsHolderAndItsChange(t *testing.T) {
	t.Parallel()
	h := open(t)
	g := h.group("leads")
	h.must(h.apply(directory.Grant{Op: directory.GrantRole, Group: g, Role: "security-lead"}))
	h.must(h.apply(directory.Grant{Op: directory.JoinGroup, Person: h.people["dev"], Into: g}))
	h.must(h.apply(directory.Grant{Op: directory.LeaveGroup, Person: h.people["dev"], Into: g}))
	h.must(h.apply(directory.Grant{Op: directory.RevokeRole, Group: g, Role: "security-lead"}))
	var got []string
	h.must(h.db.View(t.Context(), func(tx *db.Tx) error {
		list, err := ledger.ReadIn(tx, 0, 1000)
		for _, e := range list[len(list)-4:] {
			got = append(got, e.Leaf.Verb+" "+e.Leaf.Object.Type+" "+e.Leaf.Object.ID+" "+e.Detail)
		}
		return err
	}))
	dev, group := string(h.people["dev"]), string(g)
	want := []string{
		"role.granted group " + group + ` {"change":"CHG-000001","role":"security-lead","until":0}`,
		"group.joined person " + dev + ` {"change":"CHG-000001","into":"` + group + `"}`,
		"group.left person " + dev + ` {"change":"CHG-000001","into":"` + group + `"}`,
		"role.revoked group " + group + ` {"change":"CHG-000001","role":"security-lead","until":0}`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("events\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestWhoAuditsDoesNotApprove(t *testing.T) {
	t.Parallel()
	h := open(t)
	group := h.group("watchers", directory.Grant{Person: h.people["sam"]})
	for what, g := range map[string]directory.Grant{
		"an auditor becomes a lead":          {Op: directory.GrantRole, Person: h.people["audra"], Role: "security-lead"},
		"a lead becomes an auditor":          {Op: directory.GrantRole, Person: h.people["sam"], Role: directory.Auditor},
		"a lead's group becomes an auditor":  {Op: directory.GrantRole, Group: group, Role: directory.Auditor},
		"an officer becomes an auditor":      {Op: directory.GrantRole, Person: h.people["olga"], Role: directory.Auditor},
		"an auditor becomes an officer, too": {Op: directory.GrantRole, Person: h.people["audra"], Role: directory.Officer},
	} {
		if err := h.apply(g); !fault.Is(err, "auditor_approves") {
			t.Errorf("%s: %s", what, describe(err))
		}
	}
	h.must(h.apply(directory.Grant{Op: directory.LeaveGroup, Person: h.people["sam"], Into: group}))
	h.must(h.apply(directory.Grant{Op: directory.GrantRole, Group: group, Role: directory.Auditor}))
	h.refused(h.apply(directory.Grant{Op: directory.JoinGroup, Person: h.people["sam"], Into: group}), "auditor_approves")
	h.refused(h.apply(directory.Grant{Op: directory.GrantRole, Group: group, Role: "security-lead"}), "auditor_approves")
	h.whole()
}

package directory_test

import (
	"fmt"
	"slices"
	"testing"

	"plumbline.dev/plumb/internal/directory"
)

func TestWhoLooksAfterTheServerSeesEverybodysSessionsAndTokensPageByPage(t *testing.T) {
	t.Parallel()
	h := open(t)
	olga, dev, audra := h.as("olga"), h.as("dev"), h.as("audra")
	for i := range 5 {
		h.token(dev, directory.NewToken{Name: fmt.Sprint("token ", i), Scopes: []directory.Scope{directory.ScopeRead}})
	}
	var sessions []directory.SessionID
	for from := (directory.Key{}); ; {
		page, next, err := h.AllSessions(t.Context(), olga, from, 2)
		h.must(err)
		for _, s := range page {
			sessions = append(sessions, s.ID)
		}
		if from = next; next.ID == "" {
			break
		}
	}
	if len(slices.Compact(slices.Sorted(slices.Values(sessions)))) != 3 || len(sessions) != 3 {
		t.Errorf("sessions = %v, want each of three once", sessions)
	}
	var names []string
	for from := (directory.Key{}); ; {
		page, next, err := h.AllTokens(t.Context(), audra, from, 2)
		h.must(err)
		for _, x := range page {
			names = append(names, x.Name)
		}
		if from = next; next.ID == "" {
			break
		}
	}
	if slices.Sort(names); fmt.Sprint(names) != "[token 0 token 1 token 2 token 3 token 4]" {
		t.Errorf("tokens = %v", names)
	}
	for _, who := range []string{"dev", "sam"} {
		_, _, err := h.AllSessions(t.Context(), h.as(who), directory.Key{}, 10)
		h.refused(err, "not_allowed")
		_, _, err = h.AllTokens(t.Context(), h.as(who), directory.Key{}, 10)
		h.refused(err, "not_allowed")
	}
}

func TestARoleIsTracedToItsGroupsAndItsChange(t *testing.T) {
	t.Parallel()
	h := open(t)
	olga := h.as("olga")
	inner, err := h.AddGroup(t.Context(), olga, "night-shift", "")
	h.must(err)
	outer, err := h.AddGroup(t.Context(), olga, "operations", "")
	h.must(err)
	for _, g := range []directory.Grant{
		{Op: directory.JoinGroup, Group: inner.ID, Into: outer.ID},
		{Op: directory.GrantRole, Group: outer.ID, Role: "engineering-lead"},
		{Op: directory.JoinGroup, Person: h.people["dev"], Into: inner.ID},
	} {
		h.must(h.apply(g))
	}
	r := h.roster()
	ways := r.Ways(h.people["dev"])
	if len(ways) != 2 || ways[0].Role != "engineering-lead" || !slices.Equal(ways[0].Through, []directory.GroupID{inner.ID, outer.ID}) ||
		ways[0].Change != "CHG-000001" || ways[0].Since == 0 || ways[1].Role != "implementer" || ways[1].Change != "setup" || len(ways[1].Through) != 0 {
		t.Errorf("ways = %+v", ways)
	}
	since, ok := r.Since(h.people["dev"], "engineering-lead")
	if !ok || since.UnixMicro() != ways[0].Since {
		t.Errorf("since = %v, the way says %d", since, ways[0].Since)
	}
	if got := r.Confers(inner.ID); !slices.Equal(got, []directory.RoleName{"engineering-lead"}) {
		t.Errorf("the inner group confers %v", got)
	}
	if got := r.PeopleIn(outer.ID); !slices.Equal(got, []directory.PersonID{h.people["dev"]}) || r.PeopleIn("grp_none") != nil {
		t.Errorf("people in the outer group = %v", got)
	}
	h.must(h.Disable(t.Context(), olga, h.people["dev"], "left"))
	if got := h.roster().Ways(h.people["dev"]); got != nil {
		t.Errorf("somebody disabled holds %+v", got)
	}
}

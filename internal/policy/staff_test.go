package policy_test

import (
	"slices"
	"testing"

	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/policies"
)

func shippedPack(t *testing.T) *policy.Pack {
	t.Helper()
	files, err := policies.Pack(policies.Default)
	if err != nil {
		t.Fatal(err)
	}
	p, err := policy.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Who reads the staffing is told the same as activation decides.
func TestStaffingSaysWhatActivationWouldSay(t *testing.T) {
	t.Parallel()
	p := shippedPack(t)
	whole := []policy.Person{{ID: "olga", Roles: []string{"security-officer"}}, {ID: "oleg", Roles: []string{"security-officer"}},
		{ID: "sam", Roles: []string{"security-lead"}}, {ID: "erin", Roles: []string{"engineering-lead"}},
		{ID: "dora", Roles: []string{"devops-lead", "it-manager", "implementer"}}}
	for i := range len(whole) + 1 {
		people := slices.Delete(slices.Clone(whole), min(i, len(whole)-1), min(i+1, len(whole)))
		want := policy.Ready(p.Lint(policy.LintOptions{People: people})) == nil
		if got := len(p.Staff(people).Open) == 0; got != want {
			t.Errorf("without person %d: staffing says %v, activation %v", i, got, want)
		}
	}
	none := p.Staff([]policy.Person{})
	if len(none.Open) == 0 || slices.ContainsFunc(none.Rules, func(q policy.Question) bool { return q.Gap == nil }) {
		t.Errorf("nobody at all satisfies something: %+v", none)
	}
}

func TestStaffingNamesWhoFillsARoleAndWhatItLacks(t *testing.T) {
	t.Parallel()
	s := shippedPack(t).Staff([]policy.Person{{ID: "sam", Roles: []string{"security-lead"}}, {ID: "sally", Roles: []string{"security-lead"}},
		{ID: "erin", Roles: []string{"engineering-lead"}}})
	got := map[string]policy.Staffed{}
	for _, r := range s.Roles {
		got[r.Name] = r
	}
	if r := got["security-lead"]; !slices.Equal(r.Held, []string{"sally", "sam"}) || r.Missing() != "" || !slices.Contains(r.Rules, "two-approvals") {
		t.Errorf("security-lead = %+v %q", r, r.Missing())
	}
	if r := got["engineering-lead"]; r.Missing() != "1 more advised, so that somebody can be away or ask" {
		t.Errorf("engineering-lead lacks %q", r.Missing())
	}
	if r := got["it-manager"]; r.Need == 0 || r.Missing() != "1 more needed" {
		t.Errorf("it-manager = %+v %q", r, r.Missing())
	}
	open := map[string]bool{}
	for _, q := range s.Rules {
		open[q.Rule.ID] = q.Gap != nil
	}
	for id, want := range map[string]bool{"two-approvals": false, "security-review": false, "it-network": true, "infra-repository": true} {
		if got, known := open[id]; !known || got != want {
			t.Errorf("%s is open: %v, want %v", id, got, want)
		}
	}
}

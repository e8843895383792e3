package change

import (
	"testing"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/policy"
)

// Only what people approved counts as an approval: no rejection, and nothing that criteria decided.
func TestOnlyApprovalsOfPeopleAreCounted(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		d    Decision
		want int64
	}{
		"an approval":                    {Decision{Verb: Approval, Person: bob}, 1},
		"a rejection":                    {Decision{Verb: Rejection, Person: bob}, 0},
		"what criteria let through":      {Decision{Verb: Approval}, 0},
		"an approval of another wording": {Decision{Verb: Approval, Person: bob, RevDigest: "sha256:old"}, 1},
		"a rejection of another wording": {Decision{Verb: Rejection, Person: bob, RevDigest: "sha256:old"}, 0},
	} {
		m := measured{slots: map[string]int64{}}
		m.decided([]Decision{x.d}, policy.Demand{})
		if m.approved != x.want || m.voided != (x.want == 1 && x.d.RevDigest != "") {
			t.Errorf("%s: %d approvals, voided %v", name, m.approved, m.voided)
		}
	}
}

// What somebody owned who is gone is verified by nobody until it has an owner again, which the refusal says (requirement A14).
func TestWhoIsGoneVerifiesNothing(t *testing.T) {
	t.Parallel()
	s := waiting(t)
	refusedBy := func(err error, code string) {
		t.Helper()
		if !fault.Is(err, code) {
			t.Errorf("refused with %v, want %s", err, code)
		}
	}
	refusedBy(s.answers(bob, "per_gone", "verify"), "owner_gone")
	s.Heirs = map[string][]string{"per_gone": {cat}}
	refusedBy(s.answers(bob, "per_gone", "verify"), "not_owner")
	if err := s.answers(cat, "per_gone", "verify"); err != nil {
		t.Errorf("the heir is refused: %v", err)
	}
}

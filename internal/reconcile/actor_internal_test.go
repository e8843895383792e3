package reconcile

import (
	"slices"
	"testing"
)

// However a source writes who did something, its doer is known; and only who is known for certain counts as the executor.
func TestADoerIsKnownHoweverASourceWritesThem(t *testing.T) {
	t.Parallel()
	for actor, certain := range map[string]bool{
		"olga": true, " Olga ": true, `EX\olga`: true, "uid=olga,ou=people,dc=x": true, "UID = Olga , ou=people": true, "uid=olga ,ou=people,dc=x": true,
		"uid=olga+cn=Olga O,ou=people,dc=x": true, "cn=Olga O+uid=olga,ou=people,dc=x": true, `uid=\6f\6cga,dc=x`: true, `uid=olga;dc=x`: true,
		"olga@EXAMPLE.COM": false, "cn=olga+uid=mallory,dc=x": false,
	} {
		if !slices.Contains(doerNames(actor), "olga") {
			t.Errorf("%q is not known as olga: %q", actor, doerNames(actor))
		}
		if got := slices.Contains(actorNames(actor), "olga"); got != certain {
			t.Errorf("%q is olga for certain: %t, want %t: %q", actor, got, certain, actorNames(actor))
		}
	}
	for _, actor := range []string{"mallory", "uid=mallory,ou=olga,dc=x", `uid=mallory\,uid=olga,dc=x`, "olga2", "uid=olga2,dc=x", "=olga", "olga=", "", ",", "+olga"} {
		if slices.Contains(doerNames(actor), "olga") {
			t.Errorf("%q is taken for olga: %q", actor, doerNames(actor))
		}
	}
	if got, want := entryName(`cn=a\, b\20+ou= c  d ,dc=\23x`), []part{{"cn", "a, b "}, {"ou", "c  d"}}; !slices.Equal(got, want) {
		t.Errorf("parts %q, want %q", got, want)
	}
}

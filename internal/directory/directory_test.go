package directory_test

import (
	"slices"
	"testing"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
)

func TestAfterTheCeremonyPeopleSignInAndAreRecognised(t *testing.T) {
	t.Parallel()
	h := open(t)
	actor, bearer := h.signIn("SAM") // the case of a username does not matter
	if !actor.IsPerson() || actor.Person != string(h.people["sam"]) {
		t.Fatalf("actor = %+v, want sam in a session", actor)
	}
	again, err := h.Recognise(t.Context(), bearer)
	h.must(err)
	if again.Via != actor.Via {
		t.Errorf("recognised by %s, then by %s", actor.Via, again.Via)
	}
	r := h.roster()
	if got := r.Holders(directory.Officer); len(got) != 2 {
		t.Errorf("officers = %v, want two", got)
	}
	if got := r.Roles(h.people["erin"]); !slices.Equal(got, []string{"engineering-lead"}) {
		t.Errorf("erin holds %v", got)
	}
	if p, ok := r.Named("Sam"); !ok || p != h.people["sam"] {
		t.Errorf("Named(Sam) = %v, %v", p, ok)
	}
	h.must(h.db.Update(t.Context(), actor, func(tx *db.Tx) error { return h.ConfirmIn(tx, actor) }))
	h.whole()
}

func TestNobodyIsConfirmed(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.must(h.db.View(t.Context(), func(tx *db.Tx) error { return h.ConfirmIn(tx, fault.SystemActor("expiry")) }))
	actor := h.as("dev")
	other := actor
	other.Person = string(h.people["olga"])
	for _, a := range []fault.Actor{{}, {Kind: fault.Human, Authn: fault.Setup}, {Kind: fault.Human, Authn: fault.Session, Person: actor.Person},
		{Kind: fault.Human, Authn: fault.Token, Via: actor.Via, Person: actor.Person}, other} {
		err := h.db.View(t.Context(), func(tx *db.Tx) error { return h.ConfirmIn(tx, a) })
		h.refused(err, "not_signed_in")
	}
}

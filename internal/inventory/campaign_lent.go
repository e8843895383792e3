package inventory

import (
	"math"

	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
)

// This file keeps one human from having two words in a campaign through somebody else's account: whoever issued the one-time code of an
// account could act with it, so what it does counts as theirs, too, until another officer vouches for it (docs/adr/0011).

// humans says who is there, and who may be the same human as whom.
type humans struct{ *directory.Roster }

func (h humans) active(person string) bool { return h.Active(directory.PersonID(person)) }

// asNow asks who could act as somebody at present.
const asNow = math.MaxInt64

// selves gives a person and everybody who could act as them at an instant.
func (h humans) selves(person string, at int64) []string {
	out := []string{person}
	for _, p := range h.Lenders(directory.PersonID(person), at) {
		out = append(out, string(p))
	}
	return out
}

// same reports whether who acts now as a person may be who acted as another at an instant.
func (h humans) same(person, other string, at int64) bool {
	return h.Same(directory.PersonID(person), directory.PersonID(other), at)
}

// lent is the refusal of somebody whose word would be another one's as well.
func (h humans) lent(about, person, other string) *fault.Error {
	mend := other
	if len(h.selves(person, asNow)) > 1 {
		mend = person
	}
	return fault.New(fault.Denied, "lent_account", "You count as one person with %s, because of a one-time code that one of you issued and nobody vouched for.",
		h.Name(directory.PersonID(other))).About(about).Because("campaigns", "inventory: signed by two who did not review what failed").
		FixedBy("a security officer who did not issue the code, or another person").Then("plumb people vouch %s", mend)
}

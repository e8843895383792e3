package change

import (
	"maps"
	"math"
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
)

// This file keeps one human from having two words through somebody else's account. Whoever issued a
// one-time code for an account could have redeemed it, so what the account does counts as theirs, too,
// until another officer vouched for it (docs/adr/0011; policy statement e).

// asNow asks who could act as somebody at present, and ever after.
const asNow = math.MaxInt64

// selves gives a person and everybody who could act as them at an instant.
func (s *Snapshot) selves(person string, at int64) []string {
	out := []string{person}
	for _, p := range s.Roster.Lenders(directory.PersonID(person), at) {
		out = append(out, string(p))
	}
	return out
}

// Excluded says why one person cannot decide on a change.
type Excluded struct {
	Person  string `json:"person"`
	Code    string `json:"code"`              // self_approval, commit_author, executor, lent_account
	Because string `json:"because,omitempty"` // with lent_account: the other person that this one may be
	Name    string `json:"name"`
	Text    string `json:"text"` // for people: why
}

// excludedNamed lists who cannot decide, with the words for it, sorted by person.
func (s *Snapshot) excludedNamed() []Excluded {
	words := map[string]string{"self_approval": "wrote the request", "commit_author": "wrote a commit in it", "executor": "executes it"}
	all := s.everyExcluded()
	for p, name := range s.doubles() {
		if _, known := all[p]; !known {
			all[p] = Excluded{Person: p, Code: "lent_account", Because: name}
		}
	}
	var out []Excluded
	for _, x := range all {
		x.Name, x.Text = s.Roster.Name(directory.PersonID(x.Person)), words[x.Code]
		if x.Code == "lent_account" {
			x.Text = "counts as one person with " + s.Roster.Name(directory.PersonID(x.Because)) +
				", because of a one-time code that one of them issued and nobody vouched for"
		}
		out = append(out, x)
	}
	slices.SortFunc(out, func(a, b Excluded) int { return strings.Compare(a.Person, b.Person) })
	return out
}

// excluded gives everybody who cannot approve this change now, with the reason: those of barred, and
// who may be one of them. The rule is on the person, whatever their accounts and roles (policy statement
// e; requirement A6).
func (s *Snapshot) excluded(executors ...string) map[string]string {
	out := map[string]string{}
	for p, x := range s.everyExcluded(executors...) {
		out[p] = x.Code
	}
	return out
}

func (s *Snapshot) everyExcluded(executors ...string) map[string]Excluded {
	did := s.barred(executors...)
	out := maps.Clone(did)
	for _, p := range s.Roster.Lent() {
		if _, known := out[string(p)]; known {
			continue
		}
		if by, yes := among(s.selves(string(p), asNow), did); yes {
			out[string(p)] = Excluded{Person: string(p), Code: "lent_account", Because: by}
		}
	}
	return out
}

// among finds the first of these people who is in a set.
func among(people []string, set map[string]Excluded) (string, bool) {
	for _, p := range people {
		if _, in := set[p]; in {
			return p, true
		}
	}
	return "", false
}

// barred gives those who cannot approve for what they did: who asked, who wrote any revision or bound
// commit, who is to execute it and who did, and who could have done that in their name since the change
// was filed. executors are the people behind the gate's caller and the build that it claims, once they
// are known.
func (s *Snapshot) barred(executors ...string) map[string]Excluded {
	out := map[string]Excluded{}
	add := func(person, why, because string) {
		if _, known := out[person]; !known && person != "" {
			out[person] = Excluded{Person: person, Code: why, Because: because}
		}
	}
	var did []string
	acted := func(person, why string) {
		add(person, why, "")
		did = append(did, person)
	}
	acted(s.Change.Requester, "self_approval")
	for _, p := range s.Change.Body.Authors {
		acted(p, "self_approval")
	}
	for p := range s.Authors {
		add(p, "commit_author", "")
	}
	for _, x := range s.Revision.Material.Implementers {
		acted(x.Person, "executor")
		if owner, ok := s.Roster.ServiceOwner(directory.AccountID(x.Account)); ok {
			acted(string(owner), "executor")
		}
	}
	for _, p := range s.Permits {
		acted(p.Person, "executor")
	}
	for _, p := range executors {
		acted(p, "executor")
	}
	for _, p := range did {
		for _, by := range s.Roster.LendersSince(directory.PersonID(p), s.Change.Created) {
			add(string(by), "lent_account", p)
		}
	}
	return out
}

// doubles gives everybody whose approval now would stand beside one that may be the same human's: by
// somebody who could act as them, as whom they could act, or whom a third could act as like them. The
// value is who made that approval.
func (s *Snapshot) doubles() map[string]string {
	out, decided := map[string]string{}, map[string]bool{}
	by := map[string]string{} // who may have decided → in whose name
	for _, d := range s.approvals() {
		decided[d.Person] = true
		for _, p := range s.selves(d.Person, d.At) {
			by[p] = d.Person
		}
	}
	for p, name := range by {
		if !decided[p] {
			out[p] = name
		}
	}
	for _, p := range s.Roster.Lent() {
		if decided[string(p)] {
			continue
		}
		for _, self := range s.selves(string(p), asNow) {
			if name, yes := by[self]; yes {
				out[string(p)] = name
			}
		}
	}
	return out
}

func meet(a, b []string) bool {
	return slices.ContainsFunc(a, func(x string) bool { return slices.Contains(b, x) })
}

// approvals gives the standing approvals by people, in the order in which they were made.
func (s *Snapshot) approvals() []Decision {
	var out []Decision
	for _, d := range s.standing() {
		if d.Verb == Approval && d.Person != "" {
			out = append(out, d)
		}
	}
	slices.SortFunc(out, func(a, b Decision) int { return int(a.N - b.N) })
	return out
}

// lentAccount is the refusal of somebody whose word would be another one's as well.
func (s *Snapshot) lentAccount(person, other string) error {
	mine := s.Roster.Lenders(directory.PersonID(person), asNow)
	text := "You issued the one-time code of an account of " + s.Roster.Name(directory.PersonID(other)) + ", so both count as one person here."
	mend := other
	if len(mine) > 0 {
		text = s.Roster.Name(mine[0]) + " issued the one-time code of your account and could act as you, so your word counts as theirs, too."
		mend = person
	}
	return fault.New(fault.Denied, "lent_account", "%s", text).About(string(s.Change.ID)).Because("exclude", "policy statement (e)").
		FixedBy("a security officer who did not issue the code, or another holder of the role").Then("plumb people vouch %s", mend)
}

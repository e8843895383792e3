package change

import (
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/policy"
)

// answering lists who answers for a target, by the owner that is frozen with the revision: the holders of a role of the pack, or
// else the one active person, or the active people of the group, that the word names. It is empty for whom nobody knows or who
// left, and for a word that means two people.
func answering(owner string, pack *policy.Pack, r *directory.Roster) (out []directory.PersonID) {
	if slices.ContainsFunc(pack.Roles, func(x policy.Role) bool { return x.Name == owner }) {
		for _, p := range r.People() {
			if r.Holds(directory.PersonID(p.ID), directory.RoleName(owner)) {
				out = append(out, directory.PersonID(p.ID))
			}
		}
		return out
	}
	out = byEmail(r, owner)
	if p, ok := r.Named(owner); ok {
		out = append(out, p)
	}
	for _, p := range r.People() {
		x, _ := r.Person(directory.PersonID(p.ID))
		if p.ID == owner || strings.EqualFold(x.Name, strings.TrimSpace(owner)) {
			out = append(out, directory.PersonID(p.ID))
		}
	}
	away := func(p directory.PersonID) bool { return !r.Active(p) }
	slices.Sort(out)
	if out = slices.DeleteFunc(slices.Compact(out), away); len(out) > 0 {
		if len(out) > 1 {
			return nil
		}
		return out
	}
	g, ok := r.GroupOf(owner)
	if !ok {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(r.PeopleIn(g)), away)
}

// answers refuses whoever does not answer for a target that they would verify (requirement A14). Where everybody who does wrote or
// executed the change, Security looks at the result in their place.
func (s *Snapshot) answers(person, owner, slot string) error {
	list := answering(owner, s.Pack, s.Roster)
	if len(list) == 0 { // the owner left: whoever was named after them
		for _, heir := range s.Heirs[owner] {
			list = append(list, answering(heir, s.Pack, s.Roster)...)
		}
	}
	switch {
	case len(list) == 0:
		return fault.New(fault.Denied, "owner_gone", "The owner of what was changed is %q, and that is nobody who is here: they left, are not known, or the word means two people.", owner).
			About(string(s.Change.ID)).Because("verify", "asset owner verification").FixedBy("whoever looks after the asset").
			Then("plumb asset label ASSET owner=PERSON, then plumb change verify %s --slot %s", s.Change.ID, slot)
	case slices.Contains(list, directory.PersonID(person)), s.tookPart(list) && s.speaksForSecurity(person):
		return nil
	default:
		return fault.New(fault.Denied, "not_owner", "This is verified by who owns what was changed: %s.", owner).About(string(s.Change.ID)).
			Because("verify", "asset owner verification").FixedBy("the owner").Then("plumb change verify %s --slot %s", s.Change.ID, slot)
	}
}

// tookPart reports whether each of these people wrote or executed the change, or may be one who did.
func (s *Snapshot) tookPart(list []directory.PersonID) bool {
	out := s.everyExcluded()
	return !slices.ContainsFunc(list, func(p directory.PersonID) bool { _, did := out[string(p)]; return !did })
}

// speaksForSecurity reports whether a person holds a role that approves for Security.
func (s *Snapshot) speaksForSecurity(person string) bool {
	roles := s.Roster.Roles(directory.PersonID(person))
	return slices.ContainsFunc(s.securityRoles(), func(r string) bool { return slices.Contains(roles, r) })
}

package policy

import (
	"cmp"
	"slices"
)

// Assignment says which people fill one slot.
type Assignment struct {
	Slot   string   `json:"slot"`
	Role   string   `json:"role"`
	People []string `json:"people"` // sorted ids
}

// Missing is a slot that is not filled yet.
type Missing struct {
	Slot    string      `json:"slot"`
	Role    string      `json:"role"`
	Need    int         `json:"need"`    // how many people more
	Waits   []string    `json:"waits"`   // slots that must be filled before this one counts
	Could   []Candidate `json:"could"`   // who of the given candidates could still fill it
	Reasons []Reason    `json:"reasons"` // why it is demanded
	Humans  bool        `json:"humans"`  // every slot has its people, but they are too few different ones
}

// Candidate is a person whose vote, in one role, would fill what is missing. The role can differ from
// the slot's: the vote then frees somebody who holds both.
type Candidate struct {
	Person string `json:"person"`
	Role   string `json:"role"`
}

// Matching is the best that the votes can fill.
type Matching struct {
	Filled  []Assignment `json:"filled"`  // every slot, in the order of ids, filled or in part
	Missing []Missing    `json:"missing"` // empty only when Done
	Done    bool         `json:"done"`
}

// seat is one of a slot's places; holder is an index into people, or -1.
type seat struct {
	slot   int
	holder int
}

// hall holds a matching while it is built.
type hall struct {
	slots  []Slot
	people []Person
	seats  []seat
	taken  []int // person → seat, or -1
}

// Match assigns the people who voted to the slots, so that as many places as possible are filled: a
// person fills one place, whatever roles they hold. Roles of a Person are those in which the vote
// counts; several entries of one id are one person. A slot that need not be Distinct may also be
// filled by people who fill other slots, but fewer than MinHumans different people never suffice. A
// slot counts only when all slots of its After are filled. No slots at all are not a yes. Candidates
// are people who could still vote; they only appear in Missing. The answer depends on nothing but
// the arguments' contents.
func Match(slots []Slot, votes []Person, candidates ...Person) Matching {
	if len(slots) == 0 {
		return Matching{Missing: []Missing{{Need: MinHumans, Humans: true}}}
	}
	h := newHall(slots, votes)
	for i := range h.seats {
		h.augment(i, make([]bool, len(h.people)))
	}
	voters := h.people
	filled := h.assignments()
	held := h.closed(filled)
	m := Matching{Filled: filled}
	for i, s := range h.slots {
		need := s.Min - len(filled[i].People)
		waits := slices.DeleteFunc(slices.Clone(s.After), func(a string) bool { return held[a] })
		if need <= 0 && len(waits) == 0 && s.Min > 0 {
			continue
		}
		m.Missing = append(m.Missing, Missing{Slot: s.ID, Role: s.Role, Need: max(need, 0), Waits: waits,
			Could: h.could(i, voters, candidates), Reasons: s.Reasons})
	}
	if different := h.different(filled); len(m.Missing) == 0 && different < MinHumans {
		m.Missing = []Missing{{Need: MinHumans - different, Humans: true}}
	}
	m.Done = len(m.Missing) == 0
	return m
}

// newHall sets out the places: distinct slots first, so that a place that may be shared never takes
// a person from one that may not; within that, slots in the order of their ids.
func newHall(slots []Slot, votes []Person) *hall {
	h := &hall{slots: slices.Clone(slots), people: onePerID(votes)}
	slices.SortStableFunc(h.slots, func(a, b Slot) int { return cmp.Compare(a.ID, b.ID) })
	for _, distinct := range []bool{true, false} {
		for i, s := range h.slots {
			for range s.Min {
				if s.Distinct == distinct {
					h.seats = append(h.seats, seat{slot: i, holder: -1})
				}
			}
		}
	}
	h.taken = make([]int, len(h.people))
	for i := range h.taken {
		h.taken[i] = -1
	}
	return h
}

// onePerID makes one person of all entries with one id, sorted; who has no id is nobody.
func onePerID(people []Person) []Person {
	var out []Person
	for _, p := range people {
		i := slices.IndexFunc(out, func(x Person) bool { return x.ID == p.ID })
		switch {
		case p.ID == "":
		case i < 0:
			out = append(out, Person{ID: p.ID, Roles: union(nil, p.Roles)})
		default:
			out[i].Roles = union(out[i].Roles, p.Roles)
		}
	}
	slices.SortFunc(out, func(a, b Person) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

func (h *hall) fits(seat, person int) bool {
	return slices.Contains(h.people[person].Roles, h.slots[h.seats[seat].slot].Role)
}

// augment finds a person for the place, moving others to places of their own where that helps. A
// place that has its person never loses it.
func (h *hall) augment(i int, seen []bool) bool {
	for p := range h.people {
		if seen[p] || !h.fits(i, p) {
			continue
		}
		seen[p] = true
		if h.taken[p] < 0 || h.augment(h.taken[p], seen) {
			h.taken[p], h.seats[i].holder = i, p
			return true
		}
	}
	return false
}

// assignments gives the people of each slot, in the order of h.slots. Places that may be shared and
// are still empty are given to people who sit elsewhere.
func (h *hall) assignments() []Assignment {
	out := make([]Assignment, len(h.slots))
	for i, s := range h.slots {
		out[i] = Assignment{Slot: s.ID, Role: s.Role, People: []string{}}
	}
	for _, s := range h.seats {
		if s.holder >= 0 {
			out[s.slot].People = append(out[s.slot].People, h.people[s.holder].ID)
		}
	}
	for i, s := range h.slots {
		for _, p := range h.people {
			if !s.Distinct && len(out[i].People) < s.Min && slices.Contains(p.Roles, s.Role) && !slices.Contains(out[i].People, p.ID) {
				out[i].People = append(out[i].People, p.ID)
			}
		}
		slices.Sort(out[i].People)
	}
	return out
}

// closed gives the slots that are filled and wait for nothing.
func (h *hall) closed(filled []Assignment) map[string]bool {
	done := map[string]bool{}
	for range h.slots {
		for i, s := range h.slots {
			waits := slices.ContainsFunc(s.After, func(a string) bool { return !done[a] })
			if !waits && s.Min > 0 && len(filled[i].People) >= s.Min {
				done[s.ID] = true
			}
		}
	}
	return done
}

func (h *hall) different(filled []Assignment) int {
	people := map[string]bool{}
	for _, a := range filled {
		for _, p := range a.People {
			people[p] = true
		}
	}
	return len(people)
}

// could gives who of the candidates could still fill a place of the slot: by holding its role, or by
// taking the place of somebody who then moves.
func (h *hall) could(slot int, voters, candidates []Person) []Candidate {
	roles := h.reach(h.slots[slot].Role)
	out := []Candidate{}
	for _, c := range onePerID(candidates) {
		if slices.ContainsFunc(voters, func(v Person) bool { return v.ID == c.ID }) {
			continue
		}
		for _, r := range roles {
			if slices.Contains(c.Roles, r) {
				out = append(out, Candidate{Person: c.ID, Role: r})
				break
			}
		}
	}
	return out
}

// reach gives the roles in which one more vote frees a place of the given role: that role first,
// then the roles of places whose holders could move here.
func (h *hall) reach(role string) []string {
	roles := []string{role}
	for i := 0; i < len(roles); i++ {
		for p, person := range h.people {
			if h.taken[p] < 0 || !slices.Contains(person.Roles, roles[i]) {
				continue
			}
			if next := h.slots[h.seats[h.taken[p]].slot].Role; !slices.Contains(roles, next) {
				roles = append(roles, next)
			}
		}
	}
	return roles
}

// Gap says why no assignment of the people at hand can fill the slots, and the smallest mend.
type Gap struct {
	Slot    string   `json:"slot"`
	Role    string   `json:"role"`    // the role that needs more members; "" where more people of any role are needed
	Need    int      `json:"need"`    // how many members more
	Holders []string `json:"holders"` // who holds the role and is not excluded
	Barred  []string `json:"barred"`  // who holds the role and is excluded from this change
	Reasons []Reason `json:"reasons"`
}

// Satisfiable reports whether some assignment of the people, without the excluded, fills all slots;
// if not, the Gap names the first slot that stays open. An empty role is never passed over.
func Satisfiable(slots []Slot, people []Person, excluded []string) (bool, *Gap) {
	free := slices.DeleteFunc(slices.Clone(people), func(p Person) bool { return slices.Contains(excluded, p.ID) })
	m := Match(slots, free)
	if m.Done {
		return true, nil
	}
	first := m.Missing[0]
	for _, x := range m.Missing {
		if x.Need > 0 {
			first = x
			break
		}
	}
	g := &Gap{Slot: first.Slot, Role: first.Role, Need: max(first.Need, 1), Reasons: first.Reasons, Holders: []string{}, Barred: []string{}}
	for _, p := range onePerID(people) {
		switch {
		case !slices.Contains(p.Roles, first.Role):
		case slices.Contains(excluded, p.ID):
			g.Barred = append(g.Barred, p.ID)
		default:
			g.Holders = append(g.Holders, p.ID)
		}
	}
	return false, g
}

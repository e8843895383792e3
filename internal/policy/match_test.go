package policy_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"plumbline.dev/plumb/internal/policy"
)

func slot(role string, min int) policy.Slot {
	return policy.Slot{ID: role, Role: role, Min: min, Distinct: true}
}

func person(id string, roles ...string) policy.Person { return policy.Person{ID: id, Roles: roles} }

func TestNoSlotsAreNotAYes(t *testing.T) {
	t.Parallel()
	if m := policy.Match(nil, []policy.Person{person("a", "x"), person("b", "x")}); m.Done || len(m.Missing) == 0 {
		t.Errorf("got %+v, want it not done", m)
	}
	if ok, gap := policy.Satisfiable(nil, []policy.Person{person("a", "x")}, nil); ok || gap == nil {
		t.Error("a demand without slots is satisfiable")
	}
}

func TestASlotOfNobodyIsNotFilled(t *testing.T) {
	t.Parallel()
	for _, min := range []int{0, -1} {
		if m := policy.Match([]policy.Slot{slot("a", min), slot("b", 2)}, []policy.Person{person("x", "b"), person("y", "b")}); m.Done {
			t.Errorf("min %d: got done", min)
		}
	}
}

func TestAnEmptyRoleIsNeverPassedOver(t *testing.T) {
	t.Parallel()
	slots := []policy.Slot{slot("security-lead", 1), slot("it-manager", 1), slot("engineering-lead", 1)}
	people := []policy.Person{person("sara", "security-lead"), person("eva", "engineering-lead")}
	m := policy.Match(slots, people)
	if m.Done || len(m.Missing) != 1 || m.Missing[0].Role != "it-manager" || len(m.Missing[0].Could) != 0 {
		t.Errorf("got %+v", m)
	}
	ok, gap := policy.Satisfiable(slots, people, nil)
	if ok || gap.Role != "it-manager" || gap.Need != 1 {
		t.Errorf("got %v %+v", ok, gap)
	}
}

// Whoever has voted moves only to a place of a role that they hold themselves.
func TestAVoteFreesNoPlaceThatItsHolderCannotLeave(t *testing.T) {
	t.Parallel()
	slots := []policy.Slot{slot("security-lead", 1), slot("engineering-lead", 1)}
	m := policy.Match(slots, []policy.Person{person("sara", "security-lead")}, person("sam", "security-lead"), person("eva", "engineering-lead"))
	if m.Done || len(m.Missing) != 1 || len(m.Missing[0].Could) != 1 || m.Missing[0].Could[0].Person != "eva" {
		t.Errorf("got %+v, want only eva", m)
	}
}

func TestGapNamesTheBarred(t *testing.T) {
	t.Parallel()
	slots := []policy.Slot{{ID: "security-lead", Role: "security-lead", Min: 1, Distinct: true, Reasons: []policy.Reason{{Rule: "two-approvals"}}}, slot("engineering-lead", 1)}
	people := []policy.Person{person("sara", "security-lead"), person("eva", "engineering-lead")}
	ok, gap := policy.Satisfiable(slots, people, []string{"sara"})
	want := &policy.Gap{Slot: "security-lead", Role: "security-lead", Need: 1, Holders: []string{}, Barred: []string{"sara"}, Reasons: slots[0].Reasons}
	if ok || !reflect.DeepEqual(gap, want) {
		t.Errorf("got %v %+v, want %+v", ok, gap, want)
	}
}

func TestOnePersonIsOneVoteUnderSeveralEntries(t *testing.T) {
	t.Parallel()
	m := policy.Match([]policy.Slot{slot("a", 1), slot("b", 1)}, []policy.Person{person("x", "a"), person("x", "b")})
	if m.Done {
		t.Errorf("got done with one person: %+v", m)
	}
	if m := policy.Match([]policy.Slot{slot("a", 2)}, []policy.Person{person("", "a"), person("x", "a")}); m.Done {
		t.Error("somebody without an id counted")
	}
}

func TestCouldNamesWhoFreesAPlace(t *testing.T) {
	t.Parallel()
	// Both holds the two roles and sits in one; an engineering lead would free the other.
	m := policy.Match([]policy.Slot{slot("engineering-lead", 1), slot("security-lead", 1)},
		[]policy.Person{person("both", "security-lead", "engineering-lead")},
		person("both", "security-lead", "engineering-lead"), person("eva", "engineering-lead"), person("sara", "security-lead"), person("dev"))
	if len(m.Missing) != 1 {
		t.Fatalf("got %+v", m)
	}
	want := []policy.Candidate{{Person: "eva", Role: "engineering-lead"}, {Person: "sara", Role: "security-lead"}}
	if got := m.Missing[0].Could; !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestASharedSlotStillNeedsTwoPeople(t *testing.T) {
	t.Parallel()
	shared := slot("b", 1)
	shared.Distinct = false
	slots := []policy.Slot{slot("a", 1), shared}
	if m := policy.Match(slots, []policy.Person{person("x", "a", "b")}); m.Done || !m.Missing[0].Humans || m.Missing[0].Need != 1 {
		t.Errorf("one person sufficed: %+v", m)
	}
	slots = append(slots, slot("c", 1))
	if m := policy.Match(slots, []policy.Person{person("x", "a", "b"), person("y", "c")}); !m.Done {
		t.Errorf("a shared slot was not shared: %+v", m)
	}
	shared.Min = 2
	if m := policy.Match([]policy.Slot{slot("a", 1), shared}, []policy.Person{person("x", "a", "b")}); m.Done {
		t.Error("one person filled two places of one slot")
	}
}

func TestASlotWaitsForThoseBeforeIt(t *testing.T) {
	t.Parallel()
	last := slot("b", 1)
	last.After = []string{"a"}
	people := []policy.Person{person("x", "b"), person("y", "b")}
	m := policy.Match([]policy.Slot{slot("a", 1), last}, people)
	if m.Done || len(m.Missing) != 2 || !slices.Equal(m.Missing[1].Waits, []string{"a"}) || m.Missing[1].Need != 0 {
		t.Errorf("got %+v", m)
	}
	if m := policy.Match([]policy.Slot{slot("a", 1), last}, append(people, person("z", "a"))); !m.Done {
		t.Errorf("got %+v", m)
	}
	chain := []policy.Slot{slot("a", 1), {ID: "b", Role: "b", Min: 1, After: []string{"a"}}, {ID: "c", Role: "c", Min: 1, After: []string{"b"}}}
	m = policy.Match(chain, []policy.Person{person("x", "b"), person("y", "c")})
	if i := slices.IndexFunc(m.Missing, func(x policy.Missing) bool { return x.Slot == "c" }); i < 0 || !slices.Equal(m.Missing[i].Waits, []string{"b"}) {
		t.Errorf("got %+v, want c to wait although b has its person", m)
	}
	last.After = []string{"gone"}
	if m := policy.Match([]policy.Slot{slot("a", 1), last}, append(people, person("z", "a"))); m.Done {
		t.Error("a slot opened that waits for nothing there is")
	}
}

func TestAVoterMovesToFreeAPlace(t *testing.T) {
	t.Parallel()
	// Both sorts first and could take the engineering lead's place, the only one that eva can take.
	m := policy.Match([]policy.Slot{slot("engineering-lead", 1), slot("security-lead", 1)},
		[]policy.Person{person("both", "engineering-lead", "security-lead"), person("eva", "engineering-lead")})
	if !m.Done {
		t.Errorf("got %+v", m)
	}
}

// TestMatchOnEverySmallHall tries each way in which three people can hold three roles, with every
// small set of slots.
func TestMatchOnEverySmallHall(t *testing.T) {
	t.Parallel()
	roles := []string{"a", "b", "c"}
	subset := func(bits int) (out []string) {
		for i, r := range roles {
			if bits&(1<<i) != 0 {
				out = append(out, r)
			}
		}
		return out
	}
	for held := range 512 {
		people := []policy.Person{person("p0", subset(held&7)...), person("p1", subset(held>>3&7)...), person("p2", subset(held>>6)...)}
		for shape := range 64 {
			var slots []policy.Slot
			need := 0
			for i, r := range roles {
				if min := shape >> (2 * i) & 3; min == 3 {
					slots, need = append(slots, policy.Slot{ID: r, Role: r, Min: 1}), need+1
				} else if min > 0 {
					slots, need = append(slots, slot(r, min)), need+min
				}
			}
			m, filled, who := policy.Match(slots, people), 0, map[string]bool{}
			for _, a := range m.Filled {
				filled += len(a.People)
				for _, p := range a.People {
					who[p] = true
				}
			}
			want := most(slots, people)
			if filled != want || m.Done != (want == need && need > 0 && len(who) >= policy.MinHumans) {
				t.Fatalf("slots %+v people %+v: filled %d of %d possible, done %v", slots, people, filled, want, m.Done)
			}
		}
	}
}

// drawHall draws slots and people over a few roles.
func drawHall(t *rapid.T) ([]policy.Slot, []policy.Person) {
	roles := []string{"a", "b", "c"}
	var slots []policy.Slot
	for _, r := range rapid.SliceOfNDistinct(rapid.SampledFrom(roles), 1, 3, rapid.ID[string]).Draw(t, "slots") {
		slots = append(slots, policy.Slot{ID: r, Role: r, Min: rapid.IntRange(1, 3).Draw(t, "min"), Distinct: rapid.Bool().Draw(t, "distinct")})
	}
	var people []policy.Person
	for i := range rapid.SampledFrom([]int{0, 1, 2, 3, 4, 5, 6, 6}).Draw(t, "people") {
		held := rapid.SampledFrom([][]string{{}, {"a"}, {"b"}, {"c"}, {"a", "b"}, {"a", "c"}, {"b", "c"}, {"a", "b", "c"}}).Draw(t, "roles")
		people = append(people, person(fmt.Sprintf("p%d", i), held...))
	}
	return slots, people
}

// most is the largest number of places that can be filled, by trying everything.
func most(slots []policy.Slot, people []policy.Person) int {
	var places []string
	shared := 0
	for _, s := range slots {
		holders := 0
		for _, p := range people {
			if slices.Contains(p.Roles, s.Role) {
				holders++
			}
		}
		for range s.Min {
			if s.Distinct {
				places = append(places, s.Role)
			}
		}
		if !s.Distinct {
			shared += min(s.Min, holders)
		}
	}
	var try func(i int, used uint) int
	try = func(i int, used uint) int {
		if i == len(places) {
			return 0
		}
		best := try(i+1, used)
		for j, p := range people {
			if used&(1<<j) == 0 && slices.Contains(p.Roles, places[i]) {
				best = max(best, 1+try(i+1, used|1<<j))
			}
		}
		return best
	}
	return shared + try(0, 0)
}

func TestMatchFillsAsManyPlacesAsPossible(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		slots, people := drawHall(t)
		m := policy.Match(slots, people)
		filled, want, need := 0, most(slots, people), 0
		for _, a := range m.Filled {
			filled += len(a.People)
		}
		for _, s := range slots {
			need += s.Min
		}
		if filled != want {
			t.Fatalf("filled %d places, %d are possible: %+v", filled, want, m)
		}
		if m.Done && want < need {
			t.Fatalf("done with %d of %d places", want, need)
		}
	})
}

func TestNobodyFillsTwoDistinctPlaces(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		slots, people := drawHall(t)
		m := policy.Match(slots, people)
		used, everybody := map[string]int{}, map[string]bool{}
		for _, a := range m.Filled {
			i := slices.IndexFunc(slots, func(s policy.Slot) bool { return s.ID == a.Slot })
			if len(slices.Compact(slices.Clone(a.People))) != len(a.People) || len(a.People) > slots[i].Min {
				t.Fatalf("a slot holds somebody twice or too many: %+v", a)
			}
			for _, id := range a.People {
				everybody[id] = true
				j := slices.IndexFunc(people, func(p policy.Person) bool { return p.ID == id })
				if !slices.Contains(people[j].Roles, a.Role) {
					t.Fatalf("%s does not hold %s", id, a.Role)
				}
				if slots[i].Distinct {
					used[id]++
				}
			}
		}
		for id, n := range used {
			if n > 1 {
				t.Fatalf("%s fills %d distinct places", id, n)
			}
		}
		if m.Done && len(everybody) < policy.MinHumans {
			t.Fatalf("done with %d people", len(everybody))
		}
	})
}

func TestMatchDoesNotDependOnOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		slots, people := drawHall(t)
		a := policy.Match(slots, people)
		b := policy.Match(rapid.Permutation(slots).Draw(t, "slots again"), rapid.Permutation(people).Draw(t, "people again"))
		if !reflect.DeepEqual(a, b) {
			t.Fatalf("got %+v and %+v", a, b)
		}
	})
}

func TestOneMoreVoteNeverUnfills(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		slots, people := drawHall(t)
		if len(people) > 0 && policy.Match(slots, people[:len(people)-1]).Done && !policy.Match(slots, people).Done {
			t.Fatal("a vote took an authorization away")
		}
	})
}

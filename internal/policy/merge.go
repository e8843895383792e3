package policy

import (
	"cmp"
	"slices"
)

// Merge gives the stricter of two demands: the union of what either asks, the higher count, risk and
// order, the shorter life. A change that was filed under one pack and meets another is held to both.
// The order of the arguments decides only which digest stands in Policy: the second one's.
func Merge(old, new Demand) Demand {
	d := Demand{
		Policy:     new.Policy,
		With:       with(old, new),
		Risk:       old.Risk.Stricter(new.Risk),
		ExpireSecs: shorter(old.ExpireSecs, new.ExpireSecs),
		Executor:   intersect(old.Executor, new.Executor),
		Exclude:    union(old.Exclude, new.Exclude),
	}
	for _, side := range []Demand{old, new} {
		if side.Risk.rank() == d.Risk.rank() {
			d.Why = joinReasons(d.Why, side.Why)
		}
		for _, s := range side.Slots {
			d.Slots = joinSlot(d.Slots, s)
		}
		for _, s := range side.Verify {
			d.Verify = joinSlot(d.Verify, s)
		}
		for _, c := range side.Checks {
			d.Checks = joinCheck(d.Checks, c)
		}
		for _, c := range side.After {
			d.After = joinCheck(d.After, c)
		}
		for _, x := range side.Fields {
			d.Fields = joinField(d.Fields, x)
		}
	}
	d.sort()
	return d
}

// with lists the digests of all packs in the demand but the one in Policy.
func with(old, new Demand) []string {
	all := union(append([]string{old.Policy}, old.With...), new.With)
	return slices.DeleteFunc(all, func(s string) bool { return s == new.Policy || s == "" })
}

// shorter gives the smaller of two lengths; a length that is not set gives way.
func shorter(a, b int64) int64 {
	if a <= 0 || b <= 0 {
		return max(a, b)
	}
	return min(a, b)
}

// joinSlot adds a slot, or makes the one with the same id stricter: the higher count, distinct if
// either says so, both orders, both reasons.
func joinSlot(slots []Slot, s Slot) []Slot {
	i := slices.IndexFunc(slots, func(x Slot) bool { return x.ID == s.ID })
	if i < 0 {
		s.Reasons = joinReasons(nil, s.Reasons)
		s.After = union(nil, s.After)
		return append(slots, s)
	}
	x := &slots[i]
	x.Min = max(x.Min, s.Min)
	x.Distinct = x.Distinct || s.Distinct
	x.After = union(x.After, s.After)
	x.Reasons = joinReasons(x.Reasons, s.Reasons)
	return slots
}

func joinCheck(checks []CheckDemand, c CheckDemand) []CheckDemand {
	i := slices.IndexFunc(checks, func(x CheckDemand) bool { return x.Kind == c.Kind })
	if i < 0 {
		c.Reasons = joinReasons(nil, c.Reasons)
		return append(checks, c)
	}
	checks[i].MaxAgeSecs = shorter(checks[i].MaxAgeSecs, c.MaxAgeSecs)
	checks[i].Reasons = joinReasons(checks[i].Reasons, c.Reasons)
	return checks
}

func joinField(fields []FieldDemand, f FieldDemand) []FieldDemand {
	i := slices.IndexFunc(fields, func(x FieldDemand) bool { return x.Path == f.Path })
	if i < 0 {
		f.Reasons = joinReasons(nil, f.Reasons)
		return append(fields, f)
	}
	fields[i].Reasons = joinReasons(fields[i].Reasons, f.Reasons)
	return fields
}

func joinReasons(a, b []Reason) []Reason {
	out := append(slices.Clone(a), b...)
	slices.SortFunc(out, compareReasons)
	return slices.Compact(out)
}

func compareReasons(a, b Reason) int {
	return cmp.Or(cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Clause, b.Clause), cmp.Compare(a.Text, b.Text))
}

// union gives the sorted set of both; nil where both are empty.
func union(a, b []string) []string {
	out := slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(a), b...))))
	if len(out) == 0 {
		return nil
	}
	return out
}

// intersect gives the sorted set of what is in both; nil where nothing is.
func intersect(a, b []string) []string {
	var out []string
	for _, x := range union(a, nil) {
		if slices.Contains(b, x) {
			out = append(out, x)
		}
	}
	return out
}

package change

import (
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/plan"
)

// maxTouched bounds the resources that are listed of one plan; a plan with more touches everything in its
// state, as far as conflicts go.
const maxTouched = 400

// touched sums a plan's effects up by resource, in the order of addresses. whole reports that there are
// more than the list holds.
func touched(p *plan.Plan) (list []Touch, whole bool) {
	effects, cut := p.Effects(0)
	for _, e := range effects {
		if n := len(list); n > 0 && list[n-1].Address == e.Target {
			if list[n-1].Op != plan.ClassDelete && list[n-1].Op != plan.ClassReplace {
				list[n-1].Op = e.Op
			}
			continue
		}
		if len(list) == maxTouched {
			return list, true
		}
		list = append(list, Touch{Address: e.Target, Op: e.Op})
	}
	return list, cut
}

// exclusive operations leave nothing for another change of the same resource.
func exclusive(t Touch) bool { return t.Op == plan.ClassDelete || t.Op == plan.ClassReplace }

// moduleOf gives the module that a resource is in, "" for the root.
func moduleOf(t Touch) string {
	parts := strings.Split(t.Address, ".")
	end := 0
	for end+1 < len(parts) && parts[end] == "module" {
		end += 2
	}
	return strings.Join(parts[:end], ".")
}

// The marks in the index of effects that are not addresses. No address begins with a star.
const (
	wholeState = "*whole"  // a plan that touches more than it lists
	anyOfState = "*plan"   // any plan of this state
	inModule   = "*module" // something in that module
)

// states names what a plan changes: the repository, or where none is named each target. Two plans of one
// repository are taken for plans of one state, which errs to the strict side.
func (m Material) states(b Binding) []string {
	if b.Repo != "" {
		return []string{"state of " + b.Repo}
	}
	out := []string{}
	for _, t := range m.Targets {
		out = append(out, "state of "+t)
	}
	return out
}

// plans lists the bound plans, with that of the way back.
func (m Material) plans() []Binding {
	var out []Binding
	for _, b := range m.Bindings {
		if b.Kind == "tf-plan" {
			out = append(out, b)
		}
	}
	if b := m.Rollback.Binding; b != nil && b.Kind == "tf-plan" {
		out = append(out, *b)
	}
	return out
}

// stateKeys marks that a state is changed at all, and whether by more than is listed.
func (m Material) stateKeys() []effectKey {
	var out []effectKey
	for _, b := range m.plans() {
		for _, state := range m.states(b) {
			out = append(out, effectKey{state, anyOfState})
			if m.whole(state) {
				out = append(out, effectKey{state, wholeState})
			}
		}
	}
	return out
}

// planKeys gives what the bound plans touch, for the index of effects.
func (m Material) planKeys() []effectKey {
	var out []effectKey
	for _, b := range m.plans() {
		for _, state := range m.states(b) {
			for _, t := range b.Plan.Touches {
				out = append(out, effectKey{state, t.Address})
			}
			for _, t := range b.Plan.Touches {
				if in := moduleOf(t); in != "" {
					out = append(out, effectKey{state, inModule + " " + in})
				}
			}
		}
	}
	return out
}

// sought gives the keys under which others that this change collides with are found: its own, and what they
// hold who touch more than they list.
func (m Material) sought() []effectKey {
	out := m.keys()
	for _, b := range m.plans() {
		for _, state := range m.states(b) {
			out = append(out, effectKey{state, wholeState})
		}
	}
	return slices.DeleteFunc(out, func(k effectKey) bool { return k.path == anyOfState && !m.whole(k.target) })
}

// whole reports whether the change touches more of a state than the index holds of it.
func (m Material) whole(state string) bool {
	n := len(m.Targets) + len(m.Effects)
	for _, b := range m.plans() {
		n += len(b.Plan.Touches) * len(m.states(b))
	}
	return n > maxReserved-50 || slices.ContainsFunc(m.plans(), func(b Binding) bool {
		return (b.Plan.Whole || !b.Complete) && slices.Contains(m.states(b), state)
	})
}

// destroys reports whether a bound plan deletes or replaces what stands under one of these paths, or
// something in that module.
func (m Material) destroys(path string) bool {
	for _, b := range m.plans() {
		for _, t := range b.Plan.Touches {
			if exclusive(t) && (t.Address == path || inModule+" "+moduleOf(t) == path || path == wholeState || path == anyOfState) {
				return true
			}
		}
	}
	return slices.ContainsFunc(m.Effects, func(e Effect) bool { return e.Path == path && (e.Op == "delete" || e.Op == "replace") })
}

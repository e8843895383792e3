package policy

import (
	"fmt"
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/fault"
)

// admit refuses facts that the pack does not know, and gives labels that are missing their strictest
// reading.
func (p *Pack) admit(f Facts) (Facts, error) {
	category, known := p.Category(f.Category)
	switch {
	case !slices.Contains(Types, f.Type):
		return f, unknown("unknown_type", "type", "The change has no known type; it must be normal, standard or emergency.")
	case !known:
		return f, unknown("unknown_category", "category", "The change's category is not one of this policy.")
	case f.RiskFloor != "" && !slices.Contains([]Risk{Low, Medium, High}, f.RiskFloor):
		return f, unknown("unknown_risk", "risk_floor", "The risk must be low, medium or high.")
	}
	if err := p.admitModel(f); err != nil {
		return f, err
	}
	for _, c := range f.Components {
		if have, ok := p.Component(c.Key); !ok || have != c {
			return f, p.strange()
		}
	}
	for _, b := range f.Bindings {
		if !slices.Contains(category.Bindings, b.Kind) {
			return f, unknown("unknown_binding", "bindings", "A change of the category "+f.Category+" cannot run a "+b.Kind+". It runs "+strings.Join(category.Bindings, ", ")+".")
		}
	}
	for _, e := range f.Effects {
		if !slices.Contains(Ops, e.Op) {
			return f, unknown("unknown_effect", "effects", "An effect's operation must be create, update, delete or replace.")
		}
	}
	for _, r := range f.Roles {
		if _, ok := p.Role(r); !ok {
			return f, unknown("unknown_role", "roles", "The change grants or revokes a role that the policy does not know.")
		}
	}
	if err := tooMany(f); err != nil {
		return f, err
	}
	f.Roles = slices.DeleteFunc(union(nil, f.Roles), func(r string) bool { return !p.byRole[r].Approves })
	return strict(f), nil
}

// admitModel refuses a standard change whose model is not one of the pack's for that category.
func (p *Pack) admitModel(f Facts) error {
	if f.Type != "standard" && f.Model == "" {
		return nil
	}
	m, _ := p.Model(f.Model) // an unknown one is of no category
	if m.Category != f.Category {
		return unknown("unknown_model", "model", "The change names no standard model of its category.")
	}
	return nil
}

func unknown(code, path, text string) error {
	return fault.New(fault.Invalid, code, "%s", text).At(path, "is not known to the policy in force").
		FixedBy("the requester").Then("plumb policy explain")
}

// strange refuses a component that the catalogue does not hold, and says which it holds, up to twenty.
func (p *Pack) strange() error {
	have := make([]string, 0, len(p.Components))
	for _, c := range p.Components {
		have = append(have, c.Key)
	}
	more := ""
	if n := len(have) - 20; n > 0 {
		have, more = have[:20], fmt.Sprintf(" and %d more", n)
	}
	return fault.New(fault.Invalid, "unknown_component", "A component of the change is not in the policy's catalogue.").
		At("components", "holds one that is not known to the policy in force: it knows "+strings.Join(have, ", ")+more).FixedBy("the requester; who owns the policy adds to the catalogue").
		Then("plumb policy archive, and read catalogue.yaml")
}

// tooMany refuses more of anything than conditions are bounded for.
func tooMany(f Facts) error {
	for path, n := range map[string]int{"components": len(f.Components), "targets": len(f.Targets),
		"bindings": len(f.Bindings), "effects": len(f.Effects), "checks": len(f.Checks), "fields": len(f.Fields),
		"roles": len(f.Roles), "data_flags": len(f.DataFlags), "deploy.links": len(f.Deploy.Links), "plan.types": len(f.Plan.Types)} {
		if n > FactLimits[path] {
			return fault.New(fault.TooLarge, "too_many", "One change can name at most %d of %s.", FactLimits[path], path).
				FixedBy("the requester").Then("split the change")
		}
	}
	return nil
}

// strict fills in the strictest reading: a target without a known label is production and
// confidential, and the change's environment is the strictest of its targets'.
func strict(f Facts) Facts {
	f.Targets = slices.Clone(f.Targets)
	env := f.Environment
	switch {
	case env == "" && len(f.Targets) > 0:
		env = Environments[0] // computed below; only ever rises
	case len(f.Targets) == 0 || !slices.Contains(Environments, env):
		env = "prod"
	}
	for i := range f.Targets {
		t := &f.Targets[i]
		if !slices.Contains(Environments, t.Environment) {
			t.Environment = "prod"
		}
		if !slices.Contains(Classifications, t.Classification) {
			t.Classification = "confidential"
		}
		env = strictest(Environments, env, t.Environment, "prod")
	}
	f.Environment = env
	f.Summary, f.Justification = strings.ToValidUTF8(f.Summary, "?"), strings.ToValidUTF8(f.Justification, "?")
	return f
}

package change

import (
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/policy"
)

// facts turns material fields into what rules may read. Components and targets are looked up in the
// pack's catalogue: what the catalogue does not know is taken at its strictest, so that no spelling
// makes a change look harmless.
func (m Material) facts(pack *policy.Pack) policy.Facts {
	f := policy.Facts{Type: m.Type, Category: m.Category, Model: m.Model, Summary: m.Summary,
		Justification: m.Justification, DataFlags: m.DataFlags, RiskFloor: policy.Risk(m.RiskFloor),
		Rollback: policy.Rollback{Present: m.Rollback.Text != "", Bound: m.Rollback.Binding != nil,
			Reversible: m.Rollback.NotReversible == ""},
		Deploy: policy.Deploy{JobName: m.Deploy.JobName, BuildID: m.Deploy.BuildID, Action: m.Deploy.Action,
			Branch: m.Deploy.Branch, Environment: m.Deploy.Environment, Links: m.Deploy.Links},
		Fields: m.filled()}
	for _, key := range m.Components {
		c, ok := pack.Component(key)
		if !ok {
			c = policy.Component{Key: key} // unknown: Demand refuses it by name
		}
		f.Components = append(f.Components, c)
	}
	for _, name := range m.Targets {
		f.Targets = append(f.Targets, m.target(pack, name))
	}
	for _, name := range m.beside() { // what an effect touches is judged as what is named for a target
		f.Targets = append(f.Targets, m.target(pack, name))
	}
	f.Environment = strictest(f.Targets)
	for _, b := range m.Bindings {
		f.Bindings = append(f.Bindings, policy.Binding{Kind: b.Kind, Name: b.Name, Repo: b.Repo})
		if g := b.Grant; g != nil && (g.Into != "" || slices.Contains(pack.Approving(), g.Role) || g.Role == string(directory.Officer)) {
			f.Roles = append(f.Roles, g.Role+g.Into) // joining a group can confer any role: take it at its strictest
		}
	}
	for _, e := range m.Effects {
		f.Effects = append(f.Effects, policy.Effect{Target: e.Target, Path: e.Path, Op: e.Op})
	}
	f.Plan = m.planFacts()
	return f
}

// strictest gives the environment that counts: the strictest of the targets, prod where none is named.
func strictest(targets []policy.Target) string {
	rank := map[string]int{"dev": 1, "test": 2}
	env := ""
	for _, t := range targets {
		if _, known := rank[t.Environment]; !known {
			return "prod"
		}
		if rank[t.Environment] > rank[env] {
			env = t.Environment
		}
	}
	if env == "" {
		return "prod"
	}
	return env
}

func (m Material) planFacts() policy.Plan {
	p := policy.Plan{Complete: true}
	for _, b := range m.Bindings {
		if b.Kind != "tf-plan" {
			continue
		}
		p.Present = true
		p.Complete = p.Complete && b.Complete
		p.Create += b.Plan.Create
		p.Update += b.Plan.Update
		p.Delete += b.Plan.Delete
		p.Replace += b.Plan.Replace
		p.Types = append(p.Types, b.Plan.Types...)
	}
	p.Complete = p.Complete && p.Present
	slices.Sort(p.Types)
	p.Types = slices.Compact(p.Types)
	return p
}

// filled lists the dotted paths of the fields that hold something; blanks are nothing.
func (m Material) filled() []string {
	d := m.Deploy
	has := map[string]bool{
		"summary": blank(m.Summary), "justification": blank(m.Justification), "components": len(m.Components) == 0,
		"targets": len(m.Targets) == 0, "bindings": len(m.Bindings) == 0, "effects": len(m.Effects) == 0 && !m.planFacts().Present,
		"rollback": blank(m.Rollback.Text) && blank(m.Rollback.NotReversible), "rollback.text": blank(m.Rollback.Text),
		"rollback.binding": m.Rollback.Binding == nil, "rollback.trigger": blank(m.Rollback.Trigger),
		"rollback.not_reversible": blank(m.Rollback.NotReversible),
		"implementers":            len(m.Implementers) == 0, "window": m.Window.Until.IsZero(), "window.from": m.Window.From.IsZero(),
		"window.until": m.Window.Until.IsZero(), "model": blank(m.Model), "critical_role": blank(m.CriticalRole),
		"deploy.job_name": blank(d.JobName), "deploy.build_id": blank(d.BuildID), "deploy.action": blank(d.Action),
		"deploy.branch": blank(d.Branch), "deploy.environment": blank(d.Environment),
		"deploy.links": len(d.Links) == 0, "deploy.scans": len(d.Scans) == 0, "data_flags": len(m.DataFlags) == 0,
		"category": blank(m.Category), "type": blank(m.Type), "emergency": blank(m.EmergencyNotes)}
	var out []string
	for path, empty := range has {
		if !empty {
			out = append(out, path)
		}
	}
	slices.Sort(out)
	return out
}

func blank(s string) bool { return strings.TrimSpace(s) == "" }

// withOwnChecks adds the evidence kinds that the requester demands beyond the policy.
func (m Material) withOwnChecks(d policy.Demand) policy.Demand {
	for _, kind := range append(slices.Clone(m.Checks), m.Deploy.Scans...) {
		if !slices.ContainsFunc(d.Checks, func(c policy.CheckDemand) bool { return c.Kind == kind }) {
			d.Checks = append(slices.Clone(d.Checks), policy.CheckDemand{Kind: kind,
				Reasons: []policy.Reason{{Rule: "requester", Text: "The requester demands it for this change."}}})
		}
	}
	return d
}

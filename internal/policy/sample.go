package policy

import (
	"fmt"
	"slices"
	"sort"
	"strings"
)

// sample is one made-up change by which a pack is tried out.
type sample struct {
	name  string
	facts Facts
}

// sampler makes changes that reach the corners of one or two packs: every type, category, target,
// component and kind of binding, and every text that occurs in a condition. It tries a great many
// combinations and not all: what it finds is certain, what it does not find is likely.
type sampler struct {
	packs      []*Pack
	categories []Category
	components []Component
	targets    []Target
	roles      []string
	literals   []string
	out        []sample
	seen       map[string]bool
}

// samples gives the sample changes of the packs, always the same for the same packs.
func samples(packs ...*Pack) []sample {
	s := &sampler{packs: packs, seen: map[string]bool{}}
	s.collect()
	for _, c := range s.categories {
		s.everywhere(c)
		s.variants(c)
	}
	return s.out
}

// collect gathers the words of all packs.
func (s *sampler) collect() {
	literals, targets := map[string]bool{}, map[string]Target{}
	for _, p := range s.packs {
		for _, c := range p.Categories {
			if !slices.ContainsFunc(s.categories, func(x Category) bool { return x.Name == c.Name }) {
				s.categories = append(s.categories, c)
			}
		}
		for _, c := range p.Components {
			if !slices.ContainsFunc(s.components, func(x Component) bool { return x.Key == c.Key }) {
				s.components = append(s.components, c)
			}
		}
		for _, t := range p.Targets {
			targets[t.Environment+"/"+t.Classification+"/"+t.Kind+"/"+t.Role] = t
		}
		s.roles = union(s.roles, p.Approving())
		for i := range p.Rules {
			c := p.Rules[i].cond
			for _, l := range c.literals {
				literals[l] = literals[l] || slices.ContainsFunc(c.reads.names(), written)
			}
		}
	}
	for _, class := range []string{"confidential", "public"} {
		t := Target{Name: "unlisted-" + class, Environment: "prod", Classification: class}
		targets["unlisted/"+class] = t
	}
	for _, key := range sortedKeys(targets) {
		s.targets = append(s.targets, targets[key])
	}
	for _, l := range sortedKeys(literals) {
		if literals[l] {
			s.literals = append(s.literals, l)
		}
	}
}

// written reports whether a requester can write what they like at this path. The others take values
// that the samples go through one by one.
func written(path string) bool {
	root, _, _ := strings.Cut(path, ".")
	switch {
	case slices.Contains([]string{"type", "category", "model", "environment", "roles", "risk_floor", "fields", "checks[]", "history", "rollback"}, root):
		return false
	case root == "components[]":
		return false // from the catalogue, member by member
	}
	return !slices.Contains([]string{"targets[].environment", "targets[].classification", "targets[].kind", "targets[].owner",
		"targets[].role", "bindings[].kind", "effects[].op", "plan.present", "plan.complete", "plan.create", "plan.update",
		"plan.delete", "plan.replace"}, path)
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// base is an everyday production change of the category.
func (s *sampler) base(c Category) Facts {
	f := Facts{Type: "normal", Category: c.Name, Environment: "prod", Summary: "A summary", Justification: "A reason",
		Rollback: Rollback{Present: true, Bound: true, Reversible: true}, Fields: FieldPaths,
		Deploy: Deploy{JobName: "job", BuildID: "1", Action: "apply", Branch: "main", Environment: "prod"}}
	if len(s.components) > 0 {
		f.Components = s.components[:1]
	}
	f.Targets = []Target{{Name: "plain", Environment: "prod", Classification: "internal", Kind: "host"}}
	if len(c.Bindings) > 0 {
		f.Bindings = []Binding{{Kind: c.Bindings[0], Name: "thing"}}
	}
	return f
}

func (s *sampler) add(f Facts, format string, args ...any) {
	name := f.Type + " " + f.Category + ", " + fmt.Sprintf(format, args...)
	if !s.seen[name] {
		s.seen[name] = true
		s.out = append(s.out, sample{name: name, facts: f})
	}
}

// everywhere is the category in each type on each kind of target.
func (s *sampler) everywhere(c Category) {
	for _, typ := range Types {
		for _, t := range s.targets {
			f := s.base(c)
			f.Type, f.Targets, f.Environment = typ, []Target{t}, t.Environment
			if typ == "standard" {
				f.Model = s.modelFor(c)
			}
			s.add(f, "%s %s %s %s", t.Environment, t.Classification, t.Kind, t.Role)
		}
	}
}

func (s *sampler) modelFor(c Category) string {
	for _, p := range s.packs {
		for _, m := range p.Models {
			if m.Category == c.Name {
				return m.ID
			}
		}
	}
	return ""
}

// variants change one thing of the everyday change at a time, and each text together with each kind
// of component.
func (s *sampler) variants(c Category) {
	kinds := map[string]bool{}
	for _, comp := range s.components {
		f := s.base(c)
		f.Components = []Component{comp}
		s.add(f, "component %s", comp.Key)
		if kinds[comp.Kind] {
			continue
		}
		kinds[comp.Kind] = true
		for _, l := range s.literals {
			s.add(worded(f, l), "component %s, worded %q", comp.Key, clip(l, 40))
		}
	}
	for _, kind := range c.Bindings {
		f := s.base(c)
		f.Bindings = []Binding{{Kind: kind, Name: "thing", Repo: "example-infra"}}
		s.add(f, "%s from an infrastructure repository", kind)
	}
	for _, r := range s.roles {
		f := s.base(c)
		f.Roles = []string{r}
		s.add(f, "granting %s", r)
	}
	for _, op := range Ops {
		f := s.base(c)
		f.Effects = []Effect{{Target: "plain", Path: "setting", Op: op}}
		s.add(f, "effect %s", op)
	}
	s.numbers(c)
}

// worded writes one text wherever the requester can write.
func worded(f Facts, l string) Facts {
	f.Summary, f.Justification, f.DataFlags = l, l, []string{l}
	f.Deploy = Deploy{JobName: l, BuildID: l, Action: l, Branch: l, Environment: l, Links: []string{l}}
	f.Effects = []Effect{{Target: l, Path: l, Op: "update"}}
	if len(f.Bindings) > 0 {
		f.Bindings = []Binding{{Kind: f.Bindings[0].Kind, Name: l, Repo: l}}
	}
	f.Plan.Types = []string{strings.ToLower(l)}
	return f
}

func (s *sampler) numbers(c Category) {
	plans := []Plan{{Present: true, Complete: true, Create: 1}, {Present: true, Complete: true, Create: 100, Update: 100},
		{Present: true, Complete: true, Delete: 1}, {Present: true, Complete: true, Replace: 1}, {Present: true}}
	for i, p := range plans {
		f := s.base(c)
		f.Plan = p
		s.add(f, "plan %d", i)
	}
	f := s.base(c)
	f.Rollback = Rollback{Present: true}
	s.add(f, "not reversible")
	for _, h := range []History{{Failures: 5}, {Successes: 100}, {SameDay: 100}} {
		f := s.base(c)
		f.History = h
		s.add(f, "history %d/%d/%d", h.Successes, h.Failures, h.SameDay)
	}
	f = s.base(c)
	for _, kind := range CheckKinds {
		f.Checks = append(f.Checks, Check{Kind: kind, Status: "pass", AgeSecs: 1})
	}
	s.add(f, "all evidence")
	f.RiskFloor = Low
	s.add(f, "called low by the requester")
}

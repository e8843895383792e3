package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// maxValid is the longest that a standard model may be valid: criteria that nobody looked at for a
// year are no longer approved beforehand.
const maxValid = 366 * 24 * time.Hour

func (s *scan) models() {
	seen := map[string]bool{}
	for i, m := range s.p.Models {
		path := fmt.Sprintf("models[%d]", i)
		s.id("models.yaml", path+".id", m.ID, seen)
		s.text("models.yaml", path+".title", m.ID, "title", m.Title)
		s.text("models.yaml", path+".rationale", m.ID, "rationale", m.Rationale)
		s.clause("models.yaml", path+".clause", m.ID, m.Clause)
		s.role("models.yaml", path+".owner", m.ID, m.Owner)
		if _, ok := s.p.Category(m.Category); !ok {
			s.bad("models.yaml", path+".category", "unknown_category", m.ID, "the category %q is not in categories.yaml", clean(m.Category))
		}
		s.modelTerms(path, m)
		s.bounds(path+".bounds", m)
		ids := map[string]bool{}
		for j, c := range m.Criteria {
			at := fmt.Sprintf("%s.criteria[%d]", path, j)
			s.id("models.yaml", at+".id", c.ID, ids)
			s.text("models.yaml", at+".text", m.ID, "text", c.Text)
			s.clause("models.yaml", at+".clause", m.ID, c.Clause)
			if strings.HasPrefix(c.ID, "bound/") {
				s.bad("models.yaml", at+".id", "bad_id", m.ID, "ids that start with bound/ are the program's own")
			}
		}
		if len(m.Criteria) == 0 {
			s.bad("models.yaml", path+".criteria", "empty_model", m.ID, "the model has no criterion")
		}
	}
}

func (s *scan) modelTerms(path string, m Model) {
	s.span("models.yaml", path+".valid_for", m.ID, m.ValidFor)
	if m.ValidFor.Duration() > maxValid {
		s.bad("models.yaml", path+".valid_for", "too_long", m.ID, "a model is valid for a year at most")
	}
	if _, err := time.Parse(time.DateOnly, m.ValidTo); m.ValidTo != "" && err != nil {
		s.bad("models.yaml", path+".valid_until", "bad_date", m.ID, "%q is no date such as 2026-12-31", clean(m.ValidTo))
	}
	s.span("models.yaml", path+".review.after", m.ID, m.Review.After)
	for _, n := range []struct {
		name  string
		value int
	}{{"review.uses", m.Review.Uses}, {"max_per_day", m.MaxPerDay}, {"bounds.targets", m.Bounds.Targets}, {"bounds.effects", m.Bounds.Effects}} {
		if n.value < 1 || n.value > 10_000 {
			s.bad("models.yaml", path+"."+n.name, "bad_number", m.ID, "%s must be between 1 and 10000", n.name)
		}
	}
}

func (s *scan) bounds(path string, m Model) {
	b := m.Bounds
	s.words("models.yaml", path+".environments", m.ID, b.Environments, Environments)
	s.words("models.yaml", path+".ops", m.ID, b.Ops, Ops)
	for i, key := range b.Components {
		if _, ok := s.p.Component(key); !ok {
			s.bad("models.yaml", fmt.Sprintf("%s.components[%d]", path, i), "unknown_component", m.ID, "the component %q is not in catalogue.yaml", clean(key))
		}
	}
	if len(b.Environments) == 0 || len(b.TargetKinds) == 0 || len(b.Components) == 0 || len(b.Ops) == 0 {
		s.bad("models.yaml", path, "empty_bound", m.ID, "each bound must list what it allows; an empty list allows nothing")
	}
}

func (s *scan) emergency() {
	const file = "emergency.yaml"
	e := s.p.Emergency
	for _, c := range []struct{ path, clause string }{{"notify", e.Notify.Clause}, {"document", e.Document.Clause}, {"review", e.AfterCare.Clause}} {
		s.clause(file, "emergency."+c.path+".clause", "emergency", c.clause)
	}
	for i, r := range e.Notify.Roles {
		s.role(file, fmt.Sprintf("emergency.notify.roles[%d]", i), "emergency", r)
	}
	for i, r := range e.AfterCare.Roles {
		s.role(file, fmt.Sprintf("emergency.review.roles[%d]", i), "emergency", r)
	}
	s.words(file, "emergency.notify.channels", "emergency", e.Notify.Channels, []string{"email", "slack", "phone", "page"})
	switch {
	case e.Notify.AtLeast < 1 || e.Notify.AtLeast > len(e.Notify.Roles):
		s.bad(file, "emergency.notify.at_least", "bad_number", "emergency", "at_least must be between 1 and the number of roles")
	case e.Notify.MinChans < 1 || e.Notify.MinChans > len(e.Notify.Channels):
		s.bad(file, "emergency.notify.min_channels", "bad_number", "emergency", "min_channels must be between 1 and the number of channels")
	case e.Signoff != "standard":
		s.bad(file, "emergency.signoff", "weak_signoff", "emergency", "sign-off must be \"standard\": what beforehand would have been needed")
	case len(e.AfterCare.Roles) == 0 || !e.AfterCare.Prevention:
		s.bad(file, "emergency.review", "weak_review", "emergency", "needs reviewing roles, and prevention: true")
	case len(e.Methods) == 0:
		s.bad(file, "emergency.methods", "empty_pack", "emergency", "names no way of access")
	}
	s.span(file, "emergency.document.within", "emergency", e.Document.Within)
	for i, r := range e.Document.Remind {
		s.span(file, fmt.Sprintf("emergency.document.remind[%d]", i), "emergency", r)
	}
	s.words(file, "emergency.document.fields", "emergency", e.Document.Fields,
		[]string{"emergency.reason", "emergency.why_not_standard", "emergency.access_method", "emergency.steps"})
	seen := map[string]bool{}
	for i, m := range e.Methods {
		path := fmt.Sprintf("emergency.methods[%d]", i)
		s.id(file, path+".id", m.ID, seen)
		s.text(file, path+".title", m.ID, "title", m.Title)
		s.clause(file, path+".clause", m.ID, m.Clause)
		s.span(file, path+".within", m.ID, m.Within)
	}
}

func (s *scan) clauses() {
	seen := map[string]bool{}
	for i, c := range s.p.Clauses {
		path := fmt.Sprintf("clauses[%d]", i)
		s.id("clauses.yaml", path+".id", c.ID, seen)
		s.text("clauses.yaml", path+".title", c.ID, "title", c.Title)
		s.text("clauses.yaml", path+".section", c.ID, "section", c.Section)
		for j, r := range c.Rules {
			if !s.enforcer(r) {
				s.bad("clauses.yaml", fmt.Sprintf("%s.rules[%d]", path, j), "unknown_rule", c.ID, "%q is no rule, category:…, model:… or emergency of this pack", clean(r))
			}
		}
		for j, b := range c.BuiltIn {
			if _, ok := BuiltIns[b]; !ok {
				s.bad("clauses.yaml", fmt.Sprintf("%s.built_in[%d]", path, j), "unknown_guard", c.ID, "%q is no guard of the program", clean(b))
			}
		}
	}
}

// enforcer reports whether the pack holds what a clause says enforces it.
func (s *scan) enforcer(id string) bool {
	kind, name, found := strings.Cut(id, ":")
	switch {
	case id == "emergency":
		return true
	case found && kind == "category":
		_, ok := s.p.Category(name)
		return ok
	case found && kind == "model":
		_, ok := s.p.Model(name)
		return ok
	case found:
		return false
	}
	return slices.ContainsFunc(s.p.Rules, func(r Rule) bool { return r.ID == id })
}

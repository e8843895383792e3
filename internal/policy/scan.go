package policy

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Severity says what a finding means for the pack.
type Severity string

// The severities. A pack with an error can not be activated; a warning is shown to the officer who
// activates it; a note informs.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
	Note    Severity = "note"
)

// Finding is one thing that is wrong with a pack, or that its reader should know.
type Finding struct {
	Severity Severity `json:"severity"`
	File     string   `json:"file"`
	Line     int      `json:"line"`
	Code     string   `json:"code"` // stable snake_case
	Rule     string   `json:"rule"` // id of the rule, model, role or clause; "" for the pack
	Text     string   `json:"text"`
}

// scan collects what is wrong with the words of a pack: ids, references, spans.
type scan struct {
	p        *Pack
	findings []Finding
}

func (s *scan) bad(file, path, code, rule, format string, args ...any) {
	s.findings = append(s.findings, Finding{Severity: Error, File: file, Line: s.p.lines.line(file, path),
		Code: code, Rule: clean(rule), Text: fmt.Sprintf(format, args...)})
}

// idPattern is what ids, role names and codes look like.
var idPattern = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z][a-z0-9]*([-_./][a-z0-9]+)*$`) })

// id refuses a name that is empty, malformed or there already.
func (s *scan) id(file, path, id string, seen map[string]bool) {
	switch {
	case len(id) > 80 || !idPattern().MatchString(id):
		s.bad(file, path, "bad_id", id, "%q is no id: small letters, digits and - _ . / between them", clean(id))
	case seen[id]:
		s.bad(file, path, "duplicate_id", id, "the id %q is there twice", id)
	}
	seen[id] = true
}

func (s *scan) role(file, path, rule, role string) {
	if _, ok := s.p.byRole[role]; !ok {
		s.bad(file, path, "unknown_role", rule, "the role %q is not in roles.yaml", clean(role))
	}
}

func (s *scan) word(file, path, rule, word string, known []string) {
	if !slices.Contains(known, word) {
		s.bad(file, path, "unknown_word", rule, "%q is not known here; one of %s", clean(word), strings.Join(known, ", "))
	}
}

func (s *scan) words(file, path, rule string, words, known []string) {
	for i, w := range words {
		s.word(file, fmt.Sprintf("%s[%d]", path, i), rule, w, known)
	}
}

func (s *scan) span(file, path, rule string, v Span) {
	if _, ok := v.Secs(); !ok {
		s.bad(file, path, "bad_span", rule, "%q is no length of time, such as 72h or 14d", clean(string(v)))
	}
}

func (s *scan) clause(file, path, rule, clause string) {
	if _, ok := s.p.Clause(clause); !ok {
		s.bad(file, path, "unknown_clause", rule, "the clause %q is not in clauses.yaml", clean(clause))
	}
}

func (s *scan) text(file, path, rule, what, v string) {
	if strings.TrimSpace(v) == "" || len(v) > 2000 {
		s.bad(file, path, "missing_text", rule, "needs a %s of at most 2000 characters", what)
	}
}

func (s *scan) pack() {
	s.id("pack.yaml", "name", s.p.Name, map[string]bool{})
	s.text("pack.yaml", "version", "", "version", s.p.Version)
	s.text("pack.yaml", "title", "", "title", s.p.Title)
	s.span("pack.yaml", "expire.high", "", s.p.Expire.High)
	s.span("pack.yaml", "expire.normal", "", s.p.Expire.Normal)
	s.words("pack.yaml", "exclude", "", s.p.Exclude, Exclusions)
	for _, must := range []string{"requester", "revision_authors", "executor"} {
		if !slices.Contains(s.p.Exclude, must) {
			s.bad("pack.yaml", "exclude", "self_approval", "", "the exclusions must hold %q: an approver is neither author nor executor", must)
		}
	}
}

func (s *scan) roles() {
	seen := map[string]bool{AssetOwner: true}
	for i, r := range s.p.Roles {
		path := fmt.Sprintf("roles[%d]", i)
		s.id("roles.yaml", path+".name", r.Name, seen)
		s.text("roles.yaml", path+".title", r.Name, "title", r.Title)
		if r.SpeaksFor != "" {
			s.word("roles.yaml", path+".speaks_for", r.Name, r.SpeaksFor, Teams)
		}
		if r.Holders < 0 || r.Holders > 100 {
			s.bad("roles.yaml", path+".holders", "bad_number", r.Name, "holders must be between 0 and 100")
		}
	}
}

func (s *scan) catalogue() {
	seen := map[string]bool{}
	for i, c := range s.p.Components {
		path := fmt.Sprintf("components[%d]", i)
		s.id("catalogue.yaml", path+".key", c.Key, seen)
		s.id("catalogue.yaml", path+".kind", c.Kind, map[string]bool{})
	}
	seen = map[string]bool{}
	for i, t := range s.p.Targets {
		path := fmt.Sprintf("targets[%d]", i)
		s.id("catalogue.yaml", path+".name", t.Name, seen)
		s.id("catalogue.yaml", path+".kind", t.Kind, map[string]bool{})
		s.word("catalogue.yaml", path+".environment", t.Name, t.Environment, Environments)
		s.word("catalogue.yaml", path+".classification", t.Name, t.Classification, Classifications)
		s.role("catalogue.yaml", path+".owner", t.Name, t.Owner)
	}
}

func (s *scan) categories() {
	seen := map[string]bool{}
	for i, c := range s.p.Categories {
		path := fmt.Sprintf("categories[%d]", i)
		s.id("categories.yaml", path+".name", c.Name, seen)
		s.text("categories.yaml", path+".title", c.Name, "title", c.Title)
		s.clause("categories.yaml", path+".clause", c.Name, c.Clause)
		s.words("categories.yaml", path+".bindings", c.Name, c.Bindings, BindingKinds)
		s.fields("categories.yaml", path+".fields", c.Name, c.Fields)
	}
	if len(s.p.Categories) == 0 {
		s.bad("categories.yaml", "categories", "empty_pack", "", "declares no category")
	}
}

func (s *scan) fields(file, path, rule string, fields []string) {
	for i, f := range fields {
		if !slices.Contains(FieldPaths, f) {
			s.bad(file, fmt.Sprintf("%s[%d]", path, i), "unknown_field", rule, "%q is no field of a change", clean(f))
		}
	}
}

func (s *scan) rules() {
	seen := map[string]bool{}
	for i := range s.p.Rules {
		r, path := &s.p.Rules[i], fmt.Sprintf("rules[%d]", i)
		s.id("rules.yaml", path+".id", r.ID, seen)
		s.text("rules.yaml", path+".text", r.ID, "text", r.Text)
		s.clause("rules.yaml", path+".clause", r.ID, r.Clause)
		s.slots(path, r)
		s.fields("rules.yaml", path+".fields", r.ID, r.Fields)
		s.checks(path+".checks", r.ID, r.Checks)
		s.checks(path+".after", r.ID, r.After)
		s.ruleEnds(path, r)
	}
	if len(s.p.Rules) == 0 {
		s.bad("rules.yaml", "rules", "empty_pack", "", "declares no rule")
	}
}

func (s *scan) slots(path string, r *Rule) {
	own := map[string]bool{}
	for i, q := range r.Require {
		at := fmt.Sprintf("%s.require[%d]", path, i)
		s.role("rules.yaml", at+".role", r.ID, q.Role)
		if role, ok := s.p.byRole[q.Role]; ok && !role.Approves {
			s.bad("rules.yaml", at+".role", "not_approving", r.ID, "the role %q does not approve", q.Role)
		}
		if q.Min < 1 || q.Min > 20 {
			s.bad("rules.yaml", at+".min", "bad_number", r.ID, "min must be between 1 and 20")
		}
		if q.Stage != "" {
			s.id("rules.yaml", at+".stage", q.Stage, map[string]bool{})
		}
		if own[q.slotID()] {
			s.bad("rules.yaml", at, "duplicate_id", r.ID, "the slot %q is there twice", q.slotID())
		}
		own[q.slotID()] = true
	}
	for i, q := range r.Require {
		for j, a := range q.After {
			if !own[a] && !s.base(a) || a == q.slotID() {
				s.bad("rules.yaml", fmt.Sprintf("%s.require[%d].after[%d]", path, i, j), "unknown_slot", r.ID,
					"%q is no other slot of this rule or of a rule that always holds", clean(a))
			}
		}
	}
}

// base reports whether a slot is demanded of every change.
func (s *scan) base(slot string) bool {
	for _, r := range s.p.Rules {
		if r.always() && slices.ContainsFunc(r.Require, func(q SlotRule) bool { return q.slotID() == slot }) {
			return true
		}
	}
	return false
}

// slotID names the slot: the role, and the stage where there is one.
func (q SlotRule) slotID() string {
	if q.Stage == "" {
		return q.Role
	}
	return q.Role + "/" + q.Stage
}

func (s *scan) checks(path, rule string, checks []CheckRule) {
	for i, c := range checks {
		at := fmt.Sprintf("%s[%d]", path, i)
		s.word("rules.yaml", at+".kind", rule, c.Kind, CheckKinds)
		if c.MaxAge != "" {
			s.span("rules.yaml", at+".max_age", rule, c.MaxAge)
		}
	}
}

func (s *scan) ruleEnds(path string, r *Rule) {
	for i, v := range r.Verify {
		at := fmt.Sprintf("%s.verify[%d]", path, i)
		if v.Role != AssetOwner {
			s.role("rules.yaml", at+".role", r.ID, v.Role)
		} else {
			s.role("rules.yaml", at+".fallback", r.ID, v.Fallback)
		}
		if v.Min < 1 || v.Min > 20 {
			s.bad("rules.yaml", at+".min", "bad_number", r.ID, "min must be between 1 and 20")
		}
	}
	if r.Risk != "" {
		s.word("rules.yaml", path+".risk", r.ID, string(r.Risk), []string{"low", "medium", "high"})
	}
	for i, e := range r.Executor {
		s.role("rules.yaml", fmt.Sprintf("%s.executor[%d]", path, i), r.ID, e)
	}
	if f := r.Forbid; f != nil {
		s.id("rules.yaml", path+".forbid.code", f.Code, map[string]bool{})
		s.text("rules.yaml", path+".forbid.reason", r.ID, "reason", f.Reason)
	}
	if len(r.Require)+len(r.Fields)+len(r.Checks)+len(r.After)+len(r.Verify)+len(r.Executor) == 0 && r.Risk == "" && r.Forbid == nil {
		s.bad("rules.yaml", path, "empty_rule", r.ID, "the rule demands nothing")
	}
}

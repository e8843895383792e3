package policy

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/fault"
)

// A story is a plain text file in which an auditor can read what the pack does: who is there, what is
// asked for, what happens, and what must come of it. Lines that start with # are remarks.
//
//	clause deploy/two-approvals        the clauses it is about
//	requirement A8                     ids of requirements, optional
//
//	people
//	  sara: security-lead, engineering-lead
//
//	change
//	  type: normal
//	  category: deploy
//	  components: web, api             keys of the catalogue
//	  targets: web-prod                names of the catalogue; others are unknown targets
//	  bindings: tf-plan, oci-image from example-infra
//	  effects: update, delete
//	  plan: complete, create 2, delete 1, type null_resource
//	  rollback: bound | text | irreversible | none
//	  roles: security-lead             approving roles that it grants
//	  without: deploy.links            fields that stay empty; all others are filled
//	  evidence: tests, security-scan   shown and passing from the start, or: all
//	  commits by: eva                  authors of what is bound
//	  history: successes 3, failures 1, today 2
//	  model: toggle-in-app
//	  risk: high                       the requester's floor
//	  action: apply                    likewise branch, environment
//
//	events
//	  paul asks                        also: approves, rejects, edits, withdraws, executes
//	  evidence tests fail              also: pass, pass 9d old
//	  sara loses security-lead
//	  73h pass
//	  model toggle-in-app is active
//	  expect authorized                also: not authorized, submitted
//	  expect needs engineering-lead    the slots that are still open, all of them
//	  expect slot it-manager because it-network
//	  expect missing field rollback    all of them
//	  expect missing evidence tests    all of them
//	  expect refused self_approval     what the line before came to
//	  expect risk high
//	  expect afterwards baseline       checks before closing, all of them; or: nothing
//	  expect verified by it-manager    all of them; or: nobody
//	  expect nobody for it-manager     with these people it cannot be approved
//	  expect automatic                 criteria authorize it
//	  expect not automatic tested      the criteria that fail, all of them
//
// An event that is refused must be followed by the expectation of just that.
type Story struct {
	File         string   `json:"file"`
	Title        string   `json:"title"` // its first remark
	Clauses      []string `json:"clauses"`
	Requirements []string `json:"requirements"`
	Steps        []Step   `json:"steps"`
	OK           bool     `json:"ok"` // every step held, and there was at least one expectation

	people map[string][]string
	facts  Facts
	asked  bool // a change section is there
	author []string
	plot   []Step
}

// Step is one line of a story's events.
type Step struct {
	Line int    `json:"line"`
	Text string `json:"text"`
	OK   bool   `json:"ok"`
	Got  string `json:"got"` // what came of it, in words, where it did not hold
}

// maxStory bounds a story file, in bytes.
const maxStory = 64 << 10

// RunStories plays all stories/*.txt of a pack folder against the pack in it.
func RunStories(fsys fs.FS) ([]Story, error) {
	p, err := Load(fsys)
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(fsys, "stories/*.txt")
	if err != nil {
		return nil, err
	}
	var out []Story
	for _, name := range names {
		s, err := p.runFile(fsys, name)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

func (p *Pack) runFile(fsys fs.FS, file string) (Story, error) {
	b, err := fs.ReadFile(fsys, file)
	if err != nil {
		return Story{}, fmt.Errorf("read story: %w", err)
	}
	return p.RunStory(path.Base(file), b)
}

// RunStory plays one story against the pack. The error is for text that is no story, with its line;
// a story that fails is no error but has OK false and says at which step.
func (p *Pack) RunStory(name string, text []byte) (Story, error) {
	s := Story{File: name, people: map[string][]string{}}
	if len(text) > maxStory {
		return s, badStory(name, 1, "the story is longer than %d bytes", maxStory)
	}
	if err := readable(name, string(text)); err != nil {
		return s, err
	}
	section := ""
	for i, line := range strings.Split(string(text), "\n") {
		bare := strings.TrimSpace(line)
		switch {
		case bare == "":
			continue
		case strings.HasPrefix(bare, "#"):
			if s.Title == "" {
				s.Title = strings.TrimSpace(strings.TrimLeft(bare, "#"))
			}
			continue
		case !strings.HasPrefix(line, " "):
			section = s.header(bare)
			if section == "" {
				return s, badStory(name, i+1, "%q starts no part of a story", clean(bare))
			}
			continue
		}
		if err := s.line(p, section, bare, i+1); err != nil {
			return s, badStory(name, i+1, "%s", err)
		}
	}
	if !s.asked || len(s.people) == 0 || len(s.plot) == 0 {
		return s, badStory(name, 1, "a story has people, a change and events")
	}
	s.play(p)
	return s, nil
}

func badStory(name string, line int, format string, args ...any) error {
	return fault.New(fault.Invalid, "bad_story", "%s:%d: %s.", clean(name), line, fmt.Sprintf(format, args...)).
		Then("mend the story at that line")
}

// header reads a line at the margin: a section, or what the story is about.
func (s *Story) header(line string) string {
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case "people", "events":
		if rest == "" {
			return word
		}
	case "change":
		s.asked = true
		if rest == "" {
			return word
		}
	case "clause":
		s.Clauses = append(s.Clauses, list(rest)...)
		return word
	case "requirement":
		s.Requirements = append(s.Requirements, list(rest)...)
		return word
	}
	return ""
}

func list(s string) []string {
	var out []string
	for _, x := range strings.Split(s, ",") {
		if x = strings.TrimSpace(x); x != "" {
			out = append(out, x)
		}
	}
	return out
}

// line reads one line of a section.
func (s *Story) line(p *Pack, section, line string, n int) error {
	switch section {
	case "people":
		name, roles, ok := strings.Cut(line, ":")
		if _, twice := s.people[name]; !ok || twice || !idPattern().MatchString(name) {
			return fmt.Errorf("a person is one line \"name: role, role\"")
		}
		for _, r := range list(roles) {
			if _, ok := p.Role(r); !ok {
				return fmt.Errorf("the role %q is not in the pack", clean(r))
			}
		}
		s.people[name] = list(roles)
		return nil
	case "change":
		key, value, ok := strings.Cut(line, ":")
		if !ok {
			return fmt.Errorf("a change's line is \"name: value\"")
		}
		return s.change(p, key, list(value))
	case "events":
		s.plot = append(s.plot, Step{Line: n, Text: line})
		return nil
	}
	return fmt.Errorf("the line belongs to no part of the story")
}

// change reads one line of what is asked for.
func (s *Story) change(p *Pack, key string, values []string) error {
	f := &s.facts
	one := strings.Join(values, ", ")
	switch key {
	case "type":
		f.Type = one
	case "category":
		f.Category = one
	case "model":
		f.Model = one
	case "risk":
		f.RiskFloor = Risk(one)
	case "summary":
		f.Summary = one
	case "action":
		f.Deploy.Action = one
	case "branch":
		f.Deploy.Branch = one
	case "environment":
		f.Deploy.Environment = one
	case "roles":
		f.Roles = values
	case "commits by":
		s.author = values
	case "without":
		return s.without(values)
	default:
		return s.things(p, key, values)
	}
	return nil
}

// without takes fields away from those that count as filled in.
func (s *Story) without(fields []string) error {
	if s.facts.Fields == nil {
		s.facts.Fields = slices.Clone(FieldPaths)
	}
	for _, x := range fields {
		if !slices.Contains(FieldPaths, x) {
			return fmt.Errorf("%q is no field of a change", clean(x))
		}
		s.facts.Fields = slices.DeleteFunc(s.facts.Fields, func(have string) bool {
			return have == x || strings.HasPrefix(have, x+".")
		})
	}
	return nil
}

// things reads the lists of a change.
func (s *Story) things(p *Pack, key string, values []string) error {
	f := &s.facts
	for _, v := range values {
		switch key {
		case "components":
			c, ok := p.Component(v)
			if !ok {
				c = Component{Key: v}
			}
			f.Components = append(f.Components, c)
		case "targets":
			t, _ := p.Target(v)
			f.Targets = append(f.Targets, t)
		case "bindings":
			kind, repo, _ := strings.Cut(v, " from ")
			f.Bindings = append(f.Bindings, Binding{Kind: kind, Name: "thing", Repo: repo})
		case "effects":
			f.Effects = append(f.Effects, Effect{Target: "thing", Path: "setting", Op: v})
		case "evidence":
			s.evidence(v)
		case "rollback":
			f.Rollback = Rollback{Present: v == "bound" || v == "text" || v == "irreversible", Bound: v == "bound",
				Reversible: v == "bound" || v == "text"}
			if !f.Rollback.Present {
				return s.without([]string{"rollback"})
			}
		case "plan":
			return f.Plan.word(values)
		case "history":
			return f.History.word(values)
		default:
			return fmt.Errorf("%q is nothing that a story says of a change", clean(key))
		}
	}
	return nil
}

func (s *Story) evidence(kind string) {
	kinds := []string{kind}
	if kind == "all" {
		kinds = CheckKinds
	}
	for _, k := range kinds {
		s.facts.Checks = append(s.facts.Checks, Check{Kind: k, Status: "pass"})
	}
}

func (p *Plan) word(values []string) error {
	p.Present = true
	for _, v := range values {
		word, rest, _ := strings.Cut(v, " ")
		if word == "type" {
			p.Types = append(p.Types, rest)
			continue
		}
		n, number := count(rest)
		switch {
		case v == "complete":
			p.Complete = true
		case v == "incomplete":
			p.Complete = false
		case word == "create" && number:
			p.Create = n
		case word == "update" && number:
			p.Update = n
		case word == "delete" && number:
			p.Delete = n
		case word == "replace" && number:
			p.Replace = n
		default:
			return fmt.Errorf("%q is nothing that a story says of a plan", clean(v))
		}
	}
	return nil
}

func (h *History) word(values []string) error {
	for _, v := range values {
		word, rest, _ := strings.Cut(v, " ")
		n, number := count(rest)
		switch {
		case word == "successes" && number:
			h.Successes = n
		case word == "failures" && number:
			h.Failures = n
		case word == "today" && number:
			h.SameDay = n
		default:
			return fmt.Errorf("%q is nothing that a story says of history", clean(v))
		}
	}
	return nil
}

// count reads a number of at most five digits.
func count(s string) (n int, ok bool) {
	if s == "" || len(s) > 5 || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	for _, c := range s {
		n = n*10 + int(c-'0')
	}
	return n, true
}

// Package rulebook holds the pages of the policy: the pack in force as a document to read, its history
// with what each version changed, what a pack would have demanded of past changes, and which clause of the
// written policy is kept by what.
package rulebook

import (
	"fmt"
	"io"
	"slices"
	"time"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/web/frame"
	"plumbline.dev/plumb/internal/web/ui"
)

// Pages serves them.
type Pages struct {
	Changes *change.Desk
}

// maxArchive is the largest pack that is tried.
const maxArchive = 2 << 20

// Routes is the table of these pages.
func (p Pages) Routes() []frame.Route {
	return []frame.Route{
		{Method: "GET", Path: "/policy", Need: directory.PolicyRead, Handle: p.document},
		{Method: "GET", Path: "/policy/coverage", Need: directory.PolicyRead, Handle: p.coverage},
		{Method: "GET", Path: "/policy/history", Need: directory.PolicyRead, Handle: p.history},
		{Method: "GET", Path: "/policy/diff", Need: directory.PolicyRead, Handle: p.diff},
		{Method: "GET", Path: "/policy/explain", Need: directory.PolicyRead, Handle: p.explain},
		{Method: "GET", Path: "/policy/simulate", Need: directory.PolicyRead, Handle: p.simulate},
		{Method: "POST", Path: "/policy/simulate", Need: directory.PolicyRead, Body: maxArchive + 1<<16, Handle: p.simulate},
	}
}

var tabs = []ui.Link{{Text: "In force", Path: "/policy"}, {Text: "Coverage", Path: "/policy/coverage"}, {Text: "History", Path: "/policy/history"},
	{Text: "Explain a change", Path: "/policy/explain"}, {Text: "Try a pack", Path: "/policy/simulate"}}

// book is the pack in force as it is read.
type book struct {
	Frame ui.Frame
	Pack  *policy.Pack
	Since change.PackVersion
	Rules []section // by clause, in the order of the clauses
}

// section is one clause with the rules that keep it.
type section struct {
	Clause policy.Clause
	Rules  []policy.Rule
}

func (p Pages) document(v *frame.Visit) error {
	b := book{Frame: v.Frame("Policy", "/policy")}
	var err error
	if b.Pack, err = p.Changes.Pack(v.Ctx()); err != nil {
		return err
	}
	all, err := p.Changes.Packs(v.Ctx())
	if err != nil {
		return err
	}
	if len(all) > 0 {
		b.Since = all[0]
	}
	b.Rules = sections(b.Pack)
	return v.Show(b.Frame, document(b))
}

// sections puts the rules under their clauses; rules without a clause that is known come last.
func sections(p *policy.Pack) []section {
	out := []section{}
	done := map[string]bool{}
	for _, c := range p.Clauses {
		s := section{Clause: c}
		for _, r := range p.Rules {
			if r.Clause == c.ID {
				s.Rules, done[r.ID] = append(s.Rules, r), true
			}
		}
		if len(s.Rules) > 0 {
			out = append(out, s)
		}
	}
	rest := section{Clause: policy.Clause{Title: "Without a clause"}}
	for _, r := range p.Rules {
		if !done[r.ID] {
			rest.Rules = append(rest.Rules, r)
		}
	}
	if len(rest.Rules) > 0 {
		out = append(out, rest)
	}
	return out
}

// past is the history of packs.
type past struct {
	Frame ui.Frame
	Packs []change.PackVersion
}

func (p Pages) history(v *frame.Visit) error {
	h := past{Frame: v.Frame("Policy history", "/policy")}
	var err error
	if h.Packs, err = p.Changes.Packs(v.Ctx()); err != nil {
		return err
	}
	return v.Show(h.Frame, history(h))
}

// turn is what one version of the policy changed.
type turn struct {
	Frame    ui.Frame
	From, To *policy.Pack
	Weaker   []policy.Finding
	Items    []itemDiff
}

func (p Pages) diff(v *frame.Visit) error {
	t := turn{Frame: v.Frame("What changed in the policy", "/policy")}
	for name, to := range map[string]**policy.Pack{"from": &t.From, "to": &t.To} {
		pack, err := p.known(v, v.Value(name))
		if err != nil {
			return err
		}
		*to = pack
	}
	t.Weaker = policy.Weaker(t.From, t.To)
	var err error
	if t.Items, err = compare(t.From, t.To); err != nil {
		return err
	}
	return v.Show(t.Frame, diff(t))
}

// known gives a pack that was in force once.
func (p Pages) known(v *frame.Visit, digest string) (*policy.Pack, error) {
	all, err := p.Changes.Packs(v.Ctx())
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(all, func(x change.PackVersion) bool { return x.Digest == digest }) {
		return nil, fault.New(fault.NotFound, "no_pack_version", "No policy pack of that digest was ever in force here.").FixedBy("you").Then("choose two versions from the history")
	}
	return p.Changes.PackOf(v.Ctx(), digest)
}

// told is what the policy says about one change.
type told struct {
	Frame ui.Frame
	Asked string
	Found bool
	X     change.Explained
}

// heading says how many rules apply, or do not.
func (t told) heading(holds bool) string {
	n := 0
	for _, r := range t.X.Rules {
		if r.Holds == holds {
			n++
		}
	}
	if holds {
		return fmt.Sprintf("%d rules apply", n)
	}
	return fmt.Sprintf("%d rules do not apply", n)
}

func (p Pages) explain(v *frame.Visit) error {
	t := told{Frame: v.Frame("Explain a change", "/policy"), Asked: v.Value("change")}
	if t.Asked == "" {
		return v.Show(t.Frame, explain(t))
	}
	id, err := change.ParseID(t.Asked)
	if err != nil {
		return err
	}
	if t.X, err = p.Changes.ExplainChange(v.Ctx(), id); err != nil {
		return err
	}
	t.Found, t.Asked = true, string(id)
	return v.Show(t.Frame, explain(t))
}

// UsualDays is how far back coverage and trials look.
const UsualDays = 90

// trial is a pack tried on past changes.
type trial struct {
	Frame    ui.Frame
	From, To string
	Packs    []change.PackVersion
	Refused  *fault.Error
	Done     bool
	Name     string
	Rows     []trialRow
	Same     int // changes of which nothing else would have been demanded
}

func (p Pages) simulate(v *frame.Visit) error {
	t := trial{Frame: v.Frame("Try a pack", "/policy"), From: v.Now.AddDate(0, 0, -UsualDays).In(v.Zone).Format(time.DateOnly), To: v.Now.In(v.Zone).Format(time.DateOnly)}
	var err error
	if t.Packs, err = p.Changes.Packs(v.Ctx()); err != nil {
		return err
	}
	if v.R.Method == "GET" {
		return v.Show(t.Frame, simulate(t))
	}
	if err := v.R.ParseMultipartForm(maxArchive); err != nil {
		return fault.New(fault.Invalid, "bad_form", "The form could not be read.").From(err).FixedBy("you").Then("go back and send it again")
	}
	defer v.R.MultipartForm.RemoveAll() // the server does so only with the request that it made itself, and this is a copy
	t.From, t.To = v.Value("from"), v.Value("to")
	if err := p.try(v, &t); err != nil {
		return v.Again(err, func(status int, e *frame.Entry) error {
			t.Refused = e.Refused
			return v.ShowAs(status, t.Frame, simulate(t))
		})
	}
	return v.Show(t.Frame, simulate(t))
}

func (p Pages) try(v *frame.Visit, t *trial) error {
	from, err := time.ParseInLocation(time.DateOnly, t.From, v.Zone)
	to, wrong := time.ParseInLocation(time.DateOnly, t.To, v.Zone)
	if err != nil || wrong != nil {
		return fault.New(fault.Invalid, "bad_period", "The period cannot be read.").At("from", "is a day like 2026-11-23").FixedBy("you").Then("choose both days")
	}
	tried, err := p.tried(v)
	if err != nil {
		return err
	}
	now, err := p.Changes.Pack(v.Ctx())
	if err != nil {
		return err
	}
	cases, err := p.Changes.Cases(v.Ctx(), from, to.AddDate(0, 0, 1))
	if err != nil {
		return err
	}
	t.Done, t.Name = true, tried.Name+" "+tried.Version
	t.Rows, t.Same = differing(now.Simulate(cases), tried.Simulate(cases))
	return nil
}

// tried is the pack that was uploaded or chosen. What must not come into force is not tried either: a
// condition without a bound on its cost is an error.
func (p Pages) tried(v *frame.Visit) (*policy.Pack, error) {
	file, _, err := v.R.FormFile("archive")
	if err != nil {
		return p.known(v, v.Value("pack"))
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxArchive+1))
	if err != nil {
		return nil, fmt.Errorf("read pack: %w", err)
	}
	if len(text) > maxArchive {
		return nil, fault.New(fault.TooLarge, "pack_too_large", "The policy pack is larger than 2 MiB.").FixedBy("you").Then("take out what is no part of the pack")
	}
	pack, err := policy.LoadArchive(text)
	if err != nil {
		return nil, err
	}
	return pack, policy.Ready(pack.Lint(policy.LintOptions{Now: v.Now}))
}

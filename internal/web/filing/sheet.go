package filing

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/web/ui"
)

// sheet is the form as it is shown.
type sheet struct {
	f        ui.Frame
	t        typed
	w        world
	title    string
	action   string // where the form is sent
	id       change.ID
	category policy.Category
	model    policy.Model // of a standard change; its ID is "" for others
	asked    map[string]bool
	wrong    map[string]string
	refused  *fault.Error
	said     string // what was just taken up
	forecast *change.Forecast
	more     string // kind of row that more blanks were asked for
	newer    *newer
	people   []directory.Account
}

// newer is what somebody else wrote while the form was open.
type newer struct {
	Rev    int64
	Digest string
	Diff   []change.Difference
}

// asks reports whether the policy asks for any of these members now; others are folded away.
func (s sheet) asks(paths ...string) bool {
	return slices.ContainsFunc(paths, func(p string) bool { return s.asked[p] })
}

// shown reports whether a folded part has to be open: something in it is typed, asked for or wrong.
func (s sheet) shown(names ...string) bool {
	for _, n := range names {
		if s.t.get(n) != "" || s.wrong[n] != "" {
			return true
		}
	}
	return false
}

// in is one field of the form with what was typed and what is wrong with it.
func (s sheet) in(name, hint string) ui.In {
	return ui.In{Name: name, Label: label(name), Hint: hint, Value: s.t.get(name), Wrong: s.wrong[name]}
}

func (s sheet) kind(kind string, i ui.In) ui.In { i.Kind = kind; return i }

func (s sheet) long(i ui.In) ui.In { i.Longest = 20_000; return i }

// rows are the rows of a kind with blank ones behind them.
func (s sheet) rows(kind string, blanks int) []string {
	out := s.t.rows(kind)
	if s.more == kind {
		blanks += 2
	}
	next := s.t.next(kind)
	var n int
	if _, err := fmt.Sscanf(strings.TrimPrefix(next, kind+"."), "%d", &n); err != nil {
		return out
	}
	for i := range blanks {
		out = append(out, fmt.Sprintf("%s.%d", kind, n+i))
	}
	return out
}

// several are the values of a field that can be given more than once, with a blank behind them.
func (s sheet) several(name string) []string {
	list := s.t.many(name)
	return append(list, "")
}

func (s sheet) has(name, value string) bool { return slices.Contains(s.t.many(name), value) }

// grants reports whether the category changes who holds what.
func (s sheet) grants() bool { return slices.Contains(s.category.Bindings, change.AccessGrant) }

// kinds are the kinds that a row of what will be run can be.
func (s sheet) kinds() []ui.Option {
	out := []ui.Option{}
	for _, k := range s.category.Bindings {
		if k != change.AccessGrant {
			out = append(out, ui.Option{Value: k, Text: kindName(k)})
		}
	}
	return out
}

// uploads are the kinds that an uploaded file can be.
func (s sheet) uploads() []ui.Option {
	out := []ui.Option{{Value: "", Text: "Find out by the file"}}
	for _, k := range s.category.Bindings {
		if slices.Contains(fileKinds, k) || k == "tf-plan" || k == change.PolicyPack {
			out = append(out, ui.Option{Value: k, Text: kindName(k)})
		}
	}
	return out
}

// backKinds are the kinds that a way back can be.
func backKinds() []ui.Option {
	out := []ui.Option{{Value: "", Text: "Find out by the file"}}
	for _, k := range []string{"runbook", "config-file", "db-script", "tf-plan", "k8s-manifest", "feature-flag", "oci-image", "git-commit", "os-snapshot", "package-set"} {
		out = append(out, ui.Option{Value: k, Text: kindName(k)})
	}
	return out
}

func kindName(kind string) string {
	names := map[string]string{"tf-plan": "Terraform or OpenTofu plan", "git-commit": "Git commit", "oci-image": "Container image", "config-file": "Configuration file",
		"db-script": "Database script", "feature-flag": "Feature flag", "access-grant": "Access", "runbook": "Runbook", "package-set": "Set of packages",
		"os-snapshot": "System snapshot", "k8s-manifest": "Kubernetes manifest", "policy-pack": "Policy pack (archive)", "standard-model": "Standard model"}
	if n, ok := names[kind]; ok {
		return n
	}
	return ui.Words(kind)
}

// components and targets are what the catalogue offers; of a standard change only what its model allows.
func (s sheet) components() []ui.Option {
	out := []ui.Option{}
	for _, c := range s.w.pack.Components {
		if s.model.ID == "" || slices.Contains(s.model.Bounds.Components, c.Key) {
			out = append(out, ui.Option{Value: c.Key, Text: c.Kind + ", " + c.Repo})
		}
	}
	return out
}

func (s sheet) targets() []ui.Option {
	out := []ui.Option{}
	for _, t := range s.w.pack.Targets {
		if s.model.ID == "" || slices.Contains(s.model.Bounds.Environments, t.Environment) && slices.Contains(s.model.Bounds.TargetKinds, t.Kind) {
			out = append(out, ui.Option{Value: t.Name, Text: t.Environment + ", " + t.Kind + ", " + t.Classification})
		}
	}
	return out
}

// names are the usernames that an input offers, at most 200; scripts ask for more as one types.
func (s sheet) names(services bool) []ui.Option {
	out := []ui.Option{}
	for _, a := range s.people {
		if len(out) == maxNames || a.Kind == directory.Service && !services {
			continue
		}
		text := s.w.roster.Name(a.Person)
		if a.Kind == directory.Service {
			text = "service account of " + text
		}
		out = append(out, ui.Option{Value: a.Username, Text: text})
	}
	return out
}

func (s sheet) groups() []ui.Option {
	out := []ui.Option{}
	for _, g := range s.w.roster.Groups() {
		out = append(out, ui.Option{Value: g.Name, Text: "group"})
	}
	return out
}

func (s sheet) roles() []ui.Option {
	out := []ui.Option{{Value: "", Text: "Choose a role"}}
	for _, r := range s.w.pack.Roles {
		text := r.Title
		if r.Approves {
			text += " (approves)"
		}
		out = append(out, ui.Option{Value: r.Name, Text: text})
	}
	return out
}

// role is the title of a role of the pack.
func (s sheet) role(name string) string {
	if r, ok := s.w.pack.Role(name); ok && r.Title != "" {
		return r.Title
	}
	return ui.Words(name)
}

func (s sheet) clause(id string) string {
	if c, ok := s.w.pack.Clause(id); ok {
		return c.Title
	}
	return id
}

// could names who could fill a slot.
func (s sheet) could(m policy.Missing) string {
	names := []string{}
	for _, c := range m.Could {
		names = append(names, s.forecast.Names[c.Person])
	}
	slices.Sort(names)
	if len(names) > 8 {
		return strings.Join(names[:8], ", ") + fmt.Sprintf(" and %d more", len(names)-8)
	}
	return strings.Join(names, ", ")
}

func minimum(d policy.Demand, slot string) int {
	for _, s := range d.Slots {
		if s.ID == slot {
			return s.Min
		}
	}
	return 1
}

func riskTone(r policy.Risk) ui.Tone {
	switch r {
	case policy.Low:
		return ui.Good
	case policy.Medium:
		return ui.Warn
	}
	return ui.Bad
}

func span(secs int64) string { return ui.Span(time.Duration(secs) * time.Second) }

// anchor is where a member of the wording is typed.
func (s sheet) anchor(path string) string {
	name := (&reading{}).fieldOf(path)
	if name == "bindings" {
		return "#run"
	}
	return "#" + ui.In{Name: name}.ID()
}

// labels are what the fields of the form are called; of rows by their last part.
var labels = map[string]string{"summary": "What changes", "justification": "Why", "component": "Components", "target": "Targets", "category": "Category",
	"type": "How it is decided", "model": "Standard model", "risk_floor": "Risk at least", "critical_role": "Critical infrastructure role", "data_flags": "Data that it touches",
	"emergency": "The emergency", "from": "Not before", "until": "Done by", "checks": "Further evidence", "bindings": "What will be run", "paste": "Paste", "attach": "Attachments",
	"d.job_name": "Job", "d.build_id": "Build", "d.action": "Action", "d.branch": "Branch", "d.environment": "Environment", "d.links": "Links", "d.scans": "Scans that are required",
	"rb.text": "How it is backed out", "rb.not_reversible": "Why there is no way back", "rb.trigger": "When it is backed out", "rb.max_minutes": "Minutes that it takes",
	"rb.rehearsed": "Last rehearsed", "rb.no_return": "Point of no return", "rb.kind": "Kind", "rb.name": "Name", "rb.digest": "Digest", "rb.repo": "Repository", "rb.up": "Kind of the file",
	"up.kind": "Kind of the files", "up.repo": "Repository", "kind": "Kind", "name": "Name", "digest": "Digest", "repo": "Repository", "commit": "Commit", "op": "Operation", "role": "Role", "who": "Who",
	"into": "Group", "path": "What of it", "after": "Value afterwards", "pipe": "Pipeline"}

// label is what a field is called.
func label(name string) string {
	if l, ok := labels[name]; ok {
		return l
	}
	parts := strings.Split(name, ".")
	last := parts[len(parts)-1]
	switch {
	case len(parts) == 3 && parts[0] == "g" && last == "until":
		return "Until"
	case len(parts) == 3 && parts[0] == "e" && last == "target":
		return "Target"
	}
	if l, ok := labels[last]; ok {
		return l
	}
	return ui.Words(last)
}

// humane is a refusal with the fields as the form calls them.
func (r *reading) humane(f *fault.Error) *fault.Error {
	out := *f
	out.Fields = nil
	for _, x := range f.Fields {
		name := x.Path
		if r != nil {
			name = r.fieldOf(x.Path)
		}
		out.Fields = append(out.Fields, fault.Field{Path: label(name), Problem: x.Problem})
	}
	return &out
}

package filing

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/web/ui"
)

func escape(s string) string { return url.QueryEscape(s) }

func clauseTitle(w world, id string) string {
	if c, ok := w.pack.Clause(id); ok {
		return c.Title
	}
	return ""
}

// runsWhat says in a line what a category is about: what it can run.
func runsWhat(c policy.Category) string {
	names := []string{}
	for _, k := range c.Bindings {
		names = append(names, kindName(k))
	}
	if len(names) > 4 {
		names = append(names[:4], "and more")
	}
	return capital(strings.Join(names, ", "))
}

func pasteWrong(c chooser) string {
	if c.refused != nil && len(c.refused.Fields) > 0 {
		return c.refused.Fields[0].Problem
	}
	return ""
}

// lead is the line below the title of the form.
func (s sheet) lead() string {
	if s.id != "" {
		return "A new revision: approvals that were given count no longer, unless it runs the very same."
	}
	return clauseTitle(s.w, s.category.Clause)
}

// unusual reports whether something in the folded part is not as it is by itself.
func (s sheet) unusual() bool {
	return s.shown("from", "until", "risk_floor", "data_flags", "checks", "critical_role") || s.t.get("type") == "emergency" || s.more == "e"
}

func (s sheet) categories() []ui.Option {
	out := []ui.Option{}
	for _, c := range s.w.pack.Categories {
		out = append(out, ui.Option{Value: c.Name, Text: c.Title})
	}
	return out
}

func dashed(s string) string { return strings.ReplaceAll(s, ".", "-") }

func several(name string, i int) string {
	if i == 0 {
		return ui.In{Name: name}.ID()
	}
	return fmt.Sprintf("%s-%d", ui.In{Name: name}.ID(), i)
}

// blank are rows of a kind that hold nothing yet.
func blank(s sheet, kind string) []string { return s.rows(kind, 1)[len(s.t.rows(kind)):] }

func commas(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}

func words(list []string) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = ui.Words(s)
	}
	return strings.Join(out, ", ")
}

func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// titles names roles.
func (s sheet) titles(roles []string) string {
	out := make([]string, len(roles))
	for i, r := range roles {
		out[i] = s.role(r)
	}
	return strings.Join(out, ", ")
}

// why is the first reason of a demand, in the policy's own words.
func why(reasons []policy.Reason) string {
	if len(reasons) == 0 {
		return ""
	}
	out := reasons[0].Text
	switch n := len(reasons) - 1; n {
	case 0:
	case 1:
		out += " And one more reason."
	default:
		out += fmt.Sprintf(" And %d more reasons.", n)
	}
	return out
}

func sorted(m map[string]string) []string { return slices.Sorted(keysOf(m)) }

// fieldName is the field of the form for a member that the policy asks for.
func fieldName(path string) string { return (&reading{}).fieldOf(path) }

// memberLabel is what a member of the wording is called.
func memberLabel(path string) string {
	switch path {
	case "effects":
		return "What will differ afterwards"
	case "implementers":
		return "Who carries it out"
	}
	return label(fieldName(path))
}

// place is where a field of the form stands.
func place(name string) string {
	switch {
	case name == "bindings" || strings.HasPrefix(name, "b."):
		return "#run"
	case name == "attach" || strings.HasPrefix(name, "a."):
		return "#attachments"
	}
	return "#" + ui.In{Name: name}.ID()
}

// missing are the members that the policy asks for and that are not marked already.
func (s sheet) missing() []policy.FieldDemand {
	list := slices.Clone(s.forecast.Unfilled)
	return slices.DeleteFunc(list, func(x policy.FieldDemand) bool { return s.wrong[fieldName(x.Path)] != "" })
}

func effectTarget(s sheet, row string) ui.In {
	i := s.in(row+".target", "")
	i.Label = "Target"
	return i
}

func deployHint(name string) string {
	return map[string]string{"d.job_name": "The pipeline or job that runs.", "d.action": "Such as apply.", "d.environment": "Such as prod."}[name]
}

// deploys reports whether the fields of a deployment are shown: asked for, or filled in.
func (s sheet) deploys() bool {
	return s.asks("deploy.job_name", "deploy.build_id", "deploy.action", "deploy.branch", "deploy.environment", "deploy.links", "deploy.scans") ||
		s.shown("d.job_name", "d.build_id", "d.action", "d.branch", "d.environment", "d.links", "d.scans")
}

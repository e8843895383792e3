package rulebook

import (
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/web/frame"
	"plumbline.dev/plumb/internal/web/ui"
)

// cover is the page that an auditor asks for first: each clause of the written policy, what keeps it, and
// what that did in the last period.
type cover struct {
	Frame    ui.Frame
	Pack     *policy.Pack
	Uses     change.Uses
	Sections []coverSection
	Only     string // the state of the clauses that are shown; "" for all
	Kept     int    // clauses that something keeps
	Partly   int    // of them, those of which a part is still to come
	Open     int    // clauses that nothing keeps
	Outside  int    // clauses that no program can keep
}

type coverSection struct {
	Title   string
	Clauses []coverRow
}

// coverRow is one clause.
type coverRow struct {
	Clause policy.Clause
	Status string // kept, partly, open, outside
	By     []keeper
	Count  int       // changes of the period that it was applied to
	Last   change.ID // the newest of them
}

// keeper is one thing that keeps a clause.
type keeper struct {
	Name string
	Text string
	Path string
}

func (p Pages) coverage(v *frame.Visit) error {
	c := cover{Frame: v.Frame("Coverage", "/policy")}
	var err error
	if c.Pack, err = p.Changes.Pack(v.Ctx()); err != nil {
		return err
	}
	if c.Uses, err = p.Changes.Uses(v.Ctx(), UsualDays); err != nil {
		return err
	}
	c.fill()
	if c.Only = v.Value("state"); c.Only != "" {
		c.narrow()
	}
	return v.Show(c.Frame, coverage(c))
}

func (c *cover) fill() {
	for _, clause := range c.Pack.Clauses {
		if n := len(c.Sections); n == 0 || c.Sections[n-1].Title != clause.Section {
			c.Sections = append(c.Sections, coverSection{Title: clause.Section})
		}
		row := c.row(clause)
		s := &c.Sections[len(c.Sections)-1]
		s.Clauses = append(s.Clauses, row)
		switch row.Status {
		case "open":
			c.Open++
		case "outside":
			c.Outside++
		case "partly":
			c.Kept, c.Partly = c.Kept+1, c.Partly+1
		default:
			c.Kept++
		}
	}
}

// narrow leaves the clauses of the one state that was asked for.
func (c *cover) narrow() {
	kept := c.Sections[:0]
	for _, s := range c.Sections {
		s.Clauses = slices.DeleteFunc(s.Clauses, func(r coverRow) bool { return r.Status != c.Only })
		if len(s.Clauses) > 0 {
			kept = append(kept, s)
		}
	}
	c.Sections = kept
}

// shownAt is the page on which a guard of the program shows what it did.
var shownAt = map[string]string{"ledger": "/ledger", "inventory": "/inventory", "diagram": "/diagrams", "reconcile": "/findings", "campaigns": "/campaigns"}

func (c *cover) row(clause policy.Clause) coverRow {
	row := coverRow{Clause: clause}
	for _, id := range clause.Rules {
		row.By = append(row.By, c.keeper(id))
		use := c.Uses.By[id]
		if row.Count += use.Count; row.Last == "" {
			row.Last = use.Last
		}
	}
	for _, id := range clause.BuiltIn {
		row.By = append(row.By, keeper{Name: "always: " + id, Text: policy.BuiltIns[id], Path: shownAt[id]})
	}
	switch {
	case clause.Outside != "" && len(row.By) == 0:
		row.Status = "outside"
	case len(row.By) == 0:
		row.Status = "open"
	case clause.Later != "":
		row.Status = "partly"
	default:
		row.Status = "kept"
	}
	return row
}

// keeper names what a clause's list of rules names.
func (c *cover) keeper(id string) keeper {
	kind, name, found := strings.Cut(id, ":")
	if found && kind == "category" {
		x, _ := c.Pack.Category(name)
		return keeper{Name: "category " + name, Text: x.Title, Path: "/policy#category-" + name}
	}
	if found && kind == "model" {
		x, _ := c.Pack.Model(name)
		return keeper{Name: "standard model " + name, Text: x.Title, Path: "/policy#model-" + name}
	}
	for _, r := range c.Pack.Rules {
		if r.ID == id {
			return keeper{Name: "rule " + id, Text: r.Text, Path: "/policy#rule-" + id}
		}
	}
	return keeper{Name: id}
}

func statusTone(s string) ui.Tone {
	switch s {
	case "kept":
		return ui.Good
	case "partly":
		return ui.Warn
	case "open":
		return ui.Bad
	}
	return ui.Calm
}

func statusWords(s string) string {
	switch s {
	case "kept":
		return "kept"
	case "partly":
		return "kept in part"
	case "open":
		return "nothing keeps it"
	}
	return "outside of programs"
}

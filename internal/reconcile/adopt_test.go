package reconcile_test

import (
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/reconcile"
	"plumbline.dev/plumb/internal/seal"
)

// A finding is adopted by a change about the same thing, which names it in its own words and which people approve. Anything else would have
// others than its approvers take over what nobody asked for.
func TestAFindingIsAdoptedByAChangeAboutTheSameThing(t *testing.T) {
	t.Parallel()
	f, x := edited(t)
	f.server(3, "dev", size("cx22"))
	f.observe(time.Hour)
	for name, one := range map[string]struct {
		edit func(*change.Material)
		want string
	}{
		"about the thing":                    {func(*change.Material) {}, ""},
		"that names it in its summary":       {func(m *change.Material) { m.Summary, m.Justification = "Adopts "+x.ID, "the load grew" }, ""},
		"about another thing":                {func(m *change.Material) { m.Targets = []string{seal.NewID("host")} }, "adopts_elsewhere"},
		"about one of development":           {func(m *change.Material) { m.Targets = []string{"web-dev"} }, "adopts_elsewhere"},
		"about what took its name":           {func(m *change.Material) { m.Targets = []string{x.Name} }, "adopts_elsewhere"}, // the desk of these tests resolves no name
		"that names it in a binding":         {func(m *change.Material) { m.Justification, m.Bindings[0].Name = "the load grew", x.ID }, "not_retroactive"},
		"that names it in its way back":      {func(m *change.Material) { m.Justification, m.Rollback.Text = "the load grew", "leave "+x.ID }, "not_retroactive"},
		"that criteria let through, not men": {func(m *change.Material) { m.Type, m.Model = "standard", "toggle-in-app" }, "adopted_by_nobody"},
	} {
		m := f.adopting(x)
		one.edit(&m)
		c, err := f.changes.File(t.Context(), f.as("ann"), m)
		f.must(err)
		if _, err = f.Adopt(t.Context(), f.as("olga"), x.ID, c.ID, why); one.want != "" {
			f.refused(err, one.want)
		} else if err != nil {
			t.Errorf("a change %s is refused: %v", name, err)
		}
	}
}

// A change that is worded anew so that it is about another thing adopts nothing by its approval.
func TestAChangeThatLeavesTheThingAdoptsNothing(t *testing.T) {
	t.Parallel()
	f, x := edited(t)
	m := f.adopting(x)
	c, err := f.changes.File(t.Context(), f.as("ann"), m)
	f.must(err)
	_, err = f.Adopt(t.Context(), f.as("olga"), x.ID, c.ID, why)
	f.must(err)
	m.Targets = []string{seal.NewID("host")}
	c, err = f.changes.Edit(t.Context(), f.as("ann"), c.ID, c.RevDigest, m)
	f.must(err)
	f.approve(c, m)
	f.must(f.Tick(t.Context()))
	got, err := f.Show(t.Context(), x.ID)
	f.must(err)
	if got.State != reconcile.Open || got.Adopts != "" {
		t.Errorf("finding %s by %q, want it open", got.State, got.Adopts)
	}
	f.whole()
}

// A change that comes to nothing before anybody approved it adopts nothing: the finding is open again, with the clock that it had.
func TestAChangeThatCameToNothingLeavesTheFindingOpen(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*firm, change.Change) error{
		"cancelled": func(f *firm, c change.Change) error {
			_, err := f.changes.Cancel(f.t.Context(), f.as("ann"), c.ID, "nobody needs it any more")
			return err
		},
		"rejected": func(f *firm, c change.Change) error {
			_, err := f.changes.Reject(f.t.Context(), f.as("sam"), c.ID, c.RevDigest, "we want it taken back")
			return err
		},
		"worded anew": func(f *firm, c change.Change) error {
			m := f.adopting(reconcile.Finding{ID: "FND-99", Asset: "AST-000001"})
			_, err := f.changes.Edit(f.t.Context(), f.as("ann"), c.ID, c.RevDigest, m)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, x := edited(t)
			m := f.adopting(x)
			c, err := f.changes.File(t.Context(), f.as("ann"), m)
			f.must(err)
			_, err = f.changes.AddEvidence(t.Context(), f.as("ann"), c.ID, change.Evidence{Format: "junit", Subject: m.Bindings[0].Digest},
				strings.NewReader(`<testsuite name="unit" tests="1"><testcase name="a"/></testsuite>`))
			f.must(err)
			c, err = f.changes.Submit(t.Context(), f.as("ann"), c.ID, c.RevDigest)
			f.must(err)
			_, err = f.Adopt(t.Context(), f.as("olga"), x.ID, c.ID, why)
			f.must(err)
			f.later(time.Hour)
			f.must(end(f, c))
			f.must(f.Tick(t.Context()))
			got, err := f.Show(t.Context(), x.ID)
			f.must(err)
			if got.State != reconcile.Open || got.Adopts != "" || got.Due != x.Due || got.Reason == why {
				t.Errorf("finding %s by %q, due %d (%s), want it open with its old clock %d", got.State, got.Adopts, got.Due, got.Reason, x.Due)
			}
			f.whole()
		})
	}
}

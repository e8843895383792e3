package inventory_test

import (
	"slices"
	"testing"

	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/sheet"
)

// Without a word of anybody, what an asset is and where it stands say how critical it counts; an auditor is not told that somebody said so.
func TestCriticalityCountsByClassAndEnvironmentUntilSomebodySaysOtherwise(t *testing.T) {
	t.Parallel()
	f := found(t)
	bare := func(name string, class inventory.Class, env string) inventory.Record {
		r := store(name, "")
		if r.Class = class; env != "" {
			r.Labels = map[string]string{"environment": env}
		}
		return r
	}
	said := bare("said", inventory.Host, "prod")
	said.Labels["criticality"] = "2"
	f.read("cloud", bare("nowhere", inventory.Host, ""), bare("host", inventory.Host, "prod"), bare("data", "Database", "prod"), bare("tool", "Database", "shared"),
		bare("trial", "Database", "test"), bare("toy", inventory.Host, "dev"), said)
	for name, want := range map[string]string{"nowhere": "7 default", "host": "7 default", "data": "9 default", "tool": "9 default", "trial": "5 default", "toy": "3 default", "said": "2 derived"} {
		w, err := f.Show(t.Context(), name)
		f.must(err)
		l := w.Labels[inventory.LabelCriticality]
		if got := l.Value + " " + string(l.Confidence); got != want || w.Asset.Effective()[inventory.LabelCriticality] != l.Value {
			t.Errorf("%s counts as %s, want %s", name, got, want)
		}
		if given := w.Given(inventory.LabelCriticality); (given != "") != (name == "said") {
			t.Errorf("%s is covered by %q", name, given)
		}
	}
	list, err := f.Listing(t.Context(), inventory.Filter{}, func(s string) string { return s })
	f.must(err)
	at := slices.Index(list.Header, "criticality")
	f.must(list.Each(func(a inventory.Asset) error {
		if got := list.Cells(a)[at]; (got == sheet.Text("2")) != (a.Name == "said") || (got == sheet.Text("")) == (a.Name == "said") {
			t.Errorf("the file says of %s %v", a.Name, got)
		}
		return nil
	}))
	_, err = f.SetLabels(t.Context(), olga, "data", map[string]string{"criticality": "1"}, "a copy", "")
	f.must(err)
	if w, err := f.Show(t.Context(), "data"); err != nil || w.Labels[inventory.LabelCriticality].Value != "1" {
		t.Errorf("labelled it is %+v, %v", w.Labels, err)
	}
	f.whole()
}

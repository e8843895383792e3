package plan_test

import (
	"archive/zip"
	"bytes"
	"testing"

	"plumbline.dev/plumb/internal/plan"
)

func saved(t *testing.T, name, state string) *bytes.Reader {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, m := range []struct{ name, text string }{{"tfplan", "\x00"}, {name, state}, {"tfstate-prev", `{"serial":1,"lineage":"00000000-before"}`}} {
		w, err := z.Create(m.name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(m.text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(b.Bytes())
}

// A saved plan names the state that it was made from; of that state nothing else is read, and what cannot be a lineage is not sent.
func TestASavedPlanSaysWhichStateItWasMadeFrom(t *testing.T) {
	t.Parallel()
	const lineage = "c56471e9-9d96-3ad4-b411-e05fdcb96f8c"
	for name, c := range map[string]struct{ entry, state, want string }{
		"as Terraform writes it":          {"tfstate", `{"version":4,"terraform_version":"1.11.4","serial":7,"lineage":"` + lineage + `","outputs":{"p":{"value":"hunter2"}}}`, lineage + "/7"},
		"in another order":                {"tfstate", `{"resources":[{"instances":[]}],"lineage":"` + lineage + `","serial":0}`, lineage + "/0"},
		"the first plan of a state":       {"tfstate", `{"version":4,"serial":0,"lineage":"","resources":[]}`, ""},
		"no serial":                       {"tfstate", `{"lineage":"` + lineage + `"}`, ""},
		"a serial that is none":           {"tfstate", `{"serial":-1,"lineage":"` + lineage + `"}`, ""},
		"a serial that is a text":         {"tfstate", `{"serial":"7","lineage":"` + lineage + `"}`, ""},
		"a lineage that is a path":        {"tfstate", `{"serial":7,"lineage":"` + lineage + `/../x"}`, ""},
		"a lineage that looks like a key": {"tfstate", `{"serial":7,"lineage":"AKIAIOSFODNN7EXAMPLE"}`, ""},
		"a lineage of a few letters":      {"tfstate", `{"serial":7,"lineage":"a"}`, ""},
		"encrypted":                       {"tfstate", `{"serial":7,"encrypted_data":"AAAA"}`, ""},
		"cut off":                         {"tfstate", `{"serial":7,"lin`, ""},
		"no object":                       {"tfstate", `[7]`, ""},
		"without the state":               {"other", `{"serial":7,"lineage":"` + lineage + `"}`, ""},
	} {
		r := saved(t, c.entry, c.state)
		if got := plan.Base(r, r.Size()); got != c.want {
			t.Errorf("%s: base %q, want %q", name, got, c.want)
		}
	}
	r := bytes.NewReader([]byte("no zip at all"))
	if got := plan.Base(r, r.Size()); got != "" {
		t.Errorf("a file that is no plan: base %q, want none", got)
	}
	if plan.Lineage(lineage+"/7") != lineage || plan.Lineage("") != "" {
		t.Error("the lineage of a base is what stands before the slash")
	}
}

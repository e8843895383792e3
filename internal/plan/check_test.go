package plan

import (
	"slices"
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/fault"
)

// What a document says is held against every rule by itself, not only against the way in which it is
// written: these are edits that write well.
func TestADocumentThatWritesWellCanStillBeWrong(t *testing.T) {
	t.Parallel()
	fresh := func() *document {
		p, err := ParseDocument(mustRead(t, fixture(t, "update.json"), testKey).Document())
		if err != nil {
			t.Fatal(err)
		}
		return &p.doc
	}
	if err := fresh().check(); err != nil {
		t.Fatalf("the usual document: %v", err)
	}
	drift := func(d *document) { d.ResourceDrift = []row{d.ResourceChanges[0]} }
	for name, edit := range map[string]func(*document){
		"a minor version that is none":   func(d *document) { d.FormatVersion = "1.x y" },
		"a negative count of outputs":    func(d *document) { d.NoOpOutputs = -1 },
		"complete with unknown sections": func(d *document) { d.Ignored = []ignored{{Mark: bareMarker, Name: "x"}} },
		"drift out of order":             func(d *document) { d.ResourceDrift = []row{d.ResourceChanges[1], d.ResourceChanges[0]} },
		"a resource twice":               func(d *document) { d.ResourceChanges = slices.Insert(d.ResourceChanges, 0, d.ResourceChanges[0]) },
		"drift twice":                    func(d *document) { drift(d); d.ResourceDrift = append(d.ResourceDrift, d.ResourceDrift[0]) },
		"a former address that is none":  func(d *document) { d.ResourceChanges[0].PreviousAddress = "a b[" },
		"an output's unknown action":     func(d *document) { d.OutputChanges[0].Actions = []string{"destroy"} },
		"an output's name of two words":  func(d *document) { d.OutputChanges[0].Name = "a b" },
		"an output's endless name": func(d *document) {
			d.OutputChanges = []output{{Actions: []string{"create"}, Name: strings.Repeat("a", maxAddress+1)}}
		},
		"a check of fewer than nothing": func(d *document) { d.Checks[0].Instances = -1 },
		"a check of no known kind":      func(d *document) { d.Checks[0].Kind = "A Check" },
		"a check's endless address": func(d *document) {
			d.Checks = []check{{Address: strings.Repeat("a", maxAddress+1), Kind: "check", Status: "pass"}}
		},
		"checks out of order": func(d *document) {
			d.Checks = []check{{Address: "b", Kind: "check", Status: "pass"}, {Address: "a", Kind: "check", Status: "pass"}}
		},
	} {
		d := fresh()
		edit(d)
		if err := d.check(); !fault.Is(err, "bad_plan_document") {
			t.Errorf("%s: %v, want bad_plan_document", name, err)
		}
	}
	for name, list := range map[string][]ignored{
		"a name that is none":   {{Mark: bareMarker, Name: "A B"}},
		"content for a mark":    {{Mark: "content", Name: "a"}},
		"sections out of order": {{Mark: bareMarker, Name: "b"}, {Mark: bareMarker, Name: "a"}},
	} {
		d := document{FormatVersion: "1.2", Ignored: list}
		if err := d.check(); !fault.Is(err, "bad_plan_document") {
			t.Errorf("%s: %v, want bad_plan_document", name, err)
		}
	}
	d := document{FormatVersion: "1.2", Ignored: []ignored{{Mark: bareMarker, Name: "a"}, {Mark: bareMarker, Name: "b"}}}
	if err := d.check(); err != nil {
		t.Errorf("sections in order: %v", err)
	}
}

// An entry of any list is read as it is written, or the document is refused.
func TestEntriesOfEachListAreReadStrictly(t *testing.T) {
	t.Parallel()
	for _, list := range []string{"checks", "ignored", "output_changes", "resource_changes", "resource_drift"} {
		if _, err := ParseDocument([]byte(`{"` + list + `":[{"unheard_of":1}]}`)); !fault.Is(err, "unknown_member") {
			t.Errorf("%s with an unknown member: %v, want unknown_member", list, err)
		}
	}
}

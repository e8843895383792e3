package server_test

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/plan"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/server/servertest"
	"plumbline.dev/plumb/internal/wire"
)

// Whoever files a plan sends two things: the digest of a file that nobody here can read, and the document
// that approvers do read. Where the document has no normalized digest, because it was read without the
// repository's key or because nothing changes in it, it must still be of the file that is applied.
func TestTheFileAppliedIsTheOneThatWasShown(t *testing.T) {
	t.Parallel()
	f := found(t)
	harmless, evil := shownPlan("web", "four workers"), shownPlan("admin", "anybody")
	nothing := `{"format_version":"1.2","terraform_version":"1.9.0","planned_values":{"root_module":{}},"resource_changes":[],"applyable":false,"complete":true,"errored":false}`
	for name, shown := range map[string]string{"a document with a secret": harmless, "a document of nothing": nothing} {
		t.Run(name, func(t *testing.T) {
			file := "the saved file of another plan than " + name
			c := f.filedPlan(t, shown, file)
			q := presented(c, wire.KindApply, file)
			q.Observed = []wire.Observed{f.seenPlan(t, evil, file)}
			if r := f.ask(t, servertest.CI, "POST", "/gate/open", q); r.ok() {
				t.Fatalf("the gate released a plan that approvers never read: %s", r)
			}
			q.Observed = []wire.Observed{{Kind: "tf-plan", Name: "tfplan", Digest: seal.Raw([]byte(file))}}
			if r := f.ask(t, servertest.CI, "POST", "/gate/open", q); r.ok() {
				t.Fatalf("the gate released a plan whose content nobody showed: %s", r)
			}
			q.Observed = []wire.Observed{f.seenPlan(t, shown, file)}
			if r := f.ask(t, servertest.CI, "POST", "/gate/open", q); !r.ok() {
				t.Errorf("the plan that was read is refused: %s", r)
			}
		})
	}
}

func shownPlan(name, input string) string {
	return fmt.Sprintf(`{"format_version":"1.2","terraform_version":"1.9.0","planned_values":{"root_module":{}},
		"resource_changes":[{"address":"terraform_data.%[1]s","mode":"managed","type":"terraform_data","name":"%[1]s","provider_name":"terraform.io/builtin/terraform",
		"change":{"actions":["create"],"before":null,"after":{"input":%[2]q,"pin":"4711-0815"},"after_unknown":{},"before_sensitive":false,"after_sensitive":{"pin":true}}}],
		"timestamp":"2026-01-01T00:00:00Z","applyable":true,"complete":true,"errored":false}`, name, input)
}

// filedPlan has a change approved whose approvers read one plan, and which names this file.
func (f *firm) filedPlan(t *testing.T, shown, file string) change.Change {
	t.Helper()
	p, err := plan.Read(strings.NewReader(shown), plan.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var b change.Binding
	f.done(t, &b, servertest.Alice, "POST", "/documents?kind=tf-plan", p.Document())
	b.Name, b.Digest = "tfplan", seal.Raw([]byte(file))
	m := f.usual(file)
	m.Bindings = []change.Binding{b}
	return f.approved(t, f.filed(t, m), b.Digest)
}

// seenPlan is what an honest gate with the repository's key says of a file that holds this plan, when it
// does not know how the plan was approved.
func (f *firm) seenPlan(t *testing.T, raw, file string) wire.Observed {
	t.Helper()
	var key struct {
		Key string `json:"key"`
	}
	f.done(t, &key, servertest.CI, "GET", "/repository-key?repo="+servertest.Repo, nil)
	secret, err := hex.DecodeString(key.Key)
	if err != nil {
		t.Fatal(err)
	}
	keyed, err := plan.Read(strings.NewReader(raw), plan.Options{Key: secret})
	if err != nil {
		t.Fatal(err)
	}
	o := wire.Observed{Kind: "tf-plan", Name: "tfplan", Digest: seal.Raw([]byte(file))}
	o.Normalized, _ = keyed.Normalized()
	bare, err := plan.Read(strings.NewReader(raw), plan.Options{})
	if err != nil {
		t.Fatal(err)
	}
	o.Shown = bare.Shown()
	return o
}

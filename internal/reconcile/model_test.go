package reconcile_test

import (
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/reconcile"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/wire"
	"plumbline.dev/plumb/policies"
)

const (
	toggle  = "toggle-in-app"
	passing = `<testsuite name="unit" tests="1"><testcase name="a"/></testsuite>`
)

// activate brings the toggle model into force by a change of its own.
func (f *firm) activate() {
	f.t.Helper()
	files, err := policies.Pack(policies.Default)
	f.must(err)
	pack, err := policy.Load(files)
	f.must(err)
	digest, err := pack.ModelDigest(toggle)
	f.must(err)
	m := change.Material{Type: "normal", Category: "configuration", Summary: "Toggles by criteria", Justification: "they are many",
		Components: []string{"change-control"}, Targets: []string{"change-control"}, Rollback: change.Rollback{Text: "suspend it"},
		Bindings: []change.Binding{{Kind: change.StandardModel, Name: toggle, Digest: digest}}, Implementers: []change.Executor{{Person: "ivo"}}}
	c, err := f.changes.File(f.t.Context(), f.as("ann"), m)
	f.must(err)
	_, err = f.changes.AddEvidence(f.t.Context(), f.as("ann"), c.ID, change.Evidence{Format: "junit", Subject: digest}, strings.NewReader(passing))
	f.must(err)
	c, err = f.changes.Submit(f.t.Context(), f.as("ann"), c.ID, c.RevDigest)
	f.must(err)
	for _, who := range []string{"sam", "erin", "olga"} {
		c, err = f.changes.Approve(f.t.Context(), f.as(who), c.ID, c.RevDigest, "fine")
		f.must(err)
	}
	v, err := f.changes.Apply(f.t.Context(), f.as("ivo"), c.ID, seal.NewID("key"))
	f.must(err)
	if v.Code != wire.ExitAllowed {
		f.t.Fatalf("verdict %+v, want allow", v)
	}
}

// pipeline is the token of a service account that no author owns.
func (f *firm) pipeline() fault.Actor {
	f.t.Helper()
	a, err := f.dir.AddService(f.t.Context(), f.as("olga"), directory.NewService{Username: "ci", Owner: f.people["dana"], Note: "pipeline"})
	f.must(err)
	_, secret, err := f.dir.MakeToken(f.t.Context(), f.as("dana"), directory.NewToken{Account: a.ID, Name: "ci",
		Scopes: []directory.Scope{directory.ScopeRead, directory.ScopeEvidence}})
	f.must(err)
	actor, err := f.dir.Recognise(f.t.Context(), secret.Reveal())
	f.must(err)
	return actor
}

// toggled is a use of the toggle model on a server, with the tests that a pipeline brings.
func (f *firm) toggled(host, name string, by fault.Actor) change.Change {
	f.t.Helper()
	m := change.Material{Type: "standard", Model: toggle, Category: "feature-toggle", Summary: name + " on", Justification: "it is done",
		Components: []string{"web"}, Targets: []string{host}, Effects: []change.Effect{{Target: host, Path: "flag." + name, Op: "update", After: "on"}},
		Bindings:     []change.Binding{{Kind: "feature-flag", Name: name, Digest: seal.Raw([]byte(name + "=on"))}},
		Rollback:     change.Rollback{Text: "switch back", Binding: &change.Binding{Kind: "feature-flag", Name: name, Digest: seal.Raw([]byte(name + "=off"))}},
		Implementers: []change.Executor{{Person: "ivo"}}}
	c, err := f.changes.File(f.t.Context(), f.as("ann"), m)
	f.must(err)
	_, err = f.changes.AddEvidence(f.t.Context(), by, c.ID, change.Evidence{Format: "junit", Subject: m.Bindings[0].Digest}, strings.NewReader(passing))
	f.must(err)
	c, err = f.changes.Submit(f.t.Context(), f.as("ann"), c.ID, c.RevDigest)
	f.must(err)
	return c
}

func (f *firm) model() change.Model {
	f.t.Helper()
	list, err := f.changes.Models(f.t.Context())
	f.must(err)
	for _, m := range list {
		if m.ID == toggle {
			return m
		}
	}
	f.t.Fatal("no toggle model")
	return change.Model{}
}

// suspensions counts what the ledger has of models that were suspended.
func (f *firm) suspensions() (n int) {
	f.t.Helper()
	f.must(f.db.View(f.t.Context(), func(tx *db.Tx) (err error) {
		n, _, err = db.One(tx, func(row db.Scanner) (n int, err error) { return n, row.Scan(&n) }, "SELECT COUNT(*) FROM ledger_event WHERE verb = 'model.suspended'")
		return err
	}))
	return n
}

// Criteria stood in for people. What is then observed beside what they let through takes their word back, while what people approved
// suspends nothing, and neither does what the criteria let through.
func TestWhatNobodyApprovedSuspendsTheModelThatLetTheChangeThrough(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.server(1, "prod", map[string]inventory.Value{"flag.dark-mode": text("off"), "image": text("debian-12")})
	f.server(2, "prod", size("cx22"))
	service := f.see["cloud"].records["hcloud:server:1"]
	service.Name = "web-prod" // which the policy's catalogue knows for a service
	f.see["cloud"].records["hcloud:server:1"] = service
	f.observe(time.Hour)
	f.activate()
	ci := f.pipeline()

	people := f.approved(grow(2))
	p := f.open(people)
	f.set("cloud", 2, "server_type", text("cx52"))
	f.done(p, 2)
	f.observe(time.Minute)
	if list, m := f.findings(), f.model(); len(list) != 1 || m.State != change.ModelActive {
		t.Fatalf("findings %+v and model %+v, want one finding near a change of people and the model active", list, m)
	}
	if n := f.suspensions(); n != 0 {
		t.Fatalf("%d suspensions are recorded near a change of people, want none", n)
	}

	c := f.toggled("web-prod", "dark-mode", ci)
	if c.State != change.Authorized {
		t.Fatalf("state %s (%+v), want authorized by criteria", c.State, c.Body.Auto)
	}
	p = f.open(c)
	f.set("cloud", 1, "flag.dark-mode", text("on"))
	f.observe(time.Minute)
	if m := f.model(); m.State != change.ModelActive {
		t.Fatalf("model %+v, want active: what was seen was approved", m)
	}
	f.set("cloud", 1, "image", text("debian-13"))
	f.observe(time.Minute)
	var found reconcile.Finding
	for _, x := range f.findings() {
		if x.Change == string(c.ID) {
			found = x
		}
	}
	m := f.model()
	if found.ID == "" || m.State != change.ModelSuspended || m.Successes != 0 || !strings.Contains(m.Reason, found.ID) || !strings.Contains(m.Reason, string(c.ID)) {
		t.Fatalf("finding %+v and model %+v, want it suspended with the finding and the change in the reason", found, m)
	}
	if n := f.suspensions(); n != 1 {
		t.Errorf("%d suspensions are recorded, want one", n)
	}
	since := m.Reason
	f.set("cloud", 1, "image", text("debian-14"))
	f.observe(time.Minute)
	if m := f.model(); m.Reason != since {
		t.Errorf("reason %q, want the first one: %q", m.Reason, since)
	}
	f.done(p)
	next := f.toggled("web-prod", "light-mode", ci)
	if next.State == change.Authorized {
		t.Errorf("the next use is authorized by a suspended model")
	}
	f.whole()
}

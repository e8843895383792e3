package reconcile_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/blob"
	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/db/dbtest"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/plan"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/reconcile"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/wire"
	"plumbline.dev/plumb/policies"
)

// firm is a company under the shipped pack with an inventory of two sources: the state of Terraform, and the cloud that it manages. ann
// files, sam and erin approve, ivo executes, olga and otto are Security Officers, vera audits.
type firm struct {
	*reconcile.Desk
	deps    reconcile.Deps
	t       *testing.T
	db      *db.DB
	log     *ledger.Log
	dir     *directory.Desk
	changes *change.Desk
	things  *inventory.Desk
	clock   *dbtest.Clock
	people  map[string]directory.PersonID
	codes   map[string]seal.Secret
	actors  map[string]fault.Actor
	redeem  map[string]bool
	see     map[string]*world
}

// world is what a source sees.
type world struct {
	scope   string
	records map[string]inventory.Record
	broken  error
}

func (w *world) Scopes() []string { return []string{w.scope} }

func (w *world) Collect(_ context.Context, emit func(inventory.Record) error) error {
	for _, id := range slices.Sorted(maps.Keys(w.records)) {
		if err := emit(w.records[id]); err != nil {
			return err
		}
	}
	return w.broken
}

type noSecrets struct{}

func (noSecrets) Secret(string) (string, error) { return "", errors.New("none") }

const password = "copper lantern meadow 42"

func staff() (list []directory.SetupPerson) {
	roles := map[string]directory.RoleName{"sam": "security-lead", "erin": "engineering-lead", "dana": "devops-lead", "ian": "it-manager", "ivo": "implementer", "vera": "auditor"}
	for _, name := range []string{"ann", "sam", "erin", "dana", "ian", "olga", "otto", "ivo", "vera"} {
		p := directory.SetupPerson{Name: name, Username: name, Email: name + "@example.com"}
		if r := roles[name]; r != "" {
			p.Roles = []directory.RoleName{r}
		}
		list = append(list, p)
	}
	return list
}

func found(t *testing.T) *firm {
	t.Helper()
	f := &firm{t: t, clock: dbtest.NewClock(), actors: map[string]fault.Actor{}, redeem: map[string]bool{}, see: map[string]*world{}}
	f.db = dbtest.Open(t, f.clock)
	key, err := seal.NewKey()
	f.must(err)
	f.log, err = ledger.Open(t.Context(), f.db, key, "plumbline.example/test", nil)
	f.must(err)
	blobs, err := blob.Open(t.TempDir())
	f.must(err)
	t.Cleanup(func() { _ = blobs.Close() })
	f.dir = directory.New(f.db, bytes.Repeat([]byte{7}, 32))
	f.dir.HashCheaply()
	f.changes = change.New(change.Config{DB: f.db, Log: f.log, People: f.dir, Blobs: blobs, Key: key, Install: "install_test", URL: "https://plumb.example",
		Seen: func(tx *db.Tx, id change.ID) error { return f.Seen(tx, id) }})
	f.dir.Wire(directory.Hooks{Roles: f.changes.Roles, OnDisabled: f.changes.Disabled})
	f.deps = reconcile.Deps{DB: f.db, People: f.dir, Changes: f.changes, Blobs: blobs}
	f.Desk = reconcile.New(f.deps)
	kind := func(name string) inventory.Kind {
		return inventory.Kind{Name: name, Title: name, Mapper: 1, Absence: true, Every: time.Hour, Settings: []inventory.Setting{{Key: "world", Help: "which"}},
			Rules: []inventory.AttrRule{{Type: "*", Path: "firewall*", Kind: inventory.Security}, {Type: "*", Path: "status", Kind: inventory.State}},
			Open:  func(in inventory.Input) (inventory.Source, error) { return f.see[in.Settings["world"]], nil }}
	}
	f.things = inventory.New(inventory.Deps{DB: f.db, People: f.dir, Blobs: blobs, Secrets: noSecrets{},
		Mask:  func(s string) inventory.Value { return inventory.Text("hmac:" + seal.Keyed([]byte("k"), s)) },
		Kinds: []inventory.Kind{kind("tfstate"), kind("hetzner"), kind("csv")}})
	f.ceremony()
	f.source("state", "tfstate", "5c1a-lineage/default")
	f.source("cloud", "hetzner", "project")
	return f
}

func (f *firm) ceremony() {
	f.t.Helper()
	files, err := policies.Pack(policies.Default)
	f.must(err)
	pack, err := policy.Load(files)
	f.must(err)
	code, err := f.dir.EnsureSetupCode(f.t.Context(), "")
	f.must(err)
	out, err := f.dir.Ceremony(f.t.Context(), code, directory.Setup{Company: "Example Ltd", People: staff(), Officers: []string{"olga", "otto"}},
		directory.Ending{Roles: pack.Roles, Check: func([]policy.Person) error { return nil },
			Activate: func(tx *db.Tx, _ directory.PersonID) error { return f.changes.SetUp(tx, pack) }}, "test", "req_setup")
	f.must(err)
	f.people, f.codes = out.People, out.Codes
}

func (f *firm) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatalf("%v (%+v)", err, fault.Of(err))
	}
}

func (f *firm) refused(err error, code string) {
	f.t.Helper()
	if !fault.Is(err, code) {
		f.t.Fatalf("got %v (%s), want refusal %s", err, fault.Of(err).Code, code)
	}
}

func (f *firm) as(name string) fault.Actor {
	f.t.Helper()
	if a, ok := f.actors[name]; ok {
		return a
	}
	enter := f.dir.Login
	c := directory.Credentials{Username: name, Password: password, Address: netip.MustParseAddr("192.0.2.7")}
	if !f.redeem[name] {
		enter, c.Code = f.dir.Redeem, f.codes[name]
	}
	s, err := enter(f.t.Context(), c)
	f.must(err)
	a, err := f.dir.Recognise(f.t.Context(), s.Bearer.Reveal())
	f.must(err)
	f.redeem[name], f.actors[name] = true, a
	return a
}

// later moves the clock; sessions may have ended meanwhile.
func (f *firm) later(d time.Duration) {
	f.clock.Add(d)
	clear(f.actors)
}

func (f *firm) source(name, kind, scope string) {
	f.t.Helper()
	f.see[name] = &world{scope: scope, records: map[string]inventory.Record{}}
	_, err := f.things.AddSource(f.t.Context(), f.as("olga"), inventory.Configured{Name: name, Kind: kind, Settings: map[string]string{"world": name}})
	f.must(err)
}

// observe reads every source an instant later, and reconciles.
func (f *firm) observe(after time.Duration) {
	f.t.Helper()
	f.later(after)
	for _, name := range []string{"state", "cloud"} {
		_, err := f.things.Read(f.t.Context(), fault.SystemActor("discovery"), name, nil, "")
		f.must(err)
	}
	f.must(f.Tick(f.t.Context()))
}

// server puts a server into the cloud and its code into the state.
func (f *firm) server(n int, env string, attrs map[string]inventory.Value) {
	id := fmt.Sprintf("hcloud:server:%d", n)
	labels := map[string]string{"environment": env, "owner": "sam", "classification": "internal", "criticality": "5"}
	state := map[string]inventory.Value{"id": inventory.Text(fmt.Sprint(n))}
	for k, v := range attrs {
		state[k] = v
	}
	f.see["cloud"].records[id] = inventory.Record{Scope: "project", Type: "hcloud_server", Class: inventory.Host, Native: fmt.Sprint(n), Name: fmt.Sprintf("web-%d", n),
		Attrs: attrs, Labels: labels, IDs: []inventory.Identifier{{Kind: "cloud-id", Value: id}}}
	f.see["state"].records[id] = inventory.Record{Scope: "5c1a-lineage/default", Type: "hcloud_server", Class: inventory.IaCResource, Native: address(n), Name: address(n),
		Attrs: state, Labels: labels, Edges: []inventory.Link{{Verb: "MANAGES", To: inventory.Identifier{Kind: "cloud-id", Value: id}}}}
}

func address(n int) string { return fmt.Sprintf("hcloud_server.web[%d]", n) }

func (f *firm) set(source string, n int, path string, v inventory.Value) {
	r := f.see[source].records[fmt.Sprintf("hcloud:server:%d", n)]
	attrs := map[string]inventory.Value{}
	for k, old := range r.Attrs {
		attrs[k] = old
	}
	attrs[path] = v
	r.Attrs = attrs
	f.see[source].records[fmt.Sprintf("hcloud:server:%d", n)] = r
}

// planned is one resource of a plan: its number and the JSON of its values before and after.
type planned struct {
	n             int
	action        string
	before, after string
}

func (f *firm) binding(list ...planned) change.Binding {
	f.t.Helper()
	var rows []string
	for _, p := range list {
		actions := `"` + p.action + `"`
		if p.action == "replace" {
			actions = `"delete","create"`
		}
		rows = append(rows, fmt.Sprintf(`{"address":%q,"mode":"managed","type":"hcloud_server","name":"web","index":%d,"provider_name":"registry.terraform.io/hetznercloud/hcloud",`+
			`"change":{"actions":[%s],"before":%s,"after":%s,"after_unknown":{},"before_sensitive":false,"after_sensitive":{}}}`, address(p.n), p.n, actions, p.before, p.after))
	}
	return f.bound(rows...)
}

// bound binds a plan of these rows.
func (f *firm) bound(rows ...string) change.Binding {
	f.t.Helper()
	raw := `{"format_version":"1.2","terraform_version":"1.9.0","complete":true,"applyable":true,"errored":false,"resource_changes":[` + strings.Join(rows, ",") + `]}`
	p, err := plan.Read(strings.NewReader(raw), plan.Options{Key: bytes.Repeat([]byte{3}, 32)})
	f.must(err)
	b, err := f.changes.AddDocument(f.t.Context(), "tf-plan", bytes.NewReader(p.Document()))
	f.must(err)
	b.Name, b.Digest, b.Repo, b.Base = "tfplan", seal.Raw([]byte(seal.NewID("plan"))), seal.NewID("repo"), "5c1a-lineage/7"
	return b
}

// material is the wording of a change that applies a plan.
func (f *firm) material(list ...planned) change.Material {
	f.t.Helper()
	return change.Material{Type: "normal", Category: "configuration", Summary: "Larger servers", Justification: "Load grew", Components: []string{"web"},
		Targets: []string{seal.NewID("host")}, Bindings: []change.Binding{f.binding(list...)}, Rollback: change.Rollback{Text: "apply the plan before"},
		Implementers: []change.Executor{{Person: "ivo"}}}
}

// approved is a change that applies a plan, with both approvals.
func (f *firm) approved(list ...planned) change.Change {
	f.t.Helper()
	m := f.material(list...)
	c, err := f.changes.File(f.t.Context(), f.as("ann"), m)
	f.must(err)
	return f.approve(c, m)
}

func (f *firm) approve(c change.Change, m change.Material) change.Change {
	f.t.Helper()
	const passing = `<testsuite name="unit" tests="1"><testcase name="a"/></testsuite>`
	_, err := f.changes.AddEvidence(f.t.Context(), f.as("ann"), c.ID, change.Evidence{Format: "junit", Subject: m.Bindings[0].Digest}, strings.NewReader(passing))
	f.must(err)
	c, err = f.changes.Submit(f.t.Context(), f.as("ann"), c.ID, c.RevDigest)
	f.must(err)
	for _, who := range []string{"sam", "erin"} {
		c, err = f.changes.Approve(f.t.Context(), f.as(who), c.ID, c.RevDigest, "fine")
		f.must(err)
	}
	return c
}

// open opens the gate for a change; done reports its end with receipts for these servers.
func (f *firm) open(c change.Change) change.Permit {
	f.t.Helper()
	rev, err := f.changes.Wording(f.t.Context(), c.ID, c.Rev)
	f.must(err)
	b := rev.Material.Bindings[0]
	q := wire.GateRequest{Schema: wire.GateRequestSchema, Change: string(c.ID), Kind: wire.KindApply, Key: seal.NewID("key"),
		Observed: []wire.Observed{{Kind: b.Kind, Name: b.Name, Digest: b.Digest, Normalized: b.Normalized, Base: b.Base}}}
	v, err := f.changes.Open(f.t.Context(), f.as("ivo"), q)
	f.must(err)
	if v.Code != wire.ExitAllowed {
		f.t.Fatalf("verdict %+v, want allow", v)
	}
	list, err := f.changes.Permits(f.t.Context(), c.ID)
	f.must(err)
	return list[len(list)-1]
}

func (f *firm) done(p change.Permit, servers ...int) {
	f.t.Helper()
	r := wire.GateClose{Permit: p.ID, Fence: p.Fence, Outcome: "success"}
	for _, n := range servers {
		r.Receipts = append(r.Receipts, wire.Receipt{Address: address(n), Action: "update", Outcome: "done", ID: fmt.Sprint(n)})
	}
	_, err := f.changes.Finish(f.t.Context(), f.as("ivo"), r)
	f.must(err)
}

func (f *firm) findings() []reconcile.Finding {
	f.t.Helper()
	list, err := f.Findings(f.t.Context(), reconcile.Filter{State: "waiting", Limit: 500})
	f.must(err)
	return list
}

// whole verifies the ledger and every row.
func (f *firm) whole() {
	f.t.Helper()
	_, err := f.log.Integrate(f.t.Context())
	f.must(err)
	r, err := ledger.Verify(f.t.Context(), f.db, f.log.VerifierKey())
	f.must(err)
	if len(r.Faults) > 0 || r.Rows == 0 {
		f.t.Errorf("report = %+v, want rows and no fault", r)
	}
	if p, err := reconcile.Prove(f.t.Context(), f.db); err != nil || len(p.Faults) > 0 {
		f.t.Errorf("proof = %+v, %v, want no fault", p, err)
	}
}

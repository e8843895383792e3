package prove_test

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/blob"
	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/db/dbtest"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/plan"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/prove"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/wire"
	"plumbline.dev/plumb/policies"
)

// company is one install under the shipped pack, with the changes that its tests export. ann files, sam
// is security lead, erin engineering lead, olga and otto are officers, ivo implements.
type company struct {
	*change.Desk
	db      *db.DB
	log     *ledger.Log
	dir     *directory.Desk
	blobs   *blob.Folder
	key     *seal.Key
	signs   *seal.Key // the ledger's
	install string
	clock   *dbtest.Clock
	pack    *policy.Pack
	people  map[string]directory.PersonID
	codes   map[string]seal.Secret

	sessions map[string]fault.Actor
}

const password = "copper lantern meadow 42"

// Names that must not be in a pack whose names are withheld.
const surname = "Quillfeather"

func person(name string, roles ...directory.RoleName) directory.SetupPerson {
	return directory.SetupPerson{Name: strings.ToUpper(name[:1]) + name[1:] + " " + surname, Username: name + "-quill",
		Email: name + "@quillfeather.example", Roles: roles}
}

func found(t testing.TB, install string) *company {
	t.Helper()
	ctx := context.Background()
	c := &company{install: install, clock: dbtest.NewClock(), sessions: map[string]fault.Actor{}}
	c.db = dbtest.Open(t, c.clock)
	var err error
	if c.key, err = seal.NewKey(); err != nil {
		t.Fatal(err)
	}
	c.signs, err = seal.NewKey()
	must(t, err)
	c.log, err = ledger.Open(ctx, c.db, c.signs, "plumbline.dev/"+install, nil)
	must(t, err)
	c.blobs, err = blob.Open(t.TempDir())
	must(t, err)
	c.dir = directory.New(c.db, bytes.Repeat([]byte{7}, 32))
	c.dir.HashCheaply()
	c.Desk = change.New(change.Config{DB: c.db, Log: c.log, People: c.dir, Blobs: c.blobs, Key: c.key, Install: install})
	c.dir.Wire(directory.Hooks{Roles: c.Desk.Roles, OnDisabled: c.Desk.Disabled})
	files, err := policies.Pack(policies.Default)
	must(t, err)
	c.pack, err = policy.Load(files)
	must(t, err)
	code, err := c.dir.EnsureSetupCode(ctx, "")
	must(t, err)
	staff := []directory.SetupPerson{person("ann"), person("sam", "security-lead"), person("steve", "security-lead"),
		person("erin", "engineering-lead"), person("emil", "engineering-lead"), person("dana", "devops-lead"), person("dirk", "devops-lead"),
		person("ian", "it-manager"), person("ina", "it-manager"), person("olga"), person("otto"), person("ivo", "implementer"), person("pia", "implementer")}
	out, err := c.dir.Ceremony(ctx, code, directory.Setup{Company: "Example Ltd", People: staff, Officers: []string{"olga-quill", "otto-quill"}},
		directory.Ending{Install: install, Roles: c.pack.Roles, Check: func([]policy.Person) error { return nil },
			Activate: func(tx *db.Tx, _ directory.PersonID) error { return c.Desk.SetUp(tx, c.pack) }}, "test", "req_setup")
	must(t, err)
	c.people, c.codes = out.People, out.Codes
	return c
}

// as gives somebody's session.
func (c *company) as(t testing.TB, name string) fault.Actor {
	t.Helper()
	if a, ok := c.sessions[name]; ok {
		return a
	}
	s, err := c.dir.Redeem(context.Background(), directory.Credentials{Username: name + "-quill", Password: password,
		Code: c.codes[name+"-quill"], Address: netip.MustParseAddr("192.0.2.7")})
	must(t, err)
	a, err := c.dir.Recognise(context.Background(), s.Bearer.Reveal())
	must(t, err)
	c.sessions[name] = a
	return a
}

func (c *company) id(name string) string { return string(c.people[name+"-quill"]) }

// minute lets a minute pass, so that periods have ends to be placed between.
func (c *company) minute() time.Time { c.clock.Add(time.Minute); return c.clock.Now() }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%v (%+v)", err, fault.Of(err).Fields)
	}
}

const passing = `<testsuite name="unit" tests="2"><testcase name="a"/><testcase name="b"/></testsuite>`

var (
	fileDigest = seal.Raw([]byte("idle_timeout = 15\n"))
	backDigest = seal.Raw([]byte("idle_timeout = 0\n"))
)

func usual() change.Material {
	return change.Material{Type: "normal", Category: "configuration", Summary: "Shorter idle timeout", Justification: "Policy asks for it",
		Components: []string{"web"}, Targets: []string{seal.NewID("host")},
		Bindings:     []change.Binding{{Kind: "config-file", Name: "app.conf", Digest: fileDigest}},
		Rollback:     change.Rollback{Text: "Put the old file back", Binding: &change.Binding{Kind: "runbook", Name: "back.sh", Digest: backDigest}},
		Implementers: []change.Executor{{}}}
}

// ready files a change, shows its tests and submits it.
func (c *company) ready(t testing.TB, m change.Material) change.Change {
	t.Helper()
	for i := range m.Implementers {
		if m.Implementers[i] == (change.Executor{}) {
			m.Implementers[i].Person = "ivo-quill"
		}
	}
	x, err := c.File(context.Background(), c.as(t, "ann"), m)
	must(t, err)
	c.tested(t, x.ID, c.as(t, "ann"), m.Bindings[0])
	x, err = c.Submit(context.Background(), c.as(t, "ann"), x.ID, x.RevDigest)
	must(t, err)
	return x
}

func (c *company) tested(t testing.TB, id change.ID, by fault.Actor, b change.Binding) {
	t.Helper()
	e, body := change.Evidence{Format: "junit", Subject: b.Digest}, passing
	if b.Kind == change.AccessGrant {
		e.Format, body = "attached", "before: none, after: one"
	}
	_, err := c.AddEvidence(context.Background(), by, id, e, strings.NewReader(body))
	must(t, err)
}

func (c *company) approve(t testing.TB, x change.Change, who ...string) change.Change {
	t.Helper()
	var err error
	for _, name := range who {
		x, err = c.Approve(context.Background(), c.as(t, name), x.ID, x.RevDigest, "seen by "+name)
		must(t, err)
	}
	return x
}

// run opens the gate for what is bound and reports its end.
func (c *company) run(t testing.TB, x change.Change, kind string, exit int64, bindings ...change.Binding) change.Change {
	t.Helper()
	q := wire.GateRequest{Schema: wire.GateRequestSchema, Change: string(x.ID), Kind: kind, Key: seal.NewID("key"),
		CI: wire.CI{Provider: "gitlab", Actor: "somebody-" + surname}}
	for _, b := range bindings {
		q.Observed = append(q.Observed, wire.Observed{Kind: b.Kind, Name: b.Name, Digest: b.Digest, Normalized: b.Normalized})
	}
	v, err := c.Open(context.Background(), c.as(t, "ivo"), q)
	must(t, err)
	if v.Code != wire.ExitAllowed {
		t.Fatalf("verdict %+v, want allow", v)
	}
	list, err := c.Permits(context.Background(), x.ID)
	must(t, err)
	p := list[len(list)-1]
	r := wire.GateClose{Permit: p.ID, Fence: p.Fence, Outcome: "success", Exit: exit, Note: "ended"}
	if exit != 0 {
		r.Outcome = "failure"
	}
	x, err = c.Finish(context.Background(), c.as(t, "ivo"), r)
	must(t, err)
	return x
}

// done takes the usual change from request to closure.
func (c *company) done(t testing.TB) change.Change {
	t.Helper()
	m := usual()
	x := c.approve(t, c.ready(t, m), "sam", "erin")
	x = c.run(t, x, wire.KindApply, 0, m.Bindings...)
	if x.State == change.Verifying {
		x = c.verified(t, x)
	}
	x, err := c.Close(context.Background(), c.as(t, "ann"), x.ID, change.Successful, nil)
	must(t, err)
	return x
}

func (c *company) verified(t testing.TB, x change.Change) change.Change {
	t.Helper()
	v, err := c.Show(context.Background(), x.ID)
	must(t, err)
	for _, slot := range v.Verify {
		who := "sam"
		if strings.HasSuffix(slot, "engineering-lead") {
			who = "erin"
		}
		x, err = c.Verify(context.Background(), c.as(t, who), x.ID, change.Verification{Slot: slot, Passed: true, Comment: "looks right"})
		must(t, err)
	}
	return x
}

// own executes a change to Plumbline itself.
func (c *company) own(t testing.TB, category string, b change.Binding, who ...string) change.Change {
	t.Helper()
	m := change.Material{Type: "normal", Category: category, Summary: "Change control changes", Justification: "It is wanted",
		Components: []string{"change-control"}, Targets: []string{"change-control"}, Rollback: change.Rollback{Text: "take it back"},
		Bindings: []change.Binding{b}, Implementers: []change.Executor{{}}}
	x := c.approve(t, c.ready(t, m), who...)
	v, err := c.Apply(context.Background(), c.as(t, "ivo"), x.ID, "key")
	must(t, err)
	if v.Code != wire.ExitAllowed {
		t.Fatalf("verdict %+v, want allow", v)
	}
	return x
}

// What no pack may hold: it stands in the raw plan only.
const canary = "canary-9f3e7a51c2d84b06"

func (c *company) planned(t testing.TB) change.Material {
	t.Helper()
	raw := `{"format_version":"1.2","terraform_version":"1.9.0","complete":true,"applyable":true,"errored":false,"resource_changes":[{"address":"aws_db_instance.main",` +
		`"mode":"managed","type":"aws_db_instance","name":"main","provider_name":"registry.terraform.io/hashicorp/aws",` +
		`"change":{"actions":["create"],"before":null,"after":{"name":"main","password":"` + canary + `"},"after_unknown":{},` +
		`"before_sensitive":false,"after_sensitive":{"password":true}}}],"variables":{"db_password":{"value":"` + canary + `"}}}`
	p, err := plan.Read(strings.NewReader(raw), plan.Options{Key: bytes.Repeat([]byte{3}, 32)})
	must(t, err)
	b, err := c.AddDocument(context.Background(), "tf-plan", bytes.NewReader(p.Document()))
	must(t, err)
	b.Name, b.Digest = "tfplan", seal.Raw([]byte(raw))
	m := usual()
	m.Bindings = []change.Binding{b}
	return m
}

// years is a company with a little of everything behind it, and the instants between.
type years struct {
	*company
	start, first, second, end time.Time
	old, plan, toggle, moved  change.Change // by what is special about them
	before                    []byte        // a checkpoint from between
}

var shared struct {
	once sync.Once
	y    *years
}

// history is the shared company; its tests only read.
func history(t testing.TB) *years {
	t.Helper()
	shared.once.Do(func() { shared.y = live(keeper{t}) })
	if shared.y == nil {
		t.Fatal("the company of another test could not be made")
	}
	return shared.y
}

// keeper is a test whose clean-up is left to the end of the process.
type keeper struct{ testing.TB }

// Cleanup drops the clean-up.
func (keeper) Cleanup(func()) {}

// TempDir is a folder that outlives the test.
func (k keeper) TempDir() string {
	dir, err := os.MkdirTemp("", "plumb-prove-*")
	if err != nil {
		k.Fatal(err)
	}
	return dir
}

// live makes the history: before the first instant one change that goes on into the period; in it a
// plan that was applied, a failure that was rolled back, a rework, a withdrawal, an automatic approval,
// a carried decision; after it a stricter policy and three changes more.
func live(t testing.TB) *years {
	ctx := context.Background()
	y := &years{company: found(t, "install_alpha")}
	y.start = y.clock.Now()
	y.done(t)
	y.old = y.approve(t, y.ready(t, usual()), "sam")
	_, err := y.log.Integrate(ctx)
	must(t, err)
	at, err := y.log.Newest(ctx)
	must(t, err)
	y.before = []byte(at.Note)
	y.first = y.minute()

	y.old = y.approve(t, y.old, "erin")
	m := y.planned(t)
	y.plan = y.ready(t, m)
	if _, err = y.Approve(ctx, y.as(t, "ann"), y.plan.ID, y.plan.RevDigest, ""); !fault.Is(err, "self_approval") {
		t.Fatalf("the author approved: %v", err)
	}
	y.plan = y.approve(t, y.plan, "sam", "erin")
	must(t, y.db.Update(ctx, y.as(t, "olga"), func(tx *db.Tx) error { // as a surface does when a pack is taken away
		_, err := ledger.Append(tx, ledger.Event{Verb: "evidence.exported", Type: "export", Object: string(y.plan.ID)})
		return err
	}))
	_, err = y.Remark(ctx, y.as(t, "sam"), y.plan.ID, "a remark by "+surname)
	must(t, err)
	y.plan = y.run(t, y.plan, wire.KindApply, 0, m.Bindings...)
	y.minute()
	y.automatic(t)
	y.rolledBack(t)
	y.reworked(t)
	y.carried(t)
	draft := usual()
	draft.Implementers = nil
	_, err = y.File(ctx, y.as(t, "ann"), draft)
	must(t, err)
	y.second = y.minute()

	y.old = y.run(t, y.old, wire.KindApply, 0, usual().Bindings...)
	y.tightened(t)
	y.approve(t, y.ready(t, usual()), "sam")
	y.end = y.minute()
	return y
}

func (y *years) rolledBack(t testing.TB) {
	m := usual()
	x := y.approve(t, y.ready(t, m), "steve", "emil")
	x = y.run(t, x, wire.KindApply, 2, m.Bindings...)
	x = y.run(t, x, wire.KindRollback, 0, *m.Rollback.Binding)
	_, err := y.Close(context.Background(), y.as(t, "sam"), x.ID, change.BackedOut, &change.Review{Outcome: "back to the old file", Causes: "a typo"})
	must(t, err)
}

func (y *years) reworked(t testing.TB) {
	ctx := context.Background()
	m := usual()
	x := y.approve(t, y.ready(t, m), "sam")
	x, err := y.Reject(ctx, y.as(t, "erin"), x.ID, x.RevDigest, "say more")
	must(t, err)
	m.Implementers = []change.Executor{{Person: "ivo-quill"}}
	m.Justification = "Policy asks for it, in section four"
	x, err = y.Edit(ctx, y.as(t, "ann"), x.ID, x.RevDigest, m)
	must(t, err)
	x, err = y.Submit(ctx, y.as(t, "ann"), x.ID, x.RevDigest)
	must(t, err)
	x = y.approve(t, x, "sam", "erin")
	x, err = y.Withdraw(ctx, y.as(t, "erin"), x.ID, "second thoughts")
	must(t, err)
	y.approve(t, x, "emil")
}

func (y *years) automatic(t testing.TB) {
	ctx := context.Background()
	digest, err := y.pack.ModelDigest("toggle-in-app")
	must(t, err)
	y.own(t, "configuration", change.Binding{Kind: change.StandardModel, Name: "toggle-in-app", Digest: digest}, "sam", "erin", "olga")
	a, err := y.dir.AddService(ctx, y.as(t, "olga"), directory.NewService{Username: "ci", Owner: y.people["pia-quill"], Note: "pipeline"})
	must(t, err)
	_, secret, err := y.dir.MakeToken(ctx, y.as(t, "pia"), directory.NewToken{Account: a.ID, Name: "ci", Scopes: []directory.Scope{directory.ScopeEvidence}})
	must(t, err)
	ci, err := y.dir.Recognise(ctx, secret.Reveal())
	must(t, err)
	flag := seal.Raw([]byte("dark-mode=on"))
	m := change.Material{Type: "standard", Model: "toggle-in-app", Category: "feature-toggle", Summary: "Dark mode on", Justification: "it is done",
		Components: []string{"web"}, Targets: []string{"web-test"}, Effects: []change.Effect{{Target: "web-test", Path: "dark", Op: "update", After: "on"}},
		Bindings:     []change.Binding{{Kind: "feature-flag", Name: "dark-mode", Digest: flag}},
		Rollback:     change.Rollback{Text: "switch back", Binding: &change.Binding{Kind: "feature-flag", Name: "dark-mode", Digest: backDigest}},
		Implementers: []change.Executor{{Person: "ivo-quill"}}}
	y.toggle, err = y.File(ctx, y.as(t, "ann"), m)
	must(t, err)
	y.tested(t, y.toggle.ID, ci, m.Bindings[0])
	y.toggle, err = y.Submit(ctx, y.as(t, "ann"), y.toggle.ID, y.toggle.RevDigest)
	must(t, err)
	if y.toggle.State != change.Authorized {
		t.Fatalf("the toggle is %s: %+v", y.toggle.State, y.toggle.Body.Auto)
	}
	y.toggle = y.run(t, y.toggle, wire.KindApply, 0, m.Bindings...)
}

// carried: a plan made again with the same effect keeps its decisions.
func (y *years) carried(t testing.TB) {
	ctx := context.Background()
	m := y.planned(t)
	x := y.approve(t, y.ready(t, m), "sam", "erin")
	m.Implementers = []change.Executor{{Person: "ivo-quill"}}
	m.Bindings[0].Digest = seal.Raw([]byte("the same plan, made again"))
	var err error
	y.moved, err = y.Edit(ctx, y.as(t, "ann"), x.ID, x.RevDigest, m)
	must(t, err)
	if y.moved.State != change.Authorized {
		t.Fatalf("state %s after an equal plan, want authorized", y.moved.State)
	}
	y.tested(t, x.ID, y.as(t, "ann"), m.Bindings[0])
	y.run(t, y.moved, wire.KindApply, 0, y.current(t, x.ID).Bindings...)
}

func (y *years) current(t testing.TB, id change.ID) change.Material {
	v, err := y.Show(context.Background(), id)
	must(t, err)
	return v.Material
}

// tightened puts a stricter pack in force while a change is in flight, and decides that one under both.
func (y *years) tightened(t testing.TB) {
	ctx := context.Background()
	waiting := y.ready(t, usual())
	archive, err := y.pack.Archive()
	must(t, err)
	const old = `- {role: security-lead, min: 1}\n      - {role: engineering-lead, min: 1}`
	next, err := policy.LoadArchive([]byte(strings.Replace(string(archive), old, old+`\n      - {role: security-officer, min: 1}`, 1)))
	must(t, err)
	text, err := next.Archive()
	must(t, err)
	doc, err := y.AddDocument(ctx, "policy-pack", bytes.NewReader(text))
	must(t, err)
	y.own(t, "configuration", change.Binding{Kind: change.PolicyPack, Name: "pack", Digest: next.Digest(), Document: doc.Document}, "sam", "erin", "olga")
	if x := y.approve(t, waiting, "sam", "erin"); x.State == change.Authorized {
		t.Fatal("the stricter policy did not reach the change in flight")
	}
	waiting = y.approve(t, waiting, "otto")
	y.run(t, waiting, wire.KindApply, 0, usual().Bindings...)
}

func (c *company) source() prove.Source {
	return prove.Source{DB: c.db, Log: c.log, People: c.dir, Blobs: c.blobs, Key: c.key, Install: c.install}
}

func (c *company) pinned() prove.Options {
	return prove.Options{Ledger: c.log.VerifierKey(), Permit: seal.PublicKey(c.key.PublicBytes())}
}

func (c *company) export(t testing.TB, sel prove.Selection) []byte {
	t.Helper()
	var b bytes.Buffer
	must(t, prove.Write(context.Background(), &b, c.source(), sel))
	return b.Bytes()
}

func verify(t testing.TB, b []byte, opt prove.Options) *prove.Report {
	t.Helper()
	r, err := prove.Verify(context.Background(), bytes.NewReader(b), int64(len(b)), opt)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// whole asks that a pack is whole, and gives its report.
func whole(t testing.TB, b []byte, opt prove.Options) *prove.Report {
	t.Helper()
	r := verify(t, b, opt)
	if !r.Whole() {
		t.Fatalf("faults: %+v", r.Faults[:min(len(r.Faults), 10)])
	}
	return r
}

// says asks for a sentence that holds the words.
func says(t *testing.T, sentences []string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !slices.ContainsFunc(sentences, func(s string) bool { return strings.Contains(s, w) }) {
			t.Errorf("no sentence says %q in:\n%s", w, strings.Join(sentences, "\n"))
		}
	}
}

// has asks for a fault of this kind.
func has(t *testing.T, r *prove.Report, what string) {
	t.Helper()
	if !slices.ContainsFunc(r.Faults, func(f prove.Fault) bool { return f.What == what }) {
		t.Errorf("faults %s, want %s", fmt.Sprint(r.Faults[:min(len(r.Faults), 5)]), what)
	}
}

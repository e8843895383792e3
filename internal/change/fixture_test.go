package change_test

import (
	"bytes"
	"context"
	"net/netip"
	"os"
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
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/wire"
	"plumbline.dev/plumb/policies"
)

// office is a company that has come through its first-start ceremony under the shipped pack. ann files,
// sam is security lead, erin engineering lead, dana devops lead, ian IT manager, olga and otto are
// officers, ivo implements and so does the pipeline ci, which pia owns.
type office struct {
	*change.Desk
	db     *db.DB
	log    *ledger.Log
	dir    *directory.Desk
	clock  *dbtest.Clock
	pack   *policy.Pack
	people map[string]directory.PersonID
	codes  map[string]seal.Secret

	mu       sync.Mutex
	sessions map[string]fault.Actor // guarded by mu
	redeemed map[string]bool        // guarded by mu
}

const password = "copper lantern meadow 42"

var staff = []directory.SetupPerson{
	person("ann"), person("sam", "security-lead"), person("steve", "security-lead"), person("erin", "engineering-lead"),
	person("emil", "engineering-lead"), person("dana", "devops-lead"), person("dirk", "devops-lead"), person("ian", "it-manager"),
	person("ina", "it-manager"), person("olga"), person("otto"), person("ivo", "implementer"), person("pia", "implementer"),
}

func person(name string, roles ...directory.RoleName) directory.SetupPerson {
	return directory.SetupPerson{Name: name, Username: name, Email: name + "@example.com", Roles: roles}
}

var shared = struct {
	once sync.Once
	cfg  db.Config
	o    *office
}{}

// TestMain keeps one company for all tests that only add to it: founding one takes a second.
func TestMain(m *testing.M) { m.Run() }

// company is the shared company. Tests that move the clock, change the policy or take roles away found
// their own with found.
func company(t *testing.T) *office {
	t.Helper()
	shared.once.Do(func() { shared.o = found(keeper{t}, dbtest.NewClock()) })
	return shared.o
}

// keeper is a test whose temporary folder outlives it: the shared company goes with the process.
type keeper struct{ *testing.T }

// Cleanup drops the clean-up: the process ends it.
func (keeper) Cleanup(func()) {}

// TempDir is a folder that is left to the system's own cleaning.
func (k keeper) TempDir() string {
	dir, err := os.MkdirTemp("", "plumb-test-*")
	if err != nil {
		k.Fatal(err)
	}
	return dir
}

func found(t testing.TB, clock *dbtest.Clock) *office {
	t.Helper()
	return foundOn(t, clock, dbtest.Config(t))
}

// foundOn founds a company in the database of cfg, for tests that tamper with it.
func foundOn(t testing.TB, clock *dbtest.Clock, cfg db.Config) *office {
	t.Helper()
	ctx := context.Background()
	cfg.Clock = clock.Now
	o := &office{clock: clock, db: dbtest.OpenConfig(t, cfg), sessions: map[string]fault.Actor{}, redeemed: map[string]bool{}}
	key, err := seal.NewKey()
	must(t, err)
	o.log, err = ledger.Open(ctx, o.db, key, "plumbline.example/test", nil)
	must(t, err)
	o.dir = directory.New(o.db, bytes.Repeat([]byte{7}, 32))
	o.dir.HashCheaply()
	documents, err := blob.Open(t.TempDir())
	must(t, err)
	o.Desk = change.New(change.Config{DB: o.db, Log: o.log, People: o.dir, Blobs: documents, Key: key, Install: "install_test", URL: "https://plumb.example"})
	o.dir.Wire(directory.Hooks{Roles: o.Desk.Roles, OnDisabled: o.Desk.Disabled, Staffed: o.Desk.Staffed})
	files, err := policies.Pack(policies.Default)
	must(t, err)
	o.pack, err = policy.Load(files)
	must(t, err)
	code, err := o.dir.EnsureSetupCode(ctx, "")
	must(t, err)
	out, err := o.dir.Ceremony(ctx, code, directory.Setup{Company: "Example Ltd", People: staff, Officers: []string{"olga", "otto"}},
		directory.Ending{Roles: o.pack.Roles, Check: func([]policy.Person) error { return nil },
			Activate: func(tx *db.Tx, _ directory.PersonID) error { return o.Desk.SetUp(tx, o.pack) }}, "test", "req_setup")
	must(t, err)
	o.people, o.codes = out.People, out.Codes
	return o
}

// as gives somebody's session; they sign in when they are first needed.
func (o *office) as(name string) fault.Actor {
	o.mu.Lock()
	defer o.mu.Unlock()
	if a, ok := o.sessions[name]; ok {
		return a
	}
	enter := o.dir.Login
	c := directory.Credentials{Username: name, Password: password, Address: netip.MustParseAddr("192.0.2.7")}
	if !o.redeemed[name] {
		enter, c.Code = o.dir.Redeem, o.codes[name]
	}
	s, err := enter(context.Background(), c)
	if err != nil {
		return fault.Actor{} // nobody: whatever the test wants from them is refused
	}
	a, err := o.dir.Recognise(context.Background(), s.Bearer.Reveal())
	if err != nil {
		return fault.Actor{}
	}
	o.redeemed[name], o.sessions[name] = true, a
	return a
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%v (%+v)", err, fault.Of(err))
	}
}

// refused asks for a refusal with this code, which says who mends it and what next where a rule or a
// state is the reason.
func refused(t *testing.T, err error, code string) {
	t.Helper()
	if err == nil {
		t.Fatalf("was done, want refusal %s", code)
	}
	if !fault.Is(err, code) {
		t.Fatalf("refused with %q (%v), want %s", fault.Of(err).Code, err, code)
	}
	f := fault.Of(err)
	if f.Kind != fault.Invalid && f.Kind != fault.NotFound && f.Kind != fault.TooLarge && (f.Who == "" || f.Next == "") {
		t.Errorf("%s does not say who mends it and what next: %+v", code, f)
	}
}

// file is the text of the configuration file that the usual change puts in place, and its digest.
const file = "idle_timeout = 15\n"

func configChange(o *office) change.Material {
	return change.Material{Type: "normal", Category: "configuration", Summary: "Shorter idle timeout", Justification: "Policy asks for it",
		Components: []string{"web"}, Targets: []string{seal.NewID("host")}, // of one's own: no conflict with tests beside
		Bindings:     []change.Binding{{Kind: "config-file", Name: "app.conf", Digest: seal.Raw([]byte(file))}},
		Rollback:     change.Rollback{Text: "Put the old file back", Binding: &change.Binding{Kind: "runbook", Name: "back.sh", Digest: seal.Raw([]byte("back"))}},
		Implementers: []change.Executor{{Person: "ivo"}}}
}

const passing = `<testsuite name="unit" tests="2"><testcase name="a"/><testcase name="b"/></testsuite>`
const failing = `<testsuite name="unit" tests="1" failures="1"><testcase name="a"><failure message="no"/></testcase></testsuite>`

// tested brings passing tests for the usual change.
func (o *office) tested(t *testing.T, id change.ID) {
	t.Helper()
	o.evidence(t, id, passing)
}

func (o *office) evidence(t *testing.T, id change.ID, junit string) {
	t.Helper()
	_, err := o.AddEvidence(t.Context(), o.as("ann"), id, change.Evidence{Format: "junit", Subject: seal.Raw([]byte(file))}, strings.NewReader(junit))
	must(t, err)
}

// submitted files and submits the usual change, with its tests.
func (o *office) submitted(t *testing.T, edit ...func(*change.Material)) change.Change {
	t.Helper()
	m := configChange(o)
	for _, e := range edit {
		e(&m)
	}
	c, err := o.File(t.Context(), o.as("ann"), m)
	must(t, err)
	o.tested(t, c.ID)
	c, err = o.Submit(t.Context(), o.as("ann"), c.ID, c.RevDigest)
	must(t, err)
	return c
}

// authorized is a change that both leads approved.
func (o *office) authorized(t *testing.T, edit ...func(*change.Material)) change.Change {
	t.Helper()
	c := o.submitted(t, edit...)
	_, err := o.Approve(t.Context(), o.as("sam"), c.ID, c.RevDigest, "")
	must(t, err)
	c, err = o.Approve(t.Context(), o.as("erin"), c.ID, c.RevDigest, "fine")
	must(t, err)
	if c.State != change.Authorized {
		t.Fatalf("state = %s after two approvals, want authorized", c.State)
	}
	return c
}

func request(id change.ID) wire.GateRequest {
	return wire.GateRequest{Schema: wire.GateRequestSchema, Change: string(id), Kind: wire.KindApply, Key: seal.NewID("key"),
		Observed: []wire.Observed{{Kind: "config-file", Name: "app.conf", Digest: seal.Raw([]byte(file))}}}
}

func back(id change.ID) wire.GateRequest {
	q := request(id)
	q.Kind, q.Observed = wire.KindRollback, []wire.Observed{{Kind: "runbook", Name: "back.sh", Digest: seal.Raw([]byte("back"))}}
	return q
}

// opened opens the gate and gives the permit.
func (o *office) opened(t *testing.T, who string, q wire.GateRequest) change.Permit {
	t.Helper()
	v, err := o.Open(t.Context(), o.as(who), q)
	must(t, err)
	if v.Code != wire.ExitAllowed || v.Permit == nil {
		t.Fatalf("verdict = %+v, want allow with a permit", v)
	}
	id, err := change.ParseID(v.Change)
	must(t, err)
	list, err := o.Permits(t.Context(), id)
	must(t, err)
	return list[len(list)-1]
}

// ran runs the change to this end.
func (o *office) ran(t *testing.T, id change.ID, exit int64) change.Change {
	t.Helper()
	p := o.opened(t, "ivo", request(id))
	c, err := o.Finish(t.Context(), o.as("ivo"), report(p, exit))
	must(t, err)
	return c
}

func report(p change.Permit, exit int64) wire.GateClose {
	outcome := "success"
	if exit != 0 {
		outcome = "failure"
	}
	return wire.GateClose{Permit: p.ID, Fence: p.Fence, Outcome: outcome, Exit: exit}
}

// whole verifies the ledger and every row.
func (o *office) whole(t *testing.T) {
	t.Helper()
	_, err := o.log.Integrate(t.Context())
	must(t, err)
	r, err := ledger.Verify(t.Context(), o.db, o.log.VerifierKey())
	must(t, err)
	if len(r.Faults) > 0 || r.Rows == 0 {
		t.Errorf("report = %+v, want rows and no fault", r)
	}
}

const day = 24 * time.Hour

// again ends everybody's session for the tests' purposes, after the clock moved past its life.
func (o *office) again() {
	o.mu.Lock()
	defer o.mu.Unlock()
	clear(o.sessions)
}

package directory_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/db/dbtest"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/seal"
)

// house is a company after its first-start ceremony: olga and otto are officers, sam leads security,
// erin engineering, dev files changes and audra audits.
type house struct {
	*directory.Desk
	t        testing.TB
	db       *db.DB
	log      *ledger.Log
	clock    *dbtest.Clock
	people   map[string]directory.PersonID
	disabled []directory.PersonID // what the hook was told
}

const password = "copper lantern meadow 42"

var office = netip.MustParseAddr("192.0.2.7")

var packRoles = []policy.Role{
	{Name: "security-officer", Approves: true},
	{Name: "security-lead", Approves: true},
	{Name: "engineering-lead", Approves: true},
	{Name: "implementer"},
}

func person(name string, roles ...directory.RoleName) directory.SetupPerson {
	return directory.SetupPerson{Name: name, Username: name, Email: name + "@example.com", Password: password, Roles: roles}
}

func setup() directory.Setup {
	return directory.Setup{Company: "Example Ltd", Zone: "Europe/Berlin", Officers: []string{"olga", "otto"},
		People: []directory.SetupPerson{person("olga"), person("otto"), person("sam", "security-lead"),
			person("erin", "engineering-lead"), person("dev", "implementer"), person("audra", directory.Auditor)}}
}

func ending() directory.Ending {
	return directory.Ending{Install: "install_test", Roles: packRoles,
		Check: func([]policy.Person) error { return nil }, Activate: func(*db.Tx, directory.PersonID) error { return nil }}
}

// empty is a server before the ceremony.
func empty(t testing.TB) *house {
	t.Helper()
	return emptyOn(t, dbtest.Config(t), dbtest.NewClock())
}

func emptyOn(t testing.TB, cfg db.Config, clock *dbtest.Clock) *house {
	t.Helper()
	cfg.Clock = clock.Now
	h := &house{t: t, clock: clock, db: dbtest.OpenConfig(t, cfg)}
	key, err := seal.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	if h.log, err = ledger.Open(context.Background(), h.db, key, "plumbline.example/test", nil); err != nil {
		t.Fatal(err)
	}
	h.Desk = h.desk()
	return h
}

// desk is another desk on the same database, as another process would have it.
func (h *house) desk() *directory.Desk {
	d := directory.New(h.db, make([]byte, 32))
	d.HashCheaply()
	d.Wire(directory.Hooks{Roles: func(*db.Tx) ([]policy.Role, error) { return packRoles, nil },
		OnDisabled: func(_ *db.Tx, p directory.PersonID) error { h.disabled = append(h.disabled, p); return nil }})
	return d
}

func open(t testing.TB) *house {
	t.Helper()
	h := empty(t)
	h.found()
	return h
}

// found runs the ceremony.
func (h *house) found() {
	h.t.Helper()
	code, err := h.EnsureSetupCode(h.t.Context(), "")
	if err != nil {
		h.t.Fatal(err)
	}
	out, err := h.Ceremony(h.t.Context(), code, setup(), ending(), "cli", "req_1")
	if err != nil {
		h.t.Fatalf("ceremony: %v %+v", err, fault.Of(err).Fields)
	}
	h.people = out.People
}

func creds(name string) directory.Credentials {
	return directory.Credentials{Username: name, Password: password, Address: office, Label: "test", Source: "cli"}
}

// signIn opens a session and gives its actor and secret.
func (h *house) signIn(name string) (fault.Actor, string) {
	h.t.Helper()
	o, err := h.Login(h.t.Context(), creds(name))
	if err != nil {
		h.t.Fatalf("sign in %s: %v", name, err)
	}
	actor, err := h.Recognise(h.t.Context(), o.Bearer.Reveal())
	if err != nil {
		h.t.Fatalf("recognise %s: %v", name, err)
	}
	return actor, o.Bearer.Reveal()
}

func (h *house) as(name string) fault.Actor { h.t.Helper(); a, _ := h.signIn(name); return a }

// roster reads the people in a transaction.
func (h *house) roster() (r *directory.Roster) {
	h.t.Helper()
	h.must(h.db.View(h.t.Context(), func(tx *db.Tx) (err error) {
		r, err = h.RosterIn(tx)
		return err
	}))
	return r
}

// apply carries out a grant as the change engine would.
func (h *house) apply(g directory.Grant) error {
	return h.db.Update(h.t.Context(), fault.SystemActor("test"), func(tx *db.Tx) error { return h.Apply(tx, g, "CHG-000001") })
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatalf("%v %+v", err, fault.Of(err))
	}
}

// refused wants a refusal with this code.
func (h *house) refused(err error, code string) {
	h.t.Helper()
	if !fault.Is(err, code) {
		h.t.Fatalf("got %v, want the refusal %s", describe(err), code)
	}
}

func describe(err error) string {
	var e *fault.Error
	if errors.As(err, &e) {
		return fmt.Sprintf("%s (%s) %v %v", e.Code, e.Message, e.Fields, errors.Unwrap(e))
	}
	return fmt.Sprint(err)
}

// whole wants every row to be answered for by an event.
func (h *house) whole() {
	h.t.Helper()
	_, err := h.log.Integrate(h.t.Context())
	h.must(err)
	report, err := ledger.Verify(h.t.Context(), h.db, h.log.VerifierKey())
	h.must(err)
	if len(report.Faults) > 0 {
		h.t.Fatalf("ledger: %+v", report.Faults)
	}
}

// verbs lists the verbs of all events.
func (h *house) verbs() (out []string) {
	h.t.Helper()
	h.must(h.db.View(h.t.Context(), func(tx *db.Tx) error {
		list, err := ledger.ReadIn(tx, 0, 10000)
		for _, e := range list {
			out = append(out, e.Leaf.Verb)
		}
		return err
	}))
	return out
}

func (h *house) noted(verb string) {
	h.t.Helper()
	if !slices.Contains(h.verbs(), verb) {
		h.t.Fatalf("no event %s among %v", verb, h.verbs())
	}
}

func until(c *dbtest.Clock, d time.Duration) int64 { return c.Now().Add(d).UnixMicro() }

type (
	dbTx         = db.Tx
	policyPerson = policy.Person
)

// token makes a token and gives its secret.
func (h *house) token(actor fault.Actor, n directory.NewToken) (directory.Token, string) {
	h.t.Helper()
	t, secret, err := h.MakeToken(h.t.Context(), actor, n)
	h.must(err)
	return t, secret.Reveal()
}

// contains looks for a text in every row of every table, and names the table.
func (h *house) contains(text string) (where string) {
	h.t.Helper()
	h.must(h.db.View(h.t.Context(), func(tx *db.Tx) error {
		tables, err := h.db.Covered(tx)
		for name := range db.Exempt {
			if name != "sqlite_sequence" && name != "goose_db_version" && !strings.HasPrefix(name, "api_") && !strings.HasPrefix(name, "change_") {
				tables = append(tables, name)
			}
		}
		for _, table := range tables {
			rows, err := tx.Query("SELECT * FROM " + table)
			if err != nil {
				return err
			}
			columns, err := rows.Columns()
			if err != nil {
				return err
			}
			for rows.Next() {
				values, into := make([]any, len(columns)), make([]any, len(columns))
				for i := range into {
					into[i] = &values[i]
				}
				if err := rows.Scan(into...); err != nil {
					return err
				}
				if strings.Contains(fmt.Sprintf("%s", values), text) {
					where = table
				}
			}
			if err := rows.Close(); err != nil {
				return err
			}
		}
		return err
	}))
	return where
}

package change

import (
	"fmt"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
)

const changeColumns = "SELECT id, number, version, state, type, category, summary, requester, rev, rev_digest," +
	" created, updated, due, body FROM change_change"

// shell is the row of a change whose body nobody has parsed yet.
type shell struct {
	Change
	body string
}

func scanShell(row db.Scanner) (s shell, err error) {
	c := &s.Change
	return s, row.Scan(&c.ID, &c.Number, &c.Version, &c.State, &c.Type, &c.Category, &c.Summary, &c.Requester,
		&c.Rev, &c.RevDigest, &c.Created, &c.Updated, &c.Due, &s.body)
}

func scanChange(row db.Scanner) (Change, error) {
	s, err := scanShell(row)
	if err != nil {
		return s.Change, err
	}
	return s.parsed()
}

// parsed gives the change with its body.
func (s shell) parsed() (Change, error) {
	return s.Change, json.Unmarshal([]byte(s.body), &s.Change.Body)
}

func loadChange(tx *db.Tx, id ID) (Change, error) {
	s, err := loadShell(tx, id)
	if err != nil {
		return s.Change, err
	}
	return s.parsed()
}

func loadShell(tx *db.Tx, id ID) (shell, error) {
	c, found, err := db.One(tx, scanShell, changeColumns+" WHERE id = $1", string(id))
	if err != nil {
		return c, fmt.Errorf("load change: %w", err)
	}
	if !found {
		return c, fault.New(fault.NotFound, "no_change", "There is no change %s.", id).Then("plumb change list")
	}
	return c, nil
}

// encodeBody writes the shell's body. Its digest is taken over the stored bytes and nobody computes it
// from elsewhere, so the order of members need only be stable, not canonical: that is thrice as fast.
func encodeBody(b Body) (string, error) {
	out, err := json.Marshal(b, json.Deterministic(true))
	if err != nil {
		return "", fmt.Errorf("encode change: %w", err)
	}
	return string(out), nil
}

// nextID gives the next change its number, which has no gap, and its id, with the prefix of the install.
func nextID(tx *db.Tx) (id ID, n int64, err error) {
	i, done, err := directory.InstallIn(tx)
	switch {
	case err != nil:
		return "", 0, err
	case !done:
		return "", 0, notSetUp()
	}
	if err := tx.QueryRow("SELECT COALESCE(MAX(number), 0) + 1 FROM change_change").Scan(&n); err != nil {
		return "", 0, fmt.Errorf("number change: %w", err)
	}
	return FormatID(i.Prefix, n), n, nil
}

func insertChange(tx *db.Tx, c Change) (body string, err error) {
	if body, err = encodeBody(c.Body); err != nil {
		return "", err
	}
	_, err = tx.Exec("INSERT INTO change_change (id, number, version, state, type, category, summary, requester, rev, rev_digest,"+
		" created, updated, due, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
		string(c.ID), c.Number, c.Version, string(c.State), c.Type, c.Category, c.Summary, c.Requester, c.Rev, c.RevDigest,
		c.Created, c.Updated, c.Due, body)
	return body, err
}

// saveChange writes the shell and moves its version on; a version that moved meanwhile is a conflict.
func saveChange(tx *db.Tx, c *Change) (body string, err error) {
	c.Updated = tx.Now().UnixMicro()
	if body, err = encodeBody(c.Body); err != nil {
		return "", err
	}
	c.Version++
	return body, tx.ExecOne("UPDATE change_change SET version = $1, state = $2, type = $3, category = $4, summary = $5, rev = $6,"+
		" rev_digest = $7, updated = $8, due = $9, body = $10 WHERE id = $11 AND version = $12",
		c.Version, string(c.State), c.Type, c.Category, c.Summary, c.Rev, c.RevDigest, c.Updated, c.Due, body,
		string(c.ID), c.Version-1)
}

func insertRevision(tx *db.Tx, r Revision) error {
	_, err := tx.Exec("INSERT INTO change_revision (id, change_id, n, digest, canonical, author, account, at)"+
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
		r.ID, string(r.Change), r.N, r.Digest, r.Canonical, r.Author, r.Account, r.At)
	return err
}

const revisionColumns = "SELECT id, change_id, n, digest, canonical, author, account, at FROM change_revision"

func scanRevision(row db.Scanner) (r Revision, err error) {
	if err = row.Scan(&r.ID, &r.Change, &r.N, &r.Digest, &r.Canonical, &r.Author, &r.Account, &r.At); err != nil {
		return r, err
	}
	return r, json.Unmarshal([]byte(r.Canonical), &r.Material)
}

func loadRevision(tx *db.Tx, id ID, n int64) (Revision, error) {
	r, found, err := db.One(tx, scanRevision, revisionColumns+" WHERE change_id = $1 AND n = $2", string(id), n)
	switch {
	case err != nil:
		return r, fmt.Errorf("load revision: %w", err)
	case !found:
		return r, fault.New(fault.NotFound, "no_revision", "%s has no revision %d.", id, n).
			Then("plumb change show %s", id)
	}
	return r, nil
}

func insertDecision(tx *db.Tx, d Decision) error {
	roles, err := seal.Canonical(d.Roles)
	if err != nil {
		return err
	}
	_, err = tx.Exec("INSERT INTO change_decision (id, change_id, rev_digest, policy, person, verb, roles, comment, at, statement, n)"+
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
		d.ID, string(d.Change), d.RevDigest, d.Policy, d.Person, string(d.Verb), string(roles), d.Comment, d.At, d.Statement, d.N)
	return err
}

func scanDecision(row db.Scanner) (d Decision, err error) {
	var roles string
	if err = row.Scan(&d.ID, &d.Change, &d.RevDigest, &d.Policy, &d.Person, &d.Verb, &roles, &d.Comment, &d.At, &d.Statement, &d.N); err != nil {
		return d, err
	}
	return d, json.Unmarshal([]byte(roles), &d.Roles)
}

func listDecisions(tx *db.Tx, id ID) ([]Decision, error) {
	return db.Collect(tx, scanDecision, "SELECT id, change_id, rev_digest, policy, person, verb, roles, comment, at, statement, n"+
		" FROM change_decision WHERE change_id = $1 ORDER BY n", string(id))
}

func insertCheck(tx *db.Tx, c CheckResult) error {
	_, err := tx.Exec("INSERT INTO change_check (id, change_id, kind, format, subject, status, why, tool, blob, producer, service, at, result, n, person)"+
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
		c.ID, string(c.Change), c.Kind, c.Format, c.Subject, c.Status, c.Why, c.Tool, c.Blob, c.Producer, c.Service, c.At, c.Result, c.N, c.Person)
	return err
}

const checkColumns = "SELECT id, change_id, kind, format, subject, status, why, tool, blob, producer, service, at, result, n," +
	" COALESCE(person, '') FROM change_check"

func scanCheck(row db.Scanner) (c CheckResult, err error) {
	return c, row.Scan(&c.ID, &c.Change, &c.Kind, &c.Format, &c.Subject, &c.Status, &c.Why, &c.Tool, &c.Blob,
		&c.Producer, &c.Service, &c.At, &c.Result, &c.N, &c.Person)
}

func listChecks(tx *db.Tx, id ID) ([]CheckResult, error) {
	return db.Collect(tx, scanCheck, checkColumns+" WHERE change_id = $1 ORDER BY n", string(id))
}

func insertPermit(tx *db.Tx, p Permit) error {
	_, err := tx.Exec("INSERT INTO change_permit (id, change_id, kind, stage, attempt, fence, person, account, rev, idem, issued,"+
		" expires, lease, outcome, ended, exit_code, claimed, report, envelope)"+
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)",
		p.ID, string(p.Change), p.Kind, p.Stage, p.Attempt, p.Fence, p.Person, p.Account, p.Rev, p.Key, p.Issued,
		p.Expires, p.Lease, p.Outcome, p.Ended, p.Exit, p.Claimed, p.Report, p.Envelope)
	return err
}

// endPermit closes a running execution once: compare-and-swap on the outcome.
func endPermit(tx *db.Tx, p Permit, from string) error {
	return tx.ExecOne("UPDATE change_permit SET outcome = $1, ended = $2, exit_code = $3, report = $4 WHERE id = $5 AND outcome = $6",
		p.Outcome, p.Ended, p.Exit, p.Report, p.ID, from)
}

func leasePermit(tx *db.Tx, p Permit) error {
	return tx.ExecOne("UPDATE change_permit SET lease = $1 WHERE id = $2 AND outcome = 'running'", p.Lease, p.ID)
}

const permitColumns = "SELECT id, change_id, kind, stage, attempt, fence, person, account, rev, idem, issued, expires, lease," +
	" outcome, ended, exit_code, claimed, report, envelope FROM change_permit"

func scanPermit(row db.Scanner) (p Permit, err error) {
	return p, row.Scan(&p.ID, &p.Change, &p.Kind, &p.Stage, &p.Attempt, &p.Fence, &p.Person, &p.Account, &p.Rev, &p.Key,
		&p.Issued, &p.Expires, &p.Lease, &p.Outcome, &p.Ended, &p.Exit, &p.Claimed, &p.Report, &p.Envelope)
}

func listPermits(tx *db.Tx, id ID) ([]Permit, error) {
	return db.Collect(tx, scanPermit, permitColumns+" WHERE change_id = $1 ORDER BY fence", string(id))
}

func loadPermit(tx *db.Tx, id string) (Permit, error) {
	p, found, err := db.One(tx, scanPermit, permitColumns+" WHERE id = $1", id)
	switch {
	case err != nil:
		return p, fmt.Errorf("load permit: %w", err)
	case !found:
		return p, fault.New(fault.NotFound, "no_permit", "There is no such permit.").
			Then("plumb change permits CHANGE")
	}
	return p, nil
}

func nextFence(tx *db.Tx) (n int64, err error) {
	err = tx.QueryRow("SELECT COALESCE(MAX(fence), 0) + 1 FROM change_permit").Scan(&n)
	return n, err
}

// reserve rewrites the index of a change's effects by which conflicts are found; no keys release it.
func reserve(tx *db.Tx, id ID, keys []effectKey, running bool) error {
	if _, err := tx.Exec("DELETE FROM change_reservation WHERE change_id = $1", string(id)); err != nil {
		return fmt.Errorf("release effects: %w", err)
	}
	flag := 0
	if running {
		flag = 1
	}
	for i, k := range keys {
		if _, err := tx.Exec("INSERT INTO change_reservation (id, change_id, target, path, running) VALUES ($1, $2, $3, $4, $5)",
			fmt.Sprintf("%s.%d", id, i), string(id), k.target, k.path, flag); err != nil {
			return fmt.Errorf("reserve effects: %w", err)
		}
	}
	return nil
}

// maxRivals bounds the conflicts that are looked at per key; the first ones say enough.
const maxRivals = 50

// rivalsOf finds changes in flight with the same effect, or that run now on the same target.
func rivalsOf(tx *db.Tx, id ID, k effectKey) ([]rivalRow, error) {
	scan := func(row db.Scanner) (r rivalRow, err error) { return r, row.Scan(&r.id, &r.path) }
	if k.path != "" {
		return db.Collect(tx, scan, "SELECT change_id, path FROM change_reservation"+
			" WHERE target = $1 AND running IN (0, 1) AND path = $2 AND change_id <> $3 LIMIT $4", k.target, k.path, string(id), maxRivals)
	}
	return db.Collect(tx, scan, "SELECT change_id, path FROM change_reservation"+
		" WHERE target = $1 AND running = 1 AND path = '' AND change_id <> $2 LIMIT $3", k.target, string(id), maxRivals)
}

type rivalRow struct {
	id   ID
	path string
}

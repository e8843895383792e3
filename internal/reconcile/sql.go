package reconcile

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/seal"
)

func scanInt(row db.Scanner) (n int64, err error)     { return n, row.Scan(&n) }
func scanString(row db.Scanner) (s string, err error) { return s, row.Scan(&s) }

func next(tx *db.Tx, table string) (int64, error) {
	n, _, err := db.One(tx, scanInt, "SELECT COALESCE(MAX(n), 0) + 1 FROM "+table)
	return n, err
}

// record is the last statement of a use-case.
func record(tx *db.Tx, verb, objectType, object string, detail map[string]any) error {
	if _, err := ledger.Append(tx, ledger.Event{Verb: verb, Type: objectType, Object: object, Detail: detail}); err != nil {
		return fmt.Errorf("record %s: %w", verb, err)
	}
	return nil
}

func encode(v any) (string, error) {
	b, err := json.Marshal(v, json.Deterministic(true))
	return string(b), err
}

// openEnd is the until of a charter that may still run.
const openEnd = int64(1) << 62

// charterRow is a charter as it is stored: its claims stand in parts, which never change.
type charterRow struct {
	id      string
	version int64
	until   int64
	body    string
	Charter
}

const charterColumns = "SELECT id, change_id, n, rev, until, version, body FROM reconcile_charter"

func scanCharter(row db.Scanner) (c charterRow, err error) {
	if err := row.Scan(&c.id, &c.Change, &c.N, &c.Rev, &c.until, &c.version, &c.body); err != nil {
		return c, err
	}
	return c, json.Unmarshal([]byte(c.body), &c.Charter)
}

func charterID(change, rev string) string {
	return "cht_" + seal.Digest("plumb.charter.v1", []byte(change), []byte(rev))[len("sha256:"):][:32]
}

// partSize bounds the claims of one row.
const partSize = 500

// partsAtOnce bounds the rows of claims that one event answers for.
const partsAtOnce = 200

func insertClaims(tx *db.Tx, charter string, claims []Claim) error {
	for part := 0; part*partSize < len(claims); part++ {
		text, err := encode(claims[part*partSize : min(len(claims), (part+1)*partSize)])
		if err != nil {
			return err
		}
		if _, err := tx.Exec("INSERT INTO reconcile_claim (id, charter, part, claims) VALUES ($1, $2, $3, $4)",
			fmt.Sprintf("%s.%d", charter, part), charter, part, text); err != nil {
			return err
		}
		if part%partsAtOnce == partsAtOnce-1 { // one event answers for some hundred rows at most
			if err := record(tx, "reconcile.claimed", "charter", charter, map[string]any{"part": part}); err != nil {
				return err
			}
		}
	}
	return nil
}

func claimsOf(tx *db.Tx, charter string) (out []Claim, err error) {
	parts, err := db.Collect(tx, scanString, "SELECT claims FROM reconcile_claim WHERE charter = $1 ORDER BY part", charter)
	if err != nil {
		return nil, err
	}
	for _, text := range parts {
		var list []Claim
		if err := json.Unmarshal([]byte(text), &list); err != nil {
			return nil, fmt.Errorf("read claims: %w", err)
		}
		out = append(out, list...)
	}
	return out, nil
}

func saveCharter(tx *db.Tx, c Charter, until, version int64) error {
	count := len(c.Claims)
	c.Claims = nil
	text, err := encode(c)
	if err != nil {
		return err
	}
	if err := outdate(tx); err != nil {
		return err
	}
	_, err = tx.Exec("INSERT INTO reconcile_charter (id, change_id, n, rev, until, version, claims, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"+
		" ON CONFLICT (id) DO UPDATE SET until = excluded.until, version = excluded.version, body = excluded.body",
		charterID(c.Change, c.Rev), c.Change, c.N, c.Rev, until, version, count, text)
	return err
}

// Match is one judged difference.
type Match struct {
	Difference  string            `json:"difference"`
	N           int64             `json:"n"`
	Asset       inventory.AssetID `json:"asset"`
	Record      string            `json:"record"`
	Path        string            `json:"path"`
	After       inventory.Value   `json:"after"`
	Latest      int64             `json:"latest"`
	Disposition Disposition       `json:"disposition"`
	Change      string            `json:"change,omitempty"`
	Claim       string            `json:"claim,omitempty"`
	Finding     string            `json:"finding,omitempty"`
	Production  bool              `json:"production"`
	Version     int64             `json:"version"`
	Hits        []Hit             `json:"hits"`
}

const matchColumns = "SELECT id, n, asset, record, path, after, latest, disposition, change_id, claim, finding, production, version, hits FROM reconcile_match"

func scanMatch(row db.Scanner) (m Match, err error) {
	var hits string
	if err := row.Scan(&m.Difference, &m.N, &m.Asset, &m.Record, &m.Path, &m.After, &m.Latest, &m.Disposition, &m.Change, &m.Claim, &m.Finding,
		&m.Production, &m.Version, &hits); err != nil {
		return m, err
	}
	return m, json.Unmarshal([]byte(hits), &m.Hits)
}

func saveMatch(tx *db.Tx, m Match) error {
	if m.Hits == nil {
		m.Hits = []Hit{}
	}
	hits, err := encode(m.Hits)
	if err != nil {
		return err
	}
	if m.Version > 1 { // a verdict that was written before is another now
		if err := outdate(tx); err != nil {
			return err
		}
	}
	_, err = tx.Exec("INSERT INTO reconcile_match (id, n, asset, record, path, after, latest, disposition, change_id, claim, finding, production, version, hits)"+
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"+
		" ON CONFLICT (id) DO UPDATE SET disposition = excluded.disposition, change_id = excluded.change_id, claim = excluded.claim,"+
		" finding = excluded.finding, version = excluded.version, hits = excluded.hits",
		m.Difference, m.N, string(m.Asset), m.Record, m.Path, string(m.After), m.Latest, string(m.Disposition), m.Change, m.Claim, m.Finding,
		m.Production, m.Version, hits)
	return err
}

const findingColumns = "SELECT id, n, version, fingerprint, state, severity, score, asset, owner, change_id, difference, opened, due, body FROM reconcile_finding"

func scanFinding(row db.Scanner) (f Finding, err error) {
	var body string
	if err := row.Scan(&f.ID, &f.N, &f.Version, &f.Fingerprint, &f.State, &f.Severity, &f.Score, &f.Asset, &f.Owner, &f.Change, &f.Difference,
		&f.Opened, &f.Due, &body); err != nil {
		return f, err
	}
	return f, json.Unmarshal([]byte(body), &f.FindingBody)
}

// saveFinding writes a finding and moves its version on; one that moved meanwhile is a conflict.
func saveFinding(tx *db.Tx, f *Finding) error {
	body, err := encode(f.FindingBody)
	if err != nil {
		return err
	}
	f.Version++
	if f.Version == 1 {
		_, err = tx.Exec("INSERT INTO reconcile_finding (id, n, version, fingerprint, state, severity, score, asset, owner, change_id, difference,"+
			" opened, due, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
			f.ID, f.N, f.Version, f.Fingerprint, f.State, string(f.Severity), f.Score, string(f.Asset), f.Owner, f.Change, f.Difference, f.Opened,
			f.Due, body)
		return err
	}
	return tx.ExecOne("UPDATE reconcile_finding SET version = $1, state = $2, owner = $3, change_id = $4, due = $5, body = $6, severity = $7, score = $8,"+
		" fingerprint = $9 WHERE id = $10 AND version = $11", f.Version, f.State, f.Owner, f.Change, f.Due, body, string(f.Severity), f.Score, f.Fingerprint, f.ID, f.Version-1)
}

// fullID reads an id of a finding or a mute with or without its zeros: FND-7.
func fullID(id string) string {
	id, _, _ = strings.Cut(id, "@") // what a finding that collects was seen to hold
	prefix, text, ok := strings.Cut(strings.ToUpper(id), "-")
	if n, err := strconv.ParseInt(text, 10, 64); ok && err == nil && n > 0 {
		return fmt.Sprintf("%s-%06d", prefix, n)
	}
	return id
}

func loadFinding(tx *db.Tx, id string) (Finding, error) {
	f, found, err := db.One(tx, scanFinding, findingColumns+" WHERE id = $1", fullID(id))
	if err == nil && !found {
		err = fault.New(fault.NotFound, "no_finding", "There is no such finding.").FixedBy("you").Then("plumb reconcile findings")
	}
	return f, err
}

const muteColumns = "SELECT id, n, version, state, expires, body FROM reconcile_mute"

func scanMute(row db.Scanner) (m Mute, err error) {
	var id, state, body string
	var n, version, expires int64
	if err := row.Scan(&id, &n, &version, &state, &expires, &body); err != nil {
		return m, err
	}
	err = json.Unmarshal([]byte(body), &m)
	m.ID, m.N, m.Version, m.State, m.Expires = id, n, version, state, expires
	return m, err
}

func saveMute(tx *db.Tx, m *Mute) error {
	m.Version++
	body, err := encode(m)
	if err == nil {
		err = outdate(tx)
	}
	if err != nil {
		return err
	}
	if m.Version == 1 {
		_, err = tx.Exec("INSERT INTO reconcile_mute (id, n, version, state, expires, body) VALUES ($1, $2, $3, $4, $5, $6)",
			m.ID, m.N, m.Version, m.State, m.Expires, body)
		return err
	}
	return tx.ExecOne("UPDATE reconcile_mute SET version = $1, state = $2, body = $3 WHERE id = $4 AND version = $5",
		m.Version, m.State, body, m.ID, m.Version-1)
}

func loadMute(tx *db.Tx, id string) (Mute, error) {
	m, found, err := db.One(tx, scanMute, muteColumns+" WHERE id = $1", fullID(id))
	if err == nil && !found {
		err = fault.New(fault.NotFound, "no_mute", "There is no such exception.").FixedBy("you").Then("plumb reconcile mutes")
	}
	return m, err
}

func cursor(tx *db.Tx, id string, none int64) (int64, error) {
	n, found, err := db.One(tx, scanInt, "SELECT n FROM reconcile_cursor WHERE id = $1", id)
	if !found {
		n = none
	}
	return n, err
}

// outdate says that an index that is kept no longer stands for what the database holds.
func outdate(tx *db.Tx) error {
	_, err := tx.Exec("INSERT INTO reconcile_cursor (id, n) VALUES ($1, 1) ON CONFLICT (id) DO UPDATE SET n = reconcile_cursor.n + 1", overIndex)
	return err
}

func moveCursor(tx *db.Tx, id string, n int64) error {
	_, err := tx.Exec("INSERT INTO reconcile_cursor (id, n) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET n = excluded.n", id, n)
	return err
}

type moved struct {
	seq    int64
	verb   string
	object string
}

// eventsAfter reads the ledger on from an event: it is the outbox of the changes.
func eventsAfter(tx *db.Tx, seq int64, limit int) ([]moved, error) {
	return db.Collect(tx, func(row db.Scanner) (m moved, err error) { return m, row.Scan(&m.seq, &m.verb, &m.object) },
		"SELECT seq, verb, object FROM ledger_event WHERE seq > $1 ORDER BY seq LIMIT $2", seq, limit)
}

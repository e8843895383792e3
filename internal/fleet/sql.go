package fleet

import (
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/wire"
)

const tokenColumns = "SELECT id, hash, note, person, created, expires, revoked, used, agent FROM fleet_token"

func scanToken(row db.Scanner) (t EnrolToken, err error) {
	return t, row.Scan(&t.ID, &t.hash, &t.Note, &t.Person, &t.Created, &t.Expires, &t.Revoked, &t.Used, &t.Agent)
}

func insertToken(tx *db.Tx, t EnrolToken) error {
	_, err := tx.Exec("INSERT INTO fleet_token (id, hash, note, person, created, expires, revoked, used, agent)"+
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)", t.ID, t.hash, t.Note, t.Person, t.Created, t.Expires, t.Revoked, t.Used, t.Agent)
	return err
}

func updateToken(tx *db.Tx, t EnrolToken) error {
	return tx.ExecOne("UPDATE fleet_token SET revoked = $1, used = $2, agent = $3 WHERE id = $4 AND used = 0", t.Revoked, t.Used, t.Agent, t.ID)
}

// loadToken finds a token by its id or by the hash of its secret.
func loadToken(tx *db.Tx, column, value string) (EnrolToken, bool, error) {
	if column == "id" {
		return db.One(tx, scanToken, tokenColumns+" WHERE id = $1", value)
	}
	return db.One(tx, scanToken, tokenColumns+" WHERE hash = $1", value)
}

func listTokens(tx *db.Tx) ([]EnrolToken, error) {
	return db.Collect(tx, scanToken, tokenColumns+" ORDER BY created DESC, id LIMIT 500")
}

const agentFields = "a.id, a.n, a.name, a.key, a.token, a.enrolled, a.revoked, a.person, a.why, a.conflict, a.detail"

func (a *Agent) into() []any {
	return []any{&a.ID, &a.N, &a.Name, &a.Key, &a.Token, &a.Enrolled, &a.Revoked, &a.Person, &a.Why, &a.Conflict, &a.Detail}
}

func scanAgent(row db.Scanner) (a Agent, err error) { return a, row.Scan(a.into()...) }

func insertAgent(tx *db.Tx, a Agent) error {
	_, err := tx.Exec("INSERT INTO fleet_agent (id, n, name, key, token, enrolled, revoked, person, why, conflict, detail)"+
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
		a.ID, a.N, a.Name, a.Key, a.Token, a.Enrolled, a.Revoked, a.Person, a.Why, a.Conflict, a.Detail)
	return err
}

func updateAgent(tx *db.Tx, a Agent) error {
	return tx.ExecOne("UPDATE fleet_agent SET revoked = $1, person = $2, why = $3, conflict = $4, detail = $5 WHERE id = $6",
		a.Revoked, a.Person, a.Why, a.Conflict, a.Detail, a.ID)
}

func loadAgent(tx *db.Tx, id string) (Agent, bool, error) {
	return db.One(tx, scanAgent, "SELECT "+agentFields+" FROM fleet_agent a WHERE a.id = $1", id)
}

func agentByKey(tx *db.Tx, key string) (Agent, bool, error) {
	return db.One(tx, scanAgent, "SELECT "+agentFields+" FROM fleet_agent a WHERE a.key = $1", key)
}

func scanInt(row db.Scanner) (n int64, err error) { return n, row.Scan(&n) }

func nextAgent(tx *db.Tx) (int64, error) {
	n, _, err := db.One(tx, scanInt, "SELECT COALESCE(MAX(n), 0) + 1 FROM fleet_agent")
	return n, err
}

const presenceFields = "p.boot, p.seen, p.skew, p.horizon, p.root, p.changed, p.taken, p.confirmed, p.lost"

func (p *Presence) into() []any {
	return []any{&p.Boot, &p.Seen, &p.Skew, &p.horizon, &p.Root, &p.Changed, &p.Taken, &p.Confirmed, &p.Lost}
}

func loadPresence(tx *db.Tx, agent string) (Presence, error) {
	p, _, err := db.One(tx, func(row db.Scanner) (p Presence, err error) { return p, row.Scan(p.into()...) },
		"SELECT "+presenceFields+" FROM fleet_presence p WHERE p.id = $1", agent)
	return p, err
}

func savePresence(tx *db.Tx, agent string, p Presence) error {
	_, err := tx.Exec("INSERT INTO fleet_presence (id, boot, seen, skew, horizon, root, changed, taken, confirmed, lost)"+
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"+
		" ON CONFLICT (id) DO UPDATE SET boot = excluded.boot, seen = excluded.seen, skew = excluded.skew, horizon = excluded.horizon,"+
		" root = excluded.root, changed = excluded.changed, taken = excluded.taken, confirmed = excluded.confirmed, lost = excluded.lost",
		agent, p.Boot, p.Seen, p.Skew, p.horizon, p.Root, p.Changed, p.Taken, p.Confirmed, p.Lost)
	return err
}

func listStandings(tx *db.Tx, after int64, limit int) ([]Standing, error) {
	scan := func(row db.Scanner) (s Standing, err error) {
		return s, row.Scan(append(s.Agent.into(), s.Presence.into()...)...)
	}
	return db.Collect(tx, scan, "SELECT "+agentFields+", "+presenceFields+" FROM fleet_agent a JOIN fleet_presence p ON p.id = a.id"+
		" WHERE a.n > $1 ORDER BY a.n LIMIT $2", after, limit)
}

// maxBoots is how many starts of one agent are remembered; beyond it the oldest are forgotten, and what they signed is known by
// the agent's own clock to be old.
const maxBoots = 256

func loadBoot(tx *db.Tx, agent, boot string) (heard, bool, error) {
	scan := func(row db.Scanner) (h heard, err error) {
		return h, row.Scan(&h.agent, &h.boot, &h.seq, &h.sent, &h.firstAt)
	}
	return db.One(tx, scan, "SELECT agent, boot, seq, sent, first FROM fleet_boot WHERE id = $1", bootID(agent, boot))
}

// heardOfKernel reports whether an agent was heard in the boot of the kernel that a boot names. At most maxBoots rows are read.
func heardOfKernel(tx *db.Tx, agent, boot string) (bool, error) {
	list, err := db.Collect(tx, func(row db.Scanner) (s string, err error) { return s, row.Scan(&s) }, "SELECT boot FROM fleet_boot WHERE agent = $1", agent)
	return slices.ContainsFunc(list, func(s string) bool { return kernelOf(s) == kernelOf(boot) }), err
}

func bootID(agent, boot string) string { return agent + "/" + boot }

func saveBoot(tx *db.Tx, h heard) error {
	_, err := tx.Exec("INSERT INTO fleet_boot (id, agent, boot, seq, sent, first) VALUES ($1, $2, $3, $4, $5, $6)"+
		" ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, sent = excluded.sent", bootID(h.agent, h.boot), h.agent, h.boot, h.seq, h.sent, h.firstAt)
	return err
}

// forget drops the boots of an agent that are too many, and gives the agent's time before which nothing is believed any more.
func forget(tx *db.Tx, agent string, horizon int64) (int64, error) {
	type old struct {
		id   string
		sent int64
	}
	list, err := db.Collect(tx, func(row db.Scanner) (o old, err error) { return o, row.Scan(&o.id, &o.sent) },
		"SELECT id, sent FROM fleet_boot WHERE agent = $1 ORDER BY first DESC, id LIMIT 1000 OFFSET $2", agent, maxBoots-1)
	if err != nil {
		return horizon, err
	}
	for _, o := range list {
		if _, err := tx.Exec("DELETE FROM fleet_boot WHERE id = $1", o.id); err != nil {
			return horizon, err
		}
		horizon = max(horizon, o.sent)
	}
	return horizon, nil
}

// held is what an agent last said.
type held struct {
	root        string
	facts, last wire.Facts
}

func loadFacts(tx *db.Tx, agent string) (held, error) {
	scan := func(row db.Scanner) (h held, err error) {
		var facts, last string
		if err := row.Scan(&h.root, &facts, &last); err != nil {
			return h, err
		}
		if err := json.Unmarshal([]byte(facts), &h.facts); err != nil {
			return h, fmt.Errorf("read facts: %w", err)
		}
		return h, json.Unmarshal([]byte(last), &h.last)
	}
	h, _, err := db.One(tx, scan, "SELECT root, facts, last FROM fleet_fact WHERE id = $1", agent)
	return h, err
}

func saveFacts(tx *db.Tx, agent string, h held) error {
	facts, err := seal.Canonical(h.facts)
	if err != nil {
		return fmt.Errorf("encode facts: %w", err)
	}
	if h.last == nil {
		h.last = wire.Facts{}
	}
	last, err := seal.Canonical(h.last)
	if err != nil {
		return fmt.Errorf("encode facts: %w", err)
	}
	_, err = tx.Exec("INSERT INTO fleet_fact (id, root, facts, last) VALUES ($1, $2, $3, $4)"+
		" ON CONFLICT (id) DO UPDATE SET root = excluded.root, facts = excluded.facts, last = excluded.last", agent, h.root, string(facts), string(last))
	return err
}

// listWords lists the agents that the inventory has not heard of yet, those that are believed.
func listWords(tx *db.Tx) ([]Word, error) {
	scan := func(row db.Scanner) (w Word, err error) {
		var taken string
		err = row.Scan(&w.Agent, &w.Root, &w.Seen, &w.since, &taken)
		w.fresh = taken != w.Root
		return w, err
	}
	return db.Collect(tx, scan, "SELECT p.id, p.root, p.seen, p.confirmed, p.taken FROM fleet_presence p JOIN fleet_agent a ON a.id = p.id"+
		" WHERE p.root <> '' AND (p.root <> p.taken OR p.seen > p.confirmed) AND a.revoked = 0 AND a.conflict = 0 ORDER BY p.id")
}

func listEnded(tx *db.Tx) ([]Word, error) {
	return db.Collect(tx, func(row db.Scanner) (w Word, err error) {
		w.Ended = true
		return w, row.Scan(&w.Agent, &w.Seen)
	}, "SELECT p.id, p.seen FROM fleet_presence p JOIN fleet_agent a ON a.id = p.id WHERE a.revoked <> 0 AND p.taken <> '' ORDER BY p.id")
}

func listShared(tx *db.Tx) ([]Agent, error) {
	return db.Collect(tx, scanAgent, "SELECT "+agentFields+" FROM fleet_agent a WHERE a.conflict <> 0 AND a.revoked = 0 ORDER BY a.n")
}

// markTaken notes that the inventory has a word; of an agent that was ended it has none.
func markTaken(tx *db.Tx, w Word) error {
	_, err := tx.Exec("UPDATE fleet_presence SET taken = $1, confirmed = $2 WHERE id = $3", w.Root, w.Seen, w.Agent)
	return err
}

package inventory

import (
	"fmt"
	"slices"
	"sync"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory/diagram"
)

// key is a slice as its rows name it.
func (s Slice) key() string {
	b, err := json.Marshal(s, json.Deterministic(true))
	if err != nil {
		return "" // texts that were checked: nothing can fail
	}
	return string(b)
}

const diagramColumns = "SELECT id, n, version, slice, state, digest, head, at, nodes, edges, covered, person, proposed, reason, decider, decided, note, stale" +
	" FROM inventory_diagram"

func scanDiagram(row db.Scanner) (d Diagram, err error) {
	var slice string
	if err := row.Scan(&d.ID, &d.N, &d.Version, &slice, &d.State, &d.Digest, &d.Head, &d.At, &d.Nodes, &d.Edges, &d.Covered, &d.Person, &d.Proposed,
		&d.Reason, &d.Decider, &d.Decided, &d.Note, &d.Stale); err != nil {
		return d, err
	}
	return d, json.Unmarshal([]byte(slice), &d.Slice)
}

func insertDiagram(tx *db.Tx, d Diagram, g diagram.Graph) error {
	if _, err := tx.Exec("INSERT INTO inventory_diagram (id, n, version, slice, state, digest, head, at, nodes, edges, covered, person, proposed, reason, decider, decided, note, stale)"+
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, '', 0, '', 0)", d.ID, d.N, d.Version, d.Slice.key(), string(d.State), d.Digest, d.Head, d.At,
		d.Nodes, d.Edges, d.Covered, d.Person, d.Proposed, d.Reason); err != nil {
		return err
	}
	body, err := json.Marshal(g, json.Deterministic(true))
	if err != nil {
		return fmt.Errorf("encode graph: %w", err)
	}
	_, err = tx.Exec("INSERT INTO inventory_diagram_graph (id, body) VALUES ($1, $2)", d.ID, string(body))
	return err
}

// saveDiagram writes what of a diagram moves: its state and its decision.
func saveDiagram(tx *db.Tx, d *Diagram) error {
	d.Version++
	return tx.ExecOne("UPDATE inventory_diagram SET version = $1, state = $2, decider = $3, decided = $4, note = $5, stale = $6 WHERE id = $7 AND version = $8",
		d.Version, string(d.State), d.Decider, d.Decided, d.Note, d.Stale, d.ID, d.Version-1)
}

func loadDiagram(tx *db.Tx, id string) (Diagram, error) {
	d, found, err := db.One(tx, scanDiagram, diagramColumns+" WHERE id = $1", numbered("DGM", id))
	if err == nil && !found {
		err = fault.New(fault.NotFound, "no_diagram", "There is no such diagram of record.").FixedBy("you").Then("plumb diagram list")
	}
	return d, err
}

// diagramOf gives the one diagram of a slice in a state, of which there is at most one.
func diagramOf(tx *db.Tx, s Slice, state DiagramState) (Diagram, bool, error) {
	return db.One(tx, scanDiagram, diagramColumns+" WHERE slice = $1 AND state = $2 ORDER BY n DESC LIMIT 1", s.key(), string(state))
}

func graphOf(tx *db.Tx, id string) (g diagram.Graph, err error) {
	body, _, err := db.One(tx, scanText, "SELECT body FROM inventory_diagram_graph WHERE id = $1", id)
	if err != nil {
		return g, err
	}
	if err := json.Unmarshal([]byte(body), &g); err != nil {
		return g, fmt.Errorf("read graph of %s: %w", id, err)
	}
	return g, nil
}

// firstMove gives when the first difference after number n was observed that can move the picture of one of the assets; 0 when
// none is kept.
func firstMove(tx *db.Tx, n int64, assets []string) (at int64, err error) {
	for part := range slices.Chunk(assets, db.AtOnce) {
		args := []any{n}
		text := "SELECT COALESCE(MIN(latest), 0) FROM inventory_difference WHERE n > $1 AND asset " + db.Among(&args, part) +
			" AND (op <> 'update' OR path IN ('name', 'class') OR path LIKE 'label.%' OR path LIKE 'edges.%')"
		first, _, err := db.One(tx, scanInt, text, args...)
		if err != nil {
			return 0, err
		}
		if first > 0 && (at == 0 || first < at) {
			at = first
		}
	}
	return at, nil
}

// worldState names the state of the inventory for what is kept of it in memory: it moves with every difference and every reading.
func worldState(tx *db.Tx) (string, error) {
	s, _, err := db.One(tx, func(row db.Scanner) (s string, err error) {
		var differences, runs int64
		err = row.Scan(&differences, &runs)
		return fmt.Sprintf("%d %d", differences, runs), err
	}, "SELECT (SELECT COALESCE(MAX(n), 0) FROM inventory_difference), (SELECT COALESCE(MAX(n), 0) FROM inventory_run)")
	return s, err
}

// moves remembers what was found to have moved under a diagram, in one state of the inventory.
type moves struct {
	mu    sync.Mutex
	state string            // guarded by mu
	known map[string]*Moved // guarded by mu; by diagram, nil where nothing moved
}

func (m *moves) know(id, state string) (*Moved, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	x, ok := m.known[id]
	return x, ok && m.state == state
}

func (m *moves) note(id, state string, x *Moved) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.state != state {
		m.state, m.known = state, map[string]*Moved{}
	}
	m.known[id] = x
}

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/go-json-experiment/json"
	_ "modernc.org/sqlite" // the twin's own database

	"plumbline.dev/plumb/internal/blob"
	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/seal"
)

// documents is a source of the bench's own: JSON documents of hosts, read as any source reads them. It asks whether it knows
// the bytes before it parses them.
type documents struct {
	list [][]byte
	kind inventory.Kind
	in   inventory.Input
}

// hostDocument is the form of one of them.
type hostDocument struct {
	ID    string            `json:"id"`
	Facts map[string]string `json:"facts"`
}

func (d *documents) Scopes() []string { return []string{"fleet"} }

func (d *documents) Collect(ctx context.Context, emit func(inventory.Record) error) error {
	for _, raw := range d.list {
		if d.in.Known(raw) {
			continue
		}
		var h hostDocument
		if err := json.Unmarshal(raw, &h); err != nil {
			return err
		}
		r := inventory.Record{Scope: "fleet", Type: "bench_host", Class: inventory.Host, Native: h.ID, Name: h.ID, Raw: inventory.RawDigest(d.kind, raw),
			Attrs: make(map[string]inventory.Value, len(h.Facts)), IDs: []inventory.Identifier{{Kind: "cloud-id", Value: "bench:" + h.ID}}}
		for k, v := range h.Facts {
			r.Attrs[k] = inventory.Text(v)
		}
		if err := emit(r); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// fleet makes n host documents with so many facts each; round changes what the first share of them say.
func fleet(n, facts, changed, round int) [][]byte {
	out := make([][]byte, n)
	for i := range out {
		h := hostDocument{ID: fmt.Sprintf("host-%06d", i), Facts: make(map[string]string, facts)}
		for f := range facts {
			h.Facts[fmt.Sprintf("package.name-%04d", f)] = fmt.Sprintf("1.%d.%d-%d+deb12u1", f%17, i%13, f)
		}
		if i < changed {
			for f := range 3 {
				h.Facts[fmt.Sprintf("package.name-%04d", f)] = fmt.Sprintf("2.%d.%d", round, f)
			}
		}
		out[i], _ = json.Marshal(h, json.Deterministic(true))
	}
	return out
}

// shop is an inventory with one source of documents.
type shop struct {
	*inventory.Desk
	db  *db.DB
	src *documents
	end func()
}

func openShop(ctx context.Context, dir string) (*shop, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	d, err := db.Open(ctx, db.Config{Dir: dir})
	if err != nil {
		return nil, err
	}
	key, err := seal.NewKey()
	if err != nil {
		return nil, err
	}
	if _, err := ledger.Open(ctx, d, key, "bench.example/inventory", nil); err != nil {
		return nil, err
	}
	blobs, err := blob.Open(filepath.Join(dir, "documents"))
	if err != nil {
		return nil, err
	}
	s := &shop{db: d, src: &documents{}, end: func() { _ = blobs.Close(); _ = d.Close() }}
	kind := inventory.Kind{Name: "bench", Title: "bench", Mapper: 1, Absence: true, Every: time.Hour}
	kind.Open = func(in inventory.Input) (inventory.Source, error) {
		s.src.in, s.src.kind = in, kind
		return s.src, nil
	}
	s.Desk = inventory.New(inventory.Deps{DB: d, People: allowed{}, Blobs: blobs, Kinds: []inventory.Kind{kind}})
	_, err = s.AddSource(ctx, fault.SystemActor("bench"), inventory.Configured{Name: "bench", Kind: "bench"})
	return s, err
}

type allowed struct{}

func (allowed) ConfirmIn(*db.Tx, fault.Actor) error { return nil }

func (s *shop) read(ctx context.Context, list [][]byte) (inventory.Run, time.Duration, error) {
	s.src.list = list
	began := time.Now()
	run, err := s.Read(ctx, fault.SystemActor("bench"), "bench", nil, "")
	return run, time.Since(began), err
}

// hashTwin keeps the digest of each document in a table, loads them, hashes the documents again and compares.
func hashTwin(pool *sql.DB, list [][]byte) (time.Duration, error) {
	began := time.Now()
	rows, err := pool.Query("SELECT id, digest FROM seen")
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	known := make(map[string]string, len(list))
	for rows.Next() {
		var id, digest string
		if err := rows.Scan(&id, &digest); err != nil {
			return 0, err
		}
		known[digest] = id
	}
	for _, raw := range list {
		sum := sha256.Sum256(raw)
		if _, ok := known[fmt.Sprintf("%x", sum)]; !ok {
			return 0, fmt.Errorf("the twin does not know a document")
		}
	}
	return time.Since(began), rows.Err()
}

func twinPool(dir string) (*sql.DB, error) {
	pool, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "twin.db")+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(1)
	_, err = pool.Exec("CREATE TABLE seen (id TEXT PRIMARY KEY, digest TEXT NOT NULL, body BLOB)")
	return pool, err
}

// insertTwin writes every document into a table of its own, in one transaction. Its time ends when they are durable, as the product's does.
func insertTwin(pool *sql.DB, list [][]byte, withBody bool) (time.Duration, error) {
	if _, err := pool.Exec("DELETE FROM seen"); err != nil {
		return 0, err
	}
	began := time.Now()
	tx, err := pool.Begin()
	if err != nil {
		return 0, err
	}
	defer func() { _ = tx.Rollback() }()
	st, err := tx.Prepare("INSERT INTO seen (id, digest, body) VALUES (?, ?, ?)")
	if err != nil {
		return 0, err
	}
	for i, raw := range list {
		body := raw
		if !withBody {
			body = nil
		}
		if _, err := st.Exec(fmt.Sprintf("host-%06d", i), fmt.Sprintf("%x", sha256.Sum256(raw)), body); err != nil {
			return 0, err
		}
	}
	err = tx.Commit()
	return time.Since(began), err
}

// benchRescan: a hundred thousand assets read again, none of them changed.
func benchRescan(ctx context.Context, e *env) ([]goal, error) {
	n := 100_000
	if e.quick {
		n = 10_000
	}
	dir := filepath.Join(e.dir, "rescan")
	s, err := openShop(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer s.end()
	list := fleet(n, 20, 0, 0)
	if _, _, err := s.read(ctx, list); err != nil {
		return nil, err
	}
	pool, err := twinPool(dir)
	if err != nil {
		return nil, err
	}
	defer pool.Close()
	if _, err := insertTwin(pool, list, false); err != nil {
		return nil, err
	}
	var ratios []float64
	rates := map[string]float64{}
	for range e.rounds {
		twin, err := hashTwin(pool, list)
		if err != nil {
			return nil, err
		}
		run, ours, err := s.read(ctx, list)
		if err != nil {
			return nil, err
		}
		if run.Differences+run.Changed+run.Added+run.Absent != 0 || run.Records != int64(n) {
			return nil, fmt.Errorf("a rescan of the same found %+v", run)
		}
		ratios = append(ratios, ours.Seconds()/twin.Seconds())
		rates["ours ms"], rates["twin ms"] = float64(ours.Milliseconds()), float64(twin.Milliseconds())
	}
	g := goal{ID: "P9r", What: fmt.Sprintf("%d assets read again unchanged, of hashing and comparing", n), Unit: "×", Bound: 3, Rates: rates}
	return []goal{g.over(ratios)}, nil
}

// benchReports: ten thousand reports of three hundred properties, all as before, and with 15 % of them changed.
func benchReports(ctx context.Context, e *env) ([]goal, error) {
	n := 10_000
	if e.quick {
		n = 2_000
	}
	dir := filepath.Join(e.dir, "reports")
	s, err := openShop(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer s.end()
	list := fleet(n, 300, 0, 0)
	if _, _, err := s.read(ctx, list); err != nil {
		return nil, err
	}
	pool, err := twinPool(dir)
	if err != nil {
		return nil, err
	}
	defer pool.Close()
	var same, some []float64
	rates := map[string]float64{}
	for round := range e.rounds {
		twin, err := insertTwin(pool, list, true)
		if err != nil {
			return nil, err
		}
		changed := fleet(n, 300, n*15/100, round+1)
		run, moved, err := s.read(ctx, changed)
		if err != nil {
			return nil, err
		}
		if want := int64(n * 15 / 100); run.Changed != want || run.Differences != 3*want {
			return nil, fmt.Errorf("15 %% changed, and found was %+v", run)
		}
		again := make([][]byte, n)
		for i := range changed {
			again[i] = bytes.Clone(changed[i])
		}
		_, still, err := s.read(ctx, again)
		if err != nil {
			return nil, err
		}
		same, some = append(same, still.Seconds()/twin.Seconds()), append(some, moved.Seconds()/twin.Seconds())
		rates["same ms"], rates["changed ms"], rates["twin ms"] = float64(still.Milliseconds()), float64(moved.Milliseconds()), float64(twin.Milliseconds())
	}
	a := goal{ID: "P9", What: fmt.Sprintf("%d reports of 300 properties as before, of inserting them", n), Unit: "×", Bound: 0.5, Rates: rates}
	b := goal{ID: "P9c", What: "the same with 15 % of the hosts changed", Unit: "×", Bound: 2, Rates: rates}
	return []goal{a.over(same), b.over(some)}, nil
}

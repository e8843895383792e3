// Package db opens the database, migrates it and runs use-cases in transactions, on SQLite and
// PostgreSQL with one SQL text. It knows no table's meaning: rooms keep their SQL beside their rules.
//
// What holds here:
//   - Every write goes through one writer per process (and, on PostgreSQL, one advisory lock for all
//     replicas), so use-cases run one after another and never see each other half-done.
//   - Several use-cases share one commit (group commit); each sits in a savepoint of its own, and is
//     answered only after the commit is durable.
//   - A use-case that wrote a covered row without a ledger event after it is refused.
//   - The SQL is the common subset of both engines: $1, BIGINT microseconds, TEXT, BOOLEAN, upserts,
//     RETURNING. What differs stands in dialect.go.
package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"plumbline.dev/plumb/internal/fault"
)

// Config says which database to open.
type Config struct {
	Dir   string           // data folder of the embedded SQLite; used when URL is empty
	URL   string           // postgres://… for PostgreSQL 15 or newer
	Clock func() time.Time // nil means the machine's clock
	Log   *slog.Logger     // nil means silent
	// Fatal is called when the disk reports that a sync was lost: what was written is unknown, so
	// the process must end and not retry. nil exits with status 1.
	Fatal func(error)
	// Schema is a PostgreSQL schema to work in; empty means the connection's default.
	Schema string
}

// DB is an open database. It is safe for concurrent use.
type DB struct {
	dialect dialect
	pool    *sql.DB            // writer's connection comes from here
	read    *sql.DB            // readers' connections; the same as pool on PostgreSQL
	sqlite  map[*sql.DB]string // how SQLite's connections are opened beside a pool; empty on PostgreSQL
	readers *readers
	log     *slog.Logger
	clock   *guardedClock
	fatal   func(error)
	unlock  func()

	commits atomic.Int64 // durable commits that wrote covered rows or events

	editions editions     // of the writer's goroutine
	tail     Memory[Tail] // of the writer's goroutine

	jobs  chan *job     // nil when opened for reading only
	quit  chan struct{} // closed when Close begins
	done  chan struct{} // closed when the writer has ended
	close sync.Once

	denied    func(*Tx, *fault.Error) error // set once by OnDenied before the first Update
	committed []func()                      // set once by OnCommit before the first Update
}

// maxReaders bounds the connections that read at once.
const maxReaders = 8

// Open opens the database, makes it if the folder is empty, migrates it, asserts that its settings
// are durable, and starts the writer. A second server on the same SQLite folder is refused.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	d, err := connect(cfg)
	if err != nil {
		return nil, err
	}
	if err = d.dialect.assert(ctx, d.pool); err != nil {
		return nil, errors.Join(err, d.closePools())
	}
	if err = d.migrate(ctx, cfg.Schema); err != nil {
		return nil, errors.Join(err, d.closePools())
	}
	d.lend()
	d.jobs = make(chan *job, maxQueue)
	d.done = make(chan struct{})
	go d.writeLoop()
	return d, nil
}

// maxQueue is how many use-cases may wait for the writer; the next ones wait to be queued.
const maxQueue = 4096

// fresh makes a DB without connections. Its done is closed, because no writer runs yet.
func fresh(cfg Config) *DB {
	d := &DB{log: cfg.Log, clock: newClock(cfg.Clock), fatal: cfg.Fatal, unlock: func() {},
		quit: make(chan struct{}), done: make(chan struct{}), readers: newReaders(maxReaders), sqlite: map[*sql.DB]string{}}
	close(d.done)
	d.editions.unknown()
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	if d.fatal == nil {
		d.fatal = func(err error) {
			d.log.Error("the disk lost a sync; ending at once", "err", err)
			os.Exit(1)
		}
	}
	return d
}

func connect(cfg Config) (*DB, error) {
	d := fresh(cfg)
	if cfg.URL == "" {
		return d, d.connectSQLite(cfg.Dir)
	}
	return d, d.connectPostgres(cfg)
}

func (d *DB) connectPostgres(cfg Config) (err error) {
	d.dialect = postgres()
	d.pool, err = openPostgres(cfg.URL, cfg.Schema)
	d.read = d.pool
	return err
}

func (d *DB) connectSQLite(dir string) error {
	if dir == "" {
		return fault.New(fault.Invalid, "no_data_folder", "No data folder and no database URL were given.").
			Then("plumb serve --data DIR")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make data folder: %w", err)
	}
	if err := localFolder(dir); err != nil {
		return err
	}
	unlock, err := lockFolder(dir)
	if err != nil {
		return err
	}
	d.unlock = unlock
	path := filepath.Join(dir, databaseFile)
	if err := ownerOnly(path); err != nil {
		d.unlock()
		return err
	}
	d.dialect = sqlite()
	if d.pool, err = d.openSQLite(sqliteDSN(path, false)); err != nil {
		return err
	}
	d.read, err = d.openSQLite(sqliteDSN(path, true))
	return err
}

func (d *DB) openSQLite(dsn string) (*sql.DB, error) {
	pool, err := sql.Open("sqlite", dsn)
	if err == nil {
		d.sqlite[pool] = dsn
	}
	return pool, err
}

const databaseFile = "plumb.db"

// ownerOnly makes the database file before SQLite does, so that neither it nor its log is readable by
// others; SQLite gives its side files the same mode.
func ownerOnly(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("make database file: %w", err)
	}
	return f.Close()
}

// OpenReader opens an existing database for reading only, beside a running server: for offline
// verification. Update on it fails.
func OpenReader(ctx context.Context, cfg Config) (*DB, error) {
	d := fresh(cfg)
	var err error
	if cfg.URL != "" {
		err = d.connectPostgres(cfg)
	} else {
		err = d.connectReader(cfg.Dir)
	}
	if err == nil {
		err = d.checkVersion(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, d.closePools())
	}
	d.lend()
	return d, nil
}

// lend has PostgreSQL's pool only lend connections from now on: sessions keep theirs, and an idle one could
// only be stale after a restart. While a database is opened the next question takes the connection of the
// last; a new one for each was most of what a start took.
func (d *DB) lend() {
	if d.pool != nil && d.pool == d.read {
		d.pool.SetMaxIdleConns(-1)
	}
}

func (d *DB) connectReader(dir string) error {
	path := filepath.Join(dir, databaseFile)
	if _, err := os.Stat(path); err != nil {
		return fault.New(fault.NotFound, "no_database", "There is no Plumbline database in that folder.").
			From(err).Then("plumb ledger verify --data DIR")
	}
	d.dialect = sqlite()
	_, err := os.Stat(path + "-wal")
	d.read, err = d.openSQLite(readerDSN(path, !errors.Is(err, fs.ErrNotExist), writable(dir)))
	return err
}

// readerDSN opens a database for reading beside its server, or a copy of it. SQLite needs its side files;
// on read-only media, after a clean stop, they are not there and cannot be made. A running server always
// has a log, so then nobody writes, and the file can be taken as it is.
func readerDSN(path string, log, writable bool) string {
	dsn := sqliteDSN(path, true)
	if !log && !writable {
		dsn += "&immutable=1"
	}
	return dsn
}

// Engine names the engine: "sqlite" or "postgres".
func (d *DB) Engine() string { return d.dialect.name }

// Now is the decision clock outside a transaction, for deadlines of loops. Rules take the
// transaction's instant.
func (d *DB) Now() time.Time { return d.clock.seen() }

// Floor tells the clock an instant that is known to have passed (the newest ledger event), so that a
// clock set back across a restart is noticed.
func (d *DB) Floor(t time.Time) { d.clock.floor(t) }

// OnDenied sets what records a rule's denial of a known principal. It runs in a transaction of its
// own after the refused one was rolled back. Set it before the first Update.
func (d *DB) OnDenied(record func(*Tx, *fault.Error) error) { d.denied = record }

// OnCommit adds a function that is called after each durable commit, on the writer's goroutine; it
// must not block. Set it before the first Update.
func (d *DB) OnCommit(f func()) { d.committed = append(d.committed, f) }

// maxWaitClose bounds how long Close waits for views that still run.
const maxWaitClose = 5 * time.Second

// Commits counts the commits of this process that changed a business fact. While it stands still,
// and this process is the only writer (SQLite), nothing that was read before has changed.
func (d *DB) Commits() int64 { return d.commits.Load() }

// Close stops the writer after the queued use-cases, waits for running views and closes all
// connections. A second Close does nothing.
func (d *DB) Close() (err error) {
	d.close.Do(func() {
		close(d.quit)
		<-d.done
		err = d.closePools()
	})
	return err
}

func (d *DB) closePools() error {
	var errs []error
	late := time.After(maxWaitClose)
	for range maxReaders {
		select {
		case <-d.readers.places:
			if s := d.readers.take(); s != nil {
				errs = append(errs, s.close())
			}
		case <-late:
			errs = append(errs, errors.New("db: a view was still running when the database was closed"))
		}
	}
	// The reader's connections first: the last one to go writes SQLite's log back, and a reader cannot.
	if d.read != nil && d.read != d.pool {
		errs = append(errs, d.read.Close())
	}
	if d.pool != nil {
		if d.read != d.pool {
			d.fold()
		}
		errs = append(errs, d.pool.Close())
	}
	d.unlock()
	return errors.Join(errs...)
}

// fold writes SQLite's log into the database file and empties it, so that after a clean stop that one
// file is everything. Where somebody still reads it does not wait long: what is in the log is durable.
func (d *DB) fold() {
	ctx, cancel := context.WithTimeout(context.Background(), maxWaitClose)
	defer cancel()
	c, err := d.pool.Conn(ctx)
	if err != nil {
		return // it was never opened; Close says why
	}
	defer c.Close()
	var busy, pages, moved int64
	if _, err = c.ExecContext(ctx, "PRAGMA busy_timeout(1000)"); err == nil {
		err = c.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &moved)
	}
	if err != nil || busy != 0 {
		d.log.Warn("the log was not written back into the database; it stays beside it, copy both", "pages", pages, "err", err)
	}
}

// Ping answers whether the database can be read now, for readiness.
func (d *DB) Ping(ctx context.Context) error {
	return d.View(ctx, func(tx *Tx) error {
		var one int64
		return tx.QueryRow("SELECT 1").Scan(&one)
	})
}

package db_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/db/dbtest"
	"plumbline.dev/plumb/internal/fault"
)

// childEnv makes the test binary play a part of a test in a process of its own.
const childEnv = "PLUMB_DB_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		fillUp(dir)
		return
	}
	os.Exit(m.Run())
}

func TestAFullDiskRefusesStaysReadableAndRecovers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	unlimit, ok := smallDisk(t, dir)
	if !ok {
		fullByFileLimit(t, dir)
		return
	}
	d := dbtest.OpenConfig(t, db.Config{Dir: dir})
	must(t, dbtest.Raw(t, db.Config{Dir: dir}), thing)
	acked, refusals := fill(d, 10)
	if len(refusals) == 0 || len(acked) == 0 {
		t.Fatalf("%d acknowledged, %d refused; want both", len(acked), len(refusals))
	}
	for _, err := range refusals {
		if !fault.Is(err, "disk_full") {
			t.Fatalf("refused with %v (%v), want disk_full", err, errors.Unwrap(err))
		}
	}
	wantIDs(t, d, acked...) // readable while full, nothing half-written
	unlimit()
	if err := update(d, func(tx *db.Tx) error { return insert(tx, "zz recovered") }); err != nil {
		t.Fatalf("after space was made: %v", err)
	}
	wantIDs(t, d, append(acked, "zz recovered")...)
}

// smallDisk puts a disk of 3 MB under dir, if this process may; unlimit makes it larger.
func smallDisk(t *testing.T, dir string) (unlimit func(), ok bool) {
	t.Helper()
	if err := exec.Command("mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", dir).Run(); err != nil {
		return nil, false
	}
	t.Cleanup(func() {
		if err := exec.Command("umount", "-l", dir).Run(); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return func() {
		if err := exec.Command("mount", "-o", "remount,size=64m", dir).Run(); err != nil {
			t.Errorf("enlarge the disk: %v", err)
		}
	}, true
}

// fill writes rows of 8 kB until stop of them were refused. The ids come in sorted order.
func fill(d *db.DB, stop int) (acked []string, refusals []error) {
	for i := 0; len(refusals) < stop; i++ {
		id := fmt.Sprintf("%06d", i)
		err := update(d, func(tx *db.Tx) error {
			_, err := tx.Exec("INSERT INTO test_thing (id, name) VALUES ($1, $2)", id, strings.Repeat("x", 8192))
			tx.Claim()
			return err
		})
		if err == nil {
			acked = append(acked, id)
		} else {
			refusals = append(refusals, err)
		}
	}
	return acked, refusals
}

// fullByFileLimit is the same for a process that may not mount: the largest file is limited in a
// process of its own, which tells what was acknowledged.
func fullByFileLimit(t *testing.T, dir string) {
	t.Helper()
	cfg := db.Config{Dir: dir}
	d := dbtest.OpenConfig(t, cfg)
	must(t, dbtest.Raw(t, cfg), thing)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+dir)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("child: %v\n%s", err, out)
	}
	acked := strings.Fields(string(out))
	if len(acked) == 0 {
		t.Fatal("nothing was acknowledged before the limit")
	}
	d = dbtest.OpenConfig(t, cfg)
	wantIDs(t, d, acked...)
	if err := update(d, func(tx *db.Tx) error { return insert(tx, "zz recovered") }); err != nil {
		t.Fatalf("without the limit: %v", err)
	}
}

// fillUp is the child of fullByFileLimit.
func fillUp(dir string) {
	limit := syscall.Rlimit{Cur: 3 << 20, Max: 3 << 20}
	d, err := db.Open(context.Background(), db.Config{Dir: dir})
	if err == nil {
		err = syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	w := bufio.NewWriter(os.Stdout)
	acked, refusals := fill(d, 10)
	for _, id := range acked {
		fmt.Fprintln(w, id)
	}
	w.Flush()
	for _, err := range refusals {
		if fault.Of(err).Kind != fault.Unavailable {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	if err := d.View(context.Background(), func(tx *db.Tx) error {
		return tx.QueryRow("SELECT COUNT(*) FROM test_thing").Scan(new(int64))
	}); err != nil {
		fmt.Fprintln(os.Stderr, "read while full:", err)
		os.Exit(1)
	}
}

func TestInstallsInOneDatabaseDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	a, _ := open(t, dbtest.Config(t))
	b, _ := open(t, dbtest.Config(t))
	err := update(a, func(*db.Tx) error {
		return update(b, func(tx *db.Tx) error { return insert(tx, "while a writes") })
	})
	if err != nil {
		t.Fatal(err)
	}
	wantIDs(t, b, "while a writes")
}

// replicas opens one PostgreSQL install twice; on SQLite there can be no second server.
func replicas(t *testing.T) (a, b *db.DB, raw *sql.DB, ok bool) {
	t.Helper()
	cfg := dbtest.Config(t)
	if cfg.URL == "" {
		return nil, nil, nil, false
	}
	a, raw = open(t, cfg)
	return a, dbtest.OpenConfig(t, cfg), raw, true
}

func TestReplicasWriteOneAfterTheOther(t *testing.T) {
	t.Parallel()
	a, b, raw, ok := replicas(t)
	if !ok {
		return
	}
	must(t, raw, "INSERT INTO test_thing (id, name, n) VALUES ('counter', '', 0)")
	var wg sync.WaitGroup
	for i := range 20 {
		d := []*db.DB{a, b}[i%2]
		wg.Go(func() {
			err := update(d, func(tx *db.Tx) error {
				var n int64
				if err := tx.QueryRow("SELECT n FROM test_thing WHERE id = 'counter'").Scan(&n); err != nil {
					return err
				}
				err := tx.ExecOne("UPDATE test_thing SET n = $1 WHERE id = 'counter' AND n = $2", n+1, n)
				tx.Claim()
				return err
			})
			if err != nil {
				t.Errorf("count: %v", err)
			}
		})
	}
	wg.Wait()
	var n int64
	if err := raw.QueryRow("SELECT n FROM test_thing WHERE id = 'counter'").Scan(&n); err != nil || n != 20 {
		t.Errorf("counted %d, %v; want 20", n, err)
	}
}

func TestAPlanThatAMigrationMadeStaleHealsWithTheNextCall(t *testing.T) {
	t.Parallel()
	a, _, raw, ok := replicas(t)
	if !ok {
		return
	}
	write := func(id string) error { return update(a, func(tx *db.Tx) error { return insert(tx, id) }) }
	if err := write("before"); err != nil {
		t.Fatal(err)
	}
	must(t, raw, "ALTER TABLE test_thing ADD COLUMN later TEXT") // as a newer replica would
	if err := write("stale"); err != nil && !fault.Is(err, "database_unavailable") {
		t.Errorf("stale plan: %v, want database_unavailable", err)
	}
	if err := write("after"); err != nil {
		t.Errorf("next call: %v", err)
	}
}

func TestAKilledConnectionIsUnavailableThenRecovers(t *testing.T) {
	t.Parallel()
	d, _, raw, ok := replicas(t)
	if !ok {
		return
	}
	kill := func(tx *db.Tx) error {
		var pid int64
		if err := tx.QueryRow("SELECT pg_backend_pid()").Scan(&pid); err != nil {
			return err
		}
		_, err := raw.Exec("SELECT pg_terminate_backend($1, 5000)", pid)
		return err
	}
	err := update(d, func(tx *db.Tx) error { return errors.Join(insert(tx, "lost"), kill(tx)) })
	if !fault.Is(err, "database_unavailable") {
		t.Errorf("killed before its commit: %v, want database_unavailable", err)
	}
	if err := update(d, func(tx *db.Tx) error { return insert(tx, "next") }); err != nil {
		t.Errorf("the next call: %v", err)
	}
	err = d.View(t.Context(), func(tx *db.Tx) error {
		return errors.Join(kill(tx), tx.QueryRow("SELECT 1").Scan(new(int64)))
	})
	if !fault.Is(err, "database_unavailable") {
		t.Errorf("killed view: %v, want database_unavailable", err)
	}
	wantIDs(t, d, "next")
}

// The servers of this test are stopped the hard way in the middle of commits.
func TestARestartOfPostgreSQLLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	server, ok := dbtest.StartServer(t)
	if !ok {
		return
	}
	d, _ := open(t, server.Config())
	var mu sync.Mutex
	var acked []string
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for i := range 8 {
		wg.Go(func() {
			for j := 0; ; j++ {
				select {
				case <-stop:
					return
				default:
				}
				id := fmt.Sprintf("%d.%06d", i, j)
				err := update(d, func(tx *db.Tx) error { return insert(tx, id) })
				switch {
				case err == nil:
					mu.Lock()
					acked = append(acked, id)
					mu.Unlock()
				case !fault.Is(err, "database_unavailable"):
					t.Errorf("%s: %v, want database_unavailable", id, err)
				}
			}
		})
	}
	for range 3 {
		server.Stop(t)
		server.Start(t)
		if err := update(d, func(*db.Tx) error { return nil }); err != nil {
			t.Errorf("the first call after the restart: %v", err)
		}
	}
	close(stop)
	wg.Wait()
	there := map[string]bool{}
	for _, id := range ids(t, d) {
		there[id] = true
	}
	for _, id := range acked {
		if !there[id] {
			t.Errorf("%s was acknowledged and is gone", id)
		}
	}
	if len(acked) == 0 {
		t.Error("nothing was acknowledged between the restarts")
	}
}

package prove_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/prove"
)

// busy appends n events as a running server makes them, with rows and words.
func (c *company) busy(b testing.TB, n int) {
	b.Helper()
	const atOnce = 5_000
	for done := 0; done < n; done += atOnce {
		must(b, c.db.Update(context.Background(), fault.SystemActor("bench"), func(tx *db.Tx) error {
			for i := range min(atOnce, n-done) {
				if _, err := tx.Exec("INSERT INTO change_window (id, kind, scope, starts, ends, hard, reason, person, at, lifted, lifter)"+
					" VALUES ($1, 'freeze', '{}', 0, 1, FALSE, 'bench', 'per_bench', 0, 0, '')", fmt.Sprintf("win_%026d", done+i)); err != nil {
					return err
				}
				if _, err := ledger.Append(tx, ledger.Event{Verb: "freeze.set", Type: "freeze", Object: fmt.Sprintf("win_%026d", done+i),
					Detail: map[string]any{"reason": "bench", "starts": 0, "ends": 1, "hard": false}}); err != nil {
					return err
				}
			}
			return nil
		}))
	}
}

// hashOnly is the twin: it reads the same file once, and hashes what must be hashed, the file and the
// tree over its events. It understands nothing.
func hashOnly(t testing.TB, name string) tlog.Hash {
	f, err := os.Open(name)
	must(t, err)
	defer f.Close()
	file := sha256.New()
	r := bufio.NewReaderSize(io.TeeReader(f, file), 1<<20)
	var stack []tlog.Hash
	n := int64(0)
	for {
		line, err := r.ReadSlice('\n')
		if bytes.HasPrefix(line, []byte(`{"actor"`)) {
			h := tlog.RecordHash(line[:len(line)-1])
			for k := n; k&1 == 1; k >>= 1 {
				h, stack = tlog.NodeHash(stack[len(stack)-1], h), stack[:len(stack)-1]
			}
			stack = append(stack, h)
			n++
		}
		if err == io.EOF {
			break
		}
		if err != nil && err != bufio.ErrBufferFull {
			t.Fatal(err)
		}
	}
	file.Sum(nil)
	return stack[len(stack)-1]
}

// BenchmarkVerify measures verification of a large export against its twin in the same run: goal P8,
// three times the hash-only pass over the same bytes. PLUMB_BENCH_EVENTS sets how large.
func BenchmarkVerify(b *testing.B) {
	events := 100_000
	if s := os.Getenv("PLUMB_BENCH_EVENTS"); s != "" {
		n, err := strconv.Atoi(s)
		must(b, err)
		events = n
	}
	c := found(b, "install_bench")
	c.done(b)
	c.busy(b, events)
	name := filepath.Join(b.TempDir(), "pack")
	f, err := os.Create(name)
	must(b, err)
	w := bufio.NewWriterSize(f, 1<<20)
	must(b, prove.Write(context.Background(), w, c.source(), prove.Selection{From: c.clock.Now().Add(-time.Hour), To: c.clock.Now().Add(time.Hour)}))
	must(b, w.Flush())
	size, err := f.Seek(0, io.SeekEnd)
	must(b, err)
	b.SetBytes(size)
	var own, twin time.Duration
	var peak uint64
	for b.Loop() {
		begin := time.Now()
		r, err := prove.Verify(context.Background(), f, size, c.pinned())
		own += time.Since(begin)
		if err != nil || !r.Whole() || r.Counts.Events < int64(events) {
			b.Fatalf("%v %+v", err, r)
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		peak = max(peak, m.HeapInuse)
		begin = time.Now()
		hashOnly(b, name)
		twin += time.Since(begin)
	}
	b.ReportMetric(own.Seconds()/twin.Seconds(), "x-hash-only")
	b.ReportMetric(float64(peak)/(1<<20), "MiB-heap")
}

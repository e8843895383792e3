package prove_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/prove"
)

// claiming is a file that says a member is larger than the file is.
func claiming(t testing.TB, b []byte, octal string) []byte {
	t.Helper()
	b = bytes.Clone(b)
	copy(b[124:135], octal)
	copy(b[148:156], "        ")
	sum := 0
	for _, c := range b[:512] {
		sum += int(c)
	}
	copy(b[148:], strings.ToUpper(octalOf(sum))+"\x00 ")
	return b
}

func octalOf(n int) string {
	s := ""
	for ; n > 0; n /= 8 {
		s = string(rune('0'+n%8)) + s
	}
	return strings.Repeat("0", 6-len(s)) + s
}

func TestBombsAreRefusedWithoutMemory(t *testing.T) {
	t.Parallel()
	y := history(t)
	good := y.export(t, prove.Selection{Change: y.toggle.ID})
	list := unpack(t, good)
	deep := append([]member(nil), list...)
	deep[at(t, deep, "changes/")].body = []byte(strings.Repeat(`{"change":`, 1_000_000) + "\n")
	wide := append([]member(nil), list...)
	wide[at(t, wide, "changes/")].body = []byte(strings.Repeat(`{"change":{"id":"CHG-000001"}}`+"\n", 100_000))
	for name, b := range map[string][]byte{
		"claims 8 GiB":           claiming(t, good, "77777777777"),
		"claims a little":        claiming(t, good, "00000000300"),
		"nests deep":             signed(t, y.key, deep),
		"the same over and over": signed(t, y.key, wide),
		"only zeros":             make([]byte, 1<<20),
		"only headers":           bytes.Repeat(good[:512], 2_000),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r := verify(t, b, y.pinned())
		runtime.ReadMemStats(&after)
		if r.Whole() {
			t.Errorf("%s: not found", name)
		}
		if grown := int64(after.HeapSys) - int64(before.HeapSys); grown > 256<<20 {
			t.Errorf("%s: %d MiB more memory", name, grown>>20)
		}
	}
}

// broken is a disk that fails.
type broken struct{ after int64 }

var errDisk = errors.New("the disk failed")

func (b broken) ReadAt(p []byte, at int64) (int, error) {
	if at >= b.after {
		return 0, errDisk
	}
	return len(p), nil
}

func TestAFileThatCannotBeReadIsNotCalledFalse(t *testing.T) {
	t.Parallel()
	if _, err := prove.Verify(t.Context(), broken{}, 1<<20, prove.Options{}); !errors.Is(err, errDisk) {
		t.Errorf("got %v, want the disk's error", err)
	}
	y := history(t)
	b := y.export(t, prove.Selection{Change: y.toggle.ID})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := prove.Verify(ctx, bytes.NewReader(b), int64(len(b)), y.pinned()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want canceled", err)
	}
	if err := prove.Write(ctx, io.Discard, y.source(), y.all()); err == nil {
		t.Error("a cancelled export was written")
	}
}

// full is a writer that takes so many bytes.
type full struct{ left int }

func (f *full) Write(p []byte) (int, error) {
	if len(p) > f.left {
		return 0, errDisk
	}
	f.left -= len(p)
	return len(p), nil
}

func TestAnExportThatCannotBeWrittenSaysSo(t *testing.T) {
	t.Parallel()
	y := history(t)
	size := len(y.export(t, y.all()))
	for left := 0; left < size; left += 1 + size/40 {
		if err := prove.Write(t.Context(), &full{left}, y.source(), y.all()); !errors.Is(err, errDisk) {
			t.Errorf("with room for %d of %d bytes: %v", left, size, err)
		}
	}
}

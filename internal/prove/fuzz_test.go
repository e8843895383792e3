package prove_test

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"plumbline.dev/plumb/internal/prove"
	"plumbline.dev/plumb/internal/seal"
)

var update = flag.Bool("update", false, "write the packs in testdata anew")

// TestSeedPacks keeps two packs for the fuzzer that were written by this program at some time. With
// -update they are those of today.
func TestSeedPacks(t *testing.T) {
	t.Parallel()
	if *update {
		y := history(t)
		for name, sel := range map[string]prove.Selection{"change": {Change: y.toggle.ID, Withhold: []string{prove.Files}},
			"period": {From: y.start, To: y.first, Short: true, Withhold: []string{prove.Details, prove.Names}}} {
			must(t, os.WriteFile(filepath.Join("testdata", "packs", name+".tar"), y.export(t, sel), 0o644))
		}
	}
	for _, name := range []string{"change", "period"} {
		b, err := os.ReadFile(filepath.Join("testdata", "packs", name+".tar"))
		must(t, err)
		if r := verify(t, b, prove.Options{}); len(r.Faults) > 0 && r.Faults[0].What == "container" {
			t.Errorf("%s: %v", name, r.Faults)
		}
	}
}

// FuzzVerify: whatever the bytes, there is an answer, and it is no unless they are a pack that the
// server wrote. The key that signs the fuzzed members is at hand, so that what lies behind the
// signature is reached too.
func FuzzVerify(f *testing.F) {
	seeds, err := filepath.Glob("testdata/packs/*.tar")
	if err != nil || len(seeds) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, name := range seeds {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte{})
	f.Add(make([]byte, 1024))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := prove.Verify(context.Background(), bytes.NewReader(b), int64(len(b)), prove.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if r.Whole() != (len(r.Proved) > 0) {
			t.Errorf("whole %v, proved %v", r.Whole(), r.Proved)
		}
	})
}

// FuzzMembers puts fuzzed text into one member of a good pack and signs it as the server would.
func FuzzMembers(f *testing.F) {
	y := history(f)
	list := unpack(f, y.export(f, prove.Selection{Change: y.toggle.ID, Withhold: []string{prove.Files}}))
	for i, m := range list {
		if len(m.body) < 20_000 {
			f.Add(uint8(i), m.body)
		}
	}
	good := seal.PublicKey(y.key.PublicBytes())
	f.Fuzz(func(t *testing.T, n uint8, body []byte) {
		changed := append([]member(nil), list...)
		i := int(n) % (len(list) - 2)
		if changed[i].name == "keys.json" || bytes.Equal(body, changed[i].body) {
			return
		}
		changed[i].body = body
		again := signed(t, y.key, changed)
		r, err := prove.Verify(context.Background(), bytes.NewReader(again), int64(len(again)), prove.Options{Permit: good})
		if err != nil {
			t.Fatal(err)
		}
		// Names, the instant of the export, how many grants of roles are shown and whose signatures stand
		// beside the ledger's own are the server's word.
		own := []string{"people.json", "manifest.json", "roles.jsonl", "checkpoint"}
		if r.Whole() && !slices.Contains(own, changed[i].name) {
			t.Errorf("%s was changed to %q, and nobody noticed", changed[i].name, body)
		}
	})
}

package inventory_test

import (
	"testing"
	"time"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
)

// A defect in what reads a source fails the reading: what it saw is kept, nothing is taken for absent, and the next one works.
func TestASourceThatPanicsFailsItsReadingAlone(t *testing.T) {
	t.Parallel()
	f := found(t)
	var records []inventory.Record
	for n := range 200 { // several batches, one of them under way when it ends
		records = append(records, server(n))
	}
	f.read("cloud", records[:100]...)
	f.clock.Add(time.Hour)
	f.see["cloud"].records, f.see["cloud"].cracked = records[50:], true
	run, err := f.Read(t.Context(), fault.SystemActor("discovery"), "cloud", nil, "")
	if !fault.Is(err, "source_panicked") || run.Complete || run.Records != 150 || run.Added != 100 || run.Absent != 0 {
		t.Fatalf("the reading is %+v, %v; want it failed, with the records that were seen", run, err)
	}
	f.see["cloud"].cracked = false
	if run := f.read("cloud", records...); !run.Complete || run.Records != 200 || run.Added != 0 || run.Differences != 0 {
		t.Errorf("the next reading is %+v, want all 200 known", run)
	}
	source, err := f.SourceOf(t.Context(), "cloud")
	f.must(err)
	runs, err := f.Runs(t.Context(), source.ID, 10)
	f.must(err)
	if len(runs) != 3 || runs[1].Error == "" || runs[1].N != run.N {
		t.Errorf("readings %+v, want three, the middle one with why it failed", runs)
	}
	f.whole()
}

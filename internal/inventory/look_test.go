package inventory_test

import (
	"context"
	"errors"
	"testing"

	"plumbline.dev/plumb/internal/inventory"
)

func (w *world) Look(_ context.Context, r inventory.Record) (inventory.Sight, error) {
	if w.look == nil {
		return inventory.Unasked, nil
	}
	w.asks++
	return w.look(r)
}

// A list that leaves something out ends nothing where the source can be asked: only its word that there is no such thing does.
func TestWhatIsNotListedIsAskedForBeforeItIsMissing(t *testing.T) {
	t.Parallel()
	f := found(t)
	w := f.see["cloud"]
	w.scopes = []string{"project"}
	f.read("cloud", server(1), server(2))
	answer, failure := inventory.Unsure, error(nil)
	w.look = func(r inventory.Record) (inventory.Sight, error) {
		if r.Native != "2" {
			t.Errorf("it is asked for %s", r.Native)
		}
		return answer, failure
	}
	state := func(want inventory.Presence, asks int, when string) {
		t.Helper()
		f.read("cloud", server(1))
		if a := f.assets()[1]; a.State != want || w.asks != asks { // as it is stored; it is shown as silent meanwhile
			t.Errorf("%s it is %s after %d questions, want %s after %d", when, a.State, w.asks, want, asks)
		}
	}
	state(inventory.Present, 0, "missed once")
	state(inventory.Present, 1, "unsure")
	answer, failure = inventory.NotThere, errors.New("no answer")
	state(inventory.Present, 2, "with an error")
	answer, failure = inventory.There, nil
	state(inventory.Present, 3, "there")
	w.look = func(inventory.Record) (inventory.Sight, error) { panic("an index out of range, say") }
	state(inventory.Present, 4, "when the question fails in the program")
	w.look = func(inventory.Record) (inventory.Sight, error) { return inventory.NotThere, nil }
	state(inventory.Missing, 5, "not there")
	state(inventory.Missing, 5, "gone already")
	f.read("cloud", server(1), server(2))
	w.look = nil
	state(inventory.Present, 5, "missed once again")
	state(inventory.Missing, 5, "where nothing can be asked")
	f.whole()
}

// Bytes that are known are not read again, but what was missed and is back in the same words is no longer missed.
func TestWhatIsBackInTheSameWordsIsBack(t *testing.T) {
	t.Parallel()
	f := found(t)
	w := f.see["cloud"]
	w.scopes, w.skips = []string{"project"}, true
	f.read("cloud", server(1), server(2))
	if f.read("cloud", server(1), server(2)); w.skipped != 2 {
		t.Fatalf("%d were known", w.skipped)
	}
	f.read("cloud", server(1))
	if run := f.read("cloud", server(1), server(2)); run.Absent != 0 || run.Records != 2 || w.skipped != 4 {
		t.Errorf("back again: %+v, %d were known", run, w.skipped)
	}
	for _, when := range []string{"once", "twice"} {
		if run := f.read("cloud", server(1), server(2)); run.Absent != 0 || run.Records != 2 {
			t.Errorf("read %s after it came back: %+v", when, run)
		}
	}
	if a := f.assets()[1]; a.State != inventory.Present {
		t.Errorf("it is %s", a.State)
	}
	f.whole()
}

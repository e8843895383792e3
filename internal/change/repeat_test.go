package change

import (
	"fmt"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
)

// However many different questions a token asks, a minute of it adds a bounded number of events.
func TestDifferentVerdictsOfOneAccountAreBounded(t *testing.T) {
	t.Parallel()
	var r repeats
	now := int64(1)
	ask := func(account string, n int) (events int) {
		for i := range n {
			k := alike{account: account, verb: "gate.denied", object: fmt.Sprintf("CHG-%06d", i), why: "3 rejected"}
			if r.first(k, fault.Actor{Account: account}, ledger.Event{Verb: k.verb, Type: "change", Object: k.object, Outcome: "denied"}, now) {
				events++
			}
		}
		return events
	}
	if got := ask("acc_ci", 5000); got != maxVerdicts {
		t.Errorf("5000 changes gave %d events, want %d", got, maxVerdicts)
	}
	if got := ask("acc_other", 10); got != 10 {
		t.Errorf("another account got %d of 10 events", got)
	}
	due := r.due(now)
	rest := due[alike{account: "acc_ci", verb: "gate.denied"}]
	if len(due) != 1 || rest.more != 5000-maxVerdicts || rest.event.Object != "acc_ci" || rest.event.Type != "account" {
		t.Errorf("what is summed up: %+v", due)
	}
	if again := r.due(now); len(again) != 0 {
		t.Errorf("summed up twice: %+v", again)
	}
	r.putBack(alike{account: "acc_ci", verb: "gate.denied"}, rest)
	if again := r.due(now); len(again) != 1 || again[alike{account: "acc_ci", verb: "gate.denied"}].more != rest.more {
		t.Errorf("a count that could not be written is %+v", again)
	}
	now += time.Minute.Microseconds()
	r.due(now)
	if len(r.seen) != 0 || len(r.own) != 0 {
		t.Errorf("after a minute %d verdicts of %d accounts are kept", len(r.seen), len(r.own))
	}
	if got := ask("acc_ci", 10); got != 10 {
		t.Errorf("the next minute got %d of 10 events", got)
	}
}

// What was not committed is no event yet, so the next one is.
func TestAVerdictThatWasNotWrittenIsNotCounted(t *testing.T) {
	t.Parallel()
	var r repeats
	k := alike{account: "acc_ci", verb: "gate.denied", object: "CHG-000001"}
	first := func() bool { return r.first(k, fault.Actor{}, ledger.Event{}, time.Hour.Microseconds()) }
	if !first() || first() {
		t.Fatal("the first is an event, the second is not")
	}
	r.undo("acc_other", "CHG-000001")
	r.undo("acc_ci", "CHG-000002")
	if first() {
		t.Error("what failed was about another account or change")
	}
	r.undo("acc_ci", "CHG-000001")
	if !first() {
		t.Error("an event that was not committed is taken for written")
	}
	if due := r.due(time.Hour.Microseconds()); due[k].more != 2 {
		t.Errorf("%d repetitions, want 2", due[k].more)
	}
}

package personal_test

import (
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/db/dbtest"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/web/personal"
)

func TestAnAbsenceIsSeenByOthersUntilItIsOver(t *testing.T) {
	t.Parallel()
	clock := dbtest.NewClock()
	cfg := dbtest.Config(t)
	cfg.Clock = clock.Now
	d := personal.New(dbtest.OpenConfig(t, cfg))
	olga := fault.Actor{Person: "per_olga", Account: "acc_olga", Kind: fault.Human, Authn: fault.Session}
	day := func(n int) int64 { return clock.Now().Add(time.Duration(n) * 24 * time.Hour).UnixMicro() }
	a := personal.Away{From: day(1), Until: day(8), Note: "Otto stands in"}
	if err := d.SetAway(t.Context(), olga, a); err != nil {
		t.Fatal(err)
	}
	list, err := d.Absences(t.Context())
	if err != nil || list["per_olga"] != a || len(list) != 1 {
		t.Fatalf("absences = %v, %v", list, err)
	}
	if a.At(clock.Now()) || !a.At(clock.Now().Add(25*time.Hour)) || a.At(time.UnixMicro(a.Until)) {
		t.Error("the absence is not from its first instant to its last")
	}
	clock.Add(9 * 24 * time.Hour)
	if list, err = d.Absences(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("after it is over there are absences: %v, %v", list, err)
	}
	if err := d.Sweep(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAnAbsenceThatMakesNoSenseIsRefused(t *testing.T) {
	t.Parallel()
	clock := dbtest.NewClock()
	cfg := dbtest.Config(t)
	cfg.Clock = clock.Now
	d := personal.New(dbtest.OpenConfig(t, cfg))
	olga := fault.Actor{Person: "per_olga", Account: "acc_olga", Kind: fault.Human, Authn: fault.Session}
	now, day := clock.Now().UnixMicro(), (24 * time.Hour).Microseconds()
	for what, a := range map[string]personal.Away{
		"no first day": {Until: now + day}, "no last day": {From: now}, "the wrong way round": {From: now + 2*day, Until: now + day},
		"over": {From: now - 2*day, Until: now - day}, "for ever": {From: now, Until: now + 401*day},
		"a long story": {From: now, Until: now + day, Note: strings.Repeat("x", 161)},
	} {
		if err := d.SetAway(t.Context(), olga, a); !fault.Is(err, "bad_absence") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := d.SetAway(t.Context(), olga, personal.Away{From: now, Until: now + day}); err != nil {
		t.Fatal(err)
	}
	if err := d.SetAway(t.Context(), olga, personal.Away{}); err != nil {
		t.Fatal(err)
	}
	if list, err := d.Absences(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("absences = %v, %v after it was taken back", list, err)
	}
}

package reconcile_test

import (
	"testing"
	"time"

	"plumbline.dev/plumb/internal/reconcile"
)

// Who executed the change that ran cannot answer for what else happened, so nothing of it waits for them.
func TestWhoExecutedWhatRanIsNotAskedAboutTheRest(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.server(1, "prod", size("cx22"))
	f.observe(time.Hour)
	for _, id := range []string{"AST-000001", "AST-000002"} {
		_, err := f.things.SetLabels(t.Context(), f.as("olga"), id, map[string]string{"owner": "ivo"}, "ivo looks after it", "")
		f.must(err)
	}
	f.set("cloud", 1, "image", text("debian-13"))
	f.observe(time.Hour)
	asked := func(who string, want int) {
		t.Helper()
		if list, n, err := f.Asks(t.Context(), f.as(who), 10); err != nil || n != want || len(list) != want {
			t.Errorf("%s is asked about %d, %+v, %v; want %d", who, n, list, err, want)
		}
	}
	asked("ivo", 1) // nothing ran
	asked("olga", 1)
	p := f.open(f.approved(grow(1)))
	f.set("state", 1, "server_type", text("cx32"))
	f.set("cloud", 1, "server_type", text("cx32"))
	f.set("cloud", 1, "firewall.ssh", text("0.0.0.0/0"))
	f.clock.Add(10 * time.Minute)
	f.done(p, 1)
	f.observe(time.Minute)
	list := f.findings()
	if len(list) != 2 || list[1].Disposition != reconcile.OutOfScope {
		t.Fatalf("findings %+v, want a second one, beside the run", list)
	}
	r, err := f.Read(t.Context(), f.as("ivo"), list[1].ID)
	f.must(err)
	f.refused(r.Refused, "executor_finding")
	asked("ivo", 1)
	asked("olga", 2)
}

// automation is an exception that holds for a month.
func (f *firm) automation() reconcile.Mute {
	return reconcile.Mute{Kind: reconcile.Automation, Reason: "the autoscaler changes sizes", Type: "hcloud_server", Path: "server_type",
		Expires: f.clock.Now().Add(30 * 24 * time.Hour).UnixMicro()}
}

// waits says for how many exceptions each of some people is asked.
func (f *firm) waits(when string, want map[string]int) {
	f.t.Helper()
	for who, n := range want {
		if list, err := f.MutesWaiting(f.t.Context(), f.as(who)); err != nil || len(list) != n {
			f.t.Errorf("%s: for %s wait %+v, %v; want %d", when, who, list, err, n)
		}
	}
}

// A proposed exception works only after its review, so it waits for whoever may review it, and for nobody else.
func TestAProposedMuteWaitsForWhoeverMayReviewIt(t *testing.T) {
	t.Parallel()
	f, _ := edited(t)
	_, err := f.Propose(t.Context(), f.as("olga"), f.automation())
	f.must(err)
	f.waits("proposed", map[string]int{"olga": 0, "otto": 1, "sam": 0, "ann": 0, "vera": 0})
	f.lent("olga", "otto")
	f.waits("proposed by whoever lent the account", map[string]int{"olga": 0, "otto": 0})
	f.clock.Add(31 * 24 * time.Hour)
	f.waits("expired", map[string]int{"olga": 0, "otto": 0})
}

// An exception that ends lets findings be raised, so whoever proposed it and the officers hear of it before, until another stands in its place.
func TestAMuteThatEndsSoonIsToldUntilAnotherIsProposed(t *testing.T) {
	t.Parallel()
	f, _ := edited(t)
	accepted := func() {
		t.Helper()
		m, err := f.Propose(t.Context(), f.as("sam"), f.automation())
		f.must(err)
		f.waits("proposed", map[string]int{"sam": 0, "olga": 1, "otto": 1, "ann": 0})
		_, err = f.Review(t.Context(), f.as("otto"), m.ID, true, "")
		f.must(err)
		f.waits("accepted", map[string]int{"sam": 0, "olga": 0, "otto": 0, "vera": 0})
	}
	accepted()
	f.later(24 * 24 * time.Hour)
	f.waits("a week before its end", map[string]int{"sam": 1, "olga": 1, "otto": 1, "ann": 0, "vera": 0})
	accepted()
}

// A finding is named in a wording as it is everywhere else: FND-1 is FND-000001, and FND-12 is another one.
func TestAWordingNamesAFindingByItsShortId(t *testing.T) {
	t.Parallel()
	f, x := edited(t)
	for text, want := range map[string]string{"Adopts FND-1, the load grew": "", "Adopts fnd-1: the load grew": "", "Adopts FND-12, the load grew": "not_retroactive"} {
		m := f.adopting(x)
		m.Justification = text
		c, err := f.changes.File(t.Context(), f.as("ann"), m)
		f.must(err)
		if _, err = f.Adopt(t.Context(), f.as("olga"), x.ID, c.ID, why); want != "" {
			f.refused(err, want)
			continue
		}
		f.must(err)
		list, err := f.AdoptedBy(t.Context(), c.ID)
		f.must(err)
		if len(list) != 1 || list[0].State != reconcile.Adopting {
			t.Errorf("%q adopts %+v, want the finding", text, list)
		}
	}
}

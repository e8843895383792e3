package change_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/db/dbtest"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/wire"
)

func onHost(host string) func(*change.Material) {
	return func(m *change.Material) { m.Targets = []string{host} }
}

// A slot in which the gate would not open is no plan: whoever picks it hears so at once, not at night.
func TestNoSlotIsPickedInAFreezeOrOutsideTheMaintenanceWindows(t *testing.T) {
	t.Parallel()
	o := company(t)
	host, now := seal.NewID("host"), o.clock.Now()
	at := func(h int) int64 { return now.Add(time.Duration(h) * time.Hour).UnixMicro() }
	c := o.authorized(t, onHost(host))
	pick := func(from, until int) error {
		_, err := o.Schedule(t.Context(), o.as("ann"), c.ID, at(from), at(until))
		return err
	}
	set := func(w change.Window) change.Window {
		w.Scope.Targets, w.Reason = []string{host}, "year's end"
		w, err := o.SetWindow(t.Context(), o.as("dana"), w)
		must(t, err)
		return w
	}
	freeze := set(change.Window{Kind: change.FreezeKind, Hard: true, Starts: at(10), Ends: at(20)})
	for _, slot := range [][2]int{{9, 11}, {12, 14}, {19, 21}, {1, 30}} {
		refused(t, pick(slot[0], slot[1]), "slot_frozen")
	}
	must(t, pick(20, 22)) // half-open: the freeze is over at its end
	must(t, pick(8, 10))
	must(t, o.LiftWindow(t.Context(), o.as("dana"), freeze.ID, ""))
	must(t, pick(12, 14))
	set(change.Window{Kind: change.FreezeKind, Starts: at(10), Ends: at(20)}) // soft: can be accepted
	must(t, pick(12, 14))

	set(change.Window{Kind: change.AllowWindow, Starts: at(30), Ends: at(34)})
	set(change.Window{Kind: change.AllowWindow, Starts: at(50), Ends: at(54)})
	for _, slot := range [][2]int{{12, 14}, {29, 31}, {33, 35}, {31, 52}} {
		refused(t, pick(slot[0], slot[1]), "outside_windows")
	}
	must(t, pick(30, 34))
	must(t, pick(51, 52))
}

// A freeze can leave the way open for some roles: for people who hold one, and only while they carry it out
// themselves.
func TestAFreezeExemptsPeopleOfSomeRoles(t *testing.T) {
	t.Parallel()
	o := company(t)
	host, now := seal.NewID("host"), o.clock.Now()
	byTwo := func(m *change.Material) {
		m.Targets, m.Implementers = []string{host}, []change.Executor{{Person: "ivo"}, {Person: "pia"}}
	}
	a, b := o.authorized(t, byTwo), o.authorized(t, onHost(host))
	w := change.Window{Kind: change.FreezeKind, Scope: change.Scope{Targets: []string{host}, ExemptRoles: []string{"devops-lead"}},
		Starts: now.UnixMicro(), Ends: now.Add(day).UnixMicro(), Hard: true, Reason: "quarter end"}
	w, err := o.SetWindow(t.Context(), o.as("dana"), w)
	must(t, err)
	if got := o.code(t, "ivo", request(a.ID)); got != wire.ExitWindow {
		t.Errorf("code %d for somebody who is not exempt, want 6", got)
	}
	must(t, o.LiftWindow(t.Context(), o.as("dana"), w.ID, ""))
	w.Scope.ExemptRoles = []string{"it-manager", "implementer"}
	w, err = o.SetWindow(t.Context(), o.as("dana"), w)
	must(t, err)
	v, err := o.Check(t.Context(), o.as("ivo"), request(a.ID))
	must(t, err)
	if v.Code != wire.ExitAllowed || len(v.Conflicts) == 0 || v.Conflicts[0].Severity != "info" || !strings.Contains(v.Conflicts[0].Text, "implementer exempt") {
		t.Errorf("verdict %+v for an exempt role, want allow, with the freeze said", v)
	}
	_, err = o.Schedule(t.Context(), o.as("ann"), b.ID, now.UnixMicro(), now.Add(time.Hour).UnixMicro())
	must(t, err) // who is exempt is known when somebody starts
	must(t, o.LiftWindow(t.Context(), o.as("dana"), w.ID, ""))
}

// Whoever freezes sees first what it would hold back.
func TestAFreezeIsSeenBeforeItIsSet(t *testing.T) {
	t.Parallel()
	o := company(t)
	host, now := seal.NewID("host"), o.clock.Now()
	in := func(h int) time.Time { return now.Add(time.Duration(h) * time.Hour).Truncate(time.Second) }
	any := o.authorized(t, onHost(host))
	during := o.submitted(t, func(m *change.Material) {
		m.Targets, m.Window = []string{host}, change.Envelope{From: in(5), Until: in(9)}
	})
	after := o.authorized(t, func(m *change.Material) {
		m.Targets, m.Window = []string{host}, change.Envelope{From: in(20), Until: in(30)}
	})
	running := o.authorized(t, onHost(host))
	p := o.opened(t, "ivo", request(running.ID))
	o.authorized(t) // elsewhere
	w := change.Window{Kind: change.FreezeKind, Scope: change.Scope{Targets: []string{host}}, Hard: true, Starts: in(4).UnixMicro(), Ends: in(10).UnixMicro(), Reason: "x"}
	sees := func(name string, w change.Window, want ...change.ID) {
		t.Helper()
		list, more, err := o.Affected(t.Context(), w)
		must(t, err)
		var got []change.ID
		for _, x := range list {
			got = append(got, x.Change.ID)
		}
		if !slices.Equal(got, want) || more {
			t.Errorf("%s would reach %v (and more: %v), want %v", name, got, more, want)
		}
	}
	sees("a freeze", w, any.ID, during.ID)
	w.Scope.Running = true
	sees("one that stops runs", w, any.ID, during.ID, running.ID)
	w.Scope.Running, w.Ends = false, in(21).UnixMicro()
	sees("a longer one", w, any.ID, during.ID, after.ID)
	w.Scope.ExemptTypes = []string{"normal"}
	sees("one that exempts all of them", w)
	w.Scope.ExemptTypes, w.Kind = nil, change.AllowWindow
	sees("a window", w, any.ID, during.ID, after.ID)
	w.Reason = ""
	_, _, err := o.Affected(t.Context(), w)
	refused(t, err, "bad_window")
	list, err := o.Windows(t.Context())
	must(t, err)
	if slices.ContainsFunc(list, func(x change.Window) bool { return slices.Contains(x.Scope.Targets, host) }) {
		t.Error("looking set a window")
	}
	_, err = o.Finish(t.Context(), o.as("ivo"), report(p, 0))
	must(t, err)
}

// A permit whose answer was lost starts nothing once a freeze came into force, though a run under way goes on.
func TestAFreezeBetweenPermitAndStartHoldsTheRetryBack(t *testing.T) {
	t.Parallel()
	o := company(t)
	host, now := seal.NewID("host"), o.clock.Now()
	c := o.authorized(t, onHost(host))
	q := request(c.ID)
	p := o.opened(t, "ivo", q)
	_, err := o.SetWindow(t.Context(), o.as("dana"), change.Window{Kind: change.FreezeKind, Scope: change.Scope{Targets: []string{host}}, Hard: true,
		Starts: now.UnixMicro(), Ends: now.Add(day).UnixMicro(), Reason: "stop"})
	must(t, err)
	v, err := o.Open(t.Context(), o.as("ivo"), q)
	must(t, err)
	if v.Verdict == wire.Allow || v.Permit != nil || len(v.Denials) != 1 || v.Denials[0].Code != "frozen" {
		t.Errorf("verdict %+v, want the retry refused by the freeze", v)
	}
	if _, err := o.Renew(t.Context(), o.as("ivo"), p.ID, p.Fence); err != nil {
		t.Errorf("the run under way ends: %v", err)
	}
}

// One person cannot carry out two changes at once. Wide windows only say so; slots that were picked and overlap
// are accepted by somebody first.
func TestAPersonWhoIsToCarryOutTwoChangesAtOnceIsSeen(t *testing.T) {
	t.Parallel()
	o := company(t)
	now := o.clock.Now().Truncate(time.Second)
	in := func(h int) int64 { return now.Add(time.Duration(h) * time.Hour).UnixMicro() }
	night := func(m *change.Material) {
		m.Window = change.Envelope{From: now, Until: now.Add(8 * time.Hour)}
		m.Implementers = []change.Executor{{Person: "pia"}}
	}
	a, b := o.authorized(t, night), o.authorized(t, night)
	open := o.authorized(t, func(m *change.Material) { m.Implementers = []change.Executor{{Person: "pia"}} })
	meets := func(id, with change.ID) (severity, text string) {
		t.Helper()
		v, err := o.Show(t.Context(), id)
		must(t, err)
		for _, x := range v.Conflicts {
			if x.With == string(with) {
				return x.Severity, x.Text
			}
		}
		return "", ""
	}
	if severity, text := meets(a.ID, b.ID); severity != "info" || !strings.Contains(text, "pia") {
		t.Errorf("in two windows she is %q %q, want it said", severity, text)
	}
	if severity, _ := meets(open.ID, a.ID); severity != "" {
		t.Error("a change that says no time is at no time at once with another")
	}
	pick := func(id change.ID, from, until int) {
		t.Helper()
		_, err := o.Schedule(t.Context(), o.as("ann"), id, in(from), in(until))
		must(t, err)
	}
	pick(a.ID, 0, 2)
	pick(b.ID, 2, 4)
	if severity, _ := meets(a.ID, b.ID); severity != "" {
		t.Errorf("one slot after the other is %q, want nothing", severity)
	}
	pick(b.ID, 1, 4)
	if severity, _ := meets(a.ID, b.ID); severity != "ack" {
		t.Errorf("two slots at once are %q, want ack", severity)
	}
	if got := o.code(t, "pia", request(a.ID)); got != wire.ExitWindow {
		t.Errorf("code %d, want 6 until somebody accepts it", got)
	}
	_, err := o.Acknowledge(t.Context(), o.as("sam"), a.ID, string(b.ID), "she does them one after the other")
	must(t, err)
	if got := o.code(t, "pia", request(a.ID)); got != wire.ExitAllowed {
		t.Errorf("code %d after that, want 0", got)
	}
	_, err = o.Cancel(t.Context(), o.as("ann"), b.ID, "no need")
	must(t, err)
	if severity, _ := meets(a.ID, b.ID); severity != "" {
		t.Errorf("a cancelled change still meets: %q", severity)
	}
}

// Whoever decides on an older wording is told what is different now, member by member.
func TestAnOldWordingIsRefusedWithTheDifference(t *testing.T) {
	t.Parallel()
	o := company(t)
	c := o.submitted(t)
	seen := c.RevDigest
	v, err := o.Show(t.Context(), c.ID)
	must(t, err)
	m := v.Material
	m.Justification, m.RiskFloor, m.Summary = strings.Repeat("because ", 100), "high", "Much shorter idle timeout"
	c, err = o.Edit(t.Context(), o.as("ann"), c.ID, seen, m)
	must(t, err)
	c, err = o.Submit(t.Context(), o.as("ann"), c.ID, c.RevDigest)
	must(t, err)
	tells := func(name string, err error) {
		t.Helper()
		refused(t, err, "stale")
		f := fault.Of(err)
		got := map[string]string{}
		for _, x := range f.Fields {
			got[x.Path] = x.Problem
		}
		if len(got) != 3 || got["risk_floor"] != `was absent, is "high"` || got["summary"] != `was "Shorter idle timeout", is "Much shorter idle timeout"` ||
			len(got["justification"]) > 200 || f.Next != "plumb change diff "+string(c.ID)+" --from 1" {
			t.Errorf("%s: fields %v, next %q", name, got, f.Next)
		}
	}
	_, err = o.Approve(t.Context(), o.as("sam"), c.ID, seen, "")
	tells("approving", err)
	_, err = o.Reject(t.Context(), o.as("sam"), c.ID, seen, "no")
	tells("rejecting", err)
	_, err = o.Edit(t.Context(), o.as("ann"), c.ID, seen, m)
	tells("editing", err)
	_, err = o.Submit(t.Context(), o.as("ann"), c.ID, seen)
	tells("submitting", err)
	_, err = o.Approve(t.Context(), o.as("sam"), c.ID, seal.Raw([]byte("never")), "")
	refused(t, err, "stale")
	if f := fault.Of(err); len(f.Fields) > 0 {
		t.Errorf("a wording that never was differs in %v", f.Fields)
	}
}

// The figures keep to their definitions: what was successful, who waited for whom, what an edit cost.
func TestTheFiguresKeepToTheirDefinitions(t *testing.T) {
	t.Parallel()
	o := found(t, dbtest.NewClock())
	begin := o.clock.Now()
	wait := func(d time.Duration) {
		o.clock.Add(d)
		if d > 20*time.Minute {
			o.again()
		}
	}
	good, bad := o.submitted(t), o.submitted(t)
	for _, c := range []change.Change{good, bad} {
		wait(10 * time.Minute)
		o.approve(t, c, "sam")
	}
	wait(10 * time.Minute)
	o.approve(t, good, "erin")
	o.approve(t, bad, "erin")
	wait(time.Hour)
	o.ran(t, bad.ID, 1)
	wait(15 * time.Minute)
	p := o.opened(t, "ivo", back(bad.ID))
	_, err := o.Finish(t.Context(), o.as("ivo"), report(p, 0))
	must(t, err)
	wait(3 * time.Hour) // it is closed much later: production was restored before
	p = o.opened(t, "ivo", request(good.ID))
	wait(5 * time.Minute)
	_, err = o.Finish(t.Context(), o.as("ivo"), report(p, 0))
	must(t, err)
	edited := o.submitted(t)
	o.approve(t, edited, "sam")
	v, err := o.Show(t.Context(), edited.ID)
	must(t, err)
	v.Material.Summary = "another"
	_, err = o.Edit(t.Context(), o.as("ann"), edited.ID, edited.RevDigest, v.Material)
	must(t, err)

	m, err := o.Measure(t.Context(), begin, o.clock.Now().Add(time.Second))
	must(t, err)
	got := map[string]change.Figure{}
	for _, f := range m.Figures {
		got[f.Name] = f
	}
	mins := func(n int64) int64 { return n * 60 }
	for name, want := range map[string]change.Figure{
		"lead_time":                         {Count: 1, P50: mins(30 + 60 + 15 + 180 + 5), P90: mins(30 + 60 + 15 + 180 + 5)}, // the failed one has none
		"approval_latency":                  {Count: 2, P50: mins(30), P90: mins(30)},
		"approval_latency:security-lead":    {Count: 2, P50: mins(20), P90: mins(20)},
		"approval_latency:engineering-lead": {Count: 2, P50: mins(30), P90: mins(30)},
		"approvals_per_change":              {Count: 4, Of: 2, Each: 200},
		"edited_after_submission":           {Count: 1, Of: 3, Percent: 33},
		"edited_after_approval":             {Count: 1, Of: 3, Percent: 33},
		"change_failure_rate":               {Count: 1, Of: 2, Percent: 50},
		"time_to_restore":                   {Count: 1, P50: mins(15), P90: mins(15)},
	} {
		f := got[name]
		want.Name, want.Meaning = name, f.Meaning
		if f != want || f.Meaning == "" {
			t.Errorf("%s is %+v, want %+v", name, f, want)
		}
	}
	again, err := o.Measure(t.Context(), begin, o.clock.Now().Add(time.Second))
	must(t, err)
	if again.Query != m.Query || !strings.HasPrefix(m.Query, "sha256:") {
		t.Errorf("query %s, then %s", m.Query, again.Query)
	}
}

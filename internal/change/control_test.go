package change_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/db/dbtest"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/wire"
)

func (o *office) code(t *testing.T, who string, q wire.GateRequest) int {
	t.Helper()
	v, err := o.Check(t.Context(), o.as(who), q)
	must(t, err)
	return v.Code
}

func TestAHoldKeepsTheGateShut(t *testing.T) {
	t.Parallel()
	o := company(t)
	c := o.authorized(t)
	_, err := o.Hold(t.Context(), o.as("pia"), c.ID, "why not")
	refused(t, err, "not_allowed")
	_, err = o.Hold(t.Context(), o.as("dana"), c.ID, "")
	refused(t, err, "no_reason")
	_, err = o.Release(t.Context(), o.as("dana"), c.ID, "")
	refused(t, err, "not_held")
	_, err = o.Hold(t.Context(), o.as("dana"), c.ID, "an incident")
	must(t, err)
	if got := o.code(t, "ivo", request(c.ID)); got != wire.ExitDenied {
		t.Errorf("code %d on hold, want 3", got)
	}
	_, err = o.Release(t.Context(), o.as("ann"), c.ID, "I want it")
	refused(t, err, "not_allowed")
	_, err = o.Release(t.Context(), o.as("dana"), c.ID, "over")
	must(t, err)
	if got := o.code(t, "ivo", request(c.ID)); got != wire.ExitAllowed {
		t.Errorf("code %d after the hold, want 0", got)
	}
}

func TestACancelledChangeIsOver(t *testing.T) {
	t.Parallel()
	o := company(t)
	c := o.authorized(t)
	_, err := o.Cancel(t.Context(), o.as("sam"), c.ID, "no")
	refused(t, err, "not_author")
	_, err = o.Cancel(t.Context(), o.as("ann"), c.ID, "")
	refused(t, err, "no_reason")
	_, err = o.Cancel(t.Context(), o.as("ann"), c.ID, "not needed")
	must(t, err)
	if got := o.code(t, "ivo", request(c.ID)); got != wire.ExitDenied {
		t.Errorf("code %d on a cancelled change, want 3", got)
	}
	_, err = o.Hold(t.Context(), o.as("ann"), c.ID, "x")
	refused(t, err, "over")
	_, err = o.AddEvidence(t.Context(), o.as("ann"), c.ID, change.Evidence{Format: "junit", Subject: seal.Raw([]byte(file))}, strings.NewReader(passing))
	refused(t, err, "over")
}

func TestAChangeStartsInsideItsWindowOnly(t *testing.T) {
	t.Parallel()
	o := found(t, dbtest.NewClock())
	from := o.clock.Now().Add(2 * time.Hour)
	c := o.authorized(t, func(m *change.Material) { m.Window = change.Envelope{From: from, Until: from.Add(4 * time.Hour)} })
	at := func(d time.Duration) int64 { return from.Add(d).UnixMicro() }
	if got := o.code(t, "ivo", request(c.ID)); got != wire.ExitWindow {
		t.Errorf("code %d before the window, want 6", got)
	}
	_, err := o.Schedule(t.Context(), o.as("sam"), c.ID, at(time.Hour), at(2*time.Hour))
	refused(t, err, "not_author")
	_, err = o.Schedule(t.Context(), o.as("ann"), c.ID, at(time.Hour), at(time.Hour))
	refused(t, err, "bad_window")
	_, err = o.Schedule(t.Context(), o.as("ann"), c.ID, at(time.Hour), at(5*time.Hour))
	refused(t, err, "outside_envelope")
	_, err = o.Schedule(t.Context(), o.as("ann"), c.ID, at(-time.Hour), at(time.Hour))
	refused(t, err, "outside_envelope")
	_, err = o.Schedule(t.Context(), o.as("ann"), c.ID, at(time.Hour), at(2*time.Hour))
	must(t, err)
	for _, at := range []struct {
		after time.Duration
		want  int
	}{{2*time.Hour + 30*time.Minute, wire.ExitWindow}, {30 * time.Minute, wire.ExitAllowed}, {time.Hour, wire.ExitWindow}} {
		o.clock.Add(at.after)
		o.again()
		if got := o.code(t, "ivo", request(c.ID)); got != at.want {
			t.Errorf("code %d at %s, want %d", got, o.clock.Now(), at.want)
		}
	}
	o.clock.Add(2 * time.Hour)
	o.again()
	_, err = o.Tick(t.Context())
	must(t, err)
	v, err := o.Show(t.Context(), c.ID)
	must(t, err)
	if v.Change.State != change.Expired {
		t.Errorf("state %s after the window, want expired", v.Change.State)
	}
}

func TestAFreezeHoldsBackWhatIsInItsScope(t *testing.T) {
	t.Parallel()
	o := company(t)
	host := seal.NewID("host")
	c := o.authorized(t, func(m *change.Material) { m.Targets = []string{host} })
	free := o.authorized(t)
	now := o.clock.Now().UnixMicro()
	w := change.Window{Kind: change.FreezeKind, Scope: change.Scope{Targets: []string{host}}, Starts: now, Ends: now + day.Microseconds(), Hard: true, Reason: "quarter end"}
	_, err := o.SetWindow(t.Context(), o.as("ann"), w)
	refused(t, err, "not_allowed")
	bad := w
	bad.Ends = now
	_, err = o.SetWindow(t.Context(), o.as("dana"), bad)
	refused(t, err, "bad_window")
	w, err = o.SetWindow(t.Context(), o.as("dana"), w)
	must(t, err)
	if got := o.code(t, "ivo", request(c.ID)); got != wire.ExitWindow {
		t.Errorf("code %d in a freeze, want 6", got)
	}
	if got := o.code(t, "ivo", request(free.ID)); got != wire.ExitAllowed {
		t.Errorf("code %d outside the freeze's scope, want 0", got)
	}
	_, err = o.Acknowledge(t.Context(), o.as("sam"), c.ID, w.ID, "I know")
	refused(t, err, "no_conflict")
	refused(t, o.LiftWindow(t.Context(), o.as("sam"), w.ID, "mine"), "not_allowed")
	must(t, o.LiftWindow(t.Context(), o.as("otto"), w.ID, "over early"))
	refused(t, o.LiftWindow(t.Context(), o.as("otto"), w.ID, "again"), "window_over")
	refused(t, o.LiftWindow(t.Context(), o.as("otto"), "win_none", "?"), "no_window")
	if got := o.code(t, "ivo", request(c.ID)); got != wire.ExitAllowed {
		t.Errorf("code %d after the freeze was lifted, want 0", got)
	}
	soft, err := o.SetWindow(t.Context(), o.as("dana"), change.Window{Kind: change.FreezeKind, Scope: w.Scope, Starts: now, Ends: now + day.Microseconds(), Reason: "quiet week"})
	must(t, err)
	_, err = o.Acknowledge(t.Context(), o.as("ann"), c.ID, soft.ID, "I know")
	refused(t, err, "no_slot")
	_, err = o.Acknowledge(t.Context(), o.as("sam"), c.ID, soft.ID, "")
	refused(t, err, "no_reason")
	_, err = o.Acknowledge(t.Context(), o.as("sam"), c.ID, soft.ID, "urgent enough")
	must(t, err)
	if got := o.code(t, "ivo", request(c.ID)); got != wire.ExitAllowed {
		t.Errorf("code %d after the soft freeze was acknowledged, want 0", got)
	}
}

func TestAMaintenanceWindowAllowsOnlyItsTime(t *testing.T) {
	t.Parallel()
	o := company(t)
	host := seal.NewID("host")
	c := o.authorized(t, func(m *change.Material) { m.Targets = []string{host} })
	now := o.clock.Now()
	_, err := o.SetWindow(t.Context(), o.as("dana"), change.Window{Kind: change.AllowWindow, Scope: change.Scope{Targets: []string{host}},
		Starts: now.Add(day).UnixMicro(), Ends: now.Add(2 * day).UnixMicro(), Reason: "nights only"})
	must(t, err)
	if got := o.code(t, "ivo", request(c.ID)); got != wire.ExitWindow {
		t.Errorf("code %d outside the maintenance window, want 6", got)
	}
	_, err = o.SetWindow(t.Context(), o.as("dana"), change.Window{Kind: change.AllowWindow, Scope: change.Scope{Targets: []string{host}},
		Starts: now.UnixMicro(), Ends: now.Add(day).UnixMicro(), Reason: "now too"})
	must(t, err)
	if got := o.code(t, "ivo", request(c.ID)); got != wire.ExitAllowed {
		t.Errorf("code %d inside a maintenance window, want 0", got)
	}
}

func TestChangesThatCollideWaitForEachOther(t *testing.T) {
	t.Parallel()
	o := company(t)
	host := seal.NewID("host")
	same := func(m *change.Material) {
		m.Targets, m.Effects = []string{host}, []change.Effect{{Target: host, Path: "timeout", Op: "update", After: "15"}}
	}
	a, b := o.authorized(t, same), o.authorized(t, same)
	v, err := o.Check(t.Context(), o.as("ivo"), request(a.ID))
	must(t, err)
	if v.Code != wire.ExitWindow || len(v.Conflicts) != 1 || v.Conflicts[0].With != string(b.ID) || v.Conflicts[0].Severity != "ack" {
		t.Fatalf("verdict %+v, want a conflict with %s to acknowledge", v, b.ID)
	}
	_, err = o.Acknowledge(t.Context(), o.as("erin"), a.ID, string(b.ID), "a goes first")
	must(t, err)
	p := o.opened(t, "ivo", request(a.ID))
	v, err = o.Check(t.Context(), o.as("ivo"), request(b.ID))
	must(t, err)
	if v.Code != wire.ExitWindow || v.Conflicts[0].Severity != "block" {
		t.Errorf("verdict %+v while the other runs, want blocked", v)
	}
	_, err = o.Finish(t.Context(), o.as("ivo"), report(p, 0))
	must(t, err)
	_, err = o.Acknowledge(t.Context(), o.as("erin"), b.ID, string(a.ID), "a is done")
	must(t, err)
	if got := o.code(t, "ivo", request(b.ID)); got != wire.ExitAllowed {
		t.Errorf("code %d after the other ended, want 0", got)
	}
}

func TestALongRunRenewsItsLeaseAndALostOneIsUnknown(t *testing.T) {
	t.Parallel()
	o := found(t, dbtest.NewClock())
	c := o.authorized(t)
	p := o.opened(t, "ivo", request(c.ID))
	o.clock.Add(20 * time.Minute)
	_, err := o.Renew(t.Context(), o.as("pia"), p.ID, p.Fence)
	refused(t, err, "not_holder")
	_, err = o.Renew(t.Context(), o.as("ivo"), p.ID, p.Fence+1)
	refused(t, err, "not_holder")
	lease, err := o.Renew(t.Context(), o.as("ivo"), p.ID, p.Fence)
	must(t, err)
	if want := o.clock.Now().Add(change.LeaseLife).UnixMicro(); lease != want {
		t.Errorf("lease %d, want %d", lease, want)
	}
	_, err = o.Hold(t.Context(), o.as("dana"), c.ID, "stop it")
	must(t, err)
	_, err = o.Renew(t.Context(), o.as("ivo"), p.ID, p.Fence)
	refused(t, err, "on_hold")
	_, err = o.Release(t.Context(), o.as("dana"), c.ID, "")
	must(t, err)
	now := o.clock.Now().UnixMicro()
	w, err := o.SetWindow(t.Context(), o.as("dana"), change.Window{Kind: change.FreezeKind, Starts: now, Ends: now + day.Microseconds(), Hard: true, Reason: "nothing starts"})
	must(t, err)
	if _, err = o.Renew(t.Context(), o.as("ivo"), p.ID, p.Fence); err != nil {
		t.Errorf("a run under way does not go on in a freeze that stops none: %v", err)
	}
	must(t, o.LiftWindow(t.Context(), o.as("otto"), w.ID, ""))
	w, err = o.SetWindow(t.Context(), o.as("dana"), change.Window{Kind: change.FreezeKind, Scope: change.Scope{Running: true}, Starts: now,
		Ends: now + day.Microseconds(), Hard: true, Reason: "all stop"})
	must(t, err)
	_, err = o.Renew(t.Context(), o.as("ivo"), p.ID, p.Fence)
	refused(t, err, "frozen")
	must(t, o.LiftWindow(t.Context(), o.as("otto"), w.ID, ""))
	_, err = o.Tick(t.Context())
	must(t, err)
	o.clock.Add(change.LeaseLife + change.LeaseGrace + time.Second)
	o.again()
	_, err = o.Tick(t.Context())
	must(t, err)
	v, err := o.Show(t.Context(), c.ID)
	must(t, err)
	if v.Change.Body.Applied != change.Unknown || v.Change.Body.Proposed != change.Failed {
		t.Errorf("applied %s proposed %s, want unknown and failed", v.Change.Body.Applied, v.Change.Body.Proposed)
	}
	_, err = o.Renew(t.Context(), o.as("ivo"), p.ID, p.Fence)
	refused(t, err, "closed_already")
	_, err = o.Finish(t.Context(), o.as("ivo"), report(p, 0))
	must(t, err) // the late report says more than "unknown"
	o.whole(t)
}

func TestALostApprovalStopsTheRenewal(t *testing.T) {
	t.Parallel()
	o := found(t, dbtest.NewClock())
	c := o.authorized(t)
	p := o.opened(t, "ivo", request(c.ID))
	must(t, o.dir.Disable(t.Context(), o.as("olga"), o.people["sam"], "left"))
	_, err := o.Renew(t.Context(), o.as("ivo"), p.ID, p.Fence)
	refused(t, err, "approval_gone")
}

// grant is an access change that gives a role.
func (o *office) grant(t *testing.T, op, role, who string, edit ...func(*change.Grant)) change.Change {
	t.Helper()
	g := change.Grant{Op: op, Role: role, Person: string(o.people[who])}
	for _, e := range edit {
		e(&g)
	}
	digest, err := g.Digest()
	must(t, err)
	m := change.Material{Type: "normal", Category: "access", Summary: op + " " + role, Justification: "somebody must",
		Components: []string{"change-control"}, Targets: []string{"change-control"}, Rollback: change.Rollback{Text: "take it back"},
		Bindings: []change.Binding{{Kind: change.AccessGrant, Name: who, Digest: digest, Grant: &g}}, Implementers: []change.Executor{{Person: "ivo"}}}
	c, err := o.File(t.Context(), o.as("ann"), m)
	must(t, err)
	_, err = o.AddEvidence(t.Context(), o.as("ann"), c.ID, change.Evidence{Format: "attached", Subject: digest}, strings.NewReader("before: none, after: "+role))
	must(t, err)
	c, err = o.Submit(t.Context(), o.as("ann"), c.ID, c.RevDigest)
	must(t, err)
	return c
}

func (o *office) approve(t *testing.T, c change.Change, who ...string) {
	t.Helper()
	for _, w := range who {
		_, err := o.Approve(t.Context(), o.as(w), c.ID, c.RevDigest, "")
		must(t, err)
	}
}

func TestAnApprovingRoleIsGrantedOnlyByAnApprovedChange(t *testing.T) {
	t.Parallel()
	o := found(t, dbtest.NewClock())
	c := o.grant(t, "grant", "devops-lead", "ann")
	o.approve(t, c, "sam", "erin")
	v, err := o.Apply(t.Context(), o.as("ivo"), c.ID, "key")
	must(t, err)
	if v.Code != wire.ExitPending {
		t.Fatalf("code %d without the security officer, want 4", v.Code)
	}
	o.approve(t, c, "olga")
	v, err = o.Apply(t.Context(), o.as("pia"), c.ID, "key")
	must(t, err)
	if v.Code != wire.ExitDenied {
		t.Fatalf("code %d for an executor that is not named, want 3", v.Code)
	}
	v, err = o.Apply(t.Context(), o.as("ivo"), c.ID, "key")
	must(t, err)
	if v.Code != wire.ExitAllowed {
		t.Fatalf("verdict %+v, want allow", v)
	}
	roster, err := o.dir.Roster(t.Context())
	must(t, err)
	if !roster.Holds(o.people["ann"], "devops-lead") {
		t.Error("the role was not granted")
	}
	v, err = o.Apply(t.Context(), o.as("ivo"), c.ID, "key2")
	must(t, err)
	if v.Code != wire.ExitDenied {
		t.Errorf("code %d on the second use, want 3", v.Code)
	}
	config := o.authorized(t)
	_, err = o.Apply(t.Context(), o.as("ivo"), config.ID, "key")
	refused(t, err, "not_ours")
	o.whole(t)
}

func TestAPackComesIntoForceByAChangeUnderThePackBefore(t *testing.T) {
	t.Parallel()
	o := found(t, dbtest.NewClock())
	flying := o.authorized(t)
	waiting := o.submitted(t)
	next := stricter(t, o.pack)
	c := o.putInForce(t, next)
	p, err := o.Pack(t.Context())
	must(t, err)
	if p.Digest() != next.Digest() {
		t.Fatal("the pack is not in force")
	}
	v, err := o.Check(t.Context(), o.as("ivo"), request(flying.ID))
	must(t, err)
	if v.Code != wire.ExitPending || len(v.Missing) != 1 || v.Missing[0].Slot != "security-officer" {
		t.Errorf("verdict %+v for a change in flight, want the officer missing and the decisions kept", v)
	}
	o.putInForce(t, o.pack)
	v, err = o.Check(t.Context(), o.as("ivo"), request(flying.ID))
	must(t, err)
	if v.Code != wire.ExitPending {
		t.Errorf("code %d after the policy was loosened again, want 4: the tighter one stays for what was in flight", v.Code)
	}
	list, err := o.Waiting(t.Context(), o.as("otto").Person)
	must(t, err)
	if !slices.ContainsFunc(list, func(c change.Change) bool { return c.ID == flying.ID }) {
		t.Error("the officer is not asked for the change in flight")
	}
	o.approve(t, flying, "otto")
	if got := o.code(t, "ivo", request(flying.ID)); got != wire.ExitAllowed {
		t.Errorf("code %d after the officer approved, want 0", got)
	}
	o.approve(t, waiting, "sam", "erin")
	w, err := o.Approve(t.Context(), o.as("otto"), waiting.ID, waiting.RevDigest, "")
	must(t, err)
	if w.State != change.Authorized {
		t.Errorf("state %s, want authorized", w.State)
	}
	packs, err := o.Packs(t.Context())
	must(t, err)
	if len(packs) != 3 || packs[1].Change != string(c.ID) || packs[2].Change != "setup" {
		t.Errorf("history %+v, want the change's pack over the set-up's", packs)
	}
	o.whole(t)
}

// putInForce activates a pack by a change of its own.
func (o *office) putInForce(t *testing.T, next *policy.Pack) change.Change {
	t.Helper()
	c := o.packChange(t, next)
	v, err := o.Apply(t.Context(), o.as("ivo"), c.ID, "key")
	must(t, err)
	if v.Code != wire.ExitAllowed {
		t.Fatalf("verdict %+v, want allow", v)
	}
	return c
}

// packChange is an approved change that would put a pack in force.
func (o *office) packChange(t *testing.T, next *policy.Pack) change.Change {
	t.Helper()
	archive, err := next.Archive()
	must(t, err)
	doc, err := o.AddDocument(t.Context(), "policy-pack", strings.NewReader(string(archive)))
	must(t, err)
	m := change.Material{Type: "normal", Category: "configuration", Summary: "The officer approves everything", Justification: "wanted",
		Components: []string{"change-control"}, Targets: []string{"change-control"}, Rollback: change.Rollback{Text: "activate the old pack"},
		Bindings:     []change.Binding{{Kind: change.PolicyPack, Name: "pack", Digest: next.Digest(), Document: doc.Document}},
		Implementers: []change.Executor{{Person: "ivo"}}}
	c, err := o.File(t.Context(), o.as("ann"), m)
	must(t, err)
	_, err = o.AddEvidence(t.Context(), o.as("ann"), c.ID, change.Evidence{Format: "junit", Subject: next.Digest()}, strings.NewReader(passing))
	must(t, err)
	c, err = o.Submit(t.Context(), o.as("ann"), c.ID, c.RevDigest)
	must(t, err)
	o.approve(t, c, "sam", "erin", "olga")
	return c
}

func TestAPackThatNobodyCouldSatisfyDoesNotComeIntoForce(t *testing.T) {
	t.Parallel()
	o := found(t, dbtest.NewClock())
	archive, err := o.pack.Archive()
	must(t, err)
	next, err := policy.LoadArchive([]byte(strings.Replace(string(archive), "- {role: it-manager, min: 1}", "- {role: it-manager, min: 9}", 1)))
	must(t, err)
	c := o.packChange(t, next)
	if _, err := o.Apply(t.Context(), o.as("ivo"), c.ID, "key"); err == nil {
		t.Fatal("a pack that needs nine IT managers came into force")
	}
	p, err := o.Pack(t.Context())
	must(t, err)
	if p.Digest() != o.pack.Digest() {
		t.Error("another pack is in force")
	}
}

func stricter(t *testing.T, p *policy.Pack) *policy.Pack {
	t.Helper()
	archive, err := p.Archive()
	must(t, err)
	const old = `- {role: security-lead, min: 1}\n      - {role: engineering-lead, min: 1}`
	text := strings.Replace(string(archive), old, old+`\n      - {role: security-officer, min: 1}`, 1)
	next, err := policy.LoadArchive([]byte(text))
	must(t, err)
	if next.Digest() == p.Digest() {
		t.Fatal("the pack did not change")
	}
	return next
}

func TestWhoWaitsForWhom(t *testing.T) {
	t.Parallel()
	o := company(t)
	c := o.submitted(t)
	waits := func(who string) bool {
		list, err := o.Waiting(t.Context(), o.as(who).Person)
		must(t, err)
		return slices.ContainsFunc(list, func(x change.Change) bool { return x.ID == c.ID })
	}
	if !waits("sam") || !waits("emil") || waits("ann") || waits("ivo") || waits("dana") {
		t.Error("the change must wait for the leads, and for nobody else")
	}
	o.approve(t, c, "sam")
	if waits("sam") || waits("steve") || !waits("erin") {
		t.Error("after the security lead's yes only the engineering leads are waited for")
	}
}

func TestListsAreKeyedAndFiltered(t *testing.T) {
	t.Parallel()
	o := company(t)
	var mine []change.ID
	for range 5 {
		mine = append(mine, o.submitted(t).ID)
	}
	var seen []change.ID
	f := change.Filter{States: []string{"awaiting_approval"}, Category: "configuration", Type: "normal", Requester: o.as("ann").Person, Limit: 2}
	for {
		page, err := o.List(t.Context(), f)
		must(t, err)
		if len(page) == 0 {
			break
		}
		for _, c := range page {
			seen = append(seen, c.ID)
			f.Before = c.Number
		}
	}
	for _, id := range mine {
		if !slices.Contains(seen, id) {
			t.Errorf("%s is missing from the pages", id)
		}
	}
	if _, err := o.Show(t.Context(), "CHG-999999"); !fault.Is(err, "no_change") {
		t.Errorf("err = %v, want no_change", err)
	}
}

func TestTheFiguresCountWhatHappened(t *testing.T) {
	t.Parallel()
	o := found(t, dbtest.NewClock())
	ok, bad := o.authorized(t), o.authorized(t)
	o.clock.Add(time.Hour)
	o.again()
	o.ran(t, ok.ID, 0)
	o.ran(t, bad.ID, 1)
	m, err := o.Measure(t.Context(), o.clock.Now().Add(-2*time.Hour), o.clock.Now())
	must(t, err)
	got := map[string]change.Figure{}
	for _, f := range m.Figures {
		got[f.Name] = f
	}
	if m.Changes != 2 || got["change_failure_rate"].Percent != 50 || got["lead_time"].P50 != 3600 {
		t.Errorf("figures %+v, want 2 changes, 50 %% failures and an hour's lead time", m)
	}
	_, err = o.Measure(t.Context(), o.clock.Now(), o.clock.Now())
	refused(t, err, "bad_period")
}

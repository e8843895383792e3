package change

import (
	"testing"
	"time"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/wire"
)

// A report that comes late says how a run ended, and never that it lived longer than its lease: what was done after that nobody vouched for.
func TestALateReportNeverMakesARunLonger(t *testing.T) {
	t.Parallel()
	const lease = modelNow + 30*60_000_000
	grace := LeaseGrace.Microseconds()
	for name, x := range map[string]struct {
		outcome    string
		now, ended int64
	}{
		"in time":                          {Running, lease - 1, lease - 1},
		"in the grace":                     {Running, lease + grace - 1, lease + grace - 1},
		"before anything took note":        {Running, lease + 5*86_400_000_000, lease},
		"after it was lost":                {Unknown, lease + 5*86_400_000_000, lease},
		"lost, and the clock was set back": {Unknown, lease - 2, lease - 2},
	} {
		s := cleared(t)
		p := Permit{Change: s.Change.ID, Kind: wire.KindApply, Account: session(eve).Account, Person: eve, Outcome: x.outcome, Issued: modelNow, Lease: lease, Fence: 1}
		err := s.finish(&p, session(eve), wire.GateClose{Fence: 1, Outcome: Success}, x.now)
		if err != nil || p.Ended != x.ended || p.Outcome != Success {
			t.Errorf("%s: %v, ended %d as %s; want %d", name, err, p.Ended-lease, p.Outcome, x.ended-lease)
		}
	}
}

// Once a change is over its record stands. A report of a run that was lost in it would explain what was done since.
func TestAChangeThatIsOverTakesNoReport(t *testing.T) {
	t.Parallel()
	for _, state := range []State{Closed, Cancelled} {
		s := cleared(t)
		s.Change.State = state
		p := Permit{Change: s.Change.ID, Kind: wire.KindApply, Account: session(eve).Account, Person: eve, Outcome: Unknown, Issued: modelNow, Lease: modelNow, Fence: 1}
		if err := s.finish(&p, session(eve), wire.GateClose{Fence: 1, Outcome: Success}, modelNow+1); !fault.Is(err, "report_too_late") || p.Outcome != Unknown {
			t.Errorf("%s: %v, outcome %s; want report_too_late and unknown", state, err, p.Outcome)
		}
	}
}

// A run goes on inside the window that was approved for it, and where there is none, no longer than its approvals or for a day.
func TestARunIsRenewedInsideItsWindowOnly(t *testing.T) {
	t.Parallel()
	const hour = 3_600_000_000
	window := func(hours int) func(*Snapshot, *Permit) {
		return func(s *Snapshot, _ *Permit) {
			s.Revision.Material.Window.Until = time.UnixMicro(modelNow + int64(hours)*hour)
		}
	}
	for name, x := range map[string]struct {
		edit func(*Snapshot, *Permit)
		now  int64
		code string
	}{
		"inside the window":              {window(2), modelNow + 2*hour - 1, ""},
		"at the end of the window":       {window(2), modelNow + 2*hour, "run_over"},
		"at the end of the slot":         {func(s *Snapshot, _ *Permit) { s.Change.Body.Start, s.Change.Body.End = modelNow, modelNow+hour }, modelNow + hour, "run_over"},
		"a way back after the window":    {func(s *Snapshot, p *Permit) { window(2)(s, p); p.Kind = wire.KindRollback }, modelNow + 3*hour, ""},
		"a way back after a day":         {func(_ *Snapshot, p *Permit) { p.Kind = wire.KindRollback }, modelNow + 24*hour, "run_over"},
		"without a window, approved yet": {func(s *Snapshot, _ *Permit) { s.Change.Body.Expires = modelNow + 100*hour }, modelNow + 99*hour, ""},
		"without one, after approvals":   {func(s *Snapshot, _ *Permit) { s.Change.Body.Expires = modelNow + 100*hour }, modelNow + 100*hour, "run_over"},
		"begun as approvals expired":     {func(s *Snapshot, _ *Permit) { s.Change.Body.Expires = modelNow + 1 }, modelNow + 23*hour, ""},
		"after its lease and the grace":  {func(_ *Snapshot, p *Permit) { p.Lease = modelNow }, modelNow + LeaseGrace.Microseconds(), "lease_over"},
	} {
		s := cleared(t)
		p := Permit{Change: s.Change.ID, Kind: wire.KindApply, Account: session(eve).Account, Person: eve, Outcome: Running, Issued: modelNow, Lease: x.now, Fence: 1}
		x.edit(s, &p)
		err := s.renew(p, session(eve), 1, x.now)
		if x.code == "" && err != nil || x.code != "" && !fault.Is(err, x.code) {
			t.Errorf("%s: %v, want %q", name, err, x.code)
		}
	}
}

// One approved creation brings one thing about. A report with a second one at its address is refused whole, and can be sent again right.
func TestAReportNamesOneThingAtAnAddress(t *testing.T) {
	t.Parallel()
	made := func(action, id string) wire.Receipt {
		return wire.Receipt{Address: "hcloud_server.web[2]", Action: action, Outcome: "done", ID: id}
	}
	for name, x := range map[string]struct {
		list []wire.Receipt
		code string
	}{
		"one":                           {[]wire.Receipt{made("create", "2")}, ""},
		"two created":                   {[]wire.Receipt{made("create", "2"), made("create", "13")}, "receipt_twice"},
		"another under another word":    {[]wire.Receipt{made("create", "2"), made("update", "13")}, "receipt_twice"},
		"removed, and what was deposed": {[]wire.Receipt{made("delete", "2"), made("delete", "1")}, ""},
		"replaced":                      {[]wire.Receipt{made("delete", "1"), made("create", "2")}, ""},
		"the same once more":            {[]wire.Receipt{made("create", "2"), made("update", "2")}, ""},
		"begun again after it failed":   {[]wire.Receipt{made("create", ""), made("create", "2")}, ""},
		"two addresses":                 {[]wire.Receipt{made("create", "2"), {Address: "hcloud_server.web[3]", Action: "create", Outcome: "done", ID: "3"}}, ""},
	} {
		s := cleared(t)
		p := Permit{Change: s.Change.ID, Kind: wire.KindApply, Account: session(eve).Account, Person: eve, Outcome: Running, Lease: modelNow, Fence: 1}
		err := s.finish(&p, session(eve), wire.GateClose{Fence: 1, Outcome: Success, Receipts: x.list}, modelNow)
		if x.code == "" && err != nil || x.code != "" && (!fault.Is(err, x.code) || p.Outcome != Running) {
			t.Errorf("%s: %v, outcome %s; want %q", name, err, p.Outcome, x.code)
		}
	}
}

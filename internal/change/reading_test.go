package change_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/db/dbtest"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
)

// stages are places where a change can stand, each made anew.
func stages(t *testing.T, o *office) map[string]func() change.Change {
	t.Helper()
	return map[string]func() change.Change{
		"draft": func() change.Change {
			c, err := o.File(t.Context(), o.as("ann"), configChange(o))
			must(t, err)
			return c
		},
		"awaiting": func() change.Change { return o.submitted(t) },
		"half": func() change.Change {
			c := o.submitted(t)
			c, err := o.Approve(t.Context(), o.as("sam"), c.ID, c.RevDigest, "")
			must(t, err)
			return c
		},
		"authorized": func() change.Change { return o.authorized(t) },
		"held": func() change.Change {
			c, err := o.Hold(t.Context(), o.as("sam"), o.authorized(t).ID, "wait")
			must(t, err)
			return c
		},
		"run":    func() change.Change { return o.ran(t, o.authorized(t).ID, 0) },
		"failed": func() change.Change { return o.ran(t, o.authorized(t).ID, 1) },
	}
}

// A page offers exactly what the engine would take: each act is asked for, by everybody, in every place,
// and then tried.
func TestWhatIsOfferedIsWhatIsTaken(t *testing.T) {
	t.Parallel()
	o := company(t)
	try := map[change.Act]func(who string, c change.Change) error{
		change.ActSubmit: func(who string, c change.Change) error {
			_, err := o.Submit(t.Context(), o.as(who), c.ID, c.RevDigest)
			return err
		},
		change.ActApprove: func(who string, c change.Change) error {
			_, err := o.Approve(t.Context(), o.as(who), c.ID, c.RevDigest, "")
			return err
		},
		change.ActReject: func(who string, c change.Change) error {
			_, err := o.Reject(t.Context(), o.as(who), c.ID, c.RevDigest, "no")
			return err
		},
		change.ActWithdraw: func(who string, c change.Change) error {
			_, err := o.Withdraw(t.Context(), o.as(who), c.ID, "")
			return err
		},
		change.ActHold: func(who string, c change.Change) error {
			_, err := o.Hold(t.Context(), o.as(who), c.ID, "stop")
			return err
		},
		change.ActRelease: func(who string, c change.Change) error {
			_, err := o.Release(t.Context(), o.as(who), c.ID, "")
			return err
		},
		change.ActCancel: func(who string, c change.Change) error {
			_, err := o.Cancel(t.Context(), o.as(who), c.ID, "no need")
			return err
		},
		change.ActSchedule: func(who string, c change.Change) error {
			now := o.clock.Now()
			_, err := o.Schedule(t.Context(), o.as(who), c.ID, now.UnixMicro(), now.Add(time.Hour).UnixMicro())
			return err
		},
		change.ActEdit: func(who string, c change.Change) error {
			m := configChange(o)
			m.Summary = "Another"
			_, err := o.Edit(t.Context(), o.as(who), c.ID, c.RevDigest, m)
			return err
		},
	}
	for name, stage := range stages(t, o) {
		for act, do := range try {
			for _, who := range []string{"ann", "sam", "erin", "ivo", "olga"} {
				c := stage()
				r, err := o.Read(t.Context(), o.as(who), c.ID)
				must(t, err)
				got := do(who, c)
				if r.May(act) != (got == nil) {
					t.Errorf("%s of a change that is %s by %s: offered %v, and then %v", act, name, who, r.May(act), got)
				}
				if want := r.Refused[act]; want != nil && fault.Of(want).Code != fault.Of(got).Code {
					t.Errorf("%s of a change that is %s by %s: foretold %s, and then %v", act, name, who, fault.Of(want).Code, got)
				}
			}
		}
	}
}

// Closing is offered with the codes that the records allow, to who may give them.
func TestOnlyHonestClosuresAreOffered(t *testing.T) {
	t.Parallel()
	o := company(t)
	for name, want := range map[string]int{"draft": 0, "authorized": 0, "failed": 2, "run": 0} {
		c := stages(t, o)[name]()
		r, err := o.Read(t.Context(), o.as("ann"), c.ID)
		must(t, err)
		if len(r.Closures) != want || r.May(change.ActClose) != (want > 0) {
			t.Errorf("a change that is %s can be closed as %v, want %d codes", name, r.Closures, want)
		}
	}
}

// What the page had shown is part of what is signed, and a decision over the API says nothing of it.
func TestTheStatementSaysWhatWasShown(t *testing.T) {
	t.Parallel()
	o := company(t)
	c := o.submitted(t)
	seen := change.Viewed{Render: seal.Digest("plumb.view.v1", []byte("page")), Pages: []string{seal.Raw([]byte("one"))}, Full: true}
	_, err := o.ApproveViewed(t.Context(), o.as("sam"), c.ID, c.RevDigest, "", seen)
	must(t, err)
	_, err = o.Approve(t.Context(), o.as("erin"), c.ID, c.RevDigest, "")
	must(t, err)
	v, err := o.Show(t.Context(), c.ID)
	must(t, err)
	for i, want := range []string{seen.Render, ""} {
		var env seal.Envelope
		must(t, json.Unmarshal([]byte(v.Decisions[i].Statement), &env))
		payload, err := base64.StdEncoding.DecodeString(env.Payload)
		must(t, err)
		if got := strings.Contains(string(payload), `"viewed"`); got != (want != "") || !strings.Contains(string(payload), want) {
			t.Errorf("statement %d = %s, want what was shown: %q", i, payload, want)
		}
	}
}

// A change gives out its own documents and no others.
func TestAChangeHoldsItsDocuments(t *testing.T) {
	t.Parallel()
	o := company(t)
	v, err := o.Show(t.Context(), o.submitted(t).ID)
	must(t, err)
	if !v.Holds(v.Checks[0].Blob) || v.Holds(seal.Raw([]byte("another"))) || v.Holds("") || v.Holds(v.Change.RevDigest) {
		t.Error("the evidence is the change's, and nothing else")
	}
}

// Plumbline offers to carry out what it does itself, once that is approved, to who the change names.
func TestOnlyWhoIsNamedIsOfferedToCarryItOut(t *testing.T) {
	t.Parallel()
	o := found(t, dbtest.NewClock())
	offered := func(who string, c change.Change, code string) {
		t.Helper()
		r, err := o.Read(t.Context(), o.as(who), c.ID)
		must(t, err)
		switch err := r.Refused[change.ActApply]; {
		case r.May(change.ActApply) != (code == ""):
			t.Errorf("a change that is %s: refused to %s with %v, want %q", c.State, who, err, code)
		case code != "":
			refused(t, err, code)
		}
	}
	offered("ivo", o.authorized(t), "not_ours")
	c := o.grant(t, "grant", "devops-lead", "ann")
	offered("ivo", c, "not_ours")
	o.approve(t, c, "sam", "erin", "olga")
	offered("pia", c, "not_allowed")
	offered("olga", c, "not_allowed")
	offered("ivo", c, "")
	_, err := o.Apply(t.Context(), o.as("ivo"), c.ID, "key")
	must(t, err)
	offered("ivo", c, "not_ours")
}

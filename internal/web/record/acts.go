package record

import (
	"strings"
	"time"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/web/frame"
	"plumbline.dev/plumb/internal/web/personal"
	"plumbline.dev/plumb/internal/web/ui"
	"plumbline.dev/plumb/internal/wire"
)

// deed does what one form asks and says what was done.
type deed func(v *frame.Visit, x *view) (done string, err error)

// timeless are the acts that fit any wording: stopping and speaking must not fail because somebody typed
// at the same time.
var timeless = map[string]bool{"comment": true, "hold": true}

// form is the frame of every form of the page: it is about the wording that its sender saw, it goes back
// to the page, and what is refused is shown again as it was typed.
func (p Pages) form(name string, do deed) func(*frame.Visit) error {
	return func(v *frame.Visit) error {
		if err := v.Form(); err != nil {
			return err
		}
		x, err := p.view(v)
		if err != nil {
			return err
		}
		if !timeless[name] && v.Value("seen") != x.R.Change.RevDigest {
			return p.again(v, name, reworded(x), x)
		}
		done, err := do(v, x)
		if err != nil {
			return p.again(v, name, err, x)
		}
		return v.Go(x.path(""), done)
	}
}

func reworded(x *view) error {
	return fault.New(fault.Stale, "page_changed", "The change was reworded since this page was sent: it is at revision %d now.", x.R.Change.Rev).
		About(string(x.ID())).FixedBy("you").Then("look at what changed, then do it again")
}

func (p Pages) submit(v *frame.Visit, x *view) (string, error) {
	c, err := p.Changes.Submit(v.Ctx(), v.Actor, x.ID(), v.Value("seen"))
	return "Submitted. The change is " + ui.Words(string(c.State)) + ".", err
}

func (p Pages) withdraw(v *frame.Visit, x *view) (string, error) {
	_, err := p.Changes.Withdraw(v.Ctx(), v.Actor, x.ID(), v.Value("comment"))
	return "Your approval is withdrawn.", err
}

func (p Pages) comment(v *frame.Visit, x *view) (string, error) {
	ctx, sent := personal.Once(v.Ctx(), v.Actor, v.Value(ui.OnceField), v.Wording())
	_, err := p.Changes.Remark(ctx, v.Actor, x.ID(), v.Value("text"))
	made, err := sent.Of(err)
	if made != "" {
		return personal.Twice, nil
	}
	return "Your comment is recorded.", err
}

func (p Pages) hold(v *frame.Visit, x *view) (string, error) {
	_, err := p.Changes.Hold(v.Ctx(), v.Actor, x.ID(), v.Value("comment"))
	return "The change is on hold: no permit opens.", err
}

func (p Pages) release(v *frame.Visit, x *view) (string, error) {
	_, err := p.Changes.Release(v.Ctx(), v.Actor, x.ID(), v.Value("comment"))
	return "The hold is ended.", err
}

func (p Pages) cancel(v *frame.Visit, x *view) (string, error) {
	_, err := p.Changes.Cancel(v.Ctx(), v.Actor, x.ID(), v.Value("comment"))
	return "The change is cancelled.", err
}

func (p Pages) acknowledge(v *frame.Visit, x *view) (string, error) {
	_, err := p.Changes.Acknowledge(v.Ctx(), v.Actor, x.ID(), v.Value("with"), v.Value("comment"))
	return "The conflict with " + v.Value("with") + " is accepted.", err
}

func (p Pages) verify(v *frame.Visit, x *view) (string, error) {
	passed := v.Value("passed")
	if passed != "yes" && passed != "no" {
		return "", fault.New(fault.Invalid, "no_answer", "Say whether the result is right.").At("passed", "is yes or no").Then("choose one and send it again")
	}
	_, err := p.Changes.Verify(v.Ctx(), v.Actor, x.ID(), change.Verification{Slot: v.Value("slot"), Passed: passed == "yes", Comment: v.Value("comment")})
	return "Your verification is recorded.", err
}

// timeForm is how a browser sends a date with a time, in the reader's zone.
const timeForm = "2006-01-02T15:04"

func (p Pages) schedule(v *frame.Visit, x *view) (string, error) {
	bad := fault.New(fault.Invalid, "bad_time", "The time cannot be read.").Then("choose both times and send it again")
	from, err := time.ParseInLocation(timeForm, v.Value("start"), v.Zone)
	if err != nil {
		bad.At("start", "is no date with a time")
	}
	until, err := time.ParseInLocation(timeForm, v.Value("end"), v.Zone)
	if err != nil {
		bad.At("end", "is no date with a time")
	}
	if len(bad.Fields) > 0 {
		return "", bad
	}
	_, err = p.Changes.Schedule(v.Ctx(), v.Actor, x.ID(), from.UnixMicro(), until.UnixMicro())
	return "The change is scheduled.", err
}

func (p Pages) close(v *frame.Visit, x *view) (string, error) {
	review, err := reviewOf(v)
	if err != nil {
		return "", err
	}
	c, err := p.Changes.Close(v.Ctx(), v.Actor, x.ID(), change.Closure(v.Value("closure")), review)
	return "Closed as " + ui.Words(string(c.Body.Closure)) + ".", err
}

// reviewOf reads the review of a form; one of which nothing is filled in is none.
func reviewOf(v *frame.Visit) (*change.Review, error) {
	r := &change.Review{Outcome: v.Value("outcome"), Causes: v.Value("causes")}
	for _, line := range strings.Split(v.Value("attendees"), ",") {
		if line = strings.TrimSpace(line); line != "" {
			r.Attendees = append(r.Attendees, line)
		}
	}
	if text := v.Value("action"); text != "" {
		due, err := time.ParseInLocation("2006-01-02", v.Value("due"), v.Zone)
		if err != nil {
			return nil, fault.New(fault.Invalid, "bad_time", "The action's date cannot be read.").At("due", "is no date").Then("choose a date and send it again")
		}
		r.Actions = append(r.Actions, change.Action{Text: text, Owner: v.Value("owner"), Due: due})
	}
	if r.Outcome == "" && r.Causes == "" && len(r.Attendees) == 0 && len(r.Actions) == 0 {
		return nil, nil
	}
	return r, nil
}

// apply executes a change to Plumbline itself. The form carries the key of the attempt, so that one
// pressed twice is one attempt.
func (p Pages) apply(v *frame.Visit, x *view) (string, error) {
	key := v.Value("key")
	if key == "" {
		key = seal.NewID("key")
	}
	verdict, err := p.Changes.Apply(v.Ctx(), v.Actor, x.ID(), key)
	if err != nil {
		return "", err
	}
	if verdict.Code != wire.ExitAllowed {
		return "", notNow(x, verdict)
	}
	return "It is done.", nil
}

func notNow(x *view, v wire.GateVerdict) error {
	why := "The gate does not let it start now."
	if len(v.Denials) > 0 {
		why = v.Denials[0].Text
	} else if len(v.Missing) > 0 {
		why = v.Missing[0].Why
	} else if v.Window != nil && v.Window.Text != "" {
		why = v.Window.Text
	}
	return fault.New(fault.Conflict, "gate_closed", "%s", why).About(string(x.ID())).FixedBy("who the change names").Then("plumb gate check %s", x.ID())
}

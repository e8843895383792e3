package findings

import (
	"time"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/reconcile"
	"plumbline.dev/plumb/internal/web/frame"
)

// deed does what one form asks and says what was done.
type deed func(v *frame.Visit) (f reconcile.Finding, done string, err error)

// answering is the frame of the three answers: what was refused is shown again as it was typed, on the page with the facts.
func (p Pages) answering(act string, do deed) func(*frame.Visit) error {
	return func(v *frame.Visit) error {
		if err := v.Form(); err != nil {
			return err
		}
		f, done, err := do(v)
		if err == nil {
			return v.Go(findingPath(f.ID), done)
		}
		return v.Again(err, func(status int, e *frame.Entry) error { return p.finding(v, status, act, e) })
	}
}

func (p Pages) adopt(v *frame.Visit) (f reconcile.Finding, done string, err error) {
	id, err := change.ParseID(v.Value("change"))
	if err != nil {
		return f, "", fault.New(fault.Invalid, "bad_id", "Name the change that asks for it after the fact.").At("change", "is the id of a change, such as CHG-000007").
			FixedBy("you").Then("file a change that names the finding, then name it here")
	}
	f, err = p.Match.Adopt(v.Ctx(), v.Actor, v.R.PathValue("id"), id, v.Value("reason"))
	if f.State == reconcile.Adopted {
		return f, string(id) + " is approved: the finding is adopted.", err
	}
	if f.Next != "" {
		return f, "The finding is closed when " + string(id) + " is approved. It waits for this: " + f.Next + ".", err
	}
	return f, "The finding is closed when " + string(id) + " is approved.", err
}

func (p Pages) revert(v *frame.Visit) (f reconcile.Finding, done string, err error) {
	f, err = p.Match.Revert(v.Ctx(), v.Actor, v.R.PathValue("id"), v.Value("reason"))
	if f.State == reconcile.Reverted {
		return f, "It was taken back already, and that was observed: the finding is closed.", err
	}
	if f.Disposition == reconcile.Unseen {
		return f, "The finding is closed when production shows what was approved.", err
	}
	return f, "The finding is closed when the reverse difference is observed.", err
}

// waiveForm is how a browser sends a date with a time, in the reader's zone.
const waiveForm = "2006-01-02T15:04"

func (p Pages) waive(v *frame.Visit) (f reconcile.Finding, done string, err error) {
	until, err := time.ParseInLocation(waiveForm, v.Value("until"), v.Zone)
	if err != nil {
		return f, "", fault.New(fault.Invalid, "bad_time", "That is no time.").At("until", "is a day and a time").FixedBy("you").Then("choose a time")
	}
	f, err = p.Match.Waive(v.Ctx(), v.Actor, v.R.PathValue("id"), until, v.Value("reason"))
	return f, "The finding is left as it is until then; after that it is open again.", err
}

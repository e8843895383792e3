package findings

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/reconcile"
	"plumbline.dev/plumb/internal/web/frame"
	"plumbline.dev/plumb/internal/web/ui"
)

// whole is what a finding's page shows.
type whole struct {
	desk
	Of      reconcile.Reading
	Asset   inventory.Whole
	Sources map[string]string // names of sources, by id
	Naming  []change.Change   // changes whose summary names the finding: one of them may ask for it after the fact
	May     bool              // the reader may decide on anything at all
	Files   bool              // the reader may file changes
	Act     string            // the form that was refused
	Entry   *frame.Entry
}

func (p Pages) show(v *frame.Visit) error { return p.finding(v, http.StatusOK, "", frame.Filled()) }

func (p Pages) finding(v *frame.Visit, status int, act string, e *frame.Entry) error {
	r, err := p.Match.Read(v.Ctx(), v.Actor, v.R.PathValue("id"))
	if err != nil {
		return err
	}
	d, err := p.desk(v, r.ID+" "+r.Name, here)
	if err != nil {
		return err
	}
	w := whole{desk: d, Of: r, May: v.Can(directory.ChangeDecide), Files: v.Can(directory.ChangeFile), Act: act, Entry: e, Sources: map[string]string{}}
	if r.Asset != "" { // what was approved and never came has none
		if w.Asset, err = p.Things.Show(v.Ctx(), string(r.Asset)); err != nil {
			return err
		}
	}
	list, err := p.Things.Sources(v.Ctx())
	if err != nil {
		return err
	}
	for _, c := range list {
		w.Sources[c.ID] = c.Name
	}
	if w.Naming, err = p.Changes.Search(v.Ctx(), r.ID, maxNaming); err != nil {
		return err
	}
	w.Naming = slices.DeleteFunc(w.Naming, func(c change.Change) bool { return !strings.Contains(c.Summary, r.ID) })
	return v.ShowAs(status, w.Frame, finding_(w))
}

// maxNaming is how many changes that name a finding are offered to adopt it.
const maxNaming = 5

// seen is the address of an answer to what the page shows: one that collects is answered with how much it was seen to hold.
func (w whole) seen(act string) string {
	if w.Of.Collects {
		return findingPath(w.Of.ID) + "@" + strconv.FormatInt(w.Of.Count, 10) + "/" + act
	}
	return findingPath(w.Of.ID) + "/" + act
}

// heading says what the list of differences holds, and in which order.
func (w whole) heading() string {
	if w.Of.Collects {
		return fmt.Sprintf("What it holds, doors first (%d)", w.Of.Count)
	}
	return fmt.Sprintf("Its differences, newest first (%d)", w.Of.Count)
}

// was and is say what the two values of the finding are.
func (w whole) was() string {
	if w.Of.Disposition == reconcile.Unseen {
		return "Approved"
	}
	return "Was"
}

func (w whole) is() string {
	if w.Of.Disposition == reconcile.Unseen {
		return "Seen"
	}
	return "Is"
}

// refused is why the reader may not answer; nil where they may.
func (w whole) refused() *fault.Error {
	if w.Of.Refused == nil {
		return nil
	}
	return fault.Of(w.Of.Refused)
}

// retroactive is the form of a change that asks for the difference after the fact, filled in as far as the finding says.
func (w whole) retroactive() string {
	q := url.Values{"category": {"configuration"}, "summary": {w.Of.ID + ": " + Told(w.Of.Finding)},
		"justification": {"Asks after the fact for what " + w.Of.ID + " found on " + w.Of.Name + "."}, "target": {string(w.Of.Asset)}}
	return "/changes/new?" + q.Encode()
}

// in makes a field of one of the forms, with what was typed when that form was refused. The forms share names of fields: each
// has ids of its own.
func (w whole) in(act string, i ui.In) ui.In {
	if w.Act == act {
		i = w.Entry.In(i)
	}
	i.Of = act
	return i
}

// naming is the one change that names the finding; "" where there is none or a choice.
func (w whole) naming() string {
	if len(w.Naming) == 1 {
		return string(w.Naming[0].ID)
	}
	return ""
}

package record

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/reconcile"
	"plumbline.dev/plumb/internal/web/frame"
	"plumbline.dev/plumb/internal/web/ui"
)

// fewClaims is how many effects the change's own page looks for; of more there is a page, in pages.
const fewClaims = 200

// outcome reads what the change asks for after the fact, and what became of the approved effects. The parts of the page that refresh themselves show none of it.
func (p Pages) outcome(v *frame.Visit, x *view) (err error) {
	if v.R.PathValue("part") != "" {
		return nil
	}
	if x.Adopted, err = p.Match.AdoptedBy(v.Ctx(), x.ID()); err != nil || len(x.R.Permits)+len(x.R.Decisions) == 0 {
		return err
	}
	if x.Claims, err = p.Match.Claimed(v.Ctx(), x.ID()); err != nil || x.Claims == 0 || x.Claims > fewClaims {
		return err
	}
	r, err := p.Match.Of(v.Ctx(), x.ID())
	x.Outcome = &r
	return err
}

// observed is the page of all approved effects of one change, with what was found while it ran.
type observed struct {
	*view
	Ends        []reconcile.End // of this page
	End         string          // the one that is shown alone; "" for all
	Next, First string
}

func (p Pages) observed(v *frame.Visit) error {
	x, err := p.view(v)
	if err != nil {
		return err
	}
	if x.Outcome == nil {
		r, err := p.Match.Of(v.Ctx(), x.ID())
		if err != nil {
			return err
		}
		x.Outcome = &r
	}
	o := observed{view: x, End: v.Value("end")}
	after, _ := strconv.Atoi(v.Value("after")) // what is no number begins at the first
	list := slices.Clone(x.Outcome.Ends)
	if o.End != "" {
		list = slices.DeleteFunc(list, func(e reconcile.End) bool { return e.End != o.End })
	}
	after = min(max(after, 0), len(list))
	o.Ends = list[after:min(after+fewClaims, len(list))]
	if after+fewClaims < len(list) {
		o.Next = o.at(after + fewClaims)
	}
	if after > 0 {
		o.First = o.at(0)
	}
	return v.Show(x.F, observedPage(o))
}

// at is this page with the filter, from a place in the list on.
func (o observed) at(after int) string {
	q := url.Values{}
	if o.End != "" {
		q.Set("end", o.End)
	}
	if after > 0 {
		q.Set("after", strconv.Itoa(after))
	}
	return o.path("/observed?" + q.Encode())
}

// ends are the outcomes of an effect, those that need somebody first, each with its colour and what it says.
var ends = []struct {
	End   string
	Tone  ui.Tone
	Means string
}{
	{reconcile.NotObserved, ui.Bad, "Two complete readings after the run did not show it."},
	{reconcile.ObservedDifferently, ui.Bad, "Production shows something else than was approved."},
	{reconcile.Awaited, ui.Warn, "It was not read twice since the run, or has not run."},
	{reconcile.Unobservable, ui.Calm, "No source covers it: it needs evidence by hand."},
	{reconcile.Observed, ui.Good, "Production shows it as approved."},
}

func endTone(end string) ui.Tone {
	for _, e := range ends {
		if e.End == end {
			return e.Tone
		}
	}
	return ui.Calm
}

// allowed says the value that an effect was approved with.
func allowed(e reconcile.End) string {
	switch {
	case e.Claim.Open:
		return "known after apply"
	case len(e.Claim.After) > 0:
		return e.Claim.After[0].Plain()
	}
	return ""
}

// explained are the differences that the change explains, and those that arose while it ran and it does not.
func (x *view) explained(yes bool) []reconcile.Match {
	if x.Outcome == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(x.Outcome.Matches), func(m reconcile.Match) bool { return m.Disposition.Explains() != yes })
}

// unanswered are the findings from its time that wait for somebody.
func (x *view) unanswered() []reconcile.Finding {
	if x.Outcome == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(x.Outcome.Findings), func(f reconcile.Finding) bool { return !f.Waits() })
}

// blocking says in a sentence what of production keeps the change from being closed as successful; "" for nothing.
func (x *view) blocking() string {
	if x.Outcome == nil || x.Outcome.Closable {
		return ""
	}
	var out []string
	if n := len(x.unanswered()); n > 0 {
		out = append(out, fault.Count(n, "finding from its time waits for an answer", "findings from its time wait for an answer"))
	}
	if n := x.Outcome.Counts[reconcile.NotObserved] + x.Outcome.Counts[reconcile.ObservedDifferently]; n > 0 {
		out = append(out, fault.Count(n, "approved effect is not what was seen", "approved effects are not what was seen"))
	}
	return strings.Join(out, ", ")
}

// blocked begins that sentence: a change that was closed is told what sources showed later.
func (x *view) blocked() string {
	switch c := x.R.Change; {
	case c.State != change.Closed:
		return "It cannot be closed as successful: "
	case c.Body.Closure == change.Successful:
		return "It was closed as successful, and production says otherwise: "
	}
	return "What production says: "
}

// count says how many effects came to an end.
func (x *view) count(end string) string {
	return fmt.Sprintf("%d %s", x.Outcome.Counts[end], ui.Words(end))
}

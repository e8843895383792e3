package record

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/evidence"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/reconcile"
	"plumbline.dev/plumb/internal/web/frame"
	"plumbline.dev/plumb/internal/web/personal"
	"plumbline.dev/plumb/internal/web/ui"
	"plumbline.dev/plumb/internal/wire"
)

// view is everything that the page of one change shows to one reader.
type view struct {
	F     ui.Frame
	R     change.Reading
	Me    string
	Plans []*planView
	All   []row // every resource
	Rows  []row // those on this page; none where the plan is read in pages
	Pages int   // of the plan; 0 where it is shown whole
	Read  map[int64]string
	Away  map[string]personal.Away // by person, where a slot is open

	Adopted []reconcile.Finding       // findings that it asks for after the fact
	Claims  int64                     // effects that were frozen when it was approved
	Outcome *reconcile.Reconciliation // what became of them; nil where there are none, or too many for this page

	Revisions []change.Revision // the newest, without their text
	Events    []ledger.Entry
	More      int64 // sequence number to go on from in the story; 0 at its end
	Last      change.Decision
	LastRev   int64               // the wording that it was about
	Since     contrast            // since the reader's last decision
	Texts     map[string]textView // of the files that are bound, by document
	Placed    []replaced          // what stands where they go

	Shown rendering // filled in while the page is sent
	Print bool

	Failed *fault.Error // of the form named Act
	Act    string
	Typed  map[string]string
	Moved  []string            // what changed since the form was sent
	Reword []change.Difference // how the wording changed since then

	read, file, decide bool // what the reader may do at all
}

// ID names the change.
func (x *view) ID() change.ID { return x.R.Change.ID }

// path is an address below the change's page.
func (x *view) path(rest string) string { return "/changes/" + string(x.ID()) + rest }

// storyLength is how many events the page shows at first.
const storyLength = 100

// storyBound is how many events the printed record holds.
const storyBound = 5000

func (p Pages) view(v *frame.Visit) (*view, error) {
	id, err := idOf(v)
	if err != nil {
		return nil, err
	}
	r, err := p.Changes.Read(v.Ctx(), v.Actor, id)
	if err != nil {
		return nil, err
	}
	x := &view{F: v.Frame(ui.Bare(string(id)+" "+r.Material.Summary), "/changes"), R: r, Me: string(v.Person.ID), Typed: map[string]string{}}
	x.file, x.decide = v.Can("change.file"), v.Can("change.decide")
	p.plans.tidy(v.Now)
	if x.Plans, err = p.plansOf(v.Ctx(), r.Material, v.Now); err != nil {
		return nil, err
	}
	if x.Texts, err = p.textsOf(v.Ctx(), r.Material); err != nil {
		return nil, err
	}
	if x.Placed, err = p.placed(v.Ctx(), x); err != nil {
		return nil, err
	}
	x.All = rowsOf(x.Plans)
	if x.Pages = pagesOf(len(x.All)); x.Pages == 0 {
		x.Rows = x.All
	} else if x.Read, err = p.Own.Seen(v.Ctx(), x.Me, x.mark()); err != nil {
		return nil, err
	}
	if len(r.Missing) > 0 {
		if x.Away, err = p.Own.Absences(v.Ctx()); err != nil {
			return nil, err
		}
	}
	if err := p.outcome(v, x); err != nil {
		return nil, err
	}
	if x.Revisions, err = p.Changes.Wordings(v.Ctx(), id); err != nil {
		return nil, err
	}
	if x.Events, err = p.Changes.Timeline(v.Ctx(), id, 0, storyLength+1); err != nil {
		return nil, err
	}
	if len(x.Events) > storyLength {
		x.More, x.Events = x.Events[storyLength].Seq, x.Events[:storyLength]
	}
	return x, p.sinceLast(v, x)
}

// everything reads the whole story, as far as a printed record goes.
func (p Pages) everything(v *frame.Visit, id change.ID) (out []ledger.Entry, err error) {
	for from := int64(0); len(out) < storyBound; {
		list, err := p.Changes.Timeline(v.Ctx(), id, from, 500)
		if err != nil || len(list) == 0 {
			return out, err
		}
		out = append(out, list...)
		from = list[len(list)-1].Seq + 1
	}
	return out, nil
}

// mark names the very revision of which somebody reads the plan in pages.
func (x *view) mark() string { return "plan " + string(x.ID()) + " " + x.R.Change.RevDigest }

// unread lists the pages of the plan that the reader has not acknowledged.
func (x *view) unread() []int {
	var out []int
	for n := 1; n <= x.Pages; n++ {
		if x.Read[int64(n)] == "" {
			out = append(out, n)
		}
	}
	return out
}

// revision says which wording a digest is of.
func (x *view) revision(digest string) string {
	for _, r := range x.Revisions {
		if r.Digest == digest {
			return "revision " + strconv.FormatInt(r.N, 10)
		}
	}
	return "an old revision"
}

// may reports whether a form is shown: the reader is allowed such acts at all, and the engine would take
// this one.
func (x *view) may(a change.Act, allowed bool) bool { return allowed && x.R.May(a) }

// whyNot is the sentence by which an act is refused.
func (x *view) whyNot(a change.Act) *fault.Error {
	if err := x.R.Refused[a]; err != nil {
		return fault.Of(err)
	}
	return nil
}

// name gives a person or service account a name; who has none left is shown by id.
func (x *view) name(id string) string {
	if id == "" {
		return "the server"
	}
	if n := x.R.Named(id); n != "" {
		return ui.Bare(n)
	}
	return ui.Bare(id)
}

// in makes a field of a form with what was typed when it was refused.
func (x *view) in(act string, i ui.In) ui.In {
	if x.Act != act {
		return i
	}
	i.Value = x.Typed[i.Name]
	if x.Failed != nil {
		for _, f := range x.Failed.Fields {
			if f.Path == i.Name {
				i.Wrong = "This " + f.Problem + "."
			}
		}
	}
	return i
}

// refusal is the refusal of one form, if it was that one.
func (x *view) refusal(act string) *fault.Error {
	if x.Act == act {
		return x.Failed
	}
	return nil
}

// at shows an instant in the reader's zone, the same whenever it is shown.
func (x *view) at(micros int64) string { return x.time(time.UnixMicro(micros)) }

func (x *view) time(t time.Time) string {
	zone := x.F.Zone
	if zone == nil {
		zone = time.UTC
	}
	return t.In(zone).Format("2 Jan 2006, 15:04 MST")
}

// window says in words when the change may start.
func (x *view) window() string {
	e, b := x.R.Material.Window, x.R.Change.Body
	var parts []string
	if !e.From.IsZero() {
		parts = append(parts, "from "+x.time(e.From))
	}
	if !e.Until.IsZero() {
		parts = append(parts, "until "+x.time(e.Until))
	}
	if len(parts) == 0 {
		parts = append(parts, "as soon as it is approved, while the approvals last")
	}
	if b.Start > 0 {
		parts = append(parts, "— scheduled "+x.at(b.Start)+" to "+x.at(b.End))
	}
	return strings.Join(parts, " ")
}

// check is one piece of evidence with what was read in it.
type check struct {
	change.CheckResult
	Result  evidence.Result
	Bound   bool // about something that this wording runs
	Newest  bool // of its kind and subject
	Demands []policy.Reason
}

// checks gives the evidence, the newest first.
func (x *view) checks() []check {
	var out []check
	seen := map[string]bool{}
	for _, c := range slices.Backward(x.R.Checks) {
		k := check{CheckResult: c, Bound: x.R.Material.Binds(c.Subject), Newest: !seen[c.Kind+" "+c.Subject]}
		seen[c.Kind+" "+c.Subject] = true
		if err := json.Unmarshal([]byte(c.Result), &k.Result); err != nil {
			k.Result = evidence.Result{} // its status stands in the row, and its words cannot be read
		}
		out = append(out, k)
	}
	return out
}

// lacking says what is wanted of a kind of evidence.
func (x *view) lacking(kind string) string {
	if why := x.R.Failed[kind]; why != "" {
		return ui.Bare(kind) + ": " + ui.Bare(why)
	}
	return "Missing, failing, too old, or about something else: " + ui.Bare(kind) + "."
}

// missing reports whether the policy still waits for a kind of evidence.
func (x *view) missing(kind string) bool { return slices.Contains(x.R.NeedCheck, kind) }

// open finds what is missing of a slot, nil when it is filled.
func (x *view) open(slot string) *policy.Missing {
	for i, m := range x.R.Missing {
		if m.Slot == slot {
			return &x.R.Missing[i]
		}
	}
	return nil
}

// filled gives who fills a slot.
func (x *view) filled(slot string) []string {
	for _, a := range x.R.Slots {
		if a.Slot == slot {
			return a.People
		}
	}
	return nil
}

// mine reports whether the reader could fill a slot.
func (x *view) mine(slot string) bool {
	m := x.open(slot)
	return m != nil && slices.ContainsFunc(m.Could, func(c policy.Candidate) bool { return c.Person == x.Me })
}

// report reads what an executor said at the end of a run.
func report(p change.Permit) (r wire.GateClose) {
	if err := json.Unmarshal([]byte(p.Report), &r); err != nil {
		return wire.GateClose{} // nothing was reported
	}
	return r
}

// grant says an access grant in a sentence.
func (x *view) grant(g change.Grant) string {
	who := x.name(g.Person)
	if g.Person == "" {
		who = "the group " + g.Group
	}
	until := ""
	if g.Until > 0 {
		until = ", until " + x.at(g.Until)
	}
	switch g.Op {
	case "grant":
		return who + " gets the role " + g.Role + until + "."
	case "revoke":
		return who + " loses the role " + g.Role + "."
	case "join":
		return who + " gets a place in the group " + g.Into + until + "."
	case "leave":
		return who + " loses the place in the group " + g.Into + "."
	}
	return "An operation that is not known here: " + g.Op + "."
}

// live makes an element fetch itself anew when the change moves.
func live(x *view, part string) templ.Attributes {
	if x.Print {
		return templ.Attributes{}
	}
	return templ.Attributes{"hx-get": x.path("/part/" + part), "hx-trigger": "live:" + string(x.ID()) + " from:body", "hx-swap": "outerHTML",
		"hx-headers": `{"X-Plumb-By-Itself":"1"}`}
}

// key is in for the one field that two buttons share.
func (x *view) key(act string, i ui.In) ui.In {
	if x.Act == "reject" {
		act = "reject"
	}
	return x.in(act, i)
}

func either(a, b *fault.Error) *fault.Error {
	if a != nil {
		return a
	}
	return b
}

// acting reports whether there is anything for the reader to do beside deciding.
func (x *view) acting() bool {
	if x.unsubmitted() != nil || x.decide && len(x.R.Accept)+len(x.R.Verifies) > 0 {
		return true
	}
	for _, a := range []change.Act{change.ActApply, change.ActClose, change.ActRelease, change.ActHold} {
		if x.may(a, x.decide) {
			return true
		}
	}
	for _, a := range []change.Act{change.ActSubmit, change.ActEdit, change.ActSchedule, change.ActCancel} {
		if x.may(a, x.file) {
			return true
		}
	}
	return false
}

// unsubmitted says to an author why a draft cannot be submitted as it is: what is missing, or who.
func (x *view) unsubmitted() *fault.Error {
	no := x.whyNot(change.ActSubmit)
	if no == nil || !x.file || !x.R.May(change.ActEdit) || x.R.Change.State != change.Draft && x.R.Change.State != change.Expired {
		return nil
	}
	return no
}

func (x *view) verifies() []string {
	if !x.decide {
		return nil
	}
	return x.R.Verifies
}

func (x *view) numbers() []ui.Option {
	var out []ui.Option
	for _, r := range x.Revisions {
		n := strconv.FormatInt(r.N, 10)
		out = append(out, ui.Option{Value: n, Text: "revision " + n + ", " + x.at(r.At)})
	}
	return out
}

// could names who could still fill a slot.
func (x *view) could(m *policy.Missing) string {
	var out []string
	for _, c := range m.Could {
		name := x.name(c.Person)
		if c.Role != m.Role {
			name += " (as " + ui.Words(c.Role) + ")"
		}
		out = append(out, name)
	}
	return strings.Join(out, ", ")
}

// toVerify lists what is still to be verified once something ran.
func (x *view) toVerify() []string {
	if x.R.Change.State == change.Closed || x.R.Change.State == change.Cancelled || len(x.R.Permits) == 0 {
		return nil
	}
	return x.R.Verify
}

// deciding reports whether there is a decision to make, to wait for or to take back.
func (x *view) deciding() bool {
	return x.Act == "approve" || x.Act == "reject" || x.R.May(change.ActApprove) || x.R.May(change.ActReject) || x.R.May(change.ActWithdraw) ||
		x.R.Change.State == change.AwaitingApproval || x.R.Change.State == change.Assessing
}

package findings

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/reconcile"
	"plumbline.dev/plumb/internal/web/frame"
	"plumbline.dev/plumb/internal/web/personal"
	"plumbline.dev/plumb/internal/web/ui"
)

// exceptions is the path of the pages of what is reviewed to happen without a change.
const exceptions = "/exceptions"

// exceptionRoutes are the pages of exceptions: standing authorizations, side effects and what is ignored.
func (p Pages) exceptionRoutes() []frame.Route {
	const read, decide = directory.InventoryRead, directory.ChangeDecide
	return []frame.Route{
		{Method: "GET", Path: exceptions, Need: read, Handle: p.listExceptions},
		{Method: "GET", Path: exceptions + "/new", Need: decide, Handle: p.askException},
		{Method: "POST", Path: exceptions + "/new", Need: decide, Handle: p.propose},
		{Method: "GET", Path: exceptions + "/{id}", Need: read, Handle: p.showException},
		{Method: "POST", Path: exceptions + "/{id}/accept", Need: decide, Handle: p.reviewing("accept", true)},
		{Method: "POST", Path: exceptions + "/{id}/refuse", Need: decide, Handle: p.reviewing("refuse", false)},
		{Method: "POST", Path: exceptions + "/{id}/end", Need: decide, Handle: p.endException},
	}
}

func exceptionPath(id string) string { return exceptions + "/" + id }

// excepted is what the page of all exceptions shows.
type excepted struct {
	desk
	State       string
	Rows        []reconcile.Mute
	May         bool // the reader may propose one
	Next, First string
}

func (p Pages) listExceptions(v *frame.Visit) error {
	d, err := p.desk(v, "Exceptions", exceptions)
	if err != nil {
		return err
	}
	before, _ := strconv.ParseInt(v.Value("before"), 10, 64) // what is no number begins at the newest
	x := excepted{desk: d, State: v.Value("state"), May: v.Can(directory.ChangeDecide)}
	if x.Rows, err = p.Match.MutesOf(v.Ctx(), x.State, before, pageSize); err != nil {
		return err
	}
	at := exceptions + "?"
	if x.State != "" {
		at += "state=" + x.State + "&"
	}
	if n := len(x.Rows); n == pageSize {
		x.Next = at + "before=" + strconv.FormatInt(x.Rows[n-1].N, 10)
	}
	if before > 0 {
		x.First = strings.TrimRight(at, "?&")
	}
	return v.Show(x.Frame, exceptionTable(x))
}

// exception is what the page of one exception shows.
type exception struct {
	desk
	Of    reconcile.MuteReading
	May   bool // the reader may decide on anything at all
	Act   string
	Entry *frame.Entry
}

func (p Pages) showException(v *frame.Visit) error {
	return p.exception(v, http.StatusOK, "", frame.Filled())
}

func (p Pages) exception(v *frame.Visit, status int, act string, e *frame.Entry) error {
	m, err := p.Match.ReadMute(v.Ctx(), v.Actor, v.R.PathValue("id"))
	if err != nil {
		return err
	}
	d, err := p.desk(v, m.ID, exceptions)
	if err != nil {
		return err
	}
	return v.ShowAs(status, d.Frame, exceptionPage(exception{desk: d, Of: m, May: v.Can(directory.ChangeDecide), Act: act, Entry: e}))
}

// in makes a field of one of the forms, with what was typed when that form was refused.
func (x exception) in(act string, i ui.In) ui.In {
	if x.Act == act || act == "review" && (x.Act == "accept" || x.Act == "refuse") {
		i = x.Entry.In(i)
	}
	i.Of = act
	return i
}

// op says what an exception lets happen.
func op(o string) string {
	return map[string]string{"create": "appears:", "delete": "is gone:"}[o]
}

// decided shows an exception again with the form that was refused, or goes to its page with what was done.
func (p Pages) decided(v *frame.Visit, act, done string, m reconcile.Mute, err error) error {
	if err == nil {
		return v.Go(exceptionPath(m.ID), done)
	}
	return v.Again(err, func(status int, e *frame.Entry) error { return p.exception(v, status, act, e) })
}

func (p Pages) reviewing(act string, accept bool) func(*frame.Visit) error {
	done := map[bool]string{true: "The exception works until it expires.", false: "The exception is refused."}[accept]
	return func(v *frame.Visit) error {
		if err := v.Form(); err != nil {
			return err
		}
		m, err := p.Match.Review(v.Ctx(), v.Actor, v.R.PathValue("id"), accept, v.Value("reason"))
		return p.decided(v, act, done, m, err)
	}
}

func (p Pages) endException(v *frame.Visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	m, err := p.Match.Unmute(v.Ctx(), v.Actor, v.R.PathValue("id"), v.Value("reason"))
	return p.decided(v, "end", "The exception is ended: it explains nothing any more.", m, err)
}

// proposal is the form of a new exception.
type proposal struct {
	desk
	Entry *frame.Entry
}

// proposed are the fields of a proposal that an address may fill in.
var proposed = []string{"kind", "reason", "asset", "class", "type", "name", "env", "path", "op", "values", "min", "max", "actor", "security", "share", "expires"}

func (p Pages) askException(v *frame.Visit) error {
	pairs := []string{"kind", string(reconcile.Automation), "op", string(inventory.Updated), "share", "20",
		"expires", v.Now.Add(90 * 24 * time.Hour).In(v.Zone).Format("2006-01-02")}
	e := frame.Filled(pairs...)
	for _, name := range proposed {
		if s := v.Value(name); s != "" {
			e.Values.Set(name, s)
		}
	}
	return p.askWith(v, http.StatusOK, e)
}

func (p Pages) askWith(v *frame.Visit, status int, e *frame.Entry) error {
	d, err := p.desk(v, "New exception", exceptions)
	if err != nil {
		return err
	}
	return v.ShowAs(status, d.Frame, proposalPage(proposal{d, e}))
}

func (p Pages) propose(v *frame.Visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	m, err := p.typedException(v)
	ctx, sent := personal.Once(v.Ctx(), v.Actor, v.Value(ui.OnceField), v.Wording())
	if err == nil {
		m, err = p.Match.Propose(ctx, v.Actor, m)
	}
	made, err := sent.Of(err)
	if made != "" {
		return v.Go(exceptionPath(made), personal.Twice)
	}
	if err != nil {
		return v.Again(err, func(status int, e *frame.Entry) error { return p.askWith(v, status, e) })
	}
	return v.Go(exceptionPath(m.ID), "It is proposed. It works after a Security Officer who did not propose it has reviewed it.")
}

// typedException reads the form of a proposal.
func (p Pages) typedException(v *frame.Visit) (m reconcile.Mute, err error) {
	e := fault.New(fault.Invalid, "bad_mute", "The exception cannot be taken.").FixedBy("you").Then("mend what is marked and send it again")
	m = reconcile.Mute{Kind: reconcile.MuteKind(v.Value("kind")), Reason: v.Value("reason"), Asset: strings.ToUpper(v.Value("asset")), Class: v.Value("class"),
		Type: v.Value("type"), Name: v.Value("name"), Env: v.Value("env"), Path: v.Value("path"), Op: v.Value("op"), Actor: v.Value("actor"),
		Security: v.Value("security") != ""}
	for _, line := range strings.Split(v.Value("values"), "\n") {
		if line = strings.TrimSpace(line); line != "" {
			m.Values = append(m.Values, line)
		}
	}
	for name, into := range map[string]*int64{"min": &m.Min, "max": &m.Max, "share": &m.Share} {
		typed := v.Value(name)
		if typed == "" {
			continue
		}
		n, err := strconv.ParseInt(typed, 10, 64)
		if err != nil {
			e.At(name, "is a whole number")
		}
		*into = n
	}
	until, err := time.ParseInLocation("2006-01-02", v.Value("expires"), v.Zone)
	if err != nil {
		e.At("expires", "is a day")
	}
	if len(e.Fields) > 0 {
		return m, e
	}
	m.Expires = until.AddDate(0, 0, 1).UnixMicro() // to the end of that day
	return m, nil
}

func muteTone(state string) ui.Tone {
	switch state {
	case reconcile.Active:
		return ui.Good
	case reconcile.Proposed:
		return ui.Warn
	}
	return ui.Calm
}

// kinds are the kinds of exception with what each is for.
func kinds() []ui.Option {
	return []ui.Option{{Value: string(reconcile.Automation), Text: "standing: an automation may do this"},
		{Value: string(reconcile.SideEffect), Text: "side effect: follows from what is explained elsewhere"},
		{Value: string(reconcile.Ignore), Text: "ignore: says nothing about production"}}
}

// where says in which place an exception holds.
func where(m reconcile.Mute) string {
	out := []string{}
	for _, x := range [][2]string{{"", m.Asset}, {"", m.Name}, {"class ", m.Class}, {"type ", m.Type}, {"in ", m.Env}} {
		if x[1] != "" {
			out = append(out, x[0]+x[1])
		}
	}
	return strings.Join(out, ", ")
}

// Lets says in one line what an exception lets happen.
func Lets(m reconcile.Mute) string {
	op := m.Op
	if op == "" {
		op = string(inventory.Updated)
	}
	return strings.TrimSpace(op+" "+m.Path) + ", " + where(m)
}

// bounds says which values an exception allows.
func bounds(m reconcile.Mute) string {
	switch {
	case len(m.Values) > 0:
		return "to " + strings.Join(m.Values, ", ")
	case m.Min != 0 || m.Max > 0:
		return "to a number from " + strconv.FormatInt(m.Min, 10) + " to " + strconv.FormatInt(m.Max, 10)
	}
	return "to any value"
}

package things

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/reconcile"
	"plumbline.dev/plumb/internal/web/frame"
)

// whole is what an asset's page shows.
type whole struct {
	desk
	Of        inventory.Whole
	At        string            // the instant that was asked for, as it was typed; "" for now
	Sources   map[string]string // names of sources, by id
	History   []inventory.Difference
	Next      string // address of older differences
	First     string // address of the newest ones; "" there
	Questions []inventory.Question
	Words     []inventory.IdentityWord
	Entry     *frame.Entry
	Act       string                     // the identity form that was refused
	Identity  *frame.Entry               // what was typed into it
	Found     map[string]reconcile.Match // what the differences were found to be, by id
	Waiting   []reconcile.Finding        // that wait for an answer
}

func (p Pages) show(v *frame.Visit) error { return p.asset(v, http.StatusOK, nil) }

func (p Pages) asset(v *frame.Visit, status int, e *frame.Entry) error {
	return p.assetWith(v, status, "", e)
}

// assetWith is the page of an asset with a form that was refused: act names one of the identity forms, "" the labels.
func (p Pages) assetWith(v *frame.Visit, status int, act string, e *frame.Entry) error {
	w, err := p.wholeOf(v)
	if err != nil {
		return err
	}
	d, err := p.desk(v, w.Of.Name, here)
	if err != nil {
		return err
	}
	w.desk, w.Entry = d, e
	if w.Act = act; e == nil || act != "" {
		w.Entry, w.Identity = d.filledLabels(w.Of.Asset), e
	}
	if other := v.R.URL.Query().Get("other"); act == "" && other != "" { // a question asked whether that is this
		w.Act, w.Identity = "merge", frame.Filled("other", other)
	}
	if w.Sources, err = p.sourceNames(v); err != nil {
		return err
	}
	if err := p.past(v, &w); err != nil {
		return err
	}
	if w.Waiting, err = p.Match.Findings(v.Ctx(), reconcile.Filter{State: "waiting", Asset: string(w.Of.ID), Limit: pageSize}); err != nil {
		return err
	}
	if w.Words, err = p.Things.IdentityWords(v.Ctx(), string(w.Of.ID)); err != nil {
		return err
	}
	if w.Questions, err = p.Things.QuestionsAbout(v.Ctx(), w.Of.ID); err != nil {
		return err
	}
	return v.ShowAs(status, w.Frame, asset_(w))
}

// wholeOf is the asset, as of the instant that the address names.
func (p Pages) wholeOf(v *frame.Visit) (w whole, err error) {
	id := v.R.PathValue("id")
	if w.At = v.R.URL.Query().Get("at"); w.At == "" {
		w.Of, err = p.Things.Show(v.Ctx(), id)
		return w, err
	}
	at, err := instant(w.At, v.Zone)
	if err != nil {
		return w, err
	}
	w.Of, err = p.Things.AsOf(v.Ctx(), id, at)
	return w, err
}

// instant reads what a field for a day and a time holds, in the reader's zone.
func instant(typed string, zone *time.Location) (time.Time, error) {
	for _, form := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05"} {
		if t, err := time.ParseInLocation(form, typed, zone); err == nil {
			return t, nil
		}
	}
	t, err := time.Parse(time.RFC3339Nano, typed)
	if err != nil {
		return t, fault.New(fault.Invalid, "bad_time", "That is no time.").At("at", "is a day and a time like 2026-11-23T14:05").FixedBy("you").Then("choose a time")
	}
	return t, nil
}

// past loads a page of the asset's differences.
func (p Pages) past(v *frame.Visit, w *whole) (err error) {
	before, _ := strconv.ParseInt(v.R.URL.Query().Get("before"), 10, 64) // what is no number begins at the newest
	if w.History, err = p.Things.History(v.Ctx(), w.Of.ID, before, pageSize); err != nil {
		return err
	}
	if n := len(w.History); n > 0 {
		if w.Found, err = p.Match.FoundOn(v.Ctx(), w.Of.ID, w.History[n-1].N, w.History[0].N); err != nil {
			return err
		}
	}
	if n := len(w.History); n == pageSize {
		w.Next = assetPath(w.Of.ID) + "?before=" + strconv.FormatInt(w.History[n-1].N, 10)
	}
	if before > 0 {
		w.First = assetPath(w.Of.ID)
	}
	return nil
}

func (p Pages) sourceNames(v *frame.Visit) (map[string]string, error) {
	list, err := p.Things.Sources(v.Ctx())
	out := map[string]string{}
	for _, c := range list {
		out[c.ID] = c.Name
	}
	return out, err
}

// filledLabels is the label form with what stands.
func (d desk) filledLabels(a inventory.Asset) *frame.Entry {
	pairs := []string{}
	for _, key := range inventory.Labels() {
		value := a.Given(key)
		if key == inventory.LabelOwner {
			value = d.name(value)
		}
		pairs = append(pairs, key, value)
	}
	return frame.Filled(pairs...)
}

// label asserts the labels that the form holds otherwise than they stand.
func (p Pages) label(v *frame.Visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	d, err := p.desk(v, "", here)
	if err != nil {
		return err
	}
	w, err := p.Things.Show(v.Ctx(), v.R.PathValue("id"))
	if err != nil {
		return err
	}
	set, stand := map[string]string{}, d.filledLabels(w.Asset)
	for _, key := range inventory.Labels() {
		typed := v.Value(key)
		if typed == "" || typed == stand.Values.Get(key) {
			continue
		}
		if key == inventory.LabelOwner {
			typed = d.owner(typed)
		}
		set[key] = typed
	}
	if _, err := p.Things.SetLabels(v.Ctx(), v.Actor, string(w.ID), set, v.Value("reason"), v.Value("change")); err != nil {
		return v.Again(err, func(status int, e *frame.Entry) error { return p.asset(v, status, e) })
	}
	return v.Go(assetPath(w.ID), "The labels are set.")
}

// gap says why the owner of a living asset of production does not answer for it; "" where they do.
func (w whole) gap() string {
	if w.At != "" {
		return ""
	}
	return map[inventory.OwnerGap]string{inventory.Departed: "left", inventory.Nobody: "is a group without an active person",
		inventory.Unknown: "is no person or group that is known"}[w.Of.Gap(w.roster)]
}

// asked is what the page of questions shows.
type asked struct {
	desk
	Rows   []inventory.Question
	Behind map[string]int64 // by kind, how many more are open
	Entry  *frame.Entry     // the answer that was refused
}

func (p Pages) questions(v *frame.Visit) error { return p.questionsWith(v, http.StatusOK, nil) }

// questionsWith is the page of questions with an answer that was refused.
func (p Pages) questionsWith(v *frame.Visit, status int, e *frame.Entry) error {
	d, err := p.desk(v, "Questions", "/questions")
	if err != nil {
		return err
	}
	a := asked{desk: d, Entry: e}
	if a.Rows, err = p.Things.Questions(v.Ctx()); err != nil {
		return err
	}
	if a.Behind, err = p.Things.Behind(v.Ctx()); err != nil {
		return err
	}
	if e != nil {
		if a.Rows, err = p.withAnswered(v, a.Rows); err != nil {
			return err
		}
	}
	return v.ShowAs(status, a.Frame, questions_(a))
}

// withAnswered puts the question that somebody tried to answer above the listed ones, where it is none of these: an asset's page has all of its own.
func (p Pages) withAnswered(v *frame.Visit, list []inventory.Question) ([]inventory.Question, error) {
	is := func(q inventory.Question) bool { return q.ID == v.R.PathValue("id") }
	if slices.ContainsFunc(list, is) {
		return list, nil
	}
	own, err := p.Things.QuestionsAbout(v.Ctx(), inventory.AssetID(v.Value("asset")))
	own = slices.DeleteFunc(own, func(q inventory.Question) bool { return !is(q) })
	return append(own, list...), err
}

// typedAnswer gives what was typed into a field of the answer to a question that was refused; e is nil where none was.
func typedAnswer(e *frame.Entry, q inventory.Question, name string) string {
	if e == nil || e.Values.Get("question") != q.ID {
		return ""
	}
	return e.Values.Get(name)
}

func (p Pages) decide(v *frame.Visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	if _, err := p.Things.Decide(v.Ctx(), v.Actor, v.R.PathValue("id"), inventory.Whose{Source: v.Value("source"), Reason: v.Value("reason")}); err != nil {
		return v.Again(err, func(status int, e *frame.Entry) error { return p.questionsWith(v, status, e) })
	}
	return v.Go("/questions", "The question is answered; that source's word counts from now on.")
}

func (p Pages) answer(v *frame.Visit) error {
	if _, err := p.Things.Answer(v.Ctx(), v.Actor, v.R.PathValue("id")); err != nil {
		return err
	}
	return v.Go("/questions", "The question is closed as it stands.")
}

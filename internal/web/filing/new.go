package filing

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/web/frame"
	"plumbline.dev/plumb/internal/web/personal"
)

func (p Pages) world(v *frame.Visit) (w world, err error) {
	w.zone = v.Zone
	if w.roster, err = p.people.Roster(v.Ctx()); err != nil {
		return w, err
	}
	w.pack, err = p.changes.Pack(v.Ctx())
	return w, err
}

// begin shows the choice of what to ask for, or the form once that is chosen.
func (p Pages) begin(v *frame.Visit) error {
	w, err := p.world(v)
	if err != nil {
		return err
	}
	q := v.R.URL.Query()
	t := typed{}
	for name, list := range q {
		for _, s := range list {
			if err := t.keep(name, s); err != nil {
				return err
			}
		}
	}
	switch {
	case q.Get("draft") != "":
		return p.resume(v, w, q.Get("draft"))
	case q.Get("from") != "":
		return p.clone(v, w, q.Get("from"))
	case q.Get("model") != "":
		m, ok := w.pack.Model(q.Get("model"))
		if !ok {
			return fault.New(fault.NotFound, "no_model", "The policy in force has no such standard model.").FixedBy("you").Then("choose one from the list")
		}
		t.set("type", "standard")
		t.set("category", m.Category)
	case q.Get("category") == "":
		return p.choose(v, http.StatusOK, w, chooser{})
	}
	t.usual(w)
	return p.show(v, http.StatusOK, page{w: w, t: t})
}

// usual fills in what changes of access have in common: they touch the system that decides who may.
func (t typed) usual(w world) {
	c, _ := w.pack.Category(t.get("category"))
	if !slices.Contains(c.Bindings, change.AccessGrant) {
		return
	}
	const own = "change-control"
	if _, ok := w.pack.Component(own); ok {
		t.fill("component", own)
	}
	if _, ok := w.pack.Target(own); ok {
		t.fill("target", own)
	}
	t.fill("rb.text", "Undo it by the same kind of change.")
}

// accessTitle is the title of a change of access that has none.
func accessTitle(t typed, row string) string {
	words := map[string]string{"grant": "Grant %s to %s", "revoke": "Revoke %s from %s", "join": "Let %[2]s join %[1]s", "leave": "Let %[2]s leave %[1]s"}
	format, ok := words[t.get(row+".op")]
	if !ok {
		return ""
	}
	what := t.get(row + ".role")
	if what == "" {
		what = t.get(row + ".into")
	}
	return fmt.Sprintf(format, what, strings.TrimPrefix(t.get(row+".who"), "@"))
}

// resume goes on with a draft.
func (p Pages) resume(v *frame.Visit, w world, id string) error {
	d, err := p.own.Draft(v.Ctx(), v.Actor.Person, id)
	if err != nil {
		return err
	}
	t, err := decode(d.Body)
	if err != nil {
		return err
	}
	if c := t.get("change"); c != "" && v.R.PathValue("id") == "" {
		return v.Go("/changes/"+url.PathEscape(c)+"/edit?draft="+url.QueryEscape(id), "")
	}
	t.set("draft", id)
	return p.show(v, http.StatusOK, page{w: w, t: t})
}

// clone begins a change worded like another: without its window, its evidence and its decisions, and with
// what it ran marked to be renewed.
func (p Pages) clone(v *frame.Visit, w world, from string) error {
	id, err := change.ParseID(from)
	if err != nil {
		return err
	}
	c, err := p.changes.Show(v.Ctx(), id)
	if err != nil {
		return err
	}
	c.Material.Window = change.Envelope{}
	t := written(c.Material, w)
	for _, row := range t.rows("b") {
		t.set(row+".renew", string(id))
	}
	for _, row := range t.rows("g") {
		t.set(row+".until", "")
	}
	return p.show(v, http.StatusOK, page{w: w, t: t, said: "Worded like " + string(id) + ". Its window, evidence and approvals stay there; look at what will be run, and renew it."})
}

// chooser is the page before the form.
type chooser struct {
	drafts  []personal.Draft
	models  []policy.Model
	active  map[string]bool
	pasted  string
	refused *fault.Error
}

func (p Pages) choose(v *frame.Visit, status int, w world, c chooser) (err error) {
	if c.drafts, err = p.own.Drafts(v.Ctx(), v.Actor.Person); err != nil {
		return err
	}
	standing, err := p.changes.Models(v.Ctx())
	if err != nil {
		return err
	}
	c.models, c.active = w.pack.Models, map[string]bool{}
	for _, m := range standing {
		digest, err := w.pack.ModelDigest(m.ID)
		c.active[m.ID] = err == nil && m.State == change.ModelActive && m.Digest == digest
	}
	f := v.Frame("New change", "/changes")
	return v.ShowAs(status, f, choice(f, w, c))
}

// page is what is to be shown of a form.
type page struct {
	w       world
	t       typed
	id      change.ID
	said    string
	more    string
	refused *fault.Error
	wrong   map[string]string
	newer   *newer
}

// sheet makes the form out of what was typed, with what the policy says of it.
func (p Pages) sheet(v *frame.Visit, g page) (sheet, error) {
	s := sheet{t: g.t, w: g.w, id: g.id, wrong: g.wrong, refused: g.refused, said: g.said, more: g.more, newer: g.newer, people: g.w.roster.Usable(), asked: map[string]bool{}}
	g.t.fill("once", personal.Token())
	var ok bool
	if s.category, ok = g.w.pack.Category(g.t.get("category")); !ok {
		return s, noCategory()
	}
	if g.t.get("type") == "standard" {
		s.model, _ = g.w.pack.Model(g.t.get("model"))
	}
	s.title, s.action = s.category.Title, "/changes/new"
	if g.id != "" {
		s.title, s.action = "Edit "+string(g.id), "/changes/"+string(g.id)+"/edit"
	}
	m, r := g.t.material(g.w)
	f, err := p.changes.Foresee(v.Ctx(), v.Actor, g.id, r.readable(m))
	if err == nil {
		s.forecast = &f
	} else if f := fault.Of(err); f.Kind == fault.Internal {
		return s, err
	} else if s.refused == nil {
		s.refused = r.humane(f)
	}
	for _, path := range s.category.Fields {
		s.asked[path] = true
	}
	if s.forecast == nil { // what is typed is not readable yet: the fields are those of an empty form
		f, err = p.changes.Foresee(v.Ctx(), v.Actor, "", change.Material{Type: "normal", Category: s.category.Name})
	}
	if err == nil && f.Demand != nil {
		for _, x := range f.Demand.Fields {
			s.asked[x.Path] = true
		}
	}
	if s.wrong == nil {
		s.wrong = map[string]string{}
	}
	for name, why := range r.wrong {
		if s.wrong[name] == "" {
			s.wrong[name] = why
		}
	}
	return s, nil
}

func noCategory() *fault.Error {
	return fault.New(fault.NotFound, "no_category", "The policy in force has no such category.").FixedBy("you").Then("choose one from the list")
}

// readable is the wording without the rows that cannot be read yet.
func (r *reading) readable(m change.Material) change.Material {
	m.Bindings = slices.DeleteFunc(slices.Clone(m.Bindings), func(b change.Binding) bool {
		return !isDigest(b.Digest) || b.Grant != nil && b.Grant.Person+b.Grant.Group == ""
	})
	m.Implementers = slices.DeleteFunc(slices.Clone(m.Implementers), func(x change.Executor) bool { return x.Person+x.Account == "" })
	if b := m.Rollback.Binding; b != nil && !isDigest(b.Digest) {
		m.Rollback.Binding = nil
	}
	return m
}

func (p Pages) show(v *frame.Visit, status int, g page) error {
	s, err := p.sheet(v, g)
	if err != nil {
		return err
	}
	s.f = v.Frame(s.title, "/changes")
	return v.ShowAs(status, s.f, form(s))
}

// preview answers what the policy says of a form, for the part of the page that shows it.
func (p Pages) preview(v *frame.Visit) error {
	g, err := p.arrive(v)
	if err != nil {
		return err
	}
	if v.R.Header.Get("HX-Request") == "" {
		return p.show(v, http.StatusOK, g)
	}
	s, err := p.sheet(v, g)
	if err != nil {
		return err
	}
	return v.Part(outlook(s))
}

// arrive reads a form that came in, with its files and what was pasted. Its refusal, if any, is in the page.
func (p Pages) arrive(v *frame.Visit) (g page, err error) {
	if g.w, err = p.world(v); err != nil {
		return g, err
	}
	g.t, err = p.intake(v, p.receive(v.Ctx(), g.w))
	g.t.tidy()
	if id := v.R.PathValue("id"); id != "" {
		g.t.set("change", id)
	}
	if id := g.t.get("change"); id != "" {
		var wrong error
		if g.id, wrong = change.ParseID(id); wrong != nil {
			return g, wrong
		}
	}
	if g.t.get("category") == "" {
		g.t.set("category", guess(g.t, g.w))
	}
	if _, ok := g.w.pack.Category(g.t.get("category")); !ok {
		return g, noCategory()
	}
	t := g.t
	if row := t.rows("g"); len(row) > 0 && t.get("summary") == "" {
		t.set("summary", accessTitle(t, row[0]))
	}
	said, wrong := p.paste(v.Ctx(), g.t)
	g.said = said
	if err == nil {
		err = wrong
	}
	if err != nil {
		if g.refused = fault.Of(err); g.refused.Kind == fault.Internal {
			return g, err
		}
		_, r := g.t.material(g.w)
		g.wrong = map[string]string{}
		r.wrong = g.wrong
		r.blame(g.refused)
		g.refused = r.humane(g.refused)
	}
	g.more, _ = strings.CutPrefix(g.t.get("do"), "row.")
	return g, nil
}

// guess is the category that a paste on the first page most likely is about.
func guess(t typed, w world) string {
	f, ok := Recognise(t.get("paste"))
	kind := "git-commit"
	switch {
	case ok && f.Plan != "":
		kind = "tf-plan"
	case ok && len(f.Images) > 0:
		kind = "oci-image"
	}
	for _, c := range w.pack.Categories {
		if slices.Contains(c.Bindings, kind) {
			return c.Name
		}
	}
	return w.pack.Categories[0].Name
}

// sendNew takes the form of a new change.
func (p Pages) sendNew(v *frame.Visit) error {
	g, err := p.arrive(v)
	if err != nil {
		return err
	}
	do := g.t.get("do")
	switch {
	case g.refused != nil && do == "begin":
		return p.choose(v, frame.Kind(g.refused.Kind).Status, g.w, chooser{refused: g.refused, pasted: short(g.t.get("paste"))})
	case g.refused != nil:
		return p.refuse(v, g)
	case do == "draft":
		return p.keepDraft(v, g)
	case do == "file" || do == "submit":
		return p.file(v, g, do == "submit")
	}
	return p.show(v, http.StatusOK, g)
}

// short is a pasted text that comes back; a long one is better pasted again.
func short(s string) string {
	if len(s) > maxTyped {
		return ""
	}
	return s
}

func (p Pages) refuse(v *frame.Visit, g page) error {
	g.t.set("paste", short(g.t.get("paste")))
	return p.show(v, frame.Kind(g.refused.Kind).Status, g)
}

// because shows the form again with the refusal of a desk; what is not for the asker goes on as an error.
func (p Pages) because(v *frame.Visit, g page, r *reading, err error) error {
	f, _ := v.Refusal(err)
	if f == nil || f.Kind == fault.Unauthenticated {
		return err
	}
	r.blame(f)
	g.refused, g.wrong = r.humane(f), r.wrong
	return p.refuse(v, g)
}

// file files the change, and submits it where that was asked. What the policy would refuse is refused
// before anything is filed.
func (p Pages) file(v *frame.Visit, g page, submit bool) error {
	m, r := g.t.material(g.w)
	if f := r.unreadable(); f != nil {
		g.refused, g.wrong = f, r.wrong
		return p.refuse(v, g)
	}
	if submit {
		if err := p.ready(v, g, r, m); err != nil {
			return p.because(v, g, r, err)
		}
	}
	ctx, sent, err := once(v, g, m)
	if err != nil {
		return err
	}
	c, err := p.changes.File(ctx, v.Actor, m)
	if sent.Before {
		return p.again(v, g, sent, submit)
	}
	if err != nil {
		return p.because(v, g, r, err)
	}
	p.forget(v, g.t.get("draft"))
	done := string(c.ID) + " is filed. Submit it when it is complete."
	return p.end(v, c, submit, done)
}

// end submits where asked and goes to the change.
func (p Pages) end(v *frame.Visit, c change.Change, submit bool, done string) error {
	path := "/changes/" + string(c.ID)
	if !submit {
		return v.Go(path, done)
	}
	c, err := p.changes.Submit(v.Ctx(), v.Actor, c.ID, c.RevDigest)
	if err != nil {
		f := fault.Of(err)
		if f.Kind == fault.Internal {
			return err
		}
		return v.Go(path, done+" It is not submitted: "+f.Message)
	}
	if c.State == change.Assessing {
		return v.Go(path+"/evidence", string(c.ID)+" is submitted. It waits for evidence before anybody is asked.")
	}
	return v.Go(path, string(c.ID)+" is submitted and is "+strings.ReplaceAll(string(c.State), "_", " ")+".")
}

// ready refuses to file and submit what cannot be submitted, field by field.
func (p Pages) ready(v *frame.Visit, g page, r *reading, m change.Material) error {
	f, err := p.changes.Foresee(v.Ctx(), v.Actor, g.id, m)
	if err != nil || f.Complete() {
		return err
	}
	if f.Demand == nil {
		return fault.New(fault.Invalid, f.Refused, "%s", f.Message).FixedBy("you").Then("change the request; nothing was filed")
	}
	if f.Gap != nil {
		return fault.New(fault.Denied, "unsatisfiable", "Nobody could approve this, so it is not filed: %d more who may decide as %s are needed.", f.Gap.Need, f.Gap.Role).
			FixedBy("a security officer, or name other implementers").Then("look at who cannot decide, beside the form")
	}
	e := fault.New(fault.Invalid, "incomplete", "The policy asks for more before it can be submitted; nothing was filed.").FixedBy("you").
		Then("fill in the marked fields, or file it as a draft")
	for _, x := range f.Unfilled {
		why := "is missing"
		if len(x.Reasons) > 0 {
			why += ": " + x.Reasons[0].Text
		}
		e.At(x.Path, why)
	}
	if f.Unbound && len(f.Unfilled) == 0 {
		e.At("bindings", "says nothing that will be run")
	}
	return e
}

// keepDraft keeps the form for later.
func (p Pages) keepDraft(v *frame.Visit, g page) error {
	id, err := p.own.SaveDraft(v.Ctx(), v.Actor, personal.Draft{ID: g.t.get("draft"), Form: g.t.get("once"), Category: g.t.get("category"), Title: g.t.title(), Body: g.t.encode()})
	if err != nil {
		_, r := g.t.material(g.w)
		return p.because(v, g, r, err)
	}
	path := "/changes/new?draft=" + url.QueryEscape(id)
	if g.id != "" {
		path = "/changes/" + string(g.id) + "/edit?draft=" + url.QueryEscape(id)
	}
	return v.Go(path, "Kept. You find it under New change; nobody else sees it.")
}

// autosave keeps the form while it is typed; it answers with the draft's id.
func (p Pages) autosave(v *frame.Visit) error {
	t, err := p.intake(v, func(typed, file) error { return nil })
	if err != nil {
		return err
	}
	t.tidy()
	id, err := p.own.SaveDraft(v.Ctx(), v.Actor, personal.Draft{ID: t.get("draft"), Form: t.get("once"), Category: t.get("category"), Title: t.title(), Body: t.encode()})
	if err != nil {
		return err
	}
	v.W.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, err = v.W.Write([]byte(id))
	return err
}

func (p Pages) dropDraft(v *frame.Visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	if err := p.own.DropDraft(v.Ctx(), v.Actor, v.Value("draft")); err != nil {
		return err
	}
	return v.Go("/changes/new", "The draft is deleted.")
}

// forget drops the draft of a form that was sent. That it stays is no reason to say that nothing was filed.
func (p Pages) forget(v *frame.Visit, draft string) {
	if draft == "" {
		return
	}
	if err := p.own.DropDraft(v.Ctx(), v.Actor, draft); err != nil && !errors.Is(err, v.Ctx().Err()) {
		return // it is listed still, and can be deleted there
	}
}

package filing

import (
	"fmt"
	"net/http"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/web/frame"
)

// edit shows a change in the form that it was asked for with.
func (p Pages) edit(v *frame.Visit) error {
	w, err := p.world(v)
	if err != nil {
		return err
	}
	id, err := change.ParseID(v.R.PathValue("id"))
	if err != nil {
		return err
	}
	c, err := p.changes.Show(v.Ctx(), id)
	if err != nil {
		return err
	}
	g := page{w: w, id: id}
	if draft := v.R.URL.Query().Get("draft"); draft != "" {
		d, err := p.own.Draft(v.Ctx(), v.Actor.Person, draft)
		if err != nil {
			return err
		}
		if g.t, err = decode(d.Body); err != nil {
			return err
		}
		g.t.set("draft", draft)
	} else {
		g.t = written(c.Material, w)
		g.t.set("seen", c.Change.RevDigest)
		g.t.set("base", fmt.Sprint(c.Revision))
	}
	g.t.set("change", string(id))
	return p.show(v, http.StatusOK, g)
}

// sendEdit takes the form of a change that is there. Nothing typed is lost when somebody else was faster.
func (p Pages) sendEdit(v *frame.Visit) error {
	g, err := p.arrive(v)
	if err != nil {
		return err
	}
	do := g.t.get("do")
	switch {
	case g.refused != nil:
		return p.refuse(v, g)
	case do == "draft":
		return p.keepDraft(v, g)
	case do == "over":
		g.t.set("seen", g.t.get("now"))
		g.t.set("base", g.t.get("now.rev"))
		return p.save(v, g, false)
	case do == "save" || do == "submit":
		return p.save(v, g, do == "submit")
	}
	return p.show(v, http.StatusOK, g)
}

func (p Pages) save(v *frame.Visit, g page, submit bool) error {
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
	c, err := p.changes.Edit(ctx, v.Actor, g.id, g.t.get("seen"), m)
	if sent.Same() && sent.Object == string(g.id) {
		return p.again(v, g, sent, submit)
	}
	if sent.Before { // with other words: they are held against what is there now
		c, err = p.changes.Edit(v.Ctx(), v.Actor, g.id, g.t.get("seen"), m)
	}
	if fault.Is(err, "stale") {
		if g.newer, err = p.meanwhile(v, g); err != nil {
			return err
		}
		g.refused = fault.New(fault.Stale, "stale", "%s was reworded while you wrote: it is at revision %d now. Nothing of yours is lost, and nothing is saved yet.", g.id, g.newer.Rev).
			FixedBy("you").Then("read what is new below, then save yours over it or take it up")
		return p.refuse(v, g)
	}
	if err != nil {
		return p.because(v, g, r, err)
	}
	p.forget(v, g.t.get("draft"))
	return p.end(v, c, submit, fmt.Sprintf("%s is reworded: revision %d.", g.id, c.Rev))
}

// meanwhile says what was written since the form was opened.
func (p Pages) meanwhile(v *frame.Visit, g page) (*newer, error) {
	c, err := p.changes.Show(v.Ctx(), g.id)
	if err != nil {
		return nil, err
	}
	n := &newer{Rev: c.Revision, Digest: c.Change.RevDigest}
	from, err := p.changes.WordingOf(v.Ctx(), g.id, g.t.get("seen"))
	if err == nil && from > 0 && from != n.Rev {
		n.Diff, err = p.changes.Diff(v.Ctx(), g.id, from, n.Rev)
	}
	return n, err
}

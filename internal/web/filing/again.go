package filing

import (
	"context"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/web/frame"
	"plumbline.dev/plumb/internal/web/personal"
)

// once lets the use-case that takes this form run once, however often a browser sends the form: an answer
// that the network lost is no reason for a second change.
func once(v *frame.Visit, g page, m change.Material) (context.Context, *personal.Sent, error) {
	_, digest, err := m.Digest()
	ctx, sent := personal.Once(v.Ctx(), v.Actor, g.t.get("once"), digest)
	return ctx, sent, err
}

// again answers a form that was sent before: what came of it then is shown. With other words it is asked
// what they are meant for.
func (p Pages) again(v *frame.Visit, g page, sent *personal.Sent, submit bool) error {
	if !sent.Same() {
		g.t.set("once", "")
		g.refused = fault.New(fault.Conflict, "sent_before", "This form has filed %s already, worded otherwise. What you typed since is below; it is not filed yet.", sent.Object).
			FixedBy("you").Then("edit %s instead, or send the form once more to file this as another change", sent.Object)
		return p.refuse(v, g)
	}
	c, err := p.changes.Show(v.Ctx(), change.ID(sent.Object))
	if err != nil {
		return err
	}
	p.forget(v, g.t.get("draft"))
	if submit && c.Change.State == change.Draft {
		return p.end(v, c.Change, true, sent.Object+" is filed.")
	}
	return v.Go("/changes/"+sent.Object, "This form came twice and was taken once: here is "+sent.Object+".")
}

package home

import (
	"fmt"
	"time"

	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/reconcile"
	"plumbline.dev/plumb/internal/web/frame"
	"plumbline.dev/plumb/internal/web/ui"
)

// production is what the page says of production: what nobody approved, and what the reader is asked about it.
type production struct {
	Findings  []reconcile.Finding // that the reader may answer, the oldest first
	Waits     int                 // how many of those there are
	Mutes     []reconcile.Mute    // that the reader may review, or that end soon
	Campaigns []inventory.Asking
	Owners    []inventory.Unanswered // who left or are unknown, for whoever may name others
	Weeks     []reconcile.Week
	Figures   reconcile.Figures // over those weeks
}

func (p Pages) production(v *frame.Visit) (out production, err error) {
	if !v.Can(directory.InventoryRead) {
		return out, nil
	}
	if v.Can(directory.ChangeDecide) {
		if out.Findings, out.Waits, err = p.Match.Asks(v.Ctx(), v.Actor, shown); err != nil {
			return out, err
		}
		if out.Mutes, err = p.Match.MutesWaiting(v.Ctx(), v.Actor); err != nil {
			return out, err
		}
	}
	if out.Campaigns, err = p.Things.Asks(v.Ctx(), v.Actor); err != nil {
		return out, err
	}
	if out.Owners, err = p.Things.Unanswered(v.Ctx(), v.Actor); err != nil {
		return out, err
	}
	out.Figures, out.Weeks, err = p.Match.Weeks(v.Ctx(), weeks)
	return out, err
}

// idle says that no change waits, and nothing at all where nothing else does either.
func (b board) idle() string {
	if b.Production.Waits+len(b.Production.Mutes)+len(b.Production.Campaigns)+len(b.Production.Owners) > 0 {
		return "No decision waits for you"
	}
	return "Nothing waits for you"
}

// askedAt is where a campaign is answered or signed.
func askedAt(c inventory.Asking) string {
	if c.Open == 0 {
		return "/campaigns/" + c.ID + "#sign"
	}
	return "/campaigns/" + c.ID + "?mine=yes"
}

// judged turns weeks into columns: the differences that were judged, and of them those that nothing explains.
func judged(list []reconcile.Week, zone *time.Location) []ui.Bar {
	out := make([]ui.Bar, len(list))
	for i, w := range list {
		out[i] = ui.Bar{Label: ui.At(w.Begin).In(zone).Format("2 Jan"), Value: w.Judged, Bad: w.Unauthorized,
			Text: fmt.Sprintf("%d, of them %d unauthorized", w.Judged, w.Unauthorized)}
	}
	return out
}

package inventory_test

import (
	"fmt"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
)

// asks is what waits for somebody: each campaign with its open assets by name, and whether it waits for a signature.
func (h *house) asks(actor fault.Actor) (out string) {
	h.t.Helper()
	list, err := h.camp.Asks(h.t.Context(), actor)
	h.must(err)
	for _, a := range list {
		out += fmt.Sprintf("%s %d", a.ID, a.Open)
		for _, i := range a.First {
			out += " " + i.Name + ":" + i.Standing
		}
		if a.Sign {
			out += " sign"
		}
		out += ";"
	}
	return out
}

func (h *house) waits(who, want string) {
	h.t.Helper()
	if got := h.asks(h.as(who)); got != want {
		h.t.Errorf("for %s waits %q, want %q", who, got, want)
	}
}

// What waits for somebody is what their answer or signature would be taken for, now: also what was answered for and changed since, what
// somebody else can no longer answer for, and what only lacks a signature.
func TestACampaignWaitsForWhoseWordItTakes(t *testing.T) {
	t.Parallel()
	h := peopled(t)
	one, two := labelled(1, "sam", "prod", "critical"), labelled(2, "dev", "prod", "critical")
	h.read("cloud", one, two)
	v := h.open(h.order(inventory.Attestation))
	h.waits("sam", "CMP-000001 1 web-1:open;")
	h.waits("dev", "CMP-000001 1 web-2:open;")
	h.waits("erin", "")
	h.waits("olga", "")

	h.must(h.answer(v.ID, "sam", 0, inventory.Confirmed, ""))
	h.waits("sam", "")
	one.Attrs["size"] = inventory.Text("cx52")
	h.read("cloud", one, two)
	h.waits("sam", "CMP-000001 1 web-1:reopened;")
	h.must(h.answer(v.ID, "sam", 0, inventory.Confirmed, ""))

	h.disable("dev") // erin is the first of the fallbacks
	h.waits("dev", "")
	h.waits("erin", "CMP-000001 1 web-2:open;")
	if _, list := h.items(v.ID); list[1].Waits != h.id("erin") || list[0].Waits != "" {
		t.Errorf("the list says that they wait for %q and %q", list[1].Waits, list[0].Waits)
	}
	h.must(h.answer(v.ID, "erin", 1, inventory.NotNeeded, "it was a trial"))
	h.waits("erin", "") // who answered for what failed does not sign
	h.waits("olga", "CMP-000001 0 sign;")
	h.must(h.sign(v.ID, "olga"))
	h.waits("olga", "")
	h.waits("otto", "CMP-000001 0 sign;")
	robot := h.as("otto")
	robot.Kind, robot.Authn, robot.Scopes = fault.Service, fault.Token, []string{"read"}
	if got := h.asks(robot); got != "CMP-000001 0 sign;" {
		t.Errorf("a token that reads for otto hears %q", got)
	}
	h.clock.Add(8 * 24 * time.Hour)
	h.waits("otto", "") // nothing is taken after the due date
	h.whole()
}

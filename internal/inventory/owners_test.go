package inventory_test

import (
	"fmt"
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/inventory"
)

// A person who left answers for nothing, and neither does a word that means nobody. What they own of production waits for somebody who
// names another, until that is done.
func TestProductionOfAnOwnerWhoLeftWaits(t *testing.T) {
	t.Parallel()
	h := peopled(t)
	waits := func(who string) string {
		t.Helper()
		list, err := h.camp.Unanswered(t.Context(), h.as(who))
		h.must(err)
		var out []string
		for _, u := range list {
			out = append(out, fmt.Sprintf("%s %s %d %s", u.Called, u.Gap, u.Assets, u.First[0].Name))
		}
		return strings.Join(out, ", ")
	}
	filtered := func(f inventory.Filter) (out string) {
		t.Helper()
		list, err := h.camp.Assets(t.Context(), f)
		h.must(err)
		for _, a := range list {
			out += a.Name + " "
		}
		return strings.TrimSpace(out)
	}
	if got := waits("olga") + filtered(inventory.Filter{Unanswered: true}); got != "" {
		t.Errorf("nothing is there, and waits: %s", got)
	}
	h.read("cloud", labelled(1, h.id("sam"), "prod", "internal"), labelled(2, h.id("sam"), "dev", "internal"), labelled(3, "erin@example.com", "prod", "internal"),
		labelled(4, "ops", "prod", "internal"), labelled(5, "ops", "shared", "internal"), labelled(6, "ops", "test", "internal"), server(7))
	if got := waits("olga"); got != "ops unknown 2 web-4" {
		t.Errorf("it waits: %s", got)
	}
	h.disable("sam")
	if got := waits("olga"); got != "ops unknown 2 web-4, sam of Example departed 1 web-1" {
		t.Errorf("after sam left it waits: %s", got)
	}
	if got := waits("erin"); got != "" {
		t.Errorf("it waits for somebody who may name no other: %s", got)
	}
	if got := filtered(inventory.Filter{Unanswered: true}); got != "web-1 web-4 web-5" {
		t.Errorf("the list has %s", got)
	}
	if got := filtered(inventory.Filter{Unanswered: true, Environment: "shared"}); got != "web-5" {
		t.Errorf("narrowed, the list has %s", got)
	}
	for n, owner := range map[int]string{1: "dev", 4: h.id("erin"), 5: "otto"} {
		_, err := h.camp.SetLabels(t.Context(), h.as("olga"), fmt.Sprintf("AST-%d", n), map[string]string{"owner": owner}, "theirs now", "")
		h.must(err)
	}
	if got := waits("olga") + filtered(inventory.Filter{Unanswered: true}); got != "" {
		t.Errorf("named anew, and it waits: %s", got)
	}
	h.whole()
}

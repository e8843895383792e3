package change_test

import (
	"testing"

	"plumbline.dev/plumb/internal/change"
)

// A colleague who is named after an @ finds the change: in a justification and in comments, as a whole word.
func TestWhoIsMentionedFindsIt(t *testing.T) {
	t.Parallel()
	o := company(t)
	m := configChange(o)
	m.Summary, m.Justification = "Where ina is mentioned", "As @Ina. said; @inavery and mail@ina are others."
	c, err := o.File(t.Context(), o.as("ann"), m)
	must(t, err)
	other, err := o.File(t.Context(), o.as("ann"), configChange(o))
	must(t, err)
	for _, text := range []string{"(@ian, please look)", "@ann is me"} {
		_, err = o.Remark(t.Context(), o.as("ann"), other.ID, text)
		must(t, err)
	}
	find := func(who string, id change.ID) (found *change.Mention) {
		list, err := o.Mentions(t.Context(), string(o.people[who]), 1000)
		must(t, err)
		for i, m := range list {
			if m.Change == id && found == nil {
				found = &list[i]
			} else if m.Change == id {
				t.Errorf("%s is listed twice", id)
			}
		}
		return found
	}
	if m := find("ina", c.ID); m == nil || m.Comment || m.Summary != "Where ina is mentioned" || m.By != string(o.people["ann"]) {
		t.Errorf("ina finds %+v", m)
	}
	if m := find("ian", other.ID); m == nil || !m.Comment || m.Text != "(@ian, please look)" {
		t.Errorf("ian finds %+v", m)
	}
	for who, id := range map[string]change.ID{"ann": other.ID, "ivo": c.ID, "ian": c.ID} {
		if m := find(who, id); m != nil {
			t.Errorf("%s finds %+v, want nothing", who, m)
		}
	}
	must(t, err)
	_, err = o.Edit(t.Context(), o.as("ann"), c.ID, c.RevDigest, func() change.Material { m.Justification = "Also @ina-b and ina@ and @ian.smith"; return m }())
	must(t, err)
	if m := find("ian", c.ID); m != nil {
		t.Errorf("a longer name is taken for ian: %+v", m)
	}
	for _, id := range []change.ID{c.ID, c.ID, other.ID} { // each change once, and no more than were asked for
		_, err = o.Remark(t.Context(), o.as("ann"), id, "Once more: @ina")
		must(t, err)
	}
	if find("ina", c.ID) == nil || find("ina", other.ID) == nil {
		t.Error("ina does not find both")
	}
	if list, err := o.Mentions(t.Context(), string(o.people["ina"]), 1); err != nil || len(list) != 1 || list[0].Change != other.ID {
		t.Errorf("the newest one that mentions ina: %+v (%v)", list, err)
	}
}

package reconcile_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/wire"
)

// handmade puts servers into the cloud that no code describes.
func (f *firm) handmade(list ...int) {
	for _, n := range list {
		f.server(n, "prod", size("cx52"))
		delete(f.see["state"].records, fmt.Sprintf("hcloud:server:%d", n))
	}
}

// reports ends a run that made one server, which it says had these ids.
func (f *firm) reports(permit string, fence int64, ids ...string) error {
	f.t.Helper()
	r := wire.GateClose{Permit: permit, Fence: fence, Outcome: "success"}
	for _, id := range ids {
		r.Receipts = append(r.Receipts, wire.Receipt{Address: address(2), Action: "create", Outcome: "done", ID: id})
	}
	_, err := f.changes.Finish(f.t.Context(), f.as("ivo"), r)
	return err
}

func (f *firm) hosts() (names []string) {
	for _, x := range f.findings() {
		names = append(names, x.Name)
	}
	slices.Sort(names)
	return names
}

// One approved creation makes one thing. A report that names several at its address explains none that was made by hand.
func TestOneApprovedCreationExplainsOneThing(t *testing.T) {
	t.Parallel()
	for name, ids := range map[string][]string{"the server that it made": {"2"}, "that one and two made by hand": {"2", "13", "14"}, "two made by hand first": {"13", "14", "2"}} {
		for _, late := range []bool{false, true} { // whether what was observed waits as findings before the report comes
			t.Run(fmt.Sprintf("%s, late %t", name, late), func(t *testing.T) {
				t.Parallel()
				f := found(t)
				f.server(1, "prod", size("cx22"))
				f.observe(time.Hour)
				p := f.open(f.approved(planned{2, "create", "null", `{"server_type":"cx22"}`}))
				f.server(2, "prod", size("cx22"))
				f.handmade(13, 14)
				if late {
					f.observe(time.Minute)
				}
				f.later(time.Minute)
				if err := f.reports(p.ID, p.Fence, ids...); len(ids) == 1 {
					f.must(err)
				} else {
					f.refused(err, "receipt_twice")
				}
				f.observe(time.Minute)
				if got, want := f.hosts(), []string{"web-13", "web-14"}; !slices.Equal(got, want) {
					t.Errorf("findings about %q, want %q", got, want)
				}
				f.whole()
			})
		}
	}
}

// One approved removal takes one thing away: a report that names another at its address, first or last, explains none of what went besides.
func TestOneApprovedRemovalExplainsOneThing(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		before string
		ids    []string
	}{
		"the plan shows the id":           {`{"id":"1","server_type":"cx22"}`, []string{"1", "13"}},
		"the plan shows the id, it last":  {`{"id":"1","server_type":"cx22"}`, []string{"13", "1"}},
		"the plan hides the id":           {`{"server_type":"cx22"}`, []string{"1", "13"}},
		"the plan hides the id, it last":  {`{"server_type":"cx22"}`, []string{"13", "1"}},
		"the plan hides the id, one only": {`{"server_type":"cx22"}`, []string{"1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := found(t)
			f.server(1, "prod", size("cx22"))
			f.handmade(13)
			f.observe(time.Hour)
			p := f.open(f.approved(planned{1, "delete", x.before, "null"}))
			for _, n := range []int{1, 13} {
				delete(f.see["cloud"].records, fmt.Sprintf("hcloud:server:%d", n))
				delete(f.see["state"].records, fmt.Sprintf("hcloud:server:%d", n))
			}
			f.later(time.Minute)
			r := wire.GateClose{Permit: p.ID, Fence: p.Fence, Outcome: "success"}
			for _, id := range x.ids {
				r.Receipts = append(r.Receipts, wire.Receipt{Address: address(1), Action: "delete", Outcome: "done", ID: id})
			}
			_, err := f.changes.Finish(t.Context(), f.as("ivo"), r)
			f.must(err)
			f.observe(time.Minute)
			f.observe(time.Minute)
			if got := f.hosts(); !slices.Contains(got, "web-13") {
				t.Errorf("findings about %q, want web-13 among them", got)
			}
		})
	}
}

package reconcile_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/reconcile"
)

// verdicts gives what every difference was found to be, as words that two firms have in common.
func (f *firm) verdicts() (out []string) {
	f.t.Helper()
	f.must(f.db.View(f.t.Context(), func(tx *db.Tx) error {
		rows, err := tx.Query("SELECT d.native, d.source, d.op, m.path, m.after, m.latest, m.disposition, m.change_id, m.claim, m.finding, m.hits FROM reconcile_match m" +
			" JOIN inventory_difference d ON d.id = m.id")
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var native, source, op, path, after, disposition, changed, claim, finding, hits string
			var latest int64
			if err := rows.Scan(&native, &source, &op, &path, &after, &latest, &disposition, &changed, &claim, &finding, &hits); err != nil {
				return err
			}
			out = append(out, fmt.Sprintf("%d %s %s %s %s: %s %s %s %s, %d hits", latest, native, op, path, after, disposition, changed, claim, finding, strings.Count(hits, `"reason"`)))
		}
		return rows.Err()
	}))
	slices.Sort(out)
	return out
}

// days lives through the same days whatever the firm's loop remembers: edits by hand, changes that run and end, side effects that show later.
func (f *firm) days(seed uint64, between func(failing bool)) {
	f.t.Helper()
	random := rand.New(rand.NewPCG(seed, 9)) //nolint:gosec // the same days for both
	const servers = 6
	for n := 1; n <= servers; n++ {
		f.server(n, "prod", size("cx22"))
	}
	f.observe(time.Hour)
	var permit change.Permit
	running := 0
	for range 30 {
		n := 1 + random.IntN(servers)
		if running > 0 && random.IntN(2) == 0 {
			n = running
		}
		what := []string{"server_type", "image"}[random.IntN(2)]
		switch k := random.IntN(9); {
		case k <= 1 && running == 0:
			running = n
			permit = f.open(f.approved(planned{n, "update", `{"server_type":"cx22","image":"a"}`, `{"server_type":"cx32","image":"b"}`}))
		case k == 0:
			f.done(permit, running)
			running = 0
		case k <= 4: // what was approved, perhaps of this server, in one of the sources
			f.set([]string{"state", "cloud"}[random.IntN(2)], n, what, text(map[string]string{"server_type": "cx32", "image": "b"}[what]))
		case k == 5:
			f.set("cloud", n, "primary_disk_gb", text(fmt.Sprint(random.IntN(9)))) // worked out from the type
		case k == 6:
			f.set("cloud", n, "firewall.ssh", text(fmt.Sprint(random.IntN(2))))
		case k == 7:
			f.set("state", n, what, text("cx52"))
		}
		failing := random.IntN(3) == 0
		if failing {
			_, err := f.things.Read(f.t.Context(), fault.SystemActor("discovery"), "cloud", nil, "")
			f.must(err)
		}
		between(failing)
		f.observe(time.Duration(1+random.IntN(9)) * time.Minute)
	}
}

// A step with the index that was kept decides as one that makes its index anew, also after steps that failed.
func TestTheIndexThatIsKeptDecidesAsAFreshOne(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			fresh, kept := found(t), found(t)
			fresh.days(seed, func(bool) { fresh.Forget() })
			held := 0
			kept.days(seed, func(failing bool) {
				if kept.Keeps() {
					held++
				}
				if failing {
					kept.stumble()
				}
			})
			got, want := kept.verdicts(), fresh.verdicts()
			if !slices.Equal(got, want) {
				t.Errorf("with the index kept\n%s\nwith a fresh one\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			if held < 8 || len(want) < 6 {
				t.Errorf("the index was kept %d times over %d verdicts: this says little", held, len(want))
			}
			kept.whole()
			t.Log(strings.Join(want, "\n"))
		})
	}
}

// stumble has the loop judge, and nothing of it become durable.
func (f *firm) stumble() {
	f.t.Helper()
	no := errors.New("the disk is full, say")
	err := f.Tick(db.Around(f.t.Context(), func(tx *db.Tx, run func(*db.Tx) error) error {
		if err := run(tx); err != nil {
			return err
		}
		return no
	}))
	if err != nil && !errors.Is(err, no) {
		f.t.Fatal(err)
	}
}

// An exception that is reviewed while the index is kept counts from then on, and one that ended does not.
func TestTheIndexThatIsKeptKnowsNewExceptions(t *testing.T) {
	t.Parallel()
	f := found(t)
	for n := 1; n <= 2; n++ {
		f.server(n, "prod", size("cx22"))
	}
	f.observe(time.Hour)
	f.set("cloud", 1, "tags.seen", text("1"))
	f.observe(time.Hour)
	if !f.Keeps() || len(f.findings()) != 1 {
		t.Fatalf("kept %v, findings %+v; want the index kept, and a finding", f.Keeps(), f.findings())
	}
	m, err := f.Propose(t.Context(), f.as("olga"), reconcile.Mute{Kind: reconcile.Automation, Reason: "a tool counts what it saw", Name: "web-*", Path: "tags.seen",
		Share: 50, Expires: f.clock.Now().Add(72 * time.Hour).UnixMicro()})
	f.must(err)
	_, err = f.Review(t.Context(), f.as("otto"), m.ID, true, "")
	f.must(err)
	f.set("cloud", 2, "tags.seen", text("2"))
	f.observe(time.Hour)
	if list := f.findings(); len(list) != 1 {
		t.Errorf("findings %+v, want the new one explained by the exception", list)
	}
	f.later(100 * time.Hour)
	f.set("cloud", 2, "tags.seen", text("3"))
	f.observe(time.Hour)
	if list := f.findings(); len(list) != 2 {
		t.Errorf("findings %+v, want one more after the exception ended", list)
	}
}

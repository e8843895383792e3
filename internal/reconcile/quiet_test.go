package reconcile_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/reconcile"
)

// written counts the transactions in which the loop writes while it reads everything there is.
func (f *firm) written() (n int) {
	f.t.Helper()
	f.must(f.Tick(db.Around(f.t.Context(), func(tx *db.Tx, run func(*db.Tx) error) error {
		n++
		return run(tx)
	})))
	return n
}

// observed gives every difference, in order.
func (f *firm) observed() (list []inventory.Difference) {
	f.t.Helper()
	f.must(f.db.View(f.t.Context(), func(tx *db.Tx) (err error) {
		list, err = inventory.Differences(tx, 0, 1_000_000)
		return err
	}))
	return list
}

// The first reading of a large scope raises no question: the loop goes past all of it in a few steps, whatever its size.
func TestWhatRaisesNoQuestionIsPassedInOneStep(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.must(f.Tick(t.Context()))
	for n := 1; n <= 700; n++ {
		f.server(n, "prod", size("cx22"))
	}
	f.read(time.Minute)
	if n := len(f.observed()); n < 1400 {
		t.Fatalf("%d differences: this says little", n)
	}
	few := f.written()
	for n := 701; n <= 702; n++ {
		f.server(n, "prod", size("cx22"))
	}
	f.set("cloud", 3, "firewall.ssh", text("0.0.0.0/0"))
	f.read(time.Minute)
	f.must(f.Tick(t.Context()))
	if few > 5 {
		t.Errorf("%d transactions for a first reading, want a few", few)
	}
	if figures, err := f.Figures(t.Context(), 0); err != nil || figures.Behind != 0 {
		t.Errorf("figures %+v, %v; want none behind", figures, err)
	}
	if list := f.findings(); len(list) < 3 {
		t.Errorf("findings %+v, want the door and both servers", list)
	}
	f.whole()
}

// Whatever is mixed with what: what Judged takes has its verdict after one round, and nothing else has one.
func TestNothingThatRaisesTheQuestionIsPassed(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			f := found(t)
			random := rand.New(rand.NewPCG(seed, 4)) //nolint:gosec // the same mix each time
			for n := 1; n <= 250; n++ {
				f.server(n, "prod", size("cx22"))
			}
			f.read(time.Minute)
			for range 4 {
				from := 1 + random.IntN(200)
				for n := from; n < from+50; n++ { // a state raises none: long stretches of it, with a door or a size in between
					f.set("cloud", n, "status", text(fmt.Sprint(random.IntN(1000))))
					if random.IntN(20) == 0 {
						f.set([]string{"cloud", "state"}[random.IntN(2)], n, []string{"firewall.ssh", "server_type"}[random.IntN(2)], text(fmt.Sprint(random.IntN(1000))))
					}
				}
				f.read(time.Minute)
				if random.IntN(2) == 0 {
					f.must(f.Tick(t.Context()))
				}
			}
			f.must(f.Tick(t.Context()))
			f.judgedExactly()
			f.whole()
		})
	}
}

// judgedExactly compares the verdicts with what Judged takes, and has some of either.
func (f *firm) judgedExactly() {
	f.t.Helper()
	asked, quiet := 0, 0
	for _, x := range f.observed() {
		_, err := f.MatchOf(f.t.Context(), x.ID)
		switch {
		case reconcile.Judged(x) && err != nil:
			f.t.Errorf("difference %d (%s %s) has no verdict: %v", x.N, x.Op, x.Path, err)
		case !reconcile.Judged(x) && err == nil:
			f.t.Errorf("difference %d (%s %s) has a verdict and raises no question", x.N, x.Op, x.Path)
		}
		if reconcile.Judged(x) {
			asked++
		} else {
			quiet++
		}
	}
	if asked < 3 || quiet < 500 {
		f.t.Errorf("%d raise the question, %d do not: this says little", asked, quiet)
	}
}

// The database asks a coarser question than the rule: it lets through whatever the rule takes.
func TestTheDatabasePassesOverNothingThatTheRuleTakes(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.must(f.db.View(t.Context(), func(tx *db.Tx) error {
		for _, kind := range []inventory.AttrKind{inventory.Config, inventory.Security, inventory.State, inventory.Identity, inventory.Computed, "", "new"} {
			for _, op := range []inventory.Op{inventory.Created, inventory.Updated, inventory.Deleted, inventory.Adopted, "new"} {
				for i := range 4 {
					x := inventory.Difference{Kind: kind, Op: op, First: i%2 == 1, Settled: []string{"", "mapper"}[i/2]}
					_, lets, err := db.One(tx, func(row db.Scanner) (n int64, err error) { return n, row.Scan(&n) },
						"SELECT 1 FROM (SELECT CAST($1 AS BOOLEAN) AS baseline, CAST($2 AS TEXT) AS settled, CAST($3 AS TEXT) AS kind, CAST($4 AS TEXT) AS op) x WHERE "+reconcile.MayAsk,
						x.First, x.Settled, string(x.Kind), string(x.Op))
					if err != nil {
						return err
					}
					if reconcile.Judged(x) && !lets {
						t.Errorf("%+v raises the question, and the database passes over it", x)
					}
					if (x.First || x.Settled != "") && lets {
						t.Errorf("%+v is let through: the first reading of a large scope would be read step by step", x)
					}
				}
			}
		}
		return nil
	}))
}

// A stretch ends before what may raise the question, after as many numbers as one look reads, or with what there is.
func TestAStretchEndsBeforeTheQuestion(t *testing.T) {
	t.Parallel()
	f := found(t)
	for n := 1; n <= 30; n++ {
		f.server(n, "prod", size("cx22"))
	}
	f.read(time.Minute)
	f.set("cloud", 3, "firewall.ssh", text("0.0.0.0/0"))
	f.read(time.Minute)
	all := f.observed()
	door := all[slices.IndexFunc(all, reconcile.Judged)].N
	end := all[len(all)-1].N
	f.must(f.db.View(t.Context(), func(tx *db.Tx) error {
		for _, x := range []struct{ after, atOnce, want int64 }{{0, 1000, door - 1}, {0, 7, 7}, {door - 1, 1000, door - 1}, {door, 1000, end}, {end, 1000, end}} {
			if got, err := reconcile.QuietTo(tx, x.after, x.atOnce); err != nil || got != x.want {
				t.Errorf("after %d, at most %d: %d, %v; want %d", x.after, x.atOnce, got, err, x.want)
			}
		}
		return nil
	}))
}

package reconcile

import (
	"context"
	"math"
	"strings"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
)

// Filter narrows a list of findings; an empty member does not narrow.
type Filter struct {
	State       string // one state, or "waiting" for all that wait for somebody
	Severity    Severity
	Environment string // as it counted when the finding was raised
	Asset       string
	Owner       string
	Change      string // that ran at the time
	Newest      bool   // the newest first, else the oldest
	After       int64  // number of the last of the page before
	Limit       int
}

// Findings lists findings by number.
func (d *Desk) Findings(ctx context.Context, f Filter) (list []Finding, err error) {
	if f.Limit <= 0 || f.Limit > 500 {
		f.Limit = 50
	}
	if err := f.clean(); err != nil {
		return nil, err
	}
	text, args := f.sql()
	err = d.db.View(ctx, func(tx *db.Tx) error {
		list, err = db.Collect(tx, scanFinding, text, args...)
		return err
	})
	return list, err
}

// Whole is one finding with the differences that it holds.
type Whole struct {
	Finding
	Differences []inventory.Difference `json:"differences"`
	Overdue     bool                   `json:"overdue"`
}

// maxHeld bounds the differences that one finding is shown with.
const maxHeld = 200

// Show gives one finding.
func (d *Desk) Show(ctx context.Context, id string) (w Whole, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		w, err = d.showIn(tx, id)
		return err
	})
	return w, err
}

func (d *Desk) showIn(tx *db.Tx, id string) (w Whole, err error) {
	if w.Finding, err = loadFinding(tx, strings.ToUpper(id)); err != nil {
		return w, err
	}
	order := "m.n DESC"
	if w.Collects { // what is worst among many stands on top
		order = "CASE d.kind WHEN 'security' THEN 0 ELSE 1 END, m.n DESC"
	}
	ids, err := db.Collect(tx, scanString, "SELECT m.id FROM reconcile_match m JOIN inventory_difference d ON d.id = m.id WHERE m.finding = $1 ORDER BY "+order+" LIMIT $2", w.ID, maxHeld)
	if err != nil {
		return w, err
	}
	for _, id := range ids {
		one, found, err := inventory.DifferenceOf(tx, id)
		if err != nil {
			return w, err
		}
		if found {
			w.Differences = append(w.Differences, one)
		}
	}
	w.Overdue = w.Waits() && w.Due < d.db.Now().UnixMicro()
	return w, d.waitsFor(tx, &w.Finding)
}

// MatchOf gives what a difference was found to be.
func (d *Desk) MatchOf(ctx context.Context, difference string) (m Match, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		found := false
		m, found, err = db.One(tx, scanMatch, matchColumns+" WHERE id = $1", difference)
		if err == nil && !found {
			err = fault.New(fault.NotFound, "not_judged", "There is no such difference, or it raises no question.").FixedBy("you").Then("plumb asset history ASSET")
		}
		return err
	})
	return m, err
}

// Figures are the numbers of reconciliation since an instant.
type Figures struct {
	Since        int64            `json:"since"`
	Judged       int64            `json:"judged"` // differences in production
	By           map[string]int64 `json:"by"`     // by disposition
	Unauthorized int64            `json:"unauthorized"`
	Share        int64            `json:"share"` // unauthorized, in hundredths of a percent of those judged
	Waiting      int64            `json:"waiting"`
	Severity     map[string]int64 `json:"severity"` // of the waiting findings; all four stand there
	Overdue      int64            `json:"overdue"`
	Unseparated  int64            `json:"unseparated"` // waiting findings about frontend and backend on one server; they are no differences
	Unseen       int64            `json:"unseen"`      // waiting findings about approved effects that were not seen after the close; they are no differences
	Behind       int64            `json:"behind"`      // differences not judged yet
}

// Week is what the differences of one week in production were found to be.
type Week struct {
	Begin        int64 `json:"begin"`
	Judged       int64 `json:"judged"`
	Unauthorized int64 `json:"unauthorized"`
}

const week = 7 * 24 * 60 * 60 * 1_000_000 // microseconds

// Figures counts since an instant.
func (d *Desk) Figures(ctx context.Context, since int64) (Figures, error) {
	f, _, err := d.count(ctx, since, 1, math.MaxInt64)
	return f, err
}

// Weeks counts the last n weeks that end now: all together, and each, the oldest first.
func (d *Desk) Weeks(ctx context.Context, n int64) (Figures, []Week, error) {
	return d.count(ctx, d.db.Now().UnixMicro()-n*week, n, week)
}

// count gives the figures since an instant, and n equal spans of them. Each difference is counted once for both, so that they agree.
func (d *Desk) count(ctx context.Context, since, n, span int64) (f Figures, list []Week, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) (err error) {
		f = Figures{Since: since, By: map[string]int64{}, Severity: map[string]int64{}}
		list = make([]Week, n)
		for i := range list {
			list[i].Begin = since + int64(i)*span
		}
		if err := f.judged(tx, list, span); err != nil {
			return err
		}
		if err := f.waiting(tx); err != nil {
			return err
		}
		at, err := cursor(tx, overDifferences, 0)
		if err != nil {
			return err
		}
		f.Behind, _, err = db.One(tx, scanInt, "SELECT COUNT(*) FROM inventory_difference WHERE n > $1", at)
		return err
	})
	return f, list, err
}

// judged counts what differences were found to be.
func (f *Figures) judged(tx *db.Tx, list []Week, span int64) error {
	type row struct {
		week, count int64
		d           Disposition
	}
	rows, err := db.Collect(tx, func(r db.Scanner) (x row, err error) { return x, r.Scan(&x.week, &x.d, &x.count) },
		"SELECT (latest - $1) / $2, disposition, COUNT(*) FROM reconcile_match WHERE production = TRUE AND latest >= $3 GROUP BY 1, 2", f.Since, span, f.Since)
	for _, x := range rows {
		w := &list[min(max(x.week, 0), int64(len(list)-1))] // what comes from a clock that is ahead is of the last
		f.By[string(x.d)] += x.count
		f.Judged += x.count
		w.Judged += x.count
		if !x.d.Explains() {
			f.Unauthorized += x.count
			w.Unauthorized += x.count
		}
	}
	if f.Judged > 0 {
		f.Share = f.Unauthorized * 10_000 / f.Judged
	}
	return err
}

// waiting counts the findings that wait for an answer.
func (f *Figures) waiting(tx *db.Tx) error {
	for _, s := range Severities() {
		f.Severity[string(s)] = 0
	}
	type row struct {
		severity                           string
		waiting, overdue, separate, unseen int64
	}
	rows, err := db.Collect(tx, func(r db.Scanner) (x row, err error) {
		return x, r.Scan(&x.severity, &x.waiting, &x.overdue, &x.separate, &x.unseen)
	}, "SELECT severity, COUNT(*), COUNT(CASE WHEN due < $1 THEN 1 END), COUNT(CASE WHEN fingerprint LIKE $2 THEN 1 END), COUNT(CASE WHEN fingerprint LIKE $3 THEN 1 END)"+
		" FROM reconcile_finding WHERE state IN ('open', 'adopting', 'reverting') GROUP BY severity", tx.Now().UnixMicro(), ofTiers+"%", ofEffects+"%")
	for _, x := range rows {
		f.Severity[x.severity] = x.waiting
		f.Waiting += x.waiting
		f.Overdue += x.overdue
		f.Unseparated += x.separate
		f.Unseen += x.unseen
	}
	return err
}

package change

import (
	"context"
	"fmt"
	"slices"
	"time"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
)

// Figure is one number with what it means, so that nobody has to guess what was counted.
type Figure struct {
	Name    string `json:"name"`
	Meaning string `json:"meaning"`
	Count   int64  `json:"count"`           // numerator, or the number of samples
	Of      int64  `json:"of,omitempty"`    // denominator
	Percent int64  `json:"percent"`         // Count per Of, rounded; 0 without a denominator
	P50     int64  `json:"p50_s,omitempty"` // seconds, for durations
	P90     int64  `json:"p90_s,omitempty"`
}

// Metrics are the figures of a period.
type Metrics struct {
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	Query   string    `json:"query"` // digest of the query and its bounds: the same digest, the same figures
	Changes int64     `json:"changes"`
	Figures []Figure  `json:"figures"`
}

const metricsQuery = changeColumns + " WHERE created >= $1 AND created < $2 AND number > $3 ORDER BY number LIMIT 1000"

// Measure computes the figures over the changes filed in [from, to). It reads page by page and keeps
// only counters and durations.
func (d *Desk) Measure(ctx context.Context, from, to time.Time) (Metrics, error) {
	if !to.After(from) || to.Sub(from) > 10*366*24*time.Hour {
		return Metrics{}, fault.New(fault.Invalid, "bad_period", "The period must end after it begins, and span ten years at most.").
			Then("plumb metrics --from TIME --to TIME")
	}
	m := Metrics{From: from.UTC(), To: to.UTC(), Query: seal.Digest("plumb.metrics.v1",
		[]byte(fmt.Sprintf("%s\n%d\n%d", metricsQuery, from.UnixMicro(), to.UnixMicro())))}
	var t tally
	var after int64
	for {
		var page []Change
		err := d.db.View(ctx, func(tx *db.Tx) (err error) {
			page, err = db.Collect(tx, scanChange, metricsQuery, from.UnixMicro(), to.UnixMicro(), after)
			return err
		})
		if err != nil {
			return m, fmt.Errorf("read changes: %w", err)
		}
		for _, c := range page {
			t.add(c)
			after = c.Number
		}
		if len(page) < 1000 {
			break
		}
	}
	m.Changes, m.Figures = t.all, t.figures()
	return m, nil
}

// tally counts what became of changes.
type tally struct {
	all, submitted, decided, executed, failed, emergency, expired, auto, autoFailed, edited, rejected int64
	lead, approval, restore                                                                           []int64
}

func (t *tally) add(c Change) {
	b := c.Body
	t.all++
	count := func(n *int64, yes bool) {
		if yes {
			*n++
		}
	}
	bad := b.Applied == Failure || b.Applied == Unknown || b.RolledBack != ""
	auto := b.Auto != nil && b.Auto.Passed
	count(&t.submitted, b.Submitted > 0)
	count(&t.decided, b.Decided > 0)
	count(&t.executed, b.FirstRun > 0)
	count(&t.failed, b.FirstRun > 0 && bad)
	count(&t.emergency, c.Type == "emergency")
	count(&t.expired, c.State == Expired)
	count(&t.rejected, c.State == Rejected)
	count(&t.edited, b.Edits > 0)
	count(&t.auto, auto && b.Decided > 0)
	count(&t.autoFailed, auto && bad)
	if b.FirstRun > 0 && b.Submitted > 0 {
		t.lead = append(t.lead, (b.FirstRun-b.Submitted)/1_000_000)
	}
	if b.Decided > 0 && b.Since > 0 {
		t.approval = append(t.approval, (b.Decided-b.Since)/1_000_000)
	}
	if b.RolledBack == Success && b.ClosedAt > 0 {
		t.restore = append(t.restore, (b.ClosedAt-b.FirstRun)/1_000_000)
	}
}

func (t *tally) figures() []Figure {
	share := func(name, meaning string, n, of int64) Figure {
		f := Figure{Name: name, Meaning: meaning, Count: n, Of: of}
		if of > 0 {
			f.Percent = (n*100 + of/2) / of
		}
		return f
	}
	span := func(name, meaning string, list []int64) Figure {
		f := Figure{Name: name, Meaning: meaning, Count: int64(len(list))}
		if len(list) > 0 {
			slices.Sort(list)
			f.P50, f.P90 = list[len(list)/2], list[len(list)*9/10]
		}
		return f
	}
	return []Figure{
		span("lead_time", "from the first submission to the first execution", t.lead),
		span("approval_latency", "from the submission to the last approval that was needed", t.approval),
		share("change_failure_rate", "failed, unknown or rolled back, of all executed", t.failed, t.executed),
		share("emergency_share", "emergency changes, of all filed", t.emergency, t.all),
		share("expired_share", "expired, of all submitted", t.expired, t.submitted),
		share("rejected_share", "rejected now, of all submitted", t.rejected, t.submitted),
		share("edited_after_submission", "reworded after the first submission, of all submitted", t.edited, t.submitted),
		share("auto_approved_share", "authorized by a standard model, of all authorized", t.auto, t.decided),
		share("auto_approved_failure_rate", "failed or rolled back, of those authorized by a model", t.autoFailed, t.auto),
		span("time_to_restore", "from the first execution to the closure after a successful rollback", t.restore),
	}
}

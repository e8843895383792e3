package reconcile

import (
	"context"
	"fmt"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/inventory"
)

// keep writes a verdict down, and raises or feeds a finding where it explains nothing.
func (d *Desk) keep(tx *db.Tx, s seen) (finding string, err error) {
	now := tx.Now().UnixMicro()
	in, err := belongs(tx, s.d)
	f, alive := in.Finding, in.alive
	switch {
	case err != nil:
		return "", err
	case alive && (!s.v.Disposition.Explains() || in.restores(s.d)):
		if err := d.another(tx, &f, in, s, now); err != nil {
			return "", err
		}
		if in.restores(s.d) && !s.v.Disposition.Explains() {
			s.v.Disposition = Derived
			s.v.Hits = append([]Hit{{Disposition: Derived, Rule: "restore@1", Reason: "restores what was there before " + f.ID}}, s.v.Hits...)
		}
	case !s.v.Disposition.Explains() && s.p.Production():
		if f, err = newHolder(tx, s, in.collector, now); err != nil {
			return "", err
		}
		alive = true
	case alive && s.v.Disposition.Explains():
		if alive, err = overtaken(tx, &f, s, now); err != nil {
			return "", err
		}
	default:
		alive = false
	}
	if alive {
		if err := saveFinding(tx, &f); err != nil {
			return "", err
		}
		finding = f.ID
	}
	h := s.v.First()
	if s.d.Op == inventory.Created && s.v.Disposition.Explains() {
		if err := inventory.Originate(tx, s.d.Asset, h.Change); err != nil {
			return "", err
		}
	}
	return finding, saveMatch(tx, Match{Difference: s.d.ID, N: s.d.N, Asset: s.d.Asset, Record: s.d.Record, Path: s.d.Path, After: s.d.After,
		Latest: s.d.Latest, Disposition: s.v.Disposition, Change: h.Change, Claim: h.Claim, Finding: finding, Production: s.p.Production(),
		Version: 1, Hits: s.v.Hits})
}

// overtaken has an explained difference end what somebody took as it is: it was put right, or is another value by now, and what comes after
// is nobody's decision yet. It reports whether the finding holds the difference. One that collects goes on, and holds it, so that the value
// that was waived is another one than the last when it comes again.
func overtaken(tx *db.Tx, f *Finding, s seen, now int64) (holds bool, err error) {
	if f.State != Waived || f.Collects || s.d.Op == f.Op && s.d.After == f.After {
		return f.State == Waived && f.Collects, nil
	}
	by := s.v.First().Change
	if by == "" {
		by = s.v.First().Rule
	}
	f.State, f.Closed, f.Reason = Settled, now, "what was left as it was for a time is another value by now, explained by "+by
	return true, record(tx, "finding.explained", "finding", f.ID, map[string]any{"change": s.v.First().Change, "disposition": string(s.v.Disposition)})
}

// another adds a difference to the finding that it belongs to.
func (d *Desk) another(tx *db.Tx, f *Finding, h holder, s seen, now int64) (err error) {
	if f.Collects {
		f.gather(s.d, s.v, h.first, h.last, now)
		return nil
	}
	f.attach(s.d, s.v, now)
	f.Flapping, err = d.flapping(tx, s, now)
	return err
}

// mistrust suspends the standard models that authorized the changes near which something was observed that nobody approved: each
// change is asked about once. Policy, statement e: criteria are validated for each request.
func (d *Desk) mistrust(tx *db.Tx, v Verdict, finding string, asked map[string]bool) error {
	if v.Disposition.Explains() {
		return nil
	}
	for _, h := range v.Hits { // each names a change: an exception names none, and explains
		if asked[h.Change] {
			continue
		}
		asked[h.Change] = true
		model, err := d.changes.Unexplained(tx, h.Change, finding)
		if err != nil {
			return err
		}
		if model == "" {
			continue
		}
		if err := record(tx, "model.suspended", "model", model, map[string]any{"change": h.Change, "finding": finding}); err != nil {
			return err
		}
	}
	return nil
}

const flappingQuery = "SELECT after, latest FROM reconcile_match WHERE record = $1 AND path = $2 ORDER BY n DESC LIMIT 50"

// flapping reports whether an attribute goes to and fro. It never does while a change of the asset is open: then each value is that change's.
func (d *Desk) flapping(tx *db.Tx, s seen, now int64) (bool, error) {
	if len(s.v.Hits) > 0 {
		return false, nil
	}
	list, err := db.Collect(tx, func(row db.Scanner) (m Moment, err error) { return m, row.Scan(&m.Value, &m.At) },
		flappingQuery, s.d.Record, s.d.Path)
	return Flaps(s.d.Kind, append(list, Moment{s.d.After, s.d.Latest}), now), err
}

// count adds a verdict to the counters of the mutes that it names.
func count(mutes []*Mute, s seen) {
	for _, h := range s.v.Hits {
		for _, m := range mutes {
			if m.ID == h.Rule {
				m.Hits++
			}
		}
	}
}

// countMutes writes the counters, and disables what began to match too much.
func (d *Desk) countMutes(tx *db.Tx, mutes []*Mute, judged int) error {
	for i, m := range mutes {
		if i%partsAtOnce == partsAtOnce-1 {
			if err := record(tx, "reconcile.counted", "reconcile", "mutes", nil); err != nil {
				return err
			}
		}
		m.Seen += int64(judged)
		if m.tooWide() {
			m.State, m.Ended = Disabled, fmt.Sprintf("matched %d of %d differences, more than %d percent", m.Hits, m.Seen, m.Share)
		}
		if err := saveMute(tx, m); err != nil {
			return err
		}
	}
	return nil
}

const endedQuery = findingColumns + " WHERE state = 'waived' AND due <= $1 ORDER BY n LIMIT 100"

// timers does what time alone makes due: waivers and mutes that ended.
func (d *Desk) timers(ctx context.Context) error {
	return d.db.Update(ctx, follower(), func(tx *db.Tx) error {
		now := tx.Now().UnixMicro()
		over, err := db.Collect(tx, scanFinding, endedQuery, now)
		if err != nil {
			return err
		}
		for _, f := range over {
			f.State, f.Due, f.Reason = Open, now+clock, "the waiver ended"
			if err := saveFinding(tx, &f); err != nil {
				return err
			}
			if err := record(tx, "finding.reopened", "finding", f.ID, nil); err != nil {
				return err
			}
		}
		ended, err := db.Collect(tx, scanMute, muteColumns+" WHERE state IN ('active', 'proposed') AND expires <= $1 ORDER BY n LIMIT 100", now)
		if err != nil {
			return err
		}
		for _, m := range ended {
			m.State = Lapsed
			if err := saveMute(tx, &m); err != nil {
				return err
			}
			if err := record(tx, "mute.expired", "mute", m.ID, nil); err != nil {
				return err
			}
		}
		return nil
	})
}

package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/inventory/diagram"
	"plumbline.dev/plumb/internal/seal"
)

// Sizes of one look at what runs where.
const (
	bearersAtOnce = 100
	movesAtOnce   = 1_000
	partsNamed    = 5 // of each tier; the digest has all
)

// separate looks at where frontend and backend run. Policy wants them on separate servers or containers: a production host or container that
// bears both is a finding for as long as it does. A mix is no difference that a permit could explain, so it has no verdict: it is read off
// the inventory as it is. Everything is looked at after a start and once a day, what moved since in between, so that no cursor can be moved
// past anything for longer.
func (d *Desk) separate(ctx context.Context) error {
	if now := d.db.Now(); now.Sub(d.parted) >= mendEvery {
		if err := d.separateAll(ctx); err != nil {
			return err
		}
		d.parted = now
	}
	for more := true; more && ctx.Err() == nil; {
		var ids []inventory.AssetID
		var last int64
		err := d.db.View(ctx, func(tx *db.Tx) (err error) {
			if ids, last, more, err = inventory.TierMoves(tx, d.tiered, movesAtOnce); err != nil || len(ids) == 0 {
				return err
			}
			ids, err = d.concerned(tx, ids)
			return err
		})
		if err != nil {
			return err
		}
		if err := d.apart(ctx, ids); err != nil {
			return err
		}
		d.tiered = last
	}
	return nil
}

// separateAll looks at everything that runs something, and at every finding.
func (d *Desk) separateAll(ctx context.Context) error {
	var ids []inventory.AssetID
	var last int64
	err := d.db.View(ctx, func(tx *db.Tx) (err error) {
		if last, err = inventory.NewestDifference(tx); err != nil {
			return err
		}
		if ids, err = inventory.Runners(tx); err != nil {
			return err
		}
		ids, err = withFindings(tx, ids)
		return err
	})
	if err != nil {
		return err
	}
	if err := d.apart(ctx, ids); err != nil {
		return err
	}
	d.tiered = last
	return nil
}

// concerned gives what may be mixed otherwise because these assets moved. What has a finding is always asked again: what ended its mix may
// not point at it any more.
func (d *Desk) concerned(tx *db.Tx, moved []inventory.AssetID) ([]inventory.AssetID, error) {
	ids, err := inventory.RunnersOf(tx, moved)
	if err != nil {
		return nil, err
	}
	return withFindings(tx, ids)
}

func withFindings(tx *db.Tx, ids []inventory.AssetID) ([]inventory.AssetID, error) {
	list, err := unseparated(tx)
	for _, f := range list {
		ids = append(ids, f.Asset)
	}
	slices.Sort(ids)
	return slices.Compact(ids), err
}

// unseparated gives the findings about tiers that wait or are waived.
func unseparated(tx *db.Tx) ([]Finding, error) {
	return db.Collect(tx, scanFinding, findingColumns+" WHERE state IN ('open', 'adopting', 'reverting', 'waived') AND fingerprint LIKE $1 ORDER BY n", ofTiers+"%")
}

// apart looks at some assets, and raises and closes what is to be. Most of the time there is nothing to write.
func (d *Desk) apart(ctx context.Context, ids []inventory.AssetID) error {
	var errs []error
	for part := range slices.Chunk(ids, bearersAtOnce) {
		var some bool
		err := d.db.View(ctx, func(tx *db.Tx) error {
			raised, over, err := tiersOf(tx, part)
			some = len(raised)+len(over) > 0
			return err
		})
		if err == nil && some {
			err = d.db.Update(ctx, follower(), func(tx *db.Tx) error { return keepTiers(tx, part) })
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("tiers on %s and others: %w", part[0], err))
		}
	}
	return errors.Join(errs...)
}

// ended is a finding whose mix is over, with why.
type ended struct {
	f   Finding
	why string
}

// tiersOf compares what assets bear with the findings about them.
func tiersOf(tx *db.Tx, ids []inventory.AssetID) (raised []inventory.TierMix, over []ended, err error) {
	mixes, err := inventory.TierMixes(tx, ids)
	if err != nil {
		return nil, nil, err
	}
	living, err := unseparated(tx)
	if err != nil {
		return nil, nil, err
	}
	raised, over = compareTiers(mixes, slices.DeleteFunc(living, func(f Finding) bool { return !slices.Contains(ids, f.Asset) }))
	return raised, over, nil
}

// compareTiers says which mixes have no finding yet, and which findings have no mix any more. What runs there is part of the matter: who
// waived one set of applications did not waive the next.
func compareTiers(mixes []inventory.TierMix, living []Finding) (raised []inventory.TierMix, over []ended) {
	had, is := map[string]bool{}, map[inventory.AssetID]string{}
	for _, f := range living {
		had[f.Fingerprint] = true
	}
	for _, m := range mixes {
		if !(Place{Labels: m.Asset.Effective()}).Production() {
			continue
		}
		is[m.Asset.ID] = tierPrint(m)
		if !had[is[m.Asset.ID]] {
			raised = append(raised, m)
		}
	}
	for _, f := range living {
		switch print := is[f.Asset]; print {
		case f.Fingerprint:
		case "":
			over = append(over, ended{f, "frontend and backend are apart in production"})
		default:
			over = append(over, ended{f, "something else runs there now, which is a finding of its own"})
		}
	}
	return raised, over
}

// keepTiers writes down what came of a look, with an event for each finding.
func keepTiers(tx *db.Tx, ids []inventory.AssetID) error {
	raised, over, err := tiersOf(tx, ids)
	if err != nil {
		return err
	}
	now := tx.Now().UnixMicro()
	for _, e := range over {
		was := e.f.State
		if e.f.State, e.f.Closed = Settled, now; was == Reverting {
			e.f.State = Reverted
		} else {
			e.f.Reason = e.why
		}
		if err := saveFinding(tx, &e.f); err != nil {
			return err
		}
		if err := record(tx, "finding.settled", "finding", e.f.ID, map[string]any{"was": was, "because": e.why}); err != nil {
			return err
		}
	}
	newest, err := inventory.NewestDifference(tx)
	if err != nil {
		return err
	}
	for _, m := range raised {
		n, err := next(tx, "reconcile_finding")
		if err != nil {
			return err
		}
		f := raiseTiers(m, n, newest, now)
		if err := saveFinding(tx, &f); err != nil {
			return err
		}
		if err := record(tx, "finding.raised", "finding", f.ID, map[string]any{"disposition": string(f.Disposition), "asset": string(f.Asset), "severity": string(f.Severity)}); err != nil {
			return err
		}
	}
	return nil
}

// ofTiers begins the fingerprint of a finding about tiers.
const ofTiers = "tiers:"

// tierPrint is what makes two looks one finding: the same place and the same things of a tier on it.
func tierPrint(m inventory.TierMix) string {
	parts := [][]byte{[]byte(m.Asset.ID)}
	for _, n := range m.Parts {
		parts = append(parts, []byte(n.Tier), []byte(n.ID))
	}
	return ofTiers + seal.Digest("plumb.finding.tiers.v1", parts...)
}

// raiseTiers makes a finding of a mix. What stands apart protects what is behind, so it weighs like a security attribute.
func raiseTiers(m inventory.TierMix, n, newest, now int64) Finding {
	p := Place{Labels: m.Asset.Effective()}
	f := Finding{ID: findingID(n), N: n, Fingerprint: tierPrint(m), State: Open, Asset: m.Asset.ID, Difference: newest, Opened: now, Due: now + clock,
		FindingBody: FindingBody{Name: m.Asset.Name, Disposition: Unseparated, Environment: m.Asset.Label(inventory.LabelEnvironment), Op: inventory.Updated,
			Path: "tiers", Kind: inventory.Security, After: inventory.Text(tierNames(m.Parts)), Earliest: now, Latest: now, Count: 1, Hits: []Hit{}}}
	if l := m.Asset.Labels[inventory.LabelOwner]; l.Confidence == inventory.Asserted {
		f.Owner = l.Value
	}
	f.Score, f.Severity = Weigh(inventory.Difference{Op: f.Op, Kind: f.Kind}, p)
	return f
}

// tierNames says what of which tier runs there, a few of each by name.
func tierNames(parts []diagram.Node) string {
	var out []string
	for _, tier := range []string{"frontend", "backend"} {
		var names []string
		for _, n := range parts {
			if n.Tier == tier {
				names = append(names, n.Name)
			}
		}
		text := tier + " " + strings.Join(names[:min(len(names), partsNamed)], ", ")
		if more := len(names) - partsNamed; more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
		out = append(out, text)
	}
	return strings.Join(out, "; ")
}

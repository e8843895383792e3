package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
)

// Sizes of one step: the writer serves others in between.
const (
	eventsAtOnce      = 2_000
	differencesAtOnce = 150    // each writes up to two rows, and one event answers for them
	quietAtOnce       = 50_000 // numbers of differences among which a look outside the writer searches for one that raises the question
)

// mendEvery is how often everything is compared with its verdicts, and once after a start.
const mendEvery = 24 * time.Hour

// The names of the cursors.
const (
	overEvents      = "events"
	overDifferences = "differences"
)

// Tick reads on: first what was approved and executed since, then what was observed since. It is called by one loop.
func (d *Desk) Tick(ctx context.Context) error {
	var errs []error
	if now := d.db.Now(); now.Sub(d.mended) >= mendEvery {
		if err := d.mend(ctx); err != nil {
			errs = append(errs, fmt.Errorf("look for what was passed over: %w", err))
		} else if err := d.adoptions(ctx, nil); err != nil {
			errs = append(errs, fmt.Errorf("look for adoptions that came to nothing: %w", err))
		} else {
			d.mended = now
		}
	}
	for _, part := range []struct {
		doing  string
		follow func(context.Context) (bool, error)
	}{{"follow changes", d.followChanges}, {"judge differences", d.followDifferences}} {
		for more := true; more && ctx.Err() == nil; {
			var err error
			if more, err = part.follow(ctx); err != nil { // a change that cannot be followed keeps no difference from being judged
				errs = append(errs, fmt.Errorf("%s: %w", part.doing, err))
				break
			}
		}
	}
	if err := d.separate(ctx); err != nil {
		errs = append(errs, fmt.Errorf("look where frontend and backend run: %w", err))
	}
	if err := d.watch(ctx); err != nil {
		errs = append(errs, fmt.Errorf("look for the effects of closed changes: %w", err))
	}
	return errors.Join(append(errs, d.timers(ctx))...)
}

// followChanges reads the ledger on, writes down anew the charter of each change that moved, and hands over the findings of each asset that
// got an owner.
func (d *Desk) followChanges(ctx context.Context) (more bool, err error) {
	var list []moved
	err = d.db.View(ctx, func(tx *db.Tx) error {
		from, err := cursor(tx, overEvents, -1)
		if err != nil {
			return err
		}
		list, err = eventsAfter(tx, from, eventsAtOnce)
		return err
	})
	if err != nil || len(list) == 0 {
		return false, err
	}
	var touched, named []string
	wrote := false
	for _, m := range list {
		if slices.Contains(namesOwners, m.verb) && !slices.Contains(named, m.object) {
			named = append(named, m.object)
		}
		if (strings.HasPrefix(m.verb, "change.") || strings.HasPrefix(m.verb, "gate.")) && !slices.Contains(touched, m.object) {
			touched = append(touched, m.object)
		}
	}
	for _, id := range touched {
		moved, err := d.charter(ctx, change.ID(id))
		if err != nil && !fault.Is(err, "no_change") {
			return false, fmt.Errorf("%s: %w", id, err)
		}
		wrote = wrote || moved
	}
	if len(touched) > 0 {
		if err := d.adoptions(ctx, touched); err != nil {
			return false, err
		}
	}
	if wrote {
		if err := d.again(ctx); err != nil {
			return false, err
		}
	}
	for _, id := range named {
		if err := d.handOver(ctx, id); err != nil {
			return false, fmt.Errorf("%s: %w", id, err)
		}
	}
	err = d.db.Update(ctx, follower(), func(tx *db.Tx) error { return moveCursor(tx, overEvents, list[len(list)-1].seq) })
	return len(list) == eventsAtOnce, err
}

// seen is one difference with its place and what it was found to be.
type seen struct {
	d inventory.Difference
	p Place
	v Verdict
}

// followDifferences judges what was observed since, in the order in which it was. Where nothing raises the question for a while, such as
// in the first reading of a large scope, one step goes past all of it.
func (d *Desk) followDifferences(ctx context.Context) (more bool, err error) {
	past, idle, err := d.ready(ctx)
	if err != nil || idle {
		return false, err
	}
	err = d.db.Update(ctx, follower(), func(tx *db.Tx) error {
		from, err := cursor(tx, overDifferences, 0)
		if err != nil {
			return err
		}
		if past.holds(from) {
			more = true
			return d.pass(tx, from, past.to)
		}
		list, err := inventory.Differences(tx, from, differencesAtOnce)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return d.back(tx, from)
		}
		more = len(list) == differencesAtOnce
		last := list[len(list)-1].N
		if err := moveCursor(tx, overDifferences, last); err != nil {
			return err
		}
		have, err := verdicts(tx, from, last) // what was read before keeps its verdict: nothing is counted twice
		if err != nil {
			return err
		}
		list = slices.DeleteFunc(list, func(x inventory.Difference) bool { return !Judged(x) || have[x.ID] })
		k, err := d.take(tx, from, list)
		if err != nil {
			return err
		}
		if len(list) > 0 {
			if err := d.judge(tx, k, list); err != nil {
				return err
			}
		}
		return d.put(tx, k, last)
	})
	return more, err
}

// pass moves the cursor over differences that raise no question, and an index that is kept with it.
func (d *Desk) pass(tx *db.Tx, from, to int64) error {
	if err := moveCursor(tx, overDifferences, to); err != nil {
		return err
	}
	k, err := d.take(tx, from, nil)
	if err != nil {
		return err
	}
	return d.put(tx, k, to)
}

// back takes a cursor that is ahead of everything there is to where it can be; what was passed over meanwhile is looked for with the
// next step.
func (d *Desk) back(tx *db.Tx, from int64) error {
	end, err := next(tx, "inventory_difference")
	if err != nil || from < end {
		return err
	}
	d.mended = time.Time{}
	return moveCursor(tx, overDifferences, end-1)
}

// judge decides differences and keeps what comes of them.
func (d *Desk) judge(tx *db.Tx, k *recalled, list []inventory.Difference) error {
	found, err := d.decide(tx, k.x, list)
	if err != nil {
		return err
	}
	mutes := k.live(tx.Now().UnixMicro())
	n := map[Disposition]int{}
	raised := 0
	asked := map[string]bool{}
	for _, s := range found {
		id, err := d.keep(tx, s)
		if err != nil {
			return err
		}
		if err := keepKnown(tx, mutes, s); err != nil {
			return err
		}
		if id != "" {
			if err := d.mistrust(tx, s.v, id, asked); err != nil {
				return err
			}
		}
		if n[s.v.Disposition]++; id != "" {
			raised++
		}
		count(mutes, s)
	}
	if err := d.countMutes(tx, mutes, len(found)); err != nil {
		return err
	}
	detail := map[string]any{"differences": len(found), "raised": raised, "to": list[len(list)-1].N}
	for k, v := range n {
		detail[string(k)] = v
	}
	return record(tx, "reconcile.judged", "reconcile", "differences", detail)
}

func rulesAt(tx *db.Tx) Rules { return Rules{Settle: usualSettle, Now: tx.Now().UnixMicro()} }

// decide judges in two rounds: first what approved changes did, then what follows from it.
func (d *Desk) decide(tx *db.Tx, x *Index, list []inventory.Difference) ([]seen, error) {
	out := make([]seen, len(list))
	rules := rulesAt(tx)
	var around inventory.Context
	for i, diff := range list {
		if i == 0 || diff.Asset != list[i-1].Asset || diff.Record != list[i-1].Record { // one record's differences come one after the other
			var err error
			if around, err = inventory.ContextOf(tx, diff); err != nil {
				return nil, fmt.Errorf("difference %d: %w", diff.N, err)
			}
		}
		p, err := placeIn(tx, around, diff)
		if err != nil {
			return nil, fmt.Errorf("difference %d: %w", diff.N, err)
		}
		out[i] = seen{d: diff, p: p, v: Decide(diff, p, x, rules)}
		x.Note(diff, p, out[i].v)
		x.admit(diff, &out[i].p, out[i].v)
	}
	for i := range out {
		if s := &out[i]; !s.v.Disposition.Explains() {
			s.v = Decide(s.d, s.p, x, rules)
			x.admit(s.d, &s.p, s.v)
		}
	}
	return out, nil
}

// placeOf reads what stands around a difference.
func placeOf(tx *db.Tx, d inventory.Difference) (Place, error) {
	c, err := inventory.ContextOf(tx, d)
	if err != nil {
		return Place{}, err
	}
	return placeIn(tx, c, d)
}

// placeIn is placeOf for whoever knows what stands around it.
func placeIn(tx *db.Tx, c inventory.Context, d inventory.Difference) (p Place, err error) {
	p = Place{Asset: c.Asset.ID, Class: c.Asset.Class, Type: d.Type, Native: d.Native, Name: c.Asset.Name, Scope: c.Scope, IDs: c.IDs,
		Around: c.Around, Labels: c.Asset.Effective(), First: c.Asset.First, Borrowed: c.Borrowed, Merges: c.Came}
	if l := c.Asset.Labels[inventory.LabelOwner]; l.Confidence == inventory.Asserted {
		p.Owner = l.Value
	}
	for _, m := range c.Managers {
		p.Managers = append(p.Managers, Managed{Address: m.Native, Scope: m.Scope})
	}
	if p.Wholes, err = wholes(tx, c.Edges, d, p.Class); err != nil {
		return p, err
	}
	for _, a := range c.Manages { // code is as strict as what it manages: its own tags are the word of whoever writes it
		if !p.Production() && (Place{Labels: a.Effective()}).Production() {
			p.Labels[inventory.LabelEnvironment] = a.Label(inventory.LabelEnvironment)
		}
	}
	if d.Op == inventory.Deleted && p.Class == inventory.IaCResource {
		if p.LetGo, err = leftBehind(tx, d); err != nil {
			return p, err
		}
	}
	if d.Op == inventory.Created && c.Asset.Origin != "" && c.Asset.First < d.Latest {
		if p.Adopter, err = adoptedComing(tx, d, p); err != nil {
			return p, err
		}
	}
	if d.Path == "label."+inventory.LabelEnvironment { // who takes the label of production away is judged by it
		p.Labels[inventory.LabelEnvironment] = stricter(d.Before.Plain(), d.After.Plain())
	}
	return p, nil
}

// stricter gives the environment under which a change of environment is judged.
func stricter(before, after string) string {
	for _, e := range []string{before, after} {
		if e != "dev" && e != "test" {
			return e
		}
	}
	return before
}

// adoptions closes the findings whose change was approved, and opens those whose change came to nothing, approved or not; of every change
// where none is named.
func (d *Desk) adoptions(ctx context.Context, changes []string) error {
	var list []Finding
	err := d.db.View(ctx, func(tx *db.Tx) (err error) {
		list, err = db.Collect(tx, scanFinding, findingColumns+" WHERE state = 'adopting' ORDER BY n")
		return err
	})
	for _, f := range list {
		if changes != nil && !slices.Contains(changes, f.Adopts) {
			continue
		}
		err := d.db.Update(ctx, follower(), func(tx *db.Tx) error {
			f, err := loadFinding(tx, f.ID)
			if err != nil || f.State != Adopting {
				return err
			}
			return d.adopted(tx, &f)
		})
		if err != nil {
			return fmt.Errorf("%s: %w", f.ID, err)
		}
	}
	return err
}

// again judges the findings of the last day once more, because a run was reported.
func (d *Desk) again(ctx context.Context) error {
	return d.db.Update(ctx, follower(), func(tx *db.Tx) error {
		list, err := db.Collect(tx, scanFinding, findingColumns+" WHERE state IN ('open', 'adopting', 'reverting') AND opened >= $1 ORDER BY n DESC LIMIT 1000",
			tx.Now().UnixMicro()-clock)
		if err != nil {
			return err
		}
		var open []Finding
		var diffs []inventory.Difference
		for _, f := range list {
			one, found, err := onlyDifference(tx, f)
			if err != nil {
				return err
			}
			if found {
				open, diffs = append(open, f), append(diffs, one)
			}
		}
		if len(open) == 0 {
			return nil
		}
		k, err := d.recall(tx, 0, since(diffs))
		if err != nil {
			return err
		}
		for i := range open {
			if err := d.reconsider(tx, k.x, open[i], diffs[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

const heldAtMostTwo = "SELECT id FROM reconcile_match WHERE finding = $1 ORDER BY n LIMIT 2"

// onlyDifference gives the difference of a finding that has one. What was repeated is no late report.
func onlyDifference(tx *db.Tx, f Finding) (diff inventory.Difference, found bool, err error) {
	list, err := db.Collect(tx, scanString, heldAtMostTwo, f.ID)
	if err != nil || len(list) != 1 {
		return diff, false, err
	}
	return inventory.DifferenceOf(tx, list[0])
}

// reconsider closes a finding whose difference is explained by what was reported since. What was approved afterwards explains
// nothing: a run must have been under way.
func (d *Desk) reconsider(tx *db.Tx, x *Index, f Finding, diff inventory.Difference) error {
	p, err := placeOf(tx, diff)
	if err != nil {
		return err
	}
	v := Decide(diff, p, x, rulesAt(tx))
	if !v.Disposition.Explains() || v.First().Change == "" {
		return nil
	}
	m, found, err := db.One(tx, scanMatch, matchColumns+" WHERE id = $1", diff.ID)
	if err != nil || !found {
		return err
	}
	m.Disposition, m.Hits, m.Change, m.Claim = v.Disposition, v.Hits, v.First().Change, v.First().Claim
	m.Version++
	if err := saveMatch(tx, m); err != nil {
		return err
	}
	if diff.Op == inventory.Created {
		if err := inventory.Originate(tx, diff.Asset, m.Change); err != nil {
			return err
		}
		if err := admitFound(tx, &f); err != nil {
			return err
		}
	}
	f.State, f.Closed, f.Reason = Settled, tx.Now().UnixMicro(), "explained by "+m.Change
	if err := saveFinding(tx, &f); err != nil {
		return err
	}
	return record(tx, "finding.explained", "finding", f.ID, map[string]any{"change": m.Change, "disposition": string(m.Disposition)})
}

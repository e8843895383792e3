package reconcile

import (
	"context"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/wire"
)

// follower is who the loop acts as.
func follower() fault.Actor { return fault.SystemActor("reconcile") }

// charter writes down what a change may do and did, as its record says now. The claims of a revision are written once.
func (d *Desk) charter(ctx context.Context, id change.ID) (wrote bool, err error) {
	var p change.Permitted
	var over []charterRow
	err = d.db.View(ctx, func(tx *db.Tx) (err error) {
		if p, err = d.changes.PermittedIn(tx, id); err != nil {
			return err
		}
		over, err = outlived(tx, p)
		return err
	})
	if err != nil || len(p.Revisions)+len(over) == 0 {
		return false, err
	}
	claims := map[string][]Claim{}
	for _, rev := range p.Revisions {
		plans, err := d.documents(ctx, rev)
		if err != nil {
			return false, err
		}
		claims[rev.Digest] = Claims(rev, plans)
	}
	err = d.db.Update(ctx, follower(), func(tx *db.Tx) error {
		p, err := d.changes.PermittedIn(tx, id) // what was approved or reported meanwhile is taken with the next event
		if err != nil {
			return err
		}
		roster, err := d.people.RosterIn(tx)
		if err != nil {
			return err
		}
		n, err := keepCharters(tx, p, claims, roster)
		if err != nil || n == 0 {
			return err
		}
		wrote = true
		if err := await(tx, p.Change); err != nil {
			return err
		}
		return record(tx, "reconcile.claimed", "charter", charterID(string(id), p.Current.Digest), map[string]any{"change": string(id), "revisions": n})
	})
	return wrote, err
}

// keepCharters writes the charters of a change where they differ from what is stored, and counts those.
func keepCharters(tx *db.Tx, p change.Permitted, claims map[string][]Claim, roster *directory.Roster) (n int, err error) {
	for _, rev := range p.Revisions {
		list, known := claims[rev.Digest]
		if !known {
			continue
		}
		if err := freeze(tx, list, p.Change.Body.Decided); err != nil {
			return 0, err
		}
		moved, err := keepCharter(tx, chartered(p, rev, list, roster))
		if err != nil {
			return 0, err
		}
		if moved {
			n++
		}
	}
	ended, err := endOutlived(tx, p)
	return n + ended, err
}

// outlived gives the charters of a change that count as open, though nothing is permitted under their wording any more: the change was
// cancelled, expired or worded anew before anything ran. Nothing ran under them, or they would be permitted still.
func outlived(tx *db.Tx, p change.Permitted) ([]charterRow, error) {
	rows, err := db.Collect(tx, scanCharter, charterColumns+" WHERE change_id = $1 AND until = $2 ORDER BY n, id", string(p.Change.ID), openEnd)
	return slices.DeleteFunc(rows, func(c charterRow) bool {
		return slices.ContainsFunc(p.Revisions, func(r change.Revision) bool { return r.Digest == c.Rev })
	}), err
}

// endOutlived ends them. One whose wording is approved once more is written anew.
func endOutlived(tx *db.Tx, p change.Permitted) (n int, err error) {
	rows, err := outlived(tx, p)
	if err != nil {
		return 0, err
	}
	for _, c := range rows {
		c.Closed = max(p.Change.Body.ClosedAt, p.Change.Updated)
		if err := saveCharter(tx, c.Charter, c.liveUntil(), c.version+1); err != nil {
			return 0, err
		}
	}
	return len(rows), nil
}

// freeze notes with typed effects what the inventory says of them at their authorization.
func freeze(tx *db.Tx, list []Claim, authorized int64) error {
	if err := means(tx, list); err != nil {
		return err
	}
	return formerly(tx, list, authorized)
}

// means notes which asset each typed effect is about, before somebody else takes its name.
func means(tx *db.Tx, list []Claim) error {
	for i := range list {
		c := &list[i]
		if c.Planned {
			continue
		}
		a, err := inventory.FindIn(tx, c.Address)
		switch {
		case fault.Is(err, "no_asset") || fault.Is(err, "asset_name_shared"):
		case err != nil:
			return err
		default:
			c.Asset = a.ID
		}
	}
	return nil
}

const beforeSince = "SELECT before FROM inventory_difference WHERE record = $1 AND path = $2 AND latest > $3 ORDER BY n LIMIT 1"

// formerly has the way back of each typed effect name the values that stood when the change was authorized, as sources showed them. Where none
// is known, or the effect names attributes by a pattern, it names none, and explains nothing.
func formerly(tx *db.Tx, list []Claim, authorized int64) error {
	for i := range list {
		c := &list[i]
		if c.Planned || !c.Rollback || c.Path == "" || c.Asset == "" || c.Open || strings.Contains(c.Path, "*") {
			continue
		}
		records, err := inventory.RecordsOf(tx, c.Asset)
		if err != nil {
			return err
		}
		c.After = nil
		for _, r := range records {
			if r.Gone > 0 {
				continue
			}
			v, shown := valueAt(r.Attrs, c.Path)
			then, moved, err := db.One(tx, scanString, beforeSince, r.ID, c.Path, authorized) // what was observed since the approval is not what it saw
			if err != nil {
				return err
			}
			if moved {
				v, shown = inventory.Value(then), true
			}
			if shown {
				c.After = append(c.After, v)
			}
		}
	}
	return nil
}

// keepCharter writes a charter where it differs from what is stored.
func keepCharter(tx *db.Tx, c Charter) (wrote bool, err error) {
	id := charterID(c.Change, c.Rev)
	old, found, err := db.One(tx, scanCharter, charterColumns+" WHERE id = $1", id)
	if err != nil {
		return false, err
	}
	until := c.liveUntil()
	bare := c
	bare.Claims = nil
	if text, err := encode(bare); err != nil || found && old.until == until && old.body == text {
		return false, err
	}
	if err := saveCharter(tx, c, until, old.version+1); err != nil {
		return false, err
	}
	if !found {
		return true, insertClaims(tx, id, c.Claims)
	}
	return true, nil
}

// liveUntil is until when a charter may explain anything.
func (c *Charter) liveUntil() int64 {
	if c.Closed == 0 {
		return openEnd
	}
	end := c.Closed
	for _, r := range c.Runs {
		end = max(end, r.Ended)
	}
	return end + usualSettle.Microseconds()
}

// chartered puts a charter together.
func chartered(p change.Permitted, rev change.Revision, claims []Claim, roster *directory.Roster) Charter {
	w := rev.Material.Window
	c := Charter{Change: string(p.Change.ID), N: p.Change.Number, Rev: rev.Digest, Environment: p.Environment, Claims: claims, Runs: []Run{},
		Criteria: p.Change.Type == "standard"}
	if !w.From.IsZero() {
		c.From = w.From.UnixMicro()
	}
	if !w.Until.IsZero() {
		c.Until = w.Until.UnixMicro()
	}
	if p.Change.Rev == rev.N && p.Change.Body.Start > 0 {
		c.From, c.Until = p.Change.Body.Start, p.Change.Body.End
	}
	if c.Until == 0 && p.Change.Rev == rev.N {
		c.From, c.Until = p.Change.Body.Decided, p.Change.Body.Expires
	}
	if p.Change.State.Over() {
		c.Closed = max(p.Change.Body.ClosedAt, p.Change.Updated)
	}
	for _, x := range p.Permits {
		if x.Rev == rev.Digest && x.Kind != wire.KindPlan {
			c.Runs = append(c.Runs, ran(x, roster))
		}
	}
	return c
}

// ran reads what a permit says of its run.
func ran(p change.Permit, roster *directory.Roster) Run {
	r := Run{Permit: p.ID, Change: string(p.Change), Rev: p.Rev, Rollback: p.Kind == wire.KindRollback, Started: p.Issued, Ended: p.Ended,
		Lost: p.Outcome == change.Unknown, Executors: executorNames(p, roster)}
	var report wire.GateClose
	if p.Report != "" && json.Unmarshal([]byte(p.Report), &report) == nil {
		for _, x := range report.Receipts {
			r.Receipts = append(r.Receipts, Receipt{Address: x.Address, Action: x.Action, Done: x.Outcome == "done", ID: x.ID})
		}
	}
	return r
}

// executorNames lists the names by which a source may know who redeemed a permit.
func executorNames(p change.Permit, roster *directory.Roster) []string {
	names := []string{p.Person, p.Account}
	if a, ok := roster.Account(directory.AccountID(p.Account)); ok {
		names = append(names, a.Username)
	}
	if x, ok := roster.Person(directory.PersonID(p.Person)); ok {
		names = append(names, x.Name, x.Email)
	}
	for _, a := range roster.Accounts(directory.PersonID(p.Person)) {
		names = append(names, a.Username)
	}
	for i, n := range names {
		names[i] = strings.ToLower(n)
	}
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), func(s string) bool { return s == "" })
}

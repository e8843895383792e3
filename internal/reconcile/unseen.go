package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/seal"
)

// This file looks on after a change was closed as successful: what was still awaited then, for sources read later than people close, and is
// not there when they have read, is a finding. It is about the change and an asset, and no difference of production.

// Bounds of the look.
const (
	watchEvery = 5 * time.Minute                   // sources read less often
	watchPage  = 200                               // changes that are listed at once
	firstShown = int64(7 * 24 * 60 * 60 * 1000000) // microseconds in which a source may begin to show what none showed at the close
)

// ofEffects begins the fingerprint of a finding about effects.
const ofEffects = "effects:"

// awaited is a change that was closed as successful, with the claims of which it is not settled whether production shows them.
type awaited struct {
	id      string
	version int64
	closed  int64
	open    int64
	claims  []string // none before the first look, which settles what was seen by then
}

const awaitedColumns = "SELECT id, version, closed, open, claims FROM reconcile_awaited"

func scanAwaited(row db.Scanner) (a awaited, err error) {
	var text string
	if err := row.Scan(&a.id, &a.version, &a.closed, &a.open, &text); err != nil || text == "" {
		return a, err
	}
	return a, json.Unmarshal([]byte(text), &a.claims)
}

// await has the effects of a change be looked for on, from its close as successful.
func await(tx *db.Tx, c change.Change) error {
	if c.State != change.Closed || c.Body.Closure != change.Successful {
		return nil
	}
	_, err := tx.Exec("INSERT INTO reconcile_awaited (id, version, closed, open, claims) VALUES ($1, 1, $2, 1, '') ON CONFLICT (id) DO NOTHING",
		string(c.ID), c.Body.ClosedAt)
	return err
}

// watch looks for what is awaited, change by change.
func (d *Desk) watch(ctx context.Context) error {
	now := d.db.Now()
	if now.Sub(d.watched) < watchEvery {
		return nil
	}
	var errs []error
	for after, more := "", true; more && ctx.Err() == nil; {
		var ids []string
		err := d.db.View(ctx, func(tx *db.Tx) (err error) {
			ids, err = db.Collect(tx, scanString, "SELECT id FROM reconcile_awaited WHERE open > 0 AND id > $1 ORDER BY id LIMIT $2", after, watchPage)
			return err
		})
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := d.watchOne(ctx, id); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", id, err))
			}
			after = id
		}
		more = len(ids) == watchPage
	}
	if len(errs) == 0 {
		d.watched = now
	}
	return errors.Join(errs...)
}

// watchOne looks for the effects of one change. Most of the time there is nothing to write.
func (d *Desk) watchOne(ctx context.Context, id string) error {
	var some bool
	err := d.db.View(ctx, func(tx *db.Tx) error {
		l, err := d.look(tx, id)
		some = l.moved
		return err
	})
	if err != nil || !some {
		return err
	}
	return d.db.Update(ctx, follower(), func(tx *db.Tx) error {
		l, err := d.look(tx, id)
		if err != nil || !l.moved {
			return err
		}
		return d.keepLook(tx, l)
	})
}

// look is what came of looking for the effects of one change.
type look struct {
	awaited
	moved  bool
	raised []*Finding // new, or with effects that they did not hold before
	over   []*Finding
}

// look compares what production shows with what is awaited, and with the findings about it.
func (d *Desk) look(tx *db.Tx, id string) (l look, err error) {
	if l.awaited, _, err = db.One(tx, scanAwaited, awaitedColumns+" WHERE id = $1", id); err != nil {
		return l, err
	}
	only := map[string]bool{}
	for _, k := range l.claims {
		only[k] = true
	}
	ends, err := d.ends(tx, change.ID(id), only)
	if err != nil {
		return l, err
	}
	list, err := db.Collect(tx, scanFinding, findingColumns+" WHERE change_id = $1 AND fingerprint LIKE $2 ORDER BY n", id, ofEffects+"%")
	if err != nil {
		return l, err
	}
	holder, missing := map[string]*Finding{}, map[*Finding]bool{}
	for i := range list {
		for _, k := range list[i].Effects {
			holder[k] = &list[i]
		}
	}
	now := tx.Now().UnixMicro()
	var open []string
	var bad []End
	for _, e := range ends {
		f := holder[e.Claim.ID]
		switch {
		case f != nil && (f.Waits() || f.State == Waived):
			open = append(open, e.Claim.ID)
			missing[f] = missing[f] || e.unseen() || e.End == Awaited
		case f != nil: // it was answered for
		case e.unseen():
			bad = append(bad, e)
		case e.End == Awaited || e.End == Unobservable && e.Asset == "" && now-l.closed < firstShown:
			open = append(open, e.Claim.ID)
		}
	}
	for i := range list {
		if f := &list[i]; (f.Waits() || f.State == Waived) && !missing[f] {
			l.over = append(l.over, f)
			open = slices.DeleteFunc(open, func(k string) bool { return slices.Contains(f.Effects, k) })
		}
	}
	if l.raised, err = d.missed(tx, id, bad, list); err != nil {
		return l, err
	}
	for _, f := range l.raised {
		open = append(open, f.Effects...)
	}
	slices.Sort(open)
	open = slices.Compact(open)
	l.moved = len(l.over)+len(l.raised) > 0 || !slices.Equal(open, l.claims) || l.open != int64(len(open))
	l.claims, l.open = open, int64(len(open))
	return l, nil
}

// missed puts effects that are not there into findings, one for each asset: the one that waits, or a new one. What is labelled dev or test raises
// nothing, as with differences.
func (d *Desk) missed(tx *db.Tx, id string, bad []End, list []Finding) (out []*Finding, err error) {
	if len(bad) == 0 {
		return nil, nil
	}
	at, err := d.aimed(tx, change.ID(id))
	if err != nil {
		return nil, err
	}
	now := tx.Now().UnixMicro()
	for _, e := range bad {
		p := Place{Asset: e.Asset, Name: e.Claim.Address}
		if p.Asset == "" {
			p.Asset = at
		}
		if p.Asset != "" {
			if p, err = placeOf(tx, inventory.Difference{Asset: p.Asset, Latest: now}); err != nil {
				return nil, err
			}
		}
		if !p.Production() {
			continue
		}
		print := effectPrint(id, p.Asset)
		i := slices.IndexFunc(out, func(f *Finding) bool { return f.Fingerprint == print })
		if i < 0 {
			f := raiseUnseen(id, print, p, now)
			for j := range list {
				if x := &list[j]; x.Fingerprint == print && (x.Waits() || x.State == Waived) {
					f = x
				}
			}
			out, i = append(out, f), len(out)
		}
		out[i].miss(e, p, now)
	}
	return out, nil
}

// aimed is the asset that a change is about, for effects on what no record shows: the first of its targets; "" where none is an asset.
func (d *Desk) aimed(tx *db.Tx, id change.ID) (inventory.AssetID, error) {
	p, err := d.changes.PermittedIn(tx, id)
	for _, r := range p.Current.Material.Resolved {
		if r.Asset != "" {
			return inventory.AssetID(r.Asset), err
		}
	}
	return "", err
}

func effectPrint(id string, asset inventory.AssetID) string {
	return ofEffects + seal.Digest("plumb.finding.effects.v1", []byte(id), []byte(asset))
}

func raiseUnseen(id, print string, p Place, now int64) *Finding {
	return &Finding{Fingerprint: print, State: Open, Asset: p.Asset, Owner: p.Owner, Change: id, Opened: now, Due: now + clock,
		FindingBody: FindingBody{Name: p.Name, Disposition: Unseen, Environment: p.Labels[inventory.LabelEnvironment], Op: inventory.Updated,
			Path: "approved effects", Kind: inventory.Config, Earliest: now, Latest: now}}
}

// miss adds an effect that is not there. Who took less as it is, or adopts it, did not take this one.
func (f *Finding) miss(e End, p Place, now int64) {
	if f.State == Waived || f.State == Adopting {
		f.State, f.Due, f.Adopts, f.Reason = Open, now+clock, "", "another effect is missing than those that were decided on"
	}
	op := inventory.Updated
	switch e.Claim.Verb {
	case "create":
		op = inventory.Created
	case "delete":
		op = inventory.Deleted
	}
	if score, severity := Weigh(inventory.Difference{Op: op, Kind: f.Kind}, p); score > f.Score {
		f.Score, f.Severity = score, severity
	}
	f.Effects, f.Count, f.Latest = append(f.Effects, e.Claim.ID), f.Count+1, now
	what := strings.TrimSpace(e.Claim.Verb + " " + e.Claim.Address + " " + e.Claim.Path)
	if len(f.Hits) < maxHits {
		reason := what + " is " + strings.ReplaceAll(e.End, "_", " ")
		if e.Because != "" {
			reason += ": " + e.Because
		}
		f.Hits = append(f.Hits, Hit{Disposition: Unseen, Change: f.Change, Claim: e.Claim.ID, Reason: reason})
	}
	switch {
	case f.Count == 1:
		f.Note, f.After = what, e.Seen
		if len(e.Claim.After) > 0 && !e.Claim.Open {
			f.Before = e.Claim.After[0]
		}
	case f.Count <= partsNamed:
		f.Note, f.Before, f.After = f.Note+", "+what, "", ""
	case f.Count == partsNamed+1:
		f.Note += " and more"
	}
}

// keepLook writes down what came of a look, with an event for each finding, and for the change.
func (d *Desk) keepLook(tx *db.Tx, l look) error {
	now := tx.Now().UnixMicro()
	newest, err := inventory.NewestDifference(tx)
	if err != nil {
		return err
	}
	for _, f := range l.over {
		was := f.State
		if f.State, f.Closed = Settled, now; was == Reverting {
			f.State = Reverted
		} else {
			f.Reason = "production shows the approved effects by now"
		}
		if err := saveFinding(tx, f); err != nil {
			return err
		}
		if err := record(tx, "finding.settled", "finding", f.ID, map[string]any{"was": was, "because": "production shows the approved effects by now"}); err != nil {
			return err
		}
	}
	for _, f := range l.raised {
		if f.Version == 0 {
			n, err := next(tx, "reconcile_finding")
			if err != nil {
				return err
			}
			f.ID, f.N, f.Difference = findingID(n), n, newest
		}
		if err := saveFinding(tx, f); err != nil {
			return err
		}
		if err := record(tx, "finding.raised", "finding", f.ID, map[string]any{"disposition": string(Unseen), "asset": string(f.Asset), "change": l.id,
			"severity": string(f.Severity), "effects": len(f.Effects)}); err != nil {
			return err
		}
		if err := d.mistrust(tx, Verdict{Disposition: Unseen, Hits: f.Hits}, f.ID, map[string]bool{}); err != nil {
			return err
		}
	}
	text, err := encode(append([]string{}, l.claims...))
	if err != nil {
		return err
	}
	if err := tx.ExecOne("UPDATE reconcile_awaited SET version = $1, open = $2, claims = $3 WHERE id = $4 AND version = $5", l.version+1, l.open, text, l.id, l.version); err != nil {
		return err
	}
	ids := []string{}
	for _, f := range l.raised {
		ids = append(ids, f.ID)
	}
	return record(tx, "reconcile.looked", "change", l.id, map[string]any{"awaited": l.open, "findings": ids})
}

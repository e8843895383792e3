package change

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/wire"
)

// maxCandidates bounds the changes that one request without a name is held against; beyond it somebody
// must name the change.
const maxCandidates = 20

// sought finds the change that a request is about: the one it names, or the only one that the gate would
// open for this very caller and for what they show. Where none would be opened, the only one that binds what
// is shown, whose verdict says what is missing. Between several nothing is guessed: which of them is meant
// decides whose approvals are used up.
func (d *Desk) sought(ctx context.Context, actor fault.Actor, q wire.GateRequest) (ID, error) {
	if q.Change != "" {
		return ParseID(q.Change)
	}
	var list []ID
	err := d.db.View(ctx, func(tx *db.Tx) (err error) {
		list, err = candidates(tx, q)
		return err
	})
	switch {
	case err != nil:
		return "", err
	case len(list) == 0:
		return "", fault.New(fault.NotFound, "no_matching_change", "No open change binds what was observed.").
			FixedBy("the requester").Then("plumb change new")
	case len(list) > maxCandidates:
		return "", ambiguous(fmt.Sprintf("More than %d open changes bind what was observed; name the one that is meant.", maxCandidates))
	}
	return d.only(ctx, actor, q, list)
}

// only picks the one candidate that the gate would open, or has opened for this very request before.
func (d *Desk) only(ctx context.Context, actor fault.Actor, q wire.GateRequest, list []ID) (ID, error) {
	var open, all []string
	for _, id := range list {
		s, err := d.snapshot(ctx, id)
		if err != nil {
			return "", err
		}
		_, again := s.again(actor, q)
		if again || s.verdict(actor, q, d.db.Now().UnixMicro()).Code == wire.ExitAllowed {
			open = append(open, string(id))
		}
		all = append(all, fmt.Sprintf("%s (%s)", id, s.Change.State))
	}
	switch {
	case len(open) == 1:
		return ID(open[0]), nil
	case len(open) > 1:
		return "", ambiguous("Several changes release what was observed; name the one that is meant: " + strings.Join(open, ", ") + ".")
	case len(list) > 1:
		return "", ambiguous("Several open changes bind what was observed, and none can be executed now; name the one that is meant: " + strings.Join(all, ", ") + ".")
	}
	return list[0], nil
}

func ambiguous(text string) error {
	return fault.New(fault.Denied, "ambiguous_change", "%s", text).Because("gate", "policy statement (b)").
		FixedBy("whoever wrote the pipeline").Then("plumb gate check CHG-7")
}

// candidates lists the open changes whose current wording would run one of the things observed, the oldest
// first: one more than maxCandidates at most.
func candidates(tx *db.Tx, q wire.GateRequest) ([]ID, error) {
	found := map[ID]Change{}
	for _, o := range q.Observed {
		for _, digest := range []string{o.Digest, o.Normalized} {
			if !IsDigest(digest) {
				continue
			}
			if err := eachNaming(tx, digest, func(c Change, m Material) bool {
				if m.runs(q.Kind)[digest] {
					found[c.ID] = c
				}
				return len(found) <= maxCandidates
			}); err != nil {
				return nil, err
			}
		}
	}
	out := []ID{}
	for id := range found {
		out = append(out, id)
	}
	slices.SortFunc(out, func(a, b ID) int { return int(found[a].Number - found[b].Number) })
	return out, nil
}

// runs lists the digests of what a permit of this kind would release.
func (m Material) runs(kind string) map[string]bool {
	if kind != wire.KindRollback {
		return m.bound()
	}
	if m.Rollback.Binding == nil {
		return nil
	}
	return Material{Bindings: []Binding{*m.Rollback.Binding}}.bound()
}

// eachNaming walks through the open changes whose current wording names a digest anywhere, page by page,
// until it is told to stop.
func eachNaming(tx *db.Tx, digest string, each func(Change, Material) bool) error {
	const page = 100
	for after := int64(0); ; {
		list, err := db.Collect(tx, scanChange, changeColumns+" WHERE state IN ('submitted', 'assessing', 'awaiting_approval', 'authorized',"+
			" 'scheduled', 'implementing', 'verifying') AND number > $1 AND EXISTS (SELECT 1 FROM change_revision r"+
			" WHERE r.change_id = change_change.id AND r.n = change_change.rev AND r.canonical LIKE $2)"+
			" ORDER BY number LIMIT $3", after, "%"+digest+"%", page)
		if err != nil {
			return fmt.Errorf("look for changes that bind it: %w", err)
		}
		for _, c := range list {
			after = c.Number
			r, err := loadRevision(tx, c.ID, c.Rev)
			if err != nil {
				return err
			}
			if !each(c, r.Material) {
				return nil
			}
		}
		if len(list) < page {
			return nil
		}
	}
}

package inventory

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory/diagram"
)

// ProposeDiagram proposes a slice, as it is drawn now, for the diagram of record. seen is the digest of what the person looked
// at: what moved meanwhile is not what they propose.
func (d *Desk) ProposeDiagram(ctx context.Context, actor fault.Actor, s Slice, seen, reason string) (v DiagramView, err error) {
	err = d.sketched(ctx, actor, func(tx *db.Tx) (Slice, error) { return s, d.mayTakePart(tx, actor) }, func(tx *db.Tx, draw drawing) error {
		if err := d.mayTakePart(tx, actor); err != nil {
			return err
		}
		if !plainText(reason, maxName, true) {
			return longNote()
		}
		s := s
		g, err := draw(&s)
		if err != nil {
			return err
		}
		x := Diagram{Version: 1, Slice: s, State: DiagramProposed, Digest: g.Digest(s.Kind), Head: g.Head, Nodes: int64(len(g.Nodes)),
			Edges: int64(len(g.Edges)), Covered: int64(g.Covered()), Person: actor.Person, Proposed: tx.Now().UnixMicro(), Reason: strings.TrimSpace(reason)}
		if !g.At.IsZero() {
			x.At = g.At.UnixMicro()
		}
		if err := mayPropose(tx, x, seen); err != nil {
			return err
		}
		if x.N, err = next(tx, "inventory_diagram"); err != nil {
			return err
		}
		x.ID = fmt.Sprintf("DGM-%06d", x.N)
		if err := insertDiagram(tx, x, g); err != nil {
			return err
		}
		v.Diagram = x
		return record(tx, "diagram.proposed", "diagram", x.ID, map[string]any{"kind": string(s.Kind), "digest": x.Digest, "head": x.Head, "nodes": x.Nodes, "reason": x.Reason})
	})
	return v, err
}

// mayPropose is the rule for a proposal: what is drawn is what was looked at, shows something, and no other one waits.
func mayPropose(tx *db.Tx, x Diagram, seen string) error {
	if seen != x.Digest {
		return fault.New(fault.Stale, "diagram_unseen", "What is drawn now is not what you looked at.").FixedBy("you").Then("plumb diagram draw %s", x.Slice.flags())
	}
	if x.Nodes == 0 {
		return fault.New(fault.Conflict, "nothing_drawn", "The diagram would show nothing.").FixedBy("you").Then("plumb asset list")
	}
	other, found, err := diagramOf(tx, x.Slice, DiagramProposed)
	if err == nil && found {
		err = fault.New(fault.Conflict, "diagram_waits", "A proposal of that diagram waits for its approval already.").About(other.ID).
			FixedBy("another person who looks after the inventory").Then("plumb diagram show %s", other.ID)
	}
	return err
}

func longNote() error {
	return fault.New(fault.Invalid, "bad_comment", "The comment is at most 1024 bytes of text.").FixedBy("you").Then("write a shorter one")
}

// ApproveDiagram makes a proposed diagram the diagram of record of its slice; the one before is superseded.
func (d *Desk) ApproveDiagram(ctx context.Context, actor fault.Actor, id, seen, note string) (v DiagramView, err error) {
	of := func(tx *db.Tx) (Slice, error) {
		if err := d.mayTakePart(tx, actor); err != nil {
			return Slice{}, err
		}
		x, err := loadDiagram(tx, id)
		if err == nil {
			err = x.mayDecide()
		}
		return x.Slice, err
	}
	err = d.sketched(ctx, actor, of, func(tx *db.Tx, draw drawing) error {
		v, err = d.decideDiagram(tx, actor, id, note, func(tx *db.Tx, x *Diagram) (string, error) {
			g, err := draw(&x.Slice)
			if err != nil {
				return "", err
			}
			r, err := d.rosterIn(tx)
			if err != nil {
				return "", err
			}
			if err := x.mayApprove(deciding{person: actor.Person, seen: seen, now: g.Digest(x.Slice.Kind), who: humans{r}}); err != nil {
				return "", err
			}
			if old, found, err := diagramOf(tx, x.Slice, DiagramApproved); err != nil {
				return "", err
			} else if found {
				old.State, old.Stale = DiagramSuperseded, 0
				if err := saveDiagram(tx, &old); err != nil {
					return "", err
				}
			}
			x.State = DiagramApproved
			return "diagram.approved", nil
		})
		return err
	})
	return v, err
}

// RefuseDiagram says that a proposed diagram is not one to hold; whoever proposed it withdraws it instead.
func (d *Desk) RefuseDiagram(ctx context.Context, actor fault.Actor, id, note string) (v DiagramView, err error) {
	err = d.db.Update(ctx, actor, func(tx *db.Tx) error {
		v, err = d.decideDiagram(tx, actor, id, note, func(_ *db.Tx, x *Diagram) (string, error) {
			if err := x.mayDecide(); err != nil {
				return "", err
			}
			if x.Person == actor.Person {
				x.State = DiagramWithdrawn
				return "diagram.withdrawn", nil
			}
			if strings.TrimSpace(note) == "" {
				return "", noReason()
			}
			x.State = DiagramRefused
			return "diagram.refused", nil
		})
		return err
	})
	return v, err
}

// decideDiagram loads a diagram, has it decided, saves and records it.
func (d *Desk) decideDiagram(tx *db.Tx, actor fault.Actor, id, note string, decide func(*db.Tx, *Diagram) (string, error)) (v DiagramView, err error) {
	if err := d.mayTakePart(tx, actor); err != nil {
		return v, err
	}
	if !plainText(note, maxName, true) {
		return v, longNote()
	}
	x, err := loadDiagram(tx, id)
	if err != nil {
		return v, err
	}
	verb, err := decide(tx, &x)
	if err != nil {
		return v, err
	}
	x.Decider, x.Decided, x.Note, x.Stale = actor.Person, tx.Now().UnixMicro(), strings.TrimSpace(note), 0
	if err := saveDiagram(tx, &x); err != nil {
		return v, err
	}
	v.Diagram = x
	return v, record(tx, verb, "diagram", x.ID, map[string]any{"kind": string(x.Slice.Kind), "digest": x.Digest, "note": x.Note})
}

// Diagrams lists the diagrams of record, the newest first, a page before number n; n 0 begins with the newest. Those that are
// proposed or approved say what moved since.
func (d *Desk) Diagrams(ctx context.Context, before int64, limit int) (out []DiagramView, err error) {
	if before <= 0 {
		before = 1 << 62
	}
	err = d.db.View(ctx, func(tx *db.Tx) error {
		list, err := db.Collect(tx, scanDiagram, diagramColumns+" WHERE n < $1 ORDER BY n DESC LIMIT $2", before, min(max(limit, 1), MaxPage))
		if err != nil {
			return err
		}
		out = make([]DiagramView, len(list))
		for i, x := range list {
			if out[i], err = d.viewDiagram(tx, x); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

// DiagramsOf lists those of one slice, the newest first.
func (d *Desk) DiagramsOf(ctx context.Context, s Slice) (out []DiagramView, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		if err := s.clean(); err != nil {
			return err
		}
		list, err := db.Collect(tx, scanDiagram, diagramColumns+" WHERE slice = $1 ORDER BY n DESC LIMIT 50", s.key())
		for _, x := range list {
			v, err := d.viewDiagram(tx, x)
			if err != nil {
				return err
			}
			out = append(out, v)
		}
		return err
	})
	return out, err
}

// DiagramOf shows one diagram of record, with the graph that was proposed.
func (d *Desk) DiagramOf(ctx context.Context, id string) (v DiagramView, g diagram.Graph, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		x, err := loadDiagram(tx, id)
		if err != nil {
			return err
		}
		if g, err = graphOf(tx, x.ID); err != nil {
			return err
		}
		v, err = d.viewDiagram(tx, x)
		return err
	})
	return v, g, err
}

// viewDiagram says what moved since. The answer holds until something is observed or said again.
func (d *Desk) viewDiagram(tx *db.Tx, x Diagram) (v DiagramView, err error) {
	v.Diagram = x
	if !x.live() {
		return v, nil
	}
	state, err := worldState(tx)
	if err != nil {
		return v, err
	}
	if m, ok := d.moves.know(x.ID, state); ok {
		v.Moved = m
	} else if v.Moved, err = movedSince(tx, x); err != nil {
		return v, err
	} else {
		d.moves.note(x.ID, state, v.Moved)
	}
	v.Stale = 0
	if v.Moved != nil {
		v.Stale = v.Moved.Since
	}
	return v, nil
}

// movedSince compares a diagram with what would be drawn now; nil when it is the same.
func movedSince(tx *db.Tx, x Diagram) (*Moved, error) {
	was, err := graphOf(tx, x.ID)
	if err != nil {
		return nil, err
	}
	is, err := drawn(tx, &x.Slice)
	if err != nil && !fault.Is(err, "diagram_too_large") {
		return nil, err
	}
	tooLarge := err != nil
	m, ok := moved(was, is)
	switch {
	case tooLarge:
		m = Moved{Other: []string{"there is more now than can be drawn"}}
	case !ok:
		return nil, nil
	default:
		m.Now = is.Digest(x.Slice.Kind)
	}
	if m.Since, err = firstMove(tx, x.Head, m.things); err != nil {
		return nil, err
	}
	if m.Since == 0 { // nothing that moved is kept as a difference: since it was noticed
		m.Since = max(x.Stale, x.Proposed)
	}
	return &m, nil
}

// WatchDiagrams notes which diagrams of record turned stale, or show production again, so that whoever follows the ledger hears
// of it. One that cannot be looked at keeps it from no other; its error is told in the end. It is called by one loop.
func (d *Desk) WatchDiagrams(ctx context.Context) error {
	var failed []error
	for after := int64(0); ctx.Err() == nil; {
		var list []Diagram
		err := d.db.View(ctx, func(tx *db.Tx) (err error) {
			list, err = db.Collect(tx, scanDiagram, diagramColumns+" WHERE state = 'approved' AND n > $1 ORDER BY n LIMIT $2", after, watchedAtOnce)
			return err
		})
		if err != nil {
			return err
		}
		for _, x := range list {
			if err := d.watch(ctx, x); err != nil {
				failed = append(failed, fmt.Errorf("%s: %w", x.ID, err))
			}
			after = x.N
		}
		if len(list) < watchedAtOnce {
			break
		}
	}
	return errors.Join(append(failed, ctx.Err())...)
}

// watchedAtOnce is how many diagrams of record are read in one go.
const watchedAtOnce = 100

func (d *Desk) watch(ctx context.Context, x Diagram) error {
	var v DiagramView
	err := d.db.View(ctx, func(tx *db.Tx) (err error) {
		v, err = d.viewDiagram(tx, x)
		return err
	})
	if err != nil || (v.Stale > 0) == (x.Stale > 0) {
		return err
	}
	return d.noteStale(ctx, x.ID, v)
}

// noteStale notes what viewDiagram found in a view. Where the inventory moved on in between, the next look finds it.
func (d *Desk) noteStale(ctx context.Context, id string, found DiagramView) error {
	return d.db.Update(ctx, fault.SystemActor("inventory"), func(tx *db.Tx) error {
		x, err := loadDiagram(tx, id)
		if err != nil || x.State != DiagramApproved || x.Version != found.Version {
			return err
		}
		x.Stale = found.Stale
		if err := saveDiagram(tx, &x); err != nil {
			return err
		}
		verb := "diagram.restored"
		if x.Stale > 0 {
			verb = "diagram.outdated"
		}
		return record(tx, verb, "diagram", x.ID, map[string]any{"kind": string(x.Slice.Kind), "since": x.Stale})
	})
}

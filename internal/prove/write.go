package prove

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/seal"
)

// tries is how often Write waits for a moment in which no event of its changes is outside the tree.
const tries = 50

// errAhead says that the rows are newer than the signed tree; nothing is written yet.
var errAhead = errors.New("prove: events of the selection are not in the tree yet")

// Write writes one pack to w. All of it is read in one snapshot, which is held until Write returns, so
// w should be a file or take bytes quickly. A refusal comes before the first byte: Invalid for a
// selection that makes no sense, NotFound for a change that is not there, Unavailable when the ledger
// is too busy. After any later error what was written is no pack, and Verify says so.
func Write(ctx context.Context, w io.Writer, src Source, sel Selection) error {
	if err := sel.check(); err != nil {
		return err
	}
	for range tries {
		if _, err := src.Log.Integrate(ctx); err != nil {
			return err
		}
		err := src.DB.View(ctx, func(tx *db.Tx) error {
			p, err := begin(ctx, tx, src, sel)
			if err != nil {
				return err
			}
			p.out = &archive{w: w}
			return p.write()
		})
		if !errors.Is(err, errAhead) {
			return err
		}
	}
	return fault.New(fault.Unavailable, "ledger_busy", "The selected changes are changing too fast to be exported now.").
		Then("try again in a moment").FixedBy("you")
}

// packer writes one pack out of one snapshot.
type packer struct {
	ctx context.Context // of the one Write that it lives in
	tx  *db.Tx
	src Source
	sel Selection
	at  ledger.Checkpoint
	m   manifest
	out *archive

	lent   lines // lendings.jsonl
	counts Counts
	held   []change.ID       // the changes, in the order of their numbers
	docs   map[string]bool   // digests that were referred to
	people map[string]bool   // ids of persons and accounts that did something
	roles  map[[2]string]int // role and person of decisions
	chunk  chunks
	number int // of the chunk of changes
}

// begin reads what a pack rests on, and refuses what cannot be written.
func begin(ctx context.Context, tx *db.Tx, src Source, sel Selection) (*packer, error) {
	at, err := src.Log.NewestIn(tx)
	if err != nil {
		return nil, err
	}
	ahead, err := ledger.PendingIn(tx, "change", string(sel.Change), at.Size)
	if err != nil {
		return nil, fmt.Errorf("look for new events: %w", err)
	}
	if ahead {
		return nil, errAhead
	}
	p := &packer{ctx: ctx, tx: tx, src: src, sel: sel, at: at, docs: map[string]bool{}, people: map[string]bool{}, roles: map[[2]string]int{}}
	p.m = manifest{Schema: Schema, Install: src.Install, Origin: at.Origin, Kind: oneChange, Change: string(sel.Change),
		Created: tx.Now().UnixMicro(), Size: at.Size, Root: at.Root.String(), Withheld: slices.Sorted(slices.Values(sel.Withhold))}
	p.m.Withheld, p.m.Lendings = append([]string{}, slices.Compact(p.m.Withheld)...), true
	if sel.Change != "" {
		p.held = []change.ID{sel.Change}
		return p, errors.Join(p.there(), p.beginLent(), p.beginSince())
	}
	p.m.Kind, p.m.From, p.m.To = period, sel.From.UnixMicro(), sel.To.UnixMicro()
	if err := p.beginRun(); err != nil {
		return nil, fmt.Errorf("place the period in the tree: %w", err)
	}
	return p, errors.Join(p.beginLent(), p.beginSince())
}

func (p *packer) there() error {
	rows := 0
	err := change.RowsOf(p.tx, p.sel.Change, func(string, db.Row) error { rows++; return nil })
	if err == nil && rows == 0 {
		err = fault.New(fault.NotFound, "no_change", "There is no change %s.", p.sel.Change).Then("plumb change list")
	}
	return err
}

// beginRun finds the run of events that shows the period whole: one event beyond either end, so that
// the ends can be seen, and without Short all the rest up to the checkpoint.
func (p *packer) beginRun() error {
	first, last, err := ledger.Between(p.tx, p.sel.From, p.sel.To, p.at.Size)
	if err != nil {
		return err
	}
	first, last = max(first-1, 0), min(last+1, p.at.Size-1)
	if !p.sel.Short {
		last = p.at.Size - 1
	}
	last = max(last, first)
	left, right, err := ledger.SpanIn(p.tx, first, last, p.at.Size)
	p.m.Run = &run{First: first, Last: last, Left: hashesText(left), Right: hashesText(right)}
	return err
}

func (p *packer) beginSince() error {
	if p.sel.Since == 0 {
		return nil
	}
	if p.sel.Since > p.at.Size {
		return fault.New(fault.Conflict, "newer_checkpoint", "The ledger has %d events; the checkpoint you name has more.", p.at.Size).
			FixedBy("the operator of the server").Then("compare the checkpoints: the ledger may have been rolled back")
	}
	proof, err := ledger.ConsistencyIn(p.tx, p.sel.Since, p.at.Size)
	p.m.Since = &since{Size: p.sel.Since, Proof: hashesText(proof)}
	return err
}

func (p *packer) write() error {
	head := []func() error{p.writeHead, p.writePolicies, p.writeLent, p.writeRun, p.writeChanges, p.writeRoles, p.writePeople, p.writeDocuments, p.writeEnd}
	for _, step := range head {
		if err := p.ctx.Err(); err != nil {
			return err
		}
		if err := step(); err != nil {
			return err
		}
	}
	return p.out.close()
}

func (p *packer) writeHead() error {
	vkey := p.src.Log.VerifierKey()
	der, err := x509.MarshalPKIXPublicKey(p.src.Key.Public())
	if err != nil {
		return fmt.Errorf("write public key: %w", err)
	}
	k := keys{Install: p.src.Install, Ledger: vkey,
		Permits: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))}
	if err := p.out.add(cover, []byte(coverText)); err != nil {
		return err
	}
	if err := p.addJSON(manifested, p.m); err != nil {
		return err
	}
	if err := p.out.add(checkpoint, []byte(p.at.Note)); err != nil {
		return err
	}
	return p.addJSON(keysFile, k)
}

func (p *packer) addJSON(name string, v any) error {
	b, err := seal.Canonical(v)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return p.out.add(name, append(b, '\n'))
}

// writePolicies writes every pack that was ever in force, with the event that put it in force.
func (p *packer) writePolicies() error {
	archives := map[string]string{}
	var rows []rowLine
	err := change.PackRows(p.tx, func(row db.Row) error {
		r := rowOf("change_pack", row)
		name := policyDir + strings.TrimPrefix(r.text("digest"), "sha256:") + ".json"
		archives[name] = r.text("archive")
		r.File = name
		delete(r.Cells, "archive")
		rows = append(rows, r)
		return nil
	})
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(archives)) {
		if err := p.out.add(name, []byte(archives[name])); err != nil {
			return err
		}
	}
	var l lines
	for _, r := range rows {
		object := r.text("change_id")
		if object == "setup" {
			object = r.text("digest")
		}
		err := p.eachOf(object, func(e ledger.Entry) error {
			if !mentions(e.Leaf, r.Table, r.ID) {
				return nil
			}
			x, err := p.event(e, true)
			if err != nil {
				return err
			}
			return l.add(line{Event: &x})
		})
		if err != nil {
			return err
		}
		if err := l.add(line{Row: &r}); err != nil {
			return err
		}
	}
	return p.addLines(background, l)
}

func (p *packer) addLines(name string, l lines) error {
	if len(l.buf) == 0 {
		return nil
	}
	return p.out.add(name, l.buf)
}

// eachOf passes the events about one object that are in the tree.
func (p *packer) eachOf(object string, each func(ledger.Entry) error) error {
	const page = 500
	for from := int64(0); ; {
		list, err := ledger.OfObject(p.tx, object, from, page)
		if err != nil {
			return fmt.Errorf("read events of %s: %w", object, err)
		}
		for _, e := range list {
			if e.Seq >= p.at.Size {
				return nil
			}
			if err := each(e); err != nil {
				return err
			}
			from = e.Seq + 1
		}
		if len(list) < page {
			return p.ctx.Err()
		}
	}
}

func mentions(l ledger.Leaf, table, id string) bool {
	return slices.ContainsFunc(l.Rows, func(r [3]string) bool { return r[0] == table && r[1] == id })
}

// event makes the line of an event without its words; alone proves its place by itself even in the run.
func (p *packer) event(e ledger.Entry, alone bool) (eventLine, error) {
	x := eventLine{Seq: e.Seq, Leaf: []byte(e.Text)}
	if !alone && p.m.Run.holds(e.Seq) {
		return x, nil
	}
	proof, err := ledger.InclusionIn(p.tx, e.Seq, p.at.Size)
	if err != nil {
		return x, fmt.Errorf("prove event %d: %w", e.Seq, err)
	}
	x.Proof = hashesText(proof)
	return x, nil
}

// writeRun writes the events of the period and notes which changes it is about.
func (p *packer) writeRun() error {
	if p.m.Run == nil {
		return nil
	}
	about := map[int64]change.ID{}
	p.chunk = chunks{a: p.out}
	err := ledger.EachLeaf(p.tx, p.m.Run.First, p.m.Run.Last, func(seq int64, leaf string) error {
		f, err := scanLeaf([]byte(leaf))
		if err != nil {
			return fmt.Errorf("read event %d: %w", seq, err)
		}
		if n, ok := changeNumber(f.object); ok && f.kind == "change" && p.m.From <= f.ts && f.ts < p.m.To {
			about[n] = change.ID(f.object)
		}
		p.counts.Events++
		return p.chunk.line(fmt.Sprintf("%s%012d.jsonl", eventsDir, seq), []byte(leaf))
	})
	if err != nil {
		return err
	}
	for _, n := range slices.Sorted(maps.Keys(about)) {
		p.held = append(p.held, about[n])
	}
	return p.chunk.flush()
}

func (p *packer) writeEnd() error {
	p.counts.Members = p.out.members
	p.counts.Changes = int64(len(p.held))
	body := slices.Clone(p.out.sums.Bytes())
	if err := p.out.add(sums, body); err != nil {
		return err
	}
	m, err := seal.Canonical(p.m)
	if err != nil {
		return err
	}
	env, err := seal.Sign(p.src.Key, seal.Statement[closing]{PredicateType: SignatureType,
		Subject:   []seal.Subject{{Name: sums, Digest: map[string]string{"sha256": strings.TrimPrefix(seal.Raw(body), "sha256:")}}},
		Predicate: closing{Install: p.src.Install, Manifest: seal.Raw(append(m, '\n')), Counts: p.counts}})
	if err != nil {
		return fmt.Errorf("sign pack: %w", err)
	}
	return p.addJSON(signature, env)
}

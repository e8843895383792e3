package inventory

import (
	"context"
	"maps"
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
)

// This file asks people whose word counts where two sources that are read lately keep disagreeing in a property. Until somebody says so the order of
// sources decides (merge.go), never who spoke last. What a person says decides which value counts; it silences no source.

// SourcesDisagree is the kind of question about a property; Decide answers it.
const SourcesDisagree = "attribute_conflict"

// Where a dispute stands.
const (
	pending = "pending" // seen, not for long enough
	asked   = "asked"   // there is a question
	decided = "decided" // a person said whose word counts
	ended   = "ended"   // the sources agree
)

// Bounds of disputes.
const (
	disputedFor    = 3   // complete readings, of whichever source, that a disagreement must outlast before anybody is asked
	maxDisputes    = 10  // properties of one asset that are asked about at once
	disputesAtOnce = 500 // that one reading looks at again
)

// dispute is one property of an asset in which sources disagree.
type dispute struct {
	asset    AssetID
	path     string
	since    int64 // microseconds
	readings int64 // complete ones, of the scopes in which they disagree, up to then
	state    string
	source   string // whose word a person said counts; "" for nobody's
	person   string
	at       int64
	reason   string
}

func (x dispute) id() string       { return key("dis", string(x.asset), x.path) }
func (x dispute) question() string { return key("que", SourcesDisagree, string(x.asset), x.path) }

// parties gives the records that disagree in a property, the one that counts first: those of different sources that live, were read lately,
// and whose property is a matter of configuration or security. It is empty where they agree.
func parties(list []Witness, path string, kindOf func(Witness, string) AttrKind) []Witness {
	var said []Witness
	for _, w := range list {
		if v, has := w.Attrs[path]; has && v != "" && w.alive() && w.Fresh {
			said = append(said, w)
		}
	}
	slices.SortFunc(said, func(a, b Witness) int {
		switch {
		case a.before(b, path):
			return -1
		case b.before(a, path):
			return 1
		}
		return 0
	})
	if len(said) == 0 || !slices.Contains([]AttrKind{Config, Security}, kindOf(said[0], path)) {
		return nil
	}
	others := slices.ContainsFunc(said, func(w Witness) bool { return w.Source != said[0].Source && w.Attrs[path] != said[0].Attrs[path] })
	if !others {
		return nil
	}
	return said
}

// disputedPaths lists the properties in which sources disagree, sorted.
func disputedPaths(list []Witness, kindOf func(Witness, string) AttrKind) []string {
	if len(list) < 2 {
		return nil
	}
	times := map[string]int{}
	for _, w := range list {
		if w.alive() && w.Fresh {
			for path := range w.Attrs {
				times[path]++
			}
		}
	}
	maps.DeleteFunc(times, func(path string, n int) bool { return n < 2 || len(parties(list, path, kindOf)) == 0 })
	return slices.Sorted(maps.Keys(times))
}

// disputes notes in which properties the sources of an asset disagree from now on, and in which no more. It is asked when a record of the asset
// changes; what was noted then is looked at again by the readings after it.
func (w *observer) disputes(id AssetID, list []Witness) error {
	rows, err := disputesOf(w.tx, id)
	if err != nil {
		return err
	}
	paths, open := disputedPaths(list, w.r.d.kindOf), 0
	for _, x := range rows {
		was := x
		stands := slices.Contains(paths, x.path)
		switch {
		case x.state == decided && !slices.ContainsFunc(list, func(o Witness) bool { return o.Source == x.source && o.alive() }):
			x.state, x.source = ended, ""
		case (x.state == pending || x.state == asked) && !stands:
			x.state = ended
		}
		if x.state == ended && was.state != ended {
			if err := w.endDispute(was, x); err != nil {
				return err
			}
		}
		if x.state == pending || x.state == asked {
			open++
		}
		if x.state != ended {
			paths = slices.DeleteFunc(paths, func(p string) bool { return p == x.path })
		}
	}
	for _, path := range paths[:min(len(paths), max(0, maxDisputes-open))] {
		n, err := readingsOf(w.tx, list, path)
		if err != nil {
			return err
		}
		if err := saveDispute(w.tx, dispute{asset: id, path: path, since: w.now, readings: n, state: pending}); err != nil {
			return err
		}
		if err := w.wrote(1); err != nil {
			return err
		}
	}
	return nil
}

func (w *observer) endDispute(was, x dispute) error {
	if err := saveDispute(w.tx, x); err != nil {
		return err
	}
	if was.state != asked {
		return w.wrote(1)
	}
	if _, err := w.tx.Exec("UPDATE inventory_question SET ended = $1 WHERE id = $2 AND ended = 0", w.now, x.question()); err != nil {
		return err
	}
	return w.wrote(2)
}

// pendingOf lists the disagreements that wait about what a source shows. They are few, and are what is gone through: the source's name is wrapped so
// that no engine goes through all its records for them.
const pendingOf = disputeColumns + " WHERE state = 'pending' AND (SELECT COUNT(*) FROM inventory_record r" +
	" WHERE r.asset = inventory_dispute.asset AND r.source || '' = $1) > 0 ORDER BY since, id LIMIT $2"

// ripen asks about the disagreements that outlasted a complete reading of this source.
func (r *reading) ripen(ctx context.Context) error {
	var list []dispute
	err := r.d.db.View(ctx, func(tx *db.Tx) (err error) {
		list, err = db.Collect(tx, scanDispute, pendingOf, r.source.ID, disputesAtOnce)
		return err
	})
	if err != nil {
		return err
	}
	for part := range slices.Chunk(list, flushAt) {
		var due []dispute
		err := r.d.db.View(ctx, func(tx *db.Tx) error {
			due = nil
			for _, x := range part {
				n, _, err := r.d.outlasted(tx, x)
				if err != nil {
					return err
				}
				if n > disputedFor {
					due = append(due, x)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		if len(due) == 0 {
			continue
		}
		err = r.write(ctx, func(w *observer) error { return w.askWhose(due) }, &r.seen)
		if err != nil {
			return err
		}
	}
	return nil
}

// outlasted counts the complete readings since a disagreement began, and gives the records that disagree; none where one of the sources was
// not read lately.
func (d *Desk) outlasted(tx *db.Tx, x dispute) (n int64, said []Witness, err error) {
	list, err := witnessesOf(tx, x.asset)
	if err != nil {
		return 0, nil, err
	}
	said = parties(list, x.path, d.kindOf)
	n, err = readingsOf(tx, list, x.path)
	return n - x.readings, said, err
}

// askWhose asks about disagreements that lasted. One in which a source was not read lately begins anew.
func (w *observer) askWhose(due []dispute) error {
	n := 0
	for _, x := range due {
		now, found, err := db.One(w.tx, scanDispute, disputeColumns+" WHERE id = $1 AND state = 'pending'", x.id())
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		lasted, said, err := w.r.d.outlasted(w.tx, now)
		switch {
		case err != nil:
			return err
		case lasted <= disputedFor:
			continue
		case len(said) == 0:
			now.since, now.readings = w.now, now.readings+lasted
		default:
			n++
			now.state = asked
			if err := w.askAbout(now.question(), Question{Kind: SourcesDisagree, Asset: now.asset, Detail: w.whatTheySay(now.path, said)}); err != nil {
				return err
			}
		}
		if err := saveDispute(w.tx, now); err != nil {
			return err
		}
		if err := w.wrote(1); err != nil {
			return err
		}
	}
	return w.record("inventory.question_asked", map[string]any{"run": w.r.run.ID, "kind": SourcesDisagree, "questions": n})
}

// whatTheySay is a disagreement as people read it: size: cx22 of cloud counts, list says cx52.
func (w *observer) whatTheySay(path string, said []Witness) string {
	name := func(o Witness) string { return w.r.sources[o.Source].Name }
	out := []string{shortened(path) + ": " + shortened(said[0].Attrs[path].Plain()) + " of " + name(said[0]) + " counts"}
	for _, o := range said[1:] {
		if o.Attrs[path] != said[0].Attrs[path] {
			out = append(out, name(o)+" says "+shortened(o.Attrs[path].Plain()))
		}
	}
	return strings.Join(out, ", ")
}

// shortened cuts a text that is too long to read in a sentence.
func shortened(s string) string {
	const most = 80
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

// Whose answers a question about a property: whose word counts from now on, and why.
type Whose struct {
	Source string `json:"source"` // name or id
	Reason string `json:"reason"`
}

// Decide answers a question about a property by whose word counts. It stands while that source shows the property; both that source and the
// one that ranks best raise what they see.
func (d *Desk) Decide(ctx context.Context, actor fault.Actor, id string, w Whose) (Question, error) {
	return d.answer(ctx, actor, id, &w)
}

// choose keeps a person's word on whose word counts for a property; nil says that it stays as it is.
func (d *Desk) choose(tx *db.Tx, actor fault.Actor, q Question, w *Whose) (x dispute, err error) {
	x, found, err := db.One(tx, scanDispute, disputeColumns+" WHERE question = $1", q.ID)
	if err != nil {
		return x, err
	}
	list, err := witnessesOf(tx, x.asset)
	if err != nil {
		return x, err
	}
	sources, err := sourcesByID(tx)
	if err != nil {
		return x, err
	}
	said := parties(list, x.path, d.kindOf)
	x.state, x.person, x.at = decided, actor.Person, tx.Now().UnixMicro()
	switch {
	case !found:
		return x, fault.New(fault.Invalid, "not_a_party", "This question is not about whose word counts, so no source and no reason answer it.").
			FixedBy("you").Then("plumb asset answer %s", q.ID)
	case w == nil && len(said) == 0: // one of them is not read any more
		x.state = ended
	case w == nil:
		x.source = said[0].Source
	case strings.TrimSpace(w.Reason) == "" || len(w.Reason) > maxName:
		return x, noReason()
	default:
		i := slices.IndexFunc(said, func(o Witness) bool {
			return w.Source != "" && (o.Source == w.Source || sources[o.Source].Name == w.Source)
		})
		if i < 0 {
			return x, notAParty(q.Asset)
		}
		x.source, x.reason = said[i].Source, w.Reason
	}
	return x, saveDispute(tx, x)
}

func notAParty(id AssetID) error {
	return fault.New(fault.Invalid, "not_a_party", "That source is none of those that disagree.").At("source", "shows no such property now, or was not read lately").
		FixedBy("you").Then("plumb asset show %s", id)
}

// chosen gives the sources whose word a person said counts, by property of one asset. at bounds when they said it.
func chosen(tx *db.Tx, id AssetID, at int64) (map[string]string, error) {
	rows, err := disputesOf(tx, id)
	var out map[string]string
	for _, x := range rows {
		if x.source == "" || x.at > at {
			continue
		}
		if out == nil {
			out = map[string]string{}
		}
		out[x.path] = x.source
	}
	return out, err
}

const disputeColumns = "SELECT asset, path, since, readings, state, source, person, at, reason FROM inventory_dispute"

func scanDispute(row db.Scanner) (x dispute, err error) {
	return x, row.Scan(&x.asset, &x.path, &x.since, &x.readings, &x.state, &x.source, &x.person, &x.at, &x.reason)
}

func disputesOf(tx *db.Tx, id AssetID) ([]dispute, error) {
	return db.Collect(tx, scanDispute, disputeColumns+" WHERE asset = $1 ORDER BY path", string(id))
}

func saveDispute(tx *db.Tx, x dispute) error {
	_, err := tx.Exec("INSERT INTO inventory_dispute (id, asset, path, question, since, readings, state, source, person, at, reason)"+
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (id) DO UPDATE SET since = excluded.since, readings = excluded.readings,"+
		" state = excluded.state, source = excluded.source, person = excluded.person, at = excluded.at, reason = excluded.reason",
		x.id(), string(x.asset), x.path, x.question(), x.since, x.readings, x.state, x.source, x.person, x.at, x.reason)
	return err
}

// readingsOf counts the complete readings of the scopes of the records that have a property, each scope once.
func readingsOf(tx *db.Tx, list []Witness, path string) (n int64, err error) {
	seen := map[[2]string]bool{}
	for _, w := range list {
		at := [2]string{w.Source, w.Scope}
		if _, has := w.Attrs[path]; !has || !w.alive() || seen[at] {
			continue
		}
		seen[at] = true
		one, _, err := db.One(tx, scanInt, "SELECT readings FROM inventory_scope WHERE source = $1 AND scope = $2", w.Source, w.Scope)
		if err != nil {
			return 0, err
		}
		n += one
	}
	return n, nil
}

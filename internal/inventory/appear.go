package inventory

import (
	"slices"

	"plumbline.dev/plumb/internal/db"
)

// This file says what it means that a source shows a thing of the inventory for the first time. Mostly it is identity: one thing, seen by one
// more. It is not where production would be hidden by it: by who claims a thing beforehand, in a source whose word counts for little, or by
// who has a source forgotten and added anew.

// oneMore is what a record is to the asset that it joins.
type oneMore int

const (
	another   oneMore = iota // one more source shows what was known: identity
	continues                // it goes on where a record of the same kind ended, and is compared with that
	appears                  // until now only a lesser word stood for the thing, or none: it comes now, and somebody approved that or not
)

// meaning says what a new record is to its asset, and which record it goes on from. What the first reading of a source shows was there before
// anybody looked. For a thing stands only a record that itself has the identifier by which it joins: one that a lesser source lends its
// asset vouches for nobody.
func (w *observer) meaning(self Witness, others []Witness, by Identifier) (m oneMore, last Witness) {
	for _, o := range others {
		if w.went(o.Kept, self.Kept) && o.Gone > last.Gone {
			m, last = continues, o
		}
	}
	if m == continues || w.r.first {
		return m, last
	}
	stands := func(o Witness) bool {
		return o.alive() && slices.Contains(o.IDs, by) && (w.r.d.selfTold(self.Kind) || w.outranks(o, self, 1))
	}
	if !slices.ContainsFunc(others, stands) {
		m = appears
	}
	return m, last
}

// outranks reports whether a record is of a source that looks from outside, and whose word for what a thing is stands so many ranks before
// another's, at least.
func (w *observer) outranks(o, self Witness, by int) bool {
	return !w.r.d.selfTold(o.Kind) && rank(o.Kind, "")+by <= rank(self.Kind, "")
}

// went reports whether a record is the last of what another goes on with: of one kind and type, and ended because people removed its source or
// its agent. What a source declared absent went away; when that comes back, it appears.
func (w *observer) went(o, self Kept) bool {
	was := w.r.sources[o.Source]
	return o.Gone > 0 && o.Type == self.Type && was.Kind == w.r.source.Kind && (was.Removed > 0 && w.r.first || !w.r.kind.Absence)
}

// join finds the asset of a record that was never seen. Where no identifier speaks for one, a source that was added anew knows what
// the removed one of its kind called by the same id and name, in the same scope.
func (w *observer) join(is Kept, hits []Hit) (j Joined, err error) {
	anew := w.r.first && w.r.succeeds()
	if w.apart == nil && (len(hits) > 0 || anew) { // once for all that this transaction writes
		if w.apart, err = toldApart(w.tx); err != nil {
			return j, err
		}
	}
	j = Join(is.Record, is.Source, w.r.kind.ofOneThing(is.Record, is.Source, hits), func(a AssetID) bool { return w.apart[is.ID][a] })
	if j.Asset != "" {
		return w.alone(is, j)
	}
	if !anew || len(j.Conflict) > 0 {
		return j, nil
	}
	list, err := RecordsNamed(w.tx, is.Native)
	list = slices.DeleteFunc(list, func(k Kept) bool {
		return k.Scope != is.Scope || k.Class != is.Class || k.Name != is.Name || !w.went(k, is) || w.apart[is.ID][k.Asset]
	})
	if err == nil && len(list) == 1 {
		j = Joined{Asset: list[0].Asset, By: Identifier{Kind: "record"}, Why: "a source of its kind that was removed called it so"}
	}
	return j, err
}

// alone lets a record join no asset that its source shows by another living record of the same type: who lends an asset the identity of
// another thing, in a lesser source, does not hide that thing in it. A person decides.
func (w *observer) alone(is Kept, j Joined) (Joined, error) {
	_, twin, err := db.One(w.tx, scanText, "SELECT id FROM inventory_record WHERE asset = $1 AND source = $2 AND type = $3 AND gone = 0 LIMIT 1",
		string(j.Asset), is.Source, is.Type)
	if err != nil || !twin {
		return j, err
	}
	return Joined{Conflict: []AssetID{j.Asset}, By: j.By, Why: "the source shows another living thing of this type as that asset"}, nil
}

// succeeds reports whether a source of the same kind was removed: what it knew last is what this one goes on with.
func (r *reading) succeeds() bool {
	for _, c := range r.sources {
		if c.Kind == r.source.Kind && c.Removed > 0 {
			return true
		}
	}
	return false
}

// joined adds a record to an asset that is known. What it says otherwise than the others counts from its next reading on.
func (w *observer) joined(is Kept, j Joined) error {
	a, err := loadAsset(w.tx, is.Asset)
	if err != nil {
		return err
	}
	records, err := recordsOf(w.tx, is.Asset)
	if err != nil {
		return err
	}
	list, err := w.witnesses(records)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list, func(o Witness) bool { return o.ID == is.ID })
	self, others := list[i], slices.Delete(slices.Clone(list), i, i+1)
	m, last := w.meaning(self, others, j.By)
	if m == appears {
		return w.appeared(a, is, self, others, records)
	}
	if err := w.differ(is, Difference{Type: is.Type, Native: is.Native, Op: Adopted, Kind: Identity, After: Text(j.By.Kind), Settled: j.Why}); err != nil {
		return err
	}
	if m == continues {
		was, err := against(last.Digest, last.canonical, &is.Record)
		if err != nil {
			return err
		}
		last.Record = was.bare
		if err := w.altered(self, others, last.Kept, is, was.attrs); err != nil {
			return err
		}
	}
	return w.settleOver(a, a, records)
}

// appeared keeps that a thing came, and what counts for it from now on: its labels came with it. What only lesser sources called it frees it of
// nothing that counts for a thing that nobody labelled.
func (w *observer) appeared(a Asset, is Kept, self Witness, others []Witness, records []Kept) error {
	if err := w.differ(is, created(is)); err != nil {
		return err
	}
	if slices.ContainsFunc(others, func(o Witness) bool { return w.outranks(o, self, 0) }) { // it is back
		return w.settleOver(a, a, records)
	}
	stored := a
	a.Labels = unheld(a.Labels, self, w.now)
	w.settled = "it came so; what only lesser sources said before does not count"
	defer func() { w.settled = "" }()
	return w.settleOver(stored, a, records)
}

// created is the difference that a record makes which nobody knew.
func created(is Kept) Difference {
	return Difference{Type: is.Type, Native: is.Native, Op: Created, Kind: Config, After: Text(is.Name), Actor: is.Actor}
}

// unheld gives the labels of a thing that a better source shows for the first time, without what only lesser sources called it: that would free it
// beforehand of what counts for a thing that nobody labelled.
func unheld(was map[string]Label, self Witness, now int64) map[string]Label {
	out := map[string]Label{}
	for key, l := range was {
		if _, says := derive(key, []Witness{self}, now); says || l.Confidence != Derived || !looser(key, unlabelled(key), l.Value) {
			out[key] = l
		}
	}
	return out
}

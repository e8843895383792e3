package reconcile

import (
	"cmp"
	"iter"
	"math"
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/plan"
)

// Index finds what may explain a difference without asking every claim or every run. It belongs to one goroutine.
type Index struct {
	charters  []*Charter
	refs      []chained         // every claim of one path; those of one place and path hang together
	exact     map[pathKey]int   // the first of them, from 1 on
	wide      map[spotKey][]ref // those whose path is a pattern
	places    map[spotKey][]ref // those of the whole, or of any attribute
	real      map[string][]done // receipts by the id of the thing; made when it is asked for
	named     map[naming]string // the one id that is reported for what a wording makes, or takes away, at an address; "" for several
	runs      []lane            // by their start
	latest    []int64           // the latest end among the runs up to here
	permits   map[string][]lane // runs by permit
	explained map[inventory.AssetID][]Explained
	scopes    map[string][]Explained
	passing   []Explained       // those of them that hold for this step only
	noted     int               // how many of them there are
	spent     map[string]string // difference that used an open value up, by claim and record
	mutes     []*Mute
}

type ref struct {
	charter *Charter
	claim   *Claim
}

// chained is a ref with the number of the next one of the same place and path; 0 at the end.
type chained struct {
	ref
	next int
}

// spotKey names a place: an address of Terraform, or of an asset.
type spotKey struct {
	planned bool
	address string
}

type pathKey struct {
	spotKey
	path string
}

// done is one receipt of one run.
type done struct {
	charter *Charter
	run     *Run
	receipt *Receipt
}

// naming is what the runs of one wording report of one address: what they made there, or what they took away.
type naming struct {
	charter  *Charter
	rev      string
	rollback bool
	op       inventory.Op
	address  string
}

type lane struct {
	charter *Charter
	run     *Run
}

// Explained is a difference that has its explanation, for what follows from it.
type Explained struct {
	Difference inventory.Difference
	Class      inventory.Class
	Scope      string
	Change     string
	Permit     string

	run     *Run // that explains it
	passing bool // of a verdict that holds for this step only: a side effect
}

// NewIndex makes an index over charters.
func NewIndex(charters []*Charter, mutes []*Mute) *Index {
	n, runs := 0, 0
	for _, c := range charters {
		n += len(c.Claims)
		runs += len(c.Runs)
	}
	x := &Index{charters: charters, refs: make([]chained, 1, n+1), exact: make(map[pathKey]int, n), wide: map[spotKey][]ref{}, places: map[spotKey][]ref{},
		runs: make([]lane, 0, runs), permits: make(map[string][]lane, runs), explained: map[inventory.AssetID][]Explained{}, scopes: map[string][]Explained{},
		spent: map[string]string{}, mutes: mutes}
	for _, c := range slices.Backward(charters) { // from the end, so that each chain is put together at its head, and keeps the order
		for i := range slices.Backward(c.Claims) {
			x.take(c, &c.Claims[i])
		}
	}
	for _, c := range charters {
		x.took(c)
	}
	slices.SortStableFunc(x.runs, func(a, b lane) int { return cmp.Compare(a.run.Started, b.run.Started) })
	x.latest = make([]int64, len(x.runs))
	for i, l := range x.runs {
		end := cmp.Or(l.run.Ended, l.run.closed, math.MaxInt64) // the last is for one that goes on
		if x.latest[i] = end; i > 0 {
			x.latest[i] = max(end, x.latest[i-1])
		}
	}
	return x
}

// take puts a claim at the head of those of its place and path.
func (x *Index) take(c *Charter, k *Claim) {
	if strings.Contains(k.Path, "*") {
		return
	}
	key := pathKey{k.place(), k.Path}
	x.refs = append(x.refs, chained{ref{c, k}, x.exact[key]})
	x.exact[key] = len(x.refs) - 1
}

// took takes what is few of a charter: claims of the whole and patterns, and its runs.
func (x *Index) took(c *Charter) {
	c.creates = !slices.ContainsFunc(c.Claims, func(k Claim) bool {
		return k.Planned && k.Lineage == "" && !k.Rollback && k.Verb != plan.ClassCreate
	})
	for i := range c.Claims {
		k := &c.Claims[i]
		switch {
		case k.Path == "":
			x.places[k.place()] = append(x.places[k.place()], ref{c, k})
		case strings.Contains(k.Path, "*"):
			x.wide[k.place()] = append(x.wide[k.place()], ref{c, k})
		}
	}
	for i := range c.Runs {
		l := lane{c, &c.Runs[i]}
		l.run.closed = c.Closed
		x.runs = append(x.runs, l)
		x.permits[l.run.Permit] = append(x.permits[l.run.Permit], l)
	}
}

// place is what a claim is about: the asset that was meant when it was approved, whatever that, or another one, is called by now.
func (c *Claim) place() spotKey {
	if !c.Planned && c.Asset != "" {
		return spotKey{false, string(c.Asset)}
	}
	return spotKey{c.Planned, c.Address}
}

// claimed gives the claims of a place that name a path, in the order of their changes.
func (x *Index) claimed(at spotKey, path string) iter.Seq[ref] {
	return func(yield func(ref) bool) {
		for i := x.exact[pathKey{at, path}]; i > 0 && yield(x.refs[i].ref); i = x.refs[i].next {
		}
	}
}

// during gives the runs in whose time a difference may have arisen, by their start: those that began before it was seen, from the
// first that may still have gone on when it was last seen otherwise.
func (x *Index) during(d inventory.Difference, rules Rules) iter.Seq[lane] {
	a := asks{d: d, rules: rules}
	settle := rules.Settle.Microseconds()
	end, _ := slices.BinarySearchFunc(x.runs, d.Latest, func(l lane, at int64) int { return cmp.Compare(l.run.Started, at) })
	begin := end
	for begin > 0 && (x.latest[begin-1] == math.MaxInt64 || x.latest[begin-1]+settle >= d.Earliest) {
		begin--
	}
	return func(yield func(lane) bool) {
		for _, l := range x.runs[begin:end] {
			if a.meets(l.run) && !yield(l) {
				return
			}
		}
	}
}

// reported gives the receipts that name a thing by its provider's id.
func (x *Index) reported(id string) []done {
	if x.real == nil {
		x.real, x.named = map[string][]done{}, map[naming]string{}
		for _, c := range x.charters {
			for i := range c.Runs {
				run := &c.Runs[i]
				for j := range run.Receipts {
					if id := run.Receipts[j].ID; id != "" {
						x.real[id] = append(x.real[id], done{c, run, &run.Receipts[j]})
						x.name(done{c, run, &run.Receipts[j]})
					}
				}
			}
		}
	}
	return x.real[id]
}

// The actions of a receipt that say what it is not about: what was created was not taken away by that, and the other way round.
const (
	createAction = "create"
	deleteAction = "delete"
)

// tells reports whether a receipt may be about things that come, or about those that go.
func (r *Receipt) tells(op inventory.Op) bool {
	return op == inventory.Created && r.Action != deleteAction || op == inventory.Deleted && r.Action != createAction
}

func namingOf(r done, op inventory.Op) naming {
	return naming{r.charter, r.run.Rev, r.run.Rollback, op, r.receipt.Address}
}

// name notes the id that a receipt gives to what is made or taken away at its address.
func (x *Index) name(r done) {
	for _, op := range []inventory.Op{inventory.Created, inventory.Deleted} {
		if !r.receipt.Done || !r.receipt.tells(op) {
			continue
		}
		key := namingOf(r, op)
		if id, have := x.named[key]; have && id != r.receipt.ID {
			x.named[key] = ""
		} else {
			x.named[key] = r.receipt.ID
		}
	}
}

// receipt gives what a run reported of an address; nil for nothing. Where it names several things at one address, which of them the approved
// one is nobody knows: then it names none. What a replacement took away is told by its action.
func (r *Run) receipt(address string) *Receipt {
	if r.byAddress == nil {
		r.byAddress = make(map[string]*Receipt, len(r.Receipts))
		for i := range r.Receipts {
			x := &r.Receipts[i]
			old := r.byAddress[x.Address]
			switch {
			case old != nil && x.Action == deleteAction && old.Action != deleteAction:
				continue
			case old != nil && old.Action != deleteAction && old.ID != x.ID:
				several := *x
				several.ID, x = "", &several
			}
			r.byAddress[x.Address] = x
		}
	}
	return r.byAddress[address]
}

// spots gives the names of the place in question.
func (a *asks) spots() []spot {
	if a.at == nil {
		a.at = a.p.spots()
	}
	return a.at
}

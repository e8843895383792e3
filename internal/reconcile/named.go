package reconcile

import (
	"fmt"
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
)

// This file holds what a mute by name is about. A name is the word of whoever runs the thing, and no rename raises a question: so a mute
// matches only assets that somebody looked at under such a name. These are those that bore it when the mute was reviewed, and those that
// came since, under such a name, by what is explained. Whoever takes the name later is not freed by it.

// Bounds of the assets of one mute.
const (
	mostNamed   = 50_000
	namedAtOnce = 500 // in one row
)

// named gives the assets that are called as a pattern says, now.
func named(tx *db.Tx, pattern string) ([]inventory.AssetID, error) {
	like := strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`, "*", "%").Replace(pattern)
	list, err := inventory.Called(tx, like, func(name string) bool { return glob(pattern, name) }, mostNamed+1)
	if err == nil && len(list) > mostNamed {
		err = fault.New(fault.Invalid, "mute_too_wide", "More than %d assets are called so.", mostNamed).At("name", "fits 50,000 assets at most; a type and an environment narrow it, too").FixedBy("you").
			Then("plumb reconcile mute --help")
	}
	return list, err
}

// seenAs gives the asset that a record was of when the mute was reviewed: what somebody merges into another asset after that, nobody looked at as
// that one. Before the review it is what it is of now.
func (m *Mute) seenAs(p *Place) inventory.AssetID {
	i := slices.IndexFunc(p.Merges, func(c inventory.Came) bool { return m.Reviewed > 0 && c.At > m.Reviewed })
	if i < 0 {
		return p.Asset
	}
	return p.Merges[i].From
}

// knows reports whether a mute may match this asset. What appears for the first time since the review is what a mute about what appears was
// reviewed for.
func (m *Mute) knows(d inventory.Difference, p *Place) bool {
	if m.Name == "" {
		return true
	}
	_, ok := m.known[m.seenAs(p)]
	return ok || d.Op == inventory.Created && p.First > m.Reviewed
}

// admits reports whether a mute by name may match an asset from now on: it came since the review, under such a name, and that is explained.
func (m *Mute) admits(d inventory.Difference, p *Place, v Verdict) bool {
	return m.Name != "" && d.Op == inventory.Created && p.First > m.Reviewed && v.Disposition.Explains() && glob(m.Name, p.Name)
}

// admit has the mutes know what came, for the rest of this step already; keepKnown writes it down.
func (x *Index) admit(d inventory.Difference, p *Place, v Verdict) {
	for _, m := range x.mutes {
		if _, ok := m.known[p.Asset]; !ok && m.admits(d, p, v) {
			if m.known == nil {
				m.known = map[inventory.AssetID]bool{}
			}
			m.known[p.Asset] = false
		}
	}
}

// keepKnown writes down which mutes know what came.
func keepKnown(tx *db.Tx, mutes []*Mute, s seen) error {
	for _, m := range mutes {
		if written := m.known[s.p.Asset]; written || !m.admits(s.d, &s.p, s.v) {
			continue
		}
		if err := saveKnown(tx, m.ID, string(s.p.Asset), s.p.Asset); err != nil {
			return err
		}
		m.known[s.p.Asset] = true
	}
	return nil
}

// admitFound has the active mutes know what a finding was raised for when it came, once that is explained or adopted: under the name that it
// bore then.
func admitFound(tx *db.Tx, f *Finding) error {
	a, err := inventory.FindIn(tx, string(f.Asset))
	if err != nil {
		return err
	}
	mutes, err := activeMutes(tx)
	if err != nil {
		return err
	}
	p := Place{Asset: a.ID, Name: f.Name, First: a.First}
	for i := range mutes {
		m := &mutes[i]
		if m.known[p.Asset] || !m.admits(inventory.Difference{Op: f.Op}, &p, Verdict{Disposition: Exact}) {
			continue
		}
		if err := saveKnown(tx, m.ID, string(p.Asset), p.Asset); err != nil {
			return err
		}
		if err := outdate(tx); err != nil {
			return err
		}
	}
	return nil
}

// activeMutes reads the mutes that count now, each with the assets that it knows.
func activeMutes(tx *db.Tx) ([]Mute, error) {
	list, err := db.Collect(tx, scanMute, muteColumns+" WHERE state = 'active' AND expires > $1 ORDER BY n", tx.Now().UnixMicro())
	if err != nil {
		return nil, err
	}
	for i := range list {
		if m := &list[i]; m.Name != "" {
			if m.known, err = knownTo(tx, m.ID); err != nil {
				return nil, err
			}
		}
	}
	return list, nil
}

func knownTo(tx *db.Tx, mute string) (map[inventory.AssetID]bool, error) {
	rows, err := db.Collect(tx, scanString, "SELECT assets FROM reconcile_mute_asset WHERE mute = $1", mute)
	out := map[inventory.AssetID]bool{}
	for _, row := range rows {
		for _, id := range strings.Fields(row) {
			out[inventory.AssetID(id)] = true
		}
	}
	return out, err
}

// saveNamed writes down which assets bore the name when the mute was reviewed.
func saveNamed(tx *db.Tx, m *Mute, list []inventory.AssetID) error {
	part := 0
	for ids := range slices.Chunk(list, namedAtOnce) {
		if err := saveKnown(tx, m.ID, fmt.Sprint(part), ids...); err != nil {
			return err
		}
		part++
	}
	return nil
}

// saveKnown writes one row, which never changes.
func saveKnown(tx *db.Tx, mute, part string, ids ...inventory.AssetID) error {
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = string(id)
	}
	_, err := tx.Exec("INSERT INTO reconcile_mute_asset (id, mute, assets) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING", mute+"/"+part, mute, strings.Join(words, " "))
	return err
}

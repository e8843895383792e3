package inventory

import (
	"slices"
	"strings"
)

// Hit is another record that has an identifier in common with the one at hand.
type Hit struct {
	Identifier
	Record string
	Asset  AssetID
	Source string
	Type   string
	Class  Class
	Alive  bool
	// Elsewhere says that the record has another board than the new one: its disk was copied or moved.
	Elsewhere bool
}

// Joined says which asset a new record belongs to, and why.
type Joined struct {
	Asset    AssetID // "" makes a new asset
	By       Identifier
	Conflict []AssetID // living things that disagree: a person decides, nothing is overwritten
	Why      string
	Doubt    string // why they disagree, where that is not Why
}

// fillers are hardware values that vendors leave in many machines: they identify nothing.
var fillers = []string{"", "none", "n/a", "default string", "to be filled by o.e.m.", "system serial number", "0", "123456789",
	"00000000-0000-0000-0000-000000000000", "03000200-0400-0500-0006-000700080009", "ffffffff-ffff-ffff-ffff-ffffffffffff",
	"not specified", "not applicable", "unknown", "oem", "chassis serial number", "00:00:00:00:00:00"}

// filler reports whether a value is one that many machines share.
func (id Identifier) filler() bool {
	v := strings.ToLower(strings.TrimSpace(id.Value))
	return slices.Contains(fillers, v) || id.Strength() == Hardware && len(strings.Trim(v, "0-:.x ")) == 0
}

// Join decides who a new record is. A decisive identifier joins alone. One of the hardware joins only where no living
// record of the same source has it, because clones and containers share it; what the board says counts before the machine-id, which
// a copy of the disk carries along. Two supporting ones of different kinds join if
// they agree. Apart are pairs that a person has told apart. Whatever speaks for two different assets joins neither.
func Join(r Record, source string, hits []Hit, apart func(AssetID) bool) Joined {
	if r.Class == IaCResource {
		return Joined{} // what code describes is never the thing itself
	}
	hits = slices.DeleteFunc(slices.Clone(hits), func(h Hit) bool { return h.filler() || h.Class == IaCResource || apart(h.Asset) })
	of := func(s Strength) []Hit {
		return slices.DeleteFunc(slices.Clone(hits), func(h Hit) bool { return h.Strength() != s })
	}
	decisive, hardware := of(Decisive), of(Hardware)
	if i := slices.IndexFunc(decisive, func(h Hit) bool { return h.Alive && h.Source == source }); i >= 0 {
		return Joined{Conflict: assetsOf(decisive), By: decisive[i].Identifier, Why: "two living records of one source have the same identifier"}
	}
	if list := assetsOf(decisive); len(list) > 0 {
		return one(list, decisive[0].Identifier, "a decisive identifier is the same")
	}
	if len(hardware) > 0 {
		return onHardware(hardware, r, source)
	}
	return supported(of(Supports), r, source)
}

// onHardware decides by the board, and where that says nothing by the disk.
func onHardware(hits []Hit, r Record, source string) Joined {
	living := func(h Hit) bool { return h.Alive && h.Source == source }
	board := slices.DeleteFunc(slices.Clone(hits), func(h Hit) bool { return h.Kind == machineID })
	disk := slices.DeleteFunc(slices.Clone(hits), func(h Hit) bool { return h.Kind != machineID })
	if i := slices.IndexFunc(board, living); i >= 0 {
		return Joined{Conflict: assetsOf(hits), By: board[i].Identifier, Why: "two living records of one source have the same hardware: a clone, or a machine set up anew"}
	}
	board = slices.DeleteFunc(board, func(h Hit) bool { return h.Class != r.Class })
	if list := assetsOf(board); len(list) > 0 {
		j := one(list, board[0].Identifier, "the hardware is the same")
		for _, other := range assetsOf(disk) {
			if j.Asset != "" && other != j.Asset {
				j.Conflict, j.Doubt = append(j.Conflict, other), copiedDisk
			}
		}
		return j
	}
	if i := slices.IndexFunc(disk, func(h Hit) bool { return living(h) || h.Elsewhere }); i >= 0 {
		return Joined{Conflict: assetsOf(disk), By: disk[i].Identifier, Doubt: copiedDisk}
	}
	disk = slices.DeleteFunc(disk, func(h Hit) bool { return h.Class != r.Class })
	if list := assetsOf(disk); len(list) > 0 {
		return one(list, disk[0].Identifier, "the machine-id is the same")
	}
	return Joined{}
}

const (
	machineID  = "machine-id"
	copiedDisk = "machine-id: two machines have the same: a clone, or one that was set up anew under another key"
)

// supported joins where two kinds of supporting identifier point at one asset of the same class that this source does not know.
func supported(hits []Hit, r Record, source string) Joined {
	kinds := map[AssetID][]string{}
	known := map[AssetID]bool{}
	for _, h := range hits {
		if h.Class == r.Class && !slices.Contains(kinds[h.Asset], h.Kind) {
			kinds[h.Asset] = append(kinds[h.Asset], h.Kind)
		}
		known[h.Asset] = known[h.Asset] || h.Alive && h.Source == source
	}
	var list []AssetID
	for a, k := range kinds {
		if len(k) >= 2 && !known[a] {
			list = append(list, a)
		}
	}
	if len(list) == 0 {
		return Joined{}
	}
	slices.Sort(list)
	return one(list, hits[0].Identifier, "two supporting identifiers agree")
}

// ofOneThing takes, among what a source gave, records of another view for those of another source: they do not tell of a clone.
func (k Kind) ofOneThing(r Record, source string, hits []Hit) []Hit {
	for i, h := range hits {
		if h.Source == source && h.Type != r.Type && slices.Contains(k.Views, h.Type) && slices.Contains(k.Views, r.Type) {
			hits[i].Source = ""
		}
	}
	return hits
}

func one(list []AssetID, by Identifier, why string) Joined {
	if len(list) > 1 {
		return Joined{Conflict: list, By: by, Why: "identifiers speak for different things"}
	}
	return Joined{Asset: list[0], By: by, Why: why}
}

// assetsOf gives the different assets of hits, sorted.
func assetsOf(hits []Hit) []AssetID {
	var out []AssetID
	for _, h := range hits {
		out = append(out, h.Asset)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

package inventory

import (
	"slices"
	"strings"
)

// words says whose word counts for which properties: the kinds of source, best first. The first row whose prefix fits counts.
// What the cloud says of size, image, address and firewall comes before what code meant it to be and what the host believes;
// what runs inside a host, the host knows best.
var words = []struct {
	prefixes []string
	kinds    []string
}{
	{[]string{"os.", "package.", "packages.", "service.", "listen.", "mount.", "user.", "kernel.", "time.", "cpu.", "memory."},
		[]string{"agent", "chef", "salt", "snmp"}},
	{[]string{""}, []string{"hetzner", "aws", "docker", "ad", "ldap", "terraform-backend", "terraform", "agent", "chef", "salt", "snmp", "lldp", "dns",
		"jupiterone", "cyclonedx", "csv"}},
}

// rank says how much a source's word counts for a property: lower is better.
func rank(kind, path string) int {
	for _, w := range words {
		if !slices.ContainsFunc(w.prefixes, func(p string) bool { return strings.HasPrefix(path, p) }) {
			continue
		}
		if i := slices.Index(w.kinds, kind); i >= 0 {
			return i
		}
		return len(w.kinds) + 1
	}
	return 1 << 10
}

// Witness is one record with what decides whether its word counts: the kind of its source, and whether its scope was read
// lately.
type Witness struct {
	Kept
	Kind      string `json:"kind"`
	Fresh     bool   `json:"fresh"`
	Confirmed int64  `json:"confirmed"` // last time that a complete reading saw it so

	chosen map[string]string // the source whose word a person said counts, by property; the same for all records of an asset
}

// alive reports whether the record still stands.
func (w Witness) alive() bool { return w.Gone == 0 }

// before reports whether w's word counts more than o's for a property: who lives, who is fresh, whose word a person said counts, who ranks
// better, who said it first, and in the end the smaller id, so that the same records always give the same answer.
func (w Witness) before(o Witness, path string) bool {
	if source := w.chosen[path]; source != "" && w.alive() == o.alive() && w.Fresh == o.Fresh && w.Source != o.Source && (w.Source == source || o.Source == source) {
		return w.Source == source
	}
	return w.ahead(o, path)
}

// ahead is before without what any person said.
func (w Witness) ahead(o Witness, path string) bool {
	switch {
	case w.alive() != o.alive():
		return w.alive()
	case w.Fresh != o.Fresh:
		return w.Fresh
	}
	if a, b := rank(w.Kind, path), rank(o.Kind, path); a != b {
		return a < b
	}
	return w.First < o.First || w.First == o.First && w.ID < o.ID
}

// Merge gives each property the word that counts, and who disagrees.
func Merge(list []Witness, kindOf func(w Witness, path string) AttrKind) (attrs map[string]Worded, disputed map[string][]string) {
	attrs, disputed = map[string]Worded{}, map[string][]string{}
	best := map[string]Witness{}
	for _, w := range list {
		for path := range w.Attrs {
			if old, ok := best[path]; !ok || w.before(old, path) {
				best[path] = w
			}
		}
	}
	for path, w := range best {
		attrs[path] = Worded{Value: w.Attrs[path], Source: w.Source, Kind: kindOf(w, path), At: w.Seen}
		for _, o := range list {
			if v, ok := o.Attrs[path]; ok && o.alive() && o.Fresh && v != w.Attrs[path] {
				disputed[path] = append(disputed[path], o.Source)
			}
		}
	}
	return attrs, disputed
}

// leading gives the record that an asset takes its class, type and name from.
func leading(list []Witness) (lead Witness, ok bool) {
	for _, w := range list {
		if !ok || w.before(lead, "") {
			lead, ok = w, true
		}
	}
	return lead, ok
}

// overruled names the source whose word counts instead of w's for a property; "" when it is w's own. What a thing says of itself
// silences nobody: who took a host over, or reports in another's name, would hide what others see. Neither does a person who said whose word
// counts: then both that one's and the one that ranks best raise what they see.
func overruled(w Witness, others []Witness, path string, selfTold func(kind string) bool) string {
	for _, o := range others {
		if _, has := o.Attrs[path]; has && o.ID != w.ID && !selfTold(o.Kind) && o.before(w, path) && o.ahead(w, path) {
			return o.Source
		}
	}
	return ""
}

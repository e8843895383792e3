package inventory

import (
	"maps"
	"slices"
)

// vital are the classes that others stand on: data, who may do what, and what keeps things apart.
var vital = []Class{"AccessPolicy", "AccessRole", Account, "Backup", Certificate, "Cluster", "DataStore", "Database", Directory, Zone, Firewall, GroupPolicy,
	Key, "PasswordPolicy", "Ruleset", "Secret", "Vault"}

// defaultCriticality is what an asset's criticality counts as where nobody gave one, by its class and its environment. Nobody's word: it
// weighs a finding and fills no gap.
var defaultCriticality = map[string]struct{ vital, other string }{
	"prod":   {"9", "7"},
	"shared": {"9", "7"},
	"test":   {"5", "4"},
	"dev":    {"4", "3"},
}

// Criticality gives the criticality that counts, 1 to 10, and how it came to be: a default where nobody gave one.
func (a Asset) Criticality() Label {
	if l, ok := a.Labels[LabelCriticality]; ok {
		return l
	}
	by := defaultCriticality[a.Label(LabelEnvironment)]
	if slices.Contains(vital, a.Class) {
		return Label{Value: by.vital, Confidence: Defaulted}
	}
	return Label{Value: by.other, Confidence: Defaulted}
}

// counting is the labels of an asset with those that only count by default, for who looks at it; they are not stored.
func (a Asset) counting() map[string]Label {
	out := maps.Clone(a.Labels)
	if out == nil {
		out = map[string]Label{}
	}
	out[LabelCriticality] = a.Criticality()
	return out
}

package inventory

import (
	"maps"
	"slices"
	"strings"
)

// Label gives the governed value that counts; a missing one counts at its strictest where there is one: production and
// confidential (table in words.go; policy: what is not labelled is treated as if it mattered).
func (a Asset) Label(key string) string {
	if l, ok := a.Labels[key]; ok {
		return l.Value
	}
	return unlabelled(key)
}

// Given is a label that somebody or something gave; "" for one that only counts at its strictest.
func (a Asset) Given(key string) string {
	if l := a.Labels[key]; l.Confidence != Defaulted {
		return l.Value
	}
	return ""
}

// unlabelled is what counts where nobody gave a label.
func unlabelled(key string) string {
	switch key {
	case LabelEnvironment:
		return "prod"
	case LabelClassification:
		return "confidential"
	}
	return ""
}

// Unlabelled lists the demanded labels that nobody gave: environment, classification and owner.
func (a Asset) Unlabelled() []string {
	var out []string
	for _, key := range []string{LabelEnvironment, LabelClassification, LabelOwner} {
		if l, ok := a.Labels[key]; !ok || l.Confidence == Defaulted || l.Value == "" {
			out = append(out, key)
		}
	}
	return out
}

// resolve gives the labels that count: what a person or an approved change asserted stands; else the best source's word, and
// between several of them the strictest of a label that has an order. What a source calls less strict than it stood before is
// taken only when a person says so: a tag that turns production into development frees nothing.
// An asset that is known and was never labelled counted at its strictest, and so stands: only for one that is new a source's word is the
// first.
func resolve(was map[string]Label, list []Witness, now int64, known bool) map[string]Label {
	out := map[string]Label{}
	for _, key := range Labels() {
		old, had := was[key]
		if had && old.Confidence == Asserted {
			out[key] = old
			continue
		}
		l, ok := derive(key, list, now)
		switch {
		case !ok && !had, !had && known && looser(key, unlabelled(key), l.Value):
			continue
		case !ok, had && old.Value == l.Value:
			out[key] = old
		case had && looser(key, old.Value, l.Value):
			out[key] = old
		default:
			out[key] = l
		}
	}
	return out
}

func derive(key string, list []Witness, now int64) (Label, bool) {
	var best Label
	var who Witness
	found := false
	for _, w := range list {
		word, has := w.Labels[key]
		if !has || !w.alive() {
			continue
		}
		v, ok := ReadLabel(key, word)
		if !ok {
			continue
		}
		if !found || looser(key, v, best.Value) || LabelValues(key) == nil && w.before(who, "") {
			best, who, found = Label{Value: v, Confidence: Derived, Source: w.Source, At: now}, w, true
		}
	}
	return best, found
}

// looser reports whether b is less strict than a, for a label whose values have an order.
func looser(key, a, b string) bool {
	order := LabelValues(key)
	if key == LabelTier || key == LabelLifecycle || order == nil {
		return false
	}
	i, j := slices.Index(order, a), slices.Index(order, b)
	return i >= 0 && (j < 0 || j > i)
}

// relabelled lists the labels that differ, by key.
func relabelled(was, is map[string]Label) []string {
	var out []string
	for _, key := range slices.Sorted(maps.Keys(is)) {
		if was[key].Value != is[key].Value {
			out = append(out, key)
		}
	}
	return out
}

// labelPath is the path under which a label's history is kept.
func labelPath(key string) string { return "label." + strings.ToLower(key) }

package inventory

import (
	"maps"
	"slices"
	"strings"
)

// Label gives the governed value that counts; a missing one counts at its strictest where there is one: production and
// confidential (table in words.go; policy: what is not labelled is treated as if it mattered). A classification counts at least
// as the data in the asset.
func (a Asset) Label(key string) string {
	v := unlabelled(key)
	if l, ok := a.Labels[key]; ok {
		v = l.Value
	}
	if key == LabelClassification && looser(key, a.Floor.Value, v) {
		return a.Floor.Value
	}
	return v
}

// Given is a label that somebody or something gave; "" for one that only counts at its strictest.
func (a Asset) Given(key string) string {
	if l := a.Labels[key]; l.Confidence != Defaulted {
		return l.Value
	}
	return ""
}

// NamedOwner gives the owner that a person or an approved change named; "" where nobody did. Only this one verifies, reviews and
// answers: a source's word gives nobody power.
func (a Asset) NamedOwner() string {
	if l := a.Labels[LabelOwner]; l.Confidence == Asserted {
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

// Unheard is a source's word for a label that counts for nothing, because another value stands.
type Unheard struct {
	Label  string `json:"label"`
	Value  string `json:"value"`  // as the source says
	Stands string `json:"stands"` // what counts
	Source string `json:"source"` // id of the source
}

// unheard lists what living records say otherwise of the labels that have an order, by label and source. That such a word counts for
// nothing must not mean that nobody hears of it.
func unheard(labels map[string]Label, list []Witness) (out []Unheard) {
	for _, key := range Labels() {
		stands := Asset{Labels: labels}.Label(key)
		if stands == "" || !ordered(key) {
			continue
		}
		for _, w := range list {
			if v, ok := ReadLabel(key, w.Labels[key]); ok && w.alive() && v != stands {
				out = append(out, Unheard{key, v, stands, w.Source})
			}
		}
	}
	slices.SortFunc(out, func(a, b Unheard) int { return cmpTexts(a.Label, b.Label, a.Source, b.Source, a.Value, b.Value) })
	return slices.Compact(out)
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
	if !ordered(key) {
		return false
	}
	order := LabelValues(key)
	i, j := slices.Index(order, a), slices.Index(order, b)
	return i >= 0 && (j < 0 || j > i)
}

// ordered reports whether the values of a label go from the strictest to the loosest.
func ordered(key string) bool {
	return key != LabelTier && key != LabelLifecycle && LabelValues(key) != nil
}

// stricterOf adds to an asset's labels those of another that are stricter, of those whose values have an order: where one thing was
// taken for another, nobody said that it matters less. What nobody had labelled counted at its strictest, and so it does in the other: a
// label that is looser than that ends, and nobody has labelled the asset.
func stricterOf(was, others map[string]Label) map[string]Label {
	out := maps.Clone(was)
	if out == nil {
		out = map[string]Label{}
	}
	for key, l := range others {
		counts := unlabelled(key)
		if old, had := was[key]; had {
			counts = old.Value
		}
		if l.Confidence != Defaulted && looser(key, l.Value, counts) {
			out[key] = l
		}
	}
	for _, key := range Labels() {
		l, given := others[key]
		if (!given || l.Confidence == Defaulted) && looser(key, unlabelled(key), out[key].Value) && out[key].Value != "" {
			delete(out, key)
		}
	}
	return out
}

// mergedLabels gives the labels of an asset that another is merged into: the stricter ones, and what a person or an approved change said of the
// other where nobody labelled this one. A label that only a change may move is not lost by a merge.
func mergedLabels(was, others map[string]Label) map[string]Label {
	out := stricterOf(was, others)
	for key, l := range others {
		if old, had := was[key]; (!had || old.Confidence == Defaulted) && l.Confidence == Asserted && !looser(key, unlabelled(key), l.Value) {
			out[key] = l
		}
	}
	return out
}

// tightened adds to an asset's labels those of another that are stricter, and leaves what the other does not say.
func tightened(was, others map[string]Label) map[string]Label {
	out := stricterOf(was, others)
	for key, l := range was {
		if _, left := out[key]; !left {
			out[key] = l
		}
	}
	return out
}

// counted keeps of an asset's labels what a part of it that is taken away starts with: what a person or an approved change said, and whatever
// has an order, so that it matters no less than before.
func counted(labels map[string]Label) map[string]Label {
	out := maps.Clone(labels)
	maps.DeleteFunc(out, func(key string, l Label) bool { return l.Confidence != Asserted && !ordered(key) })
	return out
}

// asserted keeps what a person or an approved change said.
func asserted(labels map[string]Label) map[string]Label {
	out := maps.Clone(labels)
	maps.DeleteFunc(out, func(_ string, l Label) bool { return l.Confidence != Asserted })
	return out
}

// relabelled lists the labels that differ, by key; also those that ended.
func relabelled(was, is map[string]Label) []string {
	var out []string
	for _, key := range slices.Sorted(slices.Values(Labels())) {
		if was[key].Value != is[key].Value {
			out = append(out, key)
		}
	}
	return out
}

// labelPath is the path under which a label's history is kept.
func labelPath(key string) string { return "label." + strings.ToLower(key) }

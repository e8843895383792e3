package reconcile

import (
	"slices"
	"strconv"

	"plumbline.dev/plumb/internal/inventory"
)

// Severity says how urgent a finding is.
type Severity string

// The severities.
const (
	Low      Severity = "low"
	Medium   Severity = "medium"
	High     Severity = "high"
	Critical Severity = "critical"
)

// Severities lists them, the least urgent first.
func Severities() []Severity { return []Severity{Low, Medium, High, Critical} }

// Weigh gives the score of an unexplained difference: classification times criticality times what was changed. What nobody labelled counts
// as confidential, and as critical as its class and environment say (inventory.Asset.Criticality); where that is not known, as 7 of 10.
func Weigh(d inventory.Difference, p Place) (score int64, s Severity) {
	class := int64(3)
	if i := slices.Index([]string{"public", "internal", "confidential", "critical"}, p.Labels[inventory.LabelClassification]); i >= 0 {
		class = int64(i) + 1
	}
	criticality := int64(7)
	if n, err := strconv.ParseInt(p.Labels[inventory.LabelCriticality], 10, 64); err == nil && n >= 1 && n <= 10 {
		criticality = n
	}
	what := int64(1)
	switch {
	case d.Kind == inventory.Security, d.Op == inventory.Deleted:
		what = 3
	case d.Op == inventory.Created:
		what = 2
	}
	score = class * criticality * what
	switch {
	case score >= 80:
		return score, Critical
	case score >= 40:
		return score, High
	case score >= 15:
		return score, Medium
	}
	return score, Low
}

// Limits of the flap detector.
const (
	flapWithin       = 7 * 24 * 60 * 60 * 1_000_000 // microseconds
	flapAlternations = 4
	flapValues       = 3
)

// Flaps reports whether an attribute goes to and fro: at least four changes among at most three values within seven days. after holds the
// values in order with their instants. A security attribute never flaps: each opening of a door is its own.
func Flaps(kind inventory.AttrKind, after []Moment, now int64) bool {
	if kind == inventory.Security {
		return false
	}
	n, values := 0, map[inventory.Value]bool{}
	for _, m := range after {
		if m.At < now-flapWithin {
			continue
		}
		n++
		values[m.Value] = true
	}
	return n >= flapAlternations && len(values) <= flapValues
}

// Moment is one value at one time.
type Moment struct {
	Value inventory.Value
	At    int64
}

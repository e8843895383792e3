package plan

import (
	"plumbline.dev/plumb/internal/seal"
)

// Domains of the normalized digest, and of what is compared in its place where there is none.
const (
	normalDomain = "plumb.plan.v1"
	shownDomain  = "plumb.plan.shown.v1"
)

// Normalized gives the digest by which a plan made again in another job proves itself equal: over
// everything that will change, and nothing that only differs from run to run. Where the plan holds
// sensitive values and was read without a key there is none, and none for a plan that changes nothing,
// for all of those would be equal: the digest is empty and reason says why.
//
// It is seal.Digest of "plumb.plan.v1" over the entries of the document's resource_changes (without
// action_reason), output_changes and ignored, in this order: each as one line, "r ", "o " or "s " and
// the canonical JSON.
func (p *Plan) Normalized() (digest, reason string) {
	d := &p.doc
	if !d.Keyed && d.markers().bare {
		return "", "The plan holds sensitive values and was read without the key of its repository."
	}
	if len(d.ResourceChanges)+len(d.OutputChanges)+len(d.Ignored) == 0 {
		return "", "The plan changes nothing, so there is nothing to bind."
	}
	return seal.DigestOf(normalDomain, d.lines), ""
}

// Shown gives the digest of what people read of a plan that has no normalized digest, and is empty where
// there is one: over the same lines, with another domain. It tells whether a saved file is the one that was
// shown, save for its sensitive values, which nobody saw; so it stands beside the digest of the file, never
// in its place.
func (p *Plan) Shown() string {
	if d, _ := p.Normalized(); d != "" {
		return ""
	}
	return seal.DigestOf(shownDomain, p.doc.lines)
}

// Keyed reports whether sensitive values stand in the plan as keyed markers, so that a reading without the
// key differs.
func (p *Plan) Keyed() bool { return p.doc.markers().keyed }

// lines yields what the normalized digest is of. Each line is good until the next one is asked for.
func (d *document) lines(yield func([]byte) bool) {
	var l line
	for _, w := range d.ResourceChanges {
		w.ActionReason = "" // why, not what; a tool may word it otherwise the next time
		if l = append(w.append(append(l[:0], "r "...)), '\n'); !yield(l) {
			return
		}
	}
	for _, o := range d.OutputChanges {
		if l = append(o.append(append(l[:0], "o "...)), '\n'); !yield(l) {
			return
		}
	}
	for _, s := range d.Ignored {
		if l = append(s.append(append(l[:0], "s "...)), '\n'); !yield(l) {
			return
		}
	}
}

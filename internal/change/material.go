package change

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/plan"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/wire"
)

// Material is everything about a change that an approver approves and a rule may read. Its form is the wire's, so that
// who asks and who decides cannot mean two things by one member; the rules over it are here.
type Material wire.Material

// The parts of Material, and what a permit says: one shape for all who write and read them.
type (
	Binding         = wire.Binding         // Binding is one thing that will be run, by exact digest.
	PlanSum         = wire.PlanSum         // PlanSum sums a plan's changes up.
	Touch           = wire.Touch           // Touch is one resource that a bound plan changes.
	Grant           = wire.Grant           // Grant is one change of who holds a role.
	Effect          = wire.Effect          // Effect is one expected production difference.
	Rollback        = wire.Rollback        // Rollback is the way back.
	Envelope        = wire.Envelope        // Envelope is the earliest start and the latest end.
	Executor        = wire.Executor        // Executor is who may redeem the permit.
	Resolved        = wire.Resolved        // Resolved is one target as the inventory knew it.
	Deploy          = wire.Deploy          // Deploy holds the typed fields of a code deploy.
	Attachment      = wire.Attachment      // Attachment is a document by digest.
	PermitPredicate = wire.PermitPredicate // PermitPredicate is what a permit says.
)

// Revision is one immutable wording of a change.
type Revision struct {
	ID        string   `json:"id"` // CHG-000001.3
	Change    ID       `json:"change"`
	N         int64    `json:"n"`
	Digest    string   `json:"digest"`
	Canonical string   `json:"canonical"` // the bytes under the digest
	Author    string   `json:"author"`
	Account   string   `json:"account"`
	At        int64    `json:"at"`
	Material  Material `json:"-"`
}

// revDomain separates revision digests from all others.
const revDomain = "plumb.rev.v1"

// Digest returns the canonical bytes of the material fields and their digest.
func (m Material) Digest() (canonical []byte, digest string, err error) {
	canonical, err = seal.Canonical(m.plain())
	if err != nil {
		return nil, "", fmt.Errorf("encode revision: %w", err)
	}
	return canonical, seal.Digest(revDomain, canonical), nil
}

// plain is the wording as it is read back: an empty list in a member that is left out when it holds nothing
// is no list. Else the member would be written, read as nothing, and have another digest.
func (m Material) plain() Material {
	m.Deploy.Links, m.Deploy.Scans = some(m.Deploy.Links), some(m.Deploy.Scans)
	hollow := func(b Binding) bool { return b.Plan.Types != nil && len(b.Plan.Types) == 0 }
	if slices.ContainsFunc(m.Bindings, hollow) {
		m.Bindings = slices.Clone(m.Bindings)
		for i := range m.Bindings {
			m.Bindings[i].Plan = plainSum(m.Bindings[i].Plan)
		}
	}
	if b := m.Rollback.Binding; b != nil && hollow(*b) {
		own := *b
		own.Plan = plainSum(own.Plan)
		m.Rollback.Binding = &own
	}
	return m
}

func plainSum(p PlanSum) PlanSum {
	p.Types = some(p.Types)
	if len(p.Touches) == 0 {
		p.Touches = nil
	}
	return p
}

// some is a list that holds something, or none.
func some(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	return list
}

// sameRun is the digest of what would run: two revisions that share it differ in nothing that reaches
// production and nothing that a rule reads, so decisions carry over. A re-plan keeps the normalized
// plan digest, and the state that it is of. A rebase keeps nothing: the tree is the author's claim (docs/adr/0012).
func (m Material) sameRun() (string, error) {
	m.Bindings = slices.Clone(m.Bindings)
	for i := range m.Bindings {
		m.Bindings[i] = equalForm(m.Bindings[i])
	}
	if m.Rollback.Binding != nil {
		b := equalForm(*m.Rollback.Binding)
		m.Rollback.Binding = &b
	}
	canonical, err := seal.Canonical(m.plain())
	return seal.Digest("plumb.run.v1", canonical), err
}

func equalForm(b Binding) Binding {
	if b.Normalized != "" {
		b.Digest, b.Base, b.Document = "", plan.Lineage(b.Base), ""
	}
	return b
}

// Limits of one request; a longer text is an attachment.
const (
	maxLine  = 300
	maxText  = 20_000
	maxItems = 2_000
)

// clean refuses what no reader could be shown safely, member by member; whether enough is filled in is
// the policy's question, not this one's.
func (m *Material) clean() error {
	e := fault.New(fault.Invalid, "bad_change", "The change has members that cannot be taken.")
	if !slices.Contains(policy.Types, m.Type) {
		e.At("type", "is one of "+strings.Join(policy.Types, ", "))
	}
	line(e, "summary", m.Summary)
	line(e, "category", m.Category)
	line(e, "model", m.Model)
	text(e, "justification", m.Justification)
	text(e, "rollback.text", m.Rollback.Text)
	text(e, "rollback.not_reversible", m.Rollback.NotReversible)
	text(e, "emergency", m.EmergencyNotes)
	line(e, "rollback.trigger", m.Rollback.Trigger)
	if !slices.Contains([]string{"", "low", "medium", "high"}, m.RiskFloor) {
		e.At("risk_floor", "is low, medium or high")
	}
	for i, b := range m.Bindings {
		cleanBinding(e, fmt.Sprintf("bindings[%d]", i), b)
	}
	if m.Rollback.Binding != nil {
		cleanBinding(e, "rollback.binding", *m.Rollback.Binding)
	}
	for i, x := range m.Implementers {
		if (x.Person == "") == (x.Account == "") {
			e.At(fmt.Sprintf("implementers[%d]", i), "names either a person or a service account")
		}
		for _, s := range []string{x.Person, x.Account, x.Repo, x.Pipe} {
			line(e, fmt.Sprintf("implementers[%d]", i), s)
		}
	}
	for i, a := range m.Attachments {
		line(e, fmt.Sprintf("attachments[%d].name", i), a.Name)
		digest(e, fmt.Sprintf("attachments[%d].digest", i), a.Digest)
	}
	if len(m.Components)+len(m.Targets)+len(m.Bindings)+len(m.Implementers) > maxItems || len(m.Effects) > maxItems {
		e.At("bindings", fmt.Sprintf("more than %d items", maxItems))
	}
	if !m.Window.Until.IsZero() && !m.Window.Until.After(m.Window.From) {
		e.At("window.until", "is not after window.from")
	}
	m.cleanRest(e)
	if len(e.Fields) > 0 {
		return e
	}
	return nil
}

func (m *Material) cleanRest(e *fault.Error) {
	lines := map[string][]string{"components": m.Components, "targets": m.Targets, "checks": m.Checks,
		"data_flags": m.DataFlags, "deploy.links": m.Deploy.Links, "deploy.scans": m.Deploy.Scans,
		"deploy":   {m.Deploy.JobName, m.Deploy.BuildID, m.Deploy.Action, m.Deploy.Branch, m.Deploy.Environment},
		"rollback": {m.Rollback.Rehearsed, m.Rollback.NoReturn}, "critical_role": {m.CriticalRole}}
	for path, list := range lines {
		for _, s := range list {
			line(e, path, s)
		}
	}
	for _, kind := range append(slices.Clone(m.Checks), m.Deploy.Scans...) {
		if !slices.Contains(policy.CheckKinds, kind) {
			e.At("checks", "names a kind of evidence that is not known; known are "+strings.Join(policy.CheckKinds, ", "))
		}
	}
	for i, f := range m.Effects {
		for _, s := range []string{f.Target, f.Path, f.Op, f.After} {
			line(e, fmt.Sprintf("effects[%d]", i), s)
		}
	}
	m.Window.From, m.Window.Until = m.Window.From.UTC().Truncate(time.Second), m.Window.Until.UTC().Truncate(time.Second)
	for _, list := range []*[]string{&m.Components, &m.Targets, &m.Checks, &m.DataFlags} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
}

func cleanBinding(e *fault.Error, path string, b Binding) {
	if !slices.Contains(policy.BindingKinds, b.Kind) {
		e.At(path+".kind", "is one of "+strings.Join(policy.BindingKinds, ", "))
	}
	digest(e, path+".digest", b.Digest)
	for name, d := range map[string]string{"normalized": b.Normalized, "shown": b.Shown, "document": b.Document} {
		if d != "" {
			digest(e, path+"."+name, d)
		}
	}
	for _, s := range append([]string{b.Name, b.Tree, b.Commit, b.Base, b.Repo}, b.Authors...) {
		line(e, path, s)
	}
	if (b.Kind == "access-grant") != (b.Grant != nil) {
		e.At(path+".grant", "goes with the kind access-grant, and only with it")
	}
	if g := b.Grant; g != nil {
		for _, s := range []string{g.Op, g.Role, g.Person, g.Group, g.Into} {
			line(e, path+".grant", s)
		}
	}
}

// line takes one line of text without control characters; bidirectional controls are shown by pages,
// refused here in one-line fields because a name is read at a glance.
func line(e *fault.Error, path, s string) {
	switch {
	case !utf8.ValidString(s):
		e.At(path, "is not valid UTF-8")
	case len(s) > maxLine:
		e.At(path, fmt.Sprintf("is longer than %d bytes", maxLine))
	case strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || isBidi(r) }):
		e.At(path, "holds control or direction-changing characters")
	}
}

func text(e *fault.Error, path, s string) {
	switch {
	case !utf8.ValidString(s):
		e.At(path, "is not valid UTF-8")
	case len(s) > maxText:
		e.At(path, fmt.Sprintf("is longer than %d bytes", maxText))
	case strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' && r != '\r' }):
		e.At(path, "holds control characters")
	}
}

// isBidi tells the characters that can make a line read otherwise than it is stored (Trojan Source).
func isBidi(r rune) bool {
	return r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069 || r == 0x200E || r == 0x200F || r == 0x061C
}

func digest(e *fault.Error, path, s string) {
	if !IsDigest(s) {
		e.At(path, "is not a digest of the form sha256: and 64 hex digits")
	}
}

// IsDigest reports whether s is "sha256:" and 64 lower-case hex digits.
func IsDigest(s string) bool {
	hex, ok := strings.CutPrefix(s, "sha256:")
	if !ok || len(hex) != 64 {
		return false
	}
	for _, c := range hex {
		if !strings.ContainsRune("0123456789abcdef", c) {
			return false
		}
	}
	return true
}

// bound lists every digest that evidence may be about: what this revision would run.
func (m Material) bound() map[string]bool {
	out := map[string]bool{}
	for _, b := range m.Bindings {
		for _, name := range subjectsOf(b) {
			out[name] = true
		}
	}
	return out
}

// subjectsOf lists the names by which evidence calls one thing that would be run.
func subjectsOf(b Binding) (out []string) {
	for _, d := range []string{b.Digest, b.Normalized} {
		if d != "" {
			out = append(out, d)
		}
	}
	if b.Commit != "" {
		out = append(out, "gitCommit:"+b.Commit, "git:"+b.Commit, "sha1:"+b.Commit)
	}
	return out
}

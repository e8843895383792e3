package policy

import (
	"slices"
	"strconv"
	"time"
)

// Types are the types of change. They say how a change is decided.
var Types = []string{"normal", "standard", "emergency"}

// Environments are the environments, from the laxest to the strictest.
var Environments = []string{"dev", "test", "prod"}

// Classifications are the data classes, from the laxest to the strictest.
var Classifications = []string{"public", "internal", "confidential", "critical"}

// Exclusions are the words that a pack can exclude people by: requester and revision_authors asked,
// implementers and executor do, commit_authors wrote what is bound, delegators handed a vote to one
// of these.
var Exclusions = []string{"requester", "revision_authors", "implementers", "executor", "commit_authors", "delegators"}

// BindingKinds are the kinds of what a change can run.
var BindingKinds = []string{"tf-plan", "git-commit", "oci-image", "config-file", "db-script",
	"feature-flag", "access-grant", "runbook", "package-set", "os-snapshot", "k8s-manifest",
	"policy-pack", "standard-model"}

// Ops are the operations of an effect.
var Ops = []string{"create", "update", "delete", "replace"}

// CheckKinds are the kinds of evidence that a pack can demand. Those that no source feeds yet are
// filled by an attached file that a person signs for.
var CheckKinds = []string{"tests", "static-analysis", "security-scan", "sbom", "attached",
	"pull-request", "promotion", "plan-complete", "default-users-removed", "network-configured",
	"volume-encrypted", "transit-encrypted", "protection-installed", "baseline", "post-provision-analysis"}

// FieldPaths are the material fields of a change that a pack can demand, as Facts.Fields lists them.
var FieldPaths = []string{"summary", "justification", "components", "targets", "bindings", "effects",
	"rollback", "rollback.text", "rollback.binding", "rollback.trigger", "rollback.not_reversible",
	"implementers", "window", "window.from", "window.until", "model", "critical_role", "data_flags", "emergency",
	"deploy.job_name", "deploy.build_id", "deploy.action", "deploy.branch", "deploy.environment",
	"deploy.links", "deploy.scans"}

// Teams are what a role can speak for.
var Teams = []string{"security", "engineering", "it"}

// BuiltIns are the guards that the program keeps under every pack, by the id that a clause names
// them with. The text says what holds.
var BuiltIns = map[string]string{
	"gate":       "Nothing runs without a signed, single-use permit for exactly the approved digests.",
	"exclusion":  "Author, implementer, executor and their linked accounts can never fill a slot.",
	"matching":   "Each slot is filled by another person; an empty role is never passed over.",
	"binding":    "An approval holds for one revision digest and one policy digest; an edit voids it.",
	"evidence":   "Evidence is parsed and bound to the digest that it is about; missing or failing blocks.",
	"rollback":   "A bound rollback procedure has its own permit and its own recorded result.",
	"ledger":     "Each action is an event of an append-only Merkle log that is verified offline.",
	"executor":   "The gate admits only a named executor or a pipeline that the change names.",
	"sign-in":    "Only a person's own session decides; an API token never can.",
	"criteria":   "Each automatic approval records the criteria version, every input and the outcome.",
	"floor":      "Every change needs two people at least, whatever the pack says.",
	"terraform":  "The approved plan file is hashed, and only that file is applied.",
	"inventory":  "Sources and agents read what production is; each label has where it comes from, and nothing of its history is lost.",
	"reconcile":  "Each difference in production is traced to a permit, or raised as a finding that is answered within a day.",
	"campaigns":  "Reviewers answer for each thing of a frozen selection, and two people sign the result.",
	"promotion":  "Only a verified provisioning change gives a thing the label of production.",
	"separation": "A production server or container that runs frontend and backend both is a finding until they are apart.",
	"diagram":    "Diagrams are drawn from the inventory; an approved one turns stale when production moves on.",
}

// FactLimits bound how many things one revision may name, so that each condition has a bounded cost.
// More is refused.
var FactLimits = map[string]int{"components": 100, "targets": 1000, "bindings": 50, "effects": 2000,
	"checks": 100, "fields": 200, "roles": 50, "data_flags": 50, "deploy.links": 100, "plan.types": 300}

// Span is a length of time as it is written in a pack: a whole number and s, m, h or d.
type Span string

// Secs gives the length in seconds; ok is false for anything that is not a positive span of at most
// ten years.
func (s Span) Secs() (secs int64, ok bool) {
	if len(s) < 2 {
		return 0, false
	}
	unit := map[byte]int64{'s': 1, 'm': 60, 'h': 3600, 'd': 86400}[s[len(s)-1]]
	n, err := strconv.ParseInt(string(s[:len(s)-1]), 10, 32)
	if err != nil || unit == 0 || n <= 0 || s[0] == '+' || n*unit > 10*366*86400 {
		return 0, false
	}
	return n * unit, true
}

// Duration gives the length, zero where the span is empty or wrong.
func (s Span) Duration() time.Duration {
	n, _ := s.Secs()
	return time.Duration(n) * time.Second
}

// rank orders risks; what is not known ranks as high.
func (r Risk) rank() int {
	switch r {
	case Low:
		return 0
	case Medium:
		return 1
	}
	return 2
}

// Stricter gives the higher of two risks. A risk that is not known counts as high.
func (r Risk) Stricter(s Risk) Risk {
	return []Risk{Low, Medium, High}[max(r.rank(), s.rank())]
}

// strictest gives the value that stands later in the order; an unknown value gives unknown.
func strictest(order []string, a, b, unknown string) string {
	i, j := slices.Index(order, a), slices.Index(order, b)
	if i < 0 || j < 0 {
		return unknown
	}
	return order[max(i, j)]
}

// Package reconcile says of every difference that production shows which approved change explains it, and of
// every approved effect whether it was seen. It observes nothing itself and approves nothing: differences are
// inventory's, permission is change's; what nobody permitted becomes a finding that a person answers.
//
// Read in this order: reconcile.go (the values), claims.go (what an approved change may do), decide.go (the order
// of the questions), derive.go (side effects), then follow.go (the loop), findings.go (the use-cases), sql.go.
package reconcile

import (
	"strings"

	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/plan"
)

// Disposition says what a difference is. The zero value is none; nothing is explained by it.
type Disposition string

// The dispositions, in the order in which they are asked for. The first that holds counts.
const (
	Exact        Disposition = "exact"                  // an executed resource of the approved plan, with the approved value
	Scoped       Disposition = "scoped"                 // within what was approved, while it ran
	Derived      Disposition = "derived"                // a side effect of what is explained
	Standing     Disposition = "standing"               // a reviewed, expiring authorization
	OutOfScope   Disposition = "out_of_scope_in_window" // a run was under way, but nobody approved this
	Unauthorized Disposition = "unauthorized"           // nothing explains it

	// Unseparated is no answer about a difference, but what a finding is about: frontend and backend on one host or container.
	Unseparated Disposition = "unseparated"
	// Unseen is no answer about a difference, either: approved effects that production does not show, though their change was closed as successful.
	Unseen Disposition = "unseen"
)

// Explains reports whether a difference of this disposition needs nobody.
func (d Disposition) Explains() bool {
	return d == Exact || d == Scoped || d == Derived || d == Standing
}

// order is the place of each disposition; an unknown one is last and explains nothing.
func (d Disposition) order() int {
	for i, x := range []Disposition{Exact, Scoped, Derived, Standing, OutOfScope} {
		if x == d {
			return i
		}
	}
	return 9
}

// Claim is one effect that an approved revision may have, frozen with it: its place, what happens there and the value
// afterwards.
type Claim struct {
	ID       string            `json:"id"` // change, revision and number: CHG-000007.2#14
	Change   string            `json:"change"`
	Rev      string            `json:"rev"`                // digest of the revision
	Address  string            `json:"address"`            // Terraform address, or asset id, name or type/native of a typed effect
	Asset    inventory.AssetID `json:"asset,omitempty"`    // that a typed effect meant when it was approved; "" where nothing, or more than one thing, was called so
	Thing    string            `json:"thing,omitempty"`    // id of what a plan deletes or replaces, as its provider names it; "" where the plan does not show it
	Lineage  string            `json:"lineage,omitempty"`  // state that the address stands in; "" is not known
	Planned  bool              `json:"planned,omitempty"`  // out of a bound plan, not typed by a person
	Rollback bool              `json:"rollback,omitempty"` // the way back: holds until the change closes
	Verb     string            `json:"verb"`               // create, update, delete, replace, forget, import, move
	Path     string            `json:"path,omitempty"`     // attribute; "" for the whole; a star in a typed effect stands for any characters
	Before   []inventory.Value `json:"before,omitempty"`   // ways to write the planned value before
	After    []inventory.Value `json:"after,omitempty"`    // ways to write the approved value
	Open     bool              `json:"open,omitempty"`     // the value is known only after the apply, or is masked
	Includes bool              `json:"includes,omitempty"` // After is a part: the set holds these items
}

// Receipt is what an execution reported of one resource.
type Receipt struct {
	Address string `json:"address"`
	Action  string `json:"action"`
	Done    bool   `json:"done"`
	ID      string `json:"id,omitempty"` // of the real thing, as its provider names it
}

// Run is one execution under a permit: the only time in which a claim explains anything.
type Run struct {
	Permit    string    `json:"permit"`
	Change    string    `json:"change"`
	Rev       string    `json:"rev"`
	Rollback  bool      `json:"rollback,omitempty"`
	Started   int64     `json:"started"`
	Ended     int64     `json:"ended"`          // 0 while it runs
	Lost      bool      `json:"lost,omitempty"` // nobody reported its end
	Executors []string  `json:"executors"`      // names that the executor may go by in a source, folded
	Receipts  []Receipt `json:"receipts,omitempty"`

	byAddress map[string]*Receipt // made when it is asked for
	closed    int64               // when its change was over, from the index
}

// Charter is what one change may do and did: its claims and its runs.
type Charter struct {
	Change      string  `json:"change"`
	N           int64   `json:"n"` // number of the change
	Rev         string  `json:"rev"`
	Environment string  `json:"environment,omitempty"` // "" where the targets are of none or of several
	From        int64   `json:"from,omitempty"`        // planned window
	Until       int64   `json:"until,omitempty"`
	Claims      []Claim `json:"claims"`
	Runs        []Run   `json:"runs"`
	Closed      int64   `json:"closed,omitempty"`
	Criteria    bool    `json:"criteria,omitempty"` // under a standard model: no person looked at it

	creates bool // what its plans that name no state do is create, and nothing else; from the index
}

// Place is where a difference was seen, with what is known around it.
type Place struct {
	Asset    inventory.AssetID
	Class    inventory.Class
	Type     string
	Native   string
	Name     string
	Scope    string   // of the record: for Terraform its lineage and workspace
	IDs      []string // identifiers that the real thing answers to
	Managers []Managed
	Around   []inventory.AssetID // assets at the other ends of its edges
	Wholes   []inventory.AssetID // of a part that came or went: what it is a part of, as the source that showed it draws it
	Labels   map[string]string   // effective
	First    int64               // when the asset was first observed
	Owner    string              // as a person or an approved change asserted it; a source's word gives nobody power
	Security bool                // the difference is in a security attribute
	Borrowed bool                // another thing answers to the name, too, or to it as its id: no claim means this one by it
	Adopter  string              // of what one more source shows: the change that adopted its coming, which a lesser source showed first
	Merges   []inventory.Came    // the merges by which the record came into the asset, the oldest first
	LetGo    string              // of code that left its state: what became of the thing that it managed
}

// Managed is a Terraform resource that manages the asset.
type Managed struct {
	Address string
	Scope   string
}

// Production reports whether the strict rules hold: everything but what is labelled dev or test.
func (p Place) Production() bool {
	e := p.Labels[inventory.LabelEnvironment]
	return e != "dev" && e != "test"
}

// Hit is one way in which something touches a difference, with its reason.
type Hit struct {
	Disposition Disposition `json:"disposition"`
	Change      string      `json:"change,omitempty"`
	Claim       string      `json:"claim,omitempty"`
	Permit      string      `json:"permit,omitempty"`
	Rule        string      `json:"rule,omitempty"` // of the derived rules, or the id of a standing authorization
	Reason      string      `json:"reason"`
	Weak        bool        `json:"weak,omitempty"` // no receipt names the resource
}

// Verdict is what a difference was found to be, and everything that touched it.
type Verdict struct {
	Disposition Disposition `json:"disposition"`
	Hits        []Hit       `json:"hits"`
}

// First gives the hit that decided, the zero one where there is none.
func (v Verdict) First() Hit {
	if len(v.Hits) == 0 {
		return Hit{}
	}
	return v.Hits[0]
}

// Judged reports whether a difference raises the question at all: configuration or security of what was known before.
func Judged(d inventory.Difference) bool {
	return d.Settled == "" && !d.First && d.Op != inventory.Adopted && (d.Kind == inventory.Config || d.Kind == inventory.Security)
}

// fits reports whether a verb of a claim makes an operation of a difference.
func fits(verb string, op inventory.Op, path string) bool {
	switch op {
	case inventory.Created:
		return verb == plan.ClassCreate || verb == plan.ClassReplace || verb == verbImport
	case inventory.Deleted:
		return verb == plan.ClassDelete || verb == plan.ClassReplace || verb == plan.ClassForget
	case inventory.Updated:
		return verb == plan.ClassUpdate || verb == plan.ClassReplace || verb == plan.ClassCreate || verb == "move" && path == "name"
	}
	return false
}

// fold writes an attribute path in one way: rule[0].port and rule.0.port are one.
func fold(path string) string {
	if !strings.ContainsAny(path, "[\"") {
		return path
	}
	return strings.NewReplacer("[\"", ".", "\"]", "", "[", ".", "]", "").Replace(path)
}

// glob reports whether a pattern, in which a star stands for any characters, matches a text whole.
func glob(pattern, s string) bool {
	head, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == s
	}
	if !strings.HasPrefix(s, head) {
		return false
	}
	s = s[len(head):]
	parts := strings.Split(rest, "*")
	for _, part := range parts[:len(parts)-1] {
		i := strings.Index(s, part)
		if i < 0 {
			return false
		}
		s = s[i+len(part):]
	}
	return strings.HasSuffix(s, parts[len(parts)-1])
}

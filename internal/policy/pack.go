// Package policy is the written policy as data and pure functions: a pack of YAML files with CEL
// conditions is loaded, and from the facts of one revision it says what must be shown, who must
// approve, who may execute and for how long an approval lives. It also matches people to the slots
// that are still open, explains itself rule by rule, and finds what is wrong with a pack before it is
// used. It is not the change engine: it keeps no state, does no I/O beyond the fs.FS it is handed,
// and reads no clock, so that a verdict can be computed again years later from the archived pack.
//
// Whatever is unknown, empty, erroring or unsatisfiable is a refusal, never a smaller demand.
package policy

import (
	"slices"
	"sort"
)

// Pack is one version of the policy, loaded and compiled. Its fields are read-only; the digest
// covers the bytes of every file, so a pack is changed only by loading another one.
type Pack struct {
	Name    string
	Version string
	Title   string
	Expire  Expiry
	Exclude []string // who can never approve, in the words of Exclusions

	Roles      []Role
	Components []Component
	Targets    []Target
	Categories []Category
	Rules      []Rule
	Models     []Model
	Windows    []Window
	Freezes    []Freeze
	Emergency  Emergency
	Clauses    []Clause

	files  []File
	digest string
	lines  lineIndex
	byRole map[string]*Role
	byKey  map[string]Component
}

// Expiry is how long approvals live, by risk: High for high risk, Normal for the rest.
type Expiry struct {
	High   Span `yaml:"high" json:"high"`
	Normal Span `yaml:"normal" json:"normal"`
}

// Role is one office that people hold.
type Role struct {
	Name      string `yaml:"name" json:"name"`
	Title     string `yaml:"title" json:"title"`
	Note      string `yaml:"note" json:"note"`
	Approves  bool   `yaml:"approves" json:"approves"`     // may fill slots; granting or revoking it is an access change of its own
	SpeaksFor string `yaml:"speaks_for" json:"speaks_for"` // the team whose review this role's approval stands for: security, engineering, it or ""
	Holders   int    `yaml:"holders" json:"holders"`       // fewest people who should hold it, the deputy counted; 0 means no advice
}

// Category is one kind of change, with the fields that every change of that kind must fill in.
type Category struct {
	Name     string   `yaml:"name" json:"name"`
	Title    string   `yaml:"title" json:"title"`
	Clause   string   `yaml:"clause" json:"clause"`
	Fields   []string `yaml:"fields" json:"fields"`
	Bindings []string `yaml:"bindings" json:"bindings"` // kinds of binding that can stand in such a change; any other kind is refused
}

// Rule is one sentence of the policy: when the condition holds, all that it lists is demanded.
type Rule struct {
	ID       string       `yaml:"id" json:"id"`
	Clause   string       `yaml:"clause" json:"clause"`
	Text     string       `yaml:"text" json:"text"`
	When     string       `yaml:"when" json:"when"`
	Require  []SlotRule   `yaml:"require" json:"require"`
	Fields   []string     `yaml:"fields" json:"fields"`
	Checks   []CheckRule  `yaml:"checks" json:"checks"` // before an approval counts
	After    []CheckRule  `yaml:"after" json:"after"`   // before the change can close
	Verify   []VerifyRule `yaml:"verify" json:"verify"` // who looks at the result
	Risk     Risk         `yaml:"risk" json:"risk"`
	Executor []string     `yaml:"executor" json:"executor"` // roles whose holders may execute; several rules intersect
	Forbid   *Forbid      `yaml:"forbid" json:"forbid"`

	cond *condition
}

// SlotRule demands approvals by holders of a role.
type SlotRule struct {
	Role     string   `yaml:"role" json:"role"`
	Min      int      `yaml:"min" json:"min"`
	Stage    string   `yaml:"stage" json:"stage"`       // sets the slot apart from other slots of the role; "" for the usual one
	After    []string `yaml:"after" json:"after"`       // slots to be filled before this one
	Distinct *bool    `yaml:"distinct" json:"distinct"` // absent means true: the person fills no other slot
}

// CheckRule demands evidence of a kind, no older than MaxAge.
type CheckRule struct {
	Kind   string `yaml:"kind" json:"kind"`
	MaxAge Span   `yaml:"max_age" json:"max_age"` // "" means no limit
}

// VerifyRule demands that somebody verifies the result. The role AssetOwner stands for the owner of
// each target; Fallback is the role that verifies a target that has no owner.
type VerifyRule struct {
	Role     string `yaml:"role" json:"role"`
	Min      int    `yaml:"min" json:"min"`
	Fallback string `yaml:"fallback" json:"fallback"`
}

// Forbid refuses a submission, with a stable code and a sentence.
type Forbid struct {
	Code   string `yaml:"code" json:"code"`
	Reason string `yaml:"reason" json:"reason"`
	Next   string `yaml:"next" json:"next"`
}

// Model is a standard change: criteria that the owner's office approved beforehand, under which a
// request is authorized without further approvals (policy statement (e), automatic approval).
type Model struct {
	ID        string          `yaml:"id" json:"id"`
	Title     string          `yaml:"title" json:"title"`
	Clause    string          `yaml:"clause" json:"clause"`
	Category  string          `yaml:"category" json:"category"`
	Owner     string          `yaml:"owner" json:"owner"` // role that must approve the model's activation
	Rationale string          `yaml:"rationale" json:"rationale"`
	Criteria  []CriterionRule `yaml:"criteria" json:"criteria"`
	Bounds    Bounds          `yaml:"bounds" json:"bounds"`
	Rollback  bool            `yaml:"rollback" json:"rollback"`       // a runnable rollback procedure must be bound
	Review    Review          `yaml:"review" json:"review"`           //
	ValidFor  Span            `yaml:"valid_for" json:"valid_for"`     // from its activation, at most a year
	ValidTo   string          `yaml:"valid_until" json:"valid_until"` // last day, 2006-01-02; "" for ValidFor alone
	MaxPerDay int             `yaml:"max_per_day" json:"max_per_day"` // uses per requester in 24 hours
}

// CriterionRule is one condition of a model.
type CriterionRule struct {
	ID     string `yaml:"id" json:"id"`
	Clause string `yaml:"clause" json:"clause"`
	Text   string `yaml:"text" json:"text"`
	When   string `yaml:"when" json:"when"`

	cond *condition
}

// Bounds are the limits of a model's reach. A list that is empty allows nothing.
type Bounds struct {
	Targets      int      `yaml:"targets" json:"targets"`           // most targets
	Environments []string `yaml:"environments" json:"environments"` // allowed environments
	TargetKinds  []string `yaml:"target_kinds" json:"target_kinds"` // allowed kinds of target
	Components   []string `yaml:"components" json:"components"`     // allowed component keys
	Effects      int      `yaml:"effects" json:"effects"`           // most effects
	Ops          []string `yaml:"ops" json:"ops"`                   // allowed operations
}

// Review is when a model's use must be looked at again: whichever comes first.
type Review struct {
	After Span `yaml:"after" json:"after"` // from its activation or last review
	Uses  int  `yaml:"uses" json:"uses"`   // uses since then
}

// Window is a recurring time in which changes in scope may start; none means any time.
type Window struct {
	ID    string   `yaml:"id" json:"id"`
	Text  string   `yaml:"text" json:"text"`
	Scope Scope    `yaml:"scope" json:"scope"`
	Zone  string   `yaml:"zone" json:"zone"` // IANA name
	Days  []string `yaml:"days" json:"days"` // mon … sun
	From  string   `yaml:"from" json:"from"` // 15:04 local, inclusive
	To    string   `yaml:"to" json:"to"`     // 15:04 local, exclusive
}

// Freeze is a time in which changes in scope may not start.
type Freeze struct {
	ID     string   `yaml:"id" json:"id"`
	Text   string   `yaml:"text" json:"text"`
	Scope  Scope    `yaml:"scope" json:"scope"`
	Zone   string   `yaml:"zone" json:"zone"`
	From   string   `yaml:"from" json:"from"` // 2006-01-02 15:04 local, inclusive
	To     string   `yaml:"to" json:"to"`     // 2006-01-02 15:04 local, exclusive
	Hard   bool     `yaml:"hard" json:"hard"`
	Exempt []string `yaml:"exempt" json:"exempt"` // change types that may start all the same
	Lift   string   `yaml:"lift" json:"lift"`     // role that may lift it
}

// Scope says what a window or freeze is about; an empty list means everything.
type Scope struct {
	Environments []string `yaml:"environments" json:"environments"`
	Categories   []string `yaml:"categories" json:"categories"`
	Components   []string `yaml:"components" json:"components"`
}

// Emergency holds the rules of the emergency change (requirements B1 to B4).
type Emergency struct {
	Notify    Notify    `yaml:"notify" json:"notify"`
	Methods   []Method  `yaml:"methods" json:"methods"`
	Document  Document  `yaml:"document" json:"document"`
	Signoff   string    `yaml:"signoff" json:"signoff"` // always "standard": the approvals that beforehand would have been needed
	AfterCare Aftercare `yaml:"review" json:"review"`
}

// Notify says who hears of an emergency before the change is made.
type Notify struct {
	Clause    string   `yaml:"clause" json:"clause"`
	OnCall    bool     `yaml:"on_call" json:"on_call"`
	Roles     []string `yaml:"roles" json:"roles"`
	AtLeast   int      `yaml:"at_least" json:"at_least"` // roles whose notification must be accepted before the permit
	Channels  []string `yaml:"channels" json:"channels"`
	MinChans  int      `yaml:"min_channels" json:"min_channels"`
	Executive string   `yaml:"executives" json:"executives"` // "optional": the leads choose
}

// Method is one way of emergency access.
type Method struct {
	ID     string `yaml:"id" json:"id"`
	Title  string `yaml:"title" json:"title"`
	Clause string `yaml:"clause" json:"clause"`
	Within Span   `yaml:"within" json:"within"` // the access ends after this long
}

// Document says what must be written down afterwards and by when.
type Document struct {
	Clause string   `yaml:"clause" json:"clause"`
	Within Span     `yaml:"within" json:"within"`
	Remind []Span   `yaml:"remind" json:"remind"` // before the end
	Fields []string `yaml:"fields" json:"fields"`
}

// Aftercare says who reviews an emergency and what must come of it.
type Aftercare struct {
	Clause     string   `yaml:"clause" json:"clause"`
	Roles      []string `yaml:"roles" json:"roles"`
	With       []string `yaml:"with" json:"with"`             // who else takes part
	Prevention bool     `yaml:"prevention" json:"prevention"` // actions with owner and date are mandatory
}

// Clause is one demand of the written policy, and what keeps it.
type Clause struct {
	ID      string   `yaml:"id" json:"id"`
	Section string   `yaml:"section" json:"section"`
	Title   string   `yaml:"title" json:"title"`
	Rules   []string `yaml:"rules" json:"rules"`       // ids of rules, categories ("category:x"), models ("model:x"), "emergency"
	BuiltIn []string `yaml:"built_in" json:"built_in"` // guards of the program itself, from BuiltIns
	Later   string   `yaml:"later" json:"later"`       // what will keep it, while nothing does yet
	Outside string   `yaml:"outside" json:"outside"`   // why no program can keep it, where that is so
}

// AssetOwner is the role word that stands for the owner of each target.
const AssetOwner = "asset-owner"

// Digest names the pack by content: "sha256:…".
func (p *Pack) Digest() string { return p.digest }

// Role finds a role by name.
func (p *Pack) Role(name string) (Role, bool) {
	r, ok := p.byRole[name]
	if !ok {
		return Role{}, false
	}
	return *r, true
}

// Approving gives the names of the roles that can fill slots, sorted. Granting or revoking one of
// them is an access change.
func (p *Pack) Approving() []string {
	var out []string
	for _, r := range p.Roles {
		if r.Approves {
			out = append(out, r.Name)
		}
	}
	sort.Strings(out)
	return out
}

// Category finds a category by name.
func (p *Pack) Category(name string) (Category, bool) {
	for _, c := range p.Categories {
		if c.Name == name {
			return c, true
		}
	}
	return Category{}, false
}

// Model finds a standard model by id.
func (p *Pack) Model(id string) (Model, bool) {
	for _, m := range p.Models {
		if m.ID == id {
			return m, true
		}
	}
	return Model{}, false
}

// Component finds a component of the catalogue by key.
func (p *Pack) Component(key string) (Component, bool) {
	c, ok := p.byKey[key]
	return c, ok
}

// Target finds a target of the catalogue by name. A target that is not there gets the strictest
// labels: production, confidential, of unknown kind, owned by nobody.
func (p *Pack) Target(name string) (Target, bool) {
	for _, t := range p.Targets {
		if t.Name == name {
			return t, true
		}
	}
	return Target{Name: name, Environment: "prod", Classification: "confidential"}, false
}

// Resolve gives the facts with components and targets as this pack's catalogue knows them, by key and
// name: what a requester says about them never counts. A component that the catalogue lacks stays as
// it is, and Demand refuses it.
func (p *Pack) Resolve(f Facts) Facts {
	f.Components, f.Targets = slices.Clone(f.Components), slices.Clone(f.Targets)
	for i, c := range f.Components {
		if have, ok := p.Component(c.Key); ok {
			f.Components[i] = have
		}
	}
	for i, t := range f.Targets {
		f.Targets[i], _ = p.Target(t.Name)
	}
	f.Environment = "" // computed from the targets
	return strict(f)
}

// Clause finds a clause of the written policy by id.
func (p *Pack) Clause(id string) (Clause, bool) {
	for _, c := range p.Clauses {
		if c.ID == id {
			return c, true
		}
	}
	return Clause{}, false
}

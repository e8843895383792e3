package policy

// Facts is everything that a rule may read about one revision. Each field is either material (part
// of the revision digest) or computed by the server; nothing that a requester can reword without a
// new revision is in here. Unknown values take the strictest reading before they come here: an
// unlabelled target is prod and confidential.
type Facts struct {
	Type          string      `json:"type"`        // normal, standard, emergency
	Category      string      `json:"category"`    // deploy, feature-toggle, network, access, provisioning, configuration, patch
	Model         string      `json:"model"`       // standard model named by the requester, or ""
	Environment   string      `json:"environment"` // computed: the strictest environment among the targets
	Summary       string      `json:"summary"`
	Justification string      `json:"justification"`
	Components    []Component `json:"components"` // resolved from the pack's catalogue
	Targets       []Target    `json:"targets"`    // resolved from the pack's catalogue
	Bindings      []Binding   `json:"bindings"`
	Effects       []Effect    `json:"effects"`
	Plan          Plan        `json:"plan"` // computed from the bound Terraform plans, summed
	Deploy        Deploy      `json:"deploy"`
	Rollback      Rollback    `json:"rollback"`
	DataFlags     []string    `json:"data_flags"`
	Roles         []string    `json:"roles"`      // approving roles that an access change grants or revokes
	Checks        []Check     `json:"checks"`     // computed: newest result per kind, bound to this revision
	History       History     `json:"history"`    // computed over closed changes of the same model or components
	Fields        []string    `json:"fields"`     // computed: dotted paths of the material fields that are filled in
	RiskFloor     Risk        `json:"risk_floor"` // what the requester holds the risk for at least; can only raise it; "" for none
}

// Component is what a change touches.
type Component struct {
	Key  string `json:"key"`
	Kind string `json:"kind"` // app, infra, network, it, database, management, …
	Repo string `json:"repo"`
}

// Target is where a change lands.
type Target struct {
	Name           string `json:"name"`
	Environment    string `json:"environment"`    // dev, test, prod
	Classification string `json:"classification"` // critical, confidential, internal, public
	Kind           string `json:"kind"`           // host, network-device, firewall, database, service, …
	Owner          string `json:"owner"`
	Role           string `json:"role"` // critical infrastructure role, "" for none
}

// Binding is what will be run, without its digest's value.
type Binding struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
	Repo string `json:"repo"`
}

// Effect is one expected production difference.
type Effect struct {
	Target string `json:"target"`
	Path   string `json:"path"`
	Op     string `json:"op"` // create, update, delete, replace
}

// Plan sums the bound Terraform plans up.
type Plan struct {
	Present  bool     `json:"present"`
	Complete bool     `json:"complete"` // false where any bound plan is incomplete: never auto-approved
	Create   int      `json:"create"`
	Update   int      `json:"update"`
	Delete   int      `json:"delete"`
	Replace  int      `json:"replace"`
	Types    []string `json:"types"` // resource types with a change, sorted
}

// Deploy holds the typed fields of a code deploy.
type Deploy struct {
	JobName     string   `json:"job_name"`
	BuildID     string   `json:"build_id"`
	Action      string   `json:"action"`
	Branch      string   `json:"branch"`
	Environment string   `json:"environment"`
	Links       []string `json:"links"`
}

// Rollback is what rules may know of the rollback plan.
type Rollback struct {
	Present    bool `json:"present"`
	Bound      bool `json:"bound"` // has a runnable procedure with a digest
	Reversible bool `json:"reversible"`
}

// Check is the newest evidence of one kind.
type Check struct {
	Kind    string `json:"kind"`   // tests, static-analysis, security-scan, sbom, attached, …
	Status  string `json:"status"` // pass, fail, missing
	AgeSecs int64  `json:"age_secs"`
}

// History counts what became of earlier changes like this one.
type History struct {
	Successes int `json:"successes"` // consecutive successful closures, newest backwards
	Failures  int `json:"failures"`  // failed or backed out in the last 90 days
	SameDay   int `json:"same_day"`  // auto-approved for the same requester and components in 24 h
}

// Reason names the rule behind a demand and the clause behind the rule.
type Reason struct {
	Rule   string `json:"rule"`
	Clause string `json:"clause"`
	Text   string `json:"text"`
}

// Slot is one decision that the policy demands: Min people who hold Role.
type Slot struct {
	ID       string   `json:"id"` // the role's name, or role and stage where ordered
	Role     string   `json:"role"`
	Min      int      `json:"min"`
	After    []string `json:"after,omitempty"` // ids of slots that must be filled before this one
	Distinct bool     `json:"distinct"`        // false only by explicit rule; never below two humans in total
	Reasons  []Reason `json:"reasons"`
}

// CheckDemand is one evidence kind that must be shown.
type CheckDemand struct {
	Kind       string   `json:"kind"`
	MaxAgeSecs int64    `json:"max_age_secs"` // 0 means no limit
	Reasons    []Reason `json:"reasons"`
}

// FieldDemand is one material field that must be filled in.
type FieldDemand struct {
	Path    string   `json:"path"`
	Reasons []Reason `json:"reasons"`
}

// Risk is low, medium or high.
type Risk string

// The risks, in rising order. The zero value is no risk known and counts as high.
const (
	Low    Risk = "low"
	Medium Risk = "medium"
	High   Risk = "high"
)

// Demand is what the policy asks of one revision: pure output of Pack.Demand.
type Demand struct {
	Policy     string        `json:"policy"`         // digest of the pack that decided
	With       []string      `json:"with,omitempty"` // digests of older packs whose stricter demands are merged in, sorted
	Risk       Risk          `json:"risk"`
	Why        []Reason      `json:"why"` // reasons for the risk
	Fields     []FieldDemand `json:"fields"`
	Slots      []Slot        `json:"slots"`
	Checks     []CheckDemand `json:"checks"`      // before approval counts
	After      []CheckDemand `json:"after"`       // before closure
	Verify     []Slot        `json:"verify"`      // slots after the change: the asset owner
	ExpireSecs int64         `json:"expire_secs"` // how long approvals live
	Executor   []string      `json:"executor"`    // roles whose holders may execute; service accounts are named in the change
	Exclude    []string      `json:"exclude"`     // who can never approve: requester, revision_authors, implementers, executor, commit_authors, delegators
}

// Criterion is the outcome of one auto-approval condition, with what it read.
type Criterion struct {
	ID     string            `json:"id"`
	Text   string            `json:"text"`
	Clause string            `json:"clause"`
	Passed bool              `json:"passed"`
	Inputs map[string]string `json:"inputs"` // each fact that the expression reads, as canonical JSON
	Error  string            `json:"error,omitempty"`
}

// Person is what slot matching knows of one human.
type Person struct {
	ID    string   `json:"id"`
	Roles []string `json:"roles"` // roles held now
}

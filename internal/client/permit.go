package client

// PermitType is the predicate type of a permit.
const PermitType = "https://plumbline.dev/attestation/change-permit/v1"

// PermitPredicate is what a permit says. Its members are the server's, one for one; instants are
// microseconds.
type PermitPredicate struct {
	V         int       `json:"v"`
	Install   string    `json:"install"`
	ID        string    `json:"id"`
	Change    string    `json:"chg"`
	Rev       string    `json:"rev_digest"`
	Approvals string    `json:"approvals_digest"`
	Policy    string    `json:"policy_digest"`
	Bindings  []Binding `json:"bindings"`
	Targets   string    `json:"targets_digest"`
	Env       string    `json:"env"`
	Executor  string    `json:"executor"`
	Kind      string    `json:"kind"`
	Stage     string    `json:"stage"`
	Attempt   int64     `json:"attempt"`
	Fence     int64     `json:"fence"`
	NotBefore int64     `json:"nbf"`
	Expires   int64     `json:"exp"`
	Nonce     string    `json:"nonce"`
}

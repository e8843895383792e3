package wire

// PermitType is the predicate type of a permit.
const PermitType = "https://plumbline.dev/attestation/change-permit/v1"

// PermitPredicate is what a permit says; whoever holds the public key verifies it offline.
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
	Executor  string    `json:"executor"` // account id
	Kind      string    `json:"kind"`
	Stage     string    `json:"stage"`
	Attempt   int64     `json:"attempt"`
	Fence     int64     `json:"fence"`
	NotBefore int64     `json:"nbf"` // microseconds
	Expires   int64     `json:"exp"` // microseconds
	Nonce     string    `json:"nonce"`
}

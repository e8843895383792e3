package policy_test

import (
	"testing"

	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/policies"
)

// shipped loads the pack that the program ships with.
func shipped(t testing.TB) *policy.Pack {
	t.Helper()
	fsys, err := policies.Pack(policies.Default)
	if err != nil {
		t.Fatal(err)
	}
	p, err := policy.Load(fsys)
	if err != nil {
		t.Fatal(fault(err))
	}
	return p
}

func TestShippedPackLoads(t *testing.T) {
	t.Parallel()
	if p := shipped(t); p.Digest() == "" || p.Name != "production-change" {
		t.Errorf("got %q %q", p.Name, p.Digest())
	}
}

package policy_test

import (
	"sync"
	"testing"

	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/policies"
)

// shippedOnce loads the shipped pack for all tests; nothing changes a pack.
var shippedOnce = sync.OnceValues(func() (*policy.Pack, error) {
	fsys, err := policies.Pack(policies.Default)
	if err != nil {
		return nil, err
	}
	return policy.Load(fsys)
})

// shipped gives the pack that the program ships with.
func shipped(t testing.TB) *policy.Pack {
	t.Helper()
	p, err := shippedOnce()
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

package server_test

import (
	"testing"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/reconcile"
	"plumbline.dev/plumb/internal/server/servertest"
)

// whole stops the server and verifies the tree and every row, as plumb ledger verify does.
func whole(t *testing.T, s *servertest.Server) {
	t.Helper()
	var keys struct {
		Ledger string `json:"ledger"`
	}
	s.As(servertest.Alice).Want(200, "GET", "/keys", nil).Into(&keys)
	s.Stop()
	verified(t, db.Config{Dir: s.Config.Data, URL: s.Config.Database, Schema: s.Config.Schema}, keys.Ledger)
}

// verified verifies a ledger whose server does not run.
func verified(t *testing.T, at db.Config, key string) {
	t.Helper()
	d, err := db.Open(t.Context(), at)
	if err != nil {
		t.Fatalf("open database: %v", err)
	}
	defer d.Close()
	r, err := ledger.Verify(t.Context(), d, key)
	if err != nil {
		t.Fatalf("verify: %v", err)
	}
	if len(r.Faults) > 0 || r.Rows == 0 {
		t.Errorf("%d rows, faults: %v", r.Rows, r.Faults)
	}
	if p, err := reconcile.Prove(t.Context(), d); err != nil || len(p.Faults) > 0 {
		t.Errorf("verdicts: %+v, %v", p, err)
	}
}

package prove_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/prove"
)

// The proof of an event holds with the ledger's key and with no other, and no member of it can be changed.
func TestTheProofOfAnEventHoldsOnlyAsItIs(t *testing.T) {
	t.Parallel()
	o := found(t, "install_proof")
	if _, err := o.log.Integrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	c, err := o.log.Newest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var list []ledger.Entry
	if err := o.db.View(t.Context(), func(tx *db.Tx) (err error) {
		list, err = ledger.ReadIn(tx, 0, 3)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	hashes, err := o.log.Inclusion(t.Context(), list[2].Seq, c.Size)
	if err != nil {
		t.Fatal(err)
	}
	good := prove.NewProof(list[2], c, hashes)
	text := func(p prove.Proof) []byte {
		b, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if !prove.IsProof(text(good)) || prove.IsProof([]byte(`{"format":"x"}`)) || prove.IsProof([]byte("PK")) {
		t.Error("a proof is not told from other files")
	}
	if _, leaf, err := prove.CheckProof(text(good), o.log.VerifierKey()); err != nil || leaf.Verb != list[2].Leaf.Verb {
		t.Fatalf("a good proof is refused: %v", err)
	}
	for name, change := range map[string]func(*prove.Proof){
		"another leaf":   func(p *prove.Proof) { p.Leaf = strings.Replace(p.Leaf, `"ok"`, `"no"`, 1) },
		"another number": func(p *prove.Proof) { p.Seq-- },
		"a number below": func(p *prove.Proof) { p.Seq = -1 },
		"a number above": func(p *prove.Proof) { p.Seq = p.Size },
		"another size":   func(p *prove.Proof) { p.Size++ },
		"a shorter path": func(p *prove.Proof) { p.Hashes = p.Hashes[1:] },
		"a wrong hash":   func(p *prove.Proof) { p.Hashes[0] = base64.StdEncoding.EncodeToString(make([]byte, 32)) },
		"no hash":        func(p *prove.Proof) { p.Hashes[0] = "x" },
		"no signature":   func(p *prove.Proof) { p.Checkpoint = strings.SplitN(p.Checkpoint, "\n\n", 2)[0] + "\n\n" },
		"another format": func(p *prove.Proof) { p.Format = "plumb.proof/v2" },
	} {
		p := good
		p.Hashes = append([]string{}, good.Hashes...)
		change(&p)
		if _, _, err := prove.CheckProof(text(p), o.log.VerifierKey()); fault.Of(err).Kind != fault.Invalid {
			t.Errorf("%s: %v, want it refused", name, err)
		}
	}
	if _, _, err := prove.CheckProof(text(good), "plumbline.example/other+00000000+AAAA"); err == nil {
		t.Error("a proof holds with a key that is none")
	}
}

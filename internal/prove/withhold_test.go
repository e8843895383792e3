package prove_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/prove"
	"plumbline.dev/plumb/internal/seal"
)

// parts are all that can be withheld, in every combination.
func combinations() (out [][]string) {
	parts := []string{prove.Details, prove.Files, prove.Names}
	for bits := range 1 << len(parts) {
		list := []string{}
		for i, p := range parts {
			if bits>>i&1 == 1 {
				list = append(list, p)
			}
		}
		out = append(out, list)
	}
	return out
}

func TestProofsHoldWhateverIsWithheld(t *testing.T) {
	t.Parallel()
	y := history(t)
	for _, withheld := range combinations() {
		for _, sel := range []prove.Selection{y.all(), {From: y.first, To: y.second, Short: true}, {Change: y.plan.ID}, {Change: y.toggle.ID}} {
			sel.Withhold = withheld
			r := whole(t, y.export(t, sel), y.pinned())
			says(t, r.Proved, "permit", "signed", "decision", "as the")
			if len(withheld) == 3 && sel.Change == "" {
				says(t, r.NotProved, "names are withheld", "withheld rows say", "The content of", "words of")
				says(t, r.Proved, "with at least 2 different people", "closed with a code", "1 failure, ")
			}
		}
	}
}

func TestWithheldNamesAreNowhereInThePack(t *testing.T) {
	t.Parallel()
	y := history(t)
	names := []string{surname, strings.ToLower(surname), "-quill", "somebody-"}
	sel := y.all()
	b := y.export(t, sel)
	for _, n := range names[:1] {
		if !bytes.Contains(b, []byte(n)) {
			t.Fatalf("the pack with names does not hold %q: the test would prove nothing", n)
		}
	}
	// A remark's text is no name that the program could know; details are withheld for it.
	sel.Withhold = []string{prove.Names, prove.Details}
	b = y.export(t, sel)
	for _, n := range names {
		if i := bytes.Index(b, []byte(n)); i >= 0 {
			t.Errorf("%q is in the pack: …%s…", n, b[max(0, i-80):min(len(b), i+40)])
		}
	}
}

func TestWithheldWordsAreNowhereInThePack(t *testing.T) {
	t.Parallel()
	y := history(t)
	for _, word := range []string{"seen by sam", "a remark by", "second thoughts", "say more"} {
		if !bytes.Contains(y.export(t, y.all()), []byte(word)) {
			t.Fatalf("the pack with details does not hold %q", word)
		}
		sel := y.all()
		sel.Withhold = []string{prove.Details}
		if bytes.Contains(y.export(t, sel), []byte(word)) {
			t.Errorf("%q is in a pack without details", word)
		}
	}
	sel := y.all()
	sel.Withhold = []string{prove.Files}
	for _, m := range unpack(t, y.export(t, sel)) {
		if strings.HasPrefix(m.name, "documents/") {
			t.Errorf("%s is in a pack without documents", m.name)
		}
	}
}

// Invariant I11: nothing of a raw plan is ever in a pack.
func TestNoSecretOfARawPlanIsInAPack(t *testing.T) {
	t.Parallel()
	y := history(t)
	b := y.export(t, y.all())
	if !bytes.Contains(b, []byte("aws_db_instance.main")) {
		t.Fatal("the redacted plan is not in the pack: the test would prove nothing")
	}
	if bytes.Contains(b, []byte(canary)) || bytes.Contains(b, []byte(canary[:16])) {
		t.Error("a secret of the raw plan is in the pack")
	}
	for _, form := range []string{"$argon2id$", "plb_ses_", "plb_pat_", "PRIVATE KEY", password} {
		if bytes.Contains(b, []byte(form)) {
			t.Errorf("%q is in the pack", form)
		}
	}
}

func TestAPermitAloneIsVerifiedWithThePublicKeyOnly(t *testing.T) {
	t.Parallel()
	y := history(t)
	list, err := y.Permits(t.Context(), y.plan.ID)
	must(t, err)
	envelope := []byte(list[0].Envelope)
	key := seal.PublicKey(y.key.PublicBytes())
	p, err := prove.VerifyPermit(envelope, key)
	must(t, err)
	if p.Change != string(y.plan.ID) || p.Rev != y.plan.RevDigest || p.Fence != list[0].Fence || len(p.Bindings) != 1 {
		t.Errorf("permit %+v, want that of %s", p, y.plan.ID)
	}
	for i := range envelope {
		envelope[i] ^= 1
		if _, err := prove.VerifyPermit(envelope, key); !fault.Is(err, "bad_permit") {
			t.Errorf("byte %d changed: %v", i, err)
		}
		envelope[i] ^= 1
	}
	other, err := seal.NewKey()
	must(t, err)
	if _, err := prove.VerifyPermit(envelope, other); !fault.Is(err, "bad_permit") {
		t.Errorf("another key: %v", err)
	}
}

func TestWhatIsNoPermitIsNotTakenForOne(t *testing.T) {
	t.Parallel()
	key, err := seal.NewKey()
	must(t, err)
	good := change.PermitPredicate{V: 1, Install: "i", ID: "prm_1", Change: "CHG-000001", Rev: fileDigest, Executor: "acc_1", Kind: "apply",
		Attempt: 1, Fence: 1, NotBefore: 1, Expires: 2, Nonce: "n_1"}
	for name, c := range map[string]struct {
		kind string
		edit func(*change.PermitPredicate)
		ok   bool
	}{
		"a permit":            {change.PermitType, func(*change.PermitPredicate) {}, true},
		"an approval":         {change.ApprovalType, func(*change.PermitPredicate) {}, false},
		"of another version":  {change.PermitType, func(p *change.PermitPredicate) { p.V = 2 }, false},
		"for nobody":          {change.PermitType, func(p *change.PermitPredicate) { p.Executor = "" }, false},
		"for no wording":      {change.PermitType, func(p *change.PermitPredicate) { p.Rev = "" }, false},
		"without a fence":     {change.PermitType, func(p *change.PermitPredicate) { p.Fence = 0 }, false},
		"that ends at once":   {change.PermitType, func(p *change.PermitPredicate) { p.Expires = p.NotBefore }, false},
		"that lives too long": {change.PermitType, func(p *change.PermitPredicate) { p.Expires = change.PermitLife.Microseconds() + 2 }, false},
		"without a beginning": {change.PermitType, func(p *change.PermitPredicate) { p.NotBefore = 0 }, false},
		"without a nonce":     {change.PermitType, func(p *change.PermitPredicate) { p.Nonce = "" }, false},
		"of no kind":          {change.PermitType, func(p *change.PermitPredicate) { p.Kind = "" }, false},
	} {
		p := good
		c.edit(&p)
		env, err := seal.Sign(key, seal.Statement[change.PermitPredicate]{PredicateType: c.kind, Predicate: p})
		must(t, err)
		b, err := json.Marshal(env)
		must(t, err)
		if _, err := prove.VerifyPermit(b, key); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, b := range []string{"", "{}", "null", "[]", `{"payloadType":"application/vnd.in-toto+json","payload":"","signatures":[]}`} {
		if _, err := prove.VerifyPermit([]byte(b), key); !fault.Is(err, "bad_permit") {
			t.Errorf("%q: %v", b, err)
		}
	}
}

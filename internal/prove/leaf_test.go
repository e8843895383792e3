package prove

import (
	"slices"
	"testing"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/seal"
)

var someLeaves = []string{
	`{"actor":{"kind":"human","person":"per_1"},"commit":{"a":"00"},"object":{"id":"CHG-000001","rev":"sha256:aa","type":"change"},"outcome":"ok","policy":"sha256:bb","req":"r","rows":[["change_change","CHG-000001","cc"]],"src":"api","ts":1772442000000000,"v":1,"verb":"change.filed"}`,
	`{"actor":{"kind":"system"},"object":{"id":"x","type":"test"},"outcome":"ok","ts":1,"v":1,"verb":"test.noted"}`,
	`{"actor":{"kind":"system","via":"a\"}],{b"},"object":{"id":"a\\\"b","type":"test"},"outcome":"ok","ts":-1,"v":1,"verb":"t"}`,
	`{"actor":{"kind":"human","person":"per_2"},"object":{"id":"per_1","type":"person"},"outcome":"ok","rows":[["directory_account","acc_1","aa"],["directory_lending","lnd_1","bb"]],"ts":1,"v":1,"verb":"account.reset"}`,
	`{"actor":{"kind":"}"},"object":{"id":"CHG-000001","type":"refused"},"outcome":"denied","rows":[["other","chang\u0065_change",""]],"ts":1,"v":1,"verb":"request.denied"}`,
}

// A leaf is read the same by the quick look and by the strict decoder, whenever both can read it.
func FuzzGlance(f *testing.F) {
	for _, l := range someLeaves {
		f.Add([]byte(l))
	}
	f.Add([]byte(`{"ts":1,"v":1}`))
	f.Add([]byte(`{"actor":{},"object":{"id":"a","type":"b"},"ts":1,"ts":2,"v":1,"verb":"x"}`))
	f.Add([]byte(`{`))
	f.Fuzz(func(t *testing.T, leaf []byte) {
		quick, ok := glanceAt(leaf)
		var l ledger.Leaf
		if !ok || seal.Decode(leaf, &l) != nil {
			return
		}
		if quick.ts != l.TS || quick.verb != l.Verb || quick.kind != l.Object.Type || quick.object != l.Object.ID {
			t.Errorf("quick look %+v, strictly %+v", quick, l)
		}
		for _, r := range l.Rows {
			if slices.Contains(change.Tables, r[0]) && !quick.changeRows {
				t.Errorf("the quick look misses a row of %s", r[0])
			}
			if r[0] == lentTable && !quick.lends {
				t.Error("the quick look misses a lending")
			}
		}
	})
}

func TestTheQuickLookTakesLeavesAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	for i, l := range someLeaves {
		_, ok := glanceAt([]byte(l))
		if want := i != 2; ok != want { // an escape in what matters goes to the strict decoder
			t.Errorf("%s: %v, want %v", l, ok, want)
		}
		if g, err := scanLeaf([]byte(l)); err != nil || g.verb == "" {
			t.Errorf("%s: %+v, %v", l, g, err)
		}
	}
	for _, l := range []string{``, `{}`, `null`, `[]`, `{"v":2}`, someLeaves[1] + " ", someLeaves[1] + "x", someLeaves[1][1:]} {
		if _, ok := glanceAt([]byte(l)); ok {
			t.Errorf("%q was taken at a glance", l)
		}
	}
}

func TestANumberHasOneSpelling(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]int64{"CHG-000001": 1, "CHG-123456": 123456, "CHG-1234567": 1234567, "PROD-000007": 7, "AB-000007": 7, "ABCDEFGH-000007": 7} {
		if n, ok := changeNumber(id); !ok || n != want {
			t.Errorf("%s: %d, %v", id, n, ok)
		}
	}
	for _, id := range []string{"", "CHG-", "CHG-1", "chg-000001", "Chg-000001", "C-000001", "ABCDEFGHI-000001", "CH1-000001", "-000001", "CHG-1-000001", "CHÖ-000001", "CHG-0000001", "CHG-000000", "CHG-00000x", "CHG--00001", "CHG-99999999999999999999"} {
		if n, ok := changeNumber(id); ok {
			t.Errorf("%s: %d", id, n)
		}
	}
}

package tfstate

import (
	"bytes"
	"maps"
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/inventory"
)

// Whatever is sent in is read or refused, and what is marked as secret comes out of neither.
func FuzzRead(f *testing.F) {
	f.Add([]byte(file))
	f.Add([]byte(shownState))
	f.Add([]byte(`{"version":4,"lineage":"x","resources":[{"mode":"managed","type":"a","name":"b","instances":[{"attributes":{"x":"canary-value-1"},"sensitive_attributes":[[{"type":"get_attr","value":"x"}]]}]}]}`))
	f.Add([]byte(`{"version":4,"lineage":"x","resources":[{"mode":"managed","type":"a","name":"b","instances":[{"index_key":"${x}","attributes":null,"sensitive_attributes":[[{}],[]]}]}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		in := input("", map[string]string{"lineage": "fuzz"})
		in.Document = bytes.NewReader(raw)
		got, err := collect(t.Context(), Kind(), in)
		if err != nil && codeOf(err) == "" && !strings.Contains(err.Error(), "came twice") {
			t.Fatalf("an error that is no refusal: %v", err)
		}
		for _, r := range got {
			if r.Native == "" || r.Class != inventory.IaCResource {
				t.Errorf("%+v", r)
			}
			for v := range maps.Values(r.Attrs) {
				if v == "" {
					t.Errorf("%s has an empty value", r.Native)
				}
			}
		}
	})
}

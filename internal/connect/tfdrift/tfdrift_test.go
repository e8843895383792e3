package tfdrift

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
)

func codeOf(err error) string {
	if own := (*fault.Error)(nil); errors.As(err, &own) {
		return own.Code
	}
	return ""
}

func collect(t *testing.T, document string, settings map[string]string) (int, error) {
	t.Helper()
	in := inventory.Input{Settings: settings, Document: strings.NewReader(document), Mask: func(string) inventory.Value { return `"hmac:0"` }}
	s, err := Kind().Open(in)
	if err != nil {
		return 0, err
	}
	n := 0
	err = s.Collect(t.Context(), func(inventory.Record) error { n++; return nil })
	return n, err
}

// A plan that broke off says nothing of what it did not reach.
func TestAPlanThatIsNotWholeIsRefused(t *testing.T) {
	t.Parallel()
	settings := map[string]string{"lineage": "x", "workspace": "default"}
	whole := `{"format_version":"1.2","planned_values":{"root_module":{}},"prior_state":{"format_version":"1.0","values":{"root_module":{}}},"configuration":{},"complete":true,"errored":false}`
	if n, err := collect(t, whole, settings); err != nil || n != 0 {
		t.Errorf("%d, %v", n, err)
	}
	for text, code := range map[string]string{
		strings.Replace(whole, `"errored":false`, `"errored":true`, 1): "bad_document",
		whole[:len(whole)-1]: "bad_json", `{"format_version":"1.0","values":{}}`: "not_a_plan", "canary": "bad_json",
	} {
		if n, err := collect(t, text, settings); codeOf(err) != code || n != 0 || strings.Contains(fmt.Sprint(err), "canary") {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := collect(t, whole, map[string]string{"workspace": "default"}); codeOf(err) != "bad_setting" {
		t.Error(err)
	}
}

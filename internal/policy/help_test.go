package policy_test

import (
	"errors"
	"fmt"

	refusal "plumbline.dev/plumb/internal/fault"
)

// fault spells out a refusal for a test's message.
func fault(err error) string {
	var e *refusal.Error
	if !errors.As(err, &e) {
		return fmt.Sprint(err)
	}
	return fmt.Sprintf("%s: %s %v", e.Code, e.Message, e.Fields)
}

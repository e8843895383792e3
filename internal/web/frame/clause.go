package frame

import "plumbline.dev/plumb/internal/fault"

// clause is the clause behind a refusal's rule, as it is read in a sentence.
func clause(f *fault.Error) string {
	if f.Clause == "" {
		return ""
	}
	return ", " + f.Clause
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"plumbline.dev/plumb/internal/client"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/wire"
)

func TestEveryKindOfRefusalHasACode(t *testing.T) {
	t.Parallel()
	want := map[fault.Kind]int{fault.Internal: 1, fault.Invalid: 2, fault.Unauthenticated: 8, fault.Denied: 3, fault.NotFound: 7, fault.Conflict: 3,
		fault.Stale: 5, fault.TooLarge: 2, fault.Limited: 9, fault.Unavailable: 9}
	for k := fault.Internal; k <= fault.Unavailable; k++ {
		err := fmt.Errorf("ask: %w", fault.New(k, "x", "X."))
		if got := codeOf(err, false); got != want[k] {
			t.Errorf("%s: got %d, want %d", k, got, want[k])
		}
		if u := usually[k]; u.why == "" || u.who == "" || u.next == "" {
			t.Errorf("%s does not say why, who and what next", k)
		}
	}
}

func TestCodesOfWhatIsNoRefusal(t *testing.T) {
	t.Parallel()
	scope := fault.New(fault.Denied, "not_allowed", "No.").Because("gate.use", "")
	for name, c := range map[string]struct {
		err   error
		token bool
		want  int
	}{
		"none":                       {nil, false, 0},
		"unknown error":              {errors.New("x"), false, wire.ExitInternal},
		"own status":                 {status(wire.ExitWindow), false, wire.ExitWindow},
		"interrupted":                {fmt.Errorf("x: %w", context.Canceled), false, exitInterrupted},
		"scope of a token":           {scope, true, wire.ExitIdentity},
		"permission of a person":     {scope, false, wire.ExitDenied},
		"a rule's no to a token":     {fault.New(fault.Denied, "not_allowed", "No.").Because("windows", ""), true, wire.ExitDenied},
		"a server before its set-up": {fault.New(fault.Unavailable, client.NotSetUp, "No."), false, wire.ExitDenied},
	} {
		if got := codeOf(c.err, c.token); got != c.want {
			t.Errorf("%s: got %d, want %d", name, got, c.want)
		}
	}
}

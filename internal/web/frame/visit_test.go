package frame

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"testing"

	"plumbline.dev/plumb/internal/fault"
)

// keeper keeps what it is given to record.
type keeper struct{ refused []error }

func (*keeper) Stranger(netip.Addr) error { return nil }
func (*keeper) Known(netip.Addr) error    { return nil }
func (*keeper) Failed(netip.Addr)         {}

func (*keeper) Enter(ctx context.Context, _ fault.Actor, _ bool) (context.Context, error) {
	return ctx, nil
}

func (k *keeper) Refuse(_ context.Context, err error) error {
	k.refused = append(k.refused, err)
	return err
}

// A form is shown once more exactly where typing can mend it, and every refusal that is shown so is recorded.
func TestAFormThatIsShownOnceMoreWasRecorded(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		kind   fault.Kind
		code   string
		status int // of the form; 0 where it is not shown again
	}{
		{fault.Invalid, "bad", http.StatusBadRequest}, {fault.Denied, "no", http.StatusForbidden}, {fault.NotFound, "gone", http.StatusNotFound},
		{fault.Conflict, "taken", http.StatusConflict}, {fault.Stale, "old", http.StatusPreconditionFailed},
		{fault.TooLarge, "much", http.StatusRequestEntityTooLarge}, {fault.Unauthenticated, "wrong_credentials", http.StatusUnauthorized},
		{fault.Unauthenticated, "not_signed_in", 0}, {fault.Limited, "slow_down", 0}, {fault.Unavailable, "later", 0}, {fault.Internal, "broken", 0},
	} {
		k := &keeper{}
		r := httptest.NewRequest("POST", "/form", nil)
		r.PostForm = url.Values{"name": {"typed"}}
		v := &Visit{R: r, frame: &Frame{Config: Config{Keeper: k}}}
		refusal := fault.New(x.kind, x.code, "No.")
		shown := 0
		err := v.Again(refusal, func(status int, e *Entry) error {
			shown = status
			if e.Refused != refusal || e.Values.Get("name") != "typed" {
				t.Errorf("%s: the form holds %v with %v", x.code, e.Values, e.Refused)
			}
			return nil
		})
		switch {
		case shown != x.status:
			t.Errorf("%s: it is shown with %d, want %d", x.code, shown, x.status)
		case x.status > 0 && (err != nil || len(k.refused) != 1):
			t.Errorf("%s: recorded %d times, %v", x.code, len(k.refused), err)
		case x.status == 0 && (err != error(refusal) || len(k.refused) != 0):
			t.Errorf("%s: it went on as %v, recorded %d times: the page of refusals records it", x.code, err, len(k.refused))
		}
	}
}

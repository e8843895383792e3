package client

import (
	"fmt"
	"net/http"
	"testing"

	"plumbline.dev/plumb/internal/wire"
)

// Only the word allow is a yes: an empty document, or a no that forgot its code, exits like a no.
func TestAVerdictThatDoesNotSayYesIsANo(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]int{
		`{}`:                           wire.ExitDenied,
		`{"verdict":"deny","code":0}`:  wire.ExitDenied,
		`{"verdict":"Allow","code":0}`: wire.ExitDenied,
		`{"verdict":"deny","code":4}`:  wire.ExitPending,
		`{"verdict":"allow","code":0}`: wire.ExitAllowed,
		`{"verdict":"allow","code":3}`: wire.ExitDenied,
	} {
		c := asking(t, Config{}, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, body)
		})
		check, err := c.GateCheck(t.Context(), wire.GateRequest{})
		if err != nil || check.Value.Code != want {
			t.Errorf("check of %s: code %d, %v; want %d", body, check.Value.Code, err, want)
		}
		open, err := c.GateOpen(t.Context(), wire.GateRequest{})
		if err != nil || open.Value.Code != want {
			t.Errorf("open of %s: code %d, %v; want %d", body, open.Value.Code, err, want)
		}
	}
}

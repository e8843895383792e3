package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/client"
)

// Who proposes an exception is told who can review it, by name; one that ends soon, what to do.
func TestAnExceptionNamesItsReviewers(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	a := &app{env: func(string) (string, bool) { return "", false }, now: func() time.Time { return now }}
	for name, x := range map[string]struct {
		mute client.Mute
		want string
	}{
		"proposed": {client.Mute{State: "proposed", Reviewers: []string{"per_1", "per_2"}}, "by a Security Officer who did not propose it: Olga or Otto\n"},
		"nobody":   {client.Mute{State: "proposed"}, "who did not propose it: nobody who may\n"},
		"ends":     {client.Mute{State: "active", Expires: now.Add(6 * 24 * time.Hour).UnixMicro()}, "propose it anew"},
	} {
		var b bytes.Buffer
		if err := a.showMute(&b, x.mute, map[string]string{"per_1": "Olga", "per_2": "Otto"}); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), x.want) {
			t.Errorf("%s: %q is not said:\n%s", name, x.want, b.String())
		}
	}
	var b bytes.Buffer
	if err := a.showMute(&b, client.Mute{State: "active", Expires: now.Add(8 * 24 * time.Hour).UnixMicro()}, nil); err != nil || strings.Contains(b.String(), "anew") {
		t.Errorf("an exception that works for longer asks for another: %v\n%s", err, b.String())
	}
}

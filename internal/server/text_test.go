package server_test

import (
	"testing"

	"plumbline.dev/plumb/internal/server/servertest"
)

// Text that no database column holds is the asker's mistake, in a query or a path as in a body.
func TestTextThatIsNoTextIsNeverTheServersFault(t *testing.T) {
	t.Parallel()
	f := found(t)
	for _, bad := range []string{"%00", "%ff", "a%00b", "%ed%a0%80"} {
		for _, path := range []string{"/changes?category=" + bad, "/changes?requester=" + bad, "/changes?state=draft," + bad,
			"/changes/" + bad, "/people/" + bad, "/gate/wait?timeout=0&change=" + bad, "/documents/" + bad} {
			if r := f.ask(t, servertest.Alice, "GET", path, nil); r.status >= 500 {
				t.Errorf("GET %s: %s", path, r)
			}
		}
		for _, path := range []string{"/windows/" + bad + "/lift", "/changes/" + bad + "/hold", "/service-accounts/" + bad + "/disable",
			"/people/" + bad + "/disable", "/webhooks/" + bad + "/replay"} {
			if r := f.ask(t, servertest.Olga, "POST", path, map[string]any{"comment": "x"}); r.status >= 500 {
				t.Errorf("POST %s: %s", path, r)
			}
		}
		for _, path := range []string{"/tokens/" + bad, "/sessions/" + bad, "/webhooks/" + bad} {
			if r := f.ask(t, servertest.Olga, "DELETE", path, nil); r.status >= 500 {
				t.Errorf("DELETE %s: %s", path, r)
			}
		}
	}
}

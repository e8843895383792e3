package cli

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/client"
	"plumbline.dev/plumb/internal/wire"
)

// lines is a writer that tells when a line with some words was written.
type lines struct {
	mu   sync.Mutex // guards all
	text bytes.Buffer
	want string
	seen chan struct{}
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(b)
	if l.seen != nil && strings.Contains(l.text.String(), l.want) {
		close(l.seen)
		l.seen = nil
	}
	return len(b), nil
}

func TestALongRunRenewsItsLeaseAndTellsARefusal(t *testing.T) {
	t.Parallel()
	asked := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked++; asked > 2 && strings.HasSuffix(r.URL.Path, "/gate/renew") {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write([]byte(`{"code":"frozen","detail":"A hard freeze is in force."}`))
			return
		}
		_, _ = w.Write([]byte(`{"lease":1}`))
	}))
	defer s.Close()
	c, err := client.New(client.Config{URL: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	seen := make(chan struct{})
	a := &app{err: &lines{want: "A hard freeze is in force.", seen: seen}}
	stop := a.keepLease(t.Context(), c, &heldPermit{Fence: 1, Verdict: wire.GateVerdict{PermitID: "prm_1"}}, time.Millisecond)
	<-seen
	stop()
	if asked < 3 {
		t.Errorf("it was renewed %d times", asked)
	}
}

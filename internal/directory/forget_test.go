package directory_test

import (
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/db/dbtest"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/ledger"
)

// forgotten counts the rows of sessions, of when they were used, and the events that answer for those dropped.
func (h *house) forgotten() (sessions, presences, events int64) {
	h.t.Helper()
	h.must(h.db.View(h.t.Context(), func(tx *db.Tx) error {
		list, err := ledger.OfObject(tx, "sessions", 0, 100)
		if err != nil {
			return err
		}
		events = int64(len(list))
		if err := tx.QueryRow("SELECT COUNT(*) FROM directory_presence").Scan(&presences); err != nil {
			return err
		}
		return tx.QueryRow("SELECT COUNT(*) FROM directory_session").Scan(&sessions)
	}))
	return sessions, presences, events
}

func TestSessionsThatRanOutLongAgoAreForgotten(t *testing.T) {
	t.Parallel()
	h := open(t)
	for range 130 { // more than one event answers for
		_, bearer := h.signIn("sam")
		_, err := h.Recognise(t.Context(), bearer)
		h.must(err)
		h.clock.Add(time.Second)
	}
	h.must(h.Flush(t.Context()))
	began, _, _ := h.forgotten()
	h.must(h.ForgetSessions(t.Context()))
	h.clock.Add(90 * 24 * time.Hour)
	h.must(h.ForgetSessions(t.Context()))
	if kept, _, events := h.forgotten(); kept != began || events != 0 {
		t.Errorf("after 90 days %d of %d sessions are kept, %d events", kept, began, events)
	}
	h.clock.Add(13 * time.Hour)
	_, live := h.signIn("erin")
	h.must(h.ForgetSessions(t.Context()))
	if kept, used, events := h.forgotten(); kept != 1 || used != 0 || events != 2 {
		t.Errorf("%d sessions and %d uses are kept, %d events", kept, used, events)
	}
	_, err := h.Recognise(t.Context(), live)
	h.must(err)
	h.must(h.ForgetSessions(t.Context())) // nothing is left to do, and nothing is recorded
	if _, _, events := h.forgotten(); events != 2 {
		t.Errorf("%d events", events)
	}
	h.whole()
}

// After years most sessions are long over, and forgetting a hundred must not mean to read them all.
func TestSessionsAreFoundByTheirEndThroughAnIndex(t *testing.T) {
	t.Parallel()
	for text, args := range map[string][]any{directory.SessionsOver: {1, 1}, directory.SessionsBefore: {1, 1, "", 1}} {
		step := dbtest.Plan(t, text, args...)
		if !strings.Contains(step, "directory_session_expires") && !strings.Contains(step, "directory_session_live") {
			t.Errorf("%s is planned as %s", text, step)
		}
	}
}

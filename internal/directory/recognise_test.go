package directory_test

import (
	"testing"
	"time"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
)

// P16: a request may spend little on being recognised. The bound is for a cache hit.
func BenchmarkRecognise(b *testing.B) {
	h := open(b)
	_, bearer := h.signIn("sam")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.Recognise(b.Context(), bearer); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRecogniseShared is the same with other replicas on the database.
func BenchmarkRecogniseShared(b *testing.B) {
	h := open(b)
	h.Shared()
	_, bearer := h.signIn("sam")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.Recognise(b.Context(), bearer); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkConfirm is what each decision pays inside its transaction.
func BenchmarkConfirm(b *testing.B) {
	h := open(b)
	actor, _ := h.signIn("sam")
	h.must(h.db.View(b.Context(), func(tx *db.Tx) error {
		for b.Loop() {
			if err := h.ConfirmIn(tx, actor); err != nil {
				return err
			}
			if _, err := h.RosterIn(tx); err != nil {
				return err
			}
		}
		return nil
	}))
}

// BenchmarkRosterAnew is what one change of people costs the next decision, in a company of 1000.
func BenchmarkRosterAnew(b *testing.B) {
	h := open(b)
	h.must(h.db.Update(b.Context(), fault.SystemActor("test"), func(tx *db.Tx) error { return h.Crowd(tx, 1000) }))
	h.must(h.db.View(b.Context(), func(tx *db.Tx) error {
		for b.Loop() {
			h.Forget()
			if _, err := h.RosterIn(tx); err != nil {
				return err
			}
		}
		return nil
	}))
}

// BenchmarkRecogniseNobody is what a stranger costs.
func BenchmarkRecogniseNobody(b *testing.B) {
	h := open(b)
	for b.Loop() {
		if _, err := h.Recognise(b.Context(), "plb_ses_no"); err == nil {
			b.Fatal("recognised")
		}
	}
}

func TestAnEndTakesEffectAtOnceWhileOthersAreBusy(t *testing.T) {
	t.Parallel()
	h := open(t)
	done := make(chan struct{})
	ended := make(chan string, 100)
	go func() {
		defer close(done)
		for bearer := range ended {
			if _, err := h.Recognise(t.Context(), bearer); fault.Of(err).Kind != fault.Unauthenticated {
				t.Errorf("an ended session is recognised: %s", describe(err))
			}
		}
	}()
	busy := make(chan struct{})
	_, steady := h.signIn("erin")
	go func() {
		defer close(busy)
		for range 3000 {
			if _, err := h.Recognise(t.Context(), steady); err != nil {
				t.Errorf("erin: %s", describe(err))
				return
			}
		}
	}()
	for range 25 {
		actor, bearer := h.signIn("sam")
		for range 3 {
			if _, err := h.Recognise(t.Context(), bearer); err != nil {
				t.Fatalf("sam: %s", describe(err))
			}
		}
		h.must(h.EndSession(t.Context(), actor, directory.SessionID(actor.Via)))
		ended <- bearer
	}
	close(ended)
	<-done
	<-busy
}

func TestAClockThatRanAheadForAMomentEndsNoSession(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.Shared()
	_, bearer := h.signIn("sam")
	h.clock.Add(31 * time.Minute)
	_, err := h.Recognise(t.Context(), bearer)
	h.refused(err, "session_over")
	h.clock.Add(-31 * time.Minute) // back to when it was opened
	_, err = h.Recognise(t.Context(), bearer)
	h.must(err) // nothing was decided in between, so nothing was lost
}

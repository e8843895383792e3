package directory

import (
	"context"
	"fmt"
	"time"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
)

// sessionsKept is how long the row of a session stays after the session can no longer be used. What
// happened in it stays in the ledger for good: who signed in, when, and what they did.
const sessionsKept = 90 * 24 * time.Hour

// maxForgotten bounds the events of one round of ForgetSessions; the next round goes on.
const maxForgotten = 20

// ForgetSessions drops the rows of sessions that ran out long ago, with where they came from and when they
// were last used: at most 2,000 in a round, a hundred to an event. The server calls it every hour.
func (d *Desk) ForgetSessions(ctx context.Context) error {
	for range maxForgotten {
		var old []string
		err := d.db.View(ctx, func(tx *db.Tx) (err error) {
			old, err = sessionsOver(tx, tx.Now().Add(-sessionsKept).UnixMicro())
			return err
		})
		if err != nil {
			return fmt.Errorf("list old sessions: %w", err)
		}
		if len(old) == 0 {
			return nil
		}
		if err := d.forgetSessions(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (d *Desk) forgetSessions(ctx context.Context) error {
	return d.db.Update(ctx, fault.SystemActor("sweep"), func(tx *db.Tx) error {
		old, err := sessionsOver(tx, tx.Now().Add(-sessionsKept).UnixMicro())
		if err != nil || len(old) == 0 { // another replica was faster
			return err
		}
		for _, id := range old {
			if err := deleteSession(tx, id); err != nil {
				return fmt.Errorf("forget session: %w", err)
			}
		}
		_, err = ledger.Append(tx, ledger.Event{Verb: "session.forgotten", Type: "install", Object: "sessions",
			Detail: map[string]any{"sessions": len(old)}})
		return err
	})
}

package db

import (
	"context"
	"errors"

	"plumbline.dev/plumb/internal/fault"
)

// View runs fn on a consistent snapshot that cannot write. ctx bounds only the wait for one of the
// reading connections.
func (d *DB) View(ctx context.Context, fn func(*Tx) error) error {
	select {
	case <-d.readers.places:
	case <-ctx.Done():
		return ctx.Err()
	case <-d.quit:
		return closedFault()
	}
	s, err := d.beginView(ctx, d.readers.take())
	defer func() { d.readers.give(s) }() // whatever fn does, its place is given back
	if err != nil {
		return unavailableRead(err)
	}
	tx := &Tx{session: s, now: d.clock.seen(), reading: true}
	whole := false
	defer func() {
		tx.end()
		if !whole { // fn panicked
			s.drop()
			s = nil
		}
	}()
	err = fn(tx)
	tx.end()
	_, end := s.exec("ROLLBACK")
	whole = end == nil && !isStalePlan(tx.failed)
	if err != nil && !whole { // the next call, with a fresh connection, can have the answer
		return unavailableRead(errors.Join(err, end))
	}
	return err
}

func (d *DB) beginView(ctx context.Context, s *session) (*session, error) {
	var err error
	for range 2 { // a second time with a fresh connection, if the old one had gone stale
		if s == nil {
			if s, err = d.open(ctx, d.read); err != nil {
				return nil, err
			}
		}
		if _, err = s.exec(d.dialect.beginRead); err == nil {
			return s, nil
		}
		s.drop()
		s = nil
	}
	return nil, err
}

func unavailableRead(err error) error {
	return fault.New(fault.Unavailable, "database_unavailable", "The database does not answer.").
		From(err).FixedBy("the operator of the server").Then("try again in a moment")
}

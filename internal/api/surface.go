package api

import (
	"context"
	"net/netip"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
)

// Surface is what stands before every handler of the API, for another surface on the same desks: the same
// limits, the same record of denials, the same refusal of writes while the disk is full.
type Surface struct{ api *API }

// Surface gives it.
func (a *API) Surface() *Surface { return &Surface{a} }

// Stranger takes one request that nobody known makes.
func (s *Surface) Stranger(from netip.Addr) error { return s.api.limits.stranger(from) }

// Known refuses an address that failed to be recognised too often.
func (s *Surface) Known(from netip.Addr) error { return s.api.limits.known(from) }

// Failed counts a request whose bearer was not recognised.
func (s *Surface) Failed(from netip.Addr) { s.api.limits.failed(from) }

// Enter takes one request of somebody known, and gives the context in which their use-cases run: there a
// denial is recorded once. writes says that the request may change something.
func (s *Surface) Enter(ctx context.Context, actor fault.Actor, writes bool) (context.Context, error) {
	if writes && s.api.Writable != nil {
		if err := s.api.Writable(); err != nil {
			return ctx, err
		}
	}
	if err := s.api.limits.principal(actor.Account); err != nil {
		return ctx, err
	}
	c := &call{actor: actor}
	return db.Around(context.WithValue(ctx, callKey{}, c), s.api.around(c)), nil
}

// Refuse prepares an error for the asker: a rule's no to somebody known becomes an event if it is none
// yet, and what strangers and broken requests cost is counted.
func (s *Surface) Refuse(ctx context.Context, err error) error {
	err = s.api.refuse(ctx, err)
	s.api.noted(ctx, problem(ctx, err), err)
	return err
}

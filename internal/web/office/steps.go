package office

import (
	"context"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/directory"
)

// Steps is how far a new company has come on its way to the first closed change.
type Steps struct {
	change.Begun
	Token bool // somebody has a token that works
}

// Done reports whether there is nothing left to show: the first change was closed.
func (s Steps) Done() bool { return s.Closed }

// LoadSteps finds out how far a company has come. Once the first change was closed it asks nothing else.
func LoadSteps(ctx context.Context, people *directory.Desk, changes *change.Desk) (s Steps, err error) {
	if s.Begun, err = changes.Begun(ctx); err != nil || s.Closed {
		return s, err
	}
	s.Token, err = people.AnyToken(ctx)
	return s, err
}

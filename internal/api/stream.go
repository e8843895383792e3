package api

import (
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// lazy begins an answer with its first byte, so that a refusal before it can still be a problem.
type lazy struct {
	to    io.Writer
	begin func()
	begun bool
}

// Write sends a part.
func (l *lazy) Write(b []byte) (int, error) {
	if !l.begun {
		l.begun = true
		l.begin()
	}
	return l.to.Write(b)
}

// finish ends a streamed answer. What breaks in the middle is cut off, so that nobody takes the half for
// the whole.
func (a *API) finish(hc huma.Context, out *lazy, err error) {
	r, w := humago.Unwrap(hc)
	switch {
	case err == nil:
	case !out.begun:
		a.answer(w, r, a.refuse(hc.Context(), err))
	default:
		a.Logger.ErrorContext(hc.Context(), "a streamed answer broke", "request", actorOf(hc.Context()).Request, "err", err)
		panic(http.ErrAbortHandler)
	}
}

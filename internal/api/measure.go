package api

import (
	"net/http"

	"plumbline.dev/plumb/internal/directory"
)

// MayMeasure reports whether a request from elsewhere may read the server's own figures: as whoever may
// read the ledger.
func (a *API) MayMeasure(r *http.Request) bool {
	c := &call{address: a.Address(r)}
	return a.recognise(r, c) == nil && a.People.Allow(r.Context(), c.actor, directory.LedgerRead) == nil
}

package findings

import (
	"net/url"
	"strconv"
	"strings"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/reconcile"
	"plumbline.dev/plumb/internal/web/frame"
)

// Filter is what a list's address asks for, as it was typed.
type Filter struct {
	State, Severity, Environment, Asset string
	After                               int64
}

// waiting is the state that a list without one shows, every the one that narrows nothing.
const (
	waiting = "waiting"
	every   = "all"
)

func filterOf(q url.Values) Filter {
	get := func(name string) string { return strings.TrimSpace(q.Get(name)) }
	after, _ := strconv.ParseInt(get("after"), 10, 64) // what is no number begins at the first
	f := Filter{State: get("state"), Severity: get("severity"), Environment: get("environment"), Asset: get("asset"), After: max(after, 0)}
	if f.State == "" {
		f.State = waiting
	}
	return f
}

// from writes the filter as an address, from a place in the list on; 0 is its begin.
func (f Filter) from(after int64) string {
	q := url.Values{}
	for _, m := range [][2]string{{"state", f.State}, {"severity", f.Severity}, {"environment", f.Environment}, {"asset", f.Asset}} {
		if m[1] != "" && m != [2]string{"state", waiting} {
			q.Set(m[0], m[1])
		}
	}
	if after > 0 {
		q.Set("after", strconv.FormatInt(after, 10))
	}
	return q.Encode()
}

// narrow reports whether the filter leaves anything out of what waits.
func (f Filter) narrow() bool { return f.from(0) != "" }

// asked turns what was typed into what the desk is asked for: what waits longest comes first, of the rest the newest.
func (p Pages) asked(v *frame.Visit, f Filter, limit int) (reconcile.Filter, error) {
	out := reconcile.Filter{State: f.State, Severity: reconcile.Severity(f.Severity), Environment: f.Environment, Newest: f.State != waiting, After: f.After, Limit: limit}
	if f.State == every {
		out.State = ""
	}
	if f.Asset == "" {
		return out, nil
	}
	w, err := p.Things.Show(v.Ctx(), f.Asset)
	if out.Asset = string(w.ID); fault.Is(err, "no_asset") {
		out.Asset, err = f.Asset, nil // nothing is called so: the list is empty
	}
	return out, err
}

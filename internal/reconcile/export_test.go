package reconcile

// Refresh is refresh, for what cannot be interleaved from outside.
var Refresh = refresh

// Forget has the next step make its index anew.
func (d *Desk) Forget() { d.recalled = nil }

// Keeps reports whether an index is kept for the next step.
func (d *Desk) Keeps() bool { return d.recalled != nil }

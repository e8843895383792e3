package directory

import (
	"cmp"
	"maps"
	"slices"
)

// Usable lists the accounts of active people that are not ended, service accounts among them, sorted by
// username: what somebody can be named by.
func (r *Roster) Usable() []Account {
	out := slices.SortedFunc(maps.Values(r.accounts), func(a, b Account) int { return cmp.Compare(a.Username, b.Username) })
	return slices.DeleteFunc(out, func(a Account) bool { return a.Ended != 0 || !r.Active(a.Person) })
}

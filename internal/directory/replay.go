package directory

// RosterOf works out who held what at the instant now (microseconds) from values alone: to replay a
// decision without a database, and to explore rules exhaustively.
func RosterOf(persons []Person, accounts []Account, grants []RoleGrant, now int64, lent ...Lending) *Roster {
	return newRoster(stored{persons: persons, accounts: accounts, grants: grants, lendings: lent, groups: map[GroupID]Group{}}, now)
}

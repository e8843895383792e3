package ldap

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"plumbline.dev/plumb/internal/inventory"
)

// Fold gives a name of an entry in the one spelling by which it is compared. What is no name is only put in lower case.
func Fold(dn string) string {
	parsed, err := ldap.ParseDN(dn)
	if err != nil {
		return strings.ToLower(strings.TrimSpace(dn))
	}
	return strings.ToLower(parsed.String())
}

// setBytes is how much of a set one property holds, below what the inventory takes for one value.
const setBytes = 48 << 10

// PutSet puts a set under a path. One that is too large for a property is divided by the digest of each member into
// path.00 to path.ff, so that one member more is still one difference.
func PutSet(attrs map[string]inventory.Value, path string, items []string) {
	size := 0
	for _, s := range items {
		size += len(s) + 4
	}
	if size <= setBytes {
		attrs[path] = inventory.Set(items...)
		return
	}
	parts := map[string][]string{}
	for _, s := range items {
		sum := sha256.Sum256([]byte(s))
		key := fmt.Sprintf("%s.%02x", path, sum[0])
		parts[key] = append(parts[key], s)
	}
	for key, list := range parts {
		attrs[key] = inventory.Set(list...)
	}
}

// maxEdges is below what the inventory takes for one record.
const maxEdges = 4_900

// PutEdges adds edges up to what a record may have; the set of members is whole all the same.
func PutEdges(r *inventory.Record, verb string, to []inventory.Identifier) {
	slices.SortFunc(to, func(a, b inventory.Identifier) int { return strings.Compare(a.Value, b.Value) })
	for i, id := range slices.Compact(to) {
		if i == maxEdges {
			r.Volatile["edges.left_out"] = inventory.Number(int64(len(to) - i))
			return
		}
		r.Edges = append(r.Edges, inventory.Link{Verb: verb, To: id})
	}
}

package reconcile

import (
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

// This file reads who a source says did something: a DN, DOMAIN\name, name@realm or a plain name. Two questions are asked of it, and each takes
// doubt for no: was it the executor of an approved run, and could it be the person who answers for the finding.

// byExecutor takes silence of the source for yes, and another name for no.
func (a *asks) byExecutor(run *Run) bool {
	if a.d.Actor == "" {
		return true
	}
	return slices.ContainsFunc(actorNames(a.d.Actor), func(n string) bool { return slices.Contains(run.Executors, n) })
}

// actorNames gives the names by which an actor is known for certain, folded: the whole, and of a DN what names the entry itself. An entry that
// has its user's id and something else in its name is known by the id.
func actorNames(s string) []string {
	out := []string{folded(s)}
	if first := entryName(s); len(first) > 0 {
		if i := slices.IndexFunc(first, func(p part) bool { return p.kind == "uid" }); i >= 0 {
			first = first[i : i+1]
		}
		for _, p := range first {
			out = append(out, p.value)
		}
		return out
	}
	if _, v, ok := strings.Cut(out[0], `\`); ok {
		out = append(out, v)
	}
	return out
}

// doerNames gives every name that an actor may stand for: of a DN all that names the entry, and of name@realm the name, too.
func doerNames(s string) []string {
	out := actorNames(s)
	for _, p := range entryName(s) {
		out = append(out, p.value)
	}
	for _, name := range out {
		if v, _, ok := strings.Cut(name, "@"); ok {
			out = append(out, v)
		}
	}
	return out
}

// folded writes a name in one way.
func folded(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// part is one attribute of a relative name, both folded.
type part struct{ kind, value string }

// entryName reads a distinguished name, and gives what names the entry itself: one attribute or several; none for what is no such name.
func entryName(s string) (out []part) {
	dn, err := ldap.ParseDN(s)
	if err != nil || len(dn.RDNs) == 0 {
		return nil
	}
	for _, p := range dn.RDNs[0].Attributes {
		out = append(out, part{folded(p.Type), strings.ToLower(p.Value)})
	}
	return out
}

package reconcile

import (
	"encoding/hex"
	"slices"
	"strings"
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
	if rdns := parseDN(s); len(rdns) > 0 {
		first := rdns[0]
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
	if rdns := parseDN(s); len(rdns) > 0 {
		for _, p := range rdns[0] {
			out = append(out, p.value)
		}
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

// parseDN reads a distinguished name by RFC 4514, with spaces around its signs: its relative names, each with one attribute or several. It
// gives none for what is no such name.
func parseDN(s string) (out [][]part) {
	var rdn []part
	var kind, value strings.Builder
	named, kept := false, 0 // whether the sign of equality was seen; how much of the value is not mere space at its end
	end := func() bool {
		if !named || folded(kind.String()) == "" {
			return false
		}
		v := value.String()
		rdn = append(rdn, part{folded(kind.String()), strings.ToLower(strings.TrimLeft(v[:max(kept, len(strings.TrimRight(v, " ")))], " "))})
		kind.Reset()
		value.Reset()
		named, kept = false, 0
		return true
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && named && i+1 < len(s):
			if b, err := hex.DecodeString(s[i+1 : min(i+3, len(s))]); err == nil && len(b) == 1 {
				value.WriteByte(b[0])
				i += 2
			} else {
				value.WriteByte(s[i+1])
				i++
			}
			kept = value.Len()
		case c == '=' && !named:
			named = true
		case c == '+' || c == ',' || c == ';':
			if !end() {
				return nil
			}
			if c != '+' {
				out, rdn = append(out, rdn), nil
			}
		case named:
			value.WriteByte(c)
		default:
			kind.WriteByte(c)
		}
	}
	if !end() {
		return nil
	}
	return append(out, rdn)
}

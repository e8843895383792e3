package change

import (
	"fmt"
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/policy"
)

// beside lists the names in typed effects that are no target of the change: neither by the same word, nor as the same thing in the
// inventory. Each is listed once, in the order of the effects.
func (m Material) beside() (out []string) {
	things := map[string]bool{}
	for _, r := range m.Resolved {
		if slices.Contains(m.Targets, r.Name) {
			things[r.Asset] = true
		}
	}
	seen := map[string]bool{}
	for _, e := range m.Effects {
		if seen[e.Target] || slices.Contains(m.Targets, e.Target) {
			continue
		}
		seen[e.Target] = true
		if i := slices.IndexFunc(m.Resolved, func(r Resolved) bool { return r.Name == e.Target }); i < 0 || !things[m.Resolved[i].Asset] {
			out = append(out, e.Target)
		}
	}
	return out
}

// outside gives the first name in a typed effect of a thing that exists and is no target; "" where there is none. What exists is
// what the inventory or the policy's catalogue knows; what nobody knows yet may be created.
func (m Material) outside(pack *policy.Pack) string {
	list := m.beside()
	i := slices.IndexFunc(list, func(name string) bool {
		_, listed := pack.Target(name)
		return listed || slices.ContainsFunc(m.Resolved, func(r Resolved) bool { return r.Name == name })
	})
	if i < 0 {
		return ""
	}
	return list[i]
}

// keepsIn refuses a wording with a typed effect on something that exists and is not among its targets: whoever reads the targets would
// approve what they do not see. It asks the inventory anew, for a draft may be old.
func (d *Desk) keepsIn(tx *db.Tx, s *Snapshot) error {
	m := s.Revision.Material
	if _, err := d.locate(tx, &m); err != nil {
		return err
	}
	name := m.outside(s.Pack)
	if name == "" {
		return nil
	}
	i := slices.IndexFunc(m.Effects, func(e Effect) bool { return e.Target == name })
	return fault.New(fault.Denied, "effect_outside_targets", "An effect is on %s, which exists and is not among the targets of the change.", name).
		At(fmt.Sprintf("effects[%d].target", i), "is not among the targets").About(string(s.Change.ID)).
		Because("targets", "policy statement (a)").FixedBy("its author").
		Then("name every target: plumb change edit %s --target %s …", s.Change.ID, typed(name, "NAME"))
}

// keepsTo is the criterion that every model has for typed effects, which explain what is observed afterwards: each is on a target that the
// criteria looked at, names one attribute, and moves neither a label nor what guards a door. More than that people approve.
func (m Material) keepsTo() (policy.Criterion, error) {
	passed := len(m.beside()) == 0 && !slices.ContainsFunc(m.Effects, func(e Effect) bool { return !harmless(e.Path) })
	return bound("effect-targets", "Each typed effect is on one of the change's own targets, names one attribute, and moves no label and no security attribute.",
		passed, map[string]any{"effects": m.Effects, "targets": m.Targets})
}

// guards are how attributes begin, or a later part of their path does, that say who gets in, from where, and as what. The sources' own
// rules know more of them, and reconciliation asks those; this is for what is said before anything is seen.
var guards = []string{"acl", "admin", "auth", "authorized", "binds", "cap", "cert", "cidr", "dns", "dnssec", "encrypt", "encrypted", "encryption", "firewall", "firewalls", "group", "groups",
	"iam", "ingress", "egress", "key", "keys", "label", "listener", "listeners", "member", "members", "metadata", "nameservers", "network", "password", "permission", "permissions", "pid",
	"policy", "port", "ports", "privileged", "protection", "public", "rescue", "role", "roles", "rule", "rules", "seccomp", "secret", "secrets", "security", "ssh", "sshd", "sudo",
	"time", "tls", "token", "tokens", "user", "users", "values"}

// harmless reports whether the path of a typed effect names one attribute, by its parts no guard.
func harmless(path string) bool {
	if path == "" || strings.ContainsAny(path, "*?") {
		return false
	}
	parts := strings.FieldsFunc(strings.ToLower(path), func(r rune) bool { return !(r >= 'a' && r <= 'z') && !(r >= '0' && r <= '9') })
	return len(parts) > 0 && !slices.ContainsFunc(parts, func(p string) bool { return slices.Contains(guards, p) })
}

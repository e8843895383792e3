package change

import (
	"slices"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/wire"
)

// Inventory finds the asset that a target names. It runs inside the transaction that asks. found is false where nothing of that
// name is known, or more than one thing: then the policy's catalogue answers, and what it does not know counts at its strictest.
type Inventory interface {
	TargetIn(tx *db.Tx, name string) (t Resolved, found bool, err error)
	// OwnerIn gives the owner of an asset as a person or an approved change named them; "" where nobody did. A source's word
	// gives nobody power.
	OwnerIn(tx *db.Tx, asset string) (string, error)
}

// locate fills in what the inventory knows of each target, and of each thing that a typed effect names; it reports whether that changed the wording.
func (d *Desk) locate(tx *db.Tx, m *Material) (changed bool, err error) {
	was := m.Resolved
	m.Resolved = nil
	if d.things == nil {
		return len(was) > 0, nil
	}
	names := slices.Clone(m.Targets)
	for _, e := range m.Effects {
		names = append(names, e.Target)
	}
	seen := map[string]bool{"": true}
	for _, name := range names {
		if seen[name] {
			continue
		}
		seen[name] = true
		t, found, err := d.things.TargetIn(tx, name)
		if err != nil {
			return false, err
		}
		if found {
			t.Name = name
			m.Resolved = append(m.Resolved, t)
		}
	}
	return !slices.Equal(was, m.Resolved), nil
}

// target gives what rules read of one target: the inventory's word, and where the policy's catalogue knows the name too, the
// stricter of both. What neither knows is production and confidential.
func (m Material) target(pack *policy.Pack, name string) policy.Target {
	var t policy.Target
	listed := false
	if pack != nil {
		t, listed = pack.Target(name)
	}
	if !listed {
		t = policy.Target{Name: name, Environment: "prod", Classification: "confidential"}
	}
	i := slices.IndexFunc(m.Resolved, func(r Resolved) bool { return r.Name == name })
	if i < 0 {
		return t
	}
	r := m.Resolved[i]
	if !listed {
		return policy.Target{Name: name, Environment: r.Environment, Classification: r.Classification, Kind: r.Kind, Owner: r.Owner, Role: r.Role}
	}
	t.Environment = stricter(environments, t.Environment, r.Environment)
	t.Classification = stricter(classifications, t.Classification, r.Classification)
	if r.Owner != "" {
		t.Owner = r.Owner
	}
	if t.Role == "" {
		t.Role = r.Role
	}
	return t
}

// environments and classifications are their words, the strictest first; a word that is none is stricter than all.
var (
	environments    = []string{"prod", "shared", "test", "dev"}
	classifications = []string{"critical", "confidential", "internal", "public"}
)

func stricter(order []string, a, b string) string {
	if slices.Index(order, a) <= slices.Index(order, b) {
		return a
	}
	return b
}

// moved lists the targets that the inventory now knows as another thing, or as a stricter one, than when the revision was
// written. What was approved was another place: the gate does not open.
func (d *Desk) moved(tx *db.Tx, m Material) ([]wire.Mismatch, error) {
	if d.things == nil {
		return nil, nil
	}
	var out []wire.Mismatch
	for _, was := range m.Resolved { // of others the catalogue or nobody knew, and those counted at their strictest
		now, found, err := d.things.TargetIn(tx, was.Name)
		if err != nil {
			return nil, err
		}
		if !found || elsewhere(was, now) {
			out = append(out, wire.Mismatch{Field: "target " + was.Name, Approved: place(was), Observed: place(now)})
		}
	}
	return out, nil
}

// elsewhere reports whether a target is another thing now, or a stricter one.
func elsewhere(r, now Resolved) bool {
	return r.Asset != now.Asset || stricter(environments, r.Environment, now.Environment) != r.Environment ||
		stricter(classifications, r.Classification, now.Classification) != r.Classification
}

func place(r Resolved) string {
	if r.Asset == "" {
		return "not in the inventory"
	}
	return r.Asset + " " + r.Environment + " " + r.Classification
}

// heirs gives the owners that people named since the revision was written, by the owner that is frozen with it: they answer for
// the target where that one left.
func (d *Desk) heirs(tx *db.Tx, m Material) (map[string][]string, error) {
	if d.things == nil {
		return nil, nil
	}
	out := map[string][]string{}
	for _, was := range m.Resolved {
		owner, err := d.things.OwnerIn(tx, was.Asset)
		if err != nil {
			return nil, err
		}
		if owner != "" && owner != was.Owner {
			out[was.Owner] = append(out[was.Owner], owner)
		}
	}
	return out, nil
}

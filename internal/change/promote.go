package change

import (
	"fmt"
	"slices"

	"plumbline.dev/plumb/internal/db"
)

// worthAModel is after how many successful changes alike in a row a standard model is suggested.
const worthAModel = 10

// maxAlike bounds the closed changes that are looked at for it.
const maxAlike = 200

// promote suggests to ask for a standard model where the last changes of this kind all went well. It is
// advice, not a rule: the model is a change of the policy, which the Security Officer approves.
func (s *Snapshot) promote(tx *db.Tx) ([]string, error) {
	m := s.Revision.Material
	if m.Type != "normal" || m.own() {
		return nil, nil
	}
	list, err := db.Collect(tx, scanChange, changeColumns+" WHERE state = 'closed' AND type = 'normal' AND category = $1 AND id <> $2"+
		" ORDER BY number DESC LIMIT $3", m.Category, string(s.Change.ID), maxAlike)
	if err != nil {
		return nil, fmt.Errorf("list changes alike: %w", err)
	}
	n := 0
	for _, c := range list {
		r, err := loadRevision(tx, c.ID, c.Rev)
		if err != nil {
			return nil, err
		}
		if !m.alike(r.Material) {
			continue
		}
		if c.Body.Closure != Successful {
			break
		}
		n++
	}
	if n < worthAModel {
		return nil, nil
	}
	return []string{fmt.Sprintf("The last %d changes like it (%s, the same components and kinds of binding) were all successful."+
		" A standard model could decide them by criteria: describe it in models.yaml, and activate it by a change.", n, m.Category)}, nil
}

// alike reports whether two wordings are of one kind: category, components, and what kinds of thing they run.
func (m Material) alike(o Material) bool {
	kinds := func(m Material) []string {
		var out []string
		for _, b := range m.Bindings {
			out = append(out, b.Kind+" "+b.Repo)
		}
		slices.Sort(out)
		return slices.Compact(out)
	}
	return m.Category == o.Category && slices.Equal(m.Components, o.Components) && slices.Equal(kinds(m), kinds(o))
}

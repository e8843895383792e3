package reconcile

import (
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/plan"
)

// The verbs of a claim that changes who manages a thing, and leaves the thing as it is.
const verbImport = "import"

// ofCode reports whether a verb is about the code alone: a move, an import or a forget neither makes nor removes the thing itself.
func ofCode(verb string) bool {
	return verb == plan.ClassForget || verb == verbImport || verb == "move"
}

// managed is what stands behind an address: the things that its record manages, as other sources show them, and where else their code is.
type managed struct {
	alive     []inventory.Kept // the things themselves, while a source sees them
	gone      bool             // a source saw them, and none does any more
	elsewhere []string         // other addresses that manage them now
}

// behind reads what stands behind the record of an address. A record that is gone still says what it managed.
func behind(tx *db.Tx, r inventory.Kept) (m managed, err error) {
	for _, e := range r.Edges {
		if e.Verb != "MANAGES" {
			continue
		}
		list, err := inventory.RecordsWith(tx, e.To)
		if err != nil {
			return m, err
		}
		for _, k := range list {
			if k.Gone == 0 {
				m.alive = append(m.alive, k)
			}
		}
		m.gone = m.gone || len(list) > 0
		code, err := inventory.RecordsLinked(tx, e)
		if err != nil {
			return m, err
		}
		for _, k := range code {
			if k.ID != r.ID && k.Gone == 0 && k.Class == inventory.IaCResource {
				m.elsewhere = append(m.elsewhere, k.Native)
			}
		}
	}
	m.gone = m.gone && len(m.alive) == 0
	return m, nil
}

func (m managed) names() string {
	var out []string
	for _, k := range m.alive {
		if !slices.Contains(out, k.Name) {
			out = append(out, k.Name)
		}
	}
	return strings.Join(out, ", ")
}

// letGo says of code that left its state what became of the thing: "" where it is gone, too, or no source shows it.
func (m managed) letGo() string {
	switch {
	case len(m.elsewhere) > 0:
		return "managed at " + strings.Join(m.elsewhere, ", ") + " now"
	case len(m.alive) > 0:
		return "became unmanaged: " + m.names() + " lives on"
	}
	return ""
}

// identity says of an effect on a whole, whose address is as approved, whether the thing itself is, too: what is deleted must be gone, what
// is forgotten must live on.
func (w *watcher) identity(k *Claim, r inventory.Kept, ended int64) (holds bool, because string, err error) {
	m, err := behind(w.tx, r)
	if err != nil {
		return false, "", err
	}
	switch k.Verb {
	case plan.ClassForget:
		return len(m.elsewhere) > 0 || !m.gone, either(m.letGo(), m.gone, "the thing itself is gone, too"), nil
	case plan.ClassDelete:
		if len(m.elsewhere) > 0 {
			return false, m.letGo(), nil
		}
		for _, x := range m.alive {
			n, err := inventory.ReadSince(w.tx, x.Source, x.Scope, ended)
			if err != nil || n >= absentAfter {
				return false, m.letGo(), err
			}
		}
	case verbImport:
		if len(m.alive) > 0 {
			return true, m.names() + " is managed at " + r.Native, nil
		}
	}
	return true, "", nil
}

func either(text string, otherwise bool, other string) string {
	if text == "" && otherwise {
		return other
	}
	return text
}

// leftBehind is what placeOf says of code that left its state.
func leftBehind(tx *db.Tx, d inventory.Difference) (string, error) {
	r, found, err := inventory.RecordOf(tx, d.Record)
	if err != nil || !found {
		return "", err
	}
	m, err := behind(tx, r)
	return m.letGo(), err
}

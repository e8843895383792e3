package change

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/wire"
)

// This file keeps which files were put in place by which run, so that who decides about the next version sees what it replaces.

// Placed is what stands, as far as runs tell, where a change at hand is going to put a file: the version of the same kind and name that
// the newest successful run put on the same target and that was not taken back. What somebody did without a permit it does not know.
type Placed struct {
	Kind     string   `json:"kind"` // of the file, and its name: those of the binding that is going to replace it
	Name     string   `json:"name"`
	Targets  []string `json:"targets"` // of the change at hand, where it stands
	Change   ID       `json:"change"`  // which put it there
	Digest   string   `json:"digest"`
	Document string   `json:"document,omitempty"` // digest of its text, where that was kept
	At       int64    `json:"at"`                 // when that run ended, microseconds
	Doubt    ID       `json:"doubt,omitempty"`    // the newest run there since, which failed or has no known outcome; "" for none
}

// put is one file on one target, as one run left it.
type put struct {
	place    string // digest of where and what
	change   ID
	permit   string
	kind     string // of the execution: apply or rollback
	digest   string
	document string
	outcome  string
	ended    int64
}

// filed are the kinds of binding that are a file which stays where it is put. What only runs replaces nothing; plans, commits and images
// say otherwise what they change.
var filed = []string{"config-file", "feature-flag", "k8s-manifest", "package-set"}

// files lists the files that a wording puts in place.
func (m Material) files() []Binding {
	return slices.DeleteFunc(slices.Clone(m.Bindings), func(b Binding) bool { return b.Name == "" || !slices.Contains(filed, b.Kind) })
}

// place names a file on a target: by the asset that the target is, or as it is called where the inventory does not know it.
func (m Material) place(target string, b Binding) string {
	where := "name:" + strings.ToLower(target)
	if i := slices.IndexFunc(m.Resolved, func(r Resolved) bool { return r.Name == target }); i >= 0 && m.Resolved[i].Asset != "" {
		where = "asset:" + m.Resolved[i].Asset
	}
	return seal.Digest("plumb.place.v1", []byte(where), []byte{'\n'}, []byte(b.Kind), []byte{'\n'}, []byte(b.Name))
}

// notePut keeps what an execution of this wording left in place. A way back leaves what was there before.
func notePut(tx *db.Tx, s *Snapshot, p Permit) error {
	if p.Rev != s.Revision.Digest || p.Kind != wire.KindApply && p.Kind != wire.KindRollback {
		return nil
	}
	m := s.Revision.Material
	for _, b := range m.files() {
		for _, t := range m.Targets {
			x := put{place: m.place(t, b), change: p.Change, permit: p.ID, kind: p.Kind, digest: b.Digest, document: b.Document, outcome: p.Outcome, ended: p.Ended}
			if err := savePut(tx, x); err != nil {
				return err
			}
		}
	}
	return nil
}

// placed finds what the change at hand replaces; after it ran, what it replaced.
func (s *Snapshot) placed(tx *db.Tx) ([]Placed, error) {
	m, until := s.Revision.Material, s.Change.Body.FirstRun
	if until == 0 {
		until = 1 << 62
	}
	var out []Placed
	for _, b := range m.files() {
		for _, t := range m.Targets {
			list, err := putsAt(tx, m.place(t, b), s.Change.ID, until)
			if err != nil {
				return nil, err
			}
			p, found := left(list)
			if !found {
				continue
			}
			p.Kind, p.Name = b.Kind, b.Name
			if i := slices.IndexFunc(out, p.same); i >= 0 {
				out[i].Targets = append(out[i].Targets, t)
				continue
			}
			p.Targets = []string{t}
			out = append(out, p)
		}
	}
	return out, nil
}

// same reports whether two are one version of one file by one change.
func (p Placed) same(o Placed) bool {
	return p.Kind == o.Kind && p.Name == o.Name && p.Change == o.Change && p.Digest == o.Digest && p.Doubt == o.Doubt
}

// left gives what the runs at one place, the newest first, left there.
func left(list []put) (p Placed, found bool) {
	back := map[ID]bool{}
	for _, x := range list {
		switch {
		case x.kind == wire.KindRollback && x.outcome == Success:
			back[x.change] = true
		case back[x.change]: // what it put there was taken back since
		case x.kind == wire.KindApply && x.outcome == Success:
			return Placed{Change: x.change, Digest: x.digest, Document: x.document, At: x.ended, Doubt: p.Doubt}, true
		default:
			p.Doubt = cmp.Or(p.Doubt, x.change)
		}
	}
	return Placed{}, false
}

// mostPuts bounds the runs at one place that are looked at, the newest first.
const mostPuts = 50

func putsAt(tx *db.Tx, place string, but ID, until int64) ([]put, error) {
	list, err := db.Collect(tx, func(row db.Scanner) (x put, err error) {
		return x, row.Scan(&x.place, &x.change, &x.permit, &x.kind, &x.digest, &x.document, &x.outcome, &x.ended)
	}, "SELECT place, change_id, permit, kind, digest, document, outcome, ended FROM change_put"+
		" WHERE place = $1 AND ended < $2 AND change_id <> $3 ORDER BY ended DESC, id DESC LIMIT $4", place, until, string(but), mostPuts)
	if err != nil {
		return nil, fmt.Errorf("find what stands there: %w", err)
	}
	return list, nil
}

// savePut keeps one; a run whose end is reported late has its last word.
func savePut(tx *db.Tx, x put) error {
	if _, err := tx.Exec("INSERT INTO change_put (id, place, change_id, permit, kind, digest, document, outcome, ended)"+
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO UPDATE SET outcome = excluded.outcome, ended = excluded.ended",
		x.permit+"/"+x.place, x.place, string(x.change), x.permit, x.kind, x.digest, x.document, x.outcome, x.ended); err != nil {
		return fmt.Errorf("note what was put in place: %w", err)
	}
	return nil
}

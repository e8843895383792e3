package change

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/wire"
)

// Explained is what the policy in force says about one change, rule by rule.
type Explained struct {
	Policy  string               `json:"policy"`
	Facts   policy.Facts         `json:"facts"`
	Demand  *policy.Demand       `json:"demand,omitempty"` // absent where the policy refuses
	Refused string               `json:"refused,omitempty"`
	Message string               `json:"message,omitempty"`
	Rules   []policy.Explanation `json:"rules"`
	// Excluded says who cannot decide on a change that is filed, and why; sorted by person.
	Excluded []Excluded `json:"excluded,omitempty"`
	// Conflicts are with other changes in flight, and freezes: what both touch, and whose turn it is.
	Conflicts []wire.Conflict `json:"conflicts,omitempty"`
	Advice    []string        `json:"advice,omitempty"` // what nothing forbids and is better otherwise
}

// Explain asks the policy in force about a wording that need not be filed.
func (d *Desk) Explain(ctx context.Context, m Material) (Explained, error) {
	if err := m.clean(); err != nil {
		return Explained{}, err
	}
	if err := d.fromDocuments(ctx, &m); err != nil {
		return Explained{}, err
	}
	pack, err := d.Pack(ctx)
	if err != nil {
		return Explained{}, err
	}
	err = d.db.View(ctx, func(tx *db.Tx) error {
		_, err := d.locate(tx, &m)
		return err
	})
	if err != nil {
		return Explained{}, err
	}
	return explain(pack, m.facts(pack))
}

// ExplainChange asks it about the current revision of a change.
func (d *Desk) ExplainChange(ctx context.Context, id ID) (x Explained, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		s, err := d.loadWithRivals(tx, id)
		if err != nil {
			return err
		}
		if s.Pack == nil {
			return notSetUp()
		}
		x, err = explain(s.Pack, s.facts(tx.Now().UnixMicro()))
		x.Conflicts = s.conflicts("", tx.Now().UnixMicro())
		if err != nil {
			return err
		}
		x.Excluded = s.excludedNamed()
		if x.Advice, err = s.promote(tx); err != nil {
			return err
		}
		x.Advice = append(s.advice(), x.Advice...)
		return nil
	})
	return x, err
}

func explain(pack *policy.Pack, f policy.Facts) (Explained, error) {
	rules, err := pack.Explain(f)
	if err != nil {
		return Explained{}, err
	}
	x := Explained{Policy: pack.Digest(), Facts: f, Rules: rules}
	demand, err := pack.Demand(f)
	if err != nil {
		no := fault.Of(err)
		x.Refused, x.Message = no.Code, no.Message
		return x, nil
	}
	x.Demand = &demand
	return x, nil
}

// advice is what nothing forbids and its author wants to know before it is approved.
func (s *Snapshot) advice() []string { return append(s.loose(), s.unlabelling()...) }

// unlabelling tells that nobody who is named to carry a retirement out may set the label that retires. Being named gives no right to
// label: whoever looks after the inventory does it, under the change.
func (s *Snapshot) unlabelling() []string {
	m := s.Revision.Material
	i := slices.IndexFunc(m.Effects, func(e Effect) bool { return e.Path == "label.lifecycle" })
	if i < 0 || slices.ContainsFunc(m.Implementers, func(x Executor) bool {
		return x.Person != "" && s.Roster.May(directory.PersonID(x.Person), directory.InventoryManage)
	}) {
		return nil
	}
	e, id := m.Effects[i], string(s.Change.ID)
	if id == "" {
		id = "CHANGE"
	}
	return []string{"Nobody who is named to carry this out may set the lifecycle of " + e.Target + ": being named gives no right to label." +
		" Once it is approved, a security officer or an administrator who did not approve it does: plumb asset label " + typed(e.Target, "ASSET") +
		" lifecycle=" + typed(e.After, "VALUE") + " --change " + id + ". Agree with one of them, or name one."}
}

// typed gives an author's text as it may stand in a command that somebody else copies: only where a shell takes it as one plain word that is
// no option. Else a placeholder stands for it.
func typed(s, placeholder string) string {
	strange := func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && !strings.ContainsRune("._:-", r)
	}
	if s == "" || s[0] == '-' || strings.ContainsFunc(s, strange) {
		return placeholder
	}
	return s
}

// loose tells of service accounts that are named without a repository: every pipeline with a token of such
// an account is the executor then.
func (s *Snapshot) loose() []string {
	var out []string
	for _, x := range s.Revision.Material.Implementers {
		if a, ok := s.Roster.Account(directory.AccountID(x.Account)); ok && x.Repo == "" {
			out = append(out, "The service account "+a.Username+" is named without a repository, so every pipeline that holds one of its tokens can run this."+
				" Name the repository, and the pipeline.")
		}
	}
	return out
}

// maxCases bounds how many changes a pack is tried on at once.
const maxCases = 10_000

// Cases gives the facts of the changes filed in [from, to), oldest first, for trying a pack on them.
func (d *Desk) Cases(ctx context.Context, from, to time.Time) (out []policy.Case, err error) {
	pack, err := d.Pack(ctx)
	if err != nil {
		return nil, err
	}
	err = d.db.View(ctx, func(tx *db.Tx) error {
		list, err := db.Collect(tx, scanChange, changeColumns+" WHERE created >= $1 AND created < $2 ORDER BY number LIMIT $3",
			from.UnixMicro(), to.UnixMicro(), maxCases+1)
		if err != nil {
			return fmt.Errorf("list changes: %w", err)
		}
		if len(list) > maxCases {
			return fault.New(fault.TooLarge, "too_many_changes", "A pack is tried on %d changes at most; take a shorter period.", maxCases).
				Then("take a shorter period")
		}
		for _, c := range list {
			r, err := loadRevision(tx, c.ID, c.Rev)
			if err != nil {
				return err
			}
			out = append(out, Case(string(c.ID), r.Material, pack))
		}
		return nil
	})
	return out, err
}

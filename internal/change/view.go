package change

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/wire"
)

// View is one change as it is shown: what is asked, what the policy demands and why, who can still
// decide, what was shown and what ran.
type View struct {
	Change    Change              `json:"change"`
	Material  Material            `json:"material"`
	Revision  int64               `json:"revision"`
	Demand    policy.Demand       `json:"demand"`
	Slots     []policy.Assignment `json:"slots"`
	Missing   []policy.Missing    `json:"missing"`
	Checks    []CheckResult       `json:"checks"`
	NeedCheck []string            `json:"missing_checks"`
	Failed    map[string]string   `json:"unanswered_failures,omitempty"` // of those, kind → why what passed since does not count
	Verify    []string            `json:"open_verifications"`
	Decisions []Decision          `json:"decisions"`
	Permits   []Permit            `json:"permits"`
	Conflicts []wire.Conflict     `json:"conflicts"`
	Window    *wire.Window        `json:"window,omitempty"`
	Excluded  map[string]string   `json:"excluded"` // person → why they cannot decide
	Names     map[string]string   `json:"names"`    // id → name, for every id above
	Comments  []Comment           `json:"comments"`
	Own       bool                `json:"own"` // executed by Plumbline itself: plumb change apply
	Placed    []Placed            `json:"placed,omitempty"`
	Advice    []string            `json:"advice,omitempty"` // of one that can still be reworded: what nothing forbids and is better otherwise
}

// Show gives everything about one change.
func (d *Desk) Show(ctx context.Context, id ID) (v View, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		s, err := d.loadWithRivals(tx, id)
		if err != nil {
			return err
		}
		comments, err := listComments(tx, id)
		if err != nil {
			return fmt.Errorf("load comments: %w", err)
		}
		v = s.view(tx.Now().UnixMicro())
		v.Comments = comments
		if v.Placed, err = s.placed(tx); err != nil {
			return err
		}
		for _, c := range comments {
			v.name(s.Roster, c.By)
		}
		return nil
	})
	return v, err
}

func (s *Snapshot) view(now int64) View {
	v := View{Change: s.Change, Material: s.Revision.Material, Revision: s.Revision.N, Demand: s.Demand, Checks: s.Checks,
		Decisions: s.Decisions, Permits: s.Permits, Excluded: s.excluded(), Names: map[string]string{},
		Conflicts: s.conflicts("", now), NeedCheck: []string{}, Failed: map[string]string{}, Verify: []string{}, Own: s.Revision.Material.own()}
	v.Demand.Executor = s.executorRoles()
	if len(s.Demand.Slots) > 0 {
		m := s.match()
		v.Slots, v.Missing = m.Filled, m.Missing
		for _, c := range s.missingChecks(now) {
			v.NeedCheck = append(v.NeedCheck, c.Kind)
			if why := s.unanswered(c.Kind); why != "" {
				v.Failed[c.Kind] = why
			}
		}
		v.Verify = s.openVerifications(now)
	}
	if from, until, open, why := s.start(now); from > 0 || until > 0 || !open {
		v.Window = &wire.Window{From: instant(from), Until: instant(until), Open: open, Text: why}
	}
	if slices.Contains(editable, s.Change.State) {
		v.Advice = s.advice()
	}
	s.nameAll(&v)
	return v
}

func (s *Snapshot) nameAll(v *View) {
	v.name(s.Roster, s.Change.Requester)
	for _, list := range [][]string{s.Change.Body.Authors} {
		for _, p := range list {
			v.name(s.Roster, p)
		}
	}
	for _, d := range s.Decisions {
		v.name(s.Roster, d.Person)
	}
	for p := range v.Excluded {
		v.name(s.Roster, p)
	}
	for _, m := range v.Missing {
		for _, c := range m.Could {
			v.name(s.Roster, c.Person)
		}
	}
	for _, p := range s.Permits {
		v.name(s.Roster, p.Person)
		v.account(s.Roster, p.Account)
	}
	for _, x := range s.Revision.Material.Implementers {
		v.name(s.Roster, x.Person)
		v.account(s.Roster, x.Account)
	}
	for _, c := range s.Checks {
		v.account(s.Roster, c.Producer)
	}
}

func (v *View) name(r *directory.Roster, person string) {
	if person != "" {
		v.Names[person] = r.Name(directory.PersonID(person))
	}
}

// account names an account: a service account by its own name, any other by its person's.
func (v *View) account(r *directory.Roster, id string) {
	switch a, known := r.Account(directory.AccountID(id)); {
	case !known:
	case a.Kind == directory.Service:
		v.Names[id] = a.Username
	default:
		v.Names[id] = r.Name(a.Person)
	}
}

// Filter narrows a list. Empty members do not narrow.
type Filter struct {
	States    []string
	Category  string
	Type      string
	Requester string
	Before    int64 // change number to go on from, exclusive; 0 starts at the newest
	Limit     int   // 1 to 200
}

// List gives changes newest first, keyed by number.
func (d *Desk) List(ctx context.Context, f Filter) (out []Change, err error) {
	b := Browse{States: f.States, Category: f.Category, Type: f.Type, Requester: f.Requester, Limit: min(max(f.Limit, 1), 200)}
	if f.Before > 0 {
		b.Key = key{number: f.Before}.String()
	}
	out, _, err = d.Page(ctx, b)
	return out, err
}

// Revisions lists the wordings of a change, oldest first.
func (d *Desk) Revisions(ctx context.Context, id ID) (out []Revision, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		if _, err := loadChange(tx, id); err != nil {
			return err
		}
		out, err = db.Collect(tx, scanRevision, revisionColumns+" WHERE change_id = $1 ORDER BY n LIMIT 1000", string(id))
		return err
	})
	return out, err
}

// newestWordings is how many wordings of a change a page lists.
const newestWordings = 200

// Wordings lists the newest 200 wordings of a change, oldest first, without their text, which is as long as
// its authors like, as often as they like.
func (d *Desk) Wordings(ctx context.Context, id ID) (out []Revision, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		out, err = db.Collect(tx, func(row db.Scanner) (r Revision, err error) {
			return r, row.Scan(&r.ID, &r.Change, &r.N, &r.Digest, &r.Author, &r.Account, &r.At)
		}, "SELECT id, change_id, n, digest, author, account, at FROM change_revision WHERE change_id = $1 ORDER BY n DESC LIMIT $2", string(id), newestWordings)
		return err
	})
	slices.Reverse(out)
	return out, err
}

// Wording gives one wording of a change with its text.
func (d *Desk) Wording(ctx context.Context, id ID, n int64) (r Revision, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		r, err = loadRevision(tx, id, n)
		return err
	})
	return r, err
}

// WordingOf gives the number of the first wording of a change that has a digest; 0 if it never had it.
func (d *Desk) WordingOf(ctx context.Context, id ID, digest string) (n int64, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		n, _, err = db.One(tx, func(row db.Scanner) (n int64, err error) { return n, row.Scan(&n) },
			"SELECT n FROM change_revision WHERE change_id = $1 AND digest = $2 ORDER BY n LIMIT 1", string(id), digest)
		return err
	})
	return n, err
}

// Difference is one member in which two revisions differ.
type Difference struct {
	Path   string `json:"path"`
	Before string `json:"before"` // canonical JSON; "" when absent
	After  string `json:"after"`
}

// Diff compares two revisions member by member. from 0 means the one before to; to 0 the current one.
func (d *Desk) Diff(ctx context.Context, id ID, from, to int64) (out []Difference, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		c, err := loadChange(tx, id)
		if err != nil {
			return err
		}
		if to == 0 {
			to = c.Rev
		}
		if from == 0 {
			from = max(1, to-1)
		}
		a, err := loadRevision(tx, id, from)
		if err != nil {
			return err
		}
		b, err := loadRevision(tx, id, to)
		if err != nil {
			return err
		}
		out, err = differences(a.Canonical, b.Canonical)
		return err
	})
	return out, err
}

// maxNamed bounds the members that a refusal names, and maxLeaf the bytes shown of each value.
const (
	maxNamed = 50
	maxLeaf  = 120
)

// reread completes the refusal of an old wording with what differs between the wording that the asker saw
// and the present one, member by member. Any other error is left as it is, and so is one about a wording
// that this change never had.
func reread(tx *db.Tx, s *Snapshot, seen string, refusal error) error {
	f := fault.Of(refusal)
	if f.Kind != fault.Stale {
		return refusal
	}
	old, found, err := db.One(tx, scanRevision, revisionColumns+" WHERE change_id = $1 AND digest = $2 ORDER BY n DESC LIMIT 1", string(s.Change.ID), seen)
	if err != nil || !found {
		return refusal
	}
	list, err := differences(old.Canonical, s.Revision.Canonical)
	if err != nil {
		return refusal
	}
	for _, d := range list[:min(len(list), maxNamed)] {
		f.At(d.Path, fmt.Sprintf("was %s, is %s", leaf(d.Before), leaf(d.After)))
	}
	return f.Then("plumb change diff %s --from %d", s.Change.ID, old.N)
}

func leaf(canonical string) string {
	switch {
	case canonical == "":
		return "absent"
	case len(canonical) > maxLeaf:
		return strings.ToValidUTF8(canonical[:maxLeaf], "") + "…"
	}
	return canonical
}

func differences(before, after string) ([]Difference, error) {
	a, err := flatten(before)
	if err != nil {
		return nil, err
	}
	b, err := flatten(after)
	if err != nil {
		return nil, err
	}
	out := []Difference{}
	for path, v := range a {
		if b[path] != v {
			out = append(out, Difference{Path: path, Before: v, After: b[path]})
		}
	}
	for path, v := range b {
		if _, had := a[path]; !had {
			out = append(out, Difference{Path: path, After: v})
		}
	}
	slices.SortFunc(out, func(a, b Difference) int { return strings.Compare(a.Path, b.Path) })
	return out, nil
}

// flatten turns a JSON document into path → canonical leaf.
func flatten(doc string) (map[string]string, error) {
	var v any
	if err := json.Unmarshal([]byte(doc), &v); err != nil {
		return nil, fmt.Errorf("read revision: %w", err)
	}
	out := map[string]string{}
	return out, flattenInto(out, "", v)
}

func flattenInto(out map[string]string, path string, v any) error {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			if err := flattenInto(out, strings.TrimPrefix(path+"."+k, "."), x); err != nil {
				return err
			}
		}
	case []any:
		for i, x := range v {
			if err := flattenInto(out, fmt.Sprintf("%s[%d]", path, i), x); err != nil {
				return err
			}
		}
	default:
		leaf, err := seal.Canonical(v)
		if err != nil {
			return err
		}
		out[path] = string(leaf)
	}
	return nil
}

// Timeline is the change's story out of the ledger, oldest first.
func (d *Desk) Timeline(ctx context.Context, id ID, from int64, limit int) (out []ledger.Entry, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		if _, err := loadChange(tx, id); err != nil {
			return err
		}
		out, err = ledger.OfObject(tx, string(id), from, limit)
		return err
	})
	return out, err
}

// Remark adds a comment; it changes nothing else.
func (d *Desk) Remark(ctx context.Context, actor fault.Actor, id ID, body string) (c Comment, err error) {
	if blank(body) {
		return c, fault.New(fault.Invalid, "no_text", "A comment needs a text.").At("text", "is missing")
	}
	if err := remark(body); err != nil {
		return c, err
	}
	err = d.db.Update(ctx, actor, func(tx *db.Tx) error {
		if err := d.people.ConfirmIn(tx, actor); err != nil {
			return err
		}
		if _, err := loadChange(tx, id); err != nil {
			return err
		}
		c = Comment{ID: seal.NewID("cmt"), Change: id, By: actor.Person, At: tx.Now().UnixMicro(), Text: body}
		if _, err := tx.Exec("INSERT INTO change_comment (id, change_id, person, at, body) VALUES ($1, $2, $3, $4, $5)",
			c.ID, string(id), c.By, c.At, body); err != nil {
			return fmt.Errorf("save comment: %w", err)
		}
		_, err := ledger.Append(tx, ledger.Event{Verb: "change.commented", Type: "change", Object: string(id), Detail: map[string]any{"text": body}})
		return err
	})
	return c, err
}

func listComments(tx *db.Tx, id ID) ([]Comment, error) {
	return db.Collect(tx, func(row db.Scanner) (c Comment, err error) {
		return c, row.Scan(&c.ID, &c.Change, &c.By, &c.At, &c.Text)
	}, "SELECT id, change_id, person, at, body FROM change_comment WHERE change_id = $1 ORDER BY at, id LIMIT 1000", string(id))
}

// Permits lists a change's permits with their envelopes.
func (d *Desk) Permits(ctx context.Context, id ID) (out []Permit, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		out, err = listPermits(tx, id)
		return err
	})
	return out, err
}

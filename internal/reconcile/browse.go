package reconcile

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
)

// States lists the states of a finding, in the order of its life.
func States() []string {
	return []string{Open, Adopting, Reverting, Waived, Adopted, Reverted, Settled}
}

// Dispositions lists them in the order in which they are asked for.
func Dispositions() []Disposition {
	return []Disposition{Exact, Scoped, Derived, Standing, OutOfScope, Unauthorized}
}

// clean refuses a word that no finding can have: an empty list would read as if there were none.
func (f *Filter) clean() error {
	e := fault.New(fault.Invalid, "bad_filter", "The findings cannot be filtered like that.").FixedBy("you").Then("plumb reconcile findings --help")
	if f.State != "" && f.State != "waiting" && !slices.Contains(States(), f.State) {
		e.At("state", "is waiting, "+strings.Join(States(), ", "))
	}
	if f.Severity != "" && !slices.Contains(Severities(), f.Severity) {
		e.At("severity", "is critical, high, medium or low")
	}
	if f.Environment != "" {
		v, ok := inventory.ReadLabel(inventory.LabelEnvironment, f.Environment)
		if !ok {
			e.At("environment", "is one of "+strings.Join(inventory.LabelValues(inventory.LabelEnvironment), ", "))
		}
		f.Environment = v
	}
	if len(e.Fields) > 0 {
		return e
	}
	return nil
}

// sql writes the query of a clean filter.
func (f Filter) sql() (string, []any) {
	text, args := strings.Builder{}, []any{f.After}
	text.WriteString(findingColumns + map[bool]string{false: " WHERE n > $1", true: " WHERE n < $1"}[f.Newest])
	if f.Newest && f.After <= 0 {
		args[0] = openEnd
	}
	add := func(condition, v string) {
		if v != "" {
			args = append(args, v)
			text.WriteString(" AND " + strings.ReplaceAll(condition, "$", "$"+strconv.Itoa(len(args))))
		}
	}
	state := f.State
	if state == "waiting" {
		text.WriteString(" AND state IN ('open', 'adopting', 'reverting')")
		state = ""
	}
	add("state = $", state)
	add("severity = $", string(f.Severity))
	add("asset = $", f.Asset)
	add("owner = $", f.Owner)
	add("change_id = $", f.Change)
	text.WriteString(f.within())
	args = append(args, f.Limit)
	text.WriteString(map[bool]string{false: " ORDER BY n", true: " ORDER BY n DESC"}[f.Newest] + " LIMIT $" + strconv.Itoa(len(args)))
	return text.String(), args
}

// within is the condition for an environment, one of the few that clean lets through. It stands in the text, as the indexes for the rare
// ones have it; production has none, for it is not rare, and a page of it is found at once. A quote inside a text of the body is escaped,
// so that only the member itself is found.
func (f Filter) within() string {
	if f.Environment == "" {
		return ""
	}
	is := fmt.Sprintf(`replace(body, '"environment":"%s"', '') <> body`, f.Environment)
	if f.Environment == "prod" { // what nobody labelled counts as production
		return ` AND (` + is + ` OR replace(body, '"environment":"', '') = body)`
	}
	return " AND " + is
}

// Reading is one finding with all that somebody who answers for it looks at.
type Reading struct {
	Whole
	Judged  map[string]Match // by difference: what it was found to be, and everything that touched it
	Claims  map[string]Claim // those that a hit names, by id
	Runs    map[string]Run   // those that a hit names, by permit
	Refused error            // why the reader may not answer; nil where they may
}

// The ways in which a person answers for a finding.
const (
	Waive  = "waive"
	Revert = "revert"
	Adopt  = "adopt"
)

// Answers lists the ways in which the reader may answer now; none where Refused says why.
func (r *Reading) Answers() []string {
	switch {
	case r.Refused != nil:
		return []string{}
	case r.Disposition == Unseparated, r.Disposition == Unseen && r.Asset == "": // no change makes it a rule of its own, or can have it as its target
		return []string{Waive, Revert}
	}
	return []string{Waive, Revert, Adopt}
}

// Read gives one finding to somebody who may have to answer for it.
func (d *Desk) Read(ctx context.Context, actor fault.Actor, id string) (r Reading, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		r = Reading{Judged: map[string]Match{}, Claims: map[string]Claim{}, Runs: map[string]Run{}}
		if r.Whole, err = d.showIn(tx, id); err != nil {
			return err
		}
		roster, err := d.people.RosterIn(tx)
		if err != nil {
			return err
		}
		if _, err := d.inherited(tx, &r.Finding, roster); err != nil {
			return err
		}
		hits := slices.Clone(r.Hits)
		for _, x := range r.Differences {
			m, _, err := db.One(tx, scanMatch, matchColumns+" WHERE id = $1", x.ID)
			if err != nil {
				return err
			}
			r.Judged[x.ID] = m
			hits = append(hits, m.Hits...)
		}
		if err := d.nearby(tx, &r, hits); err != nil {
			return err
		}
		by, err := d.nearTo(tx, r.Finding)
		r.Refused = r.mayAnswer(actor, roster, by)
		return err
	})
	return r, err
}

// mayAnswer is mayDecide for whoever is asked what they may do: what their roles and their sign-in do not give is no answer of theirs, either.
func (f *Finding) mayAnswer(actor fault.Actor, roster *directory.Roster, by near) error {
	if err := f.mayDecide(actor, roster, by); err != nil {
		return err
	}
	return directory.Allowed(actor, roster.Roles(directory.PersonID(actor.Person)), directory.ChangeDecide)
}

// nearby reads the claims and the runs that hits name.
func (d *Desk) nearby(tx *db.Tx, r *Reading, hits []Hit) error {
	named := map[string]bool{}
	for _, h := range hits {
		named[h.Claim], named[h.Permit] = true, true
	}
	changes := changesOf(hits)
	slices.Sort(changes)
	for _, id := range slices.Compact(changes) {
		rows, err := db.Collect(tx, scanCharter, charterColumns+" WHERE change_id = $1 ORDER BY n, id", id)
		list, err := d.whole(tx, rows, err)
		if err != nil {
			return err
		}
		for _, c := range list {
			for _, k := range c.Claims {
				if named[k.ID] {
					r.Claims[k.ID] = k
				}
			}
			for _, run := range c.Runs {
				if named[run.Permit] {
					r.Runs[run.Permit] = run
				}
			}
		}
	}
	return nil
}

// Claimed counts what was frozen of a change: how many effects Of would have to look for.
func (d *Desk) Claimed(ctx context.Context, id change.ID) (n int64, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		n, _, err = db.One(tx, scanInt, "SELECT COALESCE(SUM(claims), 0) FROM reconcile_charter WHERE change_id = $1", string(id))
		return err
	})
	return n, err
}

// AdoptedBy gives the findings that a change asks for after the fact, the oldest first.
func (d *Desk) AdoptedBy(ctx context.Context, id change.ID) (list []Finding, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) error {
		list, err = d.adoptedBy(tx, id)
		return err
	})
	return list, err
}

// FoundOn gives what differences of one asset were found to be, by id: those from number from up to number to.
func (d *Desk) FoundOn(ctx context.Context, asset inventory.AssetID, from, to int64) (map[string]Match, error) {
	out := map[string]Match{}
	err := d.db.View(ctx, func(tx *db.Tx) error {
		list, err := db.Collect(tx, scanMatch, matchColumns+" WHERE asset = $1 AND n >= $2 AND n <= $3 ORDER BY n LIMIT $4", string(asset), from, to, maxShown)
		for _, m := range list {
			out[m.Difference] = m
		}
		return err
	})
	return out, err
}

// asksAtOnce bounds the findings that one batch of Asks reads.
const asksAtOnce = 500

// Asks gives the findings that wait for somebody's answer, the oldest first, up to limit, and how many there are; it counts to 2,000 and a
// batch beyond. It is asked for a person, also by their token: what they may answer in their own session waits for them.
func (d *Desk) Asks(ctx context.Context, actor fault.Actor, limit int) (list []Finding, total int, err error) {
	return d.asks(ctx, actor, limit, asksAtOnce)
}

func (d *Desk) asks(ctx context.Context, actor fault.Actor, limit, atOnce int) (list []Finding, total int, err error) {
	actor.Kind, actor.Authn = fault.Human, fault.Session
	err = d.db.View(ctx, func(tx *db.Tx) error {
		list, total = nil, 0
		roster, err := d.people.RosterIn(tx)
		if err != nil {
			return err
		}
		args := []any{int64(0), atOnce}
		theirs, err := ownedIn(tx, &args, actor, roster)
		if err != nil {
			return err
		}
		for batch := []Finding(nil); total < maxShown; args[0] = batch[len(batch)-1].N {
			batch, err = db.Collect(tx, scanFinding, findingColumns+" WHERE n > $1 AND state IN ('open', 'adopting')"+theirs+" ORDER BY n LIMIT $2", args...)
			if err != nil || len(batch) == 0 {
				return err
			}
			by, err := d.nearEach(tx, slices.DeleteFunc(slices.Clone(batch), func(f Finding) bool { return f.mayAnswer(actor, roster, near{}) != nil }))
			if err != nil {
				return err
			}
			for _, f := range batch {
				if f.mayAnswer(actor, roster, by[f.ID]) != nil {
					continue
				}
				if total++; len(list) < limit {
					list = append(list, f)
				}
			}
		}
		return nil
	})
	return list, total, err
}

// ownedIn is the condition for what waits for a person by its owner, lest all the rest be read; none for who answers for every owner. It only
// saves work: who may answer is asked of each finding.
func ownedIn(tx *db.Tx, args *[]any, actor fault.Actor, roster *directory.Roster) (string, error) {
	if roster.Holds(directory.PersonID(actor.Person), directory.Officer) {
		return "", nil
	}
	owners, err := db.Collect(tx, scanString, "SELECT DISTINCT owner FROM reconcile_finding WHERE state IN ('open', 'adopting')")
	if err != nil {
		return "", err
	}
	self := personNames(actor, roster)
	owners = slices.DeleteFunc(owners, func(owner string) bool { return !(&Finding{Owner: owner}).ownedBy(actor, self, roster) })
	if len(owners) > db.AtOnce {
		return "", nil
	}
	return " AND owner " + db.Among(args, owners), nil
}

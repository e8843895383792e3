// Package search finds changes, assets, findings, people and events by id, title, name or author, on one page.
package search

import (
	"strconv"
	"strings"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/reconcile"
	"plumbline.dev/plumb/internal/web/frame"
	"plumbline.dev/plumb/internal/web/ui"
)

// Pages serves it.
type Pages struct {
	Changes *change.Desk
	People  *directory.Desk
	Things  *inventory.Desk
	Match   *reconcile.Desk
}

// Routes is the table of these pages.
func (p Pages) Routes() []frame.Route {
	return []frame.Route{{Method: "GET", Path: "/search", Need: directory.ChangeRead, Handle: p.find}}
}

// Lengths of the lists of results.
const (
	maxChanges = 30
	maxPeople  = 20
	maxAssets  = 20
	perAsset   = 5 // findings of one asset
	byAuthor   = 10
	maxAsked   = 200 // characters
)

// found is what a question finds.
type found struct {
	Frame    ui.Frame
	Question string
	Exact    *change.Change
	Event    string // number of an event of the ledger
	Changes  []change.Change
	People   []directory.Person
	Assets   []inventory.Asset
	Findings []reconcile.Finding        // that wait, of the assets
	Authored map[string][]change.Change // by person
	Names    map[string]string
	Roles    map[string][]string
}

func (f found) empty() bool {
	return f.Exact == nil && f.Event == "" && len(f.Changes)+len(f.People)+len(f.Assets) == 0
}

// number reads how people write the number of a change or an event: 7 or #7.
func number(s string) (int64, bool) {
	n, err := strconv.ParseInt(strings.TrimPrefix(s, "#"), 10, 64)
	return n, err == nil && n >= 0 && !strings.HasPrefix(s, "#-") && !strings.ContainsAny(s, "+-")
}

func (p Pages) find(v *frame.Visit) error {
	q := v.Value("q")
	if r := []rune(q); len(r) > maxAsked {
		q = string(r[:maxAsked])
	}
	f := found{Frame: v.Frame("Search", ""), Question: q, Names: map[string]string{}, Roles: map[string][]string{}, Authored: map[string][]change.Change{}}
	if q == "" {
		return v.Show(f.Frame, page(f))
	}
	if err := p.byID(v, &f); err != nil {
		return err
	}
	if f.Exact != nil && strings.EqualFold(q, string(f.Exact.ID)) {
		return v.Go("/changes/"+string(f.Exact.ID), "")
	}
	finding, err := p.finding(v, q)
	if err != nil {
		return err
	}
	if finding != "" {
		return v.Go("/findings/"+finding, "")
	}
	if f.Changes, err = p.Changes.Search(v.Ctx(), q, maxChanges); err != nil {
		return err
	}
	id, err := p.assets(v, &f)
	if err != nil {
		return err
	}
	if id != "" {
		return v.Go("/inventory/"+string(id), "")
	}
	r, err := p.People.Roster(v.Ctx())
	if err != nil {
		return err
	}
	if err := p.byPerson(v, r, &f); err != nil {
		return err
	}
	for _, c := range f.Changes {
		f.Names[c.Requester] = r.Name(directory.PersonID(c.Requester))
	}
	if f.Exact != nil {
		f.Names[f.Exact.Requester] = r.Name(directory.PersonID(f.Exact.Requester))
	}
	return v.Show(f.Frame, page(f))
}

// byID finds a change by its id or number, and an event by its number.
func (p Pages) byID(v *frame.Visit, f *found) error {
	if n, ok := number(f.Question); ok {
		f.Event = strconv.FormatInt(n, 10)
		if n > 0 {
			list, _, err := p.Changes.Page(v.Ctx(), change.Browse{Order: change.Oldest, Key: "0." + strconv.FormatInt(n-1, 10), Limit: 1})
			if err != nil {
				return err
			}
			if len(list) == 1 && list[0].Number == n {
				f.Exact = &list[0]
			}
		}
		return nil
	}
	id, err := change.ParseID(f.Question)
	if err != nil {
		return nil //nolint:nilerr // no id at all: it is words
	}
	c, err := p.Changes.Show(v.Ctx(), id)
	if fault.Of(err).Kind == fault.NotFound && err != nil {
		return nil
	}
	if err != nil {
		return err
	}
	f.Exact = &c.Change
	return nil
}

// assets finds assets by how their name begins; where the question is an asset's id, it gives the id alone.
func (p Pages) assets(v *frame.Visit, f *found) (id inventory.AssetID, err error) {
	if !v.Can(directory.InventoryRead) {
		return "", nil
	}
	if strings.HasPrefix(strings.ToUpper(f.Question), "AST-") {
		w, err := p.Things.Show(v.Ctx(), f.Question)
		if err == nil {
			return w.ID, nil
		}
		if k := fault.Of(err).Kind; k != fault.NotFound && k != fault.Conflict {
			return "", err
		}
	}
	if f.Assets, err = p.Things.Assets(v.Ctx(), inventory.Filter{Name: f.Question, Limit: maxAssets}); err != nil {
		return "", err
	}
	for _, a := range f.Assets {
		list, err := p.Match.Findings(v.Ctx(), reconcile.Filter{State: "waiting", Asset: string(a.ID), Limit: perAsset})
		if err != nil {
			return "", err
		}
		f.Findings = append(f.Findings, list...)
	}
	return "", nil
}

// finding gives the id of the finding that the question names; "" where it names none.
func (p Pages) finding(v *frame.Visit, q string) (string, error) {
	if !v.Can(directory.InventoryRead) || !strings.HasPrefix(strings.ToUpper(q), "FND-") {
		return "", nil
	}
	w, err := p.Match.Show(v.Ctx(), q)
	if fault.Is(err, "no_finding") {
		return "", nil
	}
	return w.ID, err
}

// byPerson finds people by the begin of a part of their name, user name or address, and what they filed.
func (p Pages) byPerson(v *frame.Visit, r *directory.Roster, f *found) error {
	asked := strings.ToLower(f.Question)
	for _, x := range r.People() {
		person, ok := r.Person(directory.PersonID(x.ID))
		if !ok || !named(person, r.Accounts(person.ID), asked) {
			continue
		}
		if len(f.People) == maxPeople {
			break
		}
		f.People, f.Roles[x.ID] = append(f.People, person), r.Roles(person.ID)
		if len(f.Authored) < byAuthor {
			list, _, err := p.Changes.Page(v.Ctx(), change.Browse{Requester: x.ID, Limit: byAuthor})
			if err != nil {
				return err
			}
			f.Authored[x.ID] = list
		}
	}
	return nil
}

func named(p directory.Person, accounts []directory.Account, asked string) bool {
	words := append(strings.Fields(strings.ToLower(p.Name)), strings.ToLower(p.Name), strings.ToLower(p.Email))
	for _, a := range accounts {
		words = append(words, strings.ToLower(a.Username))
	}
	for _, w := range words {
		if strings.HasPrefix(w, asked) {
			return true
		}
	}
	return false
}

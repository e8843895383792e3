package things

import (
	"fmt"
	"slices"
	"time"

	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/web/frame"
	"plumbline.dev/plumb/internal/web/sheet"
	"plumbline.dev/plumb/internal/web/ui"
)

// list is what the list's page shows.
type list struct {
	desk
	Filter Filter
	Assets []inventory.Asset
	Next   string // address of the next page
	First  string // address of the first page; "" on it
}

func (p Pages) list(v *frame.Visit) error {
	d, err := p.desk(v, "Inventory", here)
	if err != nil {
		return err
	}
	l := list{desk: d, Filter: filterOf(v.R.URL.Query())}
	asked, err := p.asked(v, d, l.Filter, pageSize)
	if err != nil {
		return err
	}
	if l.Assets, err = p.Things.Assets(v.Ctx(), asked); err != nil {
		return err
	}
	if n := len(l.Assets); n == pageSize {
		l.Next = here + "?" + l.Filter.from(l.Assets[n-1].N)
	}
	if l.Filter.After > 0 {
		l.First = here + "?" + l.Filter.from(0)
	}
	return v.Show(l.Frame, table(l))
}

// owners are the names to choose from.
func (d desk) owners() []string {
	out := []string{}
	for _, n := range d.Names {
		out = append(out, n)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// maxExport bounds one file; who needs more narrows the list.
const maxExport = 1_000_000

var header = []string{"asset", "class", "type", "name", "state", "environment", "classification", "owner", "role", "tier", "criticality",
	"lacks", "origin", "first seen", "last changed"}

// line is one asset in a file.
type line struct {
	Asset   string                     `json:"asset"`
	Class   string                     `json:"class"`
	Type    string                     `json:"type"`
	Name    string                     `json:"name"`
	State   string                     `json:"state"`
	Labels  map[string]inventory.Label `json:"labels"`
	Lacks   []string                   `json:"lacks,omitempty"` // demanded labels that nobody gave
	Origin  string                     `json:"origin,omitempty"`
	First   time.Time                  `json:"first"`
	Changed time.Time                  `json:"changed"`
}

func (p Pages) export(v *frame.Visit) error {
	leave, err := p.Exports.Take()
	if err != nil {
		return err
	}
	defer leave()
	d, err := p.desk(v, "", "")
	if err != nil {
		return err
	}
	f, err := p.asked(v, d, filterOf(v.R.URL.Query()), inventory.MaxPage)
	if err != nil {
		return err
	}
	f.After = 0
	each := func(put func(inventory.Asset) error) error {
		for n := 0; n < maxExport; n += inventory.MaxPage {
			page, err := p.Things.Assets(v.Ctx(), f)
			if err != nil {
				return err
			}
			for _, a := range page {
				if err := put(a); err != nil {
					return err
				}
			}
			if len(page) < inventory.MaxPage {
				return nil
			}
			f.After = page[len(page)-1].N
		}
		return fmt.Errorf("more than %d assets", maxExport)
	}
	return frame.Export[inventory.Asset]{Name: "assets", Title: "Assets", Header: header, Cells: d.cells, Each: each,
		Line: func(a inventory.Asset) any { return lineOf(a) }}.Answer(v)
}

func lineOf(a inventory.Asset) line {
	return line{Asset: string(a.ID), Class: string(a.Class), Type: a.Type, Name: a.Name, State: string(a.State), Labels: a.Labels, Lacks: a.Unlabelled(),
		Origin: a.Origin, First: ui.At(a.First).UTC(), Changed: ui.At(a.Changed).UTC()}
}

// cells are one row. A label that nobody gave is empty: what it counts as is no fact.
func (d desk) cells(a inventory.Asset) []sheet.Cell {
	out := []sheet.Cell{}
	for _, s := range []string{string(a.ID), string(a.Class), a.Type, a.Name, string(a.State), given(a, inventory.LabelEnvironment), given(a, inventory.LabelClassification),
		d.name(given(a, inventory.LabelOwner)), given(a, inventory.LabelRole), given(a, inventory.LabelTier), given(a, inventory.LabelCriticality),
		lacks(a), a.Origin} {
		out = append(out, sheet.Text(s))
	}
	return append(out, sheet.Instant(a.First), sheet.Instant(a.Changed))
}

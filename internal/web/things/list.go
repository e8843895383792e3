package things

import (
	"slices"

	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/web/frame"
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
	f, err := p.asked(v, d, filterOf(v.R.URL.Query()), 0)
	if err != nil {
		return err
	}
	l, err := p.Things.Listing(v.Ctx(), f, d.name)
	if err != nil {
		return err
	}
	return frame.Export[inventory.Asset]{Name: "assets", List: l}.Answer(v)
}

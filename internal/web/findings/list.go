package findings

import (
	"fmt"
	"time"

	"plumbline.dev/plumb/internal/reconcile"
	"plumbline.dev/plumb/internal/sheet"
	"plumbline.dev/plumb/internal/web/frame"
)

// list is what the list's page shows.
type list struct {
	desk
	Filter  Filter
	Rows    []reconcile.Finding
	Figures reconcile.Figures
	Next    string // address of the next page
	First   string // address of the first page; "" on it
}

// figuresOver is how far back the figures above the list count.
const figuresOver = 30 * 24 * time.Hour

func (p Pages) list(v *frame.Visit) error {
	d, err := p.desk(v, "Findings", here)
	if err != nil {
		return err
	}
	l := list{desk: d, Filter: filterOf(v.R.URL.Query())}
	asked, err := p.asked(v, l.Filter, pageSize)
	if err != nil {
		return err
	}
	if l.Rows, err = p.Match.Findings(v.Ctx(), asked); err != nil {
		return err
	}
	if l.Figures, err = p.Match.Figures(v.Ctx(), v.Now.Add(-figuresOver).UnixMicro()); err != nil {
		return err
	}
	if n := len(l.Rows); n == pageSize {
		l.Next = here + "?" + l.Filter.from(l.Rows[n-1].N)
	}
	if l.Filter.After > 0 {
		l.First = here + "?" + l.Filter.from(0)
	}
	return v.Show(l.Frame, table(l))
}

var header = []string{"finding", "severity", "state", "asset", "name", "environment", "owner", "operation", "attribute", "before", "after", "done by",
	"between", "and", "opened", "due", "change", "differences", "decided by", "reason"}

// maxExport bounds one file; who needs more narrows the list.
const maxExport = 1_000_000

// chunk is how many findings are read at once for a file.
const chunk = 500

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
	f, err := p.asked(v, filterOf(v.R.URL.Query()), chunk)
	if err != nil {
		return err
	}
	f.After = 0
	each := func(put func(reconcile.Finding) error) error {
		for n := 0; n < maxExport; n += chunk {
			page, err := p.Match.Findings(v.Ctx(), f)
			if err != nil {
				return err
			}
			for _, x := range page {
				if err := put(x); err != nil {
					return err
				}
			}
			if len(page) < chunk {
				return nil
			}
			f.After = page[len(page)-1].N
		}
		return fmt.Errorf("more than %d findings", maxExport)
	}
	return frame.Export[reconcile.Finding]{Name: "findings", List: sheet.List[reconcile.Finding]{Title: "Findings", Header: header, Cells: d.cells, Each: each,
		Line: func(f reconcile.Finding) any { return f }}}.Answer(v)
}

func (d desk) cells(f reconcile.Finding) []sheet.Cell {
	out := []sheet.Cell{}
	for _, s := range []string{f.ID, string(f.Severity), f.State, string(f.Asset), f.Name, f.Environment, d.name(f.Owner), string(f.Op), f.Path,
		f.Before.Plain(), f.After.Plain(), f.Actor} {
		out = append(out, sheet.Text(s))
	}
	return append(out, sheet.Instant(f.Earliest), sheet.Instant(f.Latest), sheet.Instant(f.Opened), sheet.Instant(f.Due), sheet.Text(f.Change),
		sheet.Number(f.Count), sheet.Text(d.name(f.Decider)), sheet.Text(f.Reason))
}

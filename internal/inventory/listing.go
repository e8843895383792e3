package inventory

import (
	"context"
	"strings"
	"time"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/sheet"
)

// maxListing bounds one file; who needs more narrows the list.
const maxListing = 1_000_000

// Listing is a slice of the assets as a file, the same wherever it is asked for: a row for each asset, read page by page. called gives
// what people call an owner. Filter.After and Filter.Limit do not narrow it. Nothing is read until the file is written; a filter that
// no asset can fit is refused at once.
func (d *Desk) Listing(ctx context.Context, f Filter, called func(owner string) string) (sheet.List[Asset], error) {
	if err := f.clean(); err != nil {
		return sheet.List[Asset]{}, err
	}
	each := func(put func(Asset) error) error {
		f.After, f.Limit = 0, MaxPage
		for n := 0; ; n += MaxPage {
			page, err := d.Assets(ctx, f)
			if err != nil {
				return err
			}
			if n >= maxListing && len(page) > 0 {
				return fault.New(fault.TooLarge, "list_too_long", "The list has more than a million assets.").FixedBy("you").Then("narrow it: plumb asset export --help")
			}
			for _, a := range page {
				if err := put(a); err != nil {
					return err
				}
			}
			if len(page) < MaxPage {
				return nil
			}
			f.After = page[len(page)-1].N
		}
	}
	header := []string{"asset", "class", "type", "name", "state", "environment", "classification", "owner", "role", "tier", "criticality",
		"lacks", "origin", "first seen", "last changed", "class of data", "data in"}
	return sheet.List[Asset]{Title: "Assets", Header: header, Each: each, Line: func(a Asset) any { return a.line() },
		Cells: func(a Asset) []sheet.Cell { return a.cells(called) }}, nil
}

// cells are one row. A label that nobody gave is empty: what it counts as is no fact.
func (a Asset) cells(called func(string) string) []sheet.Cell {
	out := []sheet.Cell{}
	for _, s := range []string{string(a.ID), string(a.Class), a.Type, a.Name, string(a.State), a.Given(LabelEnvironment), a.Given(LabelClassification),
		called(a.Given(LabelOwner)), a.Given(LabelRole), a.Given(LabelTier), a.Given(LabelCriticality), strings.Join(a.Unlabelled(), ", "), a.Origin} {
		out = append(out, sheet.Text(s))
	}
	return append(out, sheet.Instant(a.First), sheet.Instant(a.Changed), sheet.Text(a.Floor.Value), sheet.Text(string(a.Floor.From)))
}

// line is one asset in a file of JSON.
type line struct {
	Asset   AssetID          `json:"asset"`
	Class   Class            `json:"class"`
	Type    string           `json:"type"`
	Name    string           `json:"name"`
	State   Presence         `json:"state"`
	Labels  map[string]Label `json:"labels"`
	Lacks   []string         `json:"lacks,omitempty"` // demanded labels that nobody gave
	Floor   Floor            `json:"floor,omitzero"`  // that counts instead of the classification: the data in it
	Origin  string           `json:"origin,omitempty"`
	First   time.Time        `json:"first"`
	Changed time.Time        `json:"changed"`
}

func (a Asset) line() line {
	return line{Asset: a.ID, Class: a.Class, Type: a.Type, Name: a.Name, State: a.State, Labels: a.Labels, Lacks: a.Unlabelled(), Floor: a.Floor, Origin: a.Origin,
		First: time.UnixMicro(a.First).UTC(), Changed: time.UnixMicro(a.Changed).UTC()}
}

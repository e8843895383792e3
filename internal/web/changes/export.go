package changes

import (
	"fmt"
	"time"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/sheet"
	"plumbline.dev/plumb/internal/web/frame"
)

// maxExport bounds one file; who needs more narrows the period, or takes an evidence pack.
const maxExport = 200_000

var header = []string{"change", "summary", "state", "type", "category", "risk", "requested by", "filed", "submitted", "authorized", "first run", "outcome", "closed", "closure", "revision digest"}

// line is one change in a file.
type line struct {
	Change     string    `json:"change"`
	Summary    string    `json:"summary"`
	State      string    `json:"state"`
	Type       string    `json:"type"`
	Category   string    `json:"category"`
	Risk       string    `json:"risk,omitempty"`
	By         string    `json:"requested_by"`
	Filed      time.Time `json:"filed"`
	Submitted  time.Time `json:"submitted,omitzero"`
	Authorized time.Time `json:"authorized,omitzero"`
	FirstRun   time.Time `json:"first_run,omitzero"`
	Outcome    string    `json:"outcome,omitempty"`
	Closed     time.Time `json:"closed,omitzero"`
	Closure    string    `json:"closure,omitempty"`
	Rev        string    `json:"rev_digest"`
}

func (p Pages) export(v *frame.Visit) error {
	leave, err := p.Exports.Take()
	if err != nil {
		return err
	}
	defer leave()
	r, err := p.People.Roster(v.Ctx())
	if err != nil {
		return err
	}
	browse, err := filterOf(v.R.URL.Query()).browse(r, string(v.Person.ID), v.Zone)
	if err != nil {
		return err
	}
	browse.Limit, browse.Key = 1000, ""
	each := func(put func(change.Change) error) error {
		for n := 0; n < maxExport; {
			page, next, err := p.Changes.Page(v.Ctx(), browse)
			if err != nil {
				return err
			}
			for _, c := range page {
				if err := put(c); err != nil {
					return err
				}
			}
			if n, browse.Key = n+len(page), next; next == "" {
				return nil
			}
		}
		return fmt.Errorf("more than %d changes", maxExport)
	}
	return frame.Export[change.Change]{Name: "changes", List: sheet.List[change.Change]{Title: "Changes", Header: header, Each: each,
		Cells: func(c change.Change) []sheet.Cell { return cells(c, r) }, Line: func(c change.Change) any { return lineOf(c, r) }}}.Answer(v)
}

func lineOf(c change.Change, r *directory.Roster) line {
	at := func(micros int64) time.Time {
		if micros == 0 {
			return time.Time{}
		}
		return time.UnixMicro(micros).UTC()
	}
	b := c.Body
	return line{Change: string(c.ID), Summary: c.Summary, State: string(c.State), Type: c.Type, Category: c.Category, Risk: b.Risk,
		By: r.Name(directory.PersonID(c.Requester)), Filed: at(c.Created), Submitted: at(b.Submitted), Authorized: at(b.Decided), FirstRun: at(b.FirstRun),
		Outcome: b.Applied, Closed: at(b.ClosedAt), Closure: string(b.Closure), Rev: c.RevDigest}
}

func cells(c change.Change, r *directory.Roster) []sheet.Cell {
	b := c.Body
	return []sheet.Cell{sheet.Text(string(c.ID)), sheet.Text(c.Summary), sheet.Text(string(c.State)), sheet.Text(c.Type), sheet.Text(c.Category),
		sheet.Text(b.Risk), sheet.Text(r.Name(directory.PersonID(c.Requester))), sheet.Instant(c.Created), sheet.Instant(b.Submitted),
		sheet.Instant(b.Decided), sheet.Instant(b.FirstRun), sheet.Text(b.Applied), sheet.Instant(b.ClosedAt), sheet.Text(string(b.Closure)), sheet.Text(c.RevDigest)}
}

package changes

import (
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/web/frame"
	"plumbline.dev/plumb/internal/web/sheet"
)

// maxExport bounds one file; who needs more narrows the period, or takes an evidence pack.
const maxExport = 200_000

// slowExport is how long an export may take.
const slowExport = 10 * time.Minute

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
	if err := http.NewResponseController(v.W).SetWriteDeadline(v.Now.Add(slowExport)); err != nil {
		return fmt.Errorf("prepare export: %w", err)
	}
	write, kind := writer(v.R.PathValue("format"), r, each)
	if write == nil {
		return fault.New(fault.NotFound, "no_format", "A list is exported as csv, xlsx or json.").FixedBy("you").Then("choose one of them")
	}
	h := v.W.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", fmt.Sprintf(`attachment; filename="changes-%s.%s"`, v.Now.UTC().Format("20060102-1504"), v.R.PathValue("format")))
	if err := write(v.W); err != nil {
		return v.Cut(err) // half a list must not look whole
	}
	return nil
}

// writer chooses how a list is written, and the media type; nil for an unknown format.
func writer(format string, r *directory.Roster, each func(func(change.Change) error) error) (write func(io.Writer) error, kind string) {
	rows := func(put func([]sheet.Cell) error) error {
		return each(func(c change.Change) error { return put(cells(c, r)) })
	}
	switch format {
	case "csv":
		return func(w io.Writer) error { return sheet.CSV(w, header, rows) }, "text/csv; charset=utf-8; header=present"
	case "xlsx":
		return func(w io.Writer) error { return sheet.XLSX(w, "Changes", header, rows) }, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	case "json":
		return func(w io.Writer) error { return asJSON(w, r, each) }, "application/json"
	}
	return nil, ""
}

func asJSON(w io.Writer, r *directory.Roster, each func(func(change.Change) error) error) error {
	out := jsontext.NewEncoder(w)
	if err := out.WriteToken(jsontext.BeginArray); err != nil {
		return err
	}
	err := each(func(c change.Change) error { return json.MarshalEncode(out, lineOf(c, r)) })
	if err != nil {
		return err
	}
	return out.WriteToken(jsontext.EndArray)
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

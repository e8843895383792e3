package frame

import (
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/web/sheet"
)

// slowExport is how long an export may take.
const slowExport = 10 * time.Minute

// Export is a list that is given out as a file, row by row: csv, xlsx or json.
type Export[T any] struct {
	Name   string // of the file, without what says when and of which format
	Title  string // of the workbook's sheet
	Header []string
	Cells  func(T) []sheet.Cell
	Line   func(T) any // as JSON
	// Each gives the rows one by one: it calls put for each and stops at its first error.
	Each func(put func(T) error) error
}

// Answer gives the file of the format that the address names. What breaks off is no whole file, and the browser says so.
func (e Export[T]) Answer(v *Visit) error {
	if err := http.NewResponseController(v.W).SetWriteDeadline(v.Now.Add(slowExport)); err != nil {
		return fmt.Errorf("prepare export: %w", err)
	}
	format := v.R.PathValue("format")
	write, kind := e.writer(format)
	if write == nil {
		return fault.New(fault.NotFound, "no_format", "A list is exported as csv, xlsx or json.").FixedBy("you").Then("choose one of them")
	}
	h := v.W.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%s-%s.%s"`, e.Name, v.Now.UTC().Format("20060102-1504"), format))
	if err := write(v.W); err != nil {
		return v.Cut(err) // half a list must not look whole
	}
	return nil
}

// writer chooses how a list is written, and the media type; nil for an unknown format.
func (e Export[T]) writer(format string) (write func(io.Writer) error, kind string) {
	rows := func(put func([]sheet.Cell) error) error {
		return e.Each(func(x T) error { return put(e.Cells(x)) })
	}
	switch format {
	case "csv":
		return func(w io.Writer) error { return sheet.CSV(w, e.Header, rows) }, "text/csv; charset=utf-8; header=present"
	case "xlsx":
		return func(w io.Writer) error { return sheet.XLSX(w, e.Title, e.Header, rows) }, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	case "json":
		return e.asJSON, "application/json"
	}
	return nil, ""
}

func (e Export[T]) asJSON(w io.Writer) error {
	out := jsontext.NewEncoder(w)
	if err := out.WriteToken(jsontext.BeginArray); err != nil {
		return err
	}
	if err := e.Each(func(x T) error { return json.MarshalEncode(out, e.Line(x)) }); err != nil {
		return err
	}
	return out.WriteToken(jsontext.EndArray)
}

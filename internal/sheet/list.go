package sheet

import (
	"io"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// List is a list that is given out as a file, row by row, in any of the Formats.
type List[T any] struct {
	Title  string // of the workbook's sheet
	Header []string
	Cells  func(T) []Cell
	Line   func(T) any // as JSON
	// Each gives the rows one by one: it calls put for each and stops at its first error.
	Each func(put func(T) error) error
}

// Formats lists the formats that a List is written in, by the ending of their files.
func Formats() []string { return []string{"csv", "xlsx", "json"} }

// Writer gives how the list is written in a format, and the media type; nil for an unknown format.
func (l List[T]) Writer(format string) (write func(io.Writer) error, kind string) {
	rows := func(put func([]Cell) error) error {
		return l.Each(func(x T) error { return put(l.Cells(x)) })
	}
	switch format {
	case "csv":
		return func(w io.Writer) error { return CSV(w, l.Header, rows) }, "text/csv; charset=utf-8; header=present"
	case "xlsx":
		return func(w io.Writer) error { return XLSX(w, l.Title, l.Header, rows) }, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	case "json":
		return l.asJSON, "application/json"
	}
	return nil, ""
}

func (l List[T]) asJSON(w io.Writer) error {
	out := jsontext.NewEncoder(w)
	if err := out.WriteToken(jsontext.BeginArray); err != nil {
		return err
	}
	if err := l.Each(func(x T) error { return json.MarshalEncode(out, l.Line(x)) }); err != nil {
		return err
	}
	return out.WriteToken(jsontext.EndArray)
}

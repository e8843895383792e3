// Package csv reads a list of things that somebody keeps as a table. One line is one thing; the header says what each
// column is. A line that is wrong fails the whole reading, so that a slip never looks like a thing that is gone.
package csv

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"plumbline.dev/plumb/internal/connect"
	"plumbline.dev/plumb/internal/connect/document"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
)

// Bounds of a table.
const (
	mostColumns = 200
	mostLines   = 1_000_000
	mostCell    = 32 << 10
	mostFaults  = 20 // told at once; the rest shows when these are mended
)

// Kind describes the source.
func Kind() inventory.Kind {
	return inventory.Kind{
		Name: "csv", Title: "CSV table", Mapper: 1, Absence: true, Push: true,
		Settings: []inventory.Setting{
			{Key: "class", Help: "class of a line without a column class", Default: string(inventory.Host)},
			{Key: "type", Help: "type of a line without a column type", Default: "csv_row"},
			{Key: "columns", Help: "what columns are, where their heading does not say it: Heading=name, separated by commas"},
			{Key: "delimiter", Help: "what separates columns: comma, semicolon or tab", Default: "comma"},
		},
		Rules: []inventory.AttrRule{
			{Type: "*", Path: "ip", Kind: inventory.Config},
			{Type: "*", Path: "note*", Kind: inventory.State},
		},
		Open: open,
	}
}

type table struct {
	in      inventory.Input
	class   string
	typ     string
	comma   rune
	renames map[string]string
	mask    document.Masker
}

func open(in inventory.Input) (inventory.Source, error) {
	t := &table{in: in, class: in.Settings["class"], typ: in.Settings["type"], renames: map[string]string{}, mask: in.Mask}
	if t.class == "" {
		t.class = string(inventory.Host)
	}
	if t.typ == "" {
		t.typ = "csv_row"
	}
	switch in.Settings["delimiter"] {
	case "", "comma":
		t.comma = ','
	case "semicolon":
		t.comma = ';'
	case "tab":
		t.comma = '\t'
	default:
		return nil, connect.BadSetting("delimiter", "is comma, semicolon or tab")
	}
	if !slices.Contains(inventory.Classes(), inventory.Class(t.class)) {
		return nil, connect.BadSetting("class", "is none of the classes")
	}
	if !typeName(t.typ) {
		return nil, connect.BadSetting("type", "is small letters, digits and _")
	}
	for pair := range strings.SplitSeq(in.Settings["columns"], ",") {
		heading, name, ok := strings.Cut(pair, "=")
		if heading = fold(heading); pair == "" {
			continue
		}
		if name = fold(name); !ok || heading == "" || name == "" {
			return nil, connect.BadSetting("columns", "is a list such as Server=name, Stage=environment")
		}
		t.renames[heading] = name
	}
	return t, nil
}

// Scopes implements inventory.Scoper: a table is one scope, and all of it was read.
func (t *table) Scopes() []string { return []string{"table"} }

// Collect implements inventory.Source.
func (t *table) Collect(ctx context.Context, emit func(inventory.Record) error) error {
	if t.in.Document == nil {
		return connect.BadDocument("nothing was sent")
	}
	r := csv.NewReader(document.Bound(t.in.Document))
	r.Comma, r.FieldsPerRecord, r.ReuseRecord = t.comma, -1, true
	head, err := r.Read()
	if err != nil {
		return broken(err)
	}
	columns, err := t.header(head)
	if err != nil {
		return err
	}
	l := lines{t: t, columns: columns, seen: map[string]int{}}
	for n := 0; ; n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			return l.end(n)
		}
		if err != nil {
			return l.stop(err)
		}
		if n >= mostLines {
			return connect.BadDocument("it has more than a million lines")
		}
		line, _ := r.FieldPos(0)
		rec, ok := l.read(line, cells)
		if !ok || l.faults != nil {
			if l.told >= mostFaults {
				return l.faults
			}
			continue // nothing more is given, but what else is wrong is still told
		}
		if err := emit(rec); err != nil {
			return err
		}
	}
}

// broken says what stands in the way of reading on, by its line.
func broken(err error) error {
	var p *csv.ParseError
	switch {
	case errors.Is(err, io.EOF):
		return connect.BadDocument("it is empty")
	case !errors.As(err, &p):
		return err
	case errors.Is(err, csv.ErrBareQuote):
		return badTable().At(place(p.Line), "has a quote inside a cell that does not begin with one")
	}
	return badTable().At(place(p.StartLine), "has a quoted cell that is not closed, or text behind the closing quote")
}

func badTable() *fault.Error {
	return fault.New(fault.Invalid, "bad_table", "The table has lines that cannot be taken. What stands before the first of them was read, and nothing was taken for absent.").
		FixedBy("whoever keeps the table").Then("mend the lines and send the table again")
}

func place(line int) string { return fmt.Sprintf("line %d", line) }

func fold(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

func typeName(s string) bool {
	return s != "" && len(s) <= 100 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

// header says what each column is.
func (t *table) header(cells []string) ([]string, error) {
	if len(cells) > mostColumns {
		return nil, connect.BadDocument("it has more than 200 columns")
	}
	out := make([]string, len(cells))
	for i, c := range cells {
		if i == 0 {
			c = strings.TrimPrefix(c, "\uFEFF")
		}
		name := fold(c)
		if to, ok := t.renames[name]; ok {
			name = to
		}
		if name == "env" {
			name = inventory.LabelEnvironment
		}
		switch {
		case name == "" || !utf8.ValidString(name) || len(name) > 200 || formula(name) || strings.ContainsRune(name, 0):
			return nil, badTable().At("line 1", fmt.Sprintf("has no usable heading in column %d", i+1))
		case slices.Contains(out[:i], name):
			return nil, badTable().At("line 1", fmt.Sprintf("has the heading of column %d twice", i+1))
		}
		out[i] = name
	}
	if !slices.Contains(out, "name") {
		return nil, badTable().At("line 1", "has no column name; the setting columns can say which one it is")
	}
	return out, nil
}

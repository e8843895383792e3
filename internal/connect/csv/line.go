package csv

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"unicode/utf8"

	"plumbline.dev/plumb/internal/connect"
	"plumbline.dev/plumb/internal/connect/document"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
)

// lines reads line by line and remembers what was wrong.
type lines struct {
	t       *table
	columns []string
	seen    map[string]int // line by type and id
	faults  *fault.Error
	told    int
}

// wrong notes what is wrong with a line; it never repeats a cell.
func (l *lines) wrong(line int, format string, args ...any) {
	if l.faults == nil {
		l.faults = badTable()
	}
	if l.told++; l.told <= mostFaults {
		l.faults = l.faults.At(place(line), fmt.Sprintf(format, args...))
	}
}

func (l *lines) end(n int) error {
	switch {
	case l.faults != nil:
		return l.faults
	case n == 0:
		return connect.BadDocument("the table has a header and no line; a list that ends is a source to pause")
	}
	return nil
}

func (l *lines) stop(err error) error {
	if l.faults != nil {
		return l.faults
	}
	return broken(err)
}

// read makes a record of one line.
func (l *lines) read(line int, cells []string) (inventory.Record, bool) {
	before := l.told
	rec := inventory.Record{Scope: "table", Type: l.t.typ, Class: inventory.Class(l.t.class),
		Attrs: map[string]inventory.Value{}, Labels: map[string]string{}}
	if len(cells) != len(l.columns) {
		l.wrong(line, "has %d cells where the header has %d", len(cells), len(l.columns))
		return rec, false
	}
	for i, cell := range cells {
		column := l.columns[i]
		if cell = strings.TrimSpace(cell); cell == "" {
			continue
		}
		if problem := badCell(cell); problem != "" {
			l.wrong(line, "%s in column %d", problem, i+1)
			continue
		}
		if problem := l.t.put(&rec, column, cell); problem != "" {
			l.wrong(line, "%s in column %d", problem, i+1)
		}
	}
	if rec.Name == "" {
		l.wrong(line, "has no name")
		return rec, false
	}
	if rec.Native == "" {
		rec.Native = rec.Name
	}
	key := rec.Type + "/" + rec.Native
	if first, twice := l.seen[key]; twice {
		l.wrong(line, "has the id of line %d; a column id can tell them apart", first)
	} else {
		l.seen[key] = line
	}
	return rec, l.told == before
}

func badCell(cell string) string {
	switch {
	case len(cell) > mostCell:
		return "has a cell that is too long"
	case !utf8.ValidString(cell):
		return "has bytes that are not UTF-8"
	case strings.ContainsRune(cell, 0):
		return "has a character that cannot be stored"
	case formula(cell):
		return "has a formula (put ' before a text that only looks like one)"
	}
	return ""
}

// formula says that a spreadsheet would run the text. It comes from outside and goes out again in lists, so it is
// refused at the door; a number with its sign is none.
func formula(s string) bool {
	switch s[0] {
	case '=', '@', '\t', '\r':
		return true
	case '+', '-':
		return strings.Trim(s[1:], "0123456789., ()/-") != "" || strings.ContainsAny(s, "(") && strings.ContainsAny(s, "/-")
	}
	return false
}

// put gives one cell its place in the record.
func (t *table) put(rec *inventory.Record, column, cell string) (problem string) {
	switch column {
	case "name":
		rec.Name = t.mask.Plain(cell)
	case "id":
		rec.Native = t.mask.Plain(cell)
	case "class":
		i := slices.IndexFunc(inventory.Classes(), func(c inventory.Class) bool { return strings.EqualFold(string(c), cell) })
		if i < 0 {
			return "has a class that is not one of the inventory's (docs/sources.md lists them)"
		}
		rec.Class = inventory.Classes()[i]
	case "type":
		if !typeName(cell) {
			return "has a type that is not small letters, digits and _"
		}
		rec.Type = cell
	case "environment", "classification", "owner", "role", "tier", "criticality":
		value, ok := inventory.ReadLabel(column, cell)
		if !ok {
			return "has a word that the label does not have"
		}
		rec.Labels[column] = value
	case "ip", "mac", "fqdn", "hostname", "machine-id", "cloud-id", "dmi-serial", "hardware-uuid", "dns-name":
		return t.identify(rec, column, cell)
	default:
		rec.Attrs[column] = t.mask.Value(column, cell)
	}
	return ""
}

func (t *table) identify(rec *inventory.Record, column, cell string) string {
	words := strings.FieldsFunc(cell, func(r rune) bool { return strings.ContainsRune(" ;,\n|", r) })
	for i, w := range words {
		switch column {
		case "ip":
			a, err := netip.ParseAddr(w)
			if err != nil {
				return "has what is no IP address"
			}
			w = a.Unmap().String()
		case "mac":
			m, err := net.ParseMAC(w)
			if err != nil {
				return "has what is no MAC address"
			}
			w = m.String()
		}
		words[i] = w
		rec.IDs = document.Identify(rec.IDs, column, w)
	}
	rec.Attrs[column] = inventory.Set(words...)
	return ""
}

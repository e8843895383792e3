// Package sheet writes lists as files that spreadsheets open: CSV and XLSX, row by row, in constant
// memory. No cell is ever a formula, whatever people wrote into it.
package sheet

import (
	"archive/zip"
	"encoding/csv"
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Cell is one value: a text, a number or an instant. The zero value is an empty cell.
type Cell struct {
	text   string
	number int64
	kind   byte // 't' text, 'n' number, 'd' instant
}

// Text makes a cell of a text.
func Text(s string) Cell { return Cell{text: s, kind: 't'} }

// Number makes a cell of a whole number.
func Number(n int64) Cell { return Cell{number: n, kind: 'n'} }

// Instant makes a cell of microseconds since 1970; 0 makes an empty one.
func Instant(micros int64) Cell {
	if micros == 0 {
		return Cell{}
	}
	return Cell{number: micros, kind: 'd'}
}

// Rows gives the rows one by one: it calls put for each and stops at its first error.
type Rows func(put func([]Cell) error) error

// CSV writes a header and rows by RFC 4180. A text that a spreadsheet would take for a formula gets an
// apostrophe before it (CWE-1236).
func CSV(w io.Writer, header []string, rows Rows) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	if err := out.Write(header); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	err := rows(func(row []Cell) error {
		line := make([]string, len(row))
		for i, c := range row {
			line[i] = c.plain()
		}
		return out.Write(line)
	})
	if err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	out.Flush()
	return out.Error()
}

func (c Cell) plain() string {
	switch c.kind {
	case 'n':
		return strconv.FormatInt(c.number, 10)
	case 'd':
		return time.UnixMicro(c.number).UTC().Format(time.RFC3339)
	}
	return harmless(c.text)
}

// harmless keeps a spreadsheet from taking a text for a formula: one that begins with the sign of a formula, also behind spaces and
// what is not seen, which programs strip.
func harmless(s string) string {
	first, _ := utf8.DecodeRuneInString(strings.TrimLeftFunc(s, unseen))
	if s != "" && (strings.IndexByte("\t\r\n", s[0]) >= 0 || strings.ContainsRune("=+-@|%＝＋－＠", first)) {
		return "'" + s
	}
	return s
}

// unseen reports whether a character takes no ink: a space of any width, or a control or format character.
func unseen(r rune) bool {
	return unicode.IsSpace(r) || unicode.In(r, unicode.Z, unicode.Cc, unicode.Cf) || r == utf8.RuneError
}

// Parts of the package that do not depend on what is written (ECMA-376, part 2 and SpreadsheetML).
var parts = []struct{ name, text string }{
	{"[Content_Types].xml", `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/><Override PartName="/xl/styles.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"/></Types>`},
	{"_rels/.rels", `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>`},
	{"xl/_rels/workbook.xml.rels", `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles" Target="styles.xml"/></Relationships>`},
	{"xl/styles.xml", `<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><fonts count="2"><font/><font><b/></font></fonts><fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills><borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="3"><xf/><xf fontId="1" applyFont="1"/><xf numFmtId="22" applyNumberFormat="1"/></cellXfs></styleSheet>`},
}

// XLSX writes a workbook of one sheet with a header that stays in sight. Texts are inline strings, which
// no spreadsheet evaluates.
func XLSX(w io.Writer, title string, header []string, rows Rows) error {
	z := zip.NewWriter(w)
	book := `<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="` +
		escaped(sheetName(title)) + `" sheetId="1" r:id="rId1"/></sheets></workbook>`
	for _, p := range append(parts[:len(parts):len(parts)], struct{ name, text string }{"xl/workbook.xml", book}) {
		if err := part(z, p.name, p.text); err != nil {
			return err
		}
	}
	out, err := z.Create("xl/worksheets/sheet1.xml")
	if err != nil {
		return fmt.Errorf("write XLSX: %w", err)
	}
	if err := body(out, header, rows); err != nil {
		return fmt.Errorf("write XLSX: %w", err)
	}
	return z.Close()
}

func part(z *zip.Writer, name, text string) error {
	out, err := z.Create(name)
	if err == nil {
		_, err = io.WriteString(out, xml.Header+text)
	}
	if err != nil {
		return fmt.Errorf("write XLSX: %w", err)
	}
	return nil
}

func body(w io.Writer, header []string, rows Rows) error {
	var b strings.Builder
	b.WriteString(xml.Header + `<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><sheetData><row>`)
	for _, h := range header {
		b.WriteString(`<c s="1" t="inlineStr"><is><t>` + escaped(h) + `</t></is></c>`)
	}
	b.WriteString("</row>")
	if _, err := io.WriteString(w, b.String()); err != nil {
		return err
	}
	err := rows(func(row []Cell) error {
		b.Reset()
		b.WriteString("<row>")
		for _, c := range row {
			c.append(&b)
		}
		b.WriteString("</row>")
		_, err := io.WriteString(w, b.String())
		return err
	})
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, "</sheetData></worksheet>")
	return err
}

// maxCell is how many characters a spreadsheet takes in one cell.
const maxCell = 32_767

func (c Cell) append(b *strings.Builder) {
	switch c.kind {
	case 'n':
		fmt.Fprintf(b, "<c><v>%d</v></c>", c.number)
	case 'd': // days since 30 December 1899
		fmt.Fprintf(b, `<c s="2"><v>%.6f</v></c>`, float64(c.number)/86_400e6+25_569)
	case 't':
		b.WriteString(`<c t="inlineStr"><is><t xml:space="preserve">` + escaped(cut(c.text)) + "</t></is></c>")
	default:
		b.WriteString("<c/>")
	}
}

func cut(s string) string {
	if utf8.RuneCountInString(s) <= maxCell {
		return s
	}
	return string([]rune(s)[:maxCell-1]) + "…"
}

// escaped writes a text for XML; what XML cannot hold becomes U+FFFD.
func escaped(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder takes everything
	return b.String()
}

// sheetName leaves out what a sheet's name cannot hold.
func sheetName(s string) string {
	s = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`[]:*?/\'`, r) {
			return -1
		}
		return r
	}, s)
	if r := []rune(s); len(r) > 31 {
		s = string(r[:31])
	}
	if s == "" {
		return "List"
	}
	return s
}

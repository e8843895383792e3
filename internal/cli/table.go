package cli

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// table is rows of aligned columns. Cells are cleaned; the last column is not padded. On a terminal that is too narrow the widest columns
// are broken over several lines; elsewhere a row is always one line, so that it can be searched.
type table struct {
	head   []string
	rows   [][]string
	colour func(column int, cell string) string // code, or ""
}

func (t *table) add(cells ...string) {
	for i := range cells {
		cells[i] = clean(cells[i])
	}
	t.rows = append(t.rows, cells)
}

// write writes the table, or the sentence where it has no rows.
func (t *table) write(w io.Writer, paint func(code, s string) string, empty string) error {
	return t.within(w, width(w), paint, empty)
}

// within is write for so many columns; 0 means that there is no terminal.
func (t *table) within(w io.Writer, cols int, paint func(code, s string) string, empty string) error {
	if len(t.rows) == 0 {
		_, err := fmt.Fprintln(w, empty)
		return err
	}
	widths := make([]int, len(t.head))
	for _, row := range append([][]string{t.head}, t.rows...) {
		for i, c := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(c))
		}
	}
	if cols > 0 {
		t.narrow(widths, cols)
	}
	if err := writeRow(w, t.head, widths, func(_ int, s string) string { return paint(dim, s) }); err != nil {
		return err
	}
	for _, row := range t.rows {
		err := writeRow(w, row, widths, func(i int, s string) string {
			if t.colour == nil {
				return s
			}
			if code := t.colour(i, strings.TrimSpace(row[i])); code != "" {
				return paint(code, s)
			}
			return s
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// narrowest is as narrow as a column of words is made; a table that needs less is left too wide.
const narrowest = 12

// narrow takes from the widest columns until the table fits.
func (t *table) narrow(widths []int, cols int) {
	sum := 2 * (len(widths) - 1)
	for _, n := range widths {
		sum += n
	}
	for ; sum > cols; sum-- {
		widest := 0
		for i, n := range widths {
			if n > widths[widest] {
				widest = i
			}
		}
		if widths[widest] <= max(narrowest, utf8.RuneCountInString(t.head[widest])) {
			return
		}
		widths[widest]--
	}
}

// writeRow writes one row, on as many lines as its longest cell needs.
func writeRow(w io.Writer, cells []string, widths []int, colour func(int, string) string) error {
	parts, lines := make([][]string, len(cells)), 1
	for i, c := range cells {
		parts[i] = broken(c, widths[i])
		lines = max(lines, len(parts[i]))
	}
	for n := range lines {
		var b strings.Builder
		for i := range cells {
			c := ""
			if n < len(parts[i]) {
				c = parts[i][n]
			}
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c)+2)
			if i == len(cells)-1 {
				pad = ""
			}
			b.WriteString(colour(i, c))
			b.WriteString(pad)
		}
		if _, err := fmt.Fprintln(w, strings.TrimRight(b.String(), " ")); err != nil {
			return err
		}
	}
	return nil
}

// broken breaks a cell into lines of at most so many columns: between words, and inside one that is longer.
func broken(s string, cols int) []string {
	if utf8.RuneCountInString(s) <= cols {
		return []string{s}
	}
	var out []string
	line := ""
	for _, word := range strings.Fields(s) {
		if n := utf8.RuneCountInString(line); line != "" && n+1+utf8.RuneCountInString(word) > cols {
			out, line = append(out, line), ""
		}
		if line != "" {
			line += " "
		}
		letters := []rune(line + word)
		for len(letters) > cols {
			out, letters = append(out, string(letters[:cols])), letters[cols:]
		}
		line = string(letters)
	}
	return append(out, line)
}

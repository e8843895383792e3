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
	} else {
		for i, n := range widths {
			widths[i] = min(n, widest)
		}
	}
	if err := writeRow(w, cols > 0, t.head, widths, func(_ int, s string) string { return paint(dim, s) }); err != nil {
		return err
	}
	for _, row := range t.rows {
		err := writeRow(w, cols > 0, row, widths, func(i int, s string) string {
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

// widest is how far a column is aligned where there is no terminal: one long cell does not push every row to the right.
const widest = 40

// narrowest is as narrow as a column is made as long as that is enough, and tightest as narrow as any; a table that needs less is left too
// wide.
const (
	narrowest = 12
	tightest  = 4
)

// narrow takes from the widest columns until the table fits: first down to where words still stand well, then further from columns of several
// words, and at last from those of single ones, which are broken in the middle. An id never is: people copy it.
func (t *table) narrow(widths []int, cols int) {
	sum := 2 * (len(widths) - 1)
	for _, n := range widths {
		sum += n
	}
	words := t.worded()
	take := func(least int, from func(i int) bool) {
		for sum > cols {
			widest := -1
			for i, n := range widths {
				if n > least && from(i) && (widest < 0 || n > widths[widest]) {
					widest = i
				}
			}
			if widest < 0 {
				return
			}
			widths[widest]--
			sum--
		}
	}
	ids := t.ids()
	every := func(i int) bool { return !ids[i] }
	take(narrowest, every)
	take(narrowest/2, func(i int) bool { return words[i] && !ids[i] })
	take(tightest, every)
}

// ids says which columns hold ids, such as que_06b2….
func (t *table) ids() []bool {
	out := make([]bool, len(t.head))
	for _, row := range t.rows {
		for i, c := range row {
			kind, rest, ok := strings.Cut(c, "_")
			out[i] = out[i] || ok && len(kind) <= 4 && len(rest) >= 16 && strings.Trim(rest, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-") == ""
		}
	}
	return out
}

// worded says which columns have cells of several words.
func (t *table) worded() []bool {
	out := make([]bool, len(t.head))
	for _, row := range t.rows {
		for i, c := range row {
			out[i] = out[i] || strings.Contains(strings.TrimSpace(c), " ")
		}
	}
	return out
}

// writeRow writes one row: folded, on as many lines as its longest cell needs, else on one.
func writeRow(w io.Writer, folds bool, cells []string, widths []int, colour func(int, string) string) error {
	parts, lines := make([][]string, len(cells)), 1
	for i, c := range cells {
		parts[i] = []string{c}
		if folds {
			parts[i] = broken(c, widths[i])
		}
		lines = max(lines, len(parts[i]))
	}
	for n := range lines {
		var b strings.Builder
		for i := range cells {
			c := ""
			if n < len(parts[i]) {
				c = parts[i][n]
			}
			pad := strings.Repeat(" ", max(widths[i]-utf8.RuneCountInString(c), 0)+2)
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

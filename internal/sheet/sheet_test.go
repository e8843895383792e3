package sheet_test

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"plumbline.dev/plumb/internal/sheet"
)

// hostile are texts that spreadsheets run, break or hide.
var hostile = []string{"=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "＝1+1", `=HYPERLINK("http://evil.example","x")`,
	"<script>alert(1)</script>", "]]>&amp;", "a\x00b", "\u202eevil", "\xff\xfe", "two\nlines", `"quoted", with comma`, "", "plain"}

func rows(put func([]sheet.Cell) error) error {
	for _, h := range hostile {
		if err := put([]sheet.Cell{sheet.Text(h), sheet.Number(-7), sheet.Instant(1_790_000_000_000_000), {}}); err != nil {
			return err
		}
	}
	return nil
}

// A space or a character that nobody sees before a formula is stripped by what opens the file, so it guards nothing.
func TestNoFormulaHidesBehindASpace(t *testing.T) {
	t.Parallel()
	for _, lead := range []string{" ", "   ", "\u00a0", "\u2028", "\u200b", "\ufeff", "\u3000", "\u202e", "\x00", "\v", "\xff", " \ufeff\u00a0"} {
		for _, sign := range []string{"=", "+", "-", "@", "＝"} {
			var b bytes.Buffer
			text := lead + sign + "1+1"
			if err := sheet.CSV(&b, []string{"text"}, func(put func([]sheet.Cell) error) error { return put([]sheet.Cell{sheet.Text(text)}) }); err != nil {
				t.Fatal(err)
			}
			if all, err := csv.NewReader(&b).ReadAll(); err != nil || all[1][0] != "'"+text {
				t.Errorf("%q is written as %q, %v", text, all, err)
			}
		}
	}
}

// No cell of an export is a formula: in CSV such a text has an apostrophe before it.
func TestCSVHoldsNoFormula(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := sheet.CSV(&b, []string{"text", "number", "at", "none"}, rows); err != nil {
		t.Fatal(err)
	}
	all, err := csv.NewReader(&b).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != len(hostile)+1 {
		t.Fatalf("%d lines, want %d", len(all), len(hostile)+1)
	}
	for _, line := range all[1:] {
		if line[0] != "" && strings.ContainsAny(line[0][:1], "=+-@\t\r|%") || strings.HasPrefix(line[0], "＝") {
			t.Errorf("the cell %q would be run", line[0])
		}
		if line[1] != "-7" || line[2] != time.UnixMicro(1_790_000_000_000_000).UTC().Format(time.RFC3339) {
			t.Errorf("number and instant came out as %q, %q", line[1], line[2])
		}
	}
}

// A workbook is read by a program that is not ours, and each of its texts is a text there.
func TestAWorkbookIsReadByOthers(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := sheet.XLSX(&b, "Changes: 'all' [now]", []string{"text", "number", "at", "none"}, rows); err != nil {
		t.Fatal(err)
	}
	f, err := excelize.OpenReader(&b)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	name := f.GetSheetList()[0]
	got, err := f.GetRows(name)
	if err != nil || len(got) != len(hostile)+1 {
		t.Fatalf("%d rows (%v), want %d", len(got), err, len(hostile)+1)
	}
	for i, h := range hostile {
		at, err := excelize.CoordinatesToCellName(1, i+2)
		if err != nil {
			t.Fatal(err)
		}
		if formula, err := f.GetCellFormula(name, at); err != nil || formula != "" {
			t.Errorf("%q became the formula %q", h, formula)
		}
		if h == "plain" && got[i+1][0] != h {
			t.Errorf("%q came out as %q", h, got[i+1][0])
		}
	}
	if v, err := f.GetCellValue(name, "B2", excelize.Options{RawCellValue: true}); err != nil || v != "-7" {
		t.Errorf("the number came out as %q", v)
	}
}

package server_test

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"io"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/server/servertest"
)

// A slice of the assets as a file is the same on the page and on the API: the same rows, the same columns, no formula.
func TestASliceOfTheAssetsIsOneFileOnPageAndAPI(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	s.Stock()
	rita := s.As(servertest.Rita)
	got := rita.Want(200, "GET", "/assets.csv?class=Host", nil)
	page := s.Browse(servertest.Rita).Get("/export/inventory/csv?class=Host").Wants(200)
	if string(got.Body) != page.Body {
		t.Errorf("the API gives\n%s\nand the page\n%s", got.Body, page.Body)
	}
	if kind := got.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/csv") || !strings.Contains(got.Header.Get("Content-Disposition"), "assets.csv") {
		t.Errorf("it is sent as %s", kind)
	}
	rows, err := csv.NewReader(bytes.NewReader(got.Body)).ReadAll()
	if err != nil || len(rows) != 7 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for _, row := range rows {
		for _, cell := range row {
			if strings.HasPrefix(cell, "=") {
				t.Errorf("a spreadsheet would run %q", cell)
			}
		}
	}
	book := rita.Want(200, "GET", "/assets.xlsx?environment=production", nil)
	z, err := zip.NewReader(bytes.NewReader(book.Body), int64(len(book.Body)))
	if err != nil {
		t.Fatal(err)
	}
	f, err := z.Open("xl/worksheets/sheet1.xml")
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(f)
	if err != nil || strings.Contains(string(text), "<f>") || !strings.Contains(string(text), "web-1") || strings.Contains(string(text), "lab-1") {
		t.Errorf("the sheet is %.300s, %v", text, err)
	}
	var lines []struct {
		Name  string   `json:"name"`
		Lacks []string `json:"lacks"`
	}
	if err := json.Unmarshal(rita.Want(200, "GET", "/assets.json?name=stray", nil).Body, &lines); err != nil || len(lines) != 1 || len(lines[0].Lacks) != 3 {
		t.Errorf("%v %v", lines, err)
	}
	rita.Refused(400, "bad_filter", "GET", "/assets.csv?environment=moon", nil)
	rita.Refused(404, "no_route", "GET", "/assets.pdf", nil)
}

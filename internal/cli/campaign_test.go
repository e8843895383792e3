package cli

import (
	"encoding/csv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/client"
)

// What sources name things and what reviewers write ends up in a spreadsheet of an auditor.
func TestACampaignAsCSVHoldsNoFormula(t *testing.T) {
	t.Parallel()
	var x client.CampaignExport
	if err := json.Unmarshal([]byte(`{"campaign":{"id":"CMP-000001","head":"sha256:aa"},"items":[
		{"asset":"AST-000001","frozen":{"name":"=1+1","owner":"@sam","version":3},"asked":true,"reviewer":"per_1","standing":"wrong",
		 "answer":{"person":"per_1","at":1700000000000000,"comment":"=HYPERLINK(\"//x\")","fields":["owner","environment"],"seen":{"version":4}}},
		{"asset":"AST-000002","frozen":{"name":"web"},"standing":"not_asked"}]}`), &x); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := writeCampaignCSV(&b, x); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(b.String())).ReadAll()
	if err != nil || len(rows) != 3 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for _, row := range rows {
		if len(row) != len(rows[0]) {
			t.Errorf("%d cells under %d heads", len(row), len(rows[0]))
		}
		for _, cell := range row {
			if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r|%") {
				t.Errorf("a cell is a formula: %q", cell)
			}
		}
	}
	if got := strings.Join(rows[1], ";"); !strings.Contains(got, "'=1+1") || !strings.Contains(got, "2023-11-14T22:13:20Z;4;;owner environment;'=HYPERLINK") {
		t.Errorf("the row is %s", got)
	}
}

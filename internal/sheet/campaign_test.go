package sheet_test

import (
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/sheet"
)

func TestALineOfACampaignFillsItsColumns(t *testing.T) {
	t.Parallel()
	l := sheet.CampaignLine{Campaign: "CMP-000001", Head: "sha256:h", Asset: "AST-000001", Class: "Host", Name: "=db", Environment: "prod", Classification: "critical",
		Owner: "erin", Version: 3, Digest: "sha256:f", Reviewer: "per_erin", Standing: "open"}
	answered := l
	answered.Asked, answered.Standing = true, "wrong"
	answered.Answer = &sheet.CampaignWord{Person: "per_erin", At: 1, Version: 4, Digest: "sha256:s", Wrong: []string{"environment", "owner"}, Comment: "no", Retires: "CHG-000009"}
	var b strings.Builder
	err := sheet.CSV(&b, sheet.CampaignHeader(), func(put func([]sheet.Cell) error) error {
		for _, x := range []sheet.CampaignLine{l, answered} {
			if got := x.Cells(); len(got) != len(sheet.CampaignHeader()) {
				t.Errorf("%d cells under %d columns", len(got), len(sheet.CampaignHeader()))
			}
			if err := put(x.Cells()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"CMP-000001,sha256:h,AST-000001,Host,'=db,prod,critical,erin,3,sha256:f,no,per_erin,open,,,,,,,",
		"CMP-000001,sha256:h,AST-000001,Host,'=db,prod,critical,erin,3,sha256:f,yes,per_erin,wrong,per_erin,1970-01-01T00:00:00Z,4,sha256:s,environment owner,no,CHG-000009",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
}

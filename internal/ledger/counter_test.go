package ledger_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/ledger"
)

func (in *install) events() (all []ledger.Entry) {
	in.Helper()
	err := in.d.View(in.Context(), func(tx *db.Tx) (err error) {
		all, err = ledger.ReadIn(tx, 0, 100)
		return err
	})
	if err != nil {
		in.Fatal(err)
	}
	return all
}

func TestStrangersGrowTheLedgerByOneEventPerSummary(t *testing.T) {
	t.Parallel()
	in := installed(t)
	c := ledger.NewCounter(in.d)
	for i := range 10000 {
		c.Count([]string{"bad_json", "no_token", "bad_json"}[i%3])
		c.Count(fmt.Sprintf("invented_%d", i))
		c.Count(strings.Repeat("x", 1000))
		c.Count("")
	}
	for range 3 { // the second and third have nothing to say
		if err := c.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	all := in.events()
	if len(all) != 1 || all[0].Leaf.Verb != "requests.refused" {
		t.Fatalf("events = %+v, want one summary", all)
	}
	var got struct {
		Counts map[string]int64 `json:"counts"`
		Total  int64            `json:"total"`
	}
	if err := json.Unmarshal([]byte(all[0].Detail), &got); err != nil {
		t.Fatal(err)
	}
	if got.Total != 40000 || got.Counts["bad_json"] != 6667 || got.Counts["no_token"] != 3333 {
		t.Errorf("summary = %+v, want 40000 in total, 6667 bad_json, 3333 no_token", got)
	}
	if len(got.Counts) > 65 || len(all[0].Text) > 2000 {
		t.Errorf("%d codes in %d bytes: a stranger chose the size", len(got.Counts), len(all[0].Text))
	}
}

func TestASummaryThatCouldNotBeWrittenIsKept(t *testing.T) {
	t.Parallel()
	in := installed(t)
	c := ledger.NewCounter(in.d)
	c.Count("bad_json")
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Flush(stopped); err == nil {
		t.Fatal("a cancelled flush reported success")
	}
	c.Count("bad_json")
	if err := c.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if all := in.events(); len(all) != 1 || !strings.Contains(all[0].Detail, `"bad_json":2`) {
		t.Errorf("events = %+v, want one summary of two requests", all)
	}
}

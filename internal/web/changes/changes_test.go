package changes_test

import (
	"encoding/csv"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/server/servertest"
)

func get(values ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(values); i += 2 {
		q.Set(values[i], values[i+1])
	}
	return "/changes?" + q.Encode()
}

// A list is narrowed by what stands in its address, and says so when nothing is left; what cannot be a
// filter is refused.
func TestAListIsNarrowed(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	waits := s.Submitted()
	s.Tested(waits)
	draft := s.Filed()
	b := s.Browse(servertest.Sam)
	shows := func(address string, yes, no string) {
		t.Helper()
		p := b.Get(address).Wants(http.StatusOK)
		if yes != "" && !strings.Contains(p.Body, "/changes/"+yes+`"`) || no != "" && strings.Contains(p.Body, "/changes/"+no+`"`) {
			t.Errorf("%s does not show %q without %q", address, yes, no)
		}
	}
	shows("/changes", string(draft.ID), "")
	shows(get("state", "waiting"), string(waits.ID), string(draft.ID))
	shows(get("state", "draft"), string(draft.ID), string(waits.ID))
	shows(get("by", "alice"), string(draft.ID), "")
	shows(get("by", "Alice"), string(draft.ID), "")
	shows(get("by", "me"), "", string(draft.ID))
	shows(get("from", "2020-01-01", "to", "2020-12-31"), "", string(draft.ID))
	b.Get(get("category", "network")).Wants(http.StatusOK, "No change fits this filter")
	for _, bad := range []string{get("state", "flying"), get("from", "yesterday"), get("sort", "; DROP TABLE change_change"), get("key", "x")} {
		b.Get(bad).Wants(http.StatusBadRequest, "Next:")
	}
}

// A view is kept under its name by whoever made it, and for nobody else.
func TestAViewIsItsMakers(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	sam, erin := s.Browse(servertest.Sam), s.Browse(servertest.Erin)
	sam.Post("/changes/views", url.Values{"name": {"Night <b>shift</b>"}, "query": {"state=open&type=emergency&evil=1"}}).Wants(http.StatusSeeOther)
	p := sam.Get(get("state", "open", "type", "emergency")).Wants(http.StatusOK, "Night <b>shift</b>", "Delete this view")
	if strings.Contains(erin.Get("/changes").Body, "Night") {
		t.Error("a view is shown to somebody else")
	}
	drop := ""
	for _, f := range p.All("form") {
		if a := servertest.Attr(f, "action"); strings.HasSuffix(a, "/drop") {
			drop = a
		}
	}
	erin.Post(drop, url.Values{}).Wants(http.StatusSeeOther)
	sam.Get("/changes").Wants(http.StatusOK, "Night")
	sam.Post(drop, url.Values{}).Wants(http.StatusSeeOther)
	if strings.Contains(sam.Get("/changes").Body, "Night") {
		t.Error("a deleted view is still shown")
	}
	sam.Post("/changes/views", url.Values{"name": {""}, "query": {"state=open"}}).Wants(http.StatusBadRequest)
}

// An export holds the whole filtered list, whatever its length in pages, and no cell of it is a formula.
func TestAnExportIsWholeAndHoldsNoFormula(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	m := s.Material()
	m.Summary = `=HYPERLINK("http://evil.example","x")`
	var c change.Change
	s.As(servertest.Alice).Want(http.StatusCreated, "POST", "/changes", m).Into(&c)
	other := s.Filed()
	b := s.Browse(servertest.Sam)
	p := b.Get("/export/changes/csv")
	rows, err := csv.NewReader(strings.NewReader(p.Body)).ReadAll()
	if err != nil || len(rows) != 3 {
		t.Fatalf("%d lines (%v), want a header and two changes", len(rows), err)
	}
	if rows[2][1] != "'"+m.Summary && rows[1][1] != "'"+m.Summary {
		t.Errorf("a formula came out as %q and %q", rows[1][1], rows[2][1])
	}
	if d := p.Header.Get("Content-Disposition"); !strings.HasPrefix(d, "attachment;") {
		t.Errorf("the export is shown and not saved: %q", d)
	}
	var list []struct {
		Change string         `json:"change"`
		Rest   map[string]any `json:",inline"`
	}
	if err := json.Unmarshal([]byte(b.Get("/export/changes/json").Body), &list); err != nil || len(list) != 2 || list[0].Change != string(other.ID) {
		t.Errorf("the export as JSON is %v (%v)", list, err)
	}
	if !strings.HasPrefix(b.Get("/export/changes/xlsx").Body, "PK") {
		t.Error("the export for spreadsheets is no workbook")
	}
	b.Get("/export/changes/exe").Wants(http.StatusNotFound, "csv, xlsx or json")
}

// Windows and freezes are set and lifted on the calendar by people who decide; a form that was filled in
// wrongly comes back as it was typed, and nothing is set.
func TestFreezesAreSetOnTheCalendar(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	sam := s.Browse(servertest.Sam)
	form := url.Values{"kind": {"freeze"}, "from": {"2031-05-03T08:00"}, "until": {"2031-05-05T08:00"}, "reason": {"Spring sale"}, "environment": {"prod"}, "hard": {"yes"}}
	bad := url.Values{"kind": {"freeze"}, "from": {"soon"}, "until": {""}, "reason": {"Typed words"}}
	sam.Post("/changes/calendar", bad).Wants(http.StatusBadRequest, "is a day and a time")
	p := sam.Post("/changes/calendar", form)
	if p.Status != http.StatusSeeOther || !strings.Contains(p.Header.Get("Location"), "2031-05") {
		t.Fatalf("the freeze is answered %d %s", p.Status, p.Text())
	}
	p = sam.Get("/changes/calendar?month=2031-05").Wants(http.StatusOK, "Hard freeze", "Spring sale", "in prod")
	lift := ""
	for _, f := range p.All("form") {
		if a := servertest.Attr(f, "action"); strings.HasSuffix(a, "/lift") {
			lift = a
		}
	}
	s.Browse(servertest.Audra).Post("/changes/calendar", form).Wants(http.StatusForbidden)
	sam.Post(lift, url.Values{"reason": {"The sale is off"}}).Wants(http.StatusSeeOther)
	if strings.Contains(sam.Get("/changes/calendar?month=2031-05").Body, "Spring sale") {
		t.Error("a freeze that was lifted is still shown")
	}
	sam.Get("/changes/calendar?month=13").Wants(http.StatusBadRequest)
}

// Search finds a change by number and words, a person by name, an event by number, and nothing by what
// is none of these.
func TestSearchFindsChangesPeopleAndEvents(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	c := s.Filed()
	b := s.Browse(servertest.Sam)
	if p := b.Get("/search?q=" + strings.ToLower(string(c.ID))); p.Status != http.StatusSeeOther || p.Header.Get("Location") != "/changes/"+string(c.ID) {
		t.Errorf("the id of a change leads to %d %s", p.Status, p.Header.Get("Location"))
	}
	b.Get("/search?q=1").Wants(http.StatusOK, string(c.ID), "Event 1 of the ledger")
	b.Get("/search?q=ali").Wants(http.StatusOK, "Alice", string(c.ID))
	for _, nothing := range []string{"zzz", "%25", "%3Cscript%3E", "-1", "%2B1", "'%20OR%201=1"} {
		b.Get("/search?q="+nothing).Wants(http.StatusOK, "Nothing was found")
	}
}

package things_test

import (
	"archive/zip"
	"encoding/csv"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/server/servertest"
)

// stocked is a server whose two sources were read.
func stocked(t *testing.T) *servertest.Server {
	t.Helper()
	s := servertest.Start(t)
	s.Stock()
	return s
}

func TestTheListNarrowsByEveryFilterAndGoesOnByNumber(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	rita := s.Browse(servertest.Rita)
	all := rita.Get("/inventory").Wants(http.StatusOK, "web-1", "db-1", "stray", "prod-net", "none, counts as prod", "no owner")
	if strings.Contains(all.Body, "<db>") {
		t.Error("a name entered the page as markup")
	}
	for query, want := range map[string][2]string{
		"class=Network":           {"prod-net", "web-1"},
		"environment=dev":         {"lab-1", "web-1"},
		"classification=critical": {"db-1", "web-1"},
		"owner=ops":               {"db-1", "stray"},
		"role=web":                {"web-1", "db-1"},
		"name=db":                 {"db-1", "web-1"},
		"unlabelled=yes":          {"stray", "web-1"},
		"unanswered=yes":          {"web-1", "lab-1"},
		"state=all":               {"web-1", "No asset"},
		"state=present&class=Host&environment=dev": {"lab-1", "stray"},
	} {
		p := rita.Get("/inventory?"+query).Wants(http.StatusOK, want[0])
		if strings.Contains(p.Text(), want[1]) {
			t.Errorf("%s shows %s", query, want[1])
		}
	}
	rita.Get("/inventory?state=retired").Wants(http.StatusOK, "No asset fits")
	after := rita.Get("/inventory?after=1").Wants(http.StatusOK, "Back to the first page")
	if strings.Contains(after.Text(), "AST-000001") {
		t.Error("the page after number 1 shows it")
	}
}

func TestAListGoesOnWithTheNextPage(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	var many strings.Builder
	many.WriteString("name,class\n")
	for i := range 120 {
		many.WriteString("node-" + string(rune('a'+i/26)) + string(rune('a'+i%26)) + ",Container\n")
	}
	s.As(servertest.Olga).Want(201, "POST", "/sources", map[string]any{"name": "many", "kind": "csv"})
	s.Push("many", many.String())
	rita, seen := s.Browse(servertest.Rita), map[string]bool{}
	path := "/inventory?class=Container"
	for pages := 0; path != ""; pages++ {
		p := rita.Get(path).Wants(http.StatusOK)
		for _, name := range regexp.MustCompile(`node-[a-z]{2}`).FindAllString(p.Text(), -1) {
			seen[name] = true
		}
		path = ""
		for _, a := range p.All("a") {
			if servertest.Attr(a, "rel") == "next" {
				path = servertest.Attr(a, "href")
			}
		}
		if pages > 5 {
			t.Fatal("the list does not end")
		}
	}
	if len(seen) != 120 {
		t.Errorf("the pages showed %d of 120", len(seen))
	}
}

func TestAnExportHoldsTheFilteredAssetsAndNoFormula(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	rita := s.Browse(servertest.Rita)
	p := rita.Get("/export/inventory/csv?class=Host").Wants(http.StatusOK)
	rows, err := csv.NewReader(strings.NewReader(p.Body)).ReadAll()
	if err != nil || len(rows) != 7 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	formula := 0
	for _, row := range rows {
		for _, cell := range row {
			if strings.HasPrefix(cell, "=") {
				t.Errorf("a spreadsheet would run %q", cell)
			}
			if strings.HasPrefix(cell, "'=HYPERLINK") {
				formula++
			}
		}
	}
	if formula != 1 {
		t.Errorf("the hostile name stands there %d times", formula)
	}
	var lines []struct {
		Name   string                     `json:"name"`
		Labels map[string]inventory.Label `json:"labels"`
		Lacks  []string                   `json:"lacks"`
	}
	if err := json.Unmarshal([]byte(rita.Get("/export/inventory/json?name=stray").Body), &lines); err != nil || len(lines) != 1 || len(lines[0].Lacks) != 3 {
		t.Errorf("%v %v", lines, err)
	}
	x := rita.Get("/export/inventory/xlsx").Wants(http.StatusOK)
	z, err := zip.NewReader(strings.NewReader(x.Body), int64(len(x.Body)))
	if err != nil {
		t.Fatal(err)
	}
	f, err := z.Open("xl/worksheets/sheet1.xml")
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(f)
	if err != nil || strings.Contains(string(text), "<f>") || !strings.Contains(string(text), "web-1") {
		t.Errorf("the sheet holds a formula, or no asset: %v", err)
	}
	rita.Get("/export/inventory/pdf").Wants(http.StatusNotFound)
}

// pathOf is the address of the asset of that name.
func pathOf(t *testing.T, b *servertest.Browser, name string) string {
	t.Helper()
	p := b.Get("/inventory?name="+url.QueryEscape(name)).Wants(http.StatusOK, name)
	at := regexp.MustCompile(`/inventory/AST-[0-9]+`).FindString(p.Body)
	if at == "" {
		t.Fatalf("no asset %s: %s", name, p.Text())
	}
	return at
}

func TestAnAssetShowsWhereEachWordComesFrom(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	rita := s.Browse(servertest.Rita)
	at := pathOf(t, rita, "web-1")
	p := rita.Get(at).Wants(http.StatusOK, "web-1", "derived", "list", "size", "cx22", "mac 02:fc:00:00:00:01", "confirmed", "there before anybody looked")
	if strings.Contains(p.Body, "/labels\"") {
		t.Error("who may not set labels is offered the form")
	}
	host := pathOf(t, rita, "app-1")
	rita.Get(host).Wants(http.StatusOK, "RUNS", "shop", "billing", "PROTECTS", "edge", "It lacks: owner.")
	rita.Post(at+"/labels", url.Values{"role": {"x"}, "reason": {"because"}}).Wants(http.StatusForbidden)
}

// instantOf writes an instant as the address of a page may hold it, a moment later than it was.
func instantOf(micros int64) string {
	return time.UnixMicro(micros + 1).UTC().Format(time.RFC3339Nano)
}

func TestAnAssetIsShownAsItWas(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	rita := s.Browse(servertest.Rita)
	at := pathOf(t, rita, "web-1")
	s.Push("list", strings.Replace(servertest.Table, "10.0.0.1,cx22", "10.0.0.1,cx52", 1))
	rita.Get(at).Wants(http.StatusOK, "cx52", "update", "between")
	hist := s.As(servertest.Rita)
	var w inventory.Whole
	hist.Want(200, "GET", strings.Replace(at, "/inventory/", "/assets/", 1), nil).Into(&w)
	was := rita.Get(at + "?at=" + url.QueryEscape(instantOf(w.First)))
	was.Wants(http.StatusOK, "This is the asset as it was")
	row := regexp.MustCompile(`(?s)>size<.*?</tr>`).FindString(was.Body)
	if !strings.Contains(row, "cx22") || strings.Contains(row, "cx52") {
		t.Errorf("as of its first reading the size is %q", row)
	}
	rita.Get(at+"?at=1999-01-01T00:00").Wants(http.StatusNotFound, "had not been seen")
	rita.Get(at+"?at=yesterday").Wants(http.StatusBadRequest, "no time")
}

func TestLabelsAreSetByAFormAndALoosenedOneIsRefused(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	olga := s.Browse(servertest.Olga)
	at := pathOf(t, olga, "stray")
	form := olga.Get(at).Form(at + "/labels")
	form.Set("environment", "test")
	form.Set("owner", "Rita Request")
	form.Set("role", "lab")
	form.Set("reason", "")
	olga.Post(at+"/labels", form).Wants(http.StatusBadRequest, "Say why")
	form.Set("reason", "found in the lab")
	olga.Follow(olga.Post(at+"/labels", form)).Wants(http.StatusOK, "The labels are set.", "asserted", "found in the lab", "It lacks: classification.")
	form.Set("environment", "prod")
	again := olga.Post(at+"/labels", form).Wants(http.StatusForbidden, "only by the promotion step", "promotion")
	if got := again.Form(at + "/labels").Get("reason"); got != "found in the lab" {
		t.Errorf("what was typed is gone: %q", got)
	}
	var w inventory.Whole
	s.As(servertest.Rita).Want(200, "GET", strings.Replace(at, "/inventory/", "/assets/", 1), nil).Into(&w)
	if w.Labels["environment"].Value != "test" || w.Labels["role"].Value != "lab" {
		t.Errorf("labels %v", w.Labels)
	}
}

func TestASourceIsAddedChangedPausedAndReadByForms(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	olga, rita := s.Browse(servertest.Olga), s.Browse(servertest.Rita)
	olga.Get("/sources").Wants(http.StatusOK, "No source yet", "CSV table", "JupiterOne entities")
	form := olga.Get("/source-kinds/csv").Wants(http.StatusOK, "Name").Form("/source-kinds/csv")
	form.Set("name", "Bad Name")
	olga.Post("/source-kinds/csv", form).Wants(http.StatusBadRequest, "lower-case letters")
	form.Set("name", "racks")
	form.Set("settings.class", "Device")
	olga.Follow(olga.Post("/source-kinds/csv", form)).Wants(http.StatusOK, "The source is added.", "never", "Never read", "plumb source push racks FILE")
	olga.Post("/source-kinds/csv", form).Wants(http.StatusConflict, "A source of that name exists")
	s.Push("racks", "name\nswitch-1\n")
	rita.Get("/sources").Wants(http.StatusOK, "racks", "fresh")
	p := rita.Get("/sources/racks").Wants(http.StatusOK, "complete", "Scopes", "1 complete readings", "Device")
	if strings.Contains(p.Body, "/pause") {
		t.Error("who may not look after sources is offered to")
	}
	rita.Post("/sources/racks/pause", nil).Wants(http.StatusForbidden)
	edit := olga.Get("/sources/racks").Form("/sources/racks/edit")
	edit.Set("settings.delimiter", "tab")
	olga.Follow(olga.Post("/sources/racks/edit", edit)).Wants(http.StatusOK, "The source is changed")
	olga.Follow(olga.Post("/sources/racks/pause", nil)).Wants(http.StatusOK, "paused", "Read it again")
	olga.Follow(olga.Post("/sources/racks/resume", nil)).Wants(http.StatusOK, "fresh", "Pause it")
	olga.Post("/sources/racks/read", nil).Wants(http.StatusBadRequest, "takes documents")
	olga.Get("/sources/none").Wants(http.StatusNotFound)
	olga.Get("/source-kinds/none").Wants(http.StatusNotFound)
}

func TestABrokenReadingIsSaidAndMakesNothingAbsent(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	s.As(servertest.Olga).Ask("POST", "/sources/list/documents", strings.NewReader("name,class\nweb-1,no such class\n"))
	rita := s.Browse(servertest.Rita)
	rita.Get("/sources/list").Wants(http.StatusOK, "failing", "did not come to its end", "broken off")
	rita.Get(pathOf(t, rita, "db-1")).Wants(http.StatusOK, "present")
}

func TestSearchFindsAnAssetByNameAndGoesToItById(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	rita := s.Browse(servertest.Rita)
	at := pathOf(t, rita, "db-1")
	rita.Get("/search?q=db").Wants(http.StatusOK, "db-1", "Host")
	id := strings.TrimPrefix(at, "/inventory/")
	if p := rita.Get("/search?q=" + strings.ToLower(id)); p.Header.Get("Location") != at {
		t.Errorf("searching %s leads to %q", id, p.Header.Get("Location"))
	}
	rita.Get("/search?q=AST-999999").Wants(http.StatusOK, "Nothing was found")
}

func TestASourceIsRemovedForGoodByTypingItsName(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	olga, rita := s.Browse(servertest.Olga), s.Browse(servertest.Rita)
	const at = "/sources/list"
	form := olga.Get(at).Wants(http.StatusOK, "Remove it for good").Form(at + "/remove")
	if strings.Contains(rita.Get(at).Body, at+"/remove") {
		t.Error("who may not look after sources is offered to")
	}
	rita.Post(at+"/remove", url.Values{"confirm": {"list"}}).Wants(http.StatusForbidden)
	form.Set("confirm", "lists")
	again := olga.Post(at+"/remove", form).Wants(http.StatusBadRequest, "Type the name of the source").Form(at + "/remove")
	if again.Get("confirm") != "lists" {
		t.Errorf("what was typed is gone: %v", again)
	}
	olga.Get(at).Wants(http.StatusOK, "fresh")
	form.Set("confirm", "list")
	p := olga.Follow(olga.Post(at+"/remove", form)).Wants(http.StatusOK, "removed for good", "its history stays", "Newest readings")
	if strings.Contains(p.Body, at+"/remove") || strings.Contains(p.Body, at+"/edit") || strings.Contains(p.Body, at+"/pause") {
		t.Error("a removed source can still be changed")
	}
	olga.Post(at+"/remove", form).Wants(http.StatusConflict, "only its history is left")
	if p := rita.Get("/sources").Wants(http.StatusOK); strings.Contains(p.Body, `href="`+at+`"`) {
		t.Error("a removed source is still listed")
	}
	rita.Get(pathOf(t, rita, "web-1")).Wants(http.StatusOK, "silent")
}

func TestDiagramsAreDrawnAndMixedTiersAreSaid(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	rita := s.Browse(servertest.Rita)
	rita.Get("/diagrams").Wants(http.StatusOK, "Frontend and backend are not apart", "app-1", "runs both tiers")
	p := rita.Get("/diagrams/data-flow.svg").Wants(http.StatusOK)
	if !strings.Contains(p.Body, "cards &lt;db&gt; &amp;") || p.Header.Get("Content-Type") != "image/svg+xml" {
		t.Errorf("%s: %.400s", p.Header.Get("Content-Type"), p.Body)
	}
	if again := rita.Get("/diagrams/network.dot"); !strings.Contains(again.Body, `[label="HAS"]`) {
		t.Errorf("the network has no edge: %s", again.Body)
	}
	rita.Get("/diagrams/network.exe").Wants(http.StatusNotFound)
	rita.Get("/diagrams/tree.svg").Wants(http.StatusNotFound)
	rita.Get("/diagrams/environment.svg").Wants(http.StatusOK, "prod (assumed)", "nobody gave the environment")
}

func TestADiagramOfRecordIsProposedApprovedAndTurnsStaleByPages(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	olga, otto, rita := s.Browse(servertest.Olga), s.Browse(servertest.Otto), s.Browse(servertest.Rita)
	page := "/diagrams?kind=network&environment=prod"
	if p := rita.Get(page).Wants(http.StatusOK, "No diagram of record"); strings.Contains(p.Body, "/diagrams/propose") {
		t.Error("who may not propose is offered to")
	}
	form := olga.Get(page).Form("/diagrams/propose")
	form.Set("reason", "for the <audit>")
	rita.Post("/diagrams/propose", form).Wants(http.StatusForbidden)
	at := "/diagrams/of-record/DGM-000001"
	own := olga.Follow(olga.Post("/diagrams/propose", form)).Wants(http.StatusOK, "DGM-000001", "proposed", "for the <audit>", "environment prod").Form(at + "/approve")
	olga.Post("/diagrams/propose", form).Wants(http.StatusConflict, "waits for its approval already")
	olga.Post(at+"/approve", own).Wants(http.StatusForbidden, "does not approve it")
	otto.Post(at+"/refuse", url.Values{}).Wants(http.StatusBadRequest, "Say why")
	decide := otto.Get(at).Form(at + "/approve")
	decide.Set("note", "as built")
	otto.Follow(otto.Post(at+"/approve", decide)).Wants(http.StatusOK, "of record", "as built")
	was := rita.Get(at + ".svg").Wants(http.StatusOK)
	s.Push("list", servertest.Table+"web-9,host,rack_server,prod,internal,ops,web,,02:FC:00:00:00:09,10.0.0.9,cx22\n")
	rita.Get(page).Wants(http.StatusOK, "DGM-000001", "stale", "since")
	rita.Get(at).Wants(http.StatusOK, "stale", "not as this shows any more", "web-9")
	if is := rita.Get(at + ".svg"); is.Body != was.Body {
		t.Error("the approved drawing moved with production")
	}
	rita.Get("/diagrams/of-record/DGM-000007").Wants(http.StatusNotFound)
}

// What somebody typed into the answer to a question is not lost when it is refused, from whichever page it came.
func TestARefusedAnswerToAQuestionKeepsWhatWasTyped(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	for _, name := range []string{"one", "two"} {
		s.As(servertest.Olga).Want(201, "POST", "/sources", map[string]any{"name": name, "kind": "csv"})
	}
	for range 3 {
		for name, size := range map[string]string{"one": "cx22", "two": "cx52"} {
			s.Push(name, "name,class,environment,cloud-id,size\nbox,host,prod,hcloud:server:7,"+size+"\n")
		}
	}
	olga := s.Browse(servertest.Olga)
	at := pathOf(t, olga, "box")
	action := ""
	for _, page := range []string{at, "/questions"} {
		p := olga.Get(page).Wants(http.StatusOK, "attribute conflict")
		for _, n := range p.All("form") {
			if a := servertest.Attr(n, "action"); strings.HasSuffix(a, "/decide") {
				action = a
			}
		}
		form := p.Form(action)
		form.Set("source", "three")
		form.Set("reason", "it was measured")
		again := olga.Post(action, form).Wants(http.StatusBadRequest, "That source is none of those that disagree").Form(action)
		if got := again.Get("source") + ": " + again.Get("reason"); got != "three: it was measured" {
			t.Errorf("from %s what was typed is gone: %q", page, got)
		}
	}
	form := olga.Get(at).Form(action)
	form.Set("source", "two")
	form.Set("reason", "it was measured")
	olga.Follow(olga.Post(action, form)).Wants(http.StatusOK, "that source's word counts")
	olga.Post(action, form).Wants(http.StatusNotFound, "no such open question")
}

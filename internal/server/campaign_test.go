package server_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/server/servertest"
)

// The whole way of a campaign through the API, with everybody in a session of their own.
func TestPeopleAttestWhatTheInventoryHolds(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	olga, sam, erin := s.As(servertest.Olga), s.As(servertest.Sam), s.As(servertest.Erin)
	olga.Want(201, "POST", "/sources", map[string]any{"name": "sheet", "kind": "csv", "settings": map[string]string{"class": "Host", "type": "machine"}})
	olga.Want(201, "POST", "/sources/sheet/documents?document=sheet.csv", []byte("name,environment,classification,owner\n"+
		"db-1,prod,critical,sam\nweb-1,prod,confidential,nobody we know\nlab-1,dev,public,sam\n"))
	owns(s, "db-1", "sam")
	order := map[string]any{"name": "Winter", "kind": "certification", "due": time.Now().Add(48 * time.Hour), "fallbacks": []string{"erin"}}
	sam.Refused(403, "not_allowed", "POST", "/campaigns", order)
	s.As(servertest.Audra).Refused(403, "not_allowed", "POST", "/campaigns", order)
	var c inventory.CampaignView
	olga.Want(201, "POST", "/campaigns", order).Into(&c)
	if c.Items != 3 || c.Asked != 2 {
		t.Fatalf("it is %+v", c)
	}
	at := "/campaigns/" + c.ID
	var list struct {
		Items []inventory.ItemView `json:"items"`
	}
	sam.Want(200, "GET", at+"/items?standing=open&limit=1", nil).Into(&list)
	reply := func(i inventory.ItemView, word string, more ...string) map[string]any {
		m := map[string]any{"asset": i.Asset, "version": i.Now.Version, "word": word}
		for n := 0; n+1 < len(more); n += 2 {
			m[more[n]] = more[n+1]
		}
		return m
	}
	db := list.Items[0]
	if len(list.Items) != 1 || db.Frozen.Name != "db-1" || db.Reviewer != s.People[servertest.Sam] {
		t.Fatalf("items %+v", list.Items)
	}
	sam.Want(200, "GET", at+"/items?reviewer="+s.People[servertest.Erin], nil).Into(&list)
	web := list.Items[0]
	if len(list.Items) != 1 || web.Frozen.Name != "web-1" {
		t.Fatalf("items of erin %+v", list.Items)
	}
	erin.Refused(403, "not_reviewer", "POST", at+"/answers", reply(db, "confirmed"))
	s.With(s.Token(servertest.Sam, map[string]any{"name": "t", "days": 1, "scopes": []string{"read", "file"}})).
		Refused(403, "not_allowed", "POST", at+"/answers", reply(db, "confirmed"))
	sam.Want(201, "POST", at+"/answers", reply(db, "confirmed"))
	sam.Refused(409, "answered_already", "POST", at+"/answers", reply(db, "confirmed"))
	olga.Refused(409, "items_open", "POST", at+"/signatures", map[string]any{"result": ""})
	wrong := reply(web, "wrong", "comment", "=HYPERLINK(0)")
	wrong["fields"] = []string{"owner"}
	erin.Want(201, "POST", at+"/answers", wrong)
	olga.Want(200, "GET", at, nil).Into(&c)
	sam.Refused(403, "not_allowed", "POST", at+"/signatures", map[string]any{"result": c.Signable})
	olga.Want(201, "POST", at+"/signatures", map[string]any{"result": c.Signable})
	olga.Refused(409, "signed_already", "POST", at+"/signatures", map[string]any{"result": c.Signable})
	s.As(servertest.Otto).Want(201, "POST", at+"/signatures", map[string]any{"result": c.Signable}).Into(&c)
	if c.State != "signed" || c.Result != c.Signable || len(c.Signatures) != 2 {
		t.Errorf("it is %+v", c)
	}
	sam.Want(200, "GET", at+"/export", nil) // who may read the list may take it along
	whole := s.As(servertest.Audra).Want(200, "GET", at+"/export", nil)
	if !strings.Contains(string(whole.Body), `"comment":"=HYPERLINK(0)"`) {
		t.Errorf("the export is %s", whole.Body)
	}
	olga.Refused(404, "no_campaign", "GET", "/campaigns/CMP-000009", nil)
}

// What its reviewer does not need is drafted to be retired, by them: it asks nobody, and there is one draft of them at a time.
func TestWhatIsNotNeededIsDraftedToBeRetired(t *testing.T) {
	t.Parallel()
	const rest = "2,db-8,prod,critical,erin,1\n"
	s, push := inventoried(t, "id,name,environment,classification,owner,size\n"+rest+"1,db-9,prod,critical,sam,1\n")
	owns(s, "db-8", "erin")
	owns(s, "db-9", "sam")
	var c inventory.CampaignView
	s.As(servertest.Olga).Want(http.StatusCreated, "POST", "/campaigns", map[string]any{"name": "Winter", "kind": "attestation",
		"due": time.Now().Add(48 * time.Hour), "fallbacks": []string{"rita"}}).Into(&c)
	at := "/campaigns/" + c.ID
	var list struct {
		Items []inventory.ItemView `json:"items"`
	}
	say := func(who, asset, word string, headers ...string) (x inventory.ItemView) {
		t.Helper()
		s.As(who).Want(http.StatusOK, "GET", at+"/items?asset="+asset, nil).Into(&list)
		s.As(who).Want(http.StatusCreated, "POST", at+"/answers", map[string]any{"asset": asset, "version": list.Items[0].Now.Version, "word": word,
			"comment": "moved to the new\ncluster"}, headers...).Into(&x)
		return x
	}
	if x := say(servertest.Erin, "db-8", "confirmed"); x.Answer.Retires != "" {
		t.Errorf("what is confirmed is retired by %s", x.Answer.Retires)
	}
	key := []string{"Idempotency-Key", "once"}
	x := say(servertest.Sam, "db-9", "not_needed", key...)
	if again := say(servertest.Sam, "db-9", "not_needed", key...); again.Answer == nil || again.Answer.Retires != x.Answer.Retires {
		t.Errorf("repeated, the answer is %+v", again.Answer)
	}
	v := s.Shown(change.ID(x.Answer.Retires))
	want := []change.Effect{{Target: "AST-000002", Op: "delete"}, {Target: "AST-000002", Path: "label.lifecycle", Op: "update", After: "retired"}}
	if v.Change.State != change.Draft || v.Change.Requester != s.People[servertest.Sam] || v.Change.Summary != "Retire AST-000002, db-9" ||
		!slices.Equal(v.Material.Effects, want) || !strings.Contains(v.Material.Justification, c.ID+": moved to the new\ncluster") {
		t.Errorf("the draft is %+v of %+v", v.Material, v.Change)
	}
	page := s.Browse(servertest.Sam).Get("/campaigns/"+c.ID+"/items/AST-000002").Wants(http.StatusOK, "was drafted to retire it")
	if link := `href="/changes/` + string(v.Change.ID) + `"`; !strings.Contains(page.Body, link) ||
		!strings.Contains(s.Browse(servertest.Sam).Get("/campaigns/"+c.ID).Body, link) {
		t.Errorf("no page of the campaign leads to %s", v.Change.ID)
	}
	drifted := func(size string) {
		push("id,name,environment,classification,owner,size\n" + rest + "1,db-9,prod,critical,sam," + size + "\n")
	}
	drifted("2")
	if y := say(servertest.Sam, "db-9", "not_needed"); y.Answer.Retires != x.Answer.Retires {
		t.Errorf("a second word drafts %s beside %s", y.Answer.Retires, x.Answer.Retires)
	}
	first := at
	s.As(servertest.Olga).Want(http.StatusOK, "PUT", "/assets/AST-2/labels", map[string]any{"labels": map[string]string{"owner": "erin"}, "reason": "handed over"})
	var later inventory.CampaignView
	s.As(servertest.Olga).Want(http.StatusCreated, "POST", "/campaigns", map[string]any{"name": "Spring", "kind": "attestation",
		"due": time.Now().Add(48 * time.Hour), "fallbacks": []string{"rita"}}).Into(&later)
	at = "/campaigns/" + later.ID
	if z := say(servertest.Erin, "db-9", "not_needed"); z.Answer.Retires != x.Answer.Retires {
		t.Errorf("a later campaign drafts %s beside %s", z.Answer.Retires, x.Answer.Retires)
	}
	at = first
	s.As(servertest.Olga).Want(http.StatusOK, "PUT", "/assets/AST-2/labels", map[string]any{"labels": map[string]string{"owner": "sam"}, "reason": "handed back"})
	s.As(servertest.Sam).Want(http.StatusOK, "POST", "/changes/"+string(v.Change.ID)+"/cancel", map[string]any{"comment": "kept after all"}, servertest.Seen(v.Change)...)
	drifted("3")
	y := say(servertest.Sam, "db-9", "not_needed")
	if y.Answer.Retires == "" || y.Answer.Retires == x.Answer.Retires {
		t.Errorf("after the draft was cancelled the next is %q", y.Answer.Retires)
	}
	if whole := s.Browse(servertest.Rita).Get("/campaigns/" + c.ID + "/export/csv"); !strings.Contains(whole.Body, ","+y.Answer.Retires+"\r\n") {
		t.Errorf("the export is %s", whole.Body)
	}
}

package server_test

import (
	"strings"
	"testing"
	"time"

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

package server_test

import (
	"net/http"
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/api"
	"plumbline.dev/plumb/internal/server/servertest"
)

// The whole way of a diagram of record through the API: drawn, proposed, approved by another, given out, and stale.
func TestADiagramOfRecordIsHeldAgainstProduction(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	s.Stock()
	olga, otto, rita := s.As(servertest.Olga), s.As(servertest.Otto), s.As(servertest.Rita)
	var now api.Drawing
	rita.Want(200, "GET", "/drawings/network?environment=production", nil).Into(&now)
	if len(now.Nodes) == 0 || len(now.Mixed) != 1 || now.Slice.Environment == "" {
		t.Fatalf("drawn is %+v", now)
	}
	svg := rita.Want(200, "GET", "/drawings/network/svg?environment=prod", nil)
	tag := svg.Header.Get("ETag")
	if !strings.Contains(string(svg.Body), "mixed tiers") || !strings.Contains(string(svg.Body), "prod (assumed)") || tag != `W/"`+now.Digest+`"` {
		t.Errorf("%s %.300s", tag, svg.Body)
	}
	if again := rita.Ask("GET", "/drawings/network/svg?environment=prod", nil, "If-None-Match", tag); again.Status != http.StatusNotModified || len(again.Body) > 0 {
		t.Errorf("who has it gets %d", again.Status)
	}
	if dot := rita.Want(200, "GET", "/drawings/network/dot?environment=prod", nil); !strings.HasPrefix(string(dot.Body), "digraph") {
		t.Errorf("%.100s", dot.Body)
	}
	rita.Refused(404, "no_diagram", "GET", "/drawings/network/pdf", nil)
	rita.Refused(404, "no_diagram", "GET", "/drawings/tree", nil)
	rita.Refused(400, "bad_filter", "GET", "/drawings/network?environment=moon", nil)

	order := map[string]any{"slice": map[string]any{"kind": "network", "environment": "prod"}, "digest": now.Digest, "reason": "yearly"}
	rita.Refused(403, "not_allowed", "POST", "/diagrams", order)
	var d api.DiagramShown
	olga.Want(201, "POST", "/diagrams", order).Into(&d.DiagramView)
	at := "/diagrams/" + d.ID
	olga.Refused(403, "own_diagram", "POST", at+"/approve", map[string]any{"digest": d.Digest})
	otto.Refused(412, "diagram_unseen", "POST", at+"/approve", map[string]any{})
	otto.Want(200, "POST", at+"/approve", map[string]any{"digest": d.Digest, "note": "as built"})
	kept := rita.Want(200, "GET", at+"/svg", nil)
	if kept.Header.Get("ETag") != tag || string(kept.Body) != string(svg.Body) {
		t.Errorf("what was approved is not what was drawn: %.300s", kept.Body)
	}
	s.Push("list", strings.Replace(servertest.Table, "stray,host,rack_server,,", "stray,host,rack_server,dev,", 1)+"web-9,host,rack_server,prod,internal,ops,web,,02:FC:00:00:00:09,10.0.0.9,cx22\n")
	rita.Want(200, "GET", at, nil).Into(&d)
	if d.State != "approved" || d.Moved == nil || d.Moved.Since == 0 || len(d.Moved.Came) != 1 || !strings.Contains(d.Moved.Came[0], "web-9") {
		t.Errorf("production moved on, and it says %+v", d.Moved)
	}
	if again := rita.Want(200, "GET", at+"/dot", nil); strings.Contains(string(again.Body), "web-9") {
		t.Error("what was approved moved with production")
	}
	var list api.Page[api.DiagramShown]
	rita.Want(200, "GET", "/diagrams", nil).Into(&list)
	if len(list.Items) != 1 || list.Items[0].Moved == nil {
		t.Errorf("the list says %+v", list)
	}
}

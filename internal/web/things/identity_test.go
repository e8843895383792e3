package things_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/server/servertest"
)

func TestWhatIsOneThingIsSaidByFormsAndTakenBack(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	olga, rita := s.Browse(servertest.Olga), s.Browse(servertest.Rita)
	at, other := pathOf(t, olga, "web-1"), pathOf(t, olga, "lab-1")
	id := func(path string) string { return strings.TrimPrefix(path, "/inventory/") }
	form := olga.Get(at+"?other="+id(other)).Wants(http.StatusOK, "Another asset is this one").Form(at + "/merge")
	if form.Get("other") != id(other) {
		t.Errorf("the question did not fill the form in: %v", form)
	}
	if strings.Contains(rita.Get(at).Body, "/merge") {
		t.Error("who may not say what is one thing is offered to")
	}
	rita.Post(at+"/merge", url.Values{"other": {id(other)}, "reason": {"same serial"}}).Wants(http.StatusForbidden)
	olga.Post(at+"/merge", form).Wants(http.StatusBadRequest, "Say why")
	olga.Post(at+"/merge", url.Values{"other": {id(at)}, "reason": {"same serial"}}).Wants(http.StatusConflict, "itself already")
	unknown := olga.Post(at+"/merge", url.Values{"other": {"AST-999999"}, "reason": {"same serial"}}).Wants(http.StatusNotFound).Form(at + "/merge")
	if unknown.Get("reason") != "same serial" || unknown.Get("other") != "AST-999999" {
		t.Errorf("what was typed is gone with an asset that there is not: %v", unknown)
	}
	form.Set("reason", "same serial number")
	p := olga.Follow(olga.Post(at+"/merge", form)).Wants(http.StatusOK, "It can be taken back.", "merge", "same serial number", "Olga", "Some records are another thing")
	rita.Get(other).Wants(http.StatusOK, "found to be another asset")

	record := p.Form(at + "/split")
	olga.Post(at+"/split", url.Values{"reason": {"a clone"}}).Wants(http.StatusBadRequest, "A split names some")
	for _, n := range p.All("input") {
		if servertest.Attr(n, "name") == "record" && len(record["record"]) == 0 {
			record.Set("record", servertest.Attr(n, "value"))
		}
	}
	record.Set("reason", "a clone with a disk of its own")
	apart := olga.Follow(olga.Post(at+"/split", record)).Wants(http.StatusOK, "made for them", "split", "a clone with a disk of its own")
	undo := ""
	for _, n := range apart.All("form") {
		if a := servertest.Attr(n, "action"); strings.HasSuffix(a, "/undo") {
			undo = a
		}
	}
	rita.Post(undo, nil).Wants(http.StatusForbidden)
	olga.Follow(olga.Post(undo, nil)).Wants(http.StatusOK, "The split is taken back.", "taken back")
	olga.Post(undo, nil).Wants(http.StatusNotFound, "taken back already")
}

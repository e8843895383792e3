package server_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/reconcile"
	"plumbline.dev/plumb/internal/server/servertest"
)

// The whole way: it is taken away, an approved change says so, and its record stays.
func TestAnAssetIsRetiredByItsApprovedChange(t *testing.T) {
	t.Parallel()
	const rest = "id,name,environment,classification,owner\n2,db-8,test,internal,erin\n"
	s, push := inventoried(t, rest+"1,db-9,test,internal,erin\n")
	m := s.Material()
	m.Targets = []string{"ast-2"} // as people write it
	m.Effects = []change.Effect{{Target: "ast-2", Path: "label.lifecycle", Op: "update", After: "retired"}}
	var c change.Change
	s.As(servertest.Alice).Want(http.StatusCreated, "POST", "/changes", m).Into(&c)
	retire := func() servertest.Answer {
		return s.As(servertest.Olga).Ask("PUT", "/assets/AST-000002/labels", map[string]any{"labels": map[string]string{"lifecycle": "retired"},
			"reason": "decommissioned", "change": string(c.ID)})
	}
	if a := retire(); a.Code() != "still_there" {
		t.Errorf("a thing that is seen: %d %s", a.Status, a.Body)
	}
	push(rest)
	push(rest)
	if a := retire(); a.Code() != "effect_not_authorized" {
		t.Errorf("by a draft: %d %s", a.Status, a.Body)
	}
	s.As(servertest.Alice).Want(http.StatusOK, "POST", "/changes/"+string(c.ID)+"/submit", map[string]any{}, servertest.Seen(c)...).Into(&c)
	s.Tested(c)
	for _, name := range []string{servertest.Sam, servertest.Erin} {
		s.As(name).Want(http.StatusOK, "POST", "/changes/"+string(c.ID)+"/approve", map[string]any{"comment": "yes"}, servertest.Seen(c)...).Into(&c)
	}
	if a := retire(); a.Status != http.StatusOK {
		t.Fatalf("by its approved change: %d %s", a.Status, a.Body)
	}
	var w inventory.Whole
	s.As(servertest.Rita).Want(http.StatusOK, "GET", "/assets/AST-000002", nil).Into(&w)
	if w.State != inventory.Gone || w.Labels[inventory.LabelLifecycle].Change != string(c.ID) || len(w.Records) != 1 {
		t.Errorf("it is %s with %+v and %d records", w.State, w.Labels, len(w.Records))
	}
	if a := s.As(servertest.Rita).Ask("GET", "/assets/db-9", nil); a.Code() != "no_asset" || !strings.Contains(string(a.Body), "plumb asset show AST-000002") {
		t.Errorf("by its name: %d %s", a.Status, a.Body)
	}
	var list struct {
		Items []inventory.Asset `json:"items"`
	}
	s.As(servertest.Rita).Want(http.StatusOK, "GET", "/assets?state=retired", nil).Into(&list)
	if len(list.Items) != 1 {
		t.Errorf("the retired ones are %+v", list.Items)
	}
}

// A group owns an asset: the target's facts name it, each of its people verifies and answers findings, and nobody else does.
func TestAGroupOwnsAnAsset(t *testing.T) {
	t.Parallel()
	const table = "id,name,environment,classification,size\n1,db-7,prod,confidential,small\n"
	s, push := inventoried(t, table)
	var group struct {
		ID string `json:"id"`
	}
	s.As(servertest.Olga).Want(http.StatusCreated, "POST", "/groups", map[string]any{"name": "database-team"}).Into(&group)
	s.As(servertest.Olga).Want(http.StatusNoContent, "PUT", "/groups/"+group.ID+"/members/"+s.People[servertest.Rita], nil)
	s.As(servertest.Olga).Want(http.StatusOK, "PUT", "/assets/db-7/labels", map[string]any{"labels": map[string]string{"owner": group.ID}, "reason": "they run it"})
	var w struct {
		Called map[string]string `json:"called"`
	}
	s.As(servertest.Rita).Want(http.StatusOK, "GET", "/assets/db-7", nil).Into(&w)
	if w.Called[group.ID] != "database-team" {
		t.Errorf("the asset calls its owner %v", w.Called)
	}
	if c := targeting(s, "db-7"); s.Shown(c.ID).Material.Resolved[0].Owner != group.ID {
		t.Errorf("the target is %+v", s.Shown(c.ID).Material.Resolved)
	}
	c, slot := carriedOut(t, s, "db-7")
	word := map[string]any{"slot": slot, "passed": true, "comment": "looked at it"}
	s.As(servertest.Sally).Refused(http.StatusForbidden, "not_owner", "POST", "/changes/"+string(c.ID)+"/verify", word)
	s.As(servertest.Rita).Want(http.StatusOK, "POST", "/changes/"+string(c.ID)+"/verify", word)

	push(strings.Replace(table, "small", "large", 1))
	s.Judged()
	answer := map[string]any{"reason": "the load grew over night", "until": "2099-01-01T00:00:00Z"}
	s.As(servertest.Sally).Refused(http.StatusForbidden, "not_finding_owner", "POST", "/findings/FND-000001/revert", answer)
	var f reconcile.Finding
	s.As(servertest.Rita).Want(http.StatusOK, "POST", "/findings/FND-000001/revert", map[string]any{"reason": "the load grew over night"}).Into(&f)
	if f.State != reconcile.Reverting || f.Owner != group.ID {
		t.Errorf("the finding is %+v", f)
	}
}

// What Prometheus reads of the reconciliation is what the figures say.
func TestMetricsSayWhatTheFiguresSay(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	s.Edited()
	var f reconcile.Figures
	s.As(servertest.Olga).Want(http.StatusOK, "GET", "/reconciliation?days=30", nil).Into(&f)
	if f.Waiting == 0 || f.Unauthorized == 0 {
		t.Fatalf("nothing was found: %+v", f)
	}
	text := s.Browse("").Get("/metrics").Body
	want := []string{"plumb_findings_overdue 0", "plumb_differences_unjudged 0", fmt.Sprintf("plumb_unauthorized_share %g", float64(f.Share)/10_000)}
	for severity, n := range f.Severity {
		want = append(want, fmt.Sprintf("plumb_findings_waiting{severity=%q} %d", severity, n))
	}
	if len(want) != 7 {
		t.Errorf("not all severities are counted: %v", f.Severity)
	}
	for _, line := range want {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("%q is not among the metrics", line)
		}
	}
}

// The readings that show that a thing is gone say nothing of its label: the effect came about when the label was set, and the change ends well.
func TestAChangeThatRetiresAnAssetEndsWell(t *testing.T) {
	t.Parallel()
	const rest = "id,name,environment,classification,owner\n2,db-8,prod,internal,rita\n"
	s, push := inventoried(t, rest+"1,db-9,prod,internal,rita\n")
	owns(s, "db-9", "rita")
	m := s.Material()
	m.Targets = []string{"db-9"}
	m.Effects = []change.Effect{{Target: "db-9", Op: "delete"}, {Target: "db-9", Path: "label.lifecycle", Op: "update", After: "retired"}}
	var c change.Change
	s.As(servertest.Alice).Want(http.StatusCreated, "POST", "/changes", m).Into(&c)
	slot := executed(t, s, c, "retire")
	push(rest)
	push(rest)
	s.Judged()
	path := "/changes/" + string(c.ID)
	s.As(servertest.Rita).Want(http.StatusOK, "POST", path+"/verify", map[string]any{"slot": slot, "passed": true, "comment": "it is off"})
	closing := map[string]any{"closure": "successful"}
	s.As(servertest.Alice).Refused(http.StatusConflict, "effects_unseen", "POST", path+"/close", closing)
	ends := func() (all string) {
		var r reconcile.Reconciliation
		s.As(servertest.Rita).Want(http.StatusOK, "GET", path+"/reconciliation", nil).Into(&r)
		for _, e := range r.Ends {
			all += e.Claim.Verb + " " + e.Claim.Path + ": " + e.End + "; "
		}
		return all
	}
	if got := ends(); got != "delete : observed; update label.lifecycle: not_observed; " {
		t.Errorf("before the label is set: %s", got)
	}
	s.As(servertest.Olga).Want(http.StatusOK, "PUT", "/assets/AST-000002/labels", map[string]any{"labels": map[string]string{"lifecycle": "retired"},
		"reason": "decommissioned", "change": string(c.ID)})
	if got := ends(); got != "delete : observed; update label.lifecycle: observed; " {
		t.Errorf("after the label is set: %s", got)
	}
	s.As(servertest.Alice).Want(http.StatusOK, "POST", path+"/close", closing)
}

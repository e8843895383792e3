package server_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/server/servertest"
	"plumbline.dev/plumb/internal/wire"
)

// inventoried gives a server whose inventory holds what a table says.
func inventoried(t *testing.T, table string) (s *servertest.Server, push func(table string)) {
	t.Helper()
	s = servertest.Start(t)
	s.As(servertest.Olga).Want(http.StatusCreated, "POST", "/sources", map[string]any{"name": "sheet", "kind": "csv"})
	push = func(table string) {
		t.Helper()
		s.As(servertest.Olga).Want(http.StatusCreated, "POST", "/sources/sheet/documents?document=sheet.csv", []byte(table))
	}
	push(table)
	return s, push
}

// owns has an administrator name the owner of an asset.
func owns(s *servertest.Server, asset, owner string) {
	s.As(servertest.Olga).Want(http.StatusOK, "PUT", "/assets/"+asset+"/labels", map[string]any{"labels": map[string]string{"owner": owner}, "reason": "they run it"})
}

func targeting(s *servertest.Server, name string) (c change.Change) {
	m := s.Material()
	m.Targets, m.Effects[0].Target = []string{name}, name
	s.As(servertest.Alice).Want(http.StatusCreated, "POST", "/changes", m).Into(&c)
	return c
}

// The form names a target; what it is, the inventory says.
func TestWhatATargetIsComesFromTheInventoryAndNotFromTheForm(t *testing.T) {
	t.Parallel()
	s, _ := inventoried(t, "id,name,environment,classification,owner\n1,db-7,test,internal,alice\n")
	owns(s, "db-7", "erin")
	m := s.Material()
	m.Targets = []string{"db-7"}
	m.Resolved = []change.Resolved{{Name: "db-7", Asset: "AST-000001", Environment: "dev", Classification: "public"}}
	var c change.Change
	s.As(servertest.Alice).Want(http.StatusCreated, "POST", "/changes", m).Into(&c)
	got := s.Shown(c.ID).Material.Resolved
	if len(got) != 1 || got[0].Asset != "AST-000001" || got[0].Environment != "test" || got[0].Classification != "internal" || got[0].Owner != "erin" {
		t.Errorf("the target is %+v", got)
	}
}

// Whoever asks for a change of a firewall and calls it something else is not rid of the IT Manager: what the target is, the inventory
// knows, also where the policy's catalogue does not.
func TestAFirewallThatOnlyTheInventoryKnowsIsOneToTheRules(t *testing.T) {
	t.Parallel()
	s, _ := inventoried(t, "id,name,class,environment,classification\n1,edge-2,Firewall,test,internal\n2,zone-2,DomainZone,test,internal\n"+
		"3,lan-2,Network,test,internal\n4,db-7,Host,test,internal\n")
	for name, asked := range map[string]bool{"edge-2": true, "zone-2": true, "lan-2": true, "db-7": false} {
		c := targeting(s, name)
		s.As(servertest.Alice).Want(http.StatusOK, "POST", "/changes/"+string(c.ID)+"/submit", map[string]any{}, servertest.Seen(c)...)
		has := slices.ContainsFunc(s.Shown(c.ID).Demand.Slots, func(x policy.Slot) bool { return x.Role == "it-manager" })
		if has != asked {
			t.Errorf("%s: the IT Manager is asked: %v, want %v", name, has, asked)
		}
	}
}

// What was approved was a change of a test system. It is production now: nobody approved that.
func TestATargetThatBecameStricterAfterTheApprovalKeepsTheGateShut(t *testing.T) {
	t.Parallel()
	const table = "id,name,environment,classification\n1,db-7,test,internal\n"
	s, push := inventoried(t, table)
	c := targeting(s, "db-7")
	s.As(servertest.Alice).Want(http.StatusOK, "POST", "/changes/"+string(c.ID)+"/submit", map[string]any{}, servertest.Seen(c)...).Into(&c)
	s.Tested(c)
	for _, name := range []string{servertest.Sam, servertest.Erin} {
		s.As(name).Want(http.StatusOK, "POST", "/changes/"+string(c.ID)+"/approve", map[string]any{"comment": "yes"}, servertest.Seen(c)...).Into(&c)
	}
	ask := servertest.Request(c.ID, wire.KindApply)
	var v wire.GateVerdict
	s.CI().Want(http.StatusOK, "POST", "/gate/check", ask).Into(&v)
	push(strings.Replace(table, "test", "production", 1))
	for _, path := range []string{"/gate/check", "/gate/open"} {
		s.CI().Want(http.StatusForbidden, "POST", path, ask).Into(&v)
		if v.Code != wire.ExitMismatch || len(v.Mismatches) != 1 || v.Mismatches[0].Field != "target db-7" {
			t.Errorf("%s: the gate says %d, %+v", path, v.Code, v.Mismatches)
		}
	}
}

// A label that stands is loosened by an approved change, not by whoever manages the inventory; and nothing turns into production
// by a label.
func TestALabelIsNotLoosenedByHand(t *testing.T) {
	t.Parallel()
	s, _ := inventoried(t, "id,name,environment,classification\n1,db-7,prod,confidential\n2,db-8,test,internal\n")
	label := func(asset, key, value string) servertest.Answer {
		return s.As(servertest.Olga).Ask("PUT", "/assets/"+asset+"/labels", map[string]any{"labels": map[string]string{key: value}, "reason": "asked"})
	}
	for _, x := range []struct {
		asset, key, value, code string
	}{{"db-7", "environment", "test", "label_loosened"}, {"db-7", "classification", "public", "label_loosened"}, {"db-8", "environment", "prod", "promotion_needed"}} {
		if a := label(x.asset, x.key, x.value); a.Code() != x.code {
			t.Errorf("%s %s=%s: %d %s", x.asset, x.key, x.value, a.Status, a.Body)
		}
	}
	var a inventory.Asset
	s.As(servertest.Olga).Want(http.StatusOK, "PUT", "/assets/db-8/labels", map[string]any{"labels": map[string]string{"classification": "critical"}, "reason": "holds keys"}).Into(&a)
	if a.Label(inventory.LabelClassification) != "critical" || a.Labels[inventory.LabelClassification].Confidence != inventory.Asserted {
		t.Errorf("the label is %+v", a.Labels)
	}
	s.As(servertest.Alice).Refused(http.StatusForbidden, "not_allowed", "PUT", "/assets/db-8/labels", map[string]any{"labels": map[string]string{"owner": "alice"}, "reason": "mine"})
}

// An approval to loosen a label is used for what stood when it was given: what was said since is not undone by it, and who approved it
// does not do it.
func TestAnApprovalLoosensALabelOnce(t *testing.T) {
	t.Parallel()
	s, _ := inventoried(t, "id,name,environment,classification\n1,db-7,test,confidential\n")
	m := s.Material()
	m.Targets, m.Effects = []string{"db-7"}, []change.Effect{{Target: "db-7", Path: "label.classification", Op: "update", After: "internal"}}
	var c change.Change
	s.As(servertest.Alice).Want(http.StatusCreated, "POST", "/changes", m).Into(&c)
	s.As(servertest.Alice).Want(http.StatusOK, "POST", "/changes/"+string(c.ID)+"/submit", map[string]any{}, servertest.Seen(c)...).Into(&c)
	s.Tested(c)
	label := func(value, change string) servertest.Answer {
		return s.As(servertest.Olga).Ask("PUT", "/assets/db-7/labels", map[string]any{"labels": map[string]string{"classification": value}, "reason": "asked", "change": change})
	}
	if a := label("internal", string(c.ID)); a.Code() != "effect_not_authorized" {
		t.Errorf("before it was approved: %d %s", a.Status, a.Body)
	}
	for _, name := range []string{servertest.Sam, servertest.Erin} {
		s.As(name).Want(http.StatusOK, "POST", "/changes/"+string(c.ID)+"/approve", map[string]any{"comment": "yes"}, servertest.Seen(c)...).Into(&c)
	}
	if a := label("internal", string(c.ID)); a.Status != http.StatusOK {
		t.Fatalf("approved: %d %s", a.Status, a.Body)
	}
	if a := label("critical", ""); a.Status != http.StatusOK {
		t.Fatalf("tightened: %d %s", a.Status, a.Body)
	}
	if a := label("internal", string(c.ID)); a.Code() != "effect_overtaken" {
		t.Errorf("a second time, after it was tightened: %d %s", a.Status, a.Body)
	}
}

// Who reads the targets of a change knows what it touches: a typed effect on another thing that exists is refused when it is submitted, and a
// thing that is not there yet may be created.
func TestATypedEffectIsOnATargetOrOnWhatIsNotThereYet(t *testing.T) {
	t.Parallel()
	s, _ := inventoried(t, "id,name,environment,classification\n1,db-7,test,internal\n2,db-8,prod,critical\n")
	for _, x := range []struct{ target, op, path, code string }{
		{"db-8", "update", "size", "effect_outside_targets"}, {"db-8", "update", "label.environment", "effect_outside_targets"},
		{"AST-2", "delete", "", "effect_outside_targets"}, {"web-prod", "update", "size", "effect_outside_targets"},
		{"db-7", "update", "size", ""}, {"ast-1", "update", "size", ""}, {"db-9", "create", "", ""},
	} {
		m := s.Material()
		m.Targets, m.Effects = []string{"db-7"}, []change.Effect{{Target: x.target, Path: x.path, Op: x.op}}
		var c change.Change
		s.As(servertest.Alice).Want(http.StatusCreated, "POST", "/changes", m).Into(&c)
		a := s.As(servertest.Alice).Ask("POST", "/changes/"+string(c.ID)+"/submit", map[string]any{}, servertest.Seen(c)...)
		if x.code == "" && a.Status != http.StatusOK || x.code != "" && a.Code() != x.code {
			t.Errorf("%s %s %s: %d %s, want %q", x.target, x.path, x.op, a.Status, a.Body, x.code)
		}
	}
}

// The promotion step: only the approved, carried out and verified provisioning change makes the asset production.
func TestAnAssetBecomesProductionByTheLastStepOfItsProvisioningChange(t *testing.T) {
	t.Parallel()
	s, _ := inventoried(t, "id,name,environment,classification,owner\n1,db-9,test,internal,erin\n")
	m := s.Material()
	m.Category, m.Targets, m.Bindings[0].Kind = "provisioning", []string{"db-9"}, "runbook"
	m.Effects = []change.Effect{{Target: "db-9", Path: "label.environment", Op: "update", After: "prod"}}
	var c change.Change
	s.As(servertest.Alice).Want(http.StatusCreated, "POST", "/changes", m).Into(&c)
	promote := func() servertest.Answer {
		return s.As(servertest.Olga).Ask("PUT", "/assets/db-9/labels", map[string]any{"labels": map[string]string{"environment": "prod"},
			"reason": "promotion", "change": string(c.ID)})
	}
	if a := promote(); a.Code() != "effect_not_verified" {
		t.Errorf("a draft: %d %s", a.Status, a.Body)
	}
	s.As(servertest.Alice).Want(http.StatusOK, "POST", "/changes/"+string(c.ID)+"/submit", map[string]any{}, servertest.Seen(c)...).Into(&c)
	s.Tested(c)
	for _, name := range []string{servertest.Sam, servertest.Erin} {
		s.As(name).Want(http.StatusOK, "POST", "/changes/"+string(c.ID)+"/approve", map[string]any{"comment": "yes"}, servertest.Seen(c)...).Into(&c)
	}
	if a := promote(); a.Code() != "effect_not_verified" {
		t.Errorf("approved and not carried out: %d %s", a.Status, a.Body)
	}
	var v wire.GateVerdict
	ask := servertest.Request(c.ID, wire.KindApply)
	ask.Observed[0].Kind = "runbook"
	s.CI().Want(http.StatusOK, "POST", "/gate/open", ask, "Idempotency-Key", "k").Into(&v)
	var permits struct {
		Items []change.Permit `json:"items"`
	}
	path := "/changes/" + string(c.ID)
	s.As(servertest.Alice).Want(http.StatusOK, "GET", path+"/permits", nil).Into(&permits)
	s.CI().Want(http.StatusOK, "POST", "/gate/close", wire.GateClose{Permit: v.PermitID, Outcome: change.Success, Fence: permits.Items[0].Fence})
	if a := promote(); len(s.Shown(c.ID).Verify) > 0 && a.Code() != "effect_not_verified" {
		t.Errorf("carried out and not verified: %d %s", a.Status, a.Body)
	}
	for _, slot := range s.Shown(c.ID).Verify {
		s.As(servertest.Sam).Want(http.StatusOK, "POST", path+"/verify", map[string]any{"slot": slot, "passed": true, "comment": "looked at"})
	}
	var asset inventory.Asset
	a := promote()
	if a.Status != http.StatusOK {
		t.Fatalf("verified: %d %s", a.Status, a.Body)
	}
	a.Into(&asset)
	if l := asset.Labels[inventory.LabelEnvironment]; l.Value != "prod" || l.Change != string(c.ID) {
		t.Errorf("the label is %+v", l)
	}
	if a := s.As(servertest.Olga).Ask("PUT", "/assets/db-9/labels", map[string]any{"labels": map[string]string{"classification": "public"},
		"reason": "promotion", "change": string(c.ID)}); a.Code() != "effect_missing" {
		t.Errorf("what the change says nothing of: %d %s", a.Status, a.Body)
	}
}

// A provisioning change plans an asset: what appears under it is explained, and a new asset of production without one is a finding.
func TestAProductionAssetIsPlannedByItsProvisioningChange(t *testing.T) {
	t.Parallel()
	const table = "id,name,environment,classification,owner\n1,db-1,prod,internal,erin\n"
	s, push := inventoried(t, table)
	m := s.Material()
	m.Category, m.Targets, m.Bindings[0].Kind = "provisioning", []string{"db-9"}, "runbook"
	m.Effects = []change.Effect{{Target: "db-9", Op: "create"}}
	var c change.Change
	s.As(servertest.Alice).Want(http.StatusCreated, "POST", "/changes", m).Into(&c)
	s.As(servertest.Alice).Want(http.StatusOK, "POST", "/changes/"+string(c.ID)+"/submit", map[string]any{}, servertest.Seen(c)...).Into(&c)
	s.Tested(c)
	for _, name := range []string{servertest.Sam, servertest.Erin} {
		s.As(name).Want(http.StatusOK, "POST", "/changes/"+string(c.ID)+"/approve", map[string]any{"comment": "yes"}, servertest.Seen(c)...).Into(&c)
	}
	ask := servertest.Request(c.ID, wire.KindApply)
	ask.Observed[0].Kind = "runbook"
	s.CI().Want(http.StatusOK, "POST", "/gate/open", ask)
	p := s.Shown(c.ID).Permits[0]
	s.CI().Want(http.StatusOK, "POST", "/gate/close", wire.GateClose{Permit: p.ID, Fence: p.Fence, Outcome: change.Success})
	push(table + "9,db-9,prod,internal,erin\n10,db-10,prod,internal,erin\n")
	s.Judged()
	var found struct {
		Items []struct {
			Name string `json:"name"`
			Op   string `json:"op"`
		} `json:"items"`
	}
	s.As(servertest.Alice).Want(http.StatusOK, "GET", "/findings", nil).Into(&found)
	if len(found.Items) != 1 || found.Items[0].Name != "db-10" || found.Items[0].Op != "create" {
		t.Errorf("the findings are %+v, want the asset that nobody planned", found.Items)
	}
	var end struct {
		Counts map[string]int `json:"counts"`
	}
	s.As(servertest.Alice).Want(http.StatusOK, "GET", "/changes/"+string(c.ID)+"/reconciliation", nil).Into(&end)
	if end.Counts["observed"] != 1 {
		t.Errorf("the planned asset is %v, want observed", end.Counts)
	}
}

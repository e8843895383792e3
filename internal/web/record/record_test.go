package record_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/plan"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/server/servertest"
)

func at(c change.Change, rest string) string { return "/changes/" + string(c.ID) + rest }

// rendered computes the digest of what is decided upon from a page's bytes, as docs/formats.md says.
func rendered(t *testing.T, p servertest.Page) string {
	t.Helper()
	_, rest, ok := strings.Cut(p.Body, `<div id="matter" class="stack">`)
	body, _, end := strings.Cut(rest, "<!-- end of what is decided -->")
	if !ok || !end {
		t.Fatalf("the page does not say what is decided: %.500s", p.Body)
	}
	sum := sha256.Sum256([]byte("plumb.view.v1\n" + body))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// statement reads the newest decision's signed statement.
func statement(t *testing.T, s *servertest.Server, id change.ID) change.ApprovalPredicate {
	t.Helper()
	v := s.Shown(id)
	var env seal.Envelope
	if err := json.Unmarshal([]byte(v.Decisions[len(v.Decisions)-1].Statement), &env); err != nil {
		t.Fatal(err)
	}
	payload, err := base64.StdEncoding.DecodeString(env.Payload)
	if err != nil {
		t.Fatal(err)
	}
	var st seal.Statement[change.ApprovalPredicate]
	if err := json.Unmarshal(payload, &st); err != nil {
		t.Fatal(err)
	}
	return st.Predicate
}

// A lead opens the change, reads, and approves; what was shown is signed. The author is told why not.
func TestTheStoryOfOneChange(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	c := s.Submitted()

	author := s.Browse(servertest.Alice)
	own := author.Get(at(c, "")).Wants(http.StatusOK, "Give the web servers four workers", "You cannot approve this.", "The author of a change cannot decide on it.",
		"exclude", "web-test", "The queue grows at noon.", "Put the old file back.", "tests", "2 passed", "which this change runs", "Timeline", "Alice filed it.")
	if strings.Contains(own.Body, ">Approve<") || strings.Contains(own.Body, "/reject") {
		t.Error("the author is offered a decision")
	}
	author.Post(at(c, "/approve"), url.Values{"seen": {c.RevDigest}, "render": {rendered(t, own)}}).Wants(http.StatusForbidden, "The author of a change cannot decide on it.")

	sam := s.Browse(servertest.Sam)
	page := sam.Get(at(c, "")).Wants(http.StatusOK, "Your decision", "security lead", "you can", "two-approvals", "Who cannot decide, and why", "wrote the request")
	form := page.Form(at(c, "/approve"))
	if form.Get("render") != rendered(t, page) {
		t.Errorf("the form holds %s, the page is %s", form.Get("render"), rendered(t, page))
	}
	if strings.Index(page.Body, `name="render"`) < strings.Index(page.Body, "<!-- end of what is decided -->") {
		t.Error("the form comes before what it decides")
	}
	form.Set("comment", "looks **right**")
	sam.Follow(sam.Post(at(c, "/approve"), form)).Wants(http.StatusOK, "Your approval is recorded", "looks right")
	if got := statement(t, s, c.ID).Viewed; got.Render != form.Get("render") || !got.Full || len(got.Pages) > 0 {
		t.Errorf("the statement says that %+v was shown, want %s", got, form.Get("render"))
	}
	erin := s.Browse(servertest.Erin)
	done := erin.Post(at(c, "/approve"), erin.Get(at(c, "")).Form(at(c, "/approve")))
	erin.Follow(done).Wants(http.StatusOK, "The change is authorized", "It is approved and may start")
	sam.Get(at(c, "")).Wants(http.StatusOK, "Withdraw my approval")
	s.As(servertest.Alice).Want(http.StatusCreated, "POST", "/changes/"+string(c.ID)+"/comments", map[string]any{"text": "thank you"})
	sam.Get(at(c, "/part/talk")).Wants(http.StatusOK, "thank you")
	sam.Get(at(c, "/print")).Wants(http.StatusOK, "How to check this", "plumb verify", form.Get("render"))
}

// What is decided is what was shown: another digest, another wording, or evidence that came meanwhile is
// refused, with what changed, and nothing is recorded.
func TestADecisionIsOnWhatWasShown(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	c := s.Submitted()
	sam := s.Browse(servertest.Sam)

	form := sam.Get(at(c, "")).Form(at(c, "/approve"))
	forged := url.Values{"seen": {c.RevDigest}, "render": {seal.Raw([]byte("another"))}, "comment": {"kept as typed"}}
	for _, act := range []string{"/approve", "/reject"} {
		sam.Post(at(c, act), forged).Wants(http.StatusPreconditionFailed, "no longer what was shown", "Nothing was recorded", "kept as typed")
	}
	sam.Post(at(c, "/approve"), url.Values{"seen": {c.RevDigest}}).Wants(http.StatusPreconditionFailed)

	s.CI().Want(http.StatusCreated, "POST", "/changes/"+string(c.ID)+"/evidence?format=junit&subject="+seal.Raw([]byte(servertest.File)),
		[]byte(`<testsuite name="web" tests="1" failures="1"><testcase name="starts"><failure message="no"/></testcase></testsuite>`))
	news := sam.Get(at(c, "/part/fresh?"+form.Encode())).Wants(http.StatusOK, "What you decide upon changed", "the evidence")
	again := servertest.Attr(news.All("div")[0], "hx-get") // as the page would ask the next time
	if p := sam.Get(again).Wants(http.StatusOK, "the evidence"); strings.Contains(p.Text(), "the way back") {
		t.Errorf("what did not change is named: %s", p.Text())
	}
	sam.Post(at(c, "/approve"), form).Wants(http.StatusPreconditionFailed, "Changed: the evidence")

	m := s.Material()
	m.Justification = "The queue grows at noon and at six."
	s.As(servertest.Alice).Want(http.StatusOK, "PUT", "/changes/"+string(c.ID), m, servertest.Seen(c)...)
	sam.Post(at(c, "/reject"), form).Wants(http.StatusPreconditionFailed, "reworded since", "justification", "at noon and at six")
	if v := s.Shown(c.ID); len(v.Decisions) > 0 {
		t.Errorf("decisions = %+v, want none", v.Decisions)
	}
}

// A rejection needs its reason, and what was typed is not lost. What changed since is shown to who decided.
func TestARejectionAndWhatChangedSince(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	c := s.Submitted()
	sam := s.Browse(servertest.Sam)
	form := sam.Get(at(c, "")).Form(at(c, "/approve"))
	sam.Post(at(c, "/reject"), form).Wants(http.StatusBadRequest, "A rejection needs a reason.", "This is missing.")
	form.Set("comment", "say when")
	sam.Follow(sam.Post(at(c, "/reject"), form)).Wants(http.StatusOK, "Your rejection is recorded", "Rejected.", "say when")
	m := s.Material()
	m.Justification = "The queue grows at noon, until five."
	s.As(servertest.Alice).Want(http.StatusOK, "PUT", "/changes/"+string(c.ID), m, servertest.Seen(c)...).Into(&c)
	sam.Get(at(c, "")).Wants(http.StatusOK, "Since your last decision", "You rejected revision 1", "until five")
	sam.Get(at(c, "/diff?from=1&to=2")).Wants(http.StatusOK, "justification", "until five")
	sam.Get(at(c, "/diff?from=1&to=9")).Wants(http.StatusNotFound)
}

// Everything else that people do to a change works by its own form, and only who may is offered it.
func TestTheOtherActs(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	c := s.Filed()
	alice, sam := s.Browse(servertest.Alice), s.Browse(servertest.Sam)
	do := func(b *servertest.Browser, act string, more url.Values) servertest.Page {
		form := b.Get(at(c, "")).Form(at(c, "/"+act))
		for k, v := range more {
			form[k] = v
		}
		return b.Follow(b.Post(at(c, "/"+act), form))
	}
	do(alice, "submit", nil).Wants(http.StatusOK, "Submitted.", "It waits for evidence: tests.")
	s.Tested(c)
	do(alice, "comment", url.Values{"text": {"see [this](https://example.com)"}}).Wants(http.StatusOK, "Your comment is recorded")
	do(sam, "hold", url.Values{"comment": {"not on a Friday"}}).Wants(http.StatusOK, "on hold", "not on a Friday")
	do(sam, "release", nil).Wants(http.StatusOK, "The hold is ended.")
	form := sam.Get(at(c, "")).Form(at(c, "/approve"))
	sam.Post(at(c, "/approve"), form)
	do(sam, "withdraw", url.Values{"comment": {"on second thought"}}).Wants(http.StatusOK, "Your approval is withdrawn.")
	sam.Post(at(c, "/hold"), url.Values{"comment": {""}}).Wants(http.StatusBadRequest, "A hold needs a reason.")
	alice.Post(at(c, "/cancel"), url.Values{"seen": {seal.Raw(nil)}, "comment": {"x"}}).Wants(http.StatusPreconditionFailed)
	do(alice, "cancel", url.Values{"comment": {"not needed"}}).Wants(http.StatusOK, "Cancelled.")
	rita := s.Browse(servertest.Rita).Get(at(c, "")).Wants(http.StatusOK)
	for _, act := range []string{"approve", "hold", "cancel", "submit", "close"} {
		if strings.Contains(rita.Body, at(c, "/"+act)+`"`) {
			t.Errorf("a reader is offered to %s", act)
		}
	}
	audra := s.Browse(servertest.Audra)
	if p := audra.Get(at(c, "")).Wants(http.StatusOK); strings.Contains(p.Body, `action="`+at(c, "/comment")) {
		t.Error("an auditor is offered to write")
	}
	audra.Post(at(c, "/comment"), url.Values{"text": {"x"}}).Wants(http.StatusForbidden)
}

// bigPlan is a plan with n resources, as the tool's JSON, redacted.
func bigPlan(t testing.TB, n int, edit func(i int) (action, before, after string)) []byte {
	t.Helper()
	var b strings.Builder
	b.WriteString(`{"format_version":"1.2","terraform_version":"1.12.6","complete":true,"applyable":true,"errored":false,"resource_changes":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		action, before, after := edit(i)
		fmt.Fprintf(&b, `{"address":"terraform_data.app[%d]","mode":"managed","type":"terraform_data","name":"app","index":%d,`+
			`"provider_name":"terraform.io/builtin/terraform","change":{"actions":[%s],"before":%s,"after":%s,"after_unknown":{},"before_sensitive":false,"after_sensitive":false}}`,
			i, i, action, before, after)
	}
	b.WriteString(`]}`)
	p, err := plan.Read(strings.NewReader(b.String()), plan.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return p.Document()
}

// planned files, tests and submits a change that runs this plan.
func planned(t testing.TB, s *servertest.Server, document []byte, edit func(*change.Material)) (c change.Change) {
	t.Helper()
	s.As(servertest.Alice).Want(http.StatusCreated, "POST", "/documents?kind=tf-plan", document)
	m := s.Material()
	digest := seal.Raw([]byte("tfplan"))
	m.Category, m.Summary = "infrastructure", "Change many things"
	m.Bindings = []change.Binding{{Kind: "tf-plan", Name: "tfplan", Digest: digest, Document: seal.Raw(document)}}
	m.Category = "configuration"
	if edit != nil {
		edit(&m)
	}
	s.As(servertest.Alice).Want(http.StatusCreated, "POST", "/changes", m).Into(&c)
	s.As(servertest.Alice).Want(http.StatusOK, "POST", "/changes/"+string(c.ID)+"/submit", map[string]any{}, servertest.Seen(c)...).Into(&c)
	s.CI().Want(http.StatusCreated, "POST", "/changes/"+string(c.ID)+"/evidence?format=junit&subject="+digest, servertest.JUnit())
	return s.Shown(c.ID).Change
}

// A plan of 4,500 resources is read in pages, each acknowledged as it was shown; until then there is no
// approval, by whatever way of asking. A rejection does not wait.
func TestALongPlanIsReadBeforeItIsApproved(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	c := planned(t, s, bigPlan(t, 4500, func(i int) (string, string, string) {
		if i == 4444 {
			return `"delete"`, `{"input":"precious"}`, "null"
		}
		return `"update"`, fmt.Sprintf(`{"input":%d}`, i), fmt.Sprintf(`{"input":%d}`, i+1)
	}), nil)
	sam := s.Browse(servertest.Sam)
	page := sam.Get(at(c, "")).Wants(http.StatusOK, "4500 resources in 5 pages", "1 − delete", "4499 ~ update", "5 of 5 pages are left", "You can reject without.")
	form := page.Form(at(c, "/approve"))
	if strings.Contains(page.Body, ">Approve<") {
		t.Error("approval is offered before the plan is read")
	}
	sam.Post(at(c, "/approve"), form).Wants(http.StatusConflict, "you have not acknowledged 5 of them")

	sam.Get(at(c, "/plan?page=1")).Wants(http.StatusOK, "precious", "Page 1 of 5") // what destroys comes first, wherever it stands
	for n := 1; n <= 5; n++ {
		where := at(c, fmt.Sprintf("/plan?page=%d", n))
		sheet := sam.Get(where).Wants(http.StatusOK)
		ask := sheet.Form(at(c, "/plan"))
		if ask.Get("render") != rendered(t, sheet) {
			t.Errorf("page %d holds %s, it is %s", n, ask.Get("render"), rendered(t, sheet))
		}
		if n == 3 {
			wrong := url.Values{"seen": ask["seen"], "page": ask["page"], "render": {seal.Raw(nil)}}
			sam.Post(at(c, "/plan"), wrong).Wants(http.StatusPreconditionFailed)
		}
		if n == 5 {
			sam.Post(at(c, "/approve"), sam.Get(at(c, "")).Form(at(c, "/approve"))).Wants(http.StatusConflict, "not acknowledged 1 of them")
		}
		sam.Follow(sam.Post(at(c, "/plan"), ask))
	}
	sam.Get(at(c, "/plan?page=6")).Wants(http.StatusNotFound)
	form = sam.Get(at(c, "")).Form(at(c, "/approve"))
	sam.Follow(sam.Post(at(c, "/approve"), form)).Wants(http.StatusOK, "Your approval is recorded")
	if got := statement(t, s, c.ID).Viewed; !got.Full || len(got.Pages) != 5 || got.Render != form.Get("render") {
		t.Errorf("the statement says that %+v was shown", got)
	}
	erin := s.Browse(servertest.Erin) // what sam read is not what erin read
	form = erin.Get(at(c, "")).Form(at(c, "/approve"))
	erin.Post(at(c, "/approve"), form).Wants(http.StatusConflict, "you have not acknowledged 5 of them")
	form.Set("comment", "too much at once")
	erin.Follow(erin.Post(at(c, "/reject"), form)).Wants(http.StatusOK, "Your rejection is recorded")
	if got := statement(t, s, c.ID).Viewed; got.Full || len(got.Pages) != 0 {
		t.Errorf("the rejection says that %+v was shown", got)
	}
}

// After the run the owner verifies on the page, and closing offers only what the records allow.
func TestVerifyingAndClosing(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	m := s.Material()
	m.Targets, m.Effects[0].Target = []string{"web-prod"}, "web-prod" // whose owner verifies
	var c change.Change
	s.As(servertest.Alice).Want(http.StatusCreated, "POST", "/changes", m).Into(&c)
	s.As(servertest.Alice).Want(http.StatusOK, "POST", "/changes/"+string(c.ID)+"/submit", map[string]any{}, servertest.Seen(c)...).Into(&c)
	s.Tested(c)
	for _, name := range []string{servertest.Sam, servertest.Erin} {
		s.As(name).Want(http.StatusOK, "POST", "/changes/"+string(c.ID)+"/approve", map[string]any{}, servertest.Seen(c)...).Into(&c)
	}
	var v struct {
		PermitID string `json:"permit_id"`
	}
	s.CI().Want(http.StatusOK, "POST", "/gate/open", servertest.Request(c.ID, "apply")).Into(&v)
	fence := s.Shown(c.ID).Permits[0].Fence
	s.CI().Want(http.StatusOK, "POST", "/gate/close", map[string]any{"permit": v.PermitID, "fence": fence, "outcome": "success", "exit": 0,
		"receipts": []any{map[string]any{"address": "web.yaml", "action": "update", "outcome": "done", "seconds": 3}}})
	slot := s.Shown(c.ID).Verify[0]
	page := s.Browse(servertest.Rita).Get(at(c, "")).Wants(http.StatusOK, "Executions", "success", "1 receipt", "web.yaml", "still to verify")
	if strings.Contains(page.Body, at(c, "/verify")) {
		t.Error("a reader is offered to verify")
	}
	emil := s.Browse(servertest.Emil)
	verify := emil.Get(at(c, "")).Wants(http.StatusOK, "Verify the result").Form(at(c, "/verify"))
	if verify.Get("slot") != slot {
		t.Errorf("offered to verify %q, want %q", verify.Get("slot"), slot)
	}
	emil.Post(at(c, "/verify"), verify).Wants(http.StatusBadRequest, "Say whether the result is right.")
	verify.Set("passed", "yes")
	emil.Follow(emil.Post(at(c, "/verify"), verify)).Wants(http.StatusOK, "Your verification is recorded.")
	alice := s.Browse(servertest.Alice)
	page = alice.Get(at(c, "")).Wants(http.StatusOK, "Close it")
	form := page.Form(at(c, "/close"))
	if form.Get("closure") != "successful" || strings.Contains(page.Body, `value="failed"`) || strings.Contains(page.Body, `value="backed_out"`) {
		t.Errorf("closing proposes %q, and more than the records allow", form.Get("closure"))
	}
	form.Set("closure", "failed")
	alice.Post(at(c, "/close"), form).Wants(http.StatusBadRequest, "The recorded outcomes do not allow that closure code.")
	form.Set("closure", "successful")
	form.Set("outcome", "as planned")
	alice.Follow(alice.Post(at(c, "/close"), form)).Wants(http.StatusOK, "Closed as successful", "as planned")
}

// A change to Plumbline itself says in words what it does, and is carried out by the button of who it names.
func TestARoleIsGrantedByThePage(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	g := change.Grant{Op: "grant", Role: "security-lead", Person: s.People[servertest.Rita]}
	digest, err := g.Digest()
	if err != nil {
		t.Fatal(err)
	}
	m := change.Material{Type: "normal", Category: "access", Summary: "Rita leads security, too", Justification: "Sally is away.",
		Components: []string{"change-control"}, Targets: []string{"change-control"}, Bindings: []change.Binding{{Kind: change.AccessGrant, Digest: digest, Grant: &g}}, Rollback: change.Rollback{Text: "Revoke it."},
		Implementers: []change.Executor{{Person: s.People[servertest.Ivy]}}}
	var c change.Change
	s.As(servertest.Alice).Want(http.StatusCreated, "POST", "/changes", m).Into(&c)
	alice := s.Browse(servertest.Alice)
	alice.Follow(alice.Post(at(c, "/submit"), alice.Get(at(c, "")).Form(at(c, "/submit")))).Wants(http.StatusOK, "Submitted", "Rita gets the role security-lead.")
	s.As(servertest.Alice).Want(http.StatusCreated, "POST", "/changes/"+string(c.ID)+"/evidence?format=attached&subject="+digest, []byte("asked for by mail"))
	for _, name := range []string{servertest.Otto, servertest.Sam, servertest.Erin, servertest.Ivan, servertest.Dora} {
		b := s.Browse(name)
		if p := b.Get(at(c, "")); strings.Contains(p.Body, ">Approve<") {
			b.Follow(b.Post(at(c, "/approve"), p.Form(at(c, "/approve"))))
		}
	}
	if p := alice.Get(at(c, "")).Wants(http.StatusOK, "It is approved"); strings.Contains(p.Body, at(c, "/apply")) {
		t.Error("somebody else is offered to carry it out")
	}
	ivy := s.Browse(servertest.Ivy)
	ivy.Follow(ivy.Post(at(c, "/apply"), ivy.Get(at(c, "")).Form(at(c, "/apply")))).Wants(http.StatusOK, "It is done.")
	alice.Get(at(c, "")).Wants(http.StatusOK, "success", "opened the gate")
}

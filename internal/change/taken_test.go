package change

import (
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/evidence"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/wire"
)

// This file holds what is taken from outside at all: a request that says something else is refused,
// member by member.

// wants asks for a refusal with this code that names the member.
func wants(t *testing.T, what string, err error, code, path string) {
	t.Helper()
	if !fault.Is(err, code) {
		t.Errorf("%s: %v, want %s", what, err, code)
		return
	}
	for _, f := range fault.Of(err).Fields {
		if f.Path == path {
			return
		}
	}
	t.Errorf("%s: members %+v, want %s among them", what, fault.Of(err).Fields, path)
}

func TestOnlyAChangeInItsFormIsTaken(t *testing.T) {
	t.Parallel()
	base := newMachine(t).start(t).snap.Revision.Material
	if err := base.clean(); err != nil {
		t.Fatalf("the usual change: %v", err)
	}
	for name, x := range map[string]struct {
		path string
		edit func(*Material)
	}{
		"an unknown type":           {"type", func(m *Material) { m.Type = "urgent" }},
		"no type":                   {"type", func(m *Material) { m.Type = "" }},
		"bytes that are no text":    {"summary", func(m *Material) { m.Summary = "a\xffb" }},
		"a summary without end":     {"summary", func(m *Material) { m.Summary = strings.Repeat("x", maxLine+1) }},
		"a summary of two lines":    {"summary", func(m *Material) { m.Summary = "a\nb" }},
		"text that turns around":    {"summary", func(m *Material) { m.Summary = "a\u202eb" }},
		"reasons that are no text":  {"justification", func(m *Material) { m.Justification = "a\xffb" }},
		"reasons without end":       {"justification", func(m *Material) { m.Justification = strings.Repeat("x", maxText+1) }},
		"reasons with controls":     {"justification", func(m *Material) { m.Justification = "a\x1b[2Jb" }},
		"an unknown risk":           {"risk_floor", func(m *Material) { m.RiskFloor = "none" }},
		"an unknown binding":        {"bindings[0].kind", func(m *Material) { m.Bindings = []Binding{{Kind: "magic", Digest: goodBytes}} }},
		"a binding without digest":  {"bindings[0].digest", func(m *Material) { m.Bindings = []Binding{{Kind: "config-file"}} }},
		"a document that is none":   {"bindings[0].document", func(m *Material) { m.Bindings = []Binding{{Kind: "config-file", Digest: goodBytes, Document: "x"}} }},
		"a grant of another kind":   {"bindings[0].grant", func(m *Material) { m.Bindings = []Binding{{Kind: "config-file", Digest: goodBytes, Grant: &Grant{}}} }},
		"an access without a grant": {"bindings[0].grant", func(m *Material) { m.Bindings = []Binding{{Kind: "access-grant", Digest: goodBytes}} }},
		"a wrong way back":          {"rollback.binding.digest", func(m *Material) { m.Rollback.Binding = &Binding{Kind: "runbook"} }},
		"nobody as executor":        {"implementers[0]", func(m *Material) { m.Implementers = []Executor{{}} }},
		"two in one executor":       {"implementers[0]", func(m *Material) { m.Implementers = []Executor{{Person: eve, Account: "acc_ci"}} }},
		"too many targets":          {"bindings", func(m *Material) { m.Targets = make([]string, maxItems+1) }},
		"too many effects":          {"bindings", func(m *Material) { m.Effects = make([]Effect, maxItems+1) }},
		"a window that ends before": {"window.until", func(m *Material) { m.Window = Envelope{From: instant(modelNow), Until: instant(modelNow)} }},
		"an unknown evidence":       {"checks", func(m *Material) { m.Checks = []string{"a good feeling"} }},
	} {
		m := base
		x.edit(&m)
		wants(t, name, m.clean(), "bad_change", x.path)
	}
}

func TestADigestIsWrittenOneWay(t *testing.T) {
	t.Parallel()
	if !IsDigest(goodBytes) {
		t.Errorf("%s is no digest", goodBytes)
	}
	hex := strings.TrimPrefix(goodBytes, "sha256:")
	for name, s := range map[string]string{"nothing": "", "no algorithm": hex, "another algorithm": "sha512:" + hex, "too short": goodBytes[:70],
		"too long": goodBytes + "a", "capitals": "sha256:" + strings.ToUpper(hex), "no hex": "sha256:" + strings.Repeat("g", 64)} {
		if IsDigest(s) {
			t.Errorf("%s passes for a digest", name)
		}
	}
}

func TestOnlyAGateRequestInItsFormIsTaken(t *testing.T) {
	t.Parallel()
	base := wire.GateRequest{Schema: wire.GateRequestSchema, Change: "CHG-1", Kind: wire.KindApply, Observed: []wire.Observed{{Kind: "config-file", Digest: goodBytes}}}
	if err := cleanRequest(base); err != nil {
		t.Fatalf("the usual request: %v", err)
	}
	for name, x := range map[string]struct {
		path string
		edit func(*wire.GateRequest)
	}{
		"another form":           {"schema", func(q *wire.GateRequest) { q.Schema = "plumb.gate-request/v2" }},
		"no form":                {"schema", func(q *wire.GateRequest) { q.Schema = "" }},
		"a negative attempt":     {"attempt", func(q *wire.GateRequest) { q.Attempt = -1 }},
		"an endless attempt":     {"attempt", func(q *wire.GateRequest) { q.Attempt = 1001 }},
		"too much observed":      {"observed", func(q *wire.GateRequest) { q.Observed = make([]wire.Observed, maxItems+1) }},
		"too many targets":       {"observed", func(q *wire.GateRequest) { q.Targets = make([]string, maxItems+1) }},
		"something undigested":   {"observed[0].digest", func(q *wire.GateRequest) { q.Observed = []wire.Observed{{Kind: "config-file", Digest: "abc"}} }},
		"a name with controls":   {"observed[0]", func(q *wire.GateRequest) { q.Observed = []wire.Observed{{Digest: goodBytes, Name: "a\x00"}} }},
		"a claim with controls":  {"request", func(q *wire.GateRequest) { q.CI.Actor = "a\x1b" }},
		"a target with controls": {"request", func(q *wire.GateRequest) { q.Targets = []string{"a\n"} }},
	} {
		q := base
		x.edit(&q)
		wants(t, name, cleanRequest(q), "bad_gate_request", x.path)
	}
}

func TestOnlyAnHonestReportIsTaken(t *testing.T) {
	t.Parallel()
	base := wire.GateClose{Permit: "prm_1", Outcome: Success}
	if err := cleanClose(base); err != nil {
		t.Fatalf("the usual report: %v", err)
	}
	for name, x := range map[string]struct {
		path string
		edit func(*wire.GateClose)
	}{
		"an unknown outcome":        {"outcome", func(r *wire.GateClose) { r.Outcome, r.Exit = Unknown, 1 }},
		"no outcome":                {"outcome", func(r *wire.GateClose) { r.Outcome, r.Exit = "", 1 }},
		"a success that failed":     {"exit", func(r *wire.GateClose) { r.Exit = 1 }},
		"a failure that went well":  {"exit", func(r *wire.GateClose) { r.Outcome = Failure }},
		"too many receipts":         {"receipts", func(r *wire.GateClose) { r.Receipts = make([]wire.Receipt, maxReceipts+1) }},
		"too much after":            {"receipts", func(r *wire.GateClose) { r.After = make([]wire.Observed, maxItems+1) }},
		"a log that is no digest":   {"log", func(r *wire.GateClose) { r.Log = "see attachment" }},
		"a note with controls":      {"note", func(r *wire.GateClose) { r.Note = "a\x1b[2J" }},
		"a receipt with controls":   {"receipts[0]", func(r *wire.GateClose) { r.Receipts = []wire.Receipt{{Address: "a\x00"}} }},
		"an artifact with controls": {"after[0]", func(r *wire.GateClose) { r.After = []wire.Observed{{Name: "a\x00"}} }},
	} {
		r := base
		x.edit(&r)
		wants(t, name, cleanClose(r), "bad_report", x.path)
	}
}

func TestOnlyAReviewWithOwnersAndDatesIsTaken(t *testing.T) {
	t.Parallel()
	good := Action{Text: "test the way back", Owner: "ann", Due: instant(modelNow)}
	if err := cleanReview(&Review{Outcome: "it failed", Causes: "haste", Actions: []Action{good}}); err != nil {
		t.Fatalf("the usual review: %v", err)
	}
	for name, edit := range map[string]func(*Action){
		"a text": func(a *Action) { a.Text = " " }, "an owner": func(a *Action) { a.Owner = "" }, "a date": func(a *Action) { a.Due = time.Time{} },
	} {
		a := good
		edit(&a)
		wants(t, "an action without "+name, cleanReview(&Review{Actions: []Action{a}}), "bad_review", "review.actions[0]")
	}
	wants(t, "an outcome with controls", cleanReview(&Review{Outcome: "a\x00"}), "bad_review", "review.outcome")
}

func TestWhatWentWrongIsReviewed(t *testing.T) {
	t.Parallel()
	s := waiting(t)
	good := Review{Outcome: "it failed", Causes: "haste"}
	for name, r := range map[string]*Review{"no review": nil, "no outcome": {Causes: "haste"}, "no causes": {Outcome: "it failed"}} {
		wants(t, name, s.reviewed(Failed, r), "review_missing", "review")
	}
	bad := good
	bad.Actions = []Action{{}}
	for _, code := range []Closure{Failed, Successful} {
		wants(t, "an action of nobody, closed "+string(code), s.reviewed(code, &bad), "bad_review", "review.actions[0]")
		if err := s.reviewed(code, &good); err != nil {
			t.Errorf("closed %s with a review: %v", code, err)
		}
	}
}

func TestOnlyAWindowWithAnEndAndAReasonIsTaken(t *testing.T) {
	t.Parallel()
	now, pack := instant(modelNow), newMachine(t).start(t).snap.Pack
	base := Window{Kind: FreezeKind, Starts: modelNow, Ends: modelNow + 10, Reason: "quarter end"}
	if err := base.clean(pack, now); err != nil {
		t.Fatalf("the usual freeze: %v", err)
	}
	for name, x := range map[string]struct {
		path string
		edit func(*Window)
	}{
		"an unknown kind":       {"kind", func(w *Window) { w.Kind = "pause" }},
		"an end at its start":   {"ends", func(w *Window) { w.Starts, w.Ends = modelNow+10, modelNow+10 }},
		"an end that is past":   {"ends", func(w *Window) { w.Starts, w.Ends = modelNow-10, modelNow }},
		"no reason":             {"reason", func(w *Window) { w.Reason = " " }},
		"a reason of controls":  {"reason", func(w *Window) { w.Reason = "a\x1b" }},
		"a role nobody has":     {"scope.exempt_roles", func(w *Window) { w.Scope.ExemptRoles = []string{"on-call"} }},
		"soft, and stops runs":  {"scope.running", func(w *Window) { w.Scope.Running = true }},
		"a window that exempts": {"kind", func(w *Window) { w.Kind, w.Scope.ExemptRoles = AllowWindow, []string{"security-lead"} }},
		"a window that stops":   {"kind", func(w *Window) { w.Kind, w.Hard, w.Scope.Running = AllowWindow, true, true }},
		"a scope with controls": {"scope", func(w *Window) { w.Scope.Targets = []string{"a\x00"} }},
	} {
		w := base
		x.edit(&w)
		wants(t, name, w.clean(pack, now), "bad_window", x.path)
	}
}

func TestOnlyEvidenceOfItsFormatIsTaken(t *testing.T) {
	t.Parallel()
	res := &evidence.Result{Format: evidence.JUnit, Kind: "tests", Status: "pass"}
	_, err := checkOf("CHG-000001", Evidence{Kind: "scan"}, res)
	wants(t, "tests that pass for a scan", err, "bad_evidence", "kind")
	_, err = checkOf("CHG-000001", Evidence{Name: "a\x1b[2J"}, res)
	wants(t, "a name with controls", err, "bad_evidence", "name")
	if _, err = checkOf("CHG-000001", Evidence{Name: "junit.xml"}, res); err != nil {
		t.Errorf("the usual evidence: %v", err)
	}
}

func TestADocumentIsWhatItsBindingNames(t *testing.T) {
	t.Parallel()
	b := Binding{Kind: "config-file", Digest: goodBytes, Document: otherBytes}
	wants(t, "another document", bindDocument(&b, []byte("x")), "wrong_document", "bindings")
	b.Document = goodBytes
	if err := bindDocument(&b, []byte("x")); err != nil {
		t.Errorf("its own document: %v", err)
	}
}

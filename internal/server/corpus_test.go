package server_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/policy"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/server/servertest"
	"plumbline.dev/plumb/internal/wire"
	"plumbline.dev/plumb/policies"
)

// hostile are texts as JSON writes them that no text of ours may hold, and what they are.
var hostile = map[string]string{
	"U+0000": `"a\u0000b"`, "half a pair": `"a\ud800b"`, "the other half": `"a\udc00b"`, "no UTF-8": "\"a\xff\xfeb\"",
	"an overlong slash": "\"a\xc0\xafb\"", "a coded half": "\"a\xed\xa0\x80b\"", "an escape sequence": `"a\u001b[2Jb"`, "a bell": `"a\u0007b"`, "C1 control": `"a\u009bb"`,
}

// door is a body with every text that it can hold; a good one is taken as it is, so that nothing but the
// hostile text is what refuses it.
type aDoor struct {
	who, path string
	body      any
	good      bool
}

// full is a wording with every text that there is.
func (f *firm) full() change.Material {
	m := f.usual("web")
	m.Model, m.RiskFloor, m.CriticalRole, m.EmergencyNotes = "x", "high", "x", "x"
	m.Effects = []change.Effect{{Target: "x", Path: "x", Op: "update", After: "x"}}
	m.Bindings[0].Tree, m.Bindings[0].Commit, m.Bindings[0].Base, m.Bindings[0].Repo = "x", "x", "x", "x"
	m.Bindings = append(m.Bindings, change.Binding{Kind: "access-grant", Name: "x", Digest: seal.Raw(nil),
		Grant: &change.Grant{Op: "x", Role: "x", Person: f.People[servertest.Rita], Group: "x", Into: "x"}})
	m.Bindings[0].Authors, m.DataFlags, m.Attachments = []string{"x"}, []string{"x"}, []change.Attachment{{Name: "x", Digest: seal.Raw(nil)}}
	m.Deploy = change.Deploy{JobName: "x", BuildID: "x", Action: "x", Branch: "x", Environment: "x", Links: []string{"x"}, Scans: []string{"tests"}}
	m.Rollback.Trigger, m.Rollback.Rehearsed, m.Rollback.NoReturn, m.Rollback.NotReversible = "x", "x", "x", "x"
	m.Checks = []string{"tests"}
	return m
}

// gateDoors are what pipelines send.
func gateDoors(t *testing.T, f *firm) []aDoor {
	t.Helper()
	c := f.filed(t, f.usual("web"))
	c = f.approved(t, c, seal.Raw([]byte("web")))
	q := presented(c, wire.KindApply, "web")
	q.Environment, q.Targets, q.Stage, q.Key = "x", []string{"x"}, "x", "x"
	q.CI = wire.CI{Provider: "x", Repo: "x", Pipeline: "x", Job: "x", BuildID: "x", Commit: "x", Branch: "x", PR: "x", Actor: "x", URL: "x"}
	q.Observed[0].Normalized, q.Observed[0].Base = "x", "x"
	f.done(t, nil, servertest.CI, "POST", "/gate/open", presented(c, wire.KindApply, "web"))
	var v change.View
	f.done(t, &v, servertest.Rita, "GET", at(c, ""), nil)
	end := wire.GateClose{Permit: v.Permits[0].ID, Fence: v.Permits[0].Fence, Outcome: "success", Log: seal.Raw(nil), Note: "x",
		After:    []wire.Observed{{Kind: "config-file", Name: "x", Digest: seal.Raw(nil), Normalized: seal.Raw(nil), Base: "x"}},
		Receipts: []wire.Receipt{{Address: "x", Action: "x", Outcome: "done", ID: "x"}}}
	return []aDoor{{servertest.CI, "/gate/open", q, false}, {servertest.CI, "/gate/check", q, false},
		{servertest.CI, "/gate/close", end, true}, {servertest.CI, "/gate/renew", map[string]any{"permit": "x", "fence": 1}, false}}
}

// changeDoors are what is said about changes, each about one of its own.
func changeDoors(t *testing.T, f *firm) (out []aDoor) {
	t.Helper()
	waiting := func(verb string) string {
		c := f.filed(t, f.usual("web"))
		f.done(t, nil, servertest.CI, "POST", at(c, "/evidence?format=junit&subject="+seal.Raw([]byte("web"))), servertest.JUnit())
		f.done(t, nil, servertest.Alice, "POST", at(c, "/submit"), map[string]any{}, servertest.Seen(c)...)
		return at(c, verb) + "#" + c.RevDigest
	}
	remark := map[string]any{"comment": "x"}
	for _, verb := range []string{"approve", "reject", "hold"} {
		out = append(out, aDoor{servertest.Sam, waiting("/" + verb), remark, true})
	}
	asked := f.full()
	asked.Model, asked.Bindings = "", asked.Bindings[:1] // what the pack does not know is refused here
	review := map[string]any{"outcome": "x", "causes": "x", "attendees": []string{"x"}, "actions": []map[string]any{{"text": "x", "owner": "x", "due": time.Now()}}}
	return append(out, aDoor{servertest.Alice, waiting("/cancel"), remark, true}, aDoor{servertest.Alice, waiting("/comments"), map[string]any{"text": "x"}, true},
		aDoor{servertest.Sam, waiting("/withdraw"), remark, false}, aDoor{servertest.Sam, waiting("/release"), remark, false},
		aDoor{servertest.Sam, waiting("/acknowledge"), map[string]any{"with": "x", "comment": "x"}, false},
		aDoor{servertest.Sam, waiting("/verify"), map[string]any{"slot": "x", "passed": true, "comment": "x"}, false},
		aDoor{servertest.Rita, waiting("/close"), map[string]any{"closure": "x", "review": review}, false},
		aDoor{servertest.Alice, "/changes", f.full(), true}, aDoor{servertest.Alice, "/policy/explain", map[string]any{"material": asked}, true})
}

// otherDoors are about people, keys and calendars.
func otherDoors(f *firm) []aDoor {
	freeze := map[string]any{"kind": "freeze", "scope": map[string]any{"targets": []string{"x"}, "components": []string{"x"}, "categories": []string{"other"}},
		"starts": time.Now(), "ends": time.Now().Add(time.Hour), "reason": "x"}
	return []aDoor{
		{servertest.Sam, "/windows", freeze, true},
		{servertest.Olga, "/people", map[string]any{"name": "Nora", "email": "nora@example.com", "username": "nora"}, true},
		{servertest.Olga, "/groups", map[string]any{"name": "night-shift"}, true},
		{servertest.Olga, "/service-accounts", map[string]any{"username": "nightly", "owner": f.People[servertest.Ivy], "note": "x", "repos": []string{"x"}}, true},
		{servertest.Olga, "/webhooks", map[string]any{"url": "https://example.com", "verbs": []string{"change.closed"}}, true},
		{servertest.Alice, "/tokens", map[string]any{"name": "x", "scopes": []string{"read"}, "repo": "x", "pipeline": "x"}, false},
		{servertest.Audra, "/export", map[string]any{"change": "x", "withhold": []string{"x"}}, false},
		{servertest.Strange, "/login", map[string]any{"username": "x", "password": "x", "new_password": "x"}, false},
		{servertest.Strange, "/setup", map[string]any{"code": "x", "company": "x", "zone": "x", "officers": []string{"x"}, "people": []servertest.Member{servertest.Person("x", "x")}}, false},
		{servertest.Alice, "/me/password", map[string]any{"old": "x", "new": "x"}, false},
	}
}

// Every text of every body is tried with every hostile text: the answer is a problem with a code, never
// the server's fault, and nothing is taken.
func TestNoHostileTextIsTaken(t *testing.T) {
	t.Parallel()
	f := found(t)
	tried := 0
	for _, d := range slices.Concat(gateDoors(t, f), changeDoors(t, f), otherDoors(f)) {
		path, seen, _ := strings.Cut(d.path, "#")
		raw, err := json.Marshal(d.body, json.Deterministic(true))
		if err != nil {
			t.Fatal(err)
		}
		for i, text := range texts(raw) {
			for name, bad := range hostile {
				tried++
				b := slices.Concat(raw[:text[0]], []byte(bad), raw[text[1]:])
				r := f.ask(t, d.who, "POST", path, b, "If-Match", `"`+seen+`"`)
				if r.status < 400 || r.status >= 500 || r.code == "" {
					t.Errorf("%s in text %d of %s: %s\n%s", name, i, path, r, clip(b[max(0, text[0]-40):], 80))
				}
			}
		}
		if r := f.ask(t, d.who, "POST", path, raw, "If-Match", `"`+seen+`"`); d.good && !r.ok() || r.status >= 500 {
			t.Errorf("%s as it is: %s", path, r)
		}
	}
	if tried < 1000 {
		t.Errorf("only %d texts tried", tried)
	}
}

// texts finds the strings of JSON that are values, begin and end.
func texts(raw []byte) (out [][2]int) {
	for i := 0; i < len(raw); i++ {
		if raw[i] != '"' {
			continue
		}
		end := i + 1
		for raw[end] != '"' {
			if raw[end] == '\\' {
				end++
			}
			end++
		}
		if end+1 == len(raw) || raw[end+1] != ':' {
			out = append(out, [2]int{i, end + 1})
		}
		i = end
	}
	return out
}

// Evidence is parsed by the server, so its traps are set off there.
func TestEvidenceSetsNoTrap(t *testing.T) {
	t.Parallel()
	f := found(t)
	c := f.filed(t, f.usual("web"))
	zeroes := strings.Repeat("\x00", 64<<20)
	var zipped, gzipped bytes.Buffer
	z := zip.NewWriter(&zipped)
	w, err := z.Create("junit.xml")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(w, zeroes)
	_ = z.Close()
	g := gzip.NewWriter(&gzipped)
	_, _ = io.WriteString(g, zeroes)
	_ = g.Close()
	before := events(t, f.Server)
	for name, x := range map[string]struct {
		format, body string
	}{
		"entities":          {"junit", `<!DOCTYPE a [<!ENTITY x "y"><!ENTITY z "&x;&x;&x;">]><testsuite name="a" tests="1"><testcase name="&z;"/></testsuite>`},
		"a foreign entity":  {"junit", `<?xml version="1.0"?><!DOCTYPE a SYSTEM "file:///etc/passwd"><testsuite/>`},
		"a late DOCTYPE":    {"junit", `<testsuite><!-- --><!DOCTYPE x></testsuite>`},
		"another charset":   {"junit", `<?xml version="1.0" encoding="UTF-7"?><testsuite name="a" tests="0"/>`},
		"deep XML":          {"junit", strings.Repeat("<testsuite>", 100_000)},
		"a zip bomb":        {"junit", zipped.String()},
		"a gzip bomb":       {"junit", gzipped.String()},
		"a zip as sarif":    {"sarif", zipped.String()},
		"deep JSON":         {"sarif", strings.Repeat("[", 100_000)},
		"deep members":      {"trivy", strings.Repeat(`{"a":`, 100_000)},
		"members twice":     {"sarif", `{"version":"2.1.0","version":"2.1.0","runs":[]}`},
		"half a document":   {"cyclonedx", `{"bomFormat":"CycloneDX"`},
		"no text":           {"junit", "\xff\xfe\x00<"},
		"nothing":           {"junit", ""},
		"an unknown format": {"pdf", "x"},
	} {
		r := f.ask(t, servertest.CI, "POST", at(c, "/evidence?format="+x.format+"&subject="+seal.Raw([]byte("web"))), []byte(x.body))
		if r.status < 400 || r.status >= 500 || r.code == "" {
			t.Errorf("%s: %s", name, r)
		}
	}
	if after := events(t, f.Server); after != before {
		t.Errorf("malformed evidence made %d events", after-before)
	}
}

// A policy pack that somebody wants tried can hold anything: what costs too much is refused before it runs.
func TestATriedPackCannotCostTheServer(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.filed(t, f.usual("web"))
	files, err := policies.Pack(policies.Default)
	if err != nil {
		t.Fatal(err)
	}
	p, err := policy.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	archive, err := p.Archive()
	if err != nil {
		t.Fatal(err)
	}
	const old = "when: size(roles) > 0"
	var pack any
	if err := json.Unmarshal(archive, &pack); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(exchanged(pack, old, "x")) == fmt.Sprint(pack) {
		t.Fatal("the rule to exchange is not there")
	}
	loop := "targets.all(x, true)"
	for i := range 6 {
		loop = fmt.Sprintf("targets.all(x%d, effects.all(y%d, %s))", i, i, loop)
	}
	for name, x := range map[string]struct{ when, code string }{
		"loops in loops":   {loop, "bad_pack"},
		"a costly pattern": {`justification.matches("(a|a)*b") && targets.all(x, effects.all(y, justification.matches("((a*)*)*b")))`, "bad_pack"},
		"brackets":         {strings.Repeat("(", 900) + "true" + strings.Repeat(")", 900), "bad_pack"},
		"a very long rule": {strings.Repeat("true && ", 500_000) + "true", "pack_too_large"},
		"no boolean":       {"1 + 1", "bad_pack"},
		"an unknown name":  {"secrets.all(x, true)", "bad_pack"},
		"not even that":    {"when(", "bad_pack"},
		"nothing":          {"", "bad_pack"},
	} {
		bomb := exchanged(pack, old, "when: '"+strings.ReplaceAll(x.when, "'", "''")+"'")
		r := f.ask(t, servertest.Alice, "POST", "/policy/simulate", map[string]any{"archive": bomb})
		if r.status < 400 || r.status >= 500 || r.code != x.code {
			t.Errorf("%s: %s, want %s", name, r, x.code)
		}
	}
	if r := f.ask(t, servertest.Alice, "POST", "/policy/simulate", map[string]any{"archive": pack}); !r.ok() {
		t.Errorf("the pack as it is: %s", r)
	}
}

// exchanged exchanges a text in every string of a document.
func exchanged(v any, old, with string) any {
	switch x := v.(type) {
	case string:
		return strings.Replace(x, old, with, 1)
	case []any:
		out := make([]any, len(x))
		for i := range x {
			out[i] = exchanged(x[i], old, with)
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for k := range x {
			out[k] = exchanged(x[k], old, with)
		}
		return out
	}
	return v
}

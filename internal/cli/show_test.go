package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/client"
	"plumbline.dev/plumb/internal/plan"
	"plumbline.dev/plumb/internal/wire"
)

// everything is a view with one of all that can be shown.
func everything(text string) client.View {
	b := wire.Binding{Kind: "config-file", Name: text, Digest: digestOfWord("a"), Document: digestOfWord("a")}
	return client.View{Change: client.Change{ID: "CHG-000001", State: "verifying", Summary: text, Requester: "per_1", Rev: 1, RevDigest: digestOfWord("b"),
		Body: client.Body{Hold: &client.Hold{Reason: text}, Auto: &client.Auto{Why: text}, Expires: 1}},
		Material: wire.Material{Summary: text, Justification: text + "\n" + text, Components: []string{text}, Targets: []string{text}, Bindings: []wire.Binding{b, {Kind: "tf-plan"},
			{Kind: "git-commit", Commit: text}, {Kind: "access-grant", Grant: &wire.Grant{Op: "grant", Role: text}}}, Effects: []wire.Effect{{Target: text}},
			Rollback:     wire.Rollback{Text: text, Binding: &b, Trigger: text, NotReversible: text, Rehearsed: text, NoReturn: text},
			Implementers: []wire.Executor{{Person: "per_1"}, {Account: text, Repo: text, Pipe: text}}, Deploy: wire.Deploy{JobName: text, Links: []string{text}},
			Attachments: []wire.Attachment{{Name: text}}, Model: text, CriticalRole: text, EmergencyNotes: text, DataFlags: []string{text}},
		Placed: []client.Placed{{Kind: "config-file", Name: text, Targets: []string{text}, Change: "CHG-000009", Digest: digestOfWord("c"),
			Document: digestOfWord("c"), Doubt: "CHG-000010"}},
		Names:     map[string]string{"per_1": text},
		Decisions: []client.Decision{{Person: "per_1", Verb: "approve", Roles: []string{text}, Comment: text}},
		Missing:   []client.MissingSlot{{Role: text, Need: 1, Could: []client.Candidate{{Person: "per_1"}}, Reasons: []client.Reason{{Rule: text, Text: text}}}, {Humans: true}},
		Checks:    []client.CheckResult{{Kind: text, Status: "fail", Why: text}}, NeedCheck: []string{text}, Verify: []string{text},
		Permits:   []client.Permit{{Kind: "apply", Outcome: "failure", Person: "per_1", Exit: 1, Ended: 2}},
		Conflicts: []wire.Conflict{{With: text, Text: text}}, Window: &wire.Window{Text: text}, Comments: []client.Comment{{By: "per_1", Text: text}}}
}

// TestNoTextOfOthersReachesTheTerminal: what other people wrote is shown as it is stored; the only
// control sequences are our own colours.
func TestNoTextOfOthersReachesTheTerminal(t *testing.T) {
	t.Parallel()
	a := &app{env: func(string) (string, bool) { return "", false }, now: func() time.Time { return time.Unix(1, 0) }}
	var out bytes.Buffer
	v := everything("evil\x1b]0;title\a\u202Etxt")
	if err := a.writeView(a.page(&out), v, beside{docs: map[string][]byte{digestOfWord("a"): []byte("file\x1b[2J\u202Etext\n")}, full: true}); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(out.String(), "\x1b\a\u202E") {
		t.Errorf("control sequences came through:\n%q", out.String())
	}
}

func TestOurColoursAreNotShownAsText(t *testing.T) {
	t.Parallel()
	a := &app{env: func(string) (string, bool) { return "", false }, now: func() time.Time { return time.Unix(1, 0) }}
	var out bytes.Buffer
	p := &page{w: &out, paint: func(code, s string) string { return "\x1b[" + code + "m" + s + "\x1b[0m" }}
	v := everything("text")
	a.writeWhat(p, v.Material, v.Names)
	a.writeDecisions(p, v)
	writeEvidence(p, v)
	writeRuns(p, v)
	if strings.Contains(out.String(), "<U+001B>") {
		t.Errorf("our own colours were made visible:\n%s", out.String())
	}
}

func TestLinesBreakBetweenWords(t *testing.T) {
	t.Parallel()
	got := wrap("one two three four five six seven", 20)
	if strings.Join(got, "|") != "one two three four|five six seven" {
		t.Errorf("got %q", got)
	}
	if got := wrap("one two three four five six seven", 0); len(got) != 1 {
		t.Errorf("without a terminal: got %q", got)
	}
}

// Who reads the decisions sees which of them still count.
func TestADecisionSaysWhetherItCounts(t *testing.T) {
	t.Parallel()
	seated := []client.Assignment{{Slot: "lead", People: []string{"per_1"}}}
	for name, x := range map[string]struct {
		state, rev, verb, person string
		slots                    []client.Assignment
		want                     string
	}{
		"it fills a place":           {"awaiting_approval", "now", "approve", "per_1", seated, ""},
		"the role was lost":          {"awaiting_approval", "now", "approve", "per_2", seated, " (does not count now)"},
		"reworded":                   {"awaiting_approval", "old", "approve", "per_2", seated, " (an earlier revision)"},
		"reworded, runs the same":    {"authorized", "old", "approve", "per_1", seated, " (an earlier revision that runs the same)"},
		"a no":                       {"rejected", "now", "reject", "per_2", nil, ""},
		"the system's":               {"authorized", "now", "approve", "", nil, ""},
		"it ran, and somebody left":  {"closed", "now", "approve", "per_2", nil, ""},
		"an old one of what has run": {"closed", "old", "approve", "per_1", seated, " (an earlier revision)"},
	} {
		v := client.View{Change: client.Change{State: x.state, RevDigest: "now"}, Slots: x.slots}
		if got := standing(v, client.Decision{RevDigest: x.rev, Verb: x.verb, Person: x.person}); got != x.want {
			t.Errorf("%s: %q, want %q", name, got, x.want)
		}
	}
}

// What a file replaces is said with the command that lays both beside each other.
func TestWhatAFileReplacesIsSaid(t *testing.T) {
	t.Parallel()
	v := everything("app.conf")
	got := strings.Join(placedLines(v), "\n")
	for _, want := range []string{"app.conf on app.conf: that of CHG-000009", "diff <(plumb document get " + digestOfWord("c") + ") <(plumb document get " + digestOfWord("a") + ")",
		"a later run of CHG-000010 failed or was lost"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q does not say %q", got, want)
		}
	}
	v.Placed[0].Digest, v.Placed[0].Doubt = v.Material.Bindings[0].Digest, ""
	if got := placedLines(v)[0]; !strings.HasSuffix(got, "the same file") {
		t.Errorf("of the same file it says %q", got)
	}
}

// An effect is of an attribute, or of a whole thing; a target is shown as the inventory knew it.
func TestAnEffectAndATargetAreSaid(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]wire.Effect{"web-9 create": {Target: "web-9", Op: "create"}, "web-9 delete": {Target: "web-9", Op: "delete"},
		"web-9 size update cx 52": {Target: "web-9", Path: "size", Op: "update", After: "cx 52"}, "web-9 update": {}, "web-9": {}, "web-9 size create": {Target: "web-9", Path: "size", Op: "create"}} {
		if got, ok := effectOf(text); got != want || ok != (want != wire.Effect{}) {
			t.Errorf("%q is %+v, %v", text, got, ok)
		}
	}
	m := wire.Material{Targets: []string{"web-1", "elsewhere"}, Resolved: []wire.Resolved{{Name: "web-1", Asset: "AST-000002", Environment: "prod", Classification: "critical"}}}
	if got := strings.Join(targetWords(m), "; "); got != "web-1 (AST-000002, prod, critical, owner nobody); elsewhere" {
		t.Errorf("the targets are %q", got)
	}
}

// A change on a terminal: nothing is wider, the findings that it adopts stand there, and where the values of a plan are seen.
func TestAChangeFitsItsTerminal(t *testing.T) {
	t.Parallel()
	a := &app{env: func(string) (string, bool) { return "", false }, now: func() time.Time { return time.Unix(1, 0) }}
	v := everything(strings.TrimSpace(strings.Repeat("twelve words ", 12)))
	v.Material.Bindings = []wire.Binding{{Kind: "tf-plan", Name: "tfplan", Digest: digestOfWord("a"), Document: digestOfWord("a")}}
	v.Placed = nil
	read, err := plan.Read(strings.NewReader(`{"format_version":"1.2","terraform_version":"1.9.8","resource_changes":[{"address":"terraform_data.a","mode":"managed","type":"terraform_data",
		"name":"a","provider_name":"terraform.io/builtin/terraform","change":{"actions":["create"],"before":null,"after":{"input":"x"},"after_unknown":{}}}]}`), plan.Options{})
	if err != nil {
		t.Fatal(err)
	}
	x := beside{docs: map[string][]byte{digestOfWord("a"): read.Document()}, adopts: []client.Finding{{ID: "FND-000031", Severity: "high", State: "adopting", Op: "update",
		Name: "web-1", Path: "server_type", Before: "cx22", After: "cx52"}}}
	for _, paint := range []func(code, s string) string{plain, func(code, s string) string { return "\x1b[" + code + "m" + s + "\x1b[0m" }} {
		var out bytes.Buffer
		if err := a.writeView(&page{w: &out, paint: paint, cols: 80}, v, x); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(out.String()) {
			if n := visible(strings.TrimSuffix(line, "\n")); n > 80 {
				t.Errorf("%d columns: %q", n, line)
			}
		}
		if paint("1", "x") == "x" {
			for _, want := range []string{"Asks after the fact for\n  FND-000031   high, adopting: update web-1 server_type: cx22 → cx52\n", "  values       plumb change show CHG-000001 --full\n"} {
				if !strings.Contains(out.String(), want) {
					t.Errorf("%q is not said:\n%s", want, out.String())
				}
			}
		}
	}
}

// What a policy demands and a campaign ask for fit the terminal; a word that is wider, such as a digest, stays whole, to be copied.
func TestExplanationsAndCampaignsFitTheirTerminal(t *testing.T) {
	t.Parallel()
	long := strings.TrimSpace(strings.Repeat("twelve words ", 12))
	var out bytes.Buffer
	p := &page{w: &out, paint: plain, cols: 80}
	v := client.Explained{Refused: "no_approver", Message: long, Rules: []client.Explanation{{Rule: "two-approvals", Clause: "deploy/two-approvals", Title: long, Holds: true, Text: long, When: long,
		Reads: map[string]string{"components": long}, Demands: []string{long, long}}}}
	if err := writeExplained(p, v, true); err != nil {
		t.Fatal(err)
	}
	c := client.Campaign{ID: "CMP-000001", Name: long, Kind: "certification", State: "open", Items: 30, Asked: 30, Head: digestOfWord("a"), Difference: 4711,
		Standings: map[string]int{"open": 10, "confirmed": 10, "not_needed": 5, "wrong": 5}}
	now := client.SeenAsset{Name: "ip-10-0-12-7.eu-central-1.example.com", Environment: "prod", Classification: "confidential", Owner: "The platform team"}
	list := []client.CampaignItem{{Asset: "AST-000001", Now: now, Reviewer: "per_1", Standing: "not_needed"}}
	if err := writeCampaign(p, c, list, map[string]string{"per_1": "Mariana Fernández-Hollister"}); err != nil {
		t.Fatal(err)
	}
	fitsIn(t, out.String(), 80)
	for _, want := range []string{"\nHead " + digestOfWord("a") + "\n", "AST-000001  "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not whole:\n%s", want, out.String())
		}
	}
}

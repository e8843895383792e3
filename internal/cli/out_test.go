package cli

import (
	"bytes"
	"encoding/xml"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"plumbline.dev/plumb/internal/client"
	"plumbline.dev/plumb/internal/wire"
)

func TestMisleadingCharactersAreShown(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain": "plain", "Größe ✓": "Größe ✓", "a\x1b[31mred": "a<U+001B>[31mred", "user\u202Eexe.txt": "user<U+202E>exe.txt",
		"two\nlines": "two<U+000A>lines", "bad\xff": "bad\uFFFD", "zero\u200Bwidth": "zero<U+200B>width",
	} {
		if got := clean(in); got != want {
			t.Errorf("clean(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestTableAlignsByWhatIsSeen(t *testing.T) {
	t.Parallel()
	tab := table{head: []string{"NAME", "N"}}
	tab.add("Jürgen", "1")
	tab.add("Bo", "22")
	var b bytes.Buffer
	if err := tab.write(&b, plain, "none"); err != nil {
		t.Fatal(err)
	}
	if got, want := b.String(), "NAME    N\nJürgen  1\nBo      22\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	b.Reset()
	if err := (&table{head: []string{"X"}}).write(&b, plain, "None."); err != nil || b.String() != "None.\n" {
		t.Errorf("an empty table says %q, %v", b.String(), err)
	}
}

// On 80 columns a table is broken between words and loses none; without a terminal a row is one line.
func TestATableFitsItsTerminal(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("word ", 40) + "hmac:" + strings.Repeat("f", 100)
	tab := table{head: []string{"ID", "WHAT", "NOTE"}}
	tab.add("FND-000001", long, "2026-03-01 12:00Z")
	tab.add("FND-000002", "short", strings.Repeat("another ", 20))
	var b bytes.Buffer
	if err := tab.within(&b, 80, plain, ""); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(b.String()) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
			t.Errorf("%d columns: %q", n, line)
		}
	}
	if words, fs := strings.Count(b.String(), "word"), strings.Count(b.String(), "f"); words != 40 || fs != 100 {
		t.Errorf("of 40 words and 100 letters there are %d and %d:\n%s", words, fs, b.String())
	}
	if !strings.Contains(b.String(), "FND-000001  word word") || !strings.Contains(b.String(), "2026-03-01 12:00Z\n") {
		t.Errorf("a row does not begin on one line:\n%s", b.String())
	}
	b.Reset()
	if err := tab.write(&b, plain, ""); err != nil || strings.Count(b.String(), "\n") != 3 {
		t.Errorf("without a terminal: %v\n%s", err, b.String())
	}
}

func TestColoursOnlyOnATerminal(t *testing.T) {
	t.Parallel()
	a := &app{env: func(string) (string, bool) { return "", false }}
	if got := a.paint(&bytes.Buffer{})(red, "x"); got != "x" {
		t.Errorf("got %q", got)
	}
}

func TestAnswersInAllForms(t *testing.T) {
	t.Parallel()
	raw := jsontext.Value(`{"b":1,"a":["x"]}`)
	for form, want := range map[string]string{"json": "{\n  \"b\": 1,\n  \"a\": [\n    \"x\"\n  ]\n}\n", "yaml": "b: 1\na:\n- x\n"} {
		var out bytes.Buffer
		a := &app{out: &out, opts: options{output: form}}
		if err := a.emit(raw, nil); err != nil || out.String() != want {
			t.Errorf("%s: got %q, %v, want %q", form, out.String(), err, want)
		}
	}
}

// denied has one of everything that can be in the way.
func denied() wire.GateVerdict {
	return wire.GateVerdict{Schema: wire.GateVerdictSchema, Verdict: wire.Deny, Code: 3, Change: "CHG-000007", Rev: 2, RevDigest: "sha256:" + strings.Repeat("ab", 32),
		Env: "prod", Kind: wire.KindApply, Denials: []wire.Denial{{Code: "on_hold", Text: "On hold: a <b> & 100%\nnext", Rule: "hold", Who: "Sam"}},
		Mismatches: []wire.Mismatch{{Field: "tf-plan tfplan", Approved: "sha256:" + strings.Repeat("cd", 32), Observed: "none"}},
		Missing:    []wire.Missing{{Slot: "security-lead", Kind: "approval", Why: "Still needed.", Rule: "two", Clause: "c", Candidates: 2}, {Slot: "tests", Kind: "check", Why: "Missing."}},
		Window:     &wire.Window{Text: "Not begun."}, Conflicts: []wire.Conflict{{With: "CHG-9", Severity: "ack", Text: "Same."}, {With: "CHG-8", Severity: "info"}}}
}

func TestVerdictIsOneLine(t *testing.T) {
	t.Parallel()
	if got, want := verdictLine(denied(), plain), "DENY CHG-000007 rev 2 sha256:abababababab… env=prod exit 3 denied"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	ok := wire.GateVerdict{Verdict: wire.Allow, Change: "CHG-000123", Rev: 4, RevDigest: "sha256:ab12", Env: "prod", PermitID: "prm_1", Kind: wire.KindApply,
		Expires: time.Date(2026, 1, 2, 14, 32, 0, 0, time.UTC)}
	if got, want := verdictLine(ok, plain), "ALLOW CHG-000123 rev 4 sha256:ab12 env=prod permit exp 14:32Z"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := verdictLine(wire.GateVerdict{}, plain); !strings.HasPrefix(got, "DENY") {
		t.Errorf("no verdict at all reads %q", got)
	}
}

func TestEveryFormOfAVerdictIsWellFormed(t *testing.T) {
	t.Parallel()
	for _, v := range []wire.GateVerdict{denied(), {Verdict: wire.Allow, Change: "CHG-1"}, {}} {
		for _, form := range gateFormats {
			b, err := gateDocument(form, v)
			if err != nil {
				t.Fatalf("%s: %v", form, err)
			}
			switch form {
			case "junit":
				var s junitSuite
				if err := xml.Unmarshal(b, &s); err != nil || s.Tests != len(s.Cases) || (s.Failures > 0) == (v.Verdict == wire.Allow) {
					t.Errorf("junit: %v, %d failures of %d: %s", err, s.Failures, s.Tests, b)
				}
			case "github":
				for _, line := range strings.Split(strings.TrimSpace(string(b)), "\n") {
					if !strings.HasPrefix(line, "::error ") && !strings.HasPrefix(line, "::notice ") {
						t.Errorf("github: %q is no command", line)
					}
				}
			default:
				if !jsontext.Value(b).IsValid() {
					t.Errorf("%s is no JSON: %s", form, b)
				}
			}
		}
	}
}

func TestSarifAndGitlabListEachThingInTheWay(t *testing.T) {
	t.Parallel()
	var sarif struct {
		Runs []struct {
			Results []struct {
				RuleID string `json:"ruleId"`
			} `json:"results"`
		} `json:"runs"`
	}
	b, err := sarifReport(denied())
	if err == nil {
		err = json.Unmarshal(b, &sarif)
	}
	if err != nil || len(sarif.Runs[0].Results) != 6 {
		t.Fatalf("got %v, %s", err, b)
	}
	var list []struct {
		Fingerprint string `json:"fingerprint"`
	}
	if b, err = gitlabReport(denied()); err == nil {
		err = json.Unmarshal(b, &list)
	}
	seen := map[string]bool{}
	for _, x := range list {
		seen[x.Fingerprint] = true
	}
	if err != nil || len(seen) != 6 {
		t.Errorf("got %v and %d fingerprints, want 6", err, len(seen))
	}
}

func TestTimesInWords(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{5 * time.Second: "5s", 90 * time.Second: "1m", 65 * time.Minute: "1h05m", 20*time.Hour + 5*time.Minute: "20h", 72 * time.Hour: "3d"} {
		if got := span(d); got != want {
			t.Errorf("span(%s) = %q, want %q", d, got, want)
		}
	}
	a := &app{now: func() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }}
	for in, want := range map[string]string{"2h": "2026-03-01T14:00:00Z", "-7d": "2026-02-22T12:00:00Z", "2026-05-01T10:00:00+02:00": "2026-05-01T08:00:00Z", "now": "2026-03-01T12:00:00Z"} {
		got, err := a.instant(in)
		if err != nil || got.UTC().Format(time.RFC3339) != want {
			t.Errorf("instant(%q) = %v, %v, want %s", in, got, err, want)
		}
	}
	if _, err := a.instant("soon"); err == nil {
		t.Error("a time that is none was taken")
	}
}

// A source with a failed reading fits a terminal, and what was wrong with the reading is whole.
func TestASourceFitsATerminal(t *testing.T) {
	t.Parallel()
	const why = "scope web: the cloud answered 503 to the list of volumes three times, and what came before it counts for nothing that is missing from it"
	s := client.Source{Name: "hetzner", Kind: "hetzner", State: "failing", Records: 123_456, Settings: map[string]string{"endpoint": "https://" + strings.Repeat("address.", 20)},
		Runs:      []client.Run{{Ended: 1, Records: 123_456, Added: 12_345, Changed: 12_345, Absent: 12_345, Differences: 123_456, Error: why + "\nand one line more"}, {Ended: 2, Complete: true}},
		Questions: []client.Question{{Asset: "AST-000001", Kind: "source_conflict", Detail: "environment: prod counts, hetzner says dev, and it says so again and again"}}}
	for cols, fits := range map[int]int{80: 80, 0: 1000} {
		var b strings.Builder
		a := &app{now: time.Now}
		if err := a.writeSource(&page{w: &b, paint: plain, cols: cols}, s); err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(b.String(), "\n") {
			if utf8.RuneCountInString(line) > fits {
				t.Errorf("%d columns: %q", utf8.RuneCountInString(line), line)
			}
		}
		if all := strings.Join(strings.Fields(b.String()), " "); !strings.Contains(all, "problem of 1970-01-01 00:00Z: "+why+" and one line more") {
			t.Errorf("the reason is not whole:\n%s", b.String())
		}
	}
}

// What waits fits the terminal: what it is, and below it the whole command, which can be copied. Elsewhere it is one line each.
func TestWhatWaitsFitsItsTerminal(t *testing.T) {
	t.Parallel()
	a := &app{env: func(string) (string, bool) { return "", false }, now: time.Now}
	long := strings.TrimSpace(strings.Repeat("twelve words ", 12))
	x := waiting{Changes: []client.Change{{ID: "CHG-000001", Summary: long}, {ID: "CHG-000002", Summary: "short"}},
		Findings: []client.Finding{{ID: "FND-000001", Op: "update", Name: "web-1.example.com", Path: "metadata.annotations", Before: long, After: long, Severity: "high"}},
		Mutes:    []client.Mute{{ID: "MUT-000001", Kind: "standing", State: "proposed", Type: "hcloud_server", Name: "web-*", Path: "server_type", Values: []string{"cx42", "cx52"}}}}
	asks := `[{"id":"CMP-000001","name":"` + long + `","sign":true,"open":9,"first":[{"asset":"AST-000001","name":"web-1.example.com"}]}]`
	owners := `[{"called":"The platform team","gap":"departed","assets":3,"first":[{"asset":"AST-000002"}]}]`
	if err := errors.Join(json.Unmarshal([]byte(asks), &x.Campaigns), json.Unmarshal([]byte(owners), &x.Owners)); err != nil {
		t.Fatal(err)
	}
	for _, cols := range []int{40, 80, 0} {
		var b bytes.Buffer
		if err := a.writeWaiting(&b, cols, x); err != nil {
			t.Fatal(err)
		}
		if cols > 0 {
			fitsIn(t, b.String(), cols)
		}
		for _, id := range []string{"CHG-000001  ", "FND-000001  ", "MUT-000001  ", "CMP-000001  ", "AST-000002  "} {
			if !strings.Contains("\n"+b.String(), "\n"+id) {
				t.Errorf("%d columns: nothing begins with %q:\n%s", cols, id, b.String())
			}
		}
		if lines := strings.Count(b.String(), "\n"); cols == 0 && lines != 8 {
			t.Errorf("without a terminal %d lines, want 8:\n%s", lines, b.String())
		}
		for _, want := range []string{"plumb change show CHG-000001\n", "plumb reconcile show FND-000001\n", "plumb reconcile show MUT-000001\n", "plumb campaign sign CMP-000001\n"} {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%d columns lack %q:\n%s", cols, want, b.String())
			}
		}
	}
}

// fitsIn wants no line wider than the terminal.
func fitsIn(t *testing.T, text string, cols int) {
	t.Helper()
	for line := range strings.Lines(text) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > cols {
			t.Errorf("%d columns, want %d at most: %q", n, cols, line)
		}
	}
}

// An id is never broken, however narrow the terminal is; without one, a long cell stays whole and does not push the other rows to the right.
func TestAnIdIsNeverBroken(t *testing.T) {
	t.Parallel()
	const id = "que_06b2f0c1d2e3f4a5b6c7d8e9fa"
	tab := table{head: []string{"ID", "ASSET", "WHY"}}
	tab.add(id, "AST-1", strings.Repeat("long words ", 30))
	tab.add(id, strings.Repeat("x", 200), "short")
	for _, cols := range []int{60, 80, 0} {
		var b strings.Builder
		if err := tab.within(&b, cols, func(_, s string) string { return s }, ""); err != nil {
			t.Fatal(err)
		}
		if strings.Count(b.String(), id) != 2 {
			t.Errorf("on %d columns the id is broken:\n%s", cols, b.String())
		}
		if rows := strings.Split(b.String(), "\n"); cols == 0 && (strings.Index(rows[1], "long") > 90 || !strings.Contains(rows[2], strings.Repeat("x", 200))) {
			t.Errorf("without a terminal:\n%s", b.String())
		}
	}
}

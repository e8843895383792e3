package cli

import (
	"strings"
	"testing"
	"unicode/utf8"

	"plumbline.dev/plumb/internal/client"
)

// Who may answer for a finding that waits is shown the answers that are theirs; one that was answered needs none.
func TestAnOpenFindingSaysWhatCanBeDone(t *testing.T) {
	t.Parallel()
	for state, want := range map[string]bool{"open": true, "waived": false, "reverting": false, "adopted": false} {
		var b strings.Builder
		if err := showFinding(&b, client.Finding{ID: "FND-000007", State: state, Answers: []string{"waive", "revert", "adopt"}}, nil); err != nil {
			t.Fatal(err)
		}
		for _, answer := range []string{"waive FND-000007 --until 14d", "revert FND-000007 ", "adopt FND-000007 CHANGE"} {
			if got := strings.Contains(b.String(), "plumb reconcile "+answer); got != want {
				t.Errorf("%s: %q is shown: %v, want %v:\n%s", state, answer, got, want, b.String())
			}
		}
	}
}

// Who may not answer is offered nothing, and told why and who can; what cannot be adopted is not offered for that.
func TestAFindingOffersOnlyWhatItsReaderMayDo(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	f := client.Finding{ID: "FND-000007", State: "open", Refused: &client.Refusal{Code: "own_finding", Message: "Who made a difference does not judge it.", Who: "a Security Officer"}}
	if err := showFinding(&b, f, nil); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "not yours    Who made a difference does not judge it.") || !strings.Contains(b.String(), "who can      a Security Officer") {
		t.Errorf("it does not say why and who can:\n%s", b.String())
	}
	if strings.Contains(b.String(), "plumb reconcile") {
		t.Errorf("who may not answer is offered to:\n%s", b.String())
	}
	b.Reset()
	if err := showFinding(&b, client.Finding{ID: "FND-000007", State: "open", Answers: []string{"waive", "revert"}}, nil); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "reconcile adopt") || !strings.Contains(b.String(), "next plumb reconcile waive") {
		t.Errorf("want what the server lets them do, no more:\n%s", b.String())
	}
}

// When production changed, who showed it and whom that names is what an answer rests on, for each difference.
func TestAFindingSaysWhenAndByWhoseWordItChanged(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	f := client.Finding{ID: "FND-000007", State: "open", Count: 4, Called: map[string]string{"src_1": "cloud"}, Differences: []client.AssetDifference{
		{Source: "src_1", Type: "hcloud_server", Native: "7", Op: "update", Path: "size", Before: `"cx32"`, After: `"cx52"`, Earliest: 1_700_000_000_000_000, Latest: 1_700_003_600_000_000, Actor: "root@web-1"},
		{Source: "src_2", Type: "host", Native: "web-1", Op: "create", Latest: 1_700_000_000_000_000}}}
	if err := showFinding(&b, f, nil); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"seen         cx32 → cx52, between 2023-11-14 22:13Z and 2023-11-14 23:13Z, seen by cloud as hcloud_server 7, by root@web-1 as the source names it",
		"create, by 2023-11-14 22:13Z, seen by src_2 as host web-1, no source says who", "and 2 before that"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is missing:\n%s", want, b.String())
		}
	}
}

// Who answered, when and why is what a reader of a waiver wants to know; what an adoption waits for, too.
func TestAnAnsweredFindingSaysWhoseAnswerItIs(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	f := client.Finding{ID: "FND-000007", State: "waived", Due: 1_800_000_000_000_000, Decider: "per_1", Decided: 1_700_000_000_000_000, Reason: "the sale needs it",
		Adopts: "CHG-000009", Next: "CHG-000009 is still a draft"}
	if err := showFinding(&b, f, map[string]string{"per_1": "Olga Ortega"}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"waived until 2027-01-15 08:00Z", "answered by  Olga Ortega, 2023-11-14 22:13Z", "the sale needs it", "waits for    CHG-000009 is still a draft"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is missing:\n%s", want, b.String())
		}
	}
}

// The lists of exceptions and of findings fit 80 columns, however long what they say is, and lose none of it.
func TestTheListsOfReconciliationFit80Columns(t *testing.T) {
	t.Parallel()
	long := strings.TrimSpace(strings.Repeat("because ", 30))
	for name, tab := range map[string]*table{
		"mutes": muteTable([]client.Mute{{ID: "MUT-000001", Kind: "side_effect", State: "proposed", Type: "hcloud_server", Name: "web-*", Env: "prod", Path: "tags.seen.by.somebody",
			Reason: long, Hits: 123_456, Seen: 1_234_567, Expires: 1_700_000_000_000_000}}),
		"findings": findingTable([]client.Finding{{ID: "FND-000001", Severity: "critical", State: "reverting", Op: "update", Name: "web-1.internal.example.com", Path: "firewall.rule[0].source",
			Before: `"` + long + `"`, After: `"hmac:` + strings.Repeat("f", 64) + `"`, Due: 1_700_000_000_000_000, Change: "CHG-000007"}}),
	} {
		var b strings.Builder
		if err := tab.within(&b, 80, plain, ""); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
				t.Errorf("%s: %d columns: %q", name, n, line)
			}
		}
		if n := strings.Count(b.String(), "because"); n != 30 {
			t.Errorf("%s: %d of 30 words:\n%s", name, n, b.String())
		}
	}
}

func TestOneIsNotMany(t *testing.T) {
	t.Parallel()
	var m client.Mute
	m.BackTest.Days, m.BackTest.Matched, m.BackTest.Differences, m.BackTest.Unauthorized = 30, 1, 1, 1
	if got, want := backTest(m), "In 30 days it would have matched 1 of 1 difference, 1 of them a finding."; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	m.BackTest.Differences, m.BackTest.Unauthorized = 20, 0
	if got, want := backTest(m), "In 30 days it would have matched 1 of 20 differences, 0 of them findings."; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// What collects many differences says how many, with the path of each, and is answered with that number.
func TestAFindingThatCollectsIsAnsweredWithWhatItHolds(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	f := client.Finding{ID: "FND-000007", State: "open", Asset: "AST-000001", Name: "web-1", Op: "update", Count: 73, Collects: true, Away: 1, Answers: []string{"waive"}}
	for range 12 {
		f.Differences = append(f.Differences, client.AssetDifference{Source: "src_1", Op: "update", Path: "noise", After: `"1"`, Latest: 1_700_000_000_000_000})
	}
	if err := showFinding(&b, f, nil); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"73 more differences of web-1", "73 differences, 1 place is not as before", "plumb asset history AST-000001 --most 73", "noise: no value → 1", "waive FND-000007@73 --until 14d",
		"and 61 more"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is missing:\n%s", want, b.String())
		}
	}
	if n := strings.Count(b.String(), "noise: "); n != 12 {
		t.Errorf("%d of 12 differences are shown:\n%s", n, b.String())
	}
}

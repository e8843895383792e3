package prove_test

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"plumbline.dev/plumb/internal/ledger"
	"plumbline.dev/plumb/internal/prove"
	"plumbline.dev/plumb/internal/seal"
)

// In this file the liar is the server itself: it holds the key that signs packs, decisions and permits,
// and everything in the pack is signed again after the lie. What gives it away is the ledger.

// edit rewrites one member line by line; a line that comes back empty is dropped.
func edit(t testing.TB, list []member, name string, each func(n int, line string) string) []member {
	t.Helper()
	list = slices.Clone(list)
	i := at(t, list, name)
	var b bytes.Buffer
	lines := strings.SplitAfter(string(list[i].body), "\n")
	for n, line := range lines[:len(lines)-1] {
		b.WriteString(each(n, line))
	}
	if b.String() == string(list[i].body) {
		t.Helper()
		t.Errorf("nothing of %s was changed", name)
	}
	list[i].body = b.Bytes()
	return list
}

// about keeps track of which change a line belongs to.
func about(id string, lie func(line string) string) func(int, string) string {
	inside := false
	return func(_ int, line string) string {
		if strings.HasPrefix(line, `{"change":`) {
			inside = strings.Contains(line, `"`+id+`"`)
		}
		if inside {
			return lie(line)
		}
		return line
	}
}

func drop(words ...string) func(string) string {
	return func(line string) string {
		for _, w := range words {
			if !strings.Contains(line, w) {
				return line
			}
		}
		return ""
	}
}

func swap(old, new string) func(string) string {
	return func(line string) string { return strings.ReplaceAll(line, old, new) }
}

func fewer(n int64) func(*prove.Counts) { return func(c *prove.Counts) { c.Changes -= n } }

func TestAServerThatLiesInThePackIsGivenAwayByTheLedger(t *testing.T) {
	t.Parallel()
	y := history(t)
	list := unpack(t, y.export(t, y.all()))
	id := string(y.plan.ID)
	firstOnly := func(lie func(string) string) func(string) string {
		done := false
		return func(line string) string {
			got := lie(line)
			if done {
				return line
			}
			done = done || got != line
			return got
		}
	}
	lines := func(name string, lie func(string) string) []member { return edit(t, list, name, about(id, lie)) }
	raw := func(name string, lie func(string) string) []member {
		return edit(t, list, name, func(_ int, line string) string { return lie(line) })
	}
	for what, c := range map[string]struct {
		list   []member
		counts []func(*prove.Counts)
		fault  string
	}{
		"a change left out": {lines("changes/", func(string) string { return "" }), []func(*prove.Counts){fewer(1)}, "change_missing"},
		"a change left out with its events": {edit(t, raw("events/", drop(`"`+id+`"`)), "changes/", about(id, func(string) string { return "" })),
			[]func(*prove.Counts){fewer(1)}, "run"},
		"a row edited":        {lines("changes/", swap(`"state":"sverifying"`, `"state":"sclosed"`)), nil, "row_edited"},
		"a comment edited":    {lines("changes/", swap("sa remark by", "sno remark by")), nil, "row_edited"},
		"a decision left out": {lines("changes/", firstOnly(drop(`"row"`, `"change_decision"`))), nil, "row_deleted"},
		"a permit left out":   {lines("changes/", drop(`"row"`, `"change_permit"`)), nil, "row_deleted"},
		"a row of nobody": {lines("changes/", firstOnly(func(l string) string {
			if !strings.Contains(l, `"change_comment"`) || !strings.Contains(l, `"row"`) {
				return l
			}
			return l + strings.ReplaceAll(l, "cmt_", "cmt_x")
		})), nil, "row_inserted"},
		"a row twice": {lines("changes/", firstOnly(func(l string) string {
			if !strings.Contains(l, `"row"`) {
				return l
			}
			return l + l
		})), nil, "row_inserted"},
		"an event left out":          {lines("changes/", firstOnly(drop(`"event"`, "evidence.added"))), nil, "event"},
		"words of an event edited":   {lines("changes/", swap(`"comment":"seen by sam"`, `"comment":"seen by tom"`)), nil, "detail"},
		"a salt edited":              {lines("changes/", swap(`"salt":"`, `"salt":"00`)), nil, "detail"},
		"an event renumbered":        {lines("changes/", swap(`"seq":`, `"seq":1`)), nil, "event"},
		"an event of the run edited": {raw("events/", swap(`"outcome":"failed"`, `"outcome":"ok"`)), nil, "run"},
		"the run without its end":    {edit(t, list, "events/", func(n int, l string) string { return map[bool]string{true: "", false: l}[n == 20] }), nil, "run"},
		"events of the run swapped":  {swapLines(t, list, "events/", 10, 11), nil, "run"},
		"a policy edited":            {raw("policies/", swap("min: 1", "min: 0")), nil, "policy"},
		"a policy's history cut":     {cutLines(t, list, "policies.jsonl", 2), nil, "policy"},
		"roles never granted":        {raw("roles.jsonl", swap(`"security-lead|`, `"security-load|`)), nil, "event"},
		"a document edited":          {raw("documents/", swap("e", "E")), nil, "document"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			has(t, verify(t, signed(t, y.key, c.list, c.counts...), y.pinned()), c.fault)
		})
	}
}

func swapLines(t testing.TB, list []member, name string, a, b int) []member {
	t.Helper()
	list = slices.Clone(list)
	i := at(t, list, name)
	lines := strings.SplitAfter(string(list[i].body), "\n")
	lines[a], lines[b] = lines[b], lines[a]
	list[i].body = []byte(strings.Join(lines, ""))
	return list
}

// cutLines drops the first lines of a member.
func cutLines(t testing.TB, list []member, name string, n int) []member {
	t.Helper()
	return edit(t, list, name, func(i int, l string) string {
		if i < n {
			return ""
		}
		return l
	})
}

// manifested rewrites the manifest.
func manifested(t testing.TB, list []member, change func(m map[string]any)) []member {
	t.Helper()
	list = slices.Clone(list)
	i := at(t, list, "manifest.json")
	var m map[string]any
	must(t, json.Unmarshal(list[i].body, &m))
	change(m)
	body, err := seal.Canonical(m)
	must(t, err)
	list[i].body = append(body, '\n')
	return list
}

func TestAManifestThatSaysMoreThanThePackShowsIsFound(t *testing.T) {
	t.Parallel()
	y := history(t)
	period := unpack(t, y.export(t, prove.Selection{From: y.first, To: y.second, Short: true}))
	one := unpack(t, y.export(t, prove.Selection{Change: y.plan.ID}))
	all := unpack(t, y.export(t, y.all()))
	run := func(m map[string]any) map[string]any { return m["run"].(map[string]any) }
	for what, c := range map[string]struct {
		list  []member
		fault string
	}{
		"a longer period, forwards":  {manifested(t, period, func(m map[string]any) { m["to"] = float64(y.end.UnixMicro()) }), "run"},
		"a longer period, backwards": {manifested(t, period, func(m map[string]any) { m["from"] = float64(y.start.UnixMicro()) }), "run"},
		"a shorter period":           {manifested(t, period, func(m map[string]any) { m["to"] = m["from"].(float64) + 1 }), "population"},
		"another change":             {manifested(t, one, func(m map[string]any) { m["change"] = string(y.old.ID) }), "change"},
		"another size":               {manifested(t, all, func(m map[string]any) { m["size"] = m["size"].(float64) - 1 }), "manifest"},
		"another root":               {manifested(t, all, func(m map[string]any) { m["root"] = "7oSxWXF7IynagH0Y1yHZjFGCDelEQ+F2DFLCUwLkJOk=" }), "checkpoint"},
		"another install":            {manifested(t, all, func(m map[string]any) { m["install"] = "install_gamma" }), "keys"},
		"another beginning":          {manifested(t, all, func(m map[string]any) { run(m)["first"] = 1.0 }), "run"},
		"another end":                {manifested(t, all, func(m map[string]any) { run(m)["last"] = run(m)["last"].(float64) - 1 }), "run"},
		"more beside the run":        {manifested(t, all, func(m map[string]any) { run(m)["right"] = []any{m["root"]} }), "run"},
		"another form":               {manifested(t, all, func(m map[string]any) { m["schema"] = "plumb.evidence/v2" }), "manifest"},
		"nothing withheld, said so":  {manifested(t, all, func(m map[string]any) { m["withheld"] = []any{"names"} }), "member"},
		"unknown things withheld":    {manifested(t, all, func(m map[string]any) { m["withheld"] = []any{"truth"} }), "manifest"},
	} {
		r := verify(t, signed(t, y.key, c.list), y.pinned())
		if r.Whole() {
			t.Errorf("%s: not found", what)
			continue
		}
		has(t, r, c.fault)
	}
}

func TestAnotherHistoryOfTheSameLedgerIsAFork(t *testing.T) {
	t.Parallel()
	y := history(t)
	other := found(t, "install_delta")
	other.done(t)
	at, err := other.log.Integrate(t.Context())
	must(t, err)
	b := other.export(t, prove.Selection{From: other.clock.Now().Add(-1), To: other.clock.Now().Add(1)})
	opt := other.pinned()
	if at == 0 {
		t.Fatal("no events")
	}
	opt.Earlier = y.before // signed by another key
	has(t, verify(t, b, opt), "earlier_checkpoint")
	for _, size := range []int64{at, at - 3} {
		opt.Earlier = other.split(t, size)
		has(t, verify(t, b, opt), "fork")
	}
}

func TestWithheldRowsNotDeclaredAreFound(t *testing.T) {
	t.Parallel()
	y := history(t)
	list := unpack(t, y.export(t, prove.Selection{Change: y.plan.ID, Withhold: []string{prove.Details}}))
	whole(t, signed(t, y.key, list), y.pinned())
	has(t, verify(t, signed(t, y.key, manifested(t, list, func(m map[string]any) { m["withheld"] = []any{} })), y.pinned()), "row")
}

// split is a checkpoint of a history that never was, signed with the ledger's own key.
func (c *company) split(t testing.TB, size int64) []byte {
	t.Helper()
	origin := c.log.Origin()
	vkey := c.log.VerifierKey()
	skey := "PRIVATE+KEY+" + origin + vkey[len(origin):len(origin)+10] + base64.StdEncoding.EncodeToString(append([]byte{1}, c.signs.Private().Seed()...))
	signer, err := note.NewSigner(skey)
	must(t, err)
	b, err := note.Sign(&note.Note{Text: ledger.CheckpointText(origin, size, tlog.Hash{1})}, signer)
	must(t, err)
	return b
}

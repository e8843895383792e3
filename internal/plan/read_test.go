package plan

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	tfjson "github.com/hashicorp/terraform-json"

	"plumbline.dev/plumb/internal/fault"
)

// fixtures are the real plans of testdata and what they come to.
var fixtures = []struct {
	name       string
	want       Counts
	complete   bool
	applyable  bool
	incomplete string
}{
	{"create.json", Counts{Create: 13, Outputs: 3}, true, true, ""},
	{"create-again.json", Counts{Create: 13, Outputs: 3}, true, true, ""},
	{"create-other-secret.json", Counts{Create: 13, Outputs: 3}, true, true, ""},
	{"noop.json", Counts{NoOp: 13}, true, false, ""},
	{"update.json", Counts{Create: 1, Update: 5, Delete: 3, Replace: 1, Move: 1, Import: 1, NoOp: 5, Outputs: 3}, true, true, ""},
	{"forget.json", Counts{Replace: 1, Forget: 1, NoOp: 10}, true, true, ""},
	{"destroy.json", Counts{Delete: 12, Outputs: 3}, true, true, ""},
	{"refresh-only.json", Counts{Drift: 1}, true, true, ""},
	{"read.json", Counts{Create: 1, Read: 1}, true, true, ""},
	{"targeted.json", Counts{Create: 1, Outputs: 1}, false, true, "The plan covers only a part of the configuration."},
	{"errored.json", Counts{Create: 1}, false, false, "Planning ended with an error."},
	{"stream.json", Counts{Create: 2, Outputs: 2}, true, true, ""},
	{"stream-bad.json", Counts{Create: 2, NoOp: 2}, true, true, ""},
}

func TestRealPlansAreSummedUp(t *testing.T) {
	t.Parallel()
	for _, f := range fixtures {
		p := mustRead(t, fixture(t, f.name), testKey)
		if got := p.Counts(); got != f.want {
			t.Errorf("%s: counts %+v, want %+v", f.name, got, f.want)
		}
		if p.Complete() != f.complete || p.Applyable() != f.applyable || p.Incomplete() != f.incomplete {
			t.Errorf("%s: complete %v, applyable %v, %q; want %v, %v, %q", f.name, p.Complete(), p.Applyable(), p.Incomplete(),
				f.complete, f.applyable, f.incomplete)
		}
		if p.ToolVersion() != "1.11.4" || p.Errored() != (f.name == "errored.json") {
			t.Errorf("%s: tool %q, errored %v", f.name, p.ToolVersion(), p.Errored())
		}
	}
}

// The other reader of plans that exists must see the same changes as ours.
func TestSameChangesAsTheOfficialReader(t *testing.T) {
	t.Parallel()
	for _, f := range fixtures {
		raw := fixture(t, f.name)
		var theirs tfjson.Plan
		theirs.UseJSONNumber(true)
		if err := theirs.UnmarshalJSON(raw); err != nil {
			t.Fatal(err)
		}
		ours := map[string]Resource{}
		for _, r := range mustRead(t, raw, testKey).Summary().Resources {
			ours[strings.Split(r.Address, "(sens")[0]+r.Class+r.Type] = r
		}
		n := 0
		for _, c := range theirs.ResourceChanges {
			if c.Change.Actions.NoOp() && c.PreviousAddress == "" && c.Change.Importing == nil {
				continue
			}
			n++
			var words []string
			for _, a := range c.Change.Actions {
				words = append(words, string(a))
			}
			address := strings.Split(c.Address, "canary")[0]
			got, ok := ours[address+class(words)+c.Type]
			if !ok || got.Provider != c.ProviderName || got.Previous != c.PreviousAddress {
				t.Errorf("%s: %s %v is missing or different: %+v", f.name, c.Address, words, got)
			}
		}
		if n != len(ours) {
			t.Errorf("%s: %d changes, the official reader has %d", f.name, len(ours), n)
		}
	}
}

func TestAttributesAreCompared(t *testing.T) {
	t.Parallel()
	s := mustRead(t, fixture(t, "update.json"), testKey).Summary()
	by := map[string]Resource{}
	for _, r := range s.Resources {
		by[r.Address] = r
	}
	first := by["terraform_data.first"]
	if first.Previous != "terraform_data.one" || len(first.Diffs) != 2 || first.Diffs[0].Path != "input.size" ||
		string(first.Diffs[0].Before) != "2" || string(first.Diffs[0].After) != "3" || !first.Diffs[1].Unknown {
		t.Errorf("moved and updated: %+v", first)
	}
	masked := by["terraform_data.masked"]
	if masked.Class != ClassReplace || len(masked.Because) != 1 || masked.Because[0] != "triggers_replace" ||
		masked.Reason != "replace_because_cannot_update" {
		t.Errorf("replaced: %+v", masked)
	}
	for _, d := range masked.Diffs {
		if d.Path == "input.password" && (!d.Sensitive || bytes.Equal(d.Before, d.After)) {
			t.Errorf("a changed secret must be seen to change: %+v", d)
		}
		if strings.HasPrefix(d.Path, "input.list") {
			t.Errorf("an unchanged secret must not be seen as a change: %+v", d)
		}
	}
	if taken := by["terraform_data.taken"]; taken.ImportID != "imported-id-1" || taken.Class != ClassUpdate {
		t.Errorf("imported: %+v", taken)
	}
	if gone := by[`terraform_data.each["blue"]`]; gone.Class != ClassDelete || gone.Reason != "delete_because_each_key" {
		t.Errorf("deleted: %+v", gone)
	}
	if s.MaskedPlaces != 2 || len(s.Types) != 1 || s.Types[0] != "terraform_data" {
		t.Errorf("%d masked places, types %v", s.MaskedPlaces, s.Types)
	}
	if len(s.Checks) != 1 || s.Checks[0] != (Check{Address: "check.size", Kind: "check", Status: "fail"}) {
		t.Errorf("checks: %+v", s.Checks)
	}
}

func TestEffectsAreBounded(t *testing.T) {
	t.Parallel()
	p := mustRead(t, fixture(t, "update.json"), testKey)
	all, cut := p.Effects(0)
	if cut || len(all) == 0 {
		t.Fatalf("%d effects, truncated %v", len(all), cut)
	}
	seen := map[string]Effect{}
	for _, e := range all {
		seen[e.Target+"|"+e.Path+"|"+e.Op] = e
	}
	for _, want := range []string{"terraform_data.count[1]||delete", "terraform_data.first||move", "terraform_data.first|input.size|update",
		"terraform_data.taken||import", "terraform_data.masked|triggers_replace[0]|replace"} {
		if _, ok := seen[want]; !ok {
			t.Errorf("no effect %s", want)
		}
	}
	if e := seen["terraform_data.first|output|update"]; !e.Unknown || e.After != "" {
		t.Errorf("an unknown value has no digest: %+v", e)
	}
	some, cut := p.Effects(len(all) - 1)
	if !cut || len(some) != len(all)-1 {
		t.Errorf("%d of %d effects, truncated %v", len(some), len(all), cut)
	}
	if _, cut := p.Effects(len(all)); cut {
		t.Error("nothing was cut off, but truncated is set")
	}
}

// mini is a plan with one resource, as Terraform writes it; edit replaces one part of it.
const mini = `{"format_version":"1.2","terraform_version":"1.11.4","variables":{"v":{"value":"x"}},"planned_values":{"root_module":{}},` +
	`"resource_changes":[{"address":"aws_thing.a","mode":"managed","type":"aws_thing","name":"a","provider_name":"registry.terraform.io/hashicorp/aws",` +
	`"change":{"actions":["update"],"before":{"x":1},"after":{"x":2},"after_unknown":{},"before_sensitive":{},"after_sensitive":{}}}],` +
	`"configuration":{"root_module":{}},"timestamp":"2026-01-01T00:00:00Z","applyable":true,"complete":true,"errored":false}`

func edit(old, new string) string {
	if !strings.Contains(mini, old) {
		panic("test: nothing to replace: " + old)
	}
	return strings.Replace(mini, old, new, 1)
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	second := `{"address":"aws_thing.a","mode":"managed","type":"aws_thing","name":"a","provider_name":"p","change":{"actions":["create"]}}]`
	for _, c := range []struct {
		name, plan, code string
		kind             fault.Kind
	}{
		{"nothing", "", "bad_json", fault.Invalid},
		{"text", "Error: no plan", "bad_json", fault.Invalid},
		{"an array", "[]", "bad_plan", fault.Invalid},
		{"null", "null", "bad_plan", fault.Invalid},
		{"an empty object", "{}", "not_a_plan", fault.Invalid},
		{"half a plan", mini[:200], "bad_json", fault.Invalid},
		{"two plans", mini + mini, "bad_plan", fault.Invalid},
		{"a state", `{"format_version":"1.0","terraform_version":"1.11.4","values":{"root_module":{}}}`, "not_a_plan", fault.Invalid},
		{"no format", edit(`"format_version":"1.2",`, ""), "not_a_plan", fault.Invalid},
		{"a format of the future", edit(`"1.2"`, `"2.0"`), "unknown_format", fault.Invalid},
		{"a format of the past", edit(`"1.2"`, `"0.2"`), "unknown_format", fault.Invalid},
		{"a format that is none", edit(`"1.2"`, `"1"`), "unknown_format", fault.Invalid},
		{"a format that is a number", edit(`"1.2"`, `1.2`), "unknown_format", fault.Invalid},
		{"a member twice", edit(`"errored":false`, `"errored":false,"errored":false`), "duplicate_member", fault.Invalid},
		{"a value's member twice", edit(`{"x":2}`, `{"x":2,"x":3}`), "duplicate_member", fault.Invalid},
		{"a member twice in what is not kept", edit(`"configuration":{`, `"configuration":{"a":1,"a":2,`), "duplicate_member", fault.Invalid},
		{"an escaped twin", edit(`{"x":2}`, `{"x":2,"\u0078":3}`), "duplicate_member", fault.Invalid},
		{"bad UTF-8", edit(`"x":2`, "\"x\":\"\xff\""), "bad_utf8", fault.Invalid},
		{"deep nesting", edit(`{"root_module":{}},"timestamp"`, strings.Repeat(`{"a":`, 500)+"1"+strings.Repeat("}", 500)+`,"timestamp"`), "too_deep", fault.Invalid},
		{"a deep value", edit(`{"x":2}`, `{"x":`+strings.Repeat("[", 100)+strings.Repeat("]", 100)+"}"), "too_deep", fault.Invalid},
		{"endless nesting", strings.Repeat("[", 1<<20), "too_deep", fault.Invalid},
		{"a claim that is no claim", edit(`"complete":true`, `"complete":"true"`), "bad_plan", fault.Invalid},
		{"rows that are none", edit(`"resource_changes":[{`, `"resource_changes":[1,{`), "bad_plan", fault.Invalid},
		{"rows in an object", edit(`"resource_changes":[`, `"resource_changes":{},"x":[`), "bad_plan", fault.Invalid},
		{"an unknown action", edit(`["update"]`, `["explode"]`), "unknown_action", fault.Invalid},
		{"no action", edit(`["update"]`, `[]`), "unknown_action", fault.Invalid},
		{"an unknown pair of actions", edit(`["update"]`, `["update","delete"]`), "unknown_action", fault.Invalid},
		{"an unknown mode", edit(`"managed"`, `"imaginary"`), "bad_plan", fault.Invalid},
		{"a type that is none", edit(`"type":"aws_thing"`, `"type":"aws thing"`), "bad_plan", fault.Invalid},
		{"an address of another type", edit(`"address":"aws_thing.a"`, `"address":"aws_other.a"`), "bad_plan", fault.Invalid},
		{"an address of another name", edit(`"address":"aws_thing.a"`, `"address":"aws_thing.b"`), "bad_plan", fault.Invalid},
		{"an address of another module", edit(`"address":"aws_thing.a"`, `"address":"module.x.aws_thing.a"`), "bad_plan", fault.Invalid},
		{"no address", edit(`"address":"aws_thing.a",`, ``), "bad_plan", fault.Invalid},
		{"one resource twice", edit(`}}],`, `}},`+second+`,`), "bad_plan", fault.Invalid},
	} {
		_, err := Read(strings.NewReader(c.plan), Options{Key: testKey})
		var e *fault.Error
		if !errors.As(err, &e) || e.Code != c.code || e.Kind != c.kind {
			t.Errorf("%s: %v, want %s", c.name, err, c.code)
		}
	}
}

func TestLimitOfSize(t *testing.T) {
	t.Parallel()
	endless := io.MultiReader(strings.NewReader(mini[:len(mini)-1]+`,"x":"`), endlessText{})
	if _, err := Read(endless, Options{}); !fault.Is(err, "plan_too_large") || fault.Of(err).Kind != fault.TooLarge {
		t.Errorf("an endless plan: %v", err)
	}
	rows := edit(`"resource_changes":[`, `"resource_changes":[`+strings.Repeat("0,", maxRows))
	if _, err := Read(strings.NewReader(rows), Options{}); !fault.Is(err, "plan_too_large") {
		t.Errorf("too many rows: %v", err)
	}
	if _, err := Read(strings.NewReader(mini), Options{Limit: int64(len(mini)) - 1}); !fault.Is(err, "plan_too_large") {
		t.Errorf("a byte over the limit: %v", err)
	}
	if _, err := Read(strings.NewReader(mini), Options{Limit: int64(len(mini))}); err != nil {
		t.Errorf("at the limit: %v", err)
	}
}

// endlessText never ends a JSON string.
type endlessText struct{}

func (endlessText) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'a'
	}
	return len(b), nil
}

func TestWeakKeyIsRefused(t *testing.T) {
	t.Parallel()
	if _, err := Read(strings.NewReader(mini), Options{Key: testKey[:LeastKey-1]}); !fault.Is(err, "weak_key") {
		t.Errorf("a key of 15 bytes: %v", err)
	}
}

func TestBrokenReaderIsNoRefusal(t *testing.T) {
	t.Parallel()
	broken := errors.New("pipe is gone")
	_, err := Read(io.MultiReader(strings.NewReader(mini[:50]), iotest.ErrReader(broken)), Options{})
	var e *fault.Error
	if !errors.Is(err, broken) || errors.As(err, &e) {
		t.Errorf("got %v, want the reader's own error", err)
	}
}

// However the bytes arrive, and whatever backslashes they hold, the guard counts the same nesting.
func TestPiecewiseReading(t *testing.T) {
	t.Parallel()
	raw := []byte(edit(`{"x":2}`, `{"x":"\\\\\"[[[[{{{{\\","y":"\\\"","z":"[{\u005b"}`))
	want := mustRead(t, raw, testKey).Document()
	for _, r := range []io.Reader{iotest.OneByteReader(bytes.NewReader(raw)), iotest.HalfReader(bytes.NewReader(raw)),
		iotest.DataErrReader(bytes.NewReader(raw))} {
		p, err := Read(r, Options{Key: testKey})
		if err != nil || !bytes.Equal(p.Document(), want) {
			t.Errorf("read in pieces: %v", err)
		}
	}
	for n := 1; n <= 7; n++ { // cut strings and escapes at every place
		g := &guard{left: 1 << 20}
		for part := raw; len(part) > 0; part = part[min(n, len(part)):] {
			if g.nests(part[:min(n, len(part))]) {
				t.Errorf("in parts of %d: too deep", n)
			}
		}
		if g.depth != 0 || g.quoted {
			t.Errorf("in parts of %d: ends at depth %d, inside a string: %v", n, g.depth, g.quoted)
		}
	}
}

func TestTextThatIsNoUTF8IsSeenInPiecesToo(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"": true, "plain": true, "äß€𝄞é€": true, "€€\xff€": false, "\xc3(": false, "𝄞\xf0\x9d\x84(": false,
		"\x80": false, "\xed\xa0\x80": false, "a\xc0\x80": false} {
		for n := 1; n <= 9; n++ {
			g, whole := &guard{}, true
			for part := []byte(text); len(part) > 0; part = part[min(n, len(part)):] {
				whole = g.text(part[:min(n, len(part))]) && whole
			}
			if whole != want {
				t.Errorf("%q in parts of %d: UTF-8 is %v, want %v", text, n, whole, want)
			}
		}
	}
}

// A section that this program does not know may hold effects that it cannot show.
func TestUnknownSectionsMakeAPlanIncomplete(t *testing.T) {
	t.Parallel()
	base := mustRead(t, []byte(mini), testKey)
	want, _ := base.Normalized()
	for section, counts := range map[string]bool{
		`"action_invocations":[{"address":"action.x","config":"canary-section"}]`: true,
		`"deferred_changes":[{"reason":"canary-section"}]`:                        true,
		`"unheard_of":"canary-section"`:                                           true,
		`"unheard_of":{}`:                                                         false,
		`"unheard_of":null`:                                                       false,
	} {
		p := mustRead(t, []byte(edit(`"errored":false`, `"errored":false,`+section)), testKey)
		got, _ := p.Normalized()
		if p.Complete() == counts || (got == want) == counts {
			t.Errorf("%s: complete %v, same digest %v", section, p.Complete(), got == want)
		}
		if bytes.Contains(p.Document(), []byte("canary")) || strings.Contains(p.Incomplete(), "canary") {
			t.Errorf("%s: its content is in the document", section)
		}
		if _, err := ParseDocument(p.Document()); err != nil {
			t.Errorf("%s: %v", section, err)
		}
	}
}

// OpenTofu and old Terraforms do not say whether a plan is complete: then it is not.
func TestUnstatedClaimsDoNotHold(t *testing.T) {
	t.Parallel()
	p := mustRead(t, []byte(edit(`"applyable":true,"complete":true,`, "")), testKey)
	if p.Complete() || p.Incomplete() == "" || !p.Applyable() {
		t.Errorf("complete %v (%s), applyable %v", p.Complete(), p.Incomplete(), p.Applyable())
	}
	p = mustRead(t, []byte(edit(`"applyable":true,"complete":true,"errored":false`, `"errored":true`)), testKey)
	if p.Complete() || p.Applyable() || !p.Errored() {
		t.Error("a plan that ended with an error")
	}
}

// OpenTofu 1.11 lists the ephemeral resources that the apply will open; shape from a public report of it.
func TestEphemeralResourcesOfOpenTofu(t *testing.T) {
	t.Parallel()
	p := mustRead(t, []byte(edit(`"resource_changes":[`, `"resource_changes":[{"address":"ephemeral.random_password.db","mode":"ephemeral",`+
		`"type":"random_password","name":"db","provider_name":"registry.opentofu.org/hashicorp/random","change":{"actions":["open"],`+
		`"before":null,"after":null,"after_unknown":{},"before_sensitive":false,"after_sensitive":false}},`)), testKey)
	if got := p.Counts(); got.Read != 1 || got.Update != 1 || got.Changes() != 1 || len(p.Types()) != 1 {
		t.Errorf("%+v, types %v", got, p.Types())
	}
	if _, err := ParseDocument(p.Document()); err != nil {
		t.Error(err)
	}
}

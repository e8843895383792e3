package plan

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func applyOf(t testing.TB, stream []byte, known *Secrets) (*Outcome, []Event) {
	t.Helper()
	var events []Event
	out, err := ReadApply(bytes.NewReader(stream), ApplyOptions{Known: known}, func(e Event) { events = append(events, e) })
	if err != nil {
		t.Fatal(err)
	}
	return out, events
}

func TestApplyThatWorks(t *testing.T) {
	t.Parallel()
	known := mustRead(t, fixture(t, "stream.json"), testKey).Secrets()
	out, events := applyOf(t, fixture(t, "apply-ok.jsonl"), known)
	if out.Result != Complete || out.Add != 2 || out.Errors != 0 || out.ToolVersion != "1.11.4" || out.Foreign != 0 || len(events) != out.Lines {
		t.Errorf("%+v, %d events", out, len(events))
	}
	if len(out.Receipts) != 2 || out.Receipts[0].Address != "terraform_data.a" || out.Receipts[1].Address != "terraform_data.b" {
		t.Fatalf("receipts %+v", out.Receipts)
	}
	for _, r := range out.Receipts {
		if r.State != Complete || r.Action != "create" || r.IDKey != "id" || len(r.ID) != 36 {
			t.Errorf("receipt %+v", r)
		}
	}
	text := fmt.Sprintf("%+v %+v", out, events)
	if strings.Contains(text, "canary-says-8\"") || strings.Contains(text, "token=canary") {
		t.Errorf("a secret in the output of a provisioner is shown: %s", text)
	}
}

func TestApplyThatFails(t *testing.T) {
	t.Parallel()
	known := mustRead(t, fixture(t, "stream-bad.json"), testKey).Secrets()
	out, events := applyOf(t, fixture(t, "apply-failed.jsonl"), known)
	if out.Result != Failed || out.Errors != 2 || out.Add != 0 {
		t.Errorf("%+v", out)
	}
	if len(out.Receipts) != 1 || out.Receipts[0].State != Errored || out.Receipts[0].Address != "terraform_data.bad" {
		t.Errorf("receipts %+v", out.Receipts)
	}
	if len(out.Diagnostics) != 1 || out.Diagnostics[0].Severity != "error" || out.Diagnostics[0].Address != "terraform_data.bad" ||
		out.Diagnostics[0].Summary != "local-exec provisioner error" {
		t.Errorf("diagnostics %+v", out.Diagnostics)
	}
	if text := fmt.Sprintf("%+v %+v", out, events); strings.Contains(text, "canary") {
		t.Errorf("a secret is shown: %s", text)
	}
}

func TestApplyThatDestroys(t *testing.T) {
	t.Parallel()
	out, events := applyOf(t, fixture(t, "apply-destroy.jsonl"), nil)
	if out.Result != Complete || out.Remove != 3 || len(out.Receipts) != 3 {
		t.Errorf("%+v", out)
	}
	types := map[string]int{}
	for _, e := range events {
		types[e.Type]++
	}
	if types["planned_change"] != 3 || types["change_summary"] != 2 || types["apply_complete"] != 3 {
		t.Errorf("events %v", types)
	}
}

const (
	started  = `{"@level":"info","@message":"a: Creating...","type":"apply_start","hook":{"resource":{"addr":"a_b.c"},"action":"create"}}` + "\n"
	finished = `{"@level":"info","@message":"a: done","type":"apply_complete","hook":{"resource":{"addr":"a_b.c"},"action":"create","id_key":"id","id_value":"i-1","elapsed_seconds":3}}` + "\n"
	broke    = `{"@level":"info","@message":"a: bad","type":"apply_errored","hook":{"resource":{"addr":"a_b.c"},"action":"create","elapsed_seconds":1.5}}` + "\n"
	summed   = `{"@level":"info","@message":"Apply complete!","type":"change_summary","changes":{"add":1,"change":0,"remove":0,"operation":"apply"}}` + "\n"
	planned  = `{"@level":"info","@message":"Plan: 1","type":"change_summary","changes":{"add":1,"change":0,"remove":0,"operation":"plan"}}` + "\n"
	problem  = `{"@level":"error","@message":"Error: x","type":"diagnostic","diagnostic":{"severity":"error","summary":"x","detail":"d"}}` + "\n"
	warning  = `{"@level":"warn","@message":"Warning: x","type":"diagnostic","diagnostic":{"severity":"warning","summary":"x","detail":"d"}}` + "\n"
	hollow   = `{"@level":"warn","@message":"?","type":"diagnostic"}` + "\n"
)

// Silence is no success.
func TestOutcomeIsNeverGuessed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, stream, want string
		states             []string
	}{
		{"nothing", "", Unknown, nil},
		{"text only", "Apply complete! Resources: 1 added\n", Unknown, nil},
		{"cut off", started, Unknown, []string{Started}},
		{"cut off after the last resource", started + finished, Unknown, []string{Complete}},
		{"only planned", planned, Unknown, nil},
		{"summed up", started + finished + summed, Complete, []string{Complete}},
		{"summed up, but something is open", started + started + finished + summed, Unknown, []string{Started, Complete}},
		{"nothing to do", summed, Complete, nil},
		{"without a line end", strings.TrimSuffix(started+finished+summed, "\n"), Complete, []string{Complete}},
		{"an errored resource", started + broke + summed, Failed, []string{Errored}},
		{"an error", started + finished + problem + summed, Failed, []string{Complete}},
		{"a warning", started + finished + warning + summed, Complete, []string{Complete}},
		{"a diagnostic that says nothing", started + finished + hollow + summed, Failed, []string{Complete}},
		{"an end without a start", finished + summed, Complete, []string{Complete}},
	} {
		out, _ := applyOf(t, []byte(c.stream), nil)
		var states []string
		for _, r := range out.Receipts {
			states = append(states, r.State)
		}
		if out.Result != c.want || !slices.Equal(states, c.states) {
			t.Errorf("%s: %s %v, want %s %v", c.name, out.Result, states, c.want, c.states)
		}
	}
	out, _ := applyOf(t, []byte(started+finished+started+broke), nil)
	if r := out.Receipts; r[0].Seconds != 3 || r[0].ID != "i-1" || r[1].Seconds != 1 {
		t.Errorf("receipts %+v", r)
	}
}

func TestForeignLinesPass(t *testing.T) {
	t.Parallel()
	stream := "╷ Warning: something\n\n  password=canary-text  \n{\"type\":\"apply_start\",\"type\":\"x\"}\n{\"type\":7}\n[]\n\xff\xfe canary-known\n" +
		`{"type":"new_thing","@message":"api_key: canary-new","payload":{"secret":"canary-payload"}}` + "\n" + summed
	known := newSecrets(nil)
	known.add("canary-known")
	known.settle()
	out, events := applyOf(t, []byte(stream), known)
	if out.Foreign != 6 || out.Lines != 8 || out.Result != Complete {
		t.Errorf("%+v", out)
	}
	text := fmt.Sprintf("%+v", events)
	if strings.Contains(text, "canary") || !strings.Contains(text, "Warning: something") {
		t.Error(text)
	}
}

func TestEndlessLinesAreWithheld(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("canary ", 1000)
	for _, limit := range []int{100, 4096, 6999} {
		var seen []string
		out, err := ReadApply(strings.NewReader(long+"\n"+summed+long), ApplyOptions{MaxLine: limit}, func(e Event) { seen = append(seen, e.Message) })
		if err != nil || out.Oversized != 2 && limit > 200 || strings.Contains(strings.Join(seen, ""), "canary") {
			t.Errorf("limit %d: %+v, %v", limit, out, err)
		}
	}
	if out, _ := applyOf(t, []byte(long+"\n"), nil); out.Oversized != 0 || out.Foreign != 1 {
		t.Errorf("%+v", out)
	}
}

func TestReceiptsAreBounded(t *testing.T) {
	t.Parallel()
	out, _ := applyOf(t, []byte(strings.Repeat(problem, MaxDiagnostics+1)+strings.Repeat(finished, 10)), nil)
	if len(out.Diagnostics) != MaxDiagnostics || !out.Truncated || out.Errors != MaxDiagnostics+1 || out.Result != Failed {
		t.Errorf("%d diagnostics, %d errors, truncated %v", len(out.Diagnostics), out.Errors, out.Truncated)
	}
}

func TestSecretsOfTheStreamAreMasked(t *testing.T) {
	t.Parallel()
	known := mustRead(t, fixture(t, "create.json"), testKey).Secrets()
	lines := []string{
		`{"type":"apply_complete","@message":"[id=canary-variable-0]","hook":{"resource":{"addr":"a_b.keyed[\"canary-variable-0\"]"},"action":"create","id_key":"id","id_value":"canary-variable-0"}}`,
		`{"type":"apply_complete","@message":"x","hook":{"resource":{"addr":"a_b.c"},"action":"create","id_key":"id","id_value":"ghp_16C7e42F292c6912E7710c838347canary4a"}}`,
		`{"type":"diagnostic","@message":"Error: canary-nested-2","diagnostic":{"severity":"error","summary":"canary-nested-2","detail":"https://u:canary-x@h/ and\n-----BEGIN RSA PRIVATE KEY-----\ncanarycanary\n","address":"a_b.k[\"canary-nested-2\"]","snippet":{"code":"password = \"canary-snippet\""}}}`,
		`{"type":"provision_progress","@message":"a_b.c (local-exec): -----BEGIN RSA PRIVATE KEY-----","hook":{"resource":{"addr":"a_b.c"}}}`,
		`{"type":"provision_progress","@message":"a_b.c (local-exec): canary line of a key","hook":{"resource":{"addr":"a_b.c"}}}`,
		`{"type":"provision_progress","@message":"a_b.c (local-exec): -----END RSA PRIVATE KEY-----","hook":{"resource":{"addr":"a_b.c"}}}`,
		`{"type":"provision_progress","@message":"a_b.c (local-exec): all well","hook":{"resource":{"addr":"a_b.c"}}}`,
	}
	out, events := applyOf(t, []byte(strings.Join(lines, "\n")), known)
	text := fmt.Sprintf("%+v %+v", out, events)
	if i := strings.Index(text, "canary"); i >= 0 {
		t.Errorf("…%s…", text[max(0, i-100):i+40])
	}
	if !strings.Contains(text, "all well") {
		t.Error("what comes after a key is still masked")
	}
	if want := known.marker("", "address", []byte("canary-variable-0")); out.Receipts[0].Address != `a_b.keyed["`+want+`"]` {
		t.Errorf("the receipt's address %s is not the document's", out.Receipts[0].Address)
	}
}

func TestBrokenStreamKeepsWhatCame(t *testing.T) {
	t.Parallel()
	gone := errors.New("gone")
	out, err := ReadApply(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader(started))), ApplyOptions{}, nil)
	if err == nil || out == nil || out.Result != Unknown {
		t.Errorf("%+v, %v", out, err)
	}
	out, err = ReadApply(iotest.ErrReader(gone), ApplyOptions{}, nil)
	if !errors.Is(err, gone) || out.Result != Unknown {
		t.Errorf("%+v, %v", out, err)
	}
}

// A secret must not slip through because it was written in two parts.
func TestScrubberWaitsForTheLine(t *testing.T) {
	t.Parallel()
	known := mustRead(t, fixture(t, "create.json"), testKey).Secrets()
	text := "one canary-variable-0 two\npassword=canary-x\n-----BEGIN RSA PRIVATE KEY-----\ncanary\n-----END RSA PRIVATE KEY-----\nlast canary-nested-2"
	want := "one (sensitive) two\npassword=(sensitive)\n(sensitive)\n(sensitive)\n(sensitive)\nlast (sensitive)"
	for n := 1; n < len(text); n++ {
		var b bytes.Buffer
		s := NewScrubber(&b, known)
		for part := text; part != ""; part = part[min(n, len(part)):] {
			if k, err := s.Write([]byte(part[:min(n, len(part))])); err != nil || k != min(n, len(part)) {
				t.Fatal(k, err)
			}
		}
		if err := s.Close(); err != nil || b.String() != want {
			t.Fatalf("in parts of %d: %v\n%s", n, err, b.String())
		}
	}
}

func TestScrubberWithholdsEndlessLines(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	s := NewScrubber(&b, nil)
	for range MaxLine/1000 + 2 {
		if _, err := s.Write(bytes.Repeat([]byte("c"), 1000)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Write([]byte("\nshort\n")); err != nil || s.Close() != nil {
		t.Fatal(err)
	}
	if got := b.String(); strings.Contains(got, "cc") || !strings.HasSuffix(got, "withheld)\nshort\n") {
		t.Errorf("%q", got[:min(200, len(got))])
	}
	broken := NewScrubber(failing{}, nil)
	if _, err := broken.Write([]byte("a\nb\n")); !errors.Is(err, errPipe) {
		t.Errorf("got %v", err)
	}
}

var errPipe = errors.New("pipe is gone")

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errPipe }

package wire_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/wire"
)

// Pipelines are written against these numbers: they never change and are never used again.
func TestExitCodesAreAContract(t *testing.T) {
	t.Parallel()
	got := []int{wire.ExitAllowed, wire.ExitInternal, wire.ExitUsage, wire.ExitDenied, wire.ExitPending, wire.ExitMismatch,
		wire.ExitWindow, wire.ExitNoChange, wire.ExitIdentity, wire.ExitUnreachable, wire.ExitCommand}
	for want, code := range got {
		if code != want {
			t.Errorf("the code at place %d is %d", want, code)
		}
	}
}

const request = `{"schema":"plumb.gate-request/v1","change":"CHG-000007","kind":"apply","environment":"prod",` +
	`"observed":[{"kind":"tf-plan","name":"tfplan","digest":"sha256:aa","normalized":"sha256:bb","base":"l/1"}],` +
	`"targets":["web-prod"],"stage":"one","attempt":2,"key":"build-7","advisory":true,` +
	`"ci":{"provider":"github","repo":"acme/infra","pipeline":"deploy","job":"apply","build_id":"77","commit":"c0ffee",` +
	`"branch":"main","pr":"12","actor":"sam","url":"https://ci.example.com/77"}}`

// Other programs write and read these documents: their bytes are part of the contract.
func TestAGateRequestIsWrittenAndReadByteForByte(t *testing.T) {
	t.Parallel()
	var q wire.GateRequest
	if err := seal.Decode([]byte(request), &q); err != nil {
		t.Fatal(err)
	}
	if b, err := json.Marshal(q); err != nil || string(b) != request {
		t.Errorf("written again as %s, %v", b, err)
	}
	if b, err := json.Marshal(wire.GateRequest{}); err != nil || string(b) != `{"schema":"","kind":"","attempt":0,"advisory":false}` {
		t.Errorf("an empty request is %s, %v", b, err)
	}
	for name, text := range map[string]string{
		"a member that is not known": strings.Replace(request, `"kind":"apply"`, `"kind":"apply","approved":true`, 1),
		"another case":               strings.Replace(request, `"kind":"apply"`, `"Kind":"apply"`, 1),
		"a member twice":             strings.Replace(request, `"kind":"apply"`, `"kind":"plan","kind":"apply"`, 1),
		"another kind of value":      strings.Replace(request, `"attempt":2`, `"attempt":"2"`, 1),
	} {
		if err := seal.Decode([]byte(text), &wire.GateRequest{}); fault.Of(err).Kind != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAVerdictIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	at, exit := time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC), 3
	v := wire.GateVerdict{Schema: wire.GateVerdictSchema, Verdict: wire.Deny, Code: wire.ExitDenied, Change: "CHG-000007", State: "rejected",
		Rev: 2, RevDigest: "sha256:aa", Env: "prod", Kind: wire.KindApply,
		Denials:    []wire.Denial{{Code: "rejected", Text: "It is rejected.", Rule: "gate", Clause: "policy statement (a)", Who: "the requester"}},
		Missing:    []wire.Missing{{Slot: "tests", Kind: "check", Why: "no evidence", Rule: "tested", Clause: "c", Candidates: 2}},
		Mismatches: []wire.Mismatch{{Field: "digest", Approved: "sha256:aa", Observed: "sha256:bb"}},
		Window:     &wire.Window{From: at, Until: at.Add(time.Hour), Open: true}, Next: []string{"plumb change show CHG-000007"},
		URL: "https://plumb.example.com/changes/CHG-000007", Advisory: true, PermitID: "prm_x", Expires: at, Exit: &exit}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var again wire.GateVerdict
	if err := seal.Decode(b, &again); err != nil || !reflect.DeepEqual(v, again) {
		t.Errorf("read as %+v, %v", again, err)
	}
}

// What nobody filled in is no yes: the word says so, whatever the number is.
func TestAnEmptyVerdictAllowsNothing(t *testing.T) {
	t.Parallel()
	var v wire.GateVerdict
	if err := seal.Decode([]byte(`{}`), &v); err != nil {
		t.Fatal(err)
	}
	if v.Verdict == wire.Allow || v.Permit != nil || v.Schema == wire.GateVerdictSchema {
		t.Errorf("an empty document reads as %+v", v)
	}
	if b, err := json.Marshal(wire.GateVerdict{}); err != nil || string(b) != `{"schema":"","verdict":"","code":0,"rev":0,"advisory":false}` {
		t.Errorf("an empty verdict is %s, %v", b, err)
	}
}

package fleet

import (
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/wire"
)

// A message counts once, in the order of its boot; a boot that another one followed does not come back on one host.
func TestAMessageCountsOnceAndABootDoesNotComeBack(t *testing.T) {
	t.Parallel()
	now := Presence{Boot: "two", horizon: 100}
	for name, x := range map[string]struct {
		known  heard
		found  bool
		report wire.Report
		cloned bool
		code   string
	}{
		"the next of this boot":              {heard{boot: "two", seq: 4}, true, wire.Report{Boot: "two", Seq: 5, Sent: 200}, false, ""},
		"the same again":                     {heard{boot: "two", seq: 4}, true, wire.Report{Boot: "two", Seq: 4, Sent: 200}, false, "seen_before"},
		"an older one":                       {heard{boot: "two", seq: 4}, true, wire.Report{Boot: "two", Seq: 1, Sent: 200}, false, "seen_before"},
		"an older one of a boot before":      {heard{boot: "one", seq: 9}, true, wire.Report{Boot: "one", Seq: 9, Sent: 200}, false, "seen_before"},
		"a new one of a boot before":         {heard{boot: "one", seq: 9}, true, wire.Report{Boot: "one", Seq: 10, Sent: 200}, true, "key_shared"},
		"a new boot":                         {heard{}, false, wire.Report{Boot: "three", Seq: 1, Sent: 101}, false, ""},
		"a new start in the boot of now":     {heard{kernel: true}, false, wire.Report{Boot: "two.b", Seq: 1, Sent: 101}, false, ""},
		"a new start in a boot before":       {heard{kernel: true}, false, wire.Report{Boot: "one.b", Seq: 1, Sent: 101}, true, "key_shared"},
		"a boot that was forgotten long ago": {heard{}, false, wire.Report{Boot: "zero", Seq: 1, Sent: 100}, false, "seen_before"},
	} {
		cloned, err := counted(now, x.known, x.found, x.report)
		if cloned != x.cloned || (err == nil) != (x.code == "") || err != nil && !fault.Is(err, x.code) {
			t.Errorf("%s: cloned %v, %v", name, cloned, err)
		}
	}
}

func TestAnAgentThatIsRevokedOrSharedReportsNothing(t *testing.T) {
	t.Parallel()
	for code, a := range map[string]Agent{"agent_revoked": {Revoked: 1}, "key_shared": {Conflict: 1}} {
		if err := a.mayReport(); !fault.Is(err, code) {
			t.Errorf("%s: %v", code, err)
		}
	}
	if err := (Agent{Revoked: 1, Conflict: 1}).mayReport(); !fault.Is(err, "agent_revoked") {
		t.Errorf("both: %v", err)
	}
	if err := (Agent{}).mayReport(); err != nil {
		t.Errorf("one that is fine: %v", err)
	}
}

// Facts are taken only where they have the digest that the host signed; what it leaves out stays.
func TestFactsAreTakenOnlyWithTheirDigest(t *testing.T) {
	t.Parallel()
	held := wire.Facts{"os.name": jsontext.Value(`"Debian"`), "kernel.release": jsontext.Value(`"6.1"`)}
	want := held.With(wire.Facts{"kernel.release": jsontext.Value(`"6.2"`)}, nil)
	next, answer, err := take(held, held.Root(), wire.Report{Base: held.Root(), Set: wire.Facts{"kernel.release": jsontext.Value(`"6.2"`)}, Root: want.Root()})
	if err != nil || answer.State != wire.AgentAccepted || next.Root() != want.Root() || string(next["os.name"]) != `"Debian"` {
		t.Errorf("a change: %v %+v %v", next, answer, err)
	}
	if next, _, err := take(held, held.Root(), wire.Report{Base: held.Root(), Set: wire.Facts{"kernel.release": jsontext.Value(`"6.3"`)}, Root: want.Root()}); err == nil || next != nil {
		t.Errorf("facts with the digest of others: %v %v", next, err)
	}
	if next, answer, err := take(held, held.Root(), wire.Report{Root: held.Root()}); err != nil || next != nil || answer.State != wire.AgentUnchanged {
		t.Errorf("nothing new: %v %+v %v", next, answer, err)
	}
	if next, answer, err := take(held, held.Root(), wire.Report{Root: want.Root(), Base: "something else"}); err != nil || next != nil || answer.State == wire.AgentAccepted {
		t.Errorf("a change of what is not held: %v %+v %v", next, answer, err)
	}
}

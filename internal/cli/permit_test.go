package cli

import (
	"strings"
	"testing"
	"time"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/wire"
)

func digestOfWord(c string) string { return "sha256:" + strings.Repeat(c, 64) }

func TestOnlyAFittingPermitIsRun(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	good := wire.PermitPredicate{V: 1, ID: "prm_1", Change: "CHG-000007", Rev: "r", Env: "prod", Kind: wire.KindApply, Attempt: 1, NotBefore: now.UnixMicro(),
		Expires: now.Add(time.Minute).UnixMicro(), Bindings: []wire.Binding{{Kind: "config-file", Digest: digestOfWord("a")}, {Kind: "tf-plan", Digest: digestOfWord("b"), Normalized: digestOfWord("c")}}}
	r := wire.GateRequest{Change: "chg-7", Kind: wire.KindApply, Environment: "prod", Observed: []wire.Observed{{Kind: "tf-plan", Digest: digestOfWord("d"), Normalized: digestOfWord("c")},
		{Kind: "config-file", Digest: digestOfWord("a")}}}
	v := wire.GateVerdict{Change: "CHG-000007", RevDigest: "r", PermitID: "prm_1"}
	if err := fits(good, r, v, now); err != nil {
		t.Fatalf("the good one is refused: %v", err)
	}
	for name, spoil := range map[string]func(*wire.PermitPredicate, *wire.GateRequest, *wire.GateVerdict){
		"version":      func(p *wire.PermitPredicate, _ *wire.GateRequest, _ *wire.GateVerdict) { p.V = 0 },
		"change":       func(p *wire.PermitPredicate, _ *wire.GateRequest, _ *wire.GateVerdict) { p.Change = "CHG-000008" },
		"asked change": func(_ *wire.PermitPredicate, r *wire.GateRequest, _ *wire.GateVerdict) { r.Change = "CHG-8" },
		"revision":     func(p *wire.PermitPredicate, _ *wire.GateRequest, _ *wire.GateVerdict) { p.Rev = "" },
		"permit":       func(_ *wire.PermitPredicate, _ *wire.GateRequest, v *wire.GateVerdict) { v.PermitID = "prm_2" },
		"kind":         func(p *wire.PermitPredicate, _ *wire.GateRequest, _ *wire.GateVerdict) { p.Kind = wire.KindPlan },
		"attempt":      func(p *wire.PermitPredicate, _ *wire.GateRequest, _ *wire.GateVerdict) { p.Attempt = 2 },
		"stage":        func(_ *wire.PermitPredicate, r *wire.GateRequest, _ *wire.GateVerdict) { r.Stage = "two" },
		"environment":  func(p *wire.PermitPredicate, _ *wire.GateRequest, _ *wire.GateVerdict) { p.Env = "test" },
		"expired":      func(p *wire.PermitPredicate, _ *wire.GateRequest, _ *wire.GateVerdict) { p.Expires = now.UnixMicro() },
		"not yet": func(p *wire.PermitPredicate, _ *wire.GateRequest, _ *wire.GateVerdict) {
			p.NotBefore = now.Add(time.Hour).UnixMicro()
		},
		"digest": func(p *wire.PermitPredicate, _ *wire.GateRequest, _ *wire.GateVerdict) {
			p.Bindings[0].Digest = digestOfWord("e")
		},
		"normalized": func(_ *wire.PermitPredicate, r *wire.GateRequest, _ *wire.GateVerdict) {
			r.Observed[0].Normalized = ""
		},
		"no bindings": func(p *wire.PermitPredicate, r *wire.GateRequest, _ *wire.GateVerdict) {
			p.Bindings, r.Observed = nil, nil
		},
		"one missing": func(_ *wire.PermitPredicate, r *wire.GateRequest, _ *wire.GateVerdict) { r.Observed = r.Observed[:1] },
		"one twice": func(_ *wire.PermitPredicate, r *wire.GateRequest, _ *wire.GateVerdict) {
			r.Observed[0] = r.Observed[1]
		},
	} {
		p, q, w := good, r, v
		p.Bindings = append([]wire.Binding{}, good.Bindings...)
		q.Observed = append([]wire.Observed{}, r.Observed...)
		spoil(&p, &q, &w)
		if err := fits(p, q, w, now); err == nil {
			t.Errorf("%s: it would run", name)
		}
	}
}

func TestAnEmptyDigestReleasesNothing(t *testing.T) {
	t.Parallel()
	if released(wire.Binding{Kind: "x"}, wire.Observed{Kind: "x"}) {
		t.Error("nothing was released by nothing")
	}
}

func TestAnEnvironmentThatOverridesTheCommandIsRefused(t *testing.T) {
	t.Parallel()
	a := &app{}
	for _, kv := range []string{"TF_CLI_ARGS=-x", "TF_CLI_ARGS_apply=-destroy", "TF_REATTACH_PROVIDERS={}"} {
		if err := a.trustable([]string{"HOME=/x", kv}); !fault.Is(err, "environment_overrides") {
			t.Errorf("%s: got %v", kv, err)
		}
	}
	if err := a.trustable([]string{"TF_CLI_ARGS=", "TF_VAR_x=1", "TF_CLI_CONFIG_FILE=x"}); err != nil {
		t.Error(err)
	}
	for _, kv := range childEnv([]string{"A=1", "PLUMB_TOKEN_FILE=x", "PLUMB_URL=y"}) {
		if strings.HasPrefix(kv, "PLUMB_") {
			t.Errorf("a child sees %s", kv)
		}
	}
}

package policy_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/policy"
)

func TestConditionsCanReadEachFactAndNothingElse(t *testing.T) {
	t.Parallel()
	for i := range reflect.TypeFor[policy.Facts]().NumField() {
		name := reflect.TypeFor[policy.Facts]().Field(i).Tag.Get("json")
		if _, err := policy.Load(condition(t, name+" == "+name)); err != nil {
			t.Errorf("%s cannot be read: %s", name, fault(err))
		}
	}
	for _, name := range []string{"now", "requester", "author", "request", "env", "Facts", "f", "policy"} {
		if _, err := policy.Load(condition(t, name+" == "+name)); err == nil {
			t.Errorf("%s can be read", name)
		}
	}
}

func TestSpans(t *testing.T) {
	t.Parallel()
	for span, want := range map[policy.Span]int64{"1s": 1, "2m": 120, "72h": 259200, "14d": 1209600, "3660d": 316224000,
		"": 0, "d": 0, "0d": 0, "-1d": 0, "+1d": 0, "1w": 0, "1.5h": 0, "99999d": 0, "99999999999d": 0, "1 d": 0} {
		if got, ok := span.Secs(); got != want || ok != (want > 0) {
			t.Errorf("%q: got %d %v, want %d", span, got, ok, want)
		}
	}
}

func TestUnknownRiskIsHigh(t *testing.T) {
	t.Parallel()
	if got := policy.Risk("").Stricter(policy.Low); got != policy.High {
		t.Errorf("got %s", got)
	}
	if got := policy.Low.Stricter(policy.Medium); got != policy.Medium {
		t.Errorf("got %s", got)
	}
}

func TestSchemasKnowEachWord(t *testing.T) {
	t.Parallel()
	for file, words := range map[string][]string{"rules.yaml": slices.Concat(policy.CheckKinds, policy.FieldPaths),
		"categories.yaml": slices.Concat(policy.BindingKinds, policy.FieldPaths), "pack.yaml": policy.Exclusions,
		"catalogue.yaml": slices.Concat(policy.Environments, policy.Classifications), "models.yaml": policy.Ops, "roles.yaml": policy.Teams} {
		for _, w := range words {
			if !strings.Contains(string(schemaFile(t, file)), `"`+w+`"`) {
				t.Errorf("the schema of %s does not know %q", file, w)
			}
		}
	}
	for guard := range policy.BuiltIns {
		if !strings.Contains(string(schemaFile(t, "clauses.yaml")), `"`+guard+`"`) {
			t.Errorf("the schema of clauses.yaml does not know %q", guard)
		}
	}
}

func TestTheCatalogueDecidesNotTheRequester(t *testing.T) {
	t.Parallel()
	p := shipped(t)
	f := p.Resolve(policy.Facts{Components: []policy.Component{{Key: "infra", Kind: "app"}},
		Targets: []policy.Target{{Name: "web-prod", Environment: "dev"}, {Name: "unheard-of", Environment: "dev", Owner: "me"}}})
	if f.Components[0].Kind != "infra" || f.Targets[0].Environment != "prod" || f.Targets[1].Environment != "prod" || f.Targets[1].Owner != "" || f.Environment != "prod" {
		t.Errorf("got %+v", f)
	}
}

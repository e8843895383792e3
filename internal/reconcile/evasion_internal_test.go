package reconcile

import (
	"testing"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/plan"
)

// The ways in which an approved change could be made to explain what it did not say. Each was found by somebody who tried.

func prodPlace(p Place) Place {
	p.Labels = map[string]string{inventory.LabelEnvironment: "prod"}
	return p
}

func onceRun(run Run) []Run {
	run.Permit, run.Rev, run.Started, run.Ended = "p", "r", 10, 30
	return []Run{run}
}

func TestAChangeOfDevelopmentExplainsNothingThatIsNotDevelopment(t *testing.T) {
	t.Parallel()
	for _, env := range []string{"", "shared", "prod", "test"} {
		d := inventory.Difference{ID: "d", Asset: "A2", Record: "rC", Op: inventory.Updated, Path: "firewall.ssh", Kind: inventory.Security, Before: `"a"`, After: `"any"`, Earliest: 5, Latest: 20}
		c := &Charter{Change: "CHG-1", Rev: "r", Environment: "dev", Runs: onceRun(Run{}),
			Claims: []Claim{{ID: "c", Change: "CHG-1", Rev: "r", Address: "db", Verb: "update", Path: "*", Open: true}}}
		p := Place{Asset: "A2", Name: "db", Class: inventory.Host, Labels: map[string]string{}}
		if env != "" {
			p.Labels[inventory.LabelEnvironment] = env
		}
		if v := Decide(d, p, NewIndex([]*Charter{c}, nil), Rules{Now: 40}); v.Disposition.Explains() {
			t.Errorf("%q is explained: %+v", env, v)
		}
		c.Environment = "prod"
		v := Decide(d, p, NewIndex([]*Charter{c}, nil), Rules{Now: 40})
		if want := env != "test"; v.Disposition.Explains() != want {
			t.Errorf("%q by a change of production: %+v", env, v)
		}
	}
}

func TestWhatWasReplacedInAnotherStateLetsNothingSettleHere(t *testing.T) {
	t.Parallel()
	d := inventory.Difference{ID: "d", Asset: "A2", Record: "rC", Op: inventory.Updated, Path: "image", Kind: inventory.Config, Before: `"a"`, After: `"b"`, Earliest: 5, Latest: 20}
	charter := func(env, lineage, id string) *Charter {
		return &Charter{Change: "CHG-1", Rev: "r", Environment: env,
			Claims: []Claim{{ID: "c", Change: "CHG-1", Rev: "r", Lineage: lineage, Address: "hcloud_server.web", Planned: true, Verb: plan.ClassReplace}},
			Runs:   onceRun(Run{Executors: []string{"ivo"}, Receipts: []Receipt{{Address: "hcloud_server.web", Done: true, ID: id}}})}
	}
	p := prodPlace(Place{Asset: "A2", Class: inventory.Host, IDs: []string{"hcloud:server:99"}, Managers: []Managed{{"hcloud_server.web", "prodlin/default"}}})
	for name, x := range map[string]struct {
		c       *Charter
		actor   string
		settles bool
	}{
		"its own replacement":     {charter("prod", "prodlin", "99"), "", true},
		"another state":           {charter("prod", "devlin", "99"), "", false},
		"another environment":     {charter("dev", "prodlin", "99"), "", false},
		"another thing":           {charter("prod", "prodlin", "1"), "", false},
		"another than who ran it": {charter("prod", "prodlin", "99"), "mallory", false},
	} {
		d := d
		d.Actor = x.actor
		if v := Decide(d, p, NewIndex([]*Charter{x.c}, nil), Rules{Now: 40}); v.Disposition.Explains() != x.settles {
			t.Errorf("%s: %+v", name, v)
		}
	}
}

func TestADoorIsNotExplainedByAnotherAttributeWithTheSameLastWord(t *testing.T) {
	t.Parallel()
	d1 := inventory.Difference{ID: "d1", Asset: "A1", Record: "rS", Native: "x.a", Op: inventory.Updated, Path: "monitoring.enabled", Kind: inventory.Config, Before: "true", After: "false", Earliest: 5, Latest: 20}
	d2 := inventory.Difference{ID: "d2", Asset: "A2", Record: "rC", Op: inventory.Updated, Path: "firewall.enabled", Kind: inventory.Security, Before: "true", After: "false", Earliest: 5, Latest: 20}
	c := &Charter{Change: "CHG-1", Rev: "r", Environment: "prod", Runs: onceRun(Run{Executors: []string{"ivo"}, Receipts: []Receipt{{Address: "x.a", Done: true, ID: "1"}}}),
		Claims: []Claim{{ID: "c", Change: "CHG-1", Rev: "r", Address: "x.a", Lineage: "lin", Planned: true, Verb: "update", Path: "monitoring.enabled", After: []inventory.Value{"false"}}}}
	x, rules := NewIndex([]*Charter{c}, nil), Rules{Now: 40}
	code := prodPlace(Place{Asset: "A1", Class: inventory.IaCResource, Native: "x.a", Scope: "lin", Around: []inventory.AssetID{"A2"}})
	real := prodPlace(Place{Asset: "A2", Class: inventory.Host, Around: []inventory.AssetID{"A1"}, Managers: []Managed{{"x.a", "lin"}}})
	v := Decide(d1, code, x, rules)
	if v.Disposition != Exact {
		t.Fatalf("the code itself: %+v", v)
	}
	x.Note(d1, code, v)
	if v := Decide(d2, real, x, rules); v.Disposition.Explains() {
		t.Errorf("the door: %+v", v)
	}
	same := d2
	same.Path, same.Kind = "monitoring.enabled", inventory.Config
	if v := Decide(same, real, x, rules); !v.Disposition.Explains() {
		t.Errorf("the same attribute in the cloud: %+v", v)
	}
	if same.Actor = "mallory"; Decide(same, real, x, rules).Disposition.Explains() {
		t.Error("the same, by somebody else")
	}
	stranger := real
	stranger.Managers = nil
	if same.Actor = ""; Decide(same, stranger, x, rules).Disposition.Explains() {
		t.Error("the same of a thing beside it that this code does not manage")
	}
}

func TestTheWayBackOfATypedEffectOpensNoDoor(t *testing.T) {
	t.Parallel()
	rev := change.Revision{ID: "CHG-1.1", Change: "CHG-1", Digest: "r"}
	rev.Material.Effects = []change.Effect{{Target: "web-1", Path: "firewall.ssh", Op: "update", After: "10.0.0.0/9"}}
	c := &Charter{Change: "CHG-1", Rev: "r", Environment: "prod", Claims: Claims(rev, nil), Runs: onceRun(Run{Rollback: true})}
	d := inventory.Difference{ID: "d", Asset: "A", Record: "r", Op: inventory.Updated, Path: "firewall.ssh", Kind: inventory.Security, Before: `"10.0.0.0/9"`, After: `"0.0.0.0/0"`, Earliest: 5, Latest: 20}
	if v := Decide(d, prodPlace(Place{Asset: "A", Name: "web-1", Class: inventory.Host}), NewIndex([]*Charter{c}, nil), Rules{Now: 40}); v.Disposition.Explains() {
		t.Errorf("any value is explained by the rollback: %+v", v)
	}
}

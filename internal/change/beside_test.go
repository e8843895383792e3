package change

import (
	"slices"
	"testing"

	"plumbline.dev/plumb/internal/policy"
)

// What a typed effect touches is judged as what is named for a target: by the inventory's word, and at its strictest where nobody knows it.
func TestWhatAnEffectTouchesIsJudgedAsATarget(t *testing.T) {
	t.Parallel()
	dev := Resolved{Name: "web-dev", Asset: "AST-000001", Environment: "dev", Classification: "public"}
	for name, x := range map[string]struct {
		target   string
		resolved []Resolved
		outside  string
		env      string
		targets  []string
	}{
		"the target itself":           {"web-dev", []Resolved{dev}, "", "dev", []string{"web-dev"}},
		"the target by its id":        {"AST-1", []Resolved{dev, {Name: "AST-1", Asset: "AST-000001", Environment: "dev"}}, "", "dev", []string{"web-dev"}},
		"another thing":               {"db-1", []Resolved{dev, {Name: "db-1", Asset: "AST-000002", Environment: "prod"}}, "db-1", "prod", []string{"web-dev", "db-1"}},
		"what does not exist yet":     {"web-9", []Resolved{dev}, "", "prod", []string{"web-dev", "web-9"}},
		"the target in other letters": {"WEB-DEV", []Resolved{dev}, "", "prod", []string{"web-dev", "WEB-DEV"}},
	} {
		m := Material{Targets: []string{"web-dev"}, Resolved: x.resolved, Effects: []Effect{{Target: x.target, Path: "image"}, {Target: x.target, Path: "size"}}}
		pack := waiting(t).Pack
		f := m.facts(pack)
		var names []string
		for _, v := range f.Targets {
			names = append(names, v.Name)
		}
		if got := m.outside(pack); got != x.outside || f.Environment != x.env || !slices.Equal(names, x.targets) {
			t.Errorf("%s: outside %q, environment %s, targets %v; want %q, %s, %v", name, got, f.Environment, names, x.outside, x.env, x.targets)
		}
	}
}

// What the policy's catalogue names exists, whether or not a source shows it.
func TestWhatTheCatalogueNamesIsNoThingToCreate(t *testing.T) {
	t.Parallel()
	pack := waiting(t).Pack
	if len(pack.Targets) == 0 {
		t.Fatal("the pack's catalogue names no target")
	}
	m := Material{Targets: []string{"elsewhere"}, Effects: []Effect{{Target: pack.Targets[0].Name, Path: "image"}}}
	if got := m.outside(pack); got != pack.Targets[0].Name {
		t.Errorf("outside %q, want %q", got, pack.Targets[0].Name)
	}
}

// Criteria stand in for people only on what they looked at: typed effects on the change's own targets, attribute by attribute, and never a
// label or what guards a door.
func TestCriteriaTakeEffectsOnOwnTargetsOnly(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]bool{"flag.dark-mode": true, "flags.checkout": true, "workers": true, "memory_megabytes": true, "image": true,
		"": false, "*": false, "flag.*": false, "firewall.ssh": false, "label.environment": false, "label.classification": false, "user.root": false,
		"Firewall": false, "rule[0].source": false, "metadata_tokens": false, "sshd.permitrootlogin": false, "public_ip": false, "-": false} {
		m := Material{Targets: []string{"web-prod"}, Effects: []Effect{{Target: "web-prod", Path: path, Op: "update"}}}
		c, err := m.keepsTo()
		if err != nil || c.Passed != want || c.Inputs["effects"] == "" || c.Inputs["targets"] == "" {
			t.Errorf("%q: %+v, %v; want passed %v with its inputs", path, c, err, want)
		}
		m.Effects[0].Target = "web-1"
		if c, err := m.keepsTo(); err != nil || c.Passed || policy.Passed([]policy.Criterion{c}) {
			t.Errorf("%q on another thing: %+v, %v; want not passed", path, c, err)
		}
	}
	if c, err := (Material{Targets: []string{"web-prod"}}).keepsTo(); err != nil || !c.Passed {
		t.Errorf("no typed effect: %+v, %v; want passed", c, err)
	}
}

package policy_test

import (
	"errors"
	"fmt"
	"plumbline.dev/plumb/internal/policy"
	"strings"
	"testing"
	"testing/fstest"

	refusal "plumbline.dev/plumb/internal/fault"
)

// fault spells out a refusal for a test's message.
func fault(err error) string {
	var e *refusal.Error
	if !errors.As(err, &e) {
		return fmt.Sprint(err)
	}
	return fmt.Sprintf("%s: %s %v", e.Code, e.Message, e.Fields)
}

// textOf gives one file of the shipped pack.
func textOf(t testing.TB, file string) string {
	t.Helper()
	for _, f := range shipped(t).Files() {
		if f.Path == file {
			return f.Text
		}
	}
	t.Fatalf("the shipped pack has no %s", file)
	return ""
}

// folder is the shipped pack with one file replaced.
func folder(t testing.TB, file, text string) fstest.MapFS {
	t.Helper()
	m := fstest.MapFS{}
	for _, f := range shipped(t).Files() {
		m[f.Path] = &fstest.MapFile{Data: []byte(f.Text)}
	}
	m[file] = &fstest.MapFile{Data: []byte(text)}
	return m
}

// load loads the shipped pack with one file replaced.
func load(t testing.TB, file, text string) (*policy.Pack, error) {
	t.Helper()
	return policy.Load(folder(t, file, text))
}

// edited loads the shipped pack with one text of one file replaced.
func edited(t testing.TB, file, old, new string) *policy.Pack {
	t.Helper()
	text := textOf(t, file)
	changed := strings.Replace(text, old, new, 1)
	if changed == text {
		t.Fatalf("%s does not hold %q", file, old)
	}
	p, err := load(t, file, changed)
	if err != nil {
		t.Fatal(fault(err))
	}
	return p
}

// change is an everyday deployment that meets the shipped pack.
func change(p *policy.Pack) policy.Facts {
	c, _ := p.Component("web")
	target, _ := p.Target("web-prod")
	f := policy.Facts{Type: "normal", Category: "deploy", Environment: "prod", Summary: "s", Justification: "j",
		Components: []policy.Component{c}, Targets: []policy.Target{target},
		Bindings: []policy.Binding{{Kind: "oci-image", Name: "web", Repo: "example-web"}},
		Rollback: policy.Rollback{Present: true, Bound: true, Reversible: true}, Fields: policy.FieldPaths}
	for _, k := range policy.CheckKinds {
		f.Checks = append(f.Checks, policy.Check{Kind: k, Status: "pass"})
	}
	return f
}

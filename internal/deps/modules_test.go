package deps_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every module that our own code imports has a sentence in docs/dependencies.md.
func TestEveryModuleEarnsItsPlace(t *testing.T) {
	t.Parallel()
	required := modules(t)
	text, err := os.ReadFile(filepath.Join(root, "docs", "dependencies.md"))
	if err != nil {
		t.Fatal(err)
	}
	sentences := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^- `([^`]+)`: (.+)$").FindAllStringSubmatch(string(text), -1) {
		sentences[m[1]] = m[2]
	}
	direct := map[string]string{}
	for _, f := range sources(t) {
		for _, path := range f.imports {
			if m := moduleOf(path, required); m != "" {
				direct[m] = f.path
			}
		}
	}
	for m, user := range direct {
		if len(strings.Fields(sentences[m])) < 5 {
			t.Errorf("%s, imported by %s, has no sentence in docs/dependencies.md", m, user)
		}
	}
	for m := range sentences {
		if !required[m] {
			t.Errorf("docs/dependencies.md has a sentence for %s, which go.mod does not require", m)
		}
	}
}

// The tests' own Terraform provider is a program beside plumb: plumb reads what Terraform writes, and runs no provider.
func TestTheProgramHoldsNoProvider(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "./cmd/plumb")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(out), "internal/connect/tfstate") {
		t.Error("the program does not read states, so this shows nothing")
	}
	for path := range strings.FieldsSeq(string(out)) {
		if strings.HasPrefix(path, "github.com/hashicorp/terraform-plugin") || strings.HasPrefix(path, "github.com/hashicorp/go-plugin") {
			t.Errorf("plumb holds %s", path)
		}
	}
}

func modules(t *testing.T) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^(?:require )?\s*([\w.-]+\.[\w.-]+/\S+|\S+\.\S+) v\d`).FindAllStringSubmatch(string(text), -1) {
		out[m[1]] = true
	}
	if len(out) < 10 {
		t.Fatalf("only %d modules were read from go.mod", len(out))
	}
	return out
}

// moduleOf is the longest required module that holds the package; "" for the standard library and us.
func moduleOf(path string, required map[string]bool) string {
	for m := path; m != "" && m != "."; {
		if required[m] {
			return m
		}
		cut := strings.LastIndexByte(m, '/')
		if cut < 0 {
			return ""
		}
		m = m[:cut]
	}
	return ""
}

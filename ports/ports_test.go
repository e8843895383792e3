package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// written makes a module of these files.
func written(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	files["go.mod"] = "module example.com/m\n\ngo 1.26\n"
	files["cmd/m/main.go"] = "package main\n\nimport \"example.com/m/internal/own\"\n\nfunc main() { own.Do() }\n"
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const elsewhere = "//go:build !windows\n\npackage own\n\nfunc Do() {}\n"

// What only another system compiles is named where it is wrong, as the compiler would, and what is right
// there passes: syscall.Handle is a word that only Windows has.
func TestWhatDoesNotCompileElsewhereIsNamed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		windows string
		want    []string
	}{
		"right":           {"package own\n\nimport \"syscall\"\n\nfunc Do() { var h syscall.Handle; _ = h }\n", nil},
		"a name":          {"package own\n\nfunc Do() { nothing() }\n", []string{"# example.com/m/internal/own", "internal/own/do_windows.go:3:13: undefined: nothing"}},
		"a type":          {"package own\n\nfunc Do() { var n int = \"x\"; _ = n }\n", []string{"# example.com/m/internal/own", "internal/own/do_windows.go:3:25: cannot use \"x\" (untyped string constant) as int value in variable declaration"}},
		"another's word":  {"package own\n\nimport \"syscall\"\n\nfunc Do() { _ = syscall.Setsid }\n", []string{"# example.com/m/internal/own", "internal/own/do_windows.go:5:25: undefined: syscall.Setsid"}},
		"a missing body":  {"package own\n\nfunc Do()\n", []string{"# example.com/m/internal/own", "internal/own/do_windows.go:3:6: missing function body"}},
		"no Go":           {"package own\n\nfunc Do() {\n", []string{"# example.com/m/internal/own", "internal/own/do_windows.go:3:13: expected '}', found 'EOF'"}},
		"an unused thing": {"package own\n\nimport \"syscall\"\n\nfunc Do() {}\n", []string{"# example.com/m/internal/own", "internal/own/do_windows.go:3:8: \"syscall\" imported and not used"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := written(t, map[string]string{"internal/own/do_windows.go": c.windows, "internal/own/do.go": elsewhere})
			err := check(t.Context(), dir, []string{"windows/amd64"})
			var wrong *notCompiling
			if errors.As(err, &wrong) != (c.want != nil) {
				t.Fatalf("got %v, want %q", err, c.want)
			}
			if wrong != nil && !slices.Equal(wrong.lines[:min(2, len(wrong.lines))], c.want) {
				t.Errorf("got %q, want %q", wrong.lines, c.want)
			}
			if err := check(t.Context(), dir, []string{"darwin/arm64"}); err != nil {
				t.Errorf("the file for Windows is read for macOS: %v", err)
			}
		})
	}
}

// An import that nobody has, and a module without packages, are no quiet success.
func TestWhatCannotBeCheckedIsAnError(t *testing.T) {
	t.Parallel()
	dir := written(t, map[string]string{"internal/own/do.go": "package own\n\nimport _ \"example.com/m/gone\"\n\nfunc Do() {}\n"})
	empty := t.TempDir()
	if err := os.WriteFile(filepath.Join(empty, "go.mod"), []byte("module example.com/m\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		dir     string
		systems []string
	}{{dir, []string{"windows/amd64"}}, {empty, []string{"windows/amd64"}}, {dir, nil}, {dir, []string{"windows"}}, {dir, []string{"windows/none"}}} {
		if err := check(t.Context(), c.dir, c.systems); err == nil {
			t.Errorf("%q passes", c.systems)
		}
	}
}

package deps_test

import (
	"path/filepath"
	"strings"
	"testing"
)

// No two migrations have one number: the server would not start, whichever of them came second.
func TestMigrationsAreNumberedOnce(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(root, "internal", "db", "migrations", "*.sql"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d migrations: %v", len(files), err)
	}
	by := map[string]string{}
	for _, file := range files {
		name := filepath.Base(file)
		number, _, _ := strings.Cut(name, "_")
		if other, taken := by[number]; taken {
			t.Errorf("%s has the number of %s", name, other)
		}
		by[number] = name
	}
}

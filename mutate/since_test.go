package main

import "testing"

const difference = `diff --git a/internal/change/gone.go b/internal/change/gone.go
--- a/internal/change/gone.go
+++ /dev/null
@@ -1,3 +0,0 @@
-package change
diff --git a/internal/change/hear.go b/internal/change/hear.go
--- a/internal/change/hear.go
+++ b/internal/change/hear.go
@@ -4 +4 @@ func a()
-old
+new
@@ -9,0 +10,3 @@ func b()
+one
+two
+three
@@ -20,2 +23,0 @@ func c()
-taken
-away
`

func TestOnlyGuardsOnChangedLinesAreTaken(t *testing.T) {
	t.Parallel()
	c, err := readChanges([]byte(difference))
	if err != nil {
		t.Fatal(err)
	}
	for line, want := range map[int]bool{3: false, 4: true, 5: false, 9: false, 10: true, 12: true, 13: false, 23: false} {
		if got := c.has(guard{file: "internal/change/hear.go", line: line}); got != want {
			t.Errorf("line %d: changed %v, want %v", line, got, want)
		}
	}
	if c.has(guard{file: "internal/change/gone.go", line: 1}) || c.has(guard{file: "internal/change/other.go", line: 4}) {
		t.Error("a file that is gone, or that nobody touched, has changed lines")
	}
}

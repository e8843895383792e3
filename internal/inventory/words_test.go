package inventory_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
)

func TestTheDocumentListsEveryClass(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/sources.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "**Classes**:")
	list, _, _ := strings.Cut(rest, "\n\n")
	var got []inventory.Class
	for _, name := range regexp.MustCompile("`([A-Za-z]+)`").FindAllStringSubmatch(list, -1) {
		got = append(got, inventory.Class(name[1]))
	}
	if !found || !slices.Equal(got, inventory.Classes()) {
		t.Errorf("docs/sources.md lists\n%v, the inventory has\n%v", got, inventory.Classes())
	}
}

func TestARefusedLabelSaysWhatEachMayHold(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.read("cloud", server(1))
	_, err := f.SetLabels(t.Context(), olga, "AST-1", map[string]string{"lifecycle": "gone"}, "it is", "")
	if !fault.Is(err, "bad_labels") {
		t.Fatalf("err %v", err)
	}
	text := fmt.Sprint(fault.Of(err).Fields)
	for _, key := range inventory.Labels() {
		if !strings.Contains(text, key) || !strings.Contains(text, strings.Join(inventory.LabelValues(key), ", ")) {
			t.Errorf("it does not say what %s may hold: %s", key, text)
		}
	}
}

func TestAllAreListedWhenAsked(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.read("cloud", server(1), server(2), server(3))
	_, err := f.MergeAssets(t.Context(), olga, "AST-1", "AST-2", "one thing")
	f.must(err)
	for state, want := range map[string]int{"": 2, "all": 3, "merged": 1, "present": 2} {
		list, err := f.Assets(t.Context(), inventory.Filter{State: state})
		if err != nil || len(list) != want {
			t.Errorf("state %q lists %d, %v, want %d", state, len(list), err, want)
		}
	}
}

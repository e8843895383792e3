package server_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/server/servertest"
)

// What one inventory exports as entities, a source of another reads: the same things, with their properties, labels and relationships.
func TestEntitiesThatAreExportedAreReadElsewhere(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t)
	s.Stock()
	got := s.As(servertest.Rita).Want(http.StatusOK, "GET", "/assets.jupiterone", nil)
	if again := s.As(servertest.Rita).Want(http.StatusOK, "GET", "/assets.jupiterone", nil); !bytes.Equal(got.Body, again.Body) {
		t.Error("the same inventory gives two documents")
	}
	var doc struct {
		Entities      []map[string]any `json:"entities"`
		Relationships []map[string]any `json:"relationships"`
	}
	if err := json.Unmarshal(got.Body, &doc); err != nil || len(doc.Entities) < 6 || len(doc.Relationships) < 4 {
		t.Fatalf("%d entities, %d relationships, %v", len(doc.Entities), len(doc.Relationships), err)
	}
	few := s.As(servertest.Rita).Want(http.StatusOK, "GET", "/assets.jupiterone?class=Host&name=web", nil)
	if n := strings.Count(string(few.Body), `"_key"`); n == 0 || n >= len(doc.Entities) {
		t.Errorf("a filter leaves %d", n)
	}
	s.As(servertest.Rita).Refused(http.StatusBadRequest, "bad_filter", "GET", "/assets.jupiterone?class=Toaster", nil)

	o := servertest.Start(t)
	o.As(servertest.Olga).Want(http.StatusCreated, "POST", "/sources", map[string]any{"name": "theirs", "kind": "jupiterone"})
	o.Push("theirs", string(got.Body))
	var mine, theirs inventory.Whole
	s.As(servertest.Rita).Want(http.StatusOK, "GET", "/assets/app-1", nil).Into(&mine)
	o.As(servertest.Rita).Want(http.StatusOK, "GET", "/assets/app-1", nil).Into(&theirs)
	if theirs.Class != mine.Class || theirs.Label("environment") != mine.Label("environment") || len(theirs.Edges) != len(mine.Edges) || len(mine.Edges) == 0 {
		t.Errorf("there it is a %s in %s with %d relationships; here a %s in %s with %d", theirs.Class, theirs.Label("environment"), len(theirs.Edges),
			mine.Class, mine.Label("environment"), len(mine.Edges))
	}
	for path, w := range mine.Properties {
		if !strings.ContainsAny(path, ".") && theirs.Properties[path].Value != w.Value {
			t.Errorf("%s is %s there, %s here", path, theirs.Properties[path].Value, w.Value)
		}
	}
}

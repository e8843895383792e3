package inventory_test

import (
	"slices"
	"testing"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
)

// A table with one wrong column asks about many things. The list stays readable, and none of them is lost.
func TestManyQuestionsOfOneKindAreAnsweredOneAfterTheOther(t *testing.T) {
	t.Parallel()
	f := found(t)
	const many = 203
	list := make([]inventory.Record, many)
	tag := func(env string) {
		for i := range list {
			list[i] = server(i + 1)
			list[i].Labels = map[string]string{"environment": env}
		}
		f.read("cloud", list...)
	}
	tag("prod")
	tag("dev")
	f.must(f.Raise(t.Context(), fault.SystemActor("agents"), []inventory.Doubt{{Source: "cloud", Scope: "project", Type: "hcloud_server", Native: "7", Kind: "key_shared", Detail: "two machines"}}))
	count := func(shown, behind int) []inventory.Question {
		t.Helper()
		q, err := f.Questions(t.Context())
		f.must(err)
		b, err := f.Behind(t.Context())
		f.must(err)
		if len(q) != shown || b["source_conflict"] != int64(behind) || b["key_shared"] != 0 {
			t.Fatalf("%d are shown and %v wait behind, want %d and %d", len(q), b, shown, behind)
		}
		return q
	}
	ofKind := func(q []inventory.Question, kind string) string {
		t.Helper()
		i := slices.IndexFunc(q, func(q inventory.Question) bool { return q.Kind == kind })
		if i < 0 {
			t.Fatalf("no question of the kind %s is shown", kind)
		}
		return q[i].ID
	}
	ofKind(count(201, 3), "key_shared")
	last, err := f.QuestionsAbout(t.Context(), "AST-000203")
	f.must(err)
	first, err := f.QuestionsAbout(t.Context(), "AST-000001")
	f.must(err)
	if len(last) != 1 || len(first) != 1 {
		t.Errorf("the assets show %d and %d of their own", len(last), len(first))
	}
	seen := map[string]bool{}
	for n := many; n > 0; n-- {
		q := count(min(n, 200)+1, max(n-200, 0))
		id := ofKind(q, "source_conflict")
		seen[id] = true
		_, err := f.Answer(t.Context(), olga, id)
		f.must(err)
	}
	if len(seen) != many {
		t.Errorf("%d came up, want %d", len(seen), many)
	}
	c, err := f.SourceOf(t.Context(), "cloud")
	f.must(err)
	h, err := f.HealthOf(t.Context(), c)
	f.must(err)
	if len(h.Questions) != 1 || h.Questions[0].Kind != "key_shared" {
		t.Errorf("the source's health shows %+v", h.Questions)
	}
	f.whole()
}

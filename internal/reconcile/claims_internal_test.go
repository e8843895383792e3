package reconcile

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/db/dbtest"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/plan"
)

// planOf reads a plan of these rows.
func planOf(t *testing.T, rows ...string) *plan.Plan {
	t.Helper()
	raw := `{"format_version":"1.2","terraform_version":"1.9.0","complete":true,"applyable":true,"errored":false,"resource_changes":[` + strings.Join(rows, ",") + `]}`
	p, err := plan.Read(strings.NewReader(raw), plan.Options{Key: bytes.Repeat([]byte{3}, 32)})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func planRow(mode, kind, name, actions string) string {
	return `{"address":"` + map[string]string{"data": "data."}[mode] + kind + "." + name + `","mode":"` + mode + `","type":"` + kind + `","name":"` + name + `","provider_name":"registry.terraform.io/x/x","change":{"actions":[` + actions +
		`],"before":{"id":"7","size":"a"},"after":{"id":"7","size":"b"},"after_unknown":{},"before_sensitive":false,"after_sensitive":{}}}`
}

// What a plan only reads, and what it leaves alone, it may not do. A document that is bound as something else is no plan.
func TestAPlanClaimsWhatItDoesOnly(t *testing.T) {
	t.Parallel()
	p := planOf(t, planRow("managed", "x_server", "web", `"update"`), planRow("data", "x_image", "debian", `"read"`), planRow("managed", "x_server", "db", `"no-op"`))
	rev := change.Revision{ID: "CHG-1.1", Change: "CHG-1", Digest: "r"}
	rev.Material.Bindings = []change.Binding{{Kind: "tf-plan", Document: "d1", Base: "lin/3"}, {Kind: "config-file", Document: "d1"}, {Kind: "tf-plan", Document: "d2"}}
	var got []string
	for _, c := range Claims(rev, map[string]*plan.Plan{"d1": p}) {
		if !c.Rollback {
			got = append(got, strings.TrimSpace(c.Verb+" "+c.Address+" "+c.Path))
		}
	}
	if want := []string{"update x_server.web", "update x_server.web size"}; !slices.Equal(got, want) {
		t.Errorf("claims %q, want %q", got, want)
	}
}

func TestAClaimHoldsTheApprovedValueOnly(t *testing.T) {
	t.Parallel()
	list := []inventory.Value{inventory.Set("a", "b")}
	for name, x := range map[string]struct {
		claim Claim
		value inventory.Value
		holds bool
	}{
		"the value":                  {Claim{After: []inventory.Value{`"a"`}}, `"a"`, true},
		"another":                    {Claim{After: []inventory.Value{`"a"`}}, `"b"`, false},
		"none, where none is said":   {Claim{}, `"b"`, false},
		"any, where it is not known": {Claim{Open: true}, `"b"`, true},
		"a list in another order":    {Claim{After: []inventory.Value{`["b","a"]`}}, inventory.Set("a", "b"), true},
		"a longer list":              {Claim{After: list}, inventory.Set("a", "b", "c"), false},
		"a shorter list":             {Claim{After: list}, inventory.Set("a"), false},
		"both items, of a part":      {Claim{After: list, Includes: true}, inventory.Set("a", "b", "c"), true},
		"one item, of a part":        {Claim{After: list, Includes: true}, inventory.Set("a", "c"), false},
		"no item, of a part":         {Claim{After: list, Includes: true}, "", false},
		"a part of nothing":          {Claim{Includes: true}, inventory.Set("a"), false},
	} {
		if got := x.claim.holds(x.value); got != x.holds {
			t.Errorf("%s: holds %t, want %t", name, got, x.holds)
		}
	}
}

// shelf holds documents, and notes which were asked for.
type shelf struct {
	documents map[string][]byte
	opened    []string
}

func (s *shelf) Open(_ context.Context, digest string) (io.ReadCloser, error) {
	s.opened = append(s.opened, digest)
	b, ok := s.documents[digest]
	if !ok {
		return nil, fault.New(fault.NotFound, "no_document", "There is no such document.")
	}
	return io.NopCloser(bytes.NewReader(b)), nil
}

// Only the plans of a revision are read, each once.
func TestOnlyBoundPlansAreRead(t *testing.T) {
	t.Parallel()
	p := planOf(t, planRow("managed", "x_server", "web", `"update"`))
	s := &shelf{documents: map[string][]byte{"d1": p.Document(), "d3": p.Document()}}
	rev := change.Revision{ID: "CHG-1.1", Change: "CHG-1", Digest: "r"}
	rev.Material.Bindings = []change.Binding{{Kind: "tf-plan", Document: "d1"}, {Kind: "config-file", Document: "d3"}, {Kind: "tf-plan"}, {Kind: "tf-plan", Document: "d1"}, {Kind: "tf-plan", Document: "gone"}}
	rev.Material.Rollback.Binding = &change.Binding{Kind: "tf-plan", Document: "d1"}
	got, err := New(Deps{Blobs: s}).documents(t.Context(), rev)
	if err != nil || len(got) != 1 || got["d1"] == nil || !slices.Equal(s.opened, []string{"d1", "gone"}) {
		t.Errorf("plans %v, %v out of %q, want the bound one, read once", got, err, s.opened)
	}
}

// The end of the plan's run is not that of the way back, which may run for long.
func TestThePlanEndsWhenItsOwnRunEnds(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		runs []Run
		want int64
	}{
		"before it ran":          {nil, -1},
		"while it runs":          {[]Run{{Started: 1, Ended: 5}, {Started: 6}}, 0},
		"once it ran":            {[]Run{{Started: 1, Ended: 5}, {Started: 6, Ended: 9}}, 9},
		"while the way back is":  {[]Run{{Started: 1, Ended: 5}, {Started: 6, Rollback: true}}, 5},
		"after the way back":     {[]Run{{Started: 1, Ended: 5}, {Started: 6, Ended: 9, Rollback: true}}, 5},
		"the way back ran alone": {[]Run{{Started: 6, Ended: 9, Rollback: true}}, -1},
	} {
		if got := (&Charter{Runs: x.runs}).ended(); got != x.want {
			t.Errorf("%s: %d, want %d", name, got, x.want)
		}
	}
}

// A back-test counts differences that are there; a verdict on one that is gone matches nothing.
func TestABackTestMatchesNoDifferenceThatIsGone(t *testing.T) {
	t.Parallel()
	m := Mute{Type: "", Path: "*", Op: ""}
	b := BackTest{}
	err := dbtest.Open(t, nil).View(t.Context(), func(tx *db.Tx) error { return b.take(tx, &m, []Match{{Difference: "gone", Path: "size"}}) })
	if err != nil || b.Differences != 1 || b.Matched != 0 {
		t.Errorf("back-test %+v, %v, want one difference and no match", b, err)
	}
}

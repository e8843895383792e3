package reconcile

import (
	"slices"
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/db/dbtest"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
)

// Findings of what is rare are found through an index of their own: to look for them means not to read all the others.
func TestFindingsOfARareEnvironmentHaveAnIndex(t *testing.T) {
	t.Parallel()
	for _, environment := range []string{"dev", "test", "shared"} {
		for _, newest := range []bool{false, true} {
			text, args := Filter{Environment: environment, Newest: newest, Limit: 50}.sql()
			if plan := dbtest.Plan(t, text, args...); !strings.Contains(plan, "reconcile_finding_"+environment) {
				t.Errorf("%s, newest first %v, is planned as\n%s", environment, newest, plan)
			}
		}
	}
}

// What a change adopts is found by the ids in its wording: the page of a change does not read what others adopt.
func TestWhatAChangeAdoptsIsFoundByTheNamesInItsWording(t *testing.T) {
	t.Parallel()
	text, args := adoptedAmong([]string{"FND-000001", "FND-000002"})
	plan := dbtest.Plan(t, text, args...)
	if !strings.Contains(plan, "sqlite_autoindex_reconcile_finding_1 (id=?)") && !strings.Contains(plan, "reconcile_finding_pkey") {
		t.Errorf("it is planned as\n%s", plan)
	}
	got := namedIn(`{"a":"FND-000002, FND-7 and FND-0000012\nFND-8"}`, `XFND-000002FND-1234567 fnd-000003`)
	want := []string{"FND-000002", "FND-000003", "FND-000007", "FND-000008", "FND-000012", "FND-1234567"}
	if !slices.Equal(got, want) {
		t.Errorf("named are %v, want %v", got, want)
	}
}

// A finding is of the environment that it was raised in; one of an asset that nobody labelled is of production. What stands in the texts
// of a finding is no environment.
func TestFindingsAreFoundByTheirEnvironment(t *testing.T) {
	t.Parallel()
	d := dbtest.Open(t, nil)
	got := map[string]int{}
	err := d.Update(t.Context(), fault.SystemActor("test"), func(tx *db.Tx) error {
		for n, environment := range []string{"prod", "", "test", "dev", "shared", "prod"} {
			f := Finding{ID: findingID(int64(n + 1)), N: int64(n + 1), State: Open, FindingBody: FindingBody{Environment: environment,
				Name: `"environment":"dev"`, After: inventory.Text(`{"environment":"test"}`)}}
			if err := saveFinding(tx, &f); err != nil {
				return err
			}
		}
		for _, environment := range []string{"prod", "test", "dev", "shared", ""} {
			text, args := Filter{Environment: environment, Limit: 50}.sql()
			list, err := db.Collect(tx, scanFinding, text, args...)
			if err != nil {
				return err
			}
			got[environment] = len(list)
		}
		return record(tx, "test.written", "test", "1", nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	for environment, want := range map[string]int{"prod": 3, "test": 1, "dev": 1, "shared": 1, "": 6} {
		if got[environment] != want {
			t.Errorf("%d findings of %q, want %d", got[environment], environment, want)
		}
	}
}

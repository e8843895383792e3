package inventory

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/db/dbtest"
	"plumbline.dev/plumb/internal/fault"
)

// In a large inventory a list is found by what it is narrowed to, not by reading everything.
func TestEachFilterOfAssetsHasItsIndex(t *testing.T) {
	t.Parallel()
	for index, f := range map[string]Filter{
		"inventory_asset_class":          {Class: "Database"},
		"inventory_asset_environment":    {Environment: "test"},
		"inventory_asset_classification": {Classification: "public"},
		"inventory_asset_owner":          {Owner: "team-7"},
		"inventory_asset_role":           {Role: "bastion"},
		"inventory_asset_state":          {State: "missing"},
		"inventory_asset_name":           {Name: "web-"},
		"inventory_unlabelled":           {Unlabelled: true},
	} {
		t.Run(index, func(t *testing.T) {
			t.Parallel()
			f.Limit = 50
			if err := f.clean(); err != nil {
				t.Fatal(err)
			}
			text, args := f.sql()
			plan := dbtest.Plan(t, text, args...)
			if index == "inventory_unlabelled" { // its key, and then each asset by its number
				index = "inventory_unlabelled_pkey"
				if strings.Contains(plan, "sqlite_autoindex_inventory_unlabelled_1") && strings.Contains(plan, "sqlite_autoindex_inventory_asset_2 (n=?)") {
					return
				}
			}
			if !strings.Contains(plan, index+" ") && !strings.Contains(plan, index+"\n") {
				t.Errorf("%+v is planned as\n%s", f, plan)
			}
		})
	}
}

// Whatever an asset's labels are, the filter and the asset itself agree on whether it lacks one.
func TestTheFilterForUnlabelledAssetsSaysWhatTheySay(t *testing.T) {
	t.Parallel()
	d := dbtest.Open(t, nil)
	given := []map[string]Label{{}, {LabelOwner: {Value: "sam"}, LabelEnvironment: {Value: "prod"}, LabelClassification: {Value: "internal"}}}
	for _, without := range []string{LabelOwner, LabelEnvironment, LabelClassification} {
		one := map[string]Label{LabelRole: {Value: "web", Reason: `it said "environment" and "classification"`}}
		for _, k := range []string{LabelOwner, LabelEnvironment, LabelClassification} {
			if k != without {
				one[k] = Label{Value: "x", Confidence: Derived, At: 1}
			}
		}
		given = append(given, one)
	}
	var want, got []AssetID
	err := d.Update(t.Context(), fault.SystemActor("test"), func(tx *db.Tx) error {
		for i, labels := range given {
			a := Asset{ID: assetID(int64(i + 1)), N: int64(i + 1), Version: 1, Class: Host, State: Present, Labels: labels}
			if len(a.Unlabelled()) > 0 {
				want = append(want, a.ID)
			}
			if i == 1 { // it lacked them at first
				bare := a
				bare.Labels = nil
				if err := saveAsset(tx, bare); err != nil {
					return err
				}
				a.Version++
			}
			if err := saveAsset(tx, a); err != nil {
				return err
			}
		}
		text, args := Filter{Unlabelled: true, Limit: 50}.sql()
		list, err := db.Collect(tx, scanAsset, text, args...)
		for _, a := range list {
			got = append(got, a.ID)
		}
		return errors.Join(err, record(tx, "test.written", "test", "1", nil))
	})
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) || len(want) != 4 {
		t.Errorf("the filter finds %v, want %v", got, want)
	}
}

// Who left is looked up by who owns anything, and what is theirs by its owner: neither reads what others own.
func TestWhatNobodyAnswersForIsFoundByItsOwner(t *testing.T) {
	t.Parallel()
	text, args := Filter{Unanswered: true, owners: []string{"ops", "per_7"}, Limit: 50}.sql()
	if plan := dbtest.Plan(t, text, args...); !strings.Contains(plan, "inventory_asset_owner") {
		t.Errorf("the list is planned as\n%s", plan)
	}
	if plan := dbtest.Plan(t, ownersQuery, maxOwners); !strings.Contains(plan, "inventory_asset_owner") {
		t.Errorf("the owners are planned as\n%s", plan)
	}
}

// Who has the data of an asset is found from the asset, not by reading every relationship.
func TestWhoHasTheDataIsFoundFromIt(t *testing.T) {
	t.Parallel()
	texts, args := holderQueries("AST-000001", 100)
	for _, text := range texts {
		plan := dbtest.Plan(t, text, args...)
		for _, index := range []string{"inventory_record_asset", "inventory_edge_to"} {
			if !strings.Contains(plan, index) {
				t.Errorf("without %s it is planned as\n%s", index, plan)
			}
		}
	}
}

// A reading that found nothing new looks at what waits, not at all that the source ever showed.
func TestWhatWaitsIsFoundWithoutReadingTheFleet(t *testing.T) {
	t.Parallel()
	plan := dbtest.Plan(t, pendingOf, "src", 10)
	for _, index := range []string{"inventory_dispute_pending", "inventory_record_asset"} {
		if !strings.Contains(plan, index) {
			t.Errorf("without %s it is planned as\n%s", index, plan)
		}
	}
}

// What would retire an asset is found from the asset, not by reading every answer of every campaign.
func TestWhatWouldRetireAnAssetIsFoundFromIt(t *testing.T) {
	t.Parallel()
	if plan := dbtest.Plan(t, draftedQuery, "AST-000001"); !strings.Contains(plan, "inventory_campaign_answer_retires") {
		t.Errorf("it is planned as\n%s", plan)
	}
}

// What is asked for each record of a reading, or for each page of an asset, is found by what it is about.
func TestWhatIsAskedOftenHasItsIndex(t *testing.T) {
	t.Parallel()
	args := []any{"src"}
	shown := shownBy + db.Among(&args, []string{"AST-000001", "AST-000002"})
	for name, q := range map[string]struct {
		text  string
		args  []any
		index string
	}{
		"an edge that ends":          {endEdgeText, []any{1, "rec", "HAS", "cloud-id", "x"}, "inventory_edge_record"},
		"who has an identifier, too": {hitsQuery, []any{"cloud-id", "x", "rec", maxHits}, "inventory_identifier_value"},
		"an end by an identifier":    {byIdentifier, []any{"cloud-id", "x"}, "inventory_identifier_value"},
		"an end by a record":         {byRecord, []any{"src", "host", "x"}, "inventory_record_native"},
		"whose questions":            {shown, args, "inventory_record_asset"},
		"disputes":                   {disputeColumns + " WHERE asset = $1 ORDER BY path", []any{"AST-000001"}, "inventory_dispute_asset"},
		"history":                    {differenceColumns + " WHERE asset = $1 AND n < $2 ORDER BY n DESC LIMIT $3", []any{"AST-000001", 9, 50}, "inventory_difference_asset"},
		"merges and splits":          {identityQuery, []any{"AST-000001"}, "inventory_identity_other"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if plan := dbtest.Plan(t, q.text, q.args...); !strings.Contains(plan, q.index) {
				t.Errorf("without %s it is planned as\n%s", q.index, plan)
			}
		})
	}
}

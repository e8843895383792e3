package reconcile

import (
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/db/dbtest"
)

// What is asked for each difference that is judged, for each answer and for each page is found by what it is about, not by reading what
// was ever found.
func TestWhatIsAskedOftenHasItsIndex(t *testing.T) {
	t.Parallel()
	for name, q := range map[string]struct {
		text  string
		args  []any
		index string
	}{
		"the finding of a difference": {belongsQuery, []any{"own", "many"}, "reconcile_finding_fingerprint"},
		"what waits of an asset":      {comingQuery, []any{"AST-000001"}, "reconcile_finding_asset"},
		"the first held of a place":   {firstHeld, []any{"FND-000001", "rec", "size"}, "reconcile_match_record"},
		"the newest held of a place":  {lastHeld, []any{"FND-000001", "rec", "size"}, "reconcile_match_record"},
		"how many heavy ones wait":    {crowdedQuery(true), []any{"AST-000001", waitingPerAsset}, "reconcile_finding_waiting"},
		"how many light ones wait":    {crowdedQuery(false), []any{"AST-000001", waitingPerAsset}, "reconcile_finding_waiting"},
		"what went to and fro":        {flappingQuery, []any{"rec", "size"}, "reconcile_match_record"},
		"what is handed over":         {notClosedOf, []any{"AST-000001"}, "reconcile_finding_"}, // by asset, with or without the state
		"what one finding holds":      {heldAtMostTwo, []any{"FND-000001"}, "reconcile_match_finding"},
		"who did what findings hold":  {actorsOf + "IN ($1, $2)", []any{"FND-000001", "FND-000002"}, "reconcile_match_finding"},
		"which changes ran near them": {nearOf + "IN ($1, $2)", []any{"FND-000001", "FND-000002"}, "reconcile_match_finding"},
		"waivers that ended":          {endedQuery, []any{1}, "reconcile_finding_"}, // by state, with or without the day
		"the findings of a change":    {findingColumns + " WHERE " + holdsOf + " ORDER BY n LIMIT $2", []any{"CHG-000001", 50}, "reconcile_match_change"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plan := dbtest.Plan(t, q.text, q.args...)
			if !strings.Contains(plan, q.index) || strings.Contains(plan, "Seq Scan") {
				t.Errorf("without %s it is planned as\n%s", q.index, plan)
			}
		})
	}
}

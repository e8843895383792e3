package reconcile

import (
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/db"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
)

// This file says which change may ask for a finding after the fact. Its approvers must know what they adopt, and must be those who would
// have had to approve it before: so it names the finding in its own words, has the thing among its targets, and was let through by people.

// adopts says why a change, as it is worded, cannot ask for a finding after the fact; nil where it can.
func adopts(tx *db.Tx, f *Finding, p change.Permitted) error {
	m := p.Current.Material
	deny := func(code, text string) *fault.Error {
		return fault.New(fault.Conflict, code, "%s", text).About(string(p.Change.ID)).Because("adoption", "policy statement (e)").FixedBy("you").
			Then("plumb change new --category configuration --target %s --config-file FILE, with a justification that names %s; FILE is what is in force now, or the table or document that shows it", f.Asset, f.ID)
	}
	if p.Change.Created < f.Earliest || !slices.Contains(namedIn(m.Summary, m.Justification), f.ID) {
		return deny("not_retroactive", "The change was filed before the difference, or does not name the finding in its summary or justification, so that its approvers would not know what they adopt.")
	}
	if m.Type == "standard" || m.Model != "" {
		return deny("adopted_by_nobody", "A change under a standard model is let through by criteria. People answer for what was done without asking.")
	}
	about, err := targets(tx, f, m)
	if err != nil {
		return err
	}
	if !about || weight(p.Environment) < weight(f.Environment) {
		return deny("adopts_elsewhere", "The thing that the finding is about is not among the targets of the change, or they are of a lesser environment, so that others approve it than would have had to.")
	}
	return nil
}

// weight orders environments: what nobody labelled, and what several share, is production.
func weight(environment string) int {
	switch counted(environment) {
	case "dev":
		return 0
	case "test":
		return 1
	}
	return 2
}

// targets reports whether a wording has the asset of a finding among its targets, as they were resolved when it was written; of code, what it
// manages will do. A target that meant nothing then means an asset by its id alone: a name is anybody's word.
func targets(tx *db.Tx, f *Finding, m change.Material) (bool, error) {
	c, err := inventory.ContextOf(tx, inventory.Difference{Asset: f.Asset, Latest: f.Latest})
	switch {
	case fault.Is(err, "no_asset"):
		return false, nil
	case err != nil:
		return false, err
	}
	ids := []string{string(f.Asset), string(c.Asset.ID)}
	for _, a := range c.Manages {
		ids = append(ids, string(a.ID))
	}
	if slices.ContainsFunc(m.Resolved, func(r change.Resolved) bool { return slices.Contains(ids, r.Asset) }) {
		return true, nil
	}
	return slices.ContainsFunc(m.Targets, func(name string) bool {
		known := slices.ContainsFunc(m.Resolved, func(r change.Resolved) bool { return r.Name == name })
		return !known && slices.ContainsFunc(ids, func(id string) bool { return strings.EqualFold(string(inventory.FullID(name)), id) })
	}), nil
}

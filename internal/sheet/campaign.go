package sheet

import "strings"

// CampaignLine is one asset of a campaign as every file of the campaign has it, whether the page or the command line writes it.
type CampaignLine struct {
	Campaign, Head                                         string
	Asset, Class, Name, Environment, Classification, Owner string // as the list was frozen
	Version                                                int64
	Digest                                                 string
	Asked                                                  bool
	Reviewer, Standing                                     string
	Answer                                                 *CampaignWord // nil while nobody answered
}

// CampaignWord is a reviewer's answer in a CampaignLine.
type CampaignWord struct {
	Person  string
	At      int64 // microseconds
	Version int64 // of the asset that they looked at
	Digest  string
	Wrong   []string // labels that are wrong
	Comment string
	Retires string // the change that was drafted because the asset is not needed
}

// CampaignHeader names the columns of CampaignLine.Cells.
func CampaignHeader() []string {
	return []string{"campaign", "head", "asset", "class", "name", "environment", "classification", "owner", "frozen_version", "frozen_digest", "asked",
		"reviewer", "standing", "answered_by", "answered_at", "answered_version", "answered_digest", "wrong", "comment", "retires"}
}

// Cells gives the line in the order of CampaignHeader; those of an answer are empty where there is none.
func (l CampaignLine) Cells() []Cell {
	asked := map[bool]string{true: "yes", false: "no"}[l.Asked]
	out := []Cell{Text(l.Campaign), Text(l.Head), Text(l.Asset), Text(l.Class), Text(l.Name), Text(l.Environment), Text(l.Classification), Text(l.Owner),
		Number(l.Version), Text(l.Digest), Text(asked), Text(l.Reviewer), Text(l.Standing)}
	a := l.Answer
	if a == nil {
		return append(out, make([]Cell, len(CampaignHeader())-len(out))...)
	}
	return append(out, Text(a.Person), Instant(a.At), Number(a.Version), Text(a.Digest), Text(strings.Join(a.Wrong, " ")), Text(a.Comment),
		Text(a.Retires))
}

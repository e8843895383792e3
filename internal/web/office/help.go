package office

import (
	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/web/frame"
)

// key is one key, or two in turn, and what it does.
type key struct{ Keys, Does string }

// keyTable is everything that keys do on these pages.
func keyTable() []key {
	return []key{
		{"/", "search changes, assets, findings, people and events"},
		{"g h", "go home"}, {"g c", "go to the changes"}, {"g i", "go to the inventory"}, {"g f", "go to the findings"}, {"g p", "go to the policy"}, {"g l", "go to the ledger"},
		{"g a", "go to the administration"}, {"?", "open this page"},
		{"j", "next row of a list"}, {"k", "row before"}, {"n", "next page of a list"}, {"Enter", "open the row"},
		{"n", "on the home page, the changes and the people: a new one"}, {"f", "go to the filter of a list"},
		{"g d", "on the list of changes: go to the calendar"}, {"a", "on a change: to the comment of an approval; Tab leads to the button"}, {"r", "on a change: to the reason of a rejection"}, {"c", "on a change: comment"},
		{"e", "on a change: reword it"}, {"p", "on a change: its printable record"}, {"n", "on a page of a long plan: acknowledge it"}, {"Escape", "leave a field, close a menu"},
	}
}

// state is one state of a change in words.
type state struct {
	State change.State
	Means string
}

func stateTable() []state {
	return []state{
		{change.Draft, "It is written down, and nobody is asked yet."},
		{change.Submitted, "It was handed to the policy, which says what it needs."},
		{change.Assessing, "Something that the policy wants to see first is missing."},
		{change.AwaitingApproval, "The people whom the policy names are asked."},
		{change.Authorized, "All of them said yes. The gate opens for exactly this wording."},
		{change.Scheduled, "It is authorized and has its time."},
		{change.Implementing, "The gate gave a permit, and it runs now."},
		{change.Verifying, "It ran; whoever owns what it touched looks at the result."},
		{change.InReview, "The result is known; its review and its closing remain."},
		{change.Closed, "Its result and its review are on record."},
		{change.Rejected, "Somebody said no. It can be reworded and submitted again."},
		{change.Expired, "An approval got too old before it ran. It is submitted anew."},
		{change.Cancelled, "It was ended before it ran."},
	}
}

func (p Pages) help(v *frame.Visit) error {
	f := v.Frame("Keys and help", "/help")
	f.Width = "reading"
	return v.Show(f, help_(f, keyTable(), stateTable()))
}

func (p Pages) design(v *frame.Visit) error {
	f := v.Frame("Components", "/design")
	return v.Show(f, design_(f, sampleRefusal()))
}

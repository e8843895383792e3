package changes

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
)

// Filter is what a list's address asks for, as it was typed.
type Filter struct {
	State    string // a state, or one of the groups open, waiting, running, done
	Category string
	Type     string
	By       string // a name, a user name, or "me"
	Words    string
	From, To string // days
	Sort     string
	Key      string
}

// groups are the states that people look for together.
var groups = map[string][]string{
	"open": {string(change.Draft), string(change.Submitted), string(change.Assessing), string(change.AwaitingApproval), string(change.Authorized),
		string(change.Scheduled), string(change.Implementing), string(change.Verifying), string(change.InReview)},
	"waiting": {string(change.Submitted), string(change.Assessing), string(change.AwaitingApproval)},
	"ready":   {string(change.Authorized), string(change.Scheduled)},
	"running": {string(change.Implementing), string(change.Verifying), string(change.InReview)},
	"done":    {string(change.Closed), string(change.Rejected), string(change.Cancelled), string(change.Expired)},
}

// States lists the single states, in the order of a change's life.
var States = []string{string(change.Draft), string(change.Submitted), string(change.Assessing), string(change.AwaitingApproval), string(change.Authorized),
	string(change.Scheduled), string(change.Implementing), string(change.Verifying), string(change.InReview), string(change.Closed),
	string(change.Rejected), string(change.Cancelled), string(change.Expired)}

func filterOf(q url.Values) Filter {
	get := func(name string) string { return strings.TrimSpace(q.Get(name)) }
	return Filter{State: get("state"), Category: get("category"), Type: get("type"), By: get("by"), Words: get("q"),
		From: get("from"), To: get("to"), Sort: get("sort"), Key: get("key")}
}

// query writes the filter as an address, without the place in the list.
func (f Filter) query() string { return f.with("", "") }

// with writes the filter with one more member.
func (f Filter) with(name, value string) string {
	q := url.Values{}
	for _, x := range [][2]string{{"state", f.State}, {"category", f.Category}, {"type", f.Type}, {"by", f.By}, {"q", f.Words},
		{"from", f.From}, {"to", f.To}, {"sort", f.Sort}, {name, value}} {
		if x[0] != "" && x[1] != "" {
			q.Set(x[0], x[1])
		}
	}
	return q.Encode()
}

// narrow reports whether the filter leaves anything out.
func (f Filter) narrow() bool {
	return f.State+f.Category+f.Type+f.By+f.Words+f.From+f.To != ""
}

// nobody is the id of no person: a name that nobody has finds nothing.
const nobody = "-"

// browse turns what was typed into what the desk is asked for.
func (f Filter) browse(r *directory.Roster, me string, zone *time.Location) (change.Browse, error) {
	b := change.Browse{Category: f.Category, Type: f.Type, Words: f.Words, Order: change.Order(f.Sort), Key: f.Key}
	switch list := groups[f.State]; {
	case list != nil:
		b.States = list
	case slices.Contains(States, f.State):
		b.States = []string{f.State}
	case f.State != "":
		return b, wrongFilter("state", "is none of the states")
	}
	b.Requester = personNamed(r, f.By, me)
	var err error
	if b.From, err = day(f.From, zone, 0); err != nil {
		return b, err
	}
	b.To, err = day(f.To, zone, 1)
	return b, err
}

func wrongFilter(path, problem string) *fault.Error {
	return fault.New(fault.Invalid, "bad_filter", "The list cannot be filtered like that.").At(path, problem).FixedBy("you").Then("choose another filter")
}

func personNamed(r *directory.Roster, by, me string) string {
	switch by {
	case "":
		return ""
	case "me":
		return me
	}
	if id, ok := r.Named(by); ok {
		return string(id)
	}
	for _, p := range r.People() {
		if p.ID == by || strings.EqualFold(r.Name(directory.PersonID(p.ID)), by) {
			return p.ID
		}
	}
	return nobody
}

// day gives the begin of a day in the reader's zone, some days later.
func day(s string, zone *time.Location, later int) (int64, error) {
	if s == "" {
		return 0, nil
	}
	t, err := time.ParseInLocation(time.DateOnly, s, zone)
	if err != nil {
		return 0, wrongFilter("from", "is a day like 2026-11-23")
	}
	return t.AddDate(0, 0, later).UnixMicro(), nil
}

package things

import (
	"net/url"
	"strconv"
	"strings"

	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/web/frame"
)

// Filter is what a list's address asks for, as it was typed.
type Filter struct {
	Class, Environment, Classification, Owner, Role, State, Name string
	Unlabelled, Unanswered                                       bool
	After                                                        int64
}

func filterOf(q url.Values) Filter {
	get := func(name string) string { return strings.TrimSpace(q.Get(name)) }
	after, _ := strconv.ParseInt(get("after"), 10, 64) // what is no number begins at the first
	return Filter{Class: get("class"), Environment: get("environment"), Classification: get("classification"), Owner: get("owner"),
		Role: get("role"), State: get("state"), Name: get("name"), Unlabelled: get("unlabelled") != "", Unanswered: get("unanswered") != "", After: max(after, 0)}
}

// members are the parts of the filter that an address carries.
func (f Filter) members() [][2]string {
	unlabelled, unanswered := "", ""
	if f.Unlabelled {
		unlabelled = "yes"
	}
	if f.Unanswered {
		unanswered = "yes"
	}
	return [][2]string{{"class", f.Class}, {"environment", f.Environment}, {"classification", f.Classification}, {"owner", f.Owner},
		{"role", f.Role}, {"state", f.State}, {"name", f.Name}, {"unlabelled", unlabelled}, {"unanswered", unanswered}}
}

// from writes the filter as an address, from a place in the list on; 0 is its begin.
func (f Filter) from(after int64) string {
	q := url.Values{}
	for _, m := range f.members() {
		if m[1] != "" {
			q.Set(m[0], m[1])
		}
	}
	if after > 0 {
		q.Set("after", strconv.FormatInt(after, 10))
	}
	return q.Encode()
}

// narrow reports whether the filter leaves anything out.
func (f Filter) narrow() bool { return f.from(0) != "" }

// asked turns what was typed into what the desk is asked for, limit assets at once.
func (p Pages) asked(v *frame.Visit, d desk, f Filter, limit int) (inventory.Filter, error) {
	owner, err := p.ownerAsked(v, d, f.Owner)
	return inventory.Filter{Class: f.Class, Environment: f.Environment, Classification: f.Classification, Owner: owner, Role: f.Role,
		State: f.State, Name: f.Name, Unlabelled: f.Unlabelled, Unanswered: f.Unanswered, After: f.After, Limit: limit}, err
}

// ownerAsked is the owner that a typed name means: a source's word stays a word until somebody resolves it, so the word is
// looked for where the person or group of that name has nothing.
func (p Pages) ownerAsked(v *frame.Visit, d desk, typed string) (string, error) {
	id := d.owner(typed)
	if id == typed {
		return typed, nil
	}
	has, err := p.Things.Assets(v.Ctx(), inventory.Filter{Owner: id, Limit: 1})
	if len(has) == 0 {
		return typed, err
	}
	return id, err
}

// owner gives the id of the person or group that is meant by a name; what nobody is called stays as it was typed.
func (d desk) owner(typed string) string {
	if id, ok := d.roster.Named(typed); ok {
		return string(id)
	}
	for id, name := range d.Names {
		if typed != "" && strings.EqualFold(name, typed) {
			return id
		}
	}
	return typed
}

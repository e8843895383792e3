package inventory

import (
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"plumbline.dev/plumb/internal/fault"
)

// Limits of a campaign.
const (
	maxItems     = 10_000 // assets on one list; a larger company is divided by selection
	maxFallbacks = 10
	maxTitle     = 200
	longestRun   = 366 * 24 * time.Hour
)

// plainText reports whether a text is one that people can read: UTF-8 of at most n bytes without control characters, but for
// lines and tabs where those are allowed.
func plainText(s string, n int, lines bool) bool {
	return len(s) <= n && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 0x20 || r == 0x7f) && (!lines || r != '\n' && r != '\t')
	})
}

// clean is the rule for what opens a campaign; the fallbacks become ids of people.
func (n *NewCampaign) clean(who callable, now int64) error {
	e := fault.New(fault.Invalid, "bad_campaign", "The campaign cannot be opened like that.").FixedBy("you").Then("plumb campaign new --help")
	if n.Name = strings.TrimSpace(n.Name); n.Name == "" || !plainText(n.Name, maxTitle, false) {
		e.At("name", "is one line of 1 to 200 bytes")
	}
	if n.Kind != Attestation && n.Kind != Certification {
		e.At("kind", "is attestation or certification")
	}
	if n.Due <= now || n.Due > now+longestRun.Microseconds() {
		e.At("due", "is after now, and within a year")
	}
	if n.Share < 0 || n.Share > 100 {
		e.At("share", "is 0 to 100 per cent")
	}
	for _, s := range []string{n.Selection.Class, n.Selection.Environment, n.Selection.Classification, n.Selection.Owner, n.Selection.Role,
		n.Selection.State, n.Selection.Name} {
		if !plainText(s, 300, false) {
			e.At("selection", "has members of at most 300 bytes of text")
			break
		}
	}
	if len(n.Fallbacks) == 0 || len(n.Fallbacks) > maxFallbacks {
		e.At("fallbacks", "names 1 to 10 people")
	}
	people := make([]string, 0, len(n.Fallbacks))
	for _, word := range n.Fallbacks {
		p := who.person(word)
		if p == "" {
			e.At("fallbacks", "names somebody who is not one active person")
			continue
		}
		people = append(people, p)
	}
	if n.Fallbacks = people; len(e.Fields) > 0 {
		return e
	}
	return nil
}

// onlyPeople refuses whoever is not a person in their own session.
func onlyPeople(actor fault.Actor) error {
	if actor.IsPerson() {
		return nil
	}
	return fault.New(fault.Denied, "not_a_person", "Only a person in their own session opens, answers or signs a campaign.").
		Because("campaigns", "inventory: attestation by people").FixedBy("a person, in their own session").Then("plumb login")
}

// answering is all that the rule for one answer reads.
type answering struct {
	campaign Campaign
	item     ItemView
	lacks    []string // demanded labels that nobody gave
	reviewer string   // who may review it now; "" for nobody
	person   string
	at       int64
}

// refuse is the rule for one answer.
func (q answering) refuse(r Reply) error {
	c, show := q.campaign, "plumb campaign show "+q.campaign.ID
	switch i := q.item; {
	case c.Signed > 0:
		return fault.New(fault.Conflict, "campaign_signed", "The campaign is signed; nothing is added to it.").About(c.ID).FixedBy("nobody").Then("plumb campaign show %s", c.ID)
	case q.at > c.Due:
		return pastDue(c)
	case !i.Asked:
		return fault.New(fault.Conflict, "not_asked", "This campaign does not ask about that asset; it was not drawn.").About(c.ID).FixedBy("you").Then("plumb campaign show %s", c.ID)
	case q.reviewer == "":
		return noReviewer().About(string(i.Asset))
	case q.reviewer != q.person:
		return fault.New(fault.Denied, "not_reviewer", "Another person reviews that asset.").About(string(i.Asset)).
			Because("campaigns", "inventory: the owner attests, never whoever labelled it").FixedBy("its reviewer").Then("plumb campaign show %s", c.ID)
	case i.Standing != StandingOpen && i.Standing != StandingReopened:
		return fault.New(fault.Conflict, "answered_already", "That asset was answered for, and has not changed since.").About(string(i.Asset)).
			FixedBy("nobody").Then("plumb campaign show %s", c.ID)
	case r.Version != i.Now.Version:
		return fault.New(fault.Stale, "asset_moved", "The asset is another now than the one you looked at.").About(string(i.Asset)).FixedBy("you").
			Then("plumb asset show %s", i.Asset)
	case r.Word == Confirmed && (i.Now.State == Folded || i.Now.State == Gone):
		return fault.New(fault.Conflict, "nothing_to_confirm", "The asset is %s; that it is there cannot be confirmed.", i.Now.State).About(string(i.Asset)).
			FixedBy("its reviewer").Then("plumb campaign answer %s %s wrong", c.ID, i.Asset)
	case r.Word == Confirmed && c.Kind == Certification && len(q.lacks) > 0:
		return fault.New(fault.Conflict, "nothing_to_confirm", "Nobody gave the asset a label for %s, and a default is confirmed by nobody.", strings.Join(q.lacks, ", ")).
			About(string(i.Asset)).FixedBy("whoever looks after the asset").Then("plumb asset label %s %s=…", i.Asset, q.lacks[0])
	}
	return r.clean(c.Kind, show)
}

// clean is the rule for the wording of one answer.
func (r Reply) clean(kind CampaignKind, next string) error {
	e := fault.New(fault.Invalid, "bad_answer", "That is no answer.").FixedBy("you").Then("%s", next)
	if r.Word != Confirmed && r.Word != Wrong && r.Word != NotNeeded {
		e.At("word", "is confirmed, wrong or not_needed")
	}
	if !plainText(r.Comment, maxName, true) {
		e.At("comment", "is at most 1024 bytes of text")
	}
	if r.Word != Confirmed && strings.TrimSpace(r.Comment) == "" {
		e.At("comment", "says what is wrong, or why it is not needed")
	}
	wrong := kind == Certification && r.Word == Wrong
	if wrong == (len(r.Fields) == 0) {
		e.At("fields", "names which labels are wrong, where a certification finds some, and is left out elsewhere")
	}
	for i, f := range r.Fields {
		if !slices.Contains([]string{LabelOwner, LabelEnvironment, LabelClassification}, f) || slices.Contains(r.Fields[:i], f) {
			e.At("fields", "holds owner, environment or classification, each once")
			break
		}
	}
	if len(e.Fields) > 0 {
		return e
	}
	return nil
}

func pastDue(c Campaign) error {
	return fault.New(fault.Conflict, "past_due", "The campaign was due at %s.", time.UnixMicro(c.Due).UTC().Format(time.RFC3339)).About(c.ID).
		Because("campaigns", "inventory: attested by the due date").FixedBy("whoever looks after the inventory").Then("plumb campaign new")
}

func noReviewer() *fault.Error {
	return fault.New(fault.Conflict, "no_reviewer", "Nobody named may review an asset: its owner is no active person, and each of them labelled it.").
		FixedBy("whoever looks after the inventory").Then("plumb campaign new --fallback PERSON")
}

// maySign is the rule for one signature; result is the digest that the signer looked at.
func (v CampaignView) maySign(list []ItemView, who humans, person, result string, at int64) error {
	open := v.Standings[StandingOpen] + v.Standings[StandingReopened]
	switch {
	case v.Signed > 0:
		return fault.New(fault.Conflict, "campaign_signed", "The campaign is signed; nothing is added to it.").About(v.ID).FixedBy("nobody").Then("plumb campaign show %s", v.ID)
	case at > v.Due:
		return pastDue(v.Campaign)
	case open > 0:
		return fault.New(fault.Conflict, "items_open", "%d of %d assets have no answer that still holds.", open, v.Asked).About(v.ID).
			FixedBy("their reviewers").Then("plumb campaign show %s", v.ID)
	case result != v.Signable:
		return fault.New(fault.Stale, "answers_moved", "The answers are others now than the ones you looked at.").About(v.ID).FixedBy("you").
			Then("plumb campaign show %s", v.ID)
	case answered(failed(list), person):
		return fault.New(fault.Denied, "signs_own", "You reviewed an asset that failed; others sign.").About(v.ID).
			Because("campaigns", "inventory: signed by two who did not review what failed").FixedBy("another person").Then("plumb campaign show %s", v.ID)
	case slices.ContainsFunc(v.Signatures, func(s Signature) bool { return s.Counts && s.Person == person }):
		return fault.New(fault.Conflict, "signed_already", "You signed these answers; the second signature is another person's.").About(v.ID).
			FixedBy("another person").Then("plumb campaign show %s", v.ID)
	}
	return v.twoHumans(failed(list), who, person)
}

func answered(failed map[string][]int64, person string) bool {
	_, did := failed[person]
	return did
}

// twoHumans refuses a signature of who may be, through a lent account, who reviewed what failed or who signed before.
func (v CampaignView) twoHumans(failed map[string][]int64, who humans, person string) error {
	for _, p := range slices.Sorted(maps.Keys(failed)) {
		if slices.ContainsFunc(failed[p], func(at int64) bool { return who.same(person, p, at) }) {
			return who.lent(v.ID, person, p)
		}
	}
	for _, s := range v.Signatures {
		if s.Counts && who.same(person, s.Person, s.At) {
			return who.lent(v.ID, person, s.Person)
		}
	}
	return nil
}

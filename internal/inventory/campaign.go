package inventory

import (
	"slices"
	"strings"

	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/seal"
)

// This file holds the values of a campaign and the rules that need nothing else: who is asked, about what, and what the
// answers come to. A campaign has people look at a frozen list of assets and say that each is right, by a day.

// CampaignKind says what a campaign asks of each asset.
type CampaignKind string

// The kinds of campaign.
const (
	Attestation   CampaignKind = "attestation"   // does it exist
	Certification CampaignKind = "certification" // are owner, environment and classification right, is it still needed
)

// Word is what a reviewer says of one asset.
type Word string

// The words. Wrong and NotNeeded fail the item: whoever gave them does not sign the campaign.
const (
	Confirmed Word = "confirmed"
	Wrong     Word = "wrong"
	NotNeeded Word = "not_needed"
)

// Standing says where one item of a campaign stands; else it is the Word of its answer.
const (
	StandingOpen     = "open"
	StandingReopened = "reopened" // its asset changed after the answer
	StandingNotAsked = "not_asked"
)

// Selection says which assets a campaign is about, as Filter does; an empty member does not narrow.
type Selection struct {
	Class          string `json:"class,omitempty"`
	Environment    string `json:"environment,omitempty"`
	Classification string `json:"classification,omitempty"`
	Owner          string `json:"owner,omitempty"`
	Role           string `json:"role,omitempty"`
	State          string `json:"state,omitempty"`
	Name           string `json:"name,omitempty"`
	Unlabelled     bool   `json:"unlabelled,omitempty"`
}

func (s Selection) filter() Filter {
	return Filter{Class: s.Class, Environment: s.Environment, Classification: s.Classification, Owner: s.Owner, Role: s.Role, State: s.State,
		Name: s.Name, Unlabelled: s.Unlabelled, Limit: MaxPage}
}

// NewCampaign is what opens a campaign.
type NewCampaign struct {
	Name      string       `json:"name"`
	Kind      CampaignKind `json:"kind"`
	Selection Selection    `json:"selection"`
	Due       int64        `json:"due"`       // until when answers and signatures are taken, microseconds
	Share     int64        `json:"share"`     // per cent of the assets that need not all be looked at
	Fallbacks []string     `json:"fallbacks"` // people, the first first, who review what its owner cannot
}

// Campaign is a campaign as it was opened, and signed: what it is about never changes.
type Campaign struct {
	ID         string       `json:"id"`
	N          int64        `json:"n"`
	Name       string       `json:"name"`
	Kind       CampaignKind `json:"kind"`
	Selection  Selection    `json:"selection"`
	Due        int64        `json:"due"`
	Share      int64        `json:"share"`
	Fallbacks  []string     `json:"fallbacks"`
	Difference int64        `json:"difference"` // newest difference of the inventory when the list was frozen
	Head       string       `json:"head"`       // digest of that number and of the list
	Items      int64        `json:"items"`
	Asked      int64        `json:"asked"`
	Person     string       `json:"person"`
	Created    int64        `json:"created"`
	Signed     int64        `json:"signed"`           // when the second signature came; 0 before
	Result     string       `json:"result,omitempty"` // digest of the answers that were signed
}

// Seen is an asset as a list or an answer saw it.
type Seen struct {
	Version        int64    `json:"version"`
	Digest         string   `json:"digest"`
	Class          Class    `json:"class"`
	Name           string   `json:"name"`
	State          Presence `json:"state"`
	Environment    string   `json:"environment"`
	Classification string   `json:"classification"`
	Owner          string   `json:"owner"`
}

// Item is one asset of a campaign's list.
type Item struct {
	Asset    AssetID `json:"asset"`
	Frozen   Seen    `json:"frozen"`
	Asked    bool    `json:"asked"`
	Reviewer string  `json:"reviewer,omitempty"`
}

// Reply is what a reviewer says of an asset.
type Reply struct {
	Asset   string   `json:"asset"`
	Version int64    `json:"version"` // of the asset that they looked at
	Word    Word     `json:"word"`
	Fields  []string `json:"fields,omitempty"` // of a certification: the labels that are wrong
	Comment string   `json:"comment,omitempty"`
}

// Replied is a reply as it is kept, with what it was about.
type Replied struct {
	ID       string   `json:"id"`
	Campaign string   `json:"campaign"`
	Asset    AssetID  `json:"asset"`
	Turn     int64    `json:"turn"` // 1 for the first; each re-opening asks for another
	Person   string   `json:"person"`
	Word     Word     `json:"word"`
	Fields   []string `json:"fields,omitempty"`
	Comment  string   `json:"comment,omitempty"`
	At       int64    `json:"at"`
	Seen     Seen     `json:"seen"`
	Retires  string   `json:"retires,omitempty"` // the change that would retire the asset, drafted because it is not needed
}

// Is says whether an item is of the asset with this id, with or without its zeros.
func (i Item) Is(asset string) bool { return i.Asset == FullID(asset) }

// ItemView is an item with its newest answer and the asset as it is now.
type ItemView struct {
	Item
	Standing string   `json:"standing"`
	Waits    string   `json:"waits,omitempty"` // for whose answer it waits now, where it does; "" for nobody's
	Answer   *Replied `json:"answer,omitempty"`
	Now      Seen     `json:"now"`
}

// Is says whether an item is of the asset with this id, or the one that is called so now.
func (i ItemView) Is(asset string) bool {
	return i.Item.Is(asset) || strings.EqualFold(i.Now.Name, asset)
}

// Signature is one person's word that a campaign's answers, as they stood, are complete and taken note of.
type Signature struct {
	Campaign string `json:"campaign"`
	Person   string `json:"person"`
	Result   string `json:"result"` // digest of the answers that were signed
	Comment  string `json:"comment,omitempty"`
	At       int64  `json:"at"`
	Counts   bool   `json:"counts"` // false when the answers are others now
}

// CampaignView is a campaign with how far it got.
type CampaignView struct {
	Campaign
	State      string         `json:"state"`                // running, overdue or signed
	Standings  map[string]int `json:"standings"`            // items by where they stand
	Signable   string         `json:"signable,omitempty"`   // digest of the answers, once none is open: what a signature signs
	Signatures []Signature    `json:"signatures,omitempty"` // the oldest first
}

// signatures is how many different people sign a campaign.
const signatures = 2

// listHead gives the digest of the list: the newest difference, and each asset with its version and digest.
func listHead(difference int64, list []Item) string {
	h := newHash()
	h.count(int(difference))
	h.count(len(list))
	for _, i := range list {
		h.text(string(i.Asset))
		h.count(int(i.Frozen.Version))
		h.text(i.Frozen.Digest)
	}
	sum := h.sum()
	return seal.Digest("plumb.campaign.head.v1", sum[:])
}

// demanded reports whether an asset is always looked at: production whose data is critical or confidential, where what
// nobody labelled counts as both.
func (s Seen) demanded() bool {
	return s.Environment == "prod" && (s.Classification == "critical" || s.Classification == "confidential")
}

// sample marks what is asked about: all that is demanded, and a share of the rest that nobody chooses, because its order
// comes out of the head.
func sample(list []Item, head string, share int64) {
	var rest []int
	rank := map[int]string{}
	for i, x := range list {
		if x.Frozen.demanded() {
			list[i].Asked = true
			continue
		}
		rest = append(rest, i)
		rank[i] = seal.Digest("plumb.campaign.sample.v1", []byte(head), []byte(x.Asset))
	}
	slices.SortFunc(rest, func(a, b int) int { return strings.Compare(rank[a], rank[b]) })
	for _, i := range rest[:(int64(len(rest))*share+99)/100] {
		list[i].Asked = true
	}
}

// reviewer gives the first of the candidates who may review an asset: active, and not one whose word, or through a lent account
// perhaps, one of its labels is. It is "" when nobody may.
func reviewer(labels map[string]Label, who humans, candidates ...string) string {
	for _, p := range candidates {
		own := false
		for _, l := range labels {
			own = own || l.Confidence == Asserted && who.same(p, l.By, l.At)
		}
		if p != "" && who.active(p) && !own {
			return p
		}
	}
	return ""
}

// callable finds people by what a label or a form calls them.
type callable map[string][]string

// calls makes it of the active people: by id, username, mail address and name.
func calls(r *directory.Roster) callable {
	out := callable{}
	add := func(word, person string) {
		if word = strings.ToLower(strings.TrimSpace(word)); word != "" && !slices.Contains(out[word], person) {
			out[word] = append(out[word], person)
		}
	}
	for _, p := range r.People() {
		add(p.ID, p.ID)
		x, _ := r.Person(directory.PersonID(p.ID))
		add(x.Name, p.ID)
		add(x.Email, p.ID)
	}
	for _, a := range r.Usable() {
		if a.Kind != directory.Service {
			add(a.Username, string(a.Person))
		}
	}
	return out
}

// person gives the one active person of that name; a word that means two people means nobody.
func (c callable) person(word string) string {
	if list := c[strings.ToLower(strings.TrimSpace(word))]; len(list) == 1 {
		return list[0]
	}
	return ""
}

// standing says where an item stands. changed reports whether its asset is another now than the answer saw.
func standing(i Item, last *Replied, changed bool) string {
	switch {
	case !i.Asked:
		return StandingNotAsked
	case last == nil:
		return StandingOpen
	case changed:
		return StandingReopened
	}
	return string(last.Word)
}

// settle counts the items by where they stand, and gives the digest of the answers once none is open.
func (v *CampaignView) settle(list []ItemView, now int64) {
	v.Standings = map[string]int{}
	h := newHash()
	h.text(v.ID, v.Head)
	for _, i := range list {
		v.Standings[i.Standing]++
		if a := i.Answer; a != nil {
			h.text(string(i.Asset), a.ID, a.Person, string(a.Word), strings.Join(a.Fields, " "), a.Comment, a.Seen.Digest)
		}
	}
	if v.Standings[StandingOpen]+v.Standings[StandingReopened] == 0 {
		sum := h.sum()
		v.Signable = seal.Digest("plumb.campaign.result.v1", sum[:])
	}
	for n, s := range v.Signatures {
		v.Signatures[n].Counts = v.Signable != "" && s.Result == v.Signable
	}
	switch {
	case v.Signed > 0:
		v.State = "signed"
	case now > v.Due:
		v.State = "overdue"
	default:
		v.State = "running"
	}
}

// failed lists who reviewed, or answered for, what failed, with each instant at which they did.
func failed(list []ItemView) map[string][]int64 {
	out := map[string][]int64{}
	for _, i := range list {
		if i.Standing == string(Wrong) || i.Standing == string(NotNeeded) {
			out[i.Reviewer] = append(out[i.Reviewer], i.Answer.At)
			out[i.Answer.Person] = append(out[i.Answer.Person], i.Answer.At)
		}
	}
	return out
}

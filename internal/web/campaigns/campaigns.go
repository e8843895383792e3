// Package campaigns holds the pages by which people say that what the inventory holds is right: the campaigns with
// how far they got, one campaign with its assets, the form of one answer, and the signature. It decides nothing: the
// inventory's desk does.
//
// Read in this order: campaigns.go (the routes and the list), campaign.go (one of them), item.go (one answer), open.go.
package campaigns

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/inventory"
	"plumbline.dev/plumb/internal/web/frame"
	"plumbline.dev/plumb/internal/web/personal"
	"plumbline.dev/plumb/internal/web/things"
	"plumbline.dev/plumb/internal/web/ui"
)

// Pages serves them.
type Pages struct {
	Things  *inventory.Desk
	People  *directory.Desk
	Exports frame.Places
}

// here is where these pages begin, and around the entry of the navigation that they belong to.
const (
	here   = things.Campaigns
	around = "/inventory"
)

const pageSize = 50 // rows of a list

// Routes is the table of these pages.
func (p Pages) Routes() []frame.Route {
	const read, manage, decide = directory.InventoryRead, directory.InventoryManage, directory.ChangeDecide
	return []frame.Route{
		{Method: "GET", Path: here, Need: read, Handle: p.list},
		{Method: "GET", Path: here + "/new", Need: manage, Handle: p.ask},
		{Method: "POST", Path: here + "/new", Need: manage, Handle: p.open},
		{Method: "GET", Path: here + "/{id}", Need: read, Handle: p.show},
		{Method: "GET", Path: here + "/{id}/export/{format}", Need: read, Handle: p.export},
		{Method: "POST", Path: here + "/{id}/sign", Need: manage, Handle: p.sign},
		{Method: "GET", Path: here + "/{id}/items/{asset}", Need: read, Handle: p.item},
		{Method: "POST", Path: here + "/{id}/items/{asset}", Need: decide, Handle: p.answer},
	}
}

// desk is what all these pages show around them.
type desk struct {
	ui.Frame
	Me  string
	May bool // may open and sign campaigns

	roster *directory.Roster
}

func (p Pages) desk(v *frame.Visit, title string) (desk, error) {
	r, err := p.People.Roster(v.Ctx())
	return desk{Frame: v.Frame(title, around), Me: v.Actor.Person, May: v.Can(directory.InventoryManage), roster: r}, err
}

// name gives what an owner or a reviewer is called: a person's or group's name, or the word that a source used.
func (d desk) name(id string) string {
	if i := slices.IndexFunc(d.roster.Groups(), func(g directory.Group) bool { return string(g.ID) == id }); i >= 0 {
		return d.roster.Groups()[i].Name
	}
	return d.roster.Name(directory.PersonID(id))
}

func campaignPath(id string) string { return here + "/" + id }

func itemPath(campaign string, asset inventory.AssetID) string {
	return campaignPath(campaign) + "/items/" + string(asset)
}

// list is what the page of all campaigns shows.
type list struct {
	desk
	Rows        []inventory.Campaign
	Answered    map[string]int64
	Next, First string
}

func (p Pages) list(v *frame.Visit) error {
	d, err := p.desk(v, "Campaigns")
	if err != nil {
		return err
	}
	before, _ := strconv.ParseInt(v.Value("before"), 10, 64) // what is no number begins at the newest
	l := list{desk: d, Answered: map[string]int64{}}
	if l.Rows, err = p.Things.Campaigns(v.Ctx(), before, pageSize); err != nil {
		return err
	}
	if n := len(l.Rows); n > 0 {
		if l.Answered, err = p.Things.Answered(v.Ctx(), l.Rows[n-1].ID, l.Rows[0].ID); err != nil {
			return err
		}
		if n == pageSize {
			l.Next = here + "?before=" + strconv.FormatInt(l.Rows[n-1].N, 10)
		}
	}
	if before > 0 {
		l.First = here
	}
	return v.Show(l.Frame, table(l))
}

// asked is the form for a new campaign.
type asked struct {
	desk
	Entry *frame.Entry
}

func (p Pages) ask(v *frame.Visit) error {
	return p.askWith(v, http.StatusOK, frame.Filled("kind", string(inventory.Certification), "environment", "prod", "share", "100"))
}

func (p Pages) askWith(v *frame.Visit, status int, e *frame.Entry) error {
	d, err := p.desk(v, "New campaign")
	if err != nil {
		return err
	}
	return v.ShowAs(status, d.Frame, askPage(asked{d, e}))
}

func (p Pages) open(v *frame.Visit) error {
	if err := v.Form(); err != nil {
		return err
	}
	n, err := p.typed(v)
	if err != nil {
		return v.Again(err, func(status int, e *frame.Entry) error { return p.askWith(v, status, e) })
	}
	ctx, sent := personal.Once(v.Ctx(), v.Actor, v.Value(ui.OnceField), v.Wording())
	c, err := p.Things.OpenCampaign(ctx, v.Actor, n)
	made, err := sent.Of(err)
	if made != "" {
		return v.Go(campaignPath(made), personal.Twice)
	}
	if err != nil {
		return v.Again(err, func(status int, e *frame.Entry) error { return p.askWith(v, status, e) })
	}
	return v.Go(campaignPath(c.ID), "The campaign is open: the list is frozen, and its reviewers are named.")
}

// typed reads the form of a new campaign.
func (p Pages) typed(v *frame.Visit) (n inventory.NewCampaign, err error) {
	due, err := instant(v, "due")
	if err != nil {
		return n, err
	}
	share, err := strconv.ParseInt(v.Value("share"), 10, 64)
	if err != nil {
		share = -1 // no number is as wrong as one that the desk refuses
	}
	n = inventory.NewCampaign{Name: v.Value("name"), Kind: inventory.CampaignKind(v.Value("kind")), Due: due, Share: share,
		Selection: inventory.Selection{Class: v.Value("class"), Environment: v.Value("environment"), Classification: v.Value("classification"),
			Owner: v.Value("owner"), Role: v.Value("role"), State: v.Value("state"), Name: v.Value("begins"), Unlabelled: v.Value("unlabelled") != ""}}
	for _, word := range strings.FieldsFunc(v.Value("fallbacks"), func(r rune) bool { return r == ',' || r == '\n' || r == ';' }) {
		if word = strings.TrimSpace(word); word != "" {
			n.Fallbacks = append(n.Fallbacks, word)
		}
	}
	return n, nil
}

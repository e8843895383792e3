package api

import (
	"context"
	"time"

	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/inventory"
)

// campaignRoutes are about people saying that what the inventory holds is right.
func campaignRoutes() []Route {
	const tag = "Campaigns"
	const read, manage, decide = directory.InventoryRead, directory.InventoryManage, directory.ChangeDecide
	return []Route{
		{Method: get, Path: "/campaigns", Need: read, Tag: tag, Summary: "List campaigns, the newest first", bind: answers((*API).listCampaigns)},
		{Method: post, Path: "/campaigns", Need: manage, Repeats: byAnswer, Tag: tag, Status: 201, Summary: "Open a campaign over a frozen selection of assets", bind: answers((*API).openCampaign)},
		{Method: get, Path: "/campaigns/waiting", Need: read, Tag: tag, Summary: "List the campaigns that wait for my answers or my signature", bind: answers((*API).campaignsWaiting)},
		{Method: get, Path: "/campaigns/{id}", Need: read, Tag: tag, Summary: "Show how far a campaign got", bind: answers((*API).showCampaign)},
		{Method: get, Path: "/campaigns/{id}/items", Need: read, Tag: tag, Summary: "List a campaign's assets with their answers", bind: answers((*API).campaignItems)},
		{Method: post, Path: "/campaigns/{id}/answers", Need: decide, Repeats: byAnswer, Tag: tag, Status: 201, Summary: "Answer for one asset, as its reviewer", bind: answers((*API).answerCampaign)},
		{Method: post, Path: "/campaigns/{id}/signatures", Need: manage, Repeats: byAnswer, Tag: tag, Status: 201, Summary: "Sign a campaign's answers", bind: answers((*API).signCampaign)},
		{Method: get, Path: "/campaigns/{id}/export", Need: read, Tag: tag, Summary: "Give a campaign whole: its list, answers and signatures", bind: answers((*API).exportCampaign)},
	}
}

func (a *API) listCampaigns(ctx context.Context, in *pagingIn) (*body[Page[inventory.Campaign]], error) {
	before, err := in.from(0)
	if err != nil {
		return nil, err
	}
	list, err := a.Things.Campaigns(ctx, before, int(in.Limit))
	return onward(in.Paging, list, func(c inventory.Campaign) int64 { return c.N }, err)
}

func (a *API) campaignsWaiting(ctx context.Context, in *pagingIn) (*body[Page[inventory.Asking]], error) {
	list, err := a.Things.Asks(ctx, actorOf(ctx))
	return listed(in.Paging, list, err)
}

// CampaignOrder opens a campaign.
type CampaignOrder struct {
	Name      string                 `json:"name"`
	Kind      inventory.CampaignKind `json:"kind" enum:"attestation,certification"`
	Selection inventory.Selection    `json:"selection,omitzero"`
	Due       time.Time              `json:"due"`
	Share     int64                  `json:"share,omitempty" doc:"per cent of the assets that need not all be looked at"`
	Fallbacks []string               `json:"fallbacks" doc:"ids, usernames or mail addresses of people"`
}

type newCampaignIn struct{ In JSON[CampaignOrder] }

func (a *API) openCampaign(ctx context.Context, in *newCampaignIn) (*body[inventory.CampaignView], error) {
	n := in.In.value
	return give(a.Things.OpenCampaign(ctx, actorOf(ctx), inventory.NewCampaign{Name: n.Name, Kind: n.Kind, Selection: n.Selection, Due: n.Due.UnixMicro(),
		Share: n.Share, Fallbacks: n.Fallbacks}))
}

type campaignIn struct {
	ID string `path:"id" maxLength:"40"`
}

func (a *API) showCampaign(ctx context.Context, in *campaignIn) (*body[inventory.CampaignView], error) {
	v, _, err := a.Things.CampaignOf(ctx, in.ID)
	return give(v, err)
}

type campaignItemsIn struct {
	ID       string `path:"id" maxLength:"40"`
	Standing string `query:"standing" maxLength:"20" doc:"only items that stand so: open, reopened, confirmed, wrong, not_needed or not_asked"`
	Reviewer string `query:"reviewer" maxLength:"40" doc:"only items that name this person, or wait for their answer now"`
	Asset    string `query:"asset" maxLength:"300" doc:"only this asset, by its id or name"`
	Paging
}

func (a *API) campaignItems(ctx context.Context, in *campaignItemsIn) (*body[Page[inventory.ItemView]], error) {
	_, all, err := a.Things.CampaignOf(ctx, in.ID)
	list := []inventory.ItemView{}
	for _, i := range all {
		if (in.Standing == "" || in.Standing == i.Standing) && (in.Reviewer == "" || in.Reviewer == i.Reviewer || in.Reviewer == i.Waits) &&
			(in.Asset == "" || i.Is(in.Asset)) {
			list = append(list, i)
		}
	}
	return listed(in.Paging, list, err)
}

type campaignAnswerIn struct {
	ID string `path:"id" maxLength:"40"`
	In JSON[inventory.Reply]
}

func (a *API) answerCampaign(ctx context.Context, in *campaignAnswerIn) (*body[inventory.ItemView], error) {
	return give(a.Things.AnswerItem(ctx, actorOf(ctx), in.ID, in.In.value))
}

// CampaignSignature names the answers that are signed.
type CampaignSignature struct {
	Result  string `json:"result" doc:"the campaign's signable, as it was shown"`
	Comment string `json:"comment,omitempty"`
}

type campaignSignIn struct {
	ID string `path:"id" maxLength:"40"`
	In JSON[CampaignSignature]
}

func (a *API) signCampaign(ctx context.Context, in *campaignSignIn) (*body[inventory.CampaignView], error) {
	return give(a.Things.SignCampaign(ctx, actorOf(ctx), in.ID, in.In.value.Result, in.In.value.Comment))
}

// CampaignExport is a campaign whole.
type CampaignExport struct {
	Campaign inventory.CampaignView `json:"campaign"`
	Items    []inventory.ItemView   `json:"items"`
}

func (a *API) exportCampaign(ctx context.Context, in *campaignIn) (*body[CampaignExport], error) {
	v, list, err := a.Things.CampaignOf(ctx, in.ID)
	return give(CampaignExport{v, list}, err)
}

package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Selection says which assets a campaign is about; an empty member does not narrow.
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

// CampaignOrder opens a campaign.
type CampaignOrder struct {
	Name      string    `json:"name"`
	Kind      string    `json:"kind"`
	Selection Selection `json:"selection"`
	Due       time.Time `json:"due"`
	Share     int64     `json:"share"`
	Fallbacks []string  `json:"fallbacks"`
}

// Campaign is a campaign with how far it got; in a list it has only what it was opened with.
type Campaign struct {
	ID         string              `json:"id"`
	N          int64               `json:"n"`
	Name       string              `json:"name"`
	Kind       string              `json:"kind"`
	Due        int64               `json:"due"`
	Share      int64               `json:"share"`
	Fallbacks  []string            `json:"fallbacks"`
	Difference int64               `json:"difference"`
	Head       string              `json:"head"`
	Items      int64               `json:"items"`
	Asked      int64               `json:"asked"`
	Person     string              `json:"person"`
	Created    int64               `json:"created"`
	Signed     int64               `json:"signed"`
	Result     string              `json:"result"`
	State      string              `json:"state"`
	Standings  map[string]int      `json:"standings"`
	Signable   string              `json:"signable"`
	Signatures []CampaignSignature `json:"signatures"`
}

// CampaignSignature is one person's word under a campaign's answers.
type CampaignSignature struct {
	Person  string `json:"person"`
	Result  string `json:"result"`
	Comment string `json:"comment"`
	At      int64  `json:"at"`
	Counts  bool   `json:"counts"`
}

// SeenAsset is an asset as a campaign's list or an answer saw it.
type SeenAsset struct {
	Version        int64  `json:"version"`
	Digest         string `json:"digest"`
	Class          string `json:"class"`
	Name           string `json:"name"`
	State          string `json:"state"`
	Environment    string `json:"environment"`
	Classification string `json:"classification"`
	Owner          string `json:"owner"`
}

// CampaignItem is one asset of a campaign.
type CampaignItem struct {
	Asset    string    `json:"asset"`
	Frozen   SeenAsset `json:"frozen"`
	Asked    bool      `json:"asked"`
	Reviewer string    `json:"reviewer"`
	Standing string    `json:"standing"`
	Waits    string    `json:"waits"`
	Answer   *struct {
		Turn    int64     `json:"turn"`
		Person  string    `json:"person"`
		Word    string    `json:"word"`
		Fields  []string  `json:"fields"`
		Comment string    `json:"comment"`
		At      int64     `json:"at"`
		Seen    SeenAsset `json:"seen"`
		Retires string    `json:"retires"`
	} `json:"answer"`
	Now SeenAsset `json:"now"`
}

// CampaignReply is a reviewer's word on one asset, as they looked at it.
type CampaignReply struct {
	Asset   string   `json:"asset"`
	Version int64    `json:"version"`
	Word    string   `json:"word"`
	Fields  []string `json:"fields,omitempty"`
	Comment string   `json:"comment,omitempty"`
}

// CampaignExport is a campaign whole.
type CampaignExport struct {
	Campaign Campaign       `json:"campaign"`
	Items    []CampaignItem `json:"items"`
}

// Campaigns lists the campaigns, the newest first.
func (c *Client) Campaigns(ctx context.Context, limit int, cursor string) (Reply[Page[Campaign]], error) {
	return get[Page[Campaign]](ctx, c, path("campaigns"), values("limit", number(int64(limit)), "cursor", cursor))
}

// Asking is a running campaign that waits for the caller: for answers, the first of them by name, or for a signature.
type Asking struct {
	Campaign
	Open  int `json:"open"`
	First []struct {
		Asset    string `json:"asset"`
		Name     string `json:"name"`
		Standing string `json:"standing"`
	} `json:"first"`
	Sign bool `json:"sign"`
}

// CampaignsWaiting lists the campaigns that wait for the caller.
func (c *Client) CampaignsWaiting(ctx context.Context) (Reply[Page[Asking]], error) {
	return get[Page[Asking]](ctx, c, path("campaigns", "waiting"), nil)
}

// OpenCampaign opens a campaign.
func (c *Client) OpenCampaign(ctx context.Context, o CampaignOrder) (Reply[Campaign], error) {
	return post[Campaign](ctx, c, path("campaigns"), o)
}

// Campaign shows how far a campaign got.
func (c *Client) Campaign(ctx context.Context, id string) (Reply[Campaign], error) {
	return get[Campaign](ctx, c, path("campaigns", id), nil)
}

// CampaignItems lists a campaign's assets; the query's keys are those of the API.
func (c *Client) CampaignItems(ctx context.Context, id string, q url.Values) (Reply[Page[CampaignItem]], error) {
	return get[Page[CampaignItem]](ctx, c, path("campaigns", id, "items"), q)
}

// AnswerCampaign answers for one asset.
func (c *Client) AnswerCampaign(ctx context.Context, id string, r CampaignReply) (Reply[CampaignItem], error) {
	return post[CampaignItem](ctx, c, path("campaigns", id, "answers"), r)
}

// SignCampaign signs a campaign's answers; result is its signable.
func (c *Client) SignCampaign(ctx context.Context, id, result, comment string) (Reply[Campaign], error) {
	return post[Campaign](ctx, c, path("campaigns", id, "signatures"), struct {
		Result  string `json:"result"`
		Comment string `json:"comment,omitempty"`
	}{result, comment})
}

// ExportCampaign gives a campaign whole.
func (c *Client) ExportCampaign(ctx context.Context, id string) (Reply[CampaignExport], error) {
	return call[CampaignExport](ctx, c, request{method: http.MethodGet, path: path("campaigns", id, "export"), timeout: streamTimeout})
}

package client

import (
	"context"
	"io"
	"net/http"
	"net/url"
)

// Asset is one thing of the inventory.
type Asset struct {
	ID      string           `json:"id"`
	N       int64            `json:"n"`
	Version int64            `json:"version"`
	Class   string           `json:"class"`
	Type    string           `json:"type"`
	Name    string           `json:"name"`
	State   string           `json:"state"`
	Labels  map[string]Label `json:"labels"`
	First   int64            `json:"first"`
	Changed int64            `json:"changed"`
	Merged  string           `json:"merged"`
	Origin  string           `json:"origin"`
	Unheard []struct {
		Label  string `json:"label"`
		Value  string `json:"value"`
		Stands string `json:"stands"`
		Source string `json:"source"` // id of the source
	} `json:"unheard"` // words of sources that count for nothing against a label that stands
	Floor struct {
		Value string `json:"value"`
		From  string `json:"from"` // id of the asset with the data
		Verb  string `json:"verb"`
	} `json:"floor"` // what the classification counts as instead of its label, because of the data in the asset; empty where it does not
}

// Label gives a label as it counts, where somebody gave it or it follows from the data in the asset.
func (x Asset) Label(key string) string {
	if key == "classification" && x.Floor.Value != "" {
		return x.Floor.Value
	}
	return x.Labels[key].Value
}

// Label is one governed property with where it comes from.
type Label struct {
	Value      string `json:"value"`
	Confidence string `json:"confidence"`
	Source     string `json:"source"`
	By         string `json:"by"`
	Change     string `json:"change"`
}

// WholeAsset is an asset with its properties, records and relationships. A value is canonical JSON text.
type WholeAsset struct {
	Asset
	Properties map[string]struct {
		Value  string `json:"value"`
		Source string `json:"source"`
		At     int64  `json:"at"`
	} `json:"properties"`
	Called   map[string]string   `json:"called"`    // names by the ids of sources, people and groups
	Gap      string              `json:"owner_gap"` // departed, nobody or unknown, where its owner does not answer for it
	Disputed map[string][]string `json:"disputed"`
	Records  []struct {
		ID        string `json:"id"`
		Source    string `json:"source"`
		Kind      string `json:"kind"`
		Type      string `json:"type"`
		Native    string `json:"native"`
		Fresh     bool   `json:"fresh"`
		Confirmed int64  `json:"confirmed"`
		Gone      int64  `json:"gone"`
	} `json:"records"`
	Edges []struct {
		Verb   string `json:"verb"`
		Inward bool   `json:"inward"`
		To     struct {
			Kind  string `json:"kind"`
			Value string `json:"value"`
		} `json:"to"`
		Asset string `json:"asset"`
		Name  string `json:"name"`
		Class string `json:"class"`
		Until int64  `json:"until"`
	} `json:"edges"`
}

// AssetDifference is what two observations of an asset disagree in.
type AssetDifference struct {
	ID       string `json:"id"`
	N        int64  `json:"n"`
	Asset    string `json:"asset"`
	Source   string `json:"source"`
	Type     string `json:"type"`
	Native   string `json:"native"`
	Op       string `json:"op"`
	Path     string `json:"path"`
	Kind     string `json:"kind"`
	Before   string `json:"before"`
	After    string `json:"after"`
	Earliest int64  `json:"earliest"`
	Latest   int64  `json:"latest"`
	Actor    string `json:"actor"`
	First    bool   `json:"first"`
	Settled  string `json:"settled"`
}

// Source is one source of the inventory with its health.
type Source struct {
	ID       string            `json:"id"`
	Name     string            `json:"name"`
	Kind     string            `json:"kind"`
	Settings map[string]string `json:"settings"`
	Every    int64             `json:"every"`
	Paused   bool              `json:"paused"`
	Newest   Run               `json:"newest"`
	Records  int64             `json:"records"`
	State    string            `json:"state"`
	Late     int64             `json:"late"`
	Runs     []Run             `json:"runs"`
	Scopes   []struct {
		Scope    string `json:"scope"`
		Complete int64  `json:"complete"`
		Readings int64  `json:"readings"`
	} `json:"scopes"`
	Questions []Question `json:"questions"` // open ones about what it shows
}

// Run is one reading of a source.
type Run struct {
	ID          string `json:"id"`
	Started     int64  `json:"started"`
	Ended       int64  `json:"ended"`
	Complete    bool   `json:"complete"`
	Records     int64  `json:"records"`
	Added       int64  `json:"added"`
	Changed     int64  `json:"changed"`
	Absent      int64  `json:"absent"`
	Differences int64  `json:"differences"`
	Error       string `json:"error"`
}

// SourceKind is what can be a source.
type SourceKind struct {
	Name     string `json:"name"`
	Title    string `json:"title"`
	Push     bool   `json:"push"`
	Every    int64  `json:"every"`
	Settings []struct {
		Key      string `json:"key"`
		Help     string `json:"help"`
		Required bool   `json:"required"`
		Secret   bool   `json:"secret"`
		Default  string `json:"default"`
	} `json:"settings"`
}

// NewSource is a source to be added.
type NewSource struct {
	Name     string            `json:"name"`
	Kind     string            `json:"kind"`
	Settings map[string]string `json:"settings,omitempty"`
	Every    int64             `json:"every,omitempty"`
}

// SourceEdit says what changes of a source; what is left out stays.
type SourceEdit struct {
	Settings map[string]string `json:"settings,omitempty"`
	Every    *int64            `json:"every,omitempty"`
	Paused   *bool             `json:"paused,omitempty"`
}

// IdentityWord is a person's word on what is one thing.
type IdentityWord struct {
	ID      string   `json:"id"`
	Verb    string   `json:"verb"`
	Asset   string   `json:"asset"`
	Other   string   `json:"other"`
	Records []string `json:"records"`
	Person  string   `json:"person"`
	At      int64    `json:"at"`
	Reason  string   `json:"reason"`
	Undone  int64    `json:"undone"`
	Named   string   `json:"named"`
}

// Question is something about the inventory that a person has to answer.
type Question struct {
	ID     string `json:"id"`
	Kind   string `json:"kind"`
	Asset  string `json:"asset"`
	Other  string `json:"other"`
	Detail string `json:"detail"`
	Since  int64  `json:"since"`
}

// Assets lists assets; the query's keys are those of the API.
func (c *Client) Assets(ctx context.Context, q url.Values) (Reply[Page[Asset]], error) {
	return get[Page[Asset]](ctx, c, path("assets"), q)
}

// AssetFile copies every asset that the query leaves to w, as csv, xlsx, json or jupiterone; the query's keys are those of the API, without paging.
func (c *Client) AssetFile(ctx context.Context, format string, q url.Values, w io.Writer) (int64, error) {
	return c.fetch(ctx, request{method: http.MethodGet, path: path("assets." + format), query: q}, nil, w)
}

// Asset shows one asset; at is RFC 3339, "" for now.
func (c *Client) Asset(ctx context.Context, id, at string) (Reply[WholeAsset], error) {
	return get[WholeAsset](ctx, c, path("assets", id), values("at", at))
}

// AssetHistory lists an asset's differences, the newest first.
func (c *Client) AssetHistory(ctx context.Context, id string, limit int, cursor string) (Reply[Page[AssetDifference]], error) {
	return get[Page[AssetDifference]](ctx, c, path("assets", id, "history"), values("limit", number(int64(limit)), "cursor", cursor))
}

// LabelAsset asserts governed labels.
func (c *Client) LabelAsset(ctx context.Context, id string, labels map[string]string, reason, change string) (Reply[Asset], error) {
	return call[Asset](ctx, c, request{method: http.MethodPut, path: path("assets", id, "labels"), body: struct {
		Labels map[string]string `json:"labels"`
		Reason string            `json:"reason"`
		Change string            `json:"change,omitempty"`
	}{labels, reason, change}})
}

type identityBody struct {
	Other   string   `json:"other,omitempty"`
	Records []string `json:"records,omitempty"`
	Reason  string   `json:"reason"`
}

// MergeAsset says that other is the asset.
func (c *Client) MergeAsset(ctx context.Context, id, other, reason string) (Reply[IdentityWord], error) {
	return post[IdentityWord](ctx, c, path("assets", id, "merge"), identityBody{Other: other, Reason: reason})
}

// SplitAsset says that records are another thing.
func (c *Client) SplitAsset(ctx context.Context, id string, records []string, reason string) (Reply[IdentityWord], error) {
	return post[IdentityWord](ctx, c, path("assets", id, "split"), identityBody{Records: records, Reason: reason})
}

// AssetIdentity lists the merges and splits of an asset.
func (c *Client) AssetIdentity(ctx context.Context, id string) (Reply[Page[IdentityWord]], error) {
	return get[Page[IdentityWord]](ctx, c, path("assets", id, "identity"), nil)
}

// UndoIdentity takes a merge or split back.
func (c *Client) UndoIdentity(ctx context.Context, id string) (Reply[IdentityWord], error) {
	return post[IdentityWord](ctx, c, path("identity", id, "undo"), none{})
}

// Unanswered is an owner who does not answer for assets of production.
type Unanswered struct {
	Owner  string `json:"owner"`
	Called string `json:"called"`
	Gap    string `json:"gap"`    // departed, nobody or unknown
	Assets int64  `json:"assets"` // 1,000 stands for at least as many
	First  []struct {
		Asset string `json:"asset"`
		Name  string `json:"name"`
	} `json:"first"`
}

// OwnersWaiting lists the owners of production who left or are unknown, to whoever may name others.
func (c *Client) OwnersWaiting(ctx context.Context) (Reply[Page[Unanswered]], error) {
	return get[Page[Unanswered]](ctx, c, path("owners", "waiting"), nil)
}

// QuestionPage is one page of open questions.
type QuestionPage struct {
	Items  []Question       `json:"items"`
	Next   string           `json:"next"`
	Behind map[string]int64 `json:"behind"` // by kind, how many more are open; they come up as these are answered
}

// Questions lists the open questions about the inventory, a page after a cursor.
func (c *Client) Questions(ctx context.Context, cursor string) (Reply[QuestionPage], error) {
	return get[QuestionPage](ctx, c, path("questions"), values("limit", "200", "cursor", cursor))
}

// AnswerQuestion closes a question as it stands.
func (c *Client) AnswerQuestion(ctx context.Context, id string) (Reply[Question], error) {
	return post[Question](ctx, c, path("questions", id, "answer"), none{})
}

// DecideQuestion answers a question about a property by whose word counts.
func (c *Client) DecideQuestion(ctx context.Context, id, source, reason string) (Reply[Question], error) {
	return post[Question](ctx, c, path("questions", id, "decide"), map[string]string{"source": source, "reason": reason})
}

// SourceKinds lists what can be a source.
func (c *Client) SourceKinds(ctx context.Context) (Reply[Page[SourceKind]], error) {
	return get[Page[SourceKind]](ctx, c, path("source-kinds"), values("limit", "200"))
}

// Sources lists the sources with their health.
func (c *Client) Sources(ctx context.Context) (Reply[Page[Source]], error) {
	return get[Page[Source]](ctx, c, path("sources"), values("limit", "200"))
}

// Source shows one source with its newest readings.
func (c *Client) Source(ctx context.Context, name string) (Reply[Source], error) {
	return get[Source](ctx, c, path("sources", name), nil)
}

// AddSource adds a source.
func (c *Client) AddSource(ctx context.Context, n NewSource) (Reply[Source], error) {
	return post[Source](ctx, c, path("sources"), n)
}

// EditSource changes a source.
func (c *Client) EditSource(ctx context.Context, name string, e SourceEdit) (Reply[Source], error) {
	return call[Source](ctx, c, request{method: http.MethodPatch, path: path("sources", name), body: e})
}

// RemoveSource retires a source for good.
func (c *Client) RemoveSource(ctx context.Context, name string) (Reply[Source], error) {
	return call[Source](ctx, c, request{method: http.MethodDelete, path: path("sources", name)})
}

// ReadSource reads a source now.
func (c *Client) ReadSource(ctx context.Context, name string) (Reply[Run], error) {
	return call[Run](ctx, c, request{method: http.MethodPost, path: path("sources", name, "read"), body: none{}, timeout: streamTimeout})
}

// PushDocument sends a source a document.
func (c *Client) PushDocument(ctx context.Context, name, document string, body []byte) (Reply[Run], error) {
	return call[Run](ctx, c, request{method: http.MethodPost, path: path("sources", name, "documents"), query: values("document", document),
		raw: whole(body), timeout: streamTimeout})
}

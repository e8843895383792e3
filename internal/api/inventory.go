package api

import (
	"context"
	"io"
	"time"

	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
)

// inventoryRoutes are about what production is, and where that is read.
func inventoryRoutes() []Route {
	const tag = "Inventory"
	const read, manage, push = directory.InventoryRead, directory.InventoryManage, directory.InventoryPush
	return []Route{
		{Method: get, Path: "/assets", Need: read, Tag: tag, Summary: "List assets", bind: answers((*API).listAssets)},
		{Method: get, Path: "/assets.csv", Need: read, Gives: "text/csv", Slow: true, Tag: tag,
			Summary: "Give the assets that a filter leaves as CSV, all of them", bind: answers(assetFile("csv"))},
		{Method: get, Path: "/assets.xlsx", Need: read, Gives: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", Slow: true, Tag: tag,
			Summary: "Give the assets that a filter leaves as a workbook, all of them", bind: answers(assetFile("xlsx"))},
		{Method: get, Path: "/assets.json", Need: read, Slow: true, Tag: tag,
			Summary: "Give the assets that a filter leaves as one JSON list, all of them", bind: answers(assetFile("json"))},
		{Method: get, Path: "/assets.jupiterone", Need: read, Slow: true, Tag: tag,
			Summary: "Give the assets that a filter leaves, whole and with their relationships, as entities of JupiterOne",
			bind:    answers((*API).assetGraph)},
		{Method: get, Path: "/assets/{id}", Need: read, Tag: tag, Summary: "Show an asset, now or as of a time", bind: answers((*API).showAsset)},
		{Method: get, Path: "/assets/{id}/history", Need: read, Tag: tag,
			Summary: "List every difference of an asset, newest first", bind: answers((*API).assetHistory)},
		{Method: put, Path: "/assets/{id}/labels", Need: manage, Repeats: byAnswer, Tag: tag,
			Summary: "Assert governed labels of an asset", bind: answers((*API).labelAsset)},
		{Method: post, Path: "/assets/{id}/merge", Need: manage, Repeats: byAnswer, Tag: tag,
			Summary: "Say that another asset is this one", bind: answers((*API).mergeAsset)},
		{Method: post, Path: "/assets/{id}/split", Need: manage, Repeats: byAnswer, Tag: tag,
			Summary: "Say that records are another thing than this asset", bind: answers((*API).splitAsset)},
		{Method: get, Path: "/assets/{id}/identity", Need: read, Tag: tag,
			Summary: "List who said what is one thing", bind: answers((*API).assetIdentity)},
		{Method: post, Path: "/identity/{id}/undo", Need: manage, Repeats: byAnswer, Tag: tag,
			Summary: "Take a merge or a split back", bind: answers((*API).undoIdentity)},
		{Method: get, Path: "/owners/waiting", Need: read, Tag: tag,
			Summary: "List the owners of production who left or are unknown, to whoever may name others", bind: answers((*API).ownersWaiting)},
		{Method: get, Path: "/questions", Need: read, Tag: tag,
			Summary: "List what about the inventory a person has to answer", bind: answers((*API).listQuestions)},
		{Method: post, Path: "/questions/{id}/answer", Need: manage, Repeats: byAnswer, Tag: tag,
			Summary: "Close a question as it stands", bind: answers((*API).answerQuestion)},
		{Method: post, Path: "/questions/{id}/decide", Need: manage, Repeats: byAnswer, Tag: tag,
			Summary: "Answer a question about a property by whose word counts", bind: answers((*API).decideQuestion)},
		{Method: get, Path: "/source-kinds", Need: read, Tag: tag, Summary: "List what can be a source", bind: answers((*API).listKinds)},
		{Method: get, Path: "/sources", Need: read, Tag: tag, Summary: "List sources with their health", bind: answers((*API).listSources)},
		{Method: post, Path: "/sources", Need: manage, Repeats: byAnswer, Tag: tag, Status: 201,
			Summary: "Add a source", bind: answers((*API).addSource)},
		{Method: get, Path: "/sources/{name}", Need: read, Tag: tag,
			Summary: "Show a source with its newest readings", bind: answers((*API).showSource)},
		{Method: patch, Path: "/sources/{name}", Need: manage, Repeats: byAnswer, Tag: tag,
			Summary: "Change a source's settings, or pause it", bind: answers((*API).editSource)},
		{Method: del, Path: "/sources/{name}", Need: manage, Repeats: byAnswer, Tag: tag,
			Summary: "Retire a source for good; its history stays", bind: answers((*API).removeSource)},
		{Method: post, Path: "/sources/{name}/read", Need: manage, Slow: true, Tag: tag,
			Summary: "Read a source now", bind: answers((*API).readSource)},
		{Method: post, Path: "/sources/{name}/documents", Need: push, Body: maxDocument, Tag: tag, Status: 201,
			Summary: "Send a source a document to read", bind: answers((*API).pushDocument)},
		collectorRoute(tag),
	}
}

// AssetFilter is which assets are asked for; what is left out does not narrow.
type AssetFilter struct {
	Class          string `query:"class" maxLength:"60"`
	Environment    string `query:"environment" maxLength:"20"`
	Classification string `query:"classification" maxLength:"20"`
	Owner          string `query:"owner" maxLength:"300"`
	Role           string `query:"role" maxLength:"300"`
	State          string `query:"state" maxLength:"20" doc:"present, silent, missing, retired, merged, or all; without it all but merged"`
	Name           string `query:"name" maxLength:"300" doc:"how the name begins"`
	Unlabelled     bool   `query:"unlabelled" doc:"only those that lack a demanded label"`
	Unanswered     bool   `query:"unanswered" doc:"only production whose owner left or is unknown"`
}

func (f AssetFilter) asked() inventory.Filter {
	return inventory.Filter{Class: f.Class, Environment: f.Environment, Classification: f.Classification, Owner: f.Owner, Role: f.Role, State: f.State,
		Name: f.Name, Unlabelled: f.Unlabelled, Unanswered: f.Unanswered}
}

type assetsIn struct {
	Paging
	AssetFilter
}

func (a *API) listAssets(ctx context.Context, in *assetsIn) (*body[Page[inventory.Asset]], error) {
	after, err := in.from(0)
	if err != nil {
		return nil, err
	}
	f := in.asked()
	f.After, f.Limit = after, int(in.Limit)
	list, err := a.Things.Assets(ctx, f)
	return onward(in.Paging, list, func(x inventory.Asset) int64 { return x.N }, err)
}

type assetFileIn struct{ AssetFilter }

// assetFile answers with a slice of the assets as one file, the same that the page gives.
func assetFile(format string) func(*API, context.Context, *assetFileIn) (*stream, error) {
	return func(a *API, ctx context.Context, in *assetFileIn) (*stream, error) {
		r, err := a.People.Roster(ctx)
		if err != nil {
			return nil, err
		}
		l, err := a.Things.Listing(ctx, in.asked(), r.Called)
		if err != nil {
			return nil, err
		}
		write, kind := l.Writer(format)
		return a.file(ctx, kind, "assets."+format, write)
	}
}

// assetGraph answers with assets and relationships as one document that a source of kind jupiterone reads, here or elsewhere.
func (a *API) assetGraph(ctx context.Context, in *assetFileIn) (*stream, error) {
	assets, relations, err := a.Things.Graph(ctx, in.asked())
	if err != nil {
		return nil, err
	}
	b, err := a.Entities(assets, relations)
	if err != nil {
		return nil, err
	}
	return a.file(ctx, "application/json", "assets.jupiterone.json", func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
}

// onward is one page of a list that is read page by page; the next one goes on from the number of its last item.
func onward[T any](p Paging, list []T, n func(T) int64, err error) (*body[Page[T]], error) {
	out := Page[T]{Items: list}
	if l := len(list); l > 0 && int64(l) == p.Limit {
		out.Next = cursor(n(list[l-1]))
	}
	if out.Items == nil {
		out.Items = []T{}
	}
	return give(out, err)
}

type assetIn struct {
	ID string `path:"id" maxLength:"300" doc:"asset id, or the name of one asset"`
}

type assetAtIn struct {
	ID string    `path:"id" maxLength:"300" doc:"asset id, or the name of one asset"`
	At time.Time `query:"at" doc:"as of this time; now when left out"`
}

// AssetView is an asset whole, with what its sources, people and groups are called.
type AssetView struct {
	inventory.Whole
	Called map[string]string  `json:"called" doc:"names by the ids of sources, people and groups that stand in it"`
	Gap    inventory.OwnerGap `json:"owner_gap,omitempty" doc:"of living production, why its owner does not answer for it: departed, nobody (an empty group) or unknown"`
}

func (a *API) showAsset(ctx context.Context, in *assetAtIn) (*body[AssetView], error) {
	w, err := a.Things.Show(ctx, in.ID)
	if !in.At.IsZero() {
		w, err = a.Things.AsOf(ctx, in.ID, in.At)
	}
	if err != nil {
		return nil, err
	}
	r, err := a.People.Roster(ctx)
	if err != nil {
		return nil, err
	}
	sources, err := a.Things.Sources(ctx)
	v := AssetView{w, map[string]string{}, w.Gap(r)}
	for _, l := range w.Labels {
		for _, id := range []string{l.By, l.Value} {
			if name := r.Called(id); name != id {
				v.Called[id] = name
			}
		}
	}
	for _, c := range sources {
		v.Called[c.ID] = c.Name
	}
	return give(v, err)
}

type assetPageIn struct {
	ID string `path:"id" maxLength:"300" doc:"asset id, or the name of one asset"`
	Paging
}

// AssetDifference is what two observations of an asset disagree in.
type AssetDifference inventory.Difference

func (a *API) assetHistory(ctx context.Context, in *assetPageIn) (*body[Page[AssetDifference]], error) {
	before, err := in.from(0)
	if err != nil {
		return nil, err
	}
	w, err := a.Things.Show(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	list, err := a.Things.History(ctx, w.ID, before, int(in.Limit))
	out := Page[AssetDifference]{Items: make([]AssetDifference, len(list))}
	for i, d := range list {
		out.Items[i] = AssetDifference(d)
	}
	if n := len(list); n > 0 && int64(n) == in.Limit {
		out.Next = cursor(list[n-1].N)
	}
	return give(out, err)
}

// Labelling asserts labels. An assertion is followed by another one, and is never taken back.
type Labelling struct {
	Labels map[string]string `json:"labels"`
	Reason string            `json:"reason"`
	Change string            `json:"change,omitempty"` // the approved change that allows it, where one is needed
}

type labelIn struct {
	ID string `path:"id" maxLength:"300" doc:"asset id, or the name of one asset"`
	In JSON[Labelling]
}

func (a *API) labelAsset(ctx context.Context, in *labelIn) (*body[inventory.Asset], error) {
	return give(a.Things.SetLabels(ctx, actorOf(ctx), in.ID, in.In.value.Labels, in.In.value.Reason, in.In.value.Change))
}

// Identity says which other asset, or which records, and why.
type Identity struct {
	Other   string   `json:"other,omitempty"`
	Records []string `json:"records,omitempty"`
	Reason  string   `json:"reason"`
}

type identityIn struct {
	ID string `path:"id" maxLength:"300" doc:"asset id, or the name of one asset"`
	In JSON[Identity]
}

func (a *API) mergeAsset(ctx context.Context, in *identityIn) (*body[inventory.IdentityWord], error) {
	return give(a.Things.MergeAssets(ctx, actorOf(ctx), in.ID, in.In.value.Other, in.In.value.Reason))
}

func (a *API) splitAsset(ctx context.Context, in *identityIn) (*body[inventory.IdentityWord], error) {
	return give(a.Things.Split(ctx, actorOf(ctx), in.ID, in.In.value.Records, in.In.value.Reason))
}

func (a *API) assetIdentity(ctx context.Context, in *assetIn) (*body[Page[inventory.IdentityWord]], error) {
	list, err := a.Things.IdentityWords(ctx, in.ID)
	return listed(Paging{Limit: maxListed}, list, err)
}

// maxListed is a page that holds any list which is read whole.
const maxListed = 200

func (a *API) undoIdentity(ctx context.Context, in *personIn) (*body[inventory.IdentityWord], error) {
	return give(a.Things.Undo(ctx, actorOf(ctx), in.ID))
}

func (a *API) ownersWaiting(ctx context.Context, in *pagingIn) (*body[Page[inventory.Unanswered]], error) {
	list, err := a.Things.Unanswered(ctx, actorOf(ctx))
	return listed(in.Paging, list, err)
}

// QuestionPage is one page of open questions.
type QuestionPage struct {
	Items  []inventory.Question `json:"items"`
	Next   string               `json:"next" doc:"cursor of the next page; empty on the last"`
	Behind map[string]int64     `json:"behind" doc:"by kind, how many more are open; they come up as the 200 oldest of the kind are answered"`
}

func (a *API) listQuestions(ctx context.Context, in *pagingIn) (*body[QuestionPage], error) {
	list, err := a.Things.Questions(ctx)
	if err != nil {
		return nil, err
	}
	p, err := cut(in.Paging, list)
	if err != nil {
		return nil, err
	}
	behind, err := a.Things.Behind(ctx)
	return give(QuestionPage{Items: p.Items, Next: p.Next, Behind: behind}, err)
}

func (a *API) answerQuestion(ctx context.Context, in *personIn) (*body[inventory.Question], error) {
	return give(a.Things.Answer(ctx, actorOf(ctx), in.ID))
}

type whoseIn struct {
	ID string `path:"id" maxLength:"60" doc:"question id"`
	In JSON[inventory.Whose]
}

func (a *API) decideQuestion(ctx context.Context, in *whoseIn) (*body[inventory.Question], error) {
	return give(a.Things.Decide(ctx, actorOf(ctx), in.ID, in.In.value))
}

// SourceKind is what can be a source, as people read it.
type SourceKind struct {
	Name     string          `json:"name"`
	Title    string          `json:"title"`
	Push     bool            `json:"push"`
	Absence  bool            `json:"absence"` // a thing that it no longer shows is missing
	Every    int64           `json:"every"`   // default seconds between readings
	Settings []SourceSetting `json:"settings"`
}

// SourceSetting is one line of a source's configuration.
type SourceSetting struct {
	Key      string `json:"key"`
	Help     string `json:"help"`
	Required bool   `json:"required,omitempty"`
	Secret   bool   `json:"secret,omitempty"`
	Default  string `json:"default,omitempty"`
}

func (a *API) listKinds(_ context.Context, in *pagingIn) (*body[Page[SourceKind]], error) {
	all := []SourceKind{}
	for _, k := range a.Things.Kinds() {
		s := SourceKind{Name: k.Name, Title: k.Title, Push: k.Push, Absence: k.Absence, Every: int64(k.Every / time.Second), Settings: []SourceSetting{}}
		for _, x := range k.Settings {
			s.Settings = append(s.Settings, SourceSetting(x))
		}
		all = append(all, s)
	}
	return listed(in.Paging, all, nil)
}

func (a *API) listSources(ctx context.Context, in *pagingIn) (*body[Page[inventory.Health]], error) {
	list, err := a.Things.Healths(ctx)
	return listed(in.Paging, list, err)
}

// NewSource is a source to be added.
type NewSource struct {
	Name     string            `json:"name"`
	Kind     string            `json:"kind"`
	Settings map[string]string `json:"settings,omitempty"`
	Every    int64             `json:"every,omitempty"`
}

type newSourceIn struct{ In JSON[NewSource] }

func (a *API) addSource(ctx context.Context, in *newSourceIn) (*body[inventory.Configured], error) {
	n := in.In.value
	return give(a.Things.AddSource(ctx, actorOf(ctx), inventory.Configured{Name: n.Name, Kind: n.Kind, Settings: n.Settings, Every: n.Every}))
}

type sourceIn struct {
	Name string `path:"name" maxLength:"80" doc:"name or id of the source"`
}

// SourceView is a source with its newest readings.
type SourceView struct {
	inventory.Health
	Runs []inventory.Run `json:"runs"`
}

func (a *API) showSource(ctx context.Context, in *sourceIn) (*body[SourceView], error) {
	c, err := a.Things.SourceOf(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	h, err := a.Things.HealthOf(ctx, c)
	if err != nil {
		return nil, err
	}
	runs, err := a.Things.Runs(ctx, c.ID, 50)
	if runs == nil {
		runs = []inventory.Run{}
	}
	return give(SourceView{Health: h, Runs: runs}, err)
}

// SourceEdit says what changes; a member that is left out stays.
type SourceEdit struct {
	Settings map[string]string `json:"settings,omitempty"`
	Every    *int64            `json:"every,omitempty"`
	Paused   *bool             `json:"paused,omitempty"`
}

type editSourceIn struct {
	Name string `path:"name" maxLength:"80" doc:"name or id of the source"`
	In   JSON[SourceEdit]
}

func (a *API) editSource(ctx context.Context, in *editSourceIn) (*body[inventory.Configured], error) {
	c, err := a.Things.SourceOf(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	e := in.In.value
	if e.Settings != nil {
		c.Settings = e.Settings
	}
	if e.Every != nil {
		c.Every = *e.Every
	}
	if e.Paused != nil {
		c.Paused = *e.Paused
	}
	return give(a.Things.EditSource(ctx, actorOf(ctx), c))
}

func (a *API) removeSource(ctx context.Context, in *sourceIn) (*body[inventory.Configured], error) {
	return give(a.Things.RemoveSource(ctx, actorOf(ctx), in.Name))
}

func (a *API) readSource(ctx context.Context, in *sourceIn) (*body[inventory.Run], error) {
	return give(a.Things.Read(ctx, actorOf(ctx), in.Name, nil, ""))
}

type pushIn struct {
	Name     string `path:"name" maxLength:"80" doc:"name or id of the source"`
	Document string `query:"document" maxLength:"300" doc:"name of the document, for reading only"`
	In       Stream
}

func (a *API) pushDocument(ctx context.Context, in *pushIn) (*body[inventory.Run], error) {
	c, err := a.Things.SourceOf(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	if k, ok := a.Things.Kind(c.Kind); !ok || k.Inner {
		return nil, fault.New(fault.Conflict, "source_inner", "Documents of this source come another way than by hand.").FixedBy("you").Then("plumb source show %s", c.Name)
	}
	return give(a.Things.Read(ctx, actorOf(ctx), in.Name, in.In.reader, in.Document))
}

package api

import (
	"bytes"
	"context"

	"plumbline.dev/plumb/internal/connect/chef"
	"plumbline.dev/plumb/internal/connect/document"
	"plumbline.dev/plumb/internal/directory"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
)

// collectorRoute is where a chef-client posts what Chef calls data collector messages. It knows no bearer and shows its token
// in a header of its own; that is checked as a bearer would be.
func collectorRoute(tag string) Route {
	return Route{Method: post, Path: "/sources/{name}/data-collector", Need: directory.InventoryPush, Token: chef.TokenHeader,
		Body: maxDocument, Tag: tag, Summary: "Take a message of a chef-client", bind: answers((*API).collect)}
}

type collectIn struct {
	Name string `path:"name" maxLength:"80" doc:"name or id of the source"`
	In   Stream
}

// collect reads one message. A chef-client that is refused does not post it again, so messages wait here for each other
// instead of being told that the source is being read.
func (a *API) collect(ctx context.Context, in *collectIn) (*body[inventory.Run], error) {
	c, err := a.Things.SourceOf(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	if err := c.Takes(actorOf(ctx)); err != nil { // before its message is kept in memory
		return nil, err
	}
	if c.Kind != chef.Kind().Name {
		return nil, fault.New(fault.Conflict, "not_a_chef_source", "Only a source of kind chef takes what a chef-client posts.").
			FixedBy("you").Then("plumb source show %s", c.Name)
	}
	message, err := document.All(in.In.reader) // before its turn: a slow sender keeps nobody waiting
	if err != nil {
		return nil, err
	}
	leave, err := a.turns.enter(ctx, "data-collector "+c.ID)
	if err != nil {
		return nil, err
	}
	defer leave()
	return give(a.Things.Read(ctx, actorOf(ctx), c.Name, bytes.NewReader(message), "data-collector"))
}

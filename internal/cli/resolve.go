package cli

import (
	"context"
	"strings"

	"plumbline.dev/plumb/internal/client"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/wire"
)

// names turns what people type (a username, a name, a mail address, "me") into ids, and ids back into
// names. It asks the server once, when it is first needed.
type names struct {
	c        *client.Client
	people   []client.Human
	accounts []client.Account
	loaded   bool
}

func (n *names) load(ctx context.Context) error {
	if n.loaded {
		return nil
	}
	var err error
	if n.people, _, err = client.All(ctx, 0, n.c.People); err != nil {
		return err
	}
	if n.accounts, _, err = client.All(ctx, 0, n.c.ServiceAccounts); err != nil {
		return err
	}
	n.loaded = true
	return nil
}

// person finds one person.
func (n *names) person(ctx context.Context, word string) (string, error) {
	if strings.HasPrefix(word, "per_") {
		return word, nil
	}
	if word == "me" {
		r, err := n.c.Me(ctx)
		return r.Value.Person.ID, err
	}
	if err := n.load(ctx); err != nil {
		return "", err
	}
	found := map[string]bool{}
	for _, p := range n.people {
		if strings.EqualFold(p.Person.Name, word) || p.Person.Email != "" && strings.EqualFold(p.Person.Email, word) {
			found[p.Person.ID] = true
		}
		for _, a := range p.Accounts {
			if strings.EqualFold(a.Username, word) && a.Ended == 0 && a.Kind != "service" {
				found[p.Person.ID] = true
			}
		}
	}
	return only(found, "person", word, "plumb people list")
}

// service finds one service account.
func (n *names) service(ctx context.Context, word string) (string, error) {
	if strings.HasPrefix(word, "acc_") {
		return word, nil
	}
	if err := n.load(ctx); err != nil {
		return "", err
	}
	found := map[string]bool{}
	for _, a := range n.accounts {
		if strings.EqualFold(a.Username, word) && a.Ended == 0 {
			found[a.ID] = true
		}
	}
	return only(found, "service account", word, "plumb service-account list")
}

func only(found map[string]bool, what, word, next string) (string, error) {
	if len(found) == 1 {
		for id := range found {
			return id, nil
		}
	}
	text := "There is no %s %q."
	if len(found) > 1 {
		text = "More than one %s is called %q; use the id."
	}
	return "", fault.New(fault.Invalid, "unknown_name", text, what, clean(word)).FixedBy("you").Then("%s", next)
}

// executor reads who may run a change: me, a person, or service:NAME[@repository[#pipeline]]. Under a
// pipeline's token "me" is that service account, with what its token is bound to.
func (n *names) executor(ctx context.Context, word string) (wire.Executor, error) {
	if word == "me" {
		r, err := n.c.Me(ctx)
		if err == nil && r.Value.Kind == "service" {
			return wire.Executor{Account: r.Value.Account, Repo: r.Value.Repo, Pipe: r.Value.Pipe}, nil
		}
		return wire.Executor{Person: r.Value.Person.ID}, err
	}
	rest, isService := strings.CutPrefix(word, "service:")
	if !isService {
		if strings.HasPrefix(word, "acc_") {
			return wire.Executor{Account: word}, nil
		}
		id, err := n.person(ctx, word)
		return wire.Executor{Person: id}, err
	}
	account, where, _ := strings.Cut(rest, "@")
	repo, pipe, _ := strings.Cut(where, "#")
	id, err := n.service(ctx, account)
	return wire.Executor{Account: id, Repo: repo, Pipe: pipe}, err
}

// name shows an id as a name, as far as people are known.
func (n *names) name(id string) string {
	for _, p := range n.people {
		if p.Person.ID == id {
			return p.Person.Name
		}
	}
	for _, a := range n.accounts {
		if a.ID == id {
			return a.Username
		}
	}
	return id
}
